//! MixUp and CutMix.

use serde::{Deserialize, Serialize};

use super::{Blend, Method, Mixer};
use crate::augment::{Frame, params_of};
use crate::draws::Draws;
use crate::error::{Error, Result};

/// Beyond these bounds the weight is 0, 1 or 1/2 for sure, and the arithmetic of the draw ends in NaN.
fn check_alpha(alpha: f64) -> Result<()> {
    if (1e-9..=1e9).contains(&alpha) {
        Ok(())
    } else {
        Err(Error::config(format!("alpha = {alpha}: expected a positive number, 1e-9 to 1e9")))
    }
}

/// A weighted mean of two pictures and their labels; Zhang et al., 2018 (arXiv 1710.09412).
///
/// The weight is Beta(alpha, alpha): 0.2 to 0.4 on ImageNet, 1 on CIFAR in the paper, 0.8 in DeiT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixUp {
    alpha: f64,
}

impl MixUp {
    /// With Beta(alpha, alpha) weights.
    pub fn new(alpha: f64) -> MixUp {
        MixUp { alpha }
    }
}

impl Mixer for MixUp {
    fn method(&self) -> Method {
        Method::MixUp
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        check_alpha(self.alpha)
    }

    fn draw(&self, draws: &mut Draws, _frame: Frame) -> Blend {
        Blend::Uniform { lam: draws.beta(self.alpha, self.alpha) }
    }
}

/// Whose rounding a cut box follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Geometry {
    /// The authors' code: half sizes round down on both sides, so an odd size loses a pixel.
    Official,
    /// timm 1.0: an odd size keeps its full length.
    #[default]
    Timm,
    /// torchvision: the half sizes are truncated.
    Torchvision,
}

/// A rectangle of the partner pasted over the picture; labels weigh by area; Yun et al., 2019 (arXiv 1905.04899).
///
/// The share that stays is Beta(alpha, alpha) before the box is clipped at the border; the label's weight is the exact
/// share of pixels after it. alpha is 1 in the paper and in DeiT. `min_max = [low, high]` draws each side of the box
/// uniformly between these shares of the picture's instead, as timm's `cutmix_minmax` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutMix {
    #[serde(default = "one")]
    alpha: f64,
    #[serde(default)]
    geometry: Geometry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_max: Option<[f64; 2]>,
}

fn one() -> f64 {
    1.0
}

impl CutMix {
    /// With Beta(alpha, alpha) shares, timm's rounding.
    pub fn new(alpha: f64) -> CutMix {
        CutMix { alpha, geometry: Geometry::default(), min_max: None }
    }

    /// With another rounding.
    #[must_use]
    pub fn geometry(self, geometry: Geometry) -> CutMix {
        CutMix { geometry, ..self }
    }

    /// The box for a share `lam` that stays and a centre (`cy`, `cx`), clipped: first row, first column, end row, end column.
    pub fn rect(&self, lam: f64, cy: u32, cx: u32, frame: Frame) -> [u32; 4] {
        let side = libm::sqrt(1.0 - lam);
        let span = |length: u32, centre: u32| {
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
            (centre.saturating_sub(before), (centre + after).min(length))
        };
        let (y0, y1) = span(frame.height, cy);
        let (x0, x1) = span(frame.width, cx);
        [y0, x0, y1, x1]
    }
}

impl Mixer for CutMix {
    fn method(&self) -> Method {
        Method::CutMix
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        if let Some([low, high]) = self.min_max
            && !(0.0 < low && low < high && high <= 1.0)
        {
            return Err(Error::config(format!("min_max = [{low}, {high}]: expected 0 < low < high <= 1")));
        }
        check_alpha(self.alpha)
    }

    fn draw(&self, draws: &mut Draws, frame: Frame) -> Blend {
        if let Some([low, high]) = self.min_max {
            let mut side = |length: u32| {
                let (from, to) = ((f64::from(length) * low) as u64, (f64::from(length) * high) as u64);
                (from + draws.below((to - from).max(1))) as u32
            };
            let (height, width) = (side(frame.height), side(frame.width));
            let y0 = draws.below(u64::from(frame.height - height) + 1) as u32;
            let x0 = draws.below(u64::from(frame.width - width) + 1) as u32;
            return Blend::Box { rect: [y0, x0, y0 + height, x0 + width] };
        }
        let lam = draws.beta(self.alpha, self.alpha);
        let cy = draws.below(u64::from(frame.height)) as u32;
        let cx = draws.below(u64::from(frame.width)) as u32;
        Blend::Box { rect: self.rect(lam, cy, cx, frame) }
    }
}
