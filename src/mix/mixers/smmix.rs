//! SMMix (Chen et al., 2023, arXiv 2212.12977): the most attended square of the partner replaces
//! the least attended one of the image. The paper takes the attention from the model in training;
//! here the map comes from the image or from a plane.

use std::sync::Arc;

use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::{Point, Size};
use crate::mix::{Blend, MapSource, MixPlan, MixResult, Mixer, Patch, Patches, ResolveMix, Scene};
use crate::rng::RandomStream;
use crate::spec::Interval;

/// Pastes the most attended square of the partner's patches over the least attended square of the
/// slot's own; Chen et al., 2023 (arXiv 2212.12977).
///
/// The weights of labels are the areas. The notes are `side` and the first patches of both squares:
/// `row` and `column` in the slot, `from_row` and `from_column` in the partner.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::SmMix;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = SmMix::new().with_grid(16);
/// assert_mixer(r#"{ mix = "smmix", grid = 16 }"#, &mixer);
/// ```
#[declare(name = "smmix", like = ["SMMix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct SmMix {
    /// The patches per side, which must divide the sides of the image.
    #[param(default = 14, range = [1.0, 256.0])]
    grid: u32,
    /// The side of the square is uniform among the integers from `int(grid * low)` to
    /// `int(grid * high)`.
    #[param(default = Interval::new(0.25, 0.75), range = [0.0, 1.0])]
    side: Interval,
    /// The map: one that is computed from the image, or a plane.
    #[param(default = MapSource::FineGrained)]
    map: MapSource,
}

impl SmMix {
    /// The smallest and the largest side of a square, in patches.
    fn ends(&self) -> [u32; 2] {
        self.side
            .ends()
            .map(|share| (f64::from(self.grid) * share) as u32)
    }

    /// The first cell of the square of `side` x `side` cells with the greatest sum of a map, or
    /// with the least sum if `greatest` is false. Of equal sums the first one wins.
    ///
    /// `map` has `grid` x `grid` values in row-major order.
    pub(crate) fn square(map: &[f32], grid: u32, side: u32, greatest: bool) -> Point {
        let sum = |row: u32, column: u32| -> f64 {
            let lines =
                (row..row + side).map(|y| &map[(y * grid + column) as usize..][..side as usize]);
            lines.flatten().map(|value| f64::from(*value)).sum()
        };
        let mut best = (Point::new(0, 0), sum(0, 0));
        for row in 0..=grid - side {
            for column in 0..=grid - side {
                let sum = sum(row, column);
                if if greatest { sum > best.1 } else { sum < best.1 } {
                    best = (Point::new(column, row), sum);
                }
            }
        }
        best.0
    }

    /// The result for squares of `side` x `side` patches, from the maps of both images.
    pub(crate) fn outcome(side: u32, grid: u32, own: &[f32], partner: &[f32]) -> MixResult {
        let to = SmMix::square(own, grid, side, false);
        let from = SmMix::square(partner, grid, side, true);
        let inside = |at: u32, first: u32| (first..first + side).contains(&at);
        let patch = |cell: u32| {
            let (y, x) = (cell / grid, cell % grid);
            if inside(x, to.x) && inside(y, to.y) {
                let cell = (y - to.y + from.y) * grid + x - to.x + from.x;
                Patch {
                    source: 1,
                    cell,
                    weight: 1.0,
                }
            } else {
                Patch {
                    source: 0,
                    cell,
                    weight: 1.0,
                }
            }
        };
        let patches = Patches::new(
            Size::square(grid),
            (0..grid * grid).map(|cell| vec![patch(cell)]),
        );
        let notes = [side, to.y, to.x, from.y, from.x].map(f64::from);
        let names = ["side", "row", "column", "from_row", "from_column"];
        MixResult {
            notes: names.into_iter().zip(notes).collect(),
            ..Blend::Patches(patches.into()).into()
        }
    }
}

/// A draw that waits for the maps of both images.
#[derive(Debug)]
struct SmMixDraw {
    side: u32,
    grid: u32,
    map: MapSource,
}

impl ResolveMix for SmMixDraw {
    fn resolve(&self, scene: &Scene<'_>, slot: usize, sources: &[usize]) -> Result<MixResult> {
        let map = |slot| scene.map(slot, &self.map, Size::square(self.grid));
        Ok(SmMix::outcome(
            self.side,
            self.grid,
            &map(slot)?,
            &map(sources[1])?,
        ))
    }
}

impl Mixer for SmMix {
    fn check(&self) -> Result<()> {
        let [low, high] = self.ends();
        if !(1 <= low && low <= high && high < self.grid) {
            return Err(Error::config(format!(
                "side = {:?}: squares of {low} to {high} patches of {}; \
                 expected 1 <= low <= high < grid",
                self.side.ends(),
                self.grid
            ))
            .about_key("side"));
        }
        Ok(())
    }

    fn fits(&self, size: Size) -> Result<()> {
        if size.width.is_multiple_of(self.grid) && size.height.is_multiple_of(self.grid) {
            return Ok(());
        }
        Err(Error::config(format!(
            "grid = {} does not divide images of {size} pixels",
            self.grid
        )))
    }

    fn planes(&self) -> Vec<&str> {
        self.map.plane().into_iter().collect()
    }

    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        let [low, high] = self.ends();
        let side = low + rng.below(u64::from(high - low) + 1) as u32;
        MixPlan::Deferred(Arc::new(SmMixDraw {
            side,
            grid: self.grid,
            map: self.map.clone(),
        }))
    }
}
