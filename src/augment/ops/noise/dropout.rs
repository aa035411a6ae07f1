//! Dropped pixels. `gaussian_noise` says how noise is drawn.

use super::impulse_noise::grid;
use crate::augment::steps::Noise;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Turns random pixels black.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Dropout;
/// use feedmill::testing::assert_op;
///
/// let op = Dropout::new(0.1).with_size(0.05);
/// assert_op(r#"{ op = "dropout", amount = 0.1, size = 0.05 }"#, &op);
/// ```
#[declare(
    name = "dropout",
    families = [Arithmetic],
    like = ["imgaug Dropout", "imgaug CoarseDropout", "albumentations PixelDropout"],
    strengths = [
        "amount = 0.05", "amount = 0.2", "amount = 0.3, size = 0.08"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout {
    /// The share of pixels, rounded to a multiple of 2^-16.
    #[param(required, range = [0.0, 1.0])]
    amount: ParamRange,
    /// Whether each channel is decided by itself.
    #[param(default)]
    per_channel: bool,
    /// If it is set, all pixels of a cell of a coarse grid change together. It is the side of a
    /// cell as a share of the image's side.
    #[param(default, range = [0.0001, 1.0])]
    size: Option<ParamRange>,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Dropout {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let amount = self.amount.draw(rng) as f32;
            let seed = rng.bits();
            steps.push(Noise::Impulse {
                amount,
                salt: 0.0,
                per_channel: self.per_channel,
                grid: grid(self.size, rng, steps.size()),
                seed,
            });
        }
    }
}
