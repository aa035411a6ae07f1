//! Stretches each channel so that it reaches from 0 to 255.

use crate::augment::steps::Levels;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;

/// Stretches each channel so that it reaches from 0 to 255.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::AutoContrast;
/// use feedmill::testing::assert_op;
///
/// let op = AutoContrast::new();
/// assert_op(r#"{ op = "autocontrast" }"#, &op);
/// ```
#[declare(
    name = "autocontrast",
    families = [Contrast],
    like = ["torchvision RandomAutocontrast", "Pillow ImageOps.autocontrast"],
    strengths = ["p = 1.0", "p = 1.0", "p = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct AutoContrast {
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
    /// The library whose rounding it follows.
    #[param(default)]
    dialect: Dialect,
}

impl Op for AutoContrast {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Levels::AutoContrast(self.dialect));
        }
    }
}
