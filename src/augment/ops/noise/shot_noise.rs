//! Shot noise. `gaussian_noise` says how noise is drawn.

use crate::augment::steps::Noise;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Replaces each value `v` by a Poisson count of mean `scale * v / 255`, scaled back: the noise of
/// light on a sensor, as in ImageNet-C.
///
/// The result is `min(count / scale, 1) * 255`, truncated. Counts of probability below 2^-17 do not
/// occur.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ShotNoise;
/// use feedmill::testing::assert_op;
///
/// let op = ShotNoise::new([10.0, 60.0]);
/// assert_op(r#"{ op = "shot_noise", scale = [10, 60] }"#, &op);
/// ```
#[declare(
    name = "shot_noise",
    families = [Arithmetic],
    like = ["imagecorruptions shot_noise", "albumentations ShotNoise"],
    strengths = [
        "scale = 60", "scale = 15", "scale = 4"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ShotNoise {
    /// The mean count at white. The smaller it is, the less light and the more noise there is.
    #[param(required, range = [1.0, 10000.0])]
    scale: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for ShotNoise {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let scale = self.scale.draw(rng) as f32;
            steps.push(Noise::Shot {
                scale,
                seed: rng.bits(),
            });
        }
    }
}
