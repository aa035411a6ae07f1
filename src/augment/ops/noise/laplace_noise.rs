//! Laplace noise. `gaussian_noise` says how noise is drawn.

use crate::augment::steps::Noise;
use crate::augment::{NoiseDistribution, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Adds Laplace noise to each value.
///
/// The noise is truncated to whole levels before it is added, and the sum is clipped. The Laplace
/// numbers have 65536 values.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::LaplaceNoise;
/// use feedmill::testing::assert_op;
///
/// let op = LaplaceNoise::new([0.0, 0.1]);
/// assert_op(r#"{ op = "laplace_noise", scale = [0, 0.1] }"#, &op);
/// ```
#[declare(
    name = "laplace_noise",
    families = [Arithmetic],
    like = ["imgaug AdditiveLaplaceNoise"],
    strengths = [
        "scale = 0.03", "scale = 0.1", "scale = 0.3"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct LaplaceNoise {
    /// The scale of the distribution, where white is 1; the deviation is √2 times that.
    #[param(required, range = [0.0, 1.0])]
    scale: ParamRange,
    /// Whether each channel has its own noise; false adds the same to the three channels of a
    /// pixel.
    #[param(default = true)]
    per_channel: bool,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for LaplaceNoise {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Noise::Additive {
                distribution: NoiseDistribution::Laplace,
                mean: 0.0,
                scale: self.scale.draw(rng) as f32,
                per_channel: self.per_channel,
                seed: rng.bits(),
            });
        }
    }
}
