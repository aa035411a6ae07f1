//! Single ops of torchvision's policies.

use super::space::{Name, Space, Style, push_step, random_sign, strength_of};
use crate::augment::{Dialect, Op, Steps, WarpFilter};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;

/// Applies one op of torchvision's policies by name: to look at it, to test it, or to build a
/// custom policy with `one_of`.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::{PolicyName, PolicyOp};
/// use feedmill::testing::assert_op;
///
/// let op = PolicyOp::new(PolicyName::ShearX).with_magnitude(15);
/// assert_op(r#"{ op = "policy_op", name = "ShearX", magnitude = 15 }"#, &op);
/// ```
#[declare(
    name = "policy_op",
    families = [Arithmetic, Color, Contrast, Convolutional, Geometric],
    like = ["torchvision _apply_op"],
    strengths = [
        "name = \"ShearX\", magnitude = 5, sign = 1",
        "name = \"ShearX\", magnitude = 15, sign = 1",
        "name = \"ShearX\", magnitude = 30, sign = 1",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyOp {
    /// torchvision's name of the op.
    #[param(required)]
    name: Name,
    /// The strength, as the number of a bin: 0 to `bins - 1`.
    #[param(default = 0, range = [0.0, 999.0])]
    magnitude: u32,
    /// Into how many strengths the range of the op is divided.
    #[param(default = 31, range = [2.0, 1000.0])]
    bins: u32,
    /// The range: that of RandAugment and AutoAugment, of TrivialAugmentWide, or of AugMix.
    #[param(default = Space::Narrow)]
    space: Space,
    /// 1 or -1 fixes the sign of the magnitude, 0 draws it for ops that have one.
    #[param(default = 0, range = [-1.0, 1.0])]
    sign: i8,
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

impl Op for PolicyOp {
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
        let drawn = random_sign(self.name, rng);
        let sign = if self.sign == 0 {
            drawn
        } else {
            f64::from(self.sign)
        };
        let (name, size) = (self.name, steps.size());
        let strength = strength_of(name, self.space, self.bins, self.magnitude, size);
        push_step(name, strength * sign, self.style(), steps);
    }
}

impl PolicyOp {
    fn style(&self) -> Style {
        Style {
            filter: self.filter,
            fill: self.fill,
            dialect: self.dialect,
        }
    }
}
