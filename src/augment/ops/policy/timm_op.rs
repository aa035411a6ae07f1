//! Single ops of timm's policies.

use super::timm_space::{Hparams, Interpolation, TimmName};
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;

/// Applies one op of timm's policies by name: to look at it, to test it, or to build a custom
/// policy with `one_of`. Exactly one of `level` and `argument` is given.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::{TimmName, TimmOp};
/// use feedmill::testing::assert_op;
///
/// let op = TimmOp::new(TimmName::SolarizeAdd).with_level(6.0);
/// assert_op(r#"{ op = "timm_op", name = "SolarizeAdd", level = 6 }"#, &op);
/// ```
#[declare(
    name = "timm_op",
    families = [Arithmetic, Color, Contrast, Convolutional, Geometric],
    like = ["timm AugmentOp"],
    strengths = [
        "name = \"SolarizeAdd\", level = 2.0",
        "name = \"SolarizeAdd\", level = 6.0",
        "name = \"SolarizeAdd\", level = 10.0",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct TimmOp {
    /// timm's name of the op, such as `"Rotate"` or `"PosterizeIncreasing"`.
    #[param(required)]
    name: TimmName,
    /// The strength before timm's mapping. The sign is drawn as timm draws it.
    #[param(default, range = [0.0, 10.0])]
    level: Option<f64>,
    /// The strength after timm's mapping of levels, in the unit of the op, such as degrees, pixels,
    /// bits or a factor.
    #[param(default, range = [-16384.0, 16384.0])]
    argument: Option<f64>,
    /// How warps read between pixels.
    #[param(default = Interpolation::Random)]
    interpolation: Interpolation,
    /// What warps leave outside the image; ImageNet's mean color by default.
    #[param(default = [124, 116, 104])]
    fill: [u8; 3],
    /// The largest absolute shift, in the policies that shift by pixels: 0.45 of 224.
    #[param(default = 100.0, range = [0.0, 16384.0], unit = "pixels")]
    translate_const: f64,
}

impl Op for TimmOp {
    fn check(&self) -> Result<()> {
        if self.level.is_some() == self.argument.is_some() {
            return Err(Error::config("expected either `level` or `argument`"));
        }
        Ok(())
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let hparams = Hparams {
            interpolation: self.interpolation,
            fill: self.fill,
            translate_const: self.translate_const,
            translate_pct: 0.45,
        };
        let drawn = self.name.argument(self.level.unwrap_or(0.0), &hparams, rng);
        let argument = self.argument.unwrap_or(drawn);
        self.name.push_step(argument, &hparams, rng, steps);
    }
}
