//! GridMix: the partner is shown through a grid.
//!
//! Two different methods have this name. The paper (Baek et al., 2021, Pattern Recognition) divides
//! the whole image into cells and takes some of them from the partner. The public code, which
//! OpenMixup uses, punches a regular grid of holes into a rectangle. [`GridMode`] chooses between
//! them; holes are the default.

use serde::{Deserialize, Serialize};

use super::compute_later;
use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::{Blend, Mask, MixPlan, MixResult, Mixer};
use crate::rng::RandomStream;
use crate::spec::Interval;
use crate::word_param;

/// Which of the two methods with the name GridMix is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GridMode {
    /// That of the public code: a rectangle with a hole in each cell of a grid.
    #[default]
    Holes,
    /// That of the paper: some cells of a grid over the whole image.
    Cells,
}

word_param!(GridMode);

/// Shows the partner through a grid; Baek et al., 2021 (Pattern Recognition).
///
/// The share lam of A is Beta(alpha, alpha). The weights of labels are the areas. Each value of the
/// mode `holes` is drawn uniformly from its range. In the mode `cells`, `round((1 - lam) n n)`
/// cells of an n x n grid are taken from the partner.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::{GridMix, GridMode};
/// use feedmill::testing::assert_mixer;
///
/// let mixer = GridMix::new().with_mode(GridMode::Cells).with_cells(8);
/// assert_mixer(r#"{ mix = "gridmix", mode = "cells", cells = 8 }"#, &mixer);
/// ```
#[declare(name = "gridmix", like = ["OpenMixup gridmix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct GridMix {
    /// Which of the two methods with this name.
    #[param(default = GridMode::Holes)]
    mode: GridMode,
    /// The parameter of the distribution of the share.
    #[param(default = 1.0, range = [1e-9, 1e9])]
    alpha: f64,
    /// Mode `holes`: the holes per row, both ends included.
    #[param(default = [2, 6], range = [1.0, 1024.0])]
    holes: [u32; 2],
    /// Mode `holes`: the aspect ratio of a cell, height by width.
    #[param(default = Interval::new(1.0, 1.0), range = [0.01, 100.0])]
    hole_aspect: Interval,
    /// Mode `holes`: the share of the image that the rectangle of holes covers.
    #[param(default = Interval::new(0.5, 1.0), range = [0.01, 1.0])]
    cut_area: Interval,
    /// Mode `holes`: the aspect ratio of the rectangle, height by width.
    #[param(default = Interval::new(0.5, 2.0), range = [0.01, 100.0])]
    cut_aspect: Interval,
    /// Mode `cells`: the cells per side.
    #[param(default = 4, range = [1.0, 256.0])]
    cells: u32,
}

/// The random values of a grid of holes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Holes {
    /// The share of A in a cell, before rounding.
    pub(crate) lam: f64,
    /// The number of holes per row.
    pub(crate) count: u32,
    /// The aspect ratio of a cell, height by width.
    pub(crate) hole_aspect: f64,
    /// The share of the image that the rectangle covers.
    pub(crate) cut_area: f64,
    /// The aspect ratio of the rectangle, height by width.
    pub(crate) cut_aspect: f64,
    /// The position of the rectangle: the shares of the free columns and of the free rows before
    /// it, 0 to 1.
    pub(crate) at: [f64; 2],
}

