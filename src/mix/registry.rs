//! Mixers by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::Mixer;
use super::mixers::*;
use crate::augment::explain;
use crate::error::{Error, Result};
use crate::recipe::nearest;

type Make = fn(toml::Table) -> Result<Arc<dyn Mixer>>;

/// The mixers that a recipe may name: the built-in ones, and a user's own. A part of
/// [`crate::augment::Registry`].
#[derive(Clone, Debug)]
pub(crate) struct Mixers(BTreeMap<String, Make>);

impl Default for Mixers {
    fn default() -> Mixers {
        let mut mixers = Mixers(BTreeMap::new());
        mixers.register::<AdaMixUp>("adamixup");
        mixers.register::<AttentiveMix>("attentivemix");
        mixers.register::<Collage>("collage");
        mixers.register::<CutMix>("cutmix");
        mixers.register::<FMix>("fmix");
        mixers.register::<GridMix>("gridmix");
        mixers.register::<InstancePaste>("instance_paste");
        mixers.register::<ManifoldMixUp>("manifold_mixup");
        mixers.register::<Metrix>("metrix");
        mixers.register::<MixUp>("mixup");
        mixers.register::<Mosaic4>("mosaic");
        mixers.register::<PuzzleMix>("puzzlemix");
        mixers.register::<ResizeMix>("resizemix");
        mixers.register::<SaliencyMix>("saliencymix");
        mixers.register::<SmMix>("smmix");
        mixers.register::<SmoothMix>("smoothmix");
        mixers.register::<Vanilla>("vanilla");
        mixers
    }
}

impl Mixers {
    pub(crate) fn register<T: Mixer + DeserializeOwned + 'static>(&mut self, name: &str) {
        fn make<T: Mixer + DeserializeOwned + 'static>(
            table: toml::Table,
        ) -> Result<Arc<dyn Mixer>> {
            let mixer: T = table
                .try_into()
                .map_err(|error: toml::de::Error| Error::config(explain(&error)))?;
            Ok(Arc::new(mixer))
        }
        self.0.insert(name.to_string(), make::<T>);
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A mixer by name and parameters, checked.
    pub(crate) fn make(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Mixer>> {
        let make = self.0.get(name).ok_or_else(|| {
            let hint =
                nearest(name, self.names()).map(|near| format!("; did you mean \"{near}\"?"));
            let known: Vec<&str> = self.names().collect();
            Error::config(format!(
                "unknown mixer \"{name}\"{} (known: {})",
                hint.unwrap_or_default(),
                known.join(", ")
            ))
        })?;
        let mixer = make(params).and_then(|mixer| mixer.check().map(|()| mixer));
        mixer.map_err(|error| error.at(format_args!("mix \"{name}\"")))
    }
}
