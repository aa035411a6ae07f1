//! Mosaic (Bochkovskiy et al., 2020, arXiv 2004.10934): four images around a point, seen through a
//! random affine map.
//!
//! The rules are those of YOLOv5, for views that have one size already, so no image is resized
//! before it is placed. The drawn map goes from output to canvas, and pixels are interpolated from
//! the four views directly: the canvas, four times as large as the output, never exists.

use super::compute_later;
use crate::declare;
use crate::geometry::{Point, Size};
use crate::mix::{Blend, MixPlan, MixResult, Mixer, Mosaic, Sources};
use crate::rng::RandomStream;

/// Joins four images of the group at a point of a canvas of twice their size, and shows its middle
/// through a random affine map; Bochkovskiy et al., 2020 (arXiv 2004.10934), by YOLOv5's rules for
/// views of equal size.
///
/// The point is uniform in the middle half of the canvas. The order of the four images is random,
/// and the three others are drawn with replacement. The weights of labels are the visible areas.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::Mosaic4;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = Mosaic4::new().with_scale(0.2);
/// assert_mixer(r#"{ mix = "mosaic", scale = 0.2 }"#, &mixer);
/// ```
#[declare(name = "mosaic", like = ["YOLOv5 load_mosaic", "albumentations Mosaic"])]
#[derive(Clone, Debug, PartialEq)]
pub struct Mosaic4 {
    /// The factor is uniform in 1 - scale to 1 + scale.
    #[param(default = 0.5, range = [0.0, 0.95])]
    scale: f64,
    /// The middle of the canvas goes to a point uniform in 0.5 - translate to 0.5 + translate of
    /// each side.
    #[param(default = 0.1, range = [0.0, 0.5])]
    translate: f64,
    /// The angle of rotation is uniform in both directions up to this value.
    #[param(default = 0.0, range = [0.0, 180.0], unit = "degrees")]
    degrees: f64,
    /// The angles of both shears are uniform in both directions up to this value.
    #[param(default = 0.0, range = [0.0, 30.0], unit = "degrees")]
    shear: f64,
    /// The color where the canvas is empty.
    #[param(default = [114; 3])]
    fill: [u8; 3],
}

impl Mosaic4 {
    /// The affine map from the output to the canvas for drawn values.
    ///
    /// `degrees` is the counter-clockwise rotation, `shear` the angles along x and y in degrees,
    /// and `middle` the position of the canvas's middle in the output, as shares of width and
    /// height. The map is the inverse of YOLOv5's matrix, which goes from the canvas to the output.
    pub(crate) fn map(
        degrees: f64,
        scale: f64,
        shear: [f64; 2],
        middle: [f64; 2],
        size: Size,
    ) -> [f64; 6] {
        let radians = |degrees: f64| degrees * std::f64::consts::PI / 180.0;
        let (sine, cosine) = libm::sincos(radians(degrees));
        let [sx, sy] = shear.map(|degrees| libm::tan(radians(degrees)));
        // The forward matrix: rotation and scale first, then shear.
        let (r00, r01, r10, r11) = (scale * cosine, scale * sine, -scale * sine, scale * cosine);
        let (a, b, d, e) = (
            r00 + sx * r10,
            r01 + sx * r11,
            sy * r00 + r10,
            sy * r01 + r11,
        );
        let (w, h) = (f64::from(size.width), f64::from(size.height));
        let (tx, ty) = (middle[0] * w, middle[1] * h);
        let det = a * e - b * d;
        let (ia, ib, id, ie) = (e / det, -b / det, -d / det, a / det);
        [ia, ib, w - ia * tx - ib * ty, id, ie, h - id * tx - ie * ty]
    }
}

impl Mixer for Mosaic4 {
    fn sources(&self) -> Sources {
        Sources::Random(3)
    }

    fn draw(&self, rng: &mut RandomStream, size: Size) -> MixPlan {
        let mut middle = |length: u32| (rng.uniform(0.5, 1.5) * f64::from(length)) as u32;
        let y = middle(size.height);
        let x = middle(size.width);
        let mut order = [0, 1, 2, 3];
        rng.shuffle(&mut order);
        let mut around = |reach: f64| rng.uniform(-reach, reach);
        let degrees = around(self.degrees);
        let scale = 1.0 + around(self.scale);
        let shear = [around(self.shear), around(self.shear)];
        let middle = [0.5 + around(self.translate), 0.5 + around(self.translate)];
        let map = Mosaic4::map(degrees, scale, shear, middle, size);
        compute_later(
            Mosaic {
                fill: self.fill,
                order,
                center: Point::new(x, y),
                map,
            },
            |mosaic, _| MixResult::from(Blend::Mosaic(mosaic.clone().into())),
        )
    }
}
