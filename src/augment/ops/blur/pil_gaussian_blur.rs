//! Pillow's Gaussian blur.
//!
//! There are two Gaussian blurs because published recipes use either: Pillow's, which approximates a
//! Gaussian by box filters, and torchvision's, which has a true Gaussian kernel. They also differ in
//! the pixels that they assume beyond the edge of the image, so one cannot stand for the other.

use crate::augment::steps::Blur;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Blurs with three extended box filters that approximate a Gaussian, as Pillow does: the blur of
/// DINO, SwAV and MoCo v2.
///
/// The pixel at the edge stands for all beyond it.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::PilGaussianBlur;
/// use feedmill::testing::assert_op;
///
/// let op = PilGaussianBlur::new().with_p(0.5);
/// assert_op(r#"{ op = "pil_gaussian_blur", p = 0.5 }"#, &op);
/// ```
#[declare(
    name = "pil_gaussian_blur",
    families = [Blur],
    like = ["Pillow ImageFilter.GaussianBlur"],
    strengths = [
        "radius = 0.5", "radius = 1.2", "radius = 3.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct PilGaussianBlur {
    /// The deviation.
    #[param(default = [0.1, 2.0].into(), range = [0.0, 500.0], unit = "pixels")]
    radius: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for PilGaussianBlur {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Blur::PilGaussian(self.radius.draw(rng) as f32));
        }
    }
}
