//! Mirror images, left and right.

use crate::augment::steps::Mirror;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;

/// Mirrors the image left and right.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::HorizontalFlip;
/// use feedmill::testing::assert_op;
///
/// let op = HorizontalFlip::new();
/// assert_op(r#"{ op = "horizontal_flip" }"#, &op);
/// ```
#[declare(
    name = "horizontal_flip",
    like = ["torchvision RandomHorizontalFlip", "albumentations HorizontalFlip", "imgaug Fliplr"],
    strengths = [
        "p = 1.0", "p = 1.0", "p = 1.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct HorizontalFlip {
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
}

impl Op for HorizontalFlip {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Mirror::Columns);
        }
    }
}
