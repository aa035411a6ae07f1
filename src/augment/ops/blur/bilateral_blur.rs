//! A blur that keeps edges.

use crate::augment::steps::Blur;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange};

/// Blurs but keeps edges: neighbors are weighted by their distance and by how similar their color
/// is.
///
/// The image is mirrored at its edge, without repeating the edge.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::BilateralBlur;
/// use feedmill::testing::assert_op;
///
/// let op = BilateralBlur::new().with_diameter([5, 9]);
/// assert_op(r#"{ op = "bilateral_blur", diameter = [5, 9] }"#, &op);
/// ```
#[declare(
    name = "bilateral_blur",
    families = [Blur],
    like = ["OpenCV bilateralFilter"],
    strengths = [
        "diameter = 3, color = 40.0, space = 2.0",
        "diameter = 7, color = 75.0, space = 3.0",
        "diameter = 11, color = 150.0, space = 6.0",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct BilateralBlur {
    /// The diameter of the disk of neighbors.
    #[param(default = 9.into(), range = [2.0, 99.0], unit = "pixels")]
    diameter: IntegerRange,
    /// The deviation of the Gaussian of color differences, which are summed over the channels.
    #[param(default = ParamRange::Fixed(75.0), range = [0.001, 1000.0], unit = "levels")]
    color: ParamRange,
    /// The deviation of the Gaussian of distances.
    #[param(default = ParamRange::Fixed(75.0), range = [0.001, 1000.0], unit = "pixels")]
    space: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for BilateralBlur {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let diameter = self.diameter.draw(rng) as u32;
            let [color, space] = [self.color, self.space].map(|range| range.draw(rng) as f32);
            steps.push(Blur::Bilateral {
                diameter,
                color,
                space,
            });
        }
    }
}
