//! Mirror images, top and bottom.

use crate::augment::steps::Mirror;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;

/// Mirrors the image top and bottom.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::VerticalFlip;
/// use feedmill::testing::assert_op;
///
/// let op = VerticalFlip::new();
/// assert_op(r#"{ op = "vertical_flip" }"#, &op);
/// ```
#[declare(
    name = "vertical_flip",
    like = ["torchvision RandomVerticalFlip", "albumentations VerticalFlip", "imgaug Flipud"],
    strengths = [
        "p = 1.0", "p = 1.0", "p = 1.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct VerticalFlip {
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
}

impl Op for VerticalFlip {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Mirror::Rows);
        }
    }
}
