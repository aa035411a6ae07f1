//! Reduces the bits of values.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::IntegerRange;

/// Keeps the high bits of each value and clears the others.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Posterize;
/// use feedmill::testing::assert_op;
///
/// let op = Posterize::new([3, 6]);
/// assert_op(r#"{ op = "posterize", bits = [3, 6] }"#, &op);
/// ```
#[declare(
    name = "posterize",
    families = [Color],
    like = ["torchvision RandomPosterize", "Pillow ImageOps.posterize"],
    strengths = ["bits = 5, p = 1.0", "bits = 3, p = 1.0", "bits = 1, p = 1.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Posterize {
    /// How many bits are kept: 0 is black, 8 changes nothing.
    #[param(required, range = [0.0, 8.0])]
    bits: IntegerRange,
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Posterize {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let bits = self.bits.draw(rng) as u8;
        if applies {
            steps.push(Levels::Posterize(bits));
        }
    }
}
