//! CutMix (Yun et al., 2019, arXiv 1905.04899): a rectangle of the partner, pasted over the image.
//!
//! Implementations agree on the distribution of the box, but round its sides differently, which
//! moves boxes by a pixel and changes the weights of labels. [`Geometry`] chooses the rounding;
//! timm's is the default.

use serde::{Deserialize, Serialize};

use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::{Point, Rect, Size};
use crate::mix::{Blend, Label, MixPlan, MixResult, Mixer};
use crate::rng::RandomStream;
use crate::spec::Interval;
use crate::word_param;

/// The implementation that defines the rounding of a box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Geometry {
    /// The authors' code: the half sizes on both sides of the center are rounded down, so an odd
    /// size loses a pixel.
    Official,
    /// timm 1.0: an odd size keeps its full length.
    #[default]
    Timm,
    /// torchvision: the half sizes are truncated.
    Torchvision,
}

word_param!(Geometry);

/// Pastes a rectangle of the partner over the image; Yun et al., 2019 (arXiv 1905.04899).
///
/// The share of A is Beta(alpha, alpha) before the box is clipped at the border; the weight of A's
/// label is its exact share of the pixels afterwards.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::{CutMix, Geometry};
/// use feedmill::testing::assert_mixer;
///
/// let mixer = CutMix::new().with_geometry(Geometry::Torchvision);
/// assert_mixer(r#"{ mix = "cutmix", geometry = "torchvision" }"#, &mixer);
/// ```
#[declare(name = "cutmix", like = ["torchvision CutMix", "timm Mixup", "CutMix-PyTorch"])]
#[derive(Clone, Debug, PartialEq)]
pub struct CutMix {
    /// The parameter of the share's distribution: 1 in the paper and in DeiT.
    #[param(default = 1.0, range = [1e-9, 1e9])]
    alpha: f64,
    /// The implementation that defines the rounding of a box.
    #[param(default = Geometry::Timm)]
    geometry: Geometry,
    /// Draws each side of the box uniformly between these shares of the side of the image instead,
    /// as timm's `cutmix_minmax` does. Such a box is never clipped.
    #[param(default, range = [0.0, 1.0])]
    min_max: Option<Interval>,
    /// Keeps the center away from the border by this share of the box's sides.
    #[param(default = 0.0, range = [0.0, 0.5])]
    margin: f64,
    /// False weighs labels by the share before clipping, as timm does with this option.
    #[param(default = true)]
    correct_lam: bool,
}

impl CutMix {
    /// The box for the share `lam` of A around a center, clipped to an image of this size.
    pub fn rect(&self, lam: f64, center: Point, size: Size) -> Rect {
        let side = libm::sqrt(1.0 - lam);
        // All three truncate products in f64, as the references do: rounding would move edges.
        let span = |length: u32, center: u32| {
            let (before, after) = match self.geometry {
                Geometry::Official => {
                    let cut = (f64::from(length) * side) as u32;
                    (cut / 2, cut / 2)
                }
                Geometry::Timm => {
                    let cut = (f64::from(length) * side) as u32;
                    (cut / 2, cut.div_ceil(2))
                }
                Geometry::Torchvision => {
                    let half = (0.5 * side * f64::from(length)) as u32;
                    (half, half)
                }
            };
            clipped(center, before, after, length)
        };
        let (left, width) = span(size.width, center.x);
        let (top, height) = span(size.height, center.y);
        Rect::new(left, top, width, height)
    }
}

impl Mixer for CutMix {
    fn check(&self) -> Result<()> {
        match self.min_max.map(Interval::ends) {
            Some([low, high]) if !(0.0 < low && low < high) => Err(Error::config(format!(
                "min_max = [{low}, {high}]: expected 0 < low < high <= 1"
            ))
            .about_key("min_max")),
            _ => Ok(()),
        }
    }

    fn draw(&self, rng: &mut RandomStream, size: Size) -> MixPlan {
        if let Some([low, high]) = self.min_max.map(Interval::ends) {
            let mut side = |length: u32| {
                let (from, to) = (
                    (f64::from(length) * low) as u64,
                    (f64::from(length) * high) as u64,
                );
                (from + rng.below((to - from).max(1))) as u32
            };
            let (height, width) = (side(size.height), side(size.width));
            let top = rng.below(u64::from(size.height - height) + 1) as u32;
            let left = rng.below(u64::from(size.width - width) + 1) as u32;
            return Blend::Box {
                rect: Rect::new(left, top, width, height),
            }
            .into();
        }
        let lam = rng.beta(self.alpha, self.alpha);
        let mut center = |length: u32| {
            let cut = (f64::from(length) * libm::sqrt(1.0 - lam)) as u32;
            let away = (self.margin * f64::from(cut)) as u32;
            away + rng.below(u64::from(length - 2 * away).max(1)) as u32
        };
        let (y, x) = (center(size.height), center(size.width));
        let blend = Blend::Box {
            rect: self.rect(lam, Point::new(x, y), size),
        };
        if self.correct_lam || blend.lam(size) == 1.0 {
            return blend.into();
        }
        MixPlan::Ready(MixResult::from(blend).label(Label::Weights(vec![lam, 1.0 - lam])))
    }
}

/// The first pixel and the number of pixels of a span around a center that is clipped to a line of
/// `length` pixels.
fn clipped(center: u32, before: u32, after: u32, length: u32) -> (u32, u32) {
    let first = center.saturating_sub(before);
    (first, (center + after).min(length).saturating_sub(first))
}

/// The box of the authors' code with these sides around a center: half sizes are rounded down on
/// both sides, and the box is clipped to an image of this size.
pub(super) fn official_rect(sides: Size, center: Point, size: Size) -> Rect {
    let (across, down) = (sides.width / 2, sides.height / 2);
    let (left, width) = clipped(center.x, across, across, size.width);
    let (top, height) = clipped(center.y, down, down, size.height);
    Rect::new(left, top, width, height)
}
