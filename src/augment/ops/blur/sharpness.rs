//! Sharpening and smoothing by a factor.

use crate::augment::steps::Blur;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Sharpens or smooths, by a blend of the image with one that is smoothed over 3 x 3 pixels.
///
/// The outermost pixels keep their values, and so do images of less than three rows or columns.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Sharpness;
/// use feedmill::testing::assert_op;
///
/// let op = Sharpness::new([0.5, 2.0]).with_p(0.5);
/// assert_op(r#"{ op = "sharpness", factor = [0.5, 2.0], p = 0.5 }"#, &op);
/// ```
#[declare(
    name = "sharpness",
    families = [Convolutional],
    like = ["torchvision adjust_sharpness", "torchvision RandomAdjustSharpness", "Pillow ImageEnhance.Sharpness"],
    strengths = [
        "factor = 1.9", "factor = 5.0", "factor = 0.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Sharpness {
    /// 0 is the smoothed image, 1 changes nothing, more sharpens.
    #[param(required, range = [0.0, 1000.0])]
    factor: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
    /// The library whose rounding it follows.
    #[param(default)]
    dialect: Dialect,
}

impl Op for Sharpness {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let factor = self.factor.draw(rng);
            steps.push(Blur::Sharpness(factor, self.dialect));
        }
    }
}
