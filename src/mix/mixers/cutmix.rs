//! CutMix (Yun et al., 2019, arXiv 1905.04899): a rectangle of the partner, pasted over the image.
//!
//! Implementations agree on the distribution of the box, but round its sides differently, which
//! moves boxes by a pixel and changes the weights of labels. [`Geometry`] chooses the rounding;
//! timm's is the default.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, Label, MixPlan, MixResult, Mixer};
use crate::rng::RandomStream;
use crate::spec::{check_range, is_default, one, yes};

/// The implementation that defines the rounding of a box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// Pastes a rectangle of the partner over the image; Yun et al., 2019 (arXiv 1905.04899).
///
/// The share of A is Beta(alpha, alpha) before the box is clipped at the border; the weight of A's
/// label is its exact share of the pixels afterwards.
///
/// * `alpha` (1): 1 in the paper and in DeiT.
/// * `geometry`: `timm` (default), `official` or `torchvision`.
/// * `min_max`: with `[low, high]`, each side of the box is drawn uniformly between these shares of
///   the side of the image instead, as by timm's `cutmix_minmax`. Such a box is never clipped.
/// * `margin` (0): keeps the center away from the border by this share of the box's sides.
/// * `correct_lam` (true): false weighs labels by the share before clipping, as timm does with this
///   option.

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutMix {
    #[serde(default = "one")]
    alpha: f64,
    #[serde(default)]
    geometry: Geometry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_max: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "is_default")]
    margin: f64,
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    correct_lam: bool,
}

impl CutMix {
    /// A mixer with Beta(alpha, alpha) shares and timm's rounding.
    pub fn new(alpha: f64) -> CutMix {
        CutMix {
            alpha,
            geometry: Geometry::default(),
            min_max: None,
            margin: 0.0,
            correct_lam: true,
        }
    }

    /// The same mixer with another rounding.
    #[must_use]
    pub fn geometry(self, geometry: Geometry) -> CutMix {
        CutMix { geometry, ..self }
    }

    /// The same mixer with sides drawn uniformly between the shares `low` and `high` of those of
    /// the image.
    #[must_use]
    pub fn min_max(self, low: f64, high: f64) -> CutMix {
        CutMix {
            min_max: Some([low, high]),
            ..self
        }
    }

    /// The same mixer with the center kept away from the border by this share of the box's sides.
    #[must_use]
    pub fn margin(self, margin: f64) -> CutMix {
        CutMix { margin, ..self }
    }

    /// The same mixer with labels weighted by the drawn share, even if the box is clipped.
    #[must_use]
    pub fn drawn_lam(self) -> CutMix {
        CutMix {
            correct_lam: false,
            ..self
        }
    }

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
    mixer_basics!("cutmix");

    fn check(&self) -> Result<()> {
        if let Some([low, high]) = self.min_max
            && !(0.0 < low && low < high && high <= 1.0)
        {
            return Err(Error::config(format!(
                "min_max = [{low}, {high}]: expected 0 < low < high <= 1"
            )));
        }
        check_range("margin", self.margin, [0.0, 0.5])?;
        check_alpha(self.alpha)
    }

    fn draw(&self, rng: &mut RandomStream, frame: Size) -> MixPlan {
        if let Some([low, high]) = self.min_max {
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
