//! Missing channels.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;

/// Makes random channels black, but leaves at least one.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ChannelDropout;
/// use feedmill::testing::assert_op;
///
/// let op = ChannelDropout::new().with_drop(0.3);
/// assert_op(r#"{ op = "channel_dropout", drop = 0.3 }"#, &op);
/// ```
#[declare(
    name = "channel_dropout",
    families = [Arithmetic],
    like = ["imgaug Dropout2d", "albumentations ChannelDropout"],
    strengths = ["drop = 0.4", "drop = 0.6", "drop = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelDropout {
    /// The probability of each channel to be dropped. If all three would go, one of them, drawn with
    /// equal chances, stays.
    #[param(default = 0.5, range = [0.0, 1.0])]
    drop: f64,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for ChannelDropout {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let mut kept = [0; 3].map(|_| !rng.bernoulli(self.drop));
        let last = rng.below(3) as usize;
        if kept == [false; 3] {
            kept[last] = true;
        }
        if applies {
            let factors = kept.map(|kept| f32::from(u8::from(kept)));
            steps.push(Levels::Multiply(factors));
        }
    }
}
