//! Mosaic (Bochkovskiy et al., 2020, arXiv 2004.10934): four images around a point, seen through a
//! random affine map.
//!
//! The rules are those of YOLOv5, for views that have one size already, so no image is resized
//! before it is placed. The drawn map goes from output to canvas, and pixels are interpolated from
//! the four views directly: the canvas, four times as large as the output, never exists.

use serde::{Deserialize, Serialize};

use super::compute_later;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::mixer_basics;
use crate::mix::{Blend, MixPlan, MixResult, Mixer, Mosaic, Sources};
use crate::rng::RandomStream;
use crate::spec::check_range;

/// Joins four images of the group at a point of a canvas of twice their size, and shows its middle
/// through a random affine map; Bochkovskiy et al., 2020 (arXiv 2004.10934), by YOLOv5's rules for
/// views of equal size.
///
/// The point is uniform in the middle half of the canvas. The order of the four images is random,
/// and the three others are drawn with replacement.
///
/// * `scale` (0.5): the factor is uniform in 1 - scale to 1 + scale.
/// * `degrees` (0), `shear` (0): the angles of rotation and shear in degrees, uniform in both
///   directions up to this value.
/// * `translate` (0.1): the middle of the canvas goes to a point uniform in 0.5 - translate to 0.5
///   + translate of each side.
/// * `fill` (114, 114, 114): the color where the canvas is empty.
///
/// The weights of labels are the visible areas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Mosaic")]
pub struct Mosaic4 {
    #[serde(default = "half")]
    scale: f64,
    #[serde(default = "tenth")]
    translate: f64,
    #[serde(default)]
    degrees: f64,
    #[serde(default)]
    shear: f64,
    #[serde(default = "gray")]
    fill: [u8; 3],
}

fn half() -> f64 {
    0.5
}

fn tenth() -> f64 {
    0.1
}

fn gray() -> [u8; 3] {
    [114; 3]
}

impl Default for Mosaic4 {
    fn default() -> Mosaic4 {
        Mosaic4 {
            scale: half(),
            translate: tenth(),
            degrees: 0.0,
            shear: 0.0,
            fill: gray(),
        }
    }
}

impl Mosaic4 {
    /// A mixer with these ranges of scale and translation, without rotation and shear.
    pub fn new(scale: f64, translate: f64) -> Mosaic4 {
        Mosaic4 {
            scale,
            translate,
            ..Mosaic4::default()
        }
    }

    /// The affine map from the output to the canvas for drawn values.
    ///
    /// `degrees` is the counter-clockwise rotation, `shear` the angles along x and y in degrees,
    /// and `middle` the position of the canvas's middle in the output, as shares of width and
    /// height. The map is the inverse of YOLOv5's matrix, which goes from the canvas to the output.
    pub fn map(
        degrees: f64,
        scale: f64,
        shear: [f64; 2],
        middle: [f64; 2],
        frame: Size,
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
        let (w, h) = (f64::from(frame.width), f64::from(frame.height));
        let (tx, ty) = (middle[0] * w, middle[1] * h);
        let det = a * e - b * d;
        let (ia, ib, id, ie) = (e / det, -b / det, -d / det, a / det);
        [ia, ib, w - ia * tx - ib * ty, id, ie, h - id * tx - ie * ty]
    }
}

impl Mixer for Mosaic4 {
    mixer_basics!("mosaic");

    fn check(&self) -> Result<()> {
        check_range("scale", self.scale, [0.0, 0.95])?;
        check_range("translate", self.translate, [0.0, 0.5])?;
        check_range("degrees", self.degrees, [0.0, 180.0])?;
        if !(0.0..=30.0).contains(&self.shear) {
            return Err(Error::config(format!(
                "shear = {}: expected 0 to 30 degrees",
                self.shear
            )));
        }
        Ok(())
    }

    fn sources(&self) -> Sources {
        Sources::Random(3)
    }

    fn draw(&self, rng: &mut RandomStream, frame: Size) -> MixPlan {
        let mut middle = |length: u32| (rng.uniform(0.5, 1.5) * f64::from(length)) as u32;
        let yc = middle(frame.height);
        let xc = middle(frame.width);
        let mut order = [0, 1, 2, 3];
        rng.shuffle(&mut order);
        let mut around = |reach: f64| rng.uniform(-reach, reach);
        let degrees = around(self.degrees);
        let scale = 1.0 + around(self.scale);
        let shear = [around(self.shear), around(self.shear)];
        let middle = [0.5 + around(self.translate), 0.5 + around(self.translate)];
        let map = Mosaic4::map(degrees, scale, shear, middle, frame);
        compute_later(
            Mosaic {
                fill: self.fill,
                order,
                center: [yc, xc],
                map,
            },
            |mosaic, _| MixResult::from(Blend::Mosaic(mosaic.clone().into())),
        )
    }
}
