//! Salt-and-pepper noise. `gaussian_noise` says how noise is drawn.

use crate::augment::steps::Noise;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Turns random values black or white: salt-and-pepper noise.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ImpulseNoise;
/// use feedmill::testing::assert_op;
///
/// let op = ImpulseNoise::new([0.0, 0.1]).with_salt(1.0);
/// assert_op(r#"{ op = "impulse_noise", amount = [0, 0.1], salt = 1 }"#, &op);
/// ```
#[declare(
    name = "impulse_noise",
    families = [Arithmetic],
    like = ["scikit-image random_noise", "imgaug CoarseSaltAndPepper", "albumentations SaltAndPepper"],
    strengths = [
        "amount = 0.02", "amount = 0.1", "amount = 0.3"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ImpulseNoise {
    /// The share of values that change, rounded to a multiple of 2^-16.
    #[param(required, range = [0.0, 1.0])]
    amount: ParamRange,
    /// The share of these that become white; 1 is salt noise, 0 pepper noise.
    #[param(default = 0.5, range = [0.0, 1.0])]
    salt: f64,
    /// Whether each channel is decided by itself; false changes whole pixels.
    #[param(default = true)]
    per_channel: bool,
    /// If it is set, all pixels of a cell of a coarse grid change together. It is the side of a
    /// cell as a share of the image's side.
    #[param(default, range = [0.0001, 1.0])]
    size: Option<ParamRange>,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for ImpulseNoise {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let amount = self.amount.draw(rng) as f32;
            let seed = rng.bits();
            steps.push(Noise::Impulse {
                amount,
                salt: self.salt as f32,
                per_channel: self.per_channel,
                grid: grid(self.size, rng, steps.size()),
                seed,
            });
        }
    }
}

/// Draws a grid: the columns and rows of cells whose sides are about `size` times the image's.
/// `None` if there is no `size`.
pub(in crate::augment::ops) fn grid(
    size: Option<ParamRange>,
    rng: &mut RandomStream,
    image: Size,
) -> Option<(u32, u32)> {
    let size = size?.draw(rng);
    let cells = |side: u32| ((1.0 / size).round_ties_even() as u32).clamp(1, side);
    Some((cells(image.width), cells(image.height)))
}
