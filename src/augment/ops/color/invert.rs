//! Replaces values by their distance from white.

use crate::augment::steps::Levels;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;

/// Replaces each value by 255 minus the value.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Invert;
/// use feedmill::testing::assert_op;
///
/// let op = Invert::new().with_per_channel(true);
/// assert_op(r#"{ op = "invert", per_channel = true }"#, &op);
/// ```
#[declare(
    name = "invert",
    families = [Arithmetic],
    like = ["torchvision RandomInvert", "imgaug Invert", "albumentations InvertImg"],
    strengths = ["p = 1.0", "p = 1.0", "p = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Invert {
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
    /// Without effect, as both libraries have the same bytes here.
    #[param(default)]
    dialect: Dialect,
    /// Whether each channel is decided by itself, as imgaug can do it.
    #[param(default)]
    per_channel: bool,
}

impl Op for Invert {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let which = if self.per_channel {
            [0; 3].map(|_| rng.bernoulli(self.p))
        } else {
            [rng.bernoulli(self.p); 3]
        };
        match which {
            [false, false, false] => {}
            [true, true, true] => steps.push(Levels::Invert),
            channels => steps.push(Levels::InvertChannels(channels)),
        }
    }
}
