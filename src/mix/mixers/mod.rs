//! The mixers, a file for each family.

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

/// What is drawn at once but costs too much to be made then, such as a mask: made by the first slot
/// that asks, for all that share the draw.
struct Once<P> {
    params: P,
    make: fn(&P, Size) -> MixResult,
    made: OnceLock<MixResult>,
}

impl<P: fmt::Debug> fmt::Debug for Once<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.params.fmt(f)
    }
}

impl<P: fmt::Debug + Send + Sync> ResolveMix for Once<P> {
    fn resolve(&self, scene: &Scene<'_>, _slot: usize, _sources: &[usize]) -> Result<MixResult> {
        Ok(self
            .made
            .get_or_init(|| (self.make)(&self.params, scene.frame()))
            .clone())
    }
}

/// Makes the outcome of `params` when it is needed. It depends on them and on the size of images
/// alone.
fn once<P: fmt::Debug + Send + Sync + 'static>(
    params: P,
    make: fn(&P, Size) -> MixResult,
) -> MixPlan {
    MixPlan::Deferred(Arc::new(Once {
        params,
        make,
        made: OnceLock::new(),
    }))
}
