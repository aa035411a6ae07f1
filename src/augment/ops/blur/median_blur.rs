//! The median over a square.

use super::gaussian_blur::check_odd;
use crate::augment::steps::Blur;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::Result;
use crate::rng::RandomStream;

/// Replaces each value by the median of its channel over a square.
///
/// The pixel at the edge of the image stands for all beyond it.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::MedianBlur;
/// use feedmill::testing::assert_op;
///
/// let op = MedianBlur::new().with_size(5);
/// assert_op(r#"{ op = "median_blur", size = 5 }"#, &op);
/// ```
#[declare(
    name = "median_blur",
    families = [Blur],
    like = ["Pillow ImageFilter.MedianFilter", "albumentations MedianBlur"],
    strengths = [
        "size = 3", "size = 5", "size = 9"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct MedianBlur {
    /// The side of the square, an odd number.
    #[param(default = 3, range = [1.0, 99.0], unit = "pixels")]
    size: u32,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for MedianBlur {
    fn check(&self) -> Result<()> {
        check_odd("size", self.size)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Blur::Median(self.size));
        }
    }
}
