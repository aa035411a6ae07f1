//! Makes the image gray, with three equal channels.

use crate::augment::steps::Color;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;

/// Makes the image gray, with three equal channels.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Grayscale;
/// use feedmill::testing::assert_op;
///
/// let op = Grayscale::new().with_p(0.2);
/// assert_op(r#"{ op = "grayscale", p = 0.2 }"#, &op);
/// ```
#[declare(
    name = "grayscale",
    families = [Color],
    like = ["torchvision RandomGrayscale", "albumentations ToGray"],
    strengths = ["p = 1.0", "p = 1.0", "p = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Grayscale {
    /// The probability that the op is applied.
    #[param(default = 0.1, range = [0.0, 1.0])]
    p: f64,
    /// The library whose rounding it follows.
    #[param(default)]
    dialect: Dialect,
}

impl Op for Grayscale {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Color::Gray(self.dialect));
        }
    }
}
