//! Turns the hue of each pixel around the color circle.

use crate::augment::steps::Color;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Turns the hue of each pixel around the color circle.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Hue;
/// use feedmill::testing::assert_op;
///
/// let op = Hue::new([-0.1, 0.1]);
/// assert_op(r#"{ op = "hue", factor = [-0.1, 0.1] }"#, &op);
/// ```
#[declare(
    name = "hue",
    families = [Color],
    like = ["torchvision adjust_hue"],
    strengths = ["factor = 0.05", "factor = 0.2", "factor = 0.5"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Hue {
    /// How far, as a share of the circle.
    #[param(required, range = [-0.5, 0.5])]
    factor: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
    /// The library whose rounding it follows.
    #[param(default)]
    dialect: Dialect,
}

impl Op for Hue {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let factor = self.factor.draw(rng);
        if applies {
            steps.push(Color::Hue(factor as f32, self.dialect));
        }
    }
}
