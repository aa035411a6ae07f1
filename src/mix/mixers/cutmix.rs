//! CutMix (Yun et al., 2019, arXiv 1905.04899): a rectangle of the partner, pasted over the image.
//!
//! Implementations agree on the distribution of the box, but round its sides differently, which
//! moves boxes by a pixel and changes the weights of labels. [`Geometry`] chooses the rounding;
//! timm's is the default.

use serde::{Deserialize, Serialize};

use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
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
    /// The box for the share `lam` of A around the center (`cy`, `cx`), clipped to the image: first
    /// row, first column, end row, end column.
    pub fn rect(&self, lam: f64, cy: u32, cx: u32, frame: Size) -> [u32; 4] {
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
            (center.saturating_sub(before), (center + after).min(length))
        };
        let (y0, y1) = span(frame.height, cy);
        let (x0, x1) = span(frame.width, cx);
        [y0, x0, y1, x1]
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

    fn draw(&self, rng: &mut RandomStream, frame: Size) -> MixPlan {
        if let Some([low, high]) = self.min_max.map(Interval::ends) {
            let mut side = |length: u32| {
                let (from, to) = (
                    (f64::from(length) * low) as u64,
                    (f64::from(length) * high) as u64,
                );
                (from + rng.below((to - from).max(1))) as u32
            };
            let (height, width) = (side(frame.height), side(frame.width));
            let y0 = rng.below(u64::from(frame.height - height) + 1) as u32;
            let x0 = rng.below(u64::from(frame.width - width) + 1) as u32;
            return Blend::Box {
                rect: [y0, x0, y0 + height, x0 + width],
            }
            .into();
        }
        let lam = rng.beta(self.alpha, self.alpha);
        let mut center = |length: u32| {
            let cut = (f64::from(length) * libm::sqrt(1.0 - lam)) as u32;
            let away = (self.margin * f64::from(cut)) as u32;
            away + rng.below(u64::from(length - 2 * away).max(1)) as u32
        };
        let (cy, cx) = (center(frame.height), center(frame.width));
        let blend = Blend::Box {
            rect: self.rect(lam, cy, cx, frame),
        };
        if self.correct_lam || blend.lam(frame) == 1.0 {
            return blend.into();
        }
        MixPlan::Ready(MixResult::from(blend).label(Label::Weights(vec![lam, 1.0 - lam])))
    }
}

/// The box of the authors' code with sides (height, width) around a center (row, column): half
/// sizes are rounded down on both sides, and the box is clipped to the image.
pub(super) fn official_rect(sides: [u32; 2], [cy, cx]: [u32; 2], frame: Size) -> [u32; 4] {
    let [height, width] = sides.map(|side| side / 2);
    [
        cy.saturating_sub(height),
        cx.saturating_sub(width),
        (cy + height).min(frame.height),
        (cx + width).min(frame.width),
    ]
}
