//! The built-in mixers, one file for each family.

mod attentivemix;
mod collage;
mod cutmix;
mod fmix;
mod gridmix;
mod instance_paste;
mod max_flow;
mod metrix;
mod mixup;
mod mosaic;
mod puzzlemix;
mod resizemix;
mod saliencymix;
mod smmix;
mod smoothmix;

use std::fmt;
use std::sync::{Arc, OnceLock};

pub use attentivemix::AttentiveMix;
pub use collage::{Collage, CollageLabel};
pub use cutmix::{CutMix, Geometry};
pub use fmix::{FMix, Spectrum};
pub use gridmix::{GridMix, GridMode, Holes};
pub use instance_paste::InstancePaste;
pub use max_flow::Potential;
pub use metrix::{Metrix, Pairs, Triple, triples};
pub use mixup::{AdaMixUp, ManifoldMixUp, MixUp, Vanilla};
pub use mosaic::Mosaic4;
pub use puzzlemix::{PuzzleDraw, PuzzleMix};
pub use resizemix::{ResizeDialect, ResizeMix};
pub use saliencymix::{SaliencyMix, Scope};
pub use smmix::SmMix;
pub use smoothmix::SmoothMix;

use super::scene::{MixPlan, MixResult, ResolveMix, Scene};
use crate::error::Result;
use crate::geometry::Size;

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
            .get_or_init(|| (self.compute)(&self.params, scene.frame()))
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
