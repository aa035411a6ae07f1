//! Speckle noise. `gaussian_noise` says how noise is drawn.

use crate::augment::steps::Noise;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Adds Gaussian noise in proportion to each value, as in ImageNet-C: `v + v * sigma * n` with a
/// standard normal `n`, clipped and truncated.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::SpeckleNoise;
/// use feedmill::testing::assert_op;
///
/// let op = SpeckleNoise::new([0.0, 0.3]);
/// assert_op(r#"{ op = "speckle_noise", sigma = [0, 0.3] }"#, &op);
/// ```
#[declare(
    name = "speckle_noise",
    families = [Arithmetic],
    like = ["imagecorruptions speckle_noise"],
    strengths = [
        "sigma = 0.15", "sigma = 0.35", "sigma = 0.7"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct SpeckleNoise {
    /// The deviation as a share of the value.
    #[param(required, range = [0.0, 10.0])]
    sigma: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for SpeckleNoise {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let sigma = self.sigma.draw(rng) as f32;
            steps.push(Noise::Speckle {
                sigma,
                seed: rng.bits(),
            });
        }
    }
}
