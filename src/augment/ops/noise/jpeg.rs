//! The artifacts of JPEG.

use crate::augment::{Op, Steps, steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::IntegerRange;

/// Adds the artifacts of JPEG compression: the image is encoded and decoded as libjpeg-turbo does
/// by default (4:2:0), bit for bit.
///
/// Only the parts that lose something are done: entropy coding is not.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Jpeg;
/// use feedmill::testing::assert_op;
///
/// let op = Jpeg::new([30, 70]);
/// assert_op(r#"{ op = "jpeg", quality = [30, 70] }"#, &op);
/// ```
#[declare(
    name = "jpeg",
    families = [Arithmetic],
    like = ["torchvision JPEG", "albumentations ImageCompression"],
    strengths = [
        "quality = 40", "quality = 15", "quality = 4"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Jpeg {
    /// The quality.
    #[param(required, range = [1.0, 100.0])]
    quality: IntegerRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Jpeg {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(steps::Jpeg(self.quality.draw(rng) as u8));
        }
    }
}
