//! Exchange of channels.

use crate::augment::steps::Color;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;

/// Puts the three channels in random order, which may be the one that was there.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::PermuteChannels;
/// use feedmill::testing::assert_op;
///
/// let op = PermuteChannels::new().with_p(1.0);
/// assert_op(r#"{ op = "permute_channels", p = 1.0 }"#, &op);
/// ```
#[declare(
    name = "permute_channels",
    families = [Color],
    like = ["torchvision RandomChannelPermutation", "albumentations ChannelShuffle"],
    strengths = ["p = 1.0", "p = 1.0", "p = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct PermuteChannels {
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
}

impl Op for PermuteChannels {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let mut order = [0, 1, 2];
        rng.shuffle(&mut order);
        if applies {
            steps.push(Color::Permute(order));
        }
    }
}
