//! Flattens the histogram of each channel.

use crate::augment::steps::Levels;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;

/// Flattens the histogram of each channel.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Equalize;
/// use feedmill::testing::assert_op;
///
/// let op = Equalize::new().with_p(1.0);
/// assert_op(r#"{ op = "equalize", p = 1.0 }"#, &op);
/// ```
#[declare(
    name = "equalize",
    families = [Contrast],
    like = ["torchvision RandomEqualize", "Pillow ImageOps.equalize"],
    strengths = ["p = 1.0", "p = 1.0", "p = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Equalize {
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
    /// Without effect, as both libraries have the same bytes here.
    #[param(default)]
    dialect: Dialect,
}

impl Op for Equalize {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Levels::Equalize);
        }
    }
}
