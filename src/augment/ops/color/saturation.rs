//! Blends the image with its gray version.

use crate::augment::steps::Color;
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Blends the image with its gray version.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::Dialect;
/// use feedmill::augment::ops::Saturation;
/// use feedmill::testing::assert_op;
///
/// let op = Saturation::new(0.5).with_dialect(Dialect::Tv2);
/// assert_op(r#"{ op = "saturation", factor = 0.5, dialect = "tv2" }"#, &op);
/// ```
#[declare(
    name = "saturation",
    families = [Color],
    like = ["torchvision adjust_saturation", "Pillow ImageEnhance.Color"],
    strengths = ["factor = 1.5", "factor = 0.4", "factor = 3.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Saturation {
    /// The share of the image: 0 is gray, 1 changes nothing.
    #[param(required, range = [0.0, 1000.0])]
    factor: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
    /// The library whose rounding it follows.
    #[param(default)]
    dialect: Dialect,
}

impl Op for Saturation {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let factor = self.factor.draw(rng);
        if applies {
            steps.push(Color::Saturation(factor, self.dialect));
        }
    }
}
