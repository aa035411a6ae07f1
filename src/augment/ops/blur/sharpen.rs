//! Sharpening by a small kernel.
//!
//! Filters of 3 x 3 pixels are imgaug's kernels, applied as OpenCV's `filter2D` does. Each blends the
//! filtered image with the original by a share `alpha`. That is one kernel too, so a step holds the
//! blended kernel and the image is read once.

use crate::augment::steps::Convolve;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Sharpens: subtracts the eight neighbors from the pixel, which has the weight `8 + lightness`.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Sharpen;
/// use feedmill::testing::assert_op;
///
/// let op = Sharpen::new().with_alpha([0.2, 0.5]);
/// assert_op(r#"{ op = "sharpen", alpha = [0.2, 0.5] }"#, &op);
/// ```
#[declare(
    name = "sharpen",
    families = [Convolutional],
    like = ["imgaug Sharpen", "albumentations Sharpen"],
    strengths = [
        "alpha = 0.2", "alpha = 0.5", "alpha = 1.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Sharpen {
    /// The share of the sharpened image.
    #[param(default = ParamRange::Fixed(1.0), range = [0.0, 1.0])]
    alpha: ParamRange,
    /// The sum of the kernel's weights; 1 keeps the brightness.
    #[param(default = ParamRange::Fixed(1.0), range = [0.0, 10.0])]
    lightness: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Sharpen {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let [alpha, lightness] =
                [self.alpha, self.lightness].map(|range| range.draw(rng) as f32);
            steps.push(Convolve::sharpen(alpha, lightness));
        }
    }
}
