//! Contrast by a logistic curve.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Maps values through a logistic curve: `255 / (1 + exp(gain * (cutoff - v / 255)))`, truncated.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::SigmoidContrast;
/// use feedmill::testing::assert_op;
///
/// let op = SigmoidContrast::new().with_gain([5.0, 20.0]);
/// assert_op(r#"{ op = "sigmoid_contrast", gain = [5, 20] }"#, &op);
/// ```
#[declare(
    name = "sigmoid_contrast",
    families = [Contrast],
    like = ["scikit-image adjust_sigmoid", "imgaug SigmoidContrast"],
    strengths = ["gain = 5.0", "gain = 10.0", "gain = 25.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct SigmoidContrast {
    /// The steepness.
    #[param(default = ParamRange::Fixed(10.0), range = [0.0, 1000.0])]
    gain: ParamRange,
    /// The value, where white is 1, that becomes a half.
    #[param(default = ParamRange::Fixed(0.5), range = [0.0, 1.0])]
    cutoff: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for SigmoidContrast {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let (gain, cutoff) = (self.gain.draw(rng), self.cutoff.draw(rng));
        if applies {
            steps.push(Levels::Sigmoid { gain, cutoff });
        }
    }
}
