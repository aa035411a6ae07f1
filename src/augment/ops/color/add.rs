//! Addition to all values.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Adds one number to all values, and clips.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Add;
/// use feedmill::testing::assert_op;
///
/// let op = Add::new([-30.0, 30.0]).with_per_channel(true);
/// assert_op(r#"{ op = "add", value = [-30, 30], per_channel = true }"#, &op);
/// ```
#[declare(
    name = "add",
    families = [Arithmetic],
    like = ["imgaug Add"],
    strengths = ["value = 30", "value = -60", "value = [40, 160], per_channel = true"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Add {
    /// The number, truncated.
    #[param(required, range = [-255.0, 255.0], unit = "levels")]
    value: ParamRange,
    /// Whether each channel has its own number.
    #[param(default)]
    per_channel: bool,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

/// Draws a number for each channel, or one for all of them. Takes three draws in any case.
pub(in crate::augment::ops) fn channels(
    range: ParamRange,
    per_channel: bool,
    rng: &mut RandomStream,
) -> [f64; 3] {
    let each = [range.draw(rng), range.draw(rng), range.draw(rng)];
    if per_channel { each } else { [each[0]; 3] }
}

impl Op for Add {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let values = channels(self.value, self.per_channel, rng);
        if applies {
            steps.push(Levels::Add(values.map(|value| value as i16)));
        }
    }
}
