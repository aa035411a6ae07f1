//! Rotation.
//!
//! The bytes are those of Pillow's `Image.transform` and `Image.rotate`, on which torchvision's and
//! timm's results on PIL images rest. torchvision samples tensors in another way (`grid_sample`), which
//! is not followed. Matrices are in [`crate::augment::matrix`].

use crate::augment::steps::rotation;
use crate::augment::{Op, Steps, WarpFilter};
use crate::declare;
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::SymmetricRange;

/// Turns the image about its center.
///
/// Turns by whole quarters copy pixels exactly where the size allows it.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::WarpFilter;
/// use feedmill::augment::ops::Rotate;
/// use feedmill::testing::assert_op;
///
/// let op = Rotate::new([-15.0, 15.0]).with_filter(WarpFilter::Bilinear);
/// assert_op(r#"{ op = "rotate", degrees = [-15, 15], filter = "bilinear" }"#, &op);
/// ```
#[declare(
    name = "rotate",
    families = [Geometric],
    like = ["torchvision RandomRotation", "albumentations Rotate", "Pillow Image.rotate"],
    strengths = [
        "degrees = { fixed = 5.0 }, filter = \"bilinear\"",
        "degrees = { fixed = 30.0 }, filter = \"bilinear\"",
        "degrees = { fixed = 120.0 }, filter = \"bilinear\"",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Rotate {
    /// The angle, counter-clockwise.
    #[param(required, range = [-360.0, 360.0], unit = "degrees")]
    degrees: SymmetricRange,
    /// How it reads between pixels.
    #[param(default = WarpFilter::Nearest)]
    filter: WarpFilter,
    /// The color outside of the image.
    #[param(default = [0; 3])]
    fill: [u8; 3],
    /// Whether the result is large enough for the whole turned image.
    #[param(default)]
    expand: bool,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Rotate {
    fn output_size(&self, size: Option<Size>) -> Option<Size> {
        if self.expand { None } else { size }
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let degrees = self.degrees.draw(rng);
        if applies
            && let Some(step) = rotation(degrees, steps.size(), self.expand, self.filter, self.fill)
        {
            steps.push_shared(step);
        }
    }
}