impl Holes {
    /// The mask for images of this size.
    ///
    /// A rectangle larger than the image is cut off, and there are at most half as many holes as
    /// columns. The public code fails in both cases.
    pub(crate) fn mask(&self, size: Size) -> Mask {
        let (w, h) = (size.width, size.height);
        let area = (f64::from(w) * f64::from(h) * self.cut_area) as u32;
        let width = libm::sqrt(f64::from(area) / self.cut_aspect) as u32;
        let height = ((f64::from(width) * self.cut_aspect) as u32).clamp(1, h);
        let width = width.clamp(1, w);
        let left = (f64::from(w - width) * self.at[0]) as u32;
        let top = (f64::from(h - height) * self.at[1]) as u32;
        let count = self.count.clamp(1, (width / 2).max(1));
        let cell_width = width.div_ceil(count);
        let cell_height = ((f64::from(cell_width) * self.hole_aspect) as u32).max(1);
        let rows = height.div_ceil(cell_height);
        let ratio = libm::sqrt(1.0 - self.lam);
        let hole = |cell: u32| {
            ((f64::from(cell) * ratio) as u32)
                .max(1)
                .min((cell - 1).max(1))
        };
        let (hole_width, hole_height) = (hole(cell_width), hole(cell_height));
        // One row and one column more than there are cells, as in the public code: what lies beyond
        // the rectangle is empty.
        let mut weights = vec![0.0f32; w as usize * h as usize];
        for row in 0..=rows {
            let y = (cell_height * row).min(height);
            for y in y..(y + hole_height).min(height) {
                let line = &mut weights[(top + y) as usize * w as usize..][..w as usize];
                for column in 0..=count {
                    let x = (cell_width * column).min(width);
                    line[(left + x) as usize..(left + (x + hole_width).min(width)) as usize]
                        .fill(1.0);
                }
            }
        }
        Mask::new(size, weights)
    }
}

/// The random choice of cells.
#[derive(Debug)]
struct CellsDraw {
    side: u32,
    /// The cells that the partner shows in.
    chosen: Vec<u32>,
}

impl GridMix {
    /// The mask that takes the cells `chosen` of a `side` x `side` grid from B. Cell k of a line of
    /// `length` pixels begins at `floor(k * length / side)`.
    pub(crate) fn cell_mask(side: u32, chosen: &[u32], size: Size) -> Mask {
        let edge =
            |k: u32, length: u32| (u64::from(k) * u64::from(length) / u64::from(side)) as usize;
        let mut weights = vec![0.0f32; size.width as usize * size.height as usize];
        for cell in chosen {
            let (row, column) = (cell / side, cell % side);
            for y in edge(row, size.height)..edge(row + 1, size.height) {
                let line = &mut weights[y * size.width as usize..][..size.width as usize];
                line[edge(column, size.width)..edge(column + 1, size.width)].fill(1.0);
            }
        }
        Mask::new(size, weights)
    }
}

impl Mixer for GridMix {
    fn check(&self) -> Result<()> {
        let [low, high] = self.holes;
        if low > high {
            return Err(
                Error::config(format!("holes = [{low}, {high}]: expected low <= high"))
                    .about_key("holes"),
            );
        }
        Ok(())
    }

    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        match self.mode {
            GridMode::Holes => {
                let [low, high] = self.holes;
                let count = low + rng.below(u64::from(high - low) + 1) as u32;
                let [hole_aspect, cut_area, cut_aspect] =
                    [self.hole_aspect, self.cut_area, self.cut_aspect].map(|range| range.draw(rng));
                let lam = rng.beta(self.alpha, self.alpha);
                let at = [rng.unit(), rng.unit()];
                let holes = Holes {
                    lam,
                    count,
                    hole_aspect,
                    cut_area,
                    cut_aspect,
                    at,
                };
                compute_later(holes, |holes, size| {
                    MixResult::from(Blend::Mask(holes.mask(size).into()))
                })
            }
            GridMode::Cells => {
                let lam = rng.beta(self.alpha, self.alpha);
                let all = self.cells * self.cells;
                let mut chosen: Vec<u32> = (0..all).collect();
                rng.shuffle(&mut chosen);
                chosen.truncate(((1.0 - lam) * f64::from(all)).round_ties_even() as usize);
                chosen.sort_unstable();
                compute_later(
                    CellsDraw {
                        side: self.cells,
                        chosen,
                    },
                    |cells, size| {
                        MixResult::from(Blend::Mask(
                            GridMix::cell_mask(cells.side, &cells.chosen, size).into(),
                        ))
                    },
                )
            }
        }
    }
}
