//! Inverts bright values.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Inverts the values that are at or above a threshold.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Solarize;
/// use feedmill::testing::assert_op;
///
/// let op = Solarize::new(128.0).with_p(0.2);
/// assert_op(r#"{ op = "solarize", threshold = 128, p = 0.2 }"#, &op);
/// ```
#[declare(
    name = "solarize",
    families = [Arithmetic],
    like = ["torchvision RandomSolarize", "Pillow ImageOps.solarize"],
    strengths = ["threshold = 200, p = 1.0", "threshold = 128, p = 1.0", "threshold = 40, p = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Solarize {
    /// The first value that is inverted: 0 inverts everything, 256 nothing.
    #[param(required, range = [0.0, 256.0], unit = "levels")]
    threshold: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
}

/// The step that inverts integers `v >= threshold`, for a threshold between two integers as well.
pub(in crate::augment::ops) fn solarize(threshold: f64) -> Levels {
    Levels::Solarize(threshold.ceil() as u16)
}

impl Op for Solarize {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let threshold = self.threshold.draw(rng);
        if applies {
            steps.push(solarize(threshold));
        }
    }
}
