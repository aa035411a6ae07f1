//! Contrast by a logarithm.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Brightens dark values more than bright ones: `255 * gain * log2(1 + v / 255)`, clipped and
/// truncated.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::LogContrast;
/// use feedmill::testing::assert_op;
///
/// let op = LogContrast::new().with_gain([0.6, 1.4]);
/// assert_op(r#"{ op = "log_contrast", gain = [0.6, 1.4] }"#, &op);
/// ```
#[declare(
    name = "log_contrast",
    families = [Contrast],
    like = ["scikit-image adjust_log", "imgaug LogContrast"],
    strengths = ["gain = 1.0", "gain = 0.6", "gain = 1.6"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct LogContrast {
    /// A factor.
    #[param(default = ParamRange::Fixed(1.0), range = [0.0, 1000.0])]
    gain: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for LogContrast {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let gain = self.gain.draw(rng);
        if applies {
            steps.push(Levels::Log(gain));
        }
    }
}
