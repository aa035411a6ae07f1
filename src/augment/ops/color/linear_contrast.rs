//! Linear contrast around the middle of the scale.

use crate::augment::steps::Levels;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Stretches values away from the middle of the scale: `127 + factor * (v - 127)`, clipped and
/// truncated.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::LinearContrast;
/// use feedmill::testing::assert_op;
///
/// let op = LinearContrast::new([0.5, 2.0]);
/// assert_op(r#"{ op = "linear_contrast", factor = [0.5, 2.0] }"#, &op);
/// ```
#[declare(
    name = "linear_contrast",
    families = [Contrast],
    like = ["imgaug LinearContrast"],
    strengths = ["factor = 1.3", "factor = 0.5", "factor = 2.0"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct LinearContrast {
    /// The factor: 1 changes nothing, 0 is flat gray.
    #[param(required, range = [0.0, 1000.0])]
    factor: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for LinearContrast {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let factor = self.factor.draw(rng);
        if applies {
            steps.push(Levels::Linear(factor));
        }
    }
}
