//! TrivialAugmentWide, as torchvision has it.

use super::space::{Name, Space, Style, push_step, random_sign, strength_of};
use crate::augment::{Dialect, Op, Steps, WarpFilter};
use crate::declare;
use crate::rng::RandomStream;

/// Applies one random op of random strength (Müller and Hutter, 2021, arXiv 2103.10158).
///
/// The op is one of the 14 of `rand_augment`; its strength covers a wider range
/// ([`PolicySpace::Wide`](crate::augment::PolicySpace)), and all strengths are equally likely.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::TrivialAugmentWide;
/// use feedmill::testing::assert_op;
///
/// let op = TrivialAugmentWide::new().with_fill([124, 116, 104]);
/// assert_op(r#"{ op = "trivial_augment_wide", fill = [124, 116, 104] }"#, &op);
/// ```
#[declare(
    name = "trivial_augment_wide",
    families = [Arithmetic, Color, Contrast, Convolutional, Geometric],
    like = ["torchvision TrivialAugmentWide"],
    strengths = [
        "bins = 31", "bins = 31", "bins = 31"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct TrivialAugmentWide {
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

impl Op for TrivialAugmentWide {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let name = Name::FOURTEEN[rng.below(14) as usize];
        let bin = rng.below(self.bins.into()) as u32;
        let strength = strength_of(name, Space::Wide, self.bins, bin, steps.size());
        push_step(name, strength * random_sign(name, rng), self.style(), steps);
    }
}

impl TrivialAugmentWide {
    fn style(&self) -> Style {
        Style {
            filter: self.filter,
            fill: self.fill,
            dialect: self.dialect,
        }
    }
}
