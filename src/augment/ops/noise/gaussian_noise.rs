//! Gaussian noise.
//!
//! A program is drawn before pixels exist and must be small enough to print, so ops that add noise do
//! not draw the noise itself. They draw the few numbers that shape it (a deviation, a share) and one
//! 64-bit seed; the kernel makes 16 random bits for each value from the seed, by ChaCha8. So a step
//! with the same seed leaves the same noise on every machine, with or without vector code.
//!
//! 16 bits have a price that is stated with each op: normal and Laplace numbers take 65536 values,
//! shares are multiples of 2^-16. Pixels of 256 levels cannot show the difference, and the generator
//! makes a quarter of the bits that 64-bit numbers would take.

use crate::augment::steps::Noise;
use crate::augment::{NoiseDistribution, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Adds Gaussian noise to each value, as torchvision does on u8 tensors.
///
/// The noise is truncated to whole levels before it is added, and the sum is clipped. The normal
/// numbers have 65536 values, the outermost 4.3 deviations from the mean.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::GaussianNoise;
/// use feedmill::testing::assert_op;
///
/// let op = GaussianNoise::new().with_sigma([0.0, 0.2]);
/// assert_op(r#"{ op = "gaussian_noise", sigma = [0, 0.2] }"#, &op);
/// ```
#[declare(
    name = "gaussian_noise",
    families = [Arithmetic],
    like = ["torchvision GaussianNoise", "albumentations GaussNoise"],
    strengths = [
        "sigma = 0.05", "sigma = 0.12", "sigma = 0.3"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianNoise {
    /// The mean, where white is 1.
    #[param(default = 0.0, range = [-1.0, 1.0])]
    mean: f64,
    /// The deviation, where white is 1.
    #[param(default = ParamRange::Fixed(0.1), range = [0.0, 1.0])]
    sigma: ParamRange,
    /// Whether each channel has its own noise; false adds the same to the three channels of a
    /// pixel.
    #[param(default = true)]
    per_channel: bool,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for GaussianNoise {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let (mean, scale) = (self.mean as f32, self.sigma.draw(rng) as f32);
            steps.push(Noise::Additive {
                distribution: NoiseDistribution::Normal,
                mean,
                scale,
                per_channel: self.per_channel,
                seed: rng.bits(),
            });
        }
    }
}
