//! Multiplication of all values.

use super::add::channels;
use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Multiplies all values by one factor, clips and truncates.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Multiply;
/// use feedmill::testing::assert_op;
///
/// let op = Multiply::new([0.5, 1.5]);
/// assert_op(r#"{ op = "multiply", factor = [0.5, 1.5] }"#, &op);
/// ```
#[declare(
    name = "multiply",
    families = [Arithmetic],
    like = ["imgaug Multiply"],
    strengths = ["factor = 1.2", "factor = 0.6", "factor = [0.4, 1.9], per_channel = true"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Multiply {
    /// The factor.
    #[param(required, range = [0.0, 1000.0])]
    factor: ParamRange,
    /// Whether each channel has its own factor.
    #[param(default)]
    per_channel: bool,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Multiply {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let factors = channels(self.factor, self.per_channel, rng);
        if applies {
            steps.push(Levels::Multiply(factors.map(|factor| factor as f32)));
        }
    }
}
