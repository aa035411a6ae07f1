//! Uniform noise. `gaussian_noise` says how noise is drawn.

use crate::augment::steps::Noise;
use crate::augment::{NoiseDistribution, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Adds a random number to each value, drawn for each value. Each number is uniform in the range
/// and truncated; the sum is clipped.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ElementwiseAdd;
/// use feedmill::testing::assert_op;
///
/// let op = ElementwiseAdd::new([-20.0, 20.0]);
/// assert_op(r#"{ op = "elementwise_add", value = [-20, 20] }"#, &op);
/// ```
#[declare(
    name = "elementwise_add",
    families = [Arithmetic],
    like = ["imgaug AddElementwise"],
    strengths = [
        "value = [-20, 20]", "value = [-60, 60]", "value = [-150, 150]"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ElementwiseAdd {
    /// The range of the numbers.
    #[param(required, range = [-255.0, 255.0], unit = "levels")]
    value: ParamRange,
    /// Whether each channel has its own noise; false adds the same to the three channels of a
    /// pixel.
    #[param(default = true)]
    per_channel: bool,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for ElementwiseAdd {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            // Uniform in [low, high] is mean + scale * n for n uniform in [-1, 1]; the kernel wants both
            // where white is 1, hence 2 * 255.
            let [low, high] = self.value.ends().map(|end| end / 510.0);
            steps.push(Noise::Additive {
                distribution: NoiseDistribution::Uniform,
                mean: (high + low) as f32,
                scale: (high - low) as f32,
                per_channel: self.per_channel,
                seed: rng.bits(),
            });
        }
    }
}
