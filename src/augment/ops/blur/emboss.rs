//! Embossing by a small kernel. `sharpen` says how these kernels work.

use crate::augment::steps::Convolve;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Embosses, with light from the top left.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Emboss;
/// use feedmill::testing::assert_op;
///
/// let op = Emboss::new().with_strength([0.5, 2.0]);
/// assert_op(r#"{ op = "emboss", strength = [0.5, 2.0] }"#, &op);
/// ```
#[declare(
    name = "emboss",
    families = [Convolutional],
    like = ["imgaug Emboss", "albumentations Emboss"],
    strengths = [
        "alpha = 0.3", "alpha = 0.7", "alpha = 1.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Emboss {
    /// The share of the embossed image.
    #[param(default = ParamRange::Fixed(1.0), range = [0.0, 1.0])]
    alpha: ParamRange,
    /// The depth of the relief.
    #[param(default = ParamRange::Fixed(1.0), range = [0.0, 10.0])]
    strength: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Emboss {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let [alpha, strength] = [self.alpha, self.strength].map(|range| range.draw(rng) as f32);
            steps.push(Convolve::emboss(alpha, strength));
        }
    }
}
