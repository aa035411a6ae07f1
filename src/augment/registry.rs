//! Ops by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    BetaMaskNoise, BilateralBlur, BoxBlur, CommonCorruption, EdgeDetect, EdgeMap, ElasticTransform, Emboss,
    GaussianBlur, GaussianNoise, ImpulseNoise, Jpeg, LowFrequencyCrop, MedianBlur, MotionBlur,
    PilGaussianBlur, Sharpen, Sharpness, ShotNoise, SpeckleNoise,
};
use super::{
    CenterCrop, ColorJitter, HorizontalFlip, Op, RandomCrop, RandomResizedCrop, Resize, VerticalFlip,
};
use crate::error::{Error, Result};
use crate::recipe::nearest;

type Make = Arc<dyn Fn(toml::Table) -> Result<Arc<dyn Op>> + Send + Sync>;

/// The ops that a recipe may name: the built-in ones, and a user's own.
#[derive(Clone)]
pub struct Registry(BTreeMap<String, Make>);

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Default for Registry {
    fn default() -> Registry {
        let mut registry = Registry(BTreeMap::new());
        registry.register::<Resize>("resize");
        registry.register::<CenterCrop>("center_crop");
        registry.register::<RandomCrop>("random_crop");
        registry.register::<RandomResizedCrop>("random_resized_crop");
        registry.register::<HorizontalFlip>("horizontal_flip");
        registry.register::<VerticalFlip>("vertical_flip");
        registry.register::<ColorJitter>("color_jitter");
        registry.register::<Sharpness>("sharpness");
        registry.register::<PilGaussianBlur>("pil_gaussian_blur");
        registry.register::<GaussianBlur>("gaussian_blur");
        registry.register::<BoxBlur>("box_blur");
        registry.register::<MedianBlur>("median_blur");
        registry.register::<MotionBlur>("motion_blur");
        registry.register::<GaussianNoise>("gaussian_noise");
        registry.register::<ImpulseNoise>("impulse_noise");
        registry.register::<ShotNoise>("shot_noise");
        registry.register::<SpeckleNoise>("speckle_noise");
        registry.register::<BetaMaskNoise>("beta_mask");
        registry.register::<CommonCorruption>("corrupt");
        registry.register::<Jpeg>("jpeg");
        registry.register::<ElasticTransform>("elastic");
        registry.register::<LowFrequencyCrop>("low_frequency_crop");
        registry.register::<EdgeMap>("edge_map");
        registry.register::<BilateralBlur>("bilateral_blur");
        registry.register::<Sharpen>("sharpen");
        registry.register::<Emboss>("emboss");
        registry.register::<EdgeDetect>("edge_detect");
        registry
    }
}

impl Registry {
    /// Adds an op, or replaces the one of that name. Its parameters are read from the recipe by serde; derive
    /// `Deserialize` with `deny_unknown_fields`, so that a misspelt parameter is refused.
    pub fn register<T: Op + DeserializeOwned + 'static>(&mut self, name: &str) {
        let make = |table: toml::Table| -> Result<Arc<dyn Op>> {
            let op: T =
                table.try_into().map_err(|error: toml::de::Error| Error::config(suggest(error.message())))?;
            Ok(Arc::new(op))
        };
        self.0.insert(name.to_string(), Arc::new(make));
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// An op by name and parameters, checked.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`]: no op of that name (the nearest one is suggested), an unknown parameter, or a value out
    /// of its range.
    pub fn make(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Op>> {
        let make = self.0.get(name).ok_or_else(|| {
            let hint = nearest(name, self.names()).map(|near| format!("; did you mean \"{near}\"?"));
            let known: Vec<&str> = self.names().collect();
            Error::config(format!(
                "unknown op \"{name}\"{} (known: {})",
                hint.unwrap_or_default(),
                known.join(", ")
            ))
        })?;
        let op = make(params).map_err(|error| error.at(format_args!("op \"{name}\"")))?;
        op.check().map_err(|error| error.at(format_args!("op \"{name}\"")))?;
        Ok(op)
    }
}

/// The parameters of an op that derives `Serialize`, for [`Op::params`].
pub fn params_of<T: Serialize>(op: &T) -> toml::Table {
    toml::Table::try_from(op).expect("an op's parameters are numbers, strings and lists")
}

/// Serde's "unknown field `x`, expected one of `a`, `b`" with the nearest name added.
pub(crate) fn suggest(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        Some((wrong, known)) if message.starts_with("unknown") => match nearest(wrong, known.iter().copied())
        {
            Some(near) => format!("{message}; did you mean `{near}`?"),
            None => message.to_string(),
        },
        _ => message.to_string(),
    }
}
