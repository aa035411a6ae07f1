//! The built-in mixers, one file for each: its parameters, declared once
//! ([`declare`](crate::declare)), what it draws, and the result.

mod adamixup;
mod attentivemix;
mod collage;
mod cutmix;
mod fmix;
mod gridmix;
mod instance_paste;
mod manifold_mixup;
mod max_flow;
mod metrix;
mod mixup;
mod mosaic;
mod puzzlemix;
mod resizemix;
mod saliencymix;
mod smmix;
mod smoothmix;
mod vanilla;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

pub use adamixup::{AdaMixUp, ClassRegion};
pub use attentivemix::AttentiveMix;
pub use collage::{Collage, CollageLabel};
pub use cutmix::{CutMix, Geometry};
pub use fmix::{FMix, Spectrum};
#[cfg(test)]
pub(crate) use gridmix::Holes;
pub use gridmix::{GridMix, GridMode};
pub use instance_paste::InstancePaste;
pub use manifold_mixup::ManifoldMixUp;
pub use metrix::{Metrix, Pairs, Triple, triples};
pub use mixup::MixUp;
pub use mosaic::Mosaic4;
#[cfg(test)]
pub(crate) use puzzlemix::PuzzleDraw;
pub use puzzlemix::PuzzleMix;
pub use resizemix::{ResizeDialect, ResizeMix};
pub use saliencymix::{SaliencyMix, Scope};
pub use smmix::SmMix;
pub use smoothmix::SmoothMix;
pub use vanilla::Vanilla;

use super::Mixer;
use super::scene::{MixPlan, MixResult, ResolveMix, Scene};
use crate::error::Result;
use crate::geometry::Size;
use crate::spec::{self, Declared, Spec};

/// A built-in mixer: its declaration, and how it is read from a recipe.
pub(crate) struct BuiltIn {
    pub(crate) spec: &'static Spec,
    pub(crate) read: fn(toml::Table) -> Result<Arc<dyn Mixer>>,
    /// The paths of the parameters that are integers.
    pub(crate) integers: fn(toml::Table) -> BTreeSet<String>,
}

impl BuiltIn {
    const fn of<T: Mixer + Declared + 'static>() -> BuiltIn {
        BuiltIn {
            spec: T::SPEC,
            read: |table| Ok(Arc::new(spec::read::<T>(table)?)),
            integers: spec::integers::<T>,
        }
    }
}

/// All built-in mixers.
const BUILT_IN: &[BuiltIn] = &[
    BuiltIn::of::<AdaMixUp>(),
    BuiltIn::of::<AttentiveMix>(),
    BuiltIn::of::<Collage>(),
    BuiltIn::of::<CutMix>(),
    BuiltIn::of::<FMix>(),
    BuiltIn::of::<GridMix>(),
    BuiltIn::of::<InstancePaste>(),
    BuiltIn::of::<ManifoldMixUp>(),
    BuiltIn::of::<Metrix>(),
    BuiltIn::of::<MixUp>(),
    BuiltIn::of::<Mosaic4>(),
    BuiltIn::of::<PuzzleMix>(),
    BuiltIn::of::<ResizeMix>(),
    BuiltIn::of::<SaliencyMix>(),
    BuiltIn::of::<SmMix>(),
    BuiltIn::of::<SmoothMix>(),
    BuiltIn::of::<Vanilla>(),
];

/// All built-in mixers.
pub(crate) fn built_in() -> impl Iterator<Item = &'static BuiltIn> {
    BUILT_IN.iter()
}

/// A result that is computed once, by the first slot that is resolved, for all slots that share the
/// draw. It serves mixers that need no pixels, but have a result (such as a mask) that costs too
/// much to be computed while a batch is drawn.
struct SharedResult<P> {
    params: P,
    compute: fn(&P, Size) -> MixResult,
    result: OnceLock<MixResult>,
}

impl<P: fmt::Debug> fmt::Debug for SharedResult<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.params.fmt(f)
    }
}

impl<P: fmt::Debug + Send + Sync> ResolveMix for SharedResult<P> {
    fn resolve(&self, scene: &Scene<'_>, _slot: usize, _sources: &[usize]) -> Result<MixResult> {
        Ok(self
            .result
            .get_or_init(|| (self.compute)(&self.params, scene.size()))
            .clone())
    }
}

/// A plan that computes its result when the first slot is resolved. The result depends on `params`
/// and the size of the images alone, so it does not matter which slot is the first.
fn compute_later<P: fmt::Debug + Send + Sync + 'static>(
    params: P,
    compute: fn(&P, Size) -> MixResult,
) -> MixPlan {
    MixPlan::Deferred(Arc::new(SharedResult {
        params,
        compute,
        result: OnceLock::new(),
    }))
}
