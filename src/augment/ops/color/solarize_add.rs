//! Brightens dark values by addition.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Adds a number to the values below a threshold, and clips.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::SolarizeAdd;
/// use feedmill::testing::assert_op;
///
/// let op = SolarizeAdd::new(70.0).with_threshold(110);
/// assert_op(r#"{ op = "solarize_add", add = 70, threshold = 110 }"#, &op);
/// ```
#[declare(
    name = "solarize_add",
    families = [Arithmetic],
    like = ["timm SolarizeAdd"],
    strengths = ["add = 30, p = 1.0", "add = 70, p = 1.0", "add = 110, p = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct SolarizeAdd {
    /// The number, truncated.
    #[param(required, range = [-255.0, 255.0], unit = "levels")]
    add: ParamRange,
    /// The first value that stays as it is.
    #[param(default = 128, range = [0.0, 256.0], unit = "levels")]
    threshold: u16,
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
}

impl Op for SolarizeAdd {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let add = self.add.draw(rng) as i16;
        if applies {
            steps.push(Levels::SolarizeAdd {
                add,
                threshold: self.threshold,
            });
        }
    }
}
