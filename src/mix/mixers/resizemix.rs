//! ResizeMix.

use serde::{Deserialize, Serialize};

use super::cutmix::official_rect;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, MixPlan, Mixer, Tile, TileFilter, Tiles};
use crate::rng::RandomStream;
use crate::spec::{check_ends, is_default};

/// Whose rule the size of the box follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeDialect {
    /// OpenMixup: the sides are `tau` times the image's.
    #[default]
    OpenMixup,
    /// mmpretrain: CutMix's box for a weight of `beta * (high - low) + low`.
    MmPretrain,
}

/// The whole partner, resized into a rectangle; Qin et al., 2020 (arXiv 2012.11101).
///
/// The ratio of sides is uniform in `scope` ([0.1, 0.8]), or Beta(alpha, alpha) if `alpha` is
/// given, drawn uniformly where that is outside. `filter` is `nearest` (default), `bilinear` or
/// `antialias`. The box is clipped at the border unless `unclipped` puts it where it fits. Labels
/// weigh by area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizeMix {
    #[serde(default = "scope")]
    scope: [f64; 2],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alpha: Option<f64>,
    #[serde(default)]
    filter: TileFilter,
    #[serde(default, skip_serializing_if = "is_default")]
    unclipped: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    dialect: ResizeDialect,
}

fn scope() -> [f64; 2] {
    [0.1, 0.8]
}

impl Default for ResizeMix {
    fn default() -> ResizeMix {
        ResizeMix {
            scope: scope(),
            alpha: None,
            filter: TileFilter::Nearest,
            unclipped: false,
            dialect: ResizeDialect::OpenMixup,
        }
    }
}

impl ResizeMix {
    /// With ratios of sides uniform in an interval.
    pub fn new(low: f64, high: f64) -> ResizeMix {
        ResizeMix {
            scope: [low, high],
            ..ResizeMix::default()
        }
    }

    /// With Beta(alpha, alpha) ratios.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> ResizeMix {
        ResizeMix {
            alpha: Some(alpha),
            ..self
        }
    }

    /// With another filter.
    #[must_use]
    pub fn filter(self, filter: TileFilter) -> ResizeMix {
        ResizeMix { filter, ..self }
    }

    /// The sides of the box, before it is clipped, for a ratio of sides, or for a weight in
    /// mmpretrain's dialect.
    pub fn sides(&self, tau: f64, frame: Size) -> [u32; 2] {
        let ratio = match self.dialect {
            ResizeDialect::OpenMixup => tau,
            ResizeDialect::MmPretrain => libm::sqrt(1.0 - tau),
        };
        [frame.height, frame.width].map(|side| (f64::from(side) * ratio) as u32)
    }

    /// The blend for sides and the center of the box, which is clipped.
    pub fn blend(&self, sides: [u32; 2], center: [u32; 2], frame: Size) -> Blend {
        self.in_rect(official_rect(sides, center, frame), frame)
    }

    fn in_rect(&self, to: [u32; 4], frame: Size) -> Blend {
        let [y0, x0, y1, x1] = to;
        if y0 >= y1 || x0 >= x1 {
            return Blend::Keep;
        }
        let from = [0, 0, frame.height, frame.width];
        Blend::Tiles(
            Tiles::one(Tile {
                source: 1,
                from,
                to,
                filter: self.filter,
            })
            .into(),
        )
    }
}

impl Mixer for ResizeMix {
    mixer_basics!("resizemix");

    fn check(&self) -> Result<()> {
        check_ends("scope", self.scope, [0.0, 1.0])?;
        if self.dialect == ResizeDialect::MmPretrain && self.unclipped {
            return Err(Error::config(
                "unclipped = true is not mmpretrain's dialect",
            ));
        }
        self.alpha.map_or(Ok(()), check_alpha)
    }

    fn draw(&self, rng: &mut RandomStream, frame: Size) -> MixPlan {
        let [low, high] = self.scope;
        let uniform = rng.uniform(low, high);
        let tau = match (self.dialect, self.alpha) {
            (ResizeDialect::MmPretrain, alpha) => {
                let alpha = alpha.unwrap_or(1.0);
                rng.beta(alpha, alpha) * (high - low) + low
            }
            (ResizeDialect::OpenMixup, Some(alpha)) => {
                let tau = rng.beta(alpha, alpha);
                if (low..=high).contains(&tau) {
                    tau
                } else {
                    uniform
                }
            }
            (ResizeDialect::OpenMixup, None) => uniform,
        };
        let sides = self.sides(tau, frame);
        let mut below = |n: u32| rng.below(u64::from(n)) as u32;
        if self.unclipped {
            let [height, width] = sides;
            let x0 = below(frame.width - width + 1);
            let y0 = below(frame.height - height + 1);
            return self
                .in_rect([y0, x0, y0 + height, x0 + width], frame)
                .into();
        }
        let cx = below(frame.width);
        let cy = below(frame.height);
        self.blend(sides, [cy, cx], frame).into()
    }
}
