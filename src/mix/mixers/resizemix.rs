//! ResizeMix (Qin et al., 2020, arXiv 2012.11101): the whole partner, shrunk into a rectangle.
//! Unlike a cut, the rectangle always shows the partner's object.

use serde::{Deserialize, Serialize};

use super::cutmix::official_rect;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, MixPlan, Mixer, Tile, TileFilter, Tiles};
use crate::rng::RandomStream;
use crate::spec::{check_ends, is_default};

/// The implementation that the size of the box follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeDialect {
    /// OpenMixup: the sides are `tau` times those of the image.
    #[default]
    OpenMixup,
    /// mmpretrain: the box of CutMix for the weight `beta * (high - low) + low`.
    MmPretrain,
}

/// Resizes the whole partner into a rectangle; Qin et al., 2020 (arXiv 2012.11101).
///
/// * `scope` ([0.1, 0.8]): the ratio of the sides is uniform in this range.
/// * `alpha`: if given, the ratio is Beta(alpha, alpha), and uniform in `scope` if that value is
///   outside.
/// * `filter`: `nearest` (default), `bilinear` or `antialias`.
/// * `unclipped` (false): the box lies inside the image; otherwise it is clipped at the border.
/// * `dialect`: `openmixup` (default) or `mmpretrain`.
///
/// The weights of labels are the areas.
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
    /// A mixer with ratios of sides that are uniform in `low` to `high`.
    pub fn new(low: f64, high: f64) -> ResizeMix {
        ResizeMix {
            scope: [low, high],
            ..ResizeMix::default()
        }
    }

    /// The same mixer with Beta(alpha, alpha) ratios.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> ResizeMix {
        ResizeMix {
            alpha: Some(alpha),
            ..self
        }
    }

    /// The same mixer with another filter.
    #[must_use]
    pub fn filter(self, filter: TileFilter) -> ResizeMix {
        ResizeMix { filter, ..self }
    }

    /// Height and width of the box before it is clipped. `tau` is the ratio of the sides, or the
    /// weight of A in the dialect of mmpretrain.
    pub fn sides(&self, tau: f64, frame: Size) -> [u32; 2] {
        let ratio = match self.dialect {
            ResizeDialect::OpenMixup => tau,
            ResizeDialect::MmPretrain => libm::sqrt(1.0 - tau),
        };
        [frame.height, frame.width].map(|side| (f64::from(side) * ratio) as u32)
    }

    /// The blend for a box with these sides (height, width) around a center (row, column), clipped
    /// at the border.
    pub fn blend(&self, sides: [u32; 2], center: [u32; 2], frame: Size) -> Blend {
        self.in_rect(official_rect(sides, center, frame), frame)
    }

    /// The blend that shows all of B in a rectangle; A alone if the rectangle is empty.
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
        // Drawn in every case, so that each draw takes the same numbers of the stream.
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
