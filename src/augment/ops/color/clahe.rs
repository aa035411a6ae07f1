//! Contrast limited adaptive histogram equalization.

use crate::augment::steps::Clahe;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange};

/// Equalizes the histogram of each channel tile by tile, with limited counts: CLAHE, contrast
/// limited adaptive histogram equalization.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ClaheEqualize;
/// use feedmill::testing::assert_op;
///
/// let op = ClaheEqualize::new().with_clip_limit([1.0, 4.0]);
/// assert_op(r#"{ op = "clahe", clip_limit = [1, 4] }"#, &op);
/// ```
#[declare(
    name = "clahe",
    families = [Contrast],
    like = ["OpenCV createCLAHE", "albumentations CLAHE", "imgaug AllChannelsCLAHE"],
    strengths = [
        "clip_limit = 1.0, tile = 32",
        "clip_limit = 3.0, tile = 32",
        "clip_limit = 10.0, tile = 16",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ClaheEqualize {
    /// How many times the mean a count of a histogram may be; 0 does not limit.
    #[param(default = ParamRange::Fixed(2.0), range = [0.0, 1000.0])]
    clip_limit: ParamRange,
    /// The side of a tile. There are at least one and at most 64 tiles in each direction.
    #[param(default = 64.into(), range = [1.0, 16384.0], unit = "pixels")]
    tile: IntegerRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for ClaheEqualize {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let clip_limit = self.clip_limit.draw(rng);
        let tile = self.tile.draw(rng) as u32;
        if applies {
            let size = steps.size();
            let tiles = |side: u32| (side / tile).clamp(1, 64);
            let grid = (tiles(size.width), tiles(size.height));
            steps.push(Clahe { clip_limit, grid });
        }
    }
}
