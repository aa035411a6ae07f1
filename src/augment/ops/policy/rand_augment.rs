//! RandAugment, as torchvision has it.
//!
//! RandAugment, TrivialAugmentWide and AutoAugment differ in how ops and strengths are chosen: a number
//! of ops of one strength, one op of a random strength, or a learned pair. What an op of some strength
//! does is shared, see [`super::space`]. Choices, probabilities and signs are drawn in torchvision's
//! order.

use super::space::{Name, Space, Style, push_step, random_sign, strength_of};
use crate::augment::{Dialect, Op, Steps, WarpFilter};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;

/// Applies `num_ops` random ops of one strength, one after the other (Cubuk et al., 2020, arXiv
/// 1909.13719).
///
/// The ops are drawn with replacement from 14: identity, shears, translations, rotation,
/// brightness, color, contrast, sharpness, posterize, solarize, autocontrast and equalize.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::RandAugment;
/// use feedmill::testing::assert_op;
///
/// let op = RandAugment::new().with_num_ops(3).with_magnitude(12);
/// assert_op(r#"{ op = "rand_augment", num_ops = 3, magnitude = 12 }"#, &op);
/// ```
#[declare(
    name = "rand_augment",
    families = [Arithmetic, Color, Contrast, Convolutional, Geometric],
    like = ["torchvision RandAugment"],
    strengths = [
        "magnitude = 5", "magnitude = 15", "magnitude = 30"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct RandAugment {
    /// How many ops are applied.
    #[param(default = 2, range = [0.0, 100.0])]
    num_ops: u32,
    /// The strength, as the number of a bin: 0 to `bins - 1`.
    #[param(default = 9, range = [0.0, 999.0])]
    magnitude: u32,
    /// Into how many strengths the range of each op is divided.
    #[param(default = 31, range = [2.0, 1000.0])]
    bins: u32,
    /// How warps read between pixels.
    #[param(default = WarpFilter::Nearest)]
    filter: WarpFilter,
    /// The color that warps leave where the image has no pixel.
    #[param(default = [0; 3])]
    fill: [u8; 3],
    /// The library whose rounding the color ops follow.
    #[param(default)]
    dialect: Dialect,
}

impl Op for RandAugment {
    fn check(&self) -> Result<()> {
        if self.magnitude >= self.bins {
            return Err(Error::config(format!(
                "magnitude = {}: expected 0 to {}, below bins",
                self.magnitude,
                self.bins - 1
            ))
            .about_key("magnitude"));
        }
        Ok(())
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        for _ in 0..self.num_ops {
            let name = Name::FOURTEEN[rng.below(14) as usize];
            let (space, size) = (Space::Narrow, steps.size());
            let strength = strength_of(name, space, self.bins, self.magnitude, size);
            push_step(name, strength * random_sign(name, rng), self.style(), steps);
        }
    }
}

impl RandAugment {
    fn style(&self) -> Style {
        Style {
            filter: self.filter,
            fill: self.fill,
            dialect: self.dialect,
        }
    }
}
