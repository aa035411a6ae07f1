//! Multiplicative noise. `gaussian_noise` says how noise is drawn.

use crate::augment::steps::Noise;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Multiplies each value by a random number, drawn for each value. Each number is uniform in the
/// range; the product is clipped and truncated.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ElementwiseMultiply;
/// use feedmill::testing::assert_op;
///
/// let op = ElementwiseMultiply::new([0.5, 1.5]);
/// assert_op(r#"{ op = "elementwise_multiply", factor = [0.5, 1.5] }"#, &op);
/// ```
#[declare(
    name = "elementwise_multiply",
    families = [Arithmetic],
    like = ["imgaug MultiplyElementwise", "albumentations MultiplicativeNoise"],
    strengths = [
        "factor = [0.8, 1.2]", "factor = [0.5, 1.5]", "factor = [0.0, 3.0]"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ElementwiseMultiply {
    /// The range of the numbers.
    #[param(required, range = [0.0, 1000.0])]
    factor: ParamRange,
    /// Whether each channel has its own noise; false adds the same to the three channels of a
    /// pixel.
    #[param(default = true)]
    per_channel: bool,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for ElementwiseMultiply {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let [low, high] = self.factor.ends().map(|end| end as f32);
            steps.push(Noise::Multiplicative {
                low,
                high,
                per_channel: self.per_channel,
                seed: rng.bits(),
            });
        }
    }
}
