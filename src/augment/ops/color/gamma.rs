//! Gamma correction.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Replaces each value `v` by `255.999 * gain * (v / 255)^gamma`, truncated, as torchvision does it
/// on PIL images.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Gamma;
/// use feedmill::testing::assert_op;
///
/// let op = Gamma::new([0.8, 1.25]);
/// assert_op(r#"{ op = "gamma", gamma = [0.8, 1.25] }"#, &op);
/// ```
#[declare(
    name = "gamma",
    families = [Contrast],
    like = ["torchvision adjust_gamma", "albumentations RandomGamma"],
    strengths = ["gamma = 0.8", "gamma = 1.6", "gamma = 3.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Gamma {
    /// The exponent: above 1 darkens the middle of the scale, below 1 brightens it.
    #[param(required, range = [0.0, 100.0])]
    gamma: ParamRange,
    /// A factor.
    #[param(default = ParamRange::Fixed(1.0), range = [0.0, 1000.0])]
    gain: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Gamma {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let (gamma, gain) = (self.gamma.draw(rng) as f32, self.gain.draw(rng) as f32);
        if applies {
            steps.push(Levels::Gamma { gamma, gain });
        }
    }
}
