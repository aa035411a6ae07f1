//! Fewer colors.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::IntegerRange;

/// Reduces each channel to a number of equally spaced values: the scale is cut into equal
/// intervals, and each value becomes the middle of its interval, truncated.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Quantize;
/// use feedmill::testing::assert_op;
///
/// let op = Quantize::new([4, 16]);
/// assert_op(r#"{ op = "quantize", levels = [4, 16] }"#, &op);
/// ```
#[declare(
    name = "quantize",
    families = [Color],
    like = ["imgaug UniformColorQuantization"],
    strengths = ["levels = 12", "levels = 6", "levels = 3"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Quantize {
    /// The number of intervals.
    #[param(required, range = [2.0, 256.0])]
    levels: IntegerRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Quantize {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let levels = self.levels.draw(rng) as u16;
        if applies {
            steps.push(Levels::Quantize(levels));
        }
    }
}
