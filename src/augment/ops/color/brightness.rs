//! Multiplies each value by a factor.

use crate::augment::steps::Levels;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Multiplies each value by a factor.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Brightness;
/// use feedmill::testing::assert_op;
///
/// let op = Brightness::new([0.8, 1.2]);
/// assert_op(r#"{ op = "brightness", factor = [0.8, 1.2] }"#, &op);
/// ```
#[declare(
    name = "brightness",
    families = [Color],
    like = ["torchvision adjust_brightness", "Pillow ImageEnhance.Brightness"],
    strengths = ["factor = 1.2", "factor = 0.6", "factor = 1.9"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Brightness {
    /// The factor: 0 is black, 1 changes nothing.
    #[param(required, range = [0.0, 1000.0])]
    factor: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
    /// Without effect, as both libraries round alike here.
    #[param(default)]
    dialect: Dialect,
}

impl Op for Brightness {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let factor = self.factor.draw(rng);
        if applies {
            steps.push(Levels::Brightness(factor));
        }
    }
}
