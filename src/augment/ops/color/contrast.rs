//! Blends the image with its mean gray.

use crate::augment::steps::Levels;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Blends the image with its mean gray.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Contrast;
/// use feedmill::testing::assert_op;
///
/// let op = Contrast::new([0.8, 1.2]).with_p(0.5);
/// assert_op(r#"{ op = "contrast", factor = [0.8, 1.2], p = 0.5 }"#, &op);
/// ```
#[declare(
    name = "contrast",
    families = [Contrast],
    like = ["torchvision adjust_contrast", "Pillow ImageEnhance.Contrast"],
    strengths = ["factor = 1.3", "factor = 0.5", "factor = 0.1"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast {
    /// The share of the image: 0 is flat gray, 1 changes nothing.
    #[param(required, range = [0.0, 1000.0])]
    factor: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
    /// The library whose rounding it follows.
    #[param(default)]
    dialect: Dialect,
}

impl Op for Contrast {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let factor = self.factor.draw(rng);
        if applies {
            steps.push(Levels::Contrast(factor, self.dialect));
        }
    }
}
