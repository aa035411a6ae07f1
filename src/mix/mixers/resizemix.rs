//! ResizeMix (Qin et al., 2020, arXiv 2012.11101): the whole partner, shrunk into a rectangle.
//! Unlike a cut, the rectangle always shows the partner's object.

use serde::{Deserialize, Serialize};

use super::cutmix::official_rect;
use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::{Point, Rect, Size};
use crate::mix::{Blend, MixPlan, Mixer, Tile, TileFilter, Tiles};
use crate::rng::RandomStream;
use crate::spec::Interval;
use crate::word_param;

/// The implementation that the size of the box follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResizeDialect {
    /// OpenMixup: the sides are `tau` times those of the image.
    #[default]
    OpenMixup,
    /// mmpretrain: the box of CutMix for the weight `beta * (high - low) + low`.
    MmPretrain,
}

word_param!(ResizeDialect);

/// Resizes the whole partner into a rectangle; Qin et al., 2020 (arXiv 2012.11101).
///
/// The weights of labels are the areas.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::ResizeMix;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = ResizeMix::new().with_scope([0.2, 0.6]);
/// assert_mixer(r#"{ mix = "resizemix", scope = [0.2, 0.6] }"#, &mixer);
/// ```
#[declare(name = "resizemix", like = ["OpenMixup resizemix", "mmpretrain ResizeMix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct ResizeMix {
    /// The ratio of the sides is uniform in this range.
    #[param(default = Interval::new(0.1, 0.8), range = [0.0, 1.0])]
    scope: Interval,
    /// If given, the ratio is Beta(alpha, alpha), and uniform in `scope` if that value is outside.
    #[param(default, range = [1e-9, 1e9])]
    alpha: Option<f64>,
    /// The filter of the resize.
    #[param(default = TileFilter::Nearest)]
    filter: TileFilter,
    /// Whether the box lies inside the image; otherwise it is clipped at the border.
    #[param(default)]
    unclipped: bool,
    /// The implementation that the size of the box follows.
    #[param(default = ResizeDialect::OpenMixup)]
    dialect: ResizeDialect,
}

impl ResizeMix {
    /// The sides of the box before it is clipped to an image of this size. `tau` is the ratio of
    /// the sides, or the weight of A in the dialect of mmpretrain.
    pub(crate) fn sides(&self, tau: f64, size: Size) -> Size {
        let ratio = match self.dialect {
            ResizeDialect::OpenMixup => tau,
            ResizeDialect::MmPretrain => libm::sqrt(1.0 - tau),
        };
        let side = |length: u32| (f64::from(length) * ratio) as u32;
        Size::new(side(size.width), side(size.height))
    }

    /// The blend for a box with these sides around a center, clipped to an image of this size.
    pub(crate) fn blend(&self, sides: Size, center: Point, size: Size) -> Blend {
        self.in_rect(official_rect(sides, center, size), size)
    }

    /// The blend that shows all of B in a rectangle; A alone if the rectangle is empty.
    fn in_rect(&self, to: Rect, size: Size) -> Blend {
        if to.width == 0 || to.height == 0 {
            return Blend::Keep;
        }
        let from = Rect::whole(size.width, size.height);
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
    fn check(&self) -> Result<()> {
        if self.dialect == ResizeDialect::MmPretrain && self.unclipped {
            return Err(
                Error::config("unclipped = true is not mmpretrain's dialect")
                    .about_key("unclipped"),
            );
        }
        Ok(())
    }

    fn draw(&self, rng: &mut RandomStream, size: Size) -> MixPlan {
        let [low, high] = self.scope.ends();
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
        let sides = self.sides(tau, size);
        let mut below = |n: u32| rng.below(u64::from(n)) as u32;
        if self.unclipped {
            let Size { width, height } = sides;
            let left = below(size.width - width + 1);
            let top = below(size.height - height + 1);
            return self
                .in_rect(Rect::new(left, top, width, height), size)
                .into();
        }
        let x = below(size.width);
        let y = below(size.height);
        self.blend(sides, Point::new(x, y), size).into()
    }
}
