//! A blur along a line.

use crate::augment::steps::Blur;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange, SymmetricRange};

/// Smears along a line, with the weights of half a Gaussian.
///
/// The line begins at the pixel and ends early where it would leave the image. The pixel at the
/// edge stands for all beyond it.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::MotionBlur;
/// use feedmill::testing::assert_op;
///
/// let op = MotionBlur::new(8, [2.0, 4.0]).with_angle([-45.0, 45.0]);
/// assert_op(r#"{ op = "motion_blur", radius = 8, sigma = [2, 4], angle = [-45, 45] }"#, &op);
/// ```
#[declare(
    name = "motion_blur",
    families = [Blur],
    like = ["imagecorruptions motion_blur", "albumentations MotionBlur"],
    strengths = [
        "radius = 4, sigma = 2.0", "radius = 8, sigma = 4.0", "radius = 16, sigma = 8.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct MotionBlur {
    /// The line is `2 * radius + 1` pixels long.
    #[param(required, range = [0.0, 100.0], unit = "pixels")]
    radius: IntegerRange,
    /// The deviation along the line.
    #[param(required, range = [0.001, 500.0], unit = "pixels")]
    sigma: ParamRange,
    /// The direction: 0 mixes in pixels to the right, 90 those below.
    #[param(default = [-180.0, 180.0].into(), range = [-180.0, 180.0], unit = "degrees")]
    angle: SymmetricRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for MotionBlur {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let radius = self.radius.draw(rng) as u32;
            let sigma = self.sigma.draw(rng) as f32;
            let angle = self.angle.draw(rng) as f32;
            steps.push(Blur::Motion {
                radius,
                sigma,
                angle,
            });
        }
    }
}
