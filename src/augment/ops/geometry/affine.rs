//! Affine maps. `rotate` says whose bytes they have.

use crate::augment::steps::Warp;
use crate::augment::{Op, Steps, WarpFilter, matrix};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::SymmetricRange;

/// Turns, shifts, scales and shears the image about its center in one map.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Affine;
/// use feedmill::testing::assert_op;
///
/// let op = Affine::new().with_degrees([-10.0, 10.0]).with_translate_x([-0.1, 0.1]).with_scale([0.9, 1.1]);
/// assert_op(r#"{ op = "affine", degrees = [-10, 10], translate_x = [-0.1, 0.1], scale = [0.9, 1.1] }"#, &op);
/// ```
#[declare(
    name = "affine",
    families = [Geometric],
    like = ["torchvision RandomAffine", "albumentations Affine", "albumentations ShiftScaleRotate"],
    strengths = [
        "shear_x = { fixed = 10.0 }, filter = \"bilinear\"",
        "shear_x = { fixed = 20.0 }, scale = { fixed = 0.8 }, filter = \"bilinear\"",
        "degrees = { fixed = 30.0 }, shear_y = { fixed = 30.0 }, scale = { fixed = 0.6 }, \
         filter = \"bicubic\"",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// The angle, clockwise.
    #[param(default = SymmetricRange::fixed(0.0), range = [-360.0, 360.0], unit = "degrees")]
    degrees: SymmetricRange,
    /// The shift to the right as a share of the width, rounded to pixels.
    #[param(default = SymmetricRange::fixed(0.0), range = [-1.0, 1.0])]
    translate_x: SymmetricRange,
    /// The shift down as a share of the height, rounded to pixels.
    #[param(default = SymmetricRange::fixed(0.0), range = [-1.0, 1.0])]
    translate_y: SymmetricRange,
    /// The factor of both sides.
    #[param(default = SymmetricRange::fixed(1.0), range = [0.001, 1000.0])]
    scale: SymmetricRange,
    /// The angle of the horizontal shear.
    #[param(default = SymmetricRange::fixed(0.0), range = [-89.0, 89.0], unit = "degrees")]
    shear_x: SymmetricRange,
    /// The angle of the vertical shear.
    #[param(default = SymmetricRange::fixed(0.0), range = [-89.0, 89.0], unit = "degrees")]
    shear_y: SymmetricRange,
    /// How it reads between pixels.
    #[param(default = WarpFilter::Nearest)]
    filter: WarpFilter,
    /// The color outside of the image.
    #[param(default = [0; 3])]
    fill: [u8; 3],
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Affine {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let size = steps.size();
        let (w, h) = (f64::from(size.width), f64::from(size.height));
        let degrees = self.degrees.draw(rng);
        let tx = (self.translate_x.draw(rng) * w).round_ties_even();
        let ty = (self.translate_y.draw(rng) * h).round_ties_even();
        let scale = self.scale.draw(rng);
        let shear = [self.shear_x.draw(rng), self.shear_y.draw(rng)];
        if applies {
            let map = matrix::affine((w * 0.5, h * 0.5), degrees, (tx, ty), scale, shear);
            steps.push(Warp::affine(map, self.filter, self.fill, size));
        }
    }
}
