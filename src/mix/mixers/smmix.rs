//! SMMix: the most attended square of the partner in place of the least attended one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::mixer_basics;
use crate::mix::{Blend, MapSource, MixPlan, MixResult, Mixer, Patch, Patches, ResolveMix, Scene};
use crate::rng::RandomStream;
use crate::spec::check_range;

/// The partner's most attended square of patches over the slot's own least attended one; Chen et
/// al., 2023 (arXiv 2212.12977).
///
/// The square's side is uniform among the integers from `int(grid * low)` to `int(grid * high)`,
/// with `side = [low, high]` ([0.25, 0.75]). `grid` (14) divides the image's sides. `map` is
/// `fine_grained` (default), `spectral_residual`, or the name of a plane. Labels weigh by area.
/// Notes: `side`, and the first patch of both squares as `row`, `column`, `from_row`,
/// `from_column`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmMix {
    #[serde(default = "fourteen")]
    grid: u32,
    #[serde(default = "quarters")]
    side: [f64; 2],
    #[serde(default)]
    map: MapSource,
}

fn fourteen() -> u32 {
    14
}

fn quarters() -> [f64; 2] {
    [0.25, 0.75]
}

impl SmMix {
    /// On a grid of so many patches a side.
    pub fn new(grid: u32) -> SmMix {
        SmMix {
            grid,
            side: quarters(),
            map: MapSource::default(),
        }
    }

    /// With another map.
    #[must_use]
    pub fn map(self, map: MapSource) -> SmMix {
        SmMix { map, ..self }
    }

    fn ends(&self) -> [u32; 2] {
        self.side.map(|share| (f64::from(self.grid) * share) as u32)
    }

    /// The first of the squares of `side` cells with the least sum of a square map, or with the
    /// greatest: its row and column.
    pub fn square(map: &[f32], grid: u32, side: u32, greatest: bool) -> [u32; 2] {
        let sum = |row: u32, column: u32| -> f64 {
            let lines =
                (row..row + side).map(|y| &map[(y * grid + column) as usize..][..side as usize]);
            lines.flatten().map(|value| f64::from(*value)).sum()
        };
        let mut best = ([0, 0], sum(0, 0));
        for row in 0..=grid - side {
            for column in 0..=grid - side {
                let sum = sum(row, column);
                if if greatest { sum > best.1 } else { sum < best.1 } {
                    best = ([row, column], sum);
                }
            }
        }
        best.0
    }

    /// The blend for a side of squares, and the maps of both images.
    pub fn outcome(side: u32, grid: u32, own: &[f32], partner: &[f32]) -> MixResult {
        let [row, column] = SmMix::square(own, grid, side, false);
        let [from_row, from_column] = SmMix::square(partner, grid, side, true);
        let inside = |at: u32, first: u32| (first..first + side).contains(&at);
        let patch = |cell: u32| {
            let (y, x) = (cell / grid, cell % grid);
            if inside(y, row) && inside(x, column) {
                let cell = (y - row + from_row) * grid + x - column + from_column;
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
        let patches = Patches::new(grid, grid, (0..grid * grid).map(|cell| vec![patch(cell)]));
        let notes = [side, row, column, from_row, from_column].map(f64::from);
        let names = ["side", "row", "column", "from_row", "from_column"];
        MixResult {
            notes: names.into_iter().zip(notes).collect(),
            ..Blend::Patches(patches.into()).into()
        }
    }
}

#[derive(Debug)]
struct SmDraw {
    side: u32,
    grid: u32,
    map: MapSource,
}

impl ResolveMix for SmDraw {
    fn resolve(&self, scene: &Scene<'_>, slot: usize, sources: &[usize]) -> Result<MixResult> {
        let map = |slot| scene.map(slot, &self.map, [self.grid; 2]);
        Ok(SmMix::outcome(
            self.side,
            self.grid,
            &map(slot)?,
            &map(sources[1])?,
        ))
    }
}

impl Mixer for SmMix {
    mixer_basics!("smmix");

    fn check(&self) -> Result<()> {
        check_range("grid", f64::from(self.grid), [1.0, 256.0])?;
        let [low, high] = self.ends();
        if !(1 <= low && low <= high && high < self.grid) {
            return Err(Error::config(format!(
                "side = {:?}: squares of {low} to {high} patches of {}; expected 1 <= low <= high < grid",
                self.side, self.grid
            )));
        }
        Ok(())
    }

    fn fits(&self, frame: Size) -> Result<()> {
        if frame.width.is_multiple_of(self.grid) && frame.height.is_multiple_of(self.grid) {
            return Ok(());
        }
        Err(Error::config(format!(
            "grid = {} does not divide images of {frame} pixels",
            self.grid
        )))
    }

    fn planes(&self) -> Vec<&str> {
        self.map.plane().into_iter().collect()
    }

    fn draw(&self, rng: &mut RandomStream, _frame: Size) -> MixPlan {
        let [low, high] = self.ends();
        let side = low + rng.below(u64::from(high - low) + 1) as u32;
        MixPlan::Deferred(Arc::new(SmDraw {
            side,
            grid: self.grid,
            map: self.map.clone(),
        }))
    }
}
