//! The mean over a square.

use crate::augment::steps::Blur;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Replaces each value by the mean over a square of `2 * radius + 1` pixels a side.
///
/// With a fractional radius, the pixels at the border of the square have a smaller weight. The
/// pixel at the edge of the image stands for all beyond it.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::BoxBlur;
/// use feedmill::testing::assert_op;
///
/// let op = BoxBlur::new([1.0, 3.0]);
/// assert_op(r#"{ op = "box_blur", radius = [1, 3] }"#, &op);
/// ```
#[declare(
    name = "box_blur",
    families = [Blur],
    like = ["Pillow ImageFilter.BoxBlur"],
    strengths = [
        "radius = 1", "radius = 2.5", "radius = 6"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct BoxBlur {
    /// The radius of the square.
    #[param(required, range = [0.0, 500.0], unit = "pixels")]
    radius: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for BoxBlur {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Blur::Box(self.radius.draw(rng) as f32));
        }
    }
}
