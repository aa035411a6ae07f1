//! Block-wise masks of patches, for masked image modeling. `token_mask` says what masks are.

use super::token_mask::patches;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{Interval, SizeParam};

/// Masks rectangles of patches until enough are masked, as BEiT does (`MaskingGenerator`; Bao et
/// al., 2022, arXiv 2106.08254). Pixels stay as they are.
///
/// The number of masked patches never exceeds `masked`; it falls short if no further rectangle fits
/// within ten tries.
///
/// # Notes
///
/// * `mask`: for each patch, row by row, 1 if it is masked, else 0.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::BlockMask;
/// use feedmill::testing::assert_op;
///
/// let op = BlockMask::new().with_masked(90);
/// assert_op(r#"{ op = "block_mask", masked = 90 }"#, &op);
/// ```
#[declare(
    name = "block_mask",
    like = ["BEiT MaskingGenerator"],
    strengths = [
        "masked = 40",
        "masked = 75",
        "masked = 120",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct BlockMask {
    /// The patches in each direction; a list is `[rows, columns]`.
    #[param(default = 14.into(), range = [1.0, 256.0])]
    grid: SizeParam,
    /// How many patches are masked in all; at most all of them.
    #[param(default = 75, range = [0.0, 65536.0])]
    masked: u32,
    /// The smallest area that a rectangle is drawn with, in patches; at most all of them. A
    /// rectangle may add fewer, as it may overlap with others.
    #[param(default = 16, range = [1.0, 65536.0])]
    least: u32,
    /// The range of height / width, above 0, drawn uniformly in its logarithm.
    #[param(default = Interval::new(0.3, 1.0 / 0.3))]
    ratio: Interval,
}

impl Op for BlockMask {
    fn check(&self) -> Result<()> {
        let all = patches(self.grid);
        for (name, value) in [("masked", self.masked), ("least", self.least)] {
            if value as usize > all {
                return Err(
                    Error::config(format!("{name} = {value}: the grid has {all} patches"))
                        .about_key(name),
                );
            }
        }
        self.ratio.check_positive("ratio")
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("mask".into(), patches(self.grid))]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let mut mask = vec![0; patches(self.grid)];
        let mut count = 0;
        while count < self.masked as usize {
            match self.block(rng, &mut mask, self.masked as usize - count) {
                0 => break,
                new => count += new,
            }
        }
        steps.note("mask", &mask);
    }
}

impl BlockMask {
    /// Masks one rectangle that adds 1 to `most` patches, and returns how many it has added; 0 if
    /// ten tries have failed.
    fn block(&self, rng: &mut RandomStream, mask: &mut [i64], most: usize) -> usize {
        let grid = self.grid.size();
        let (rows, columns) = (grid.height as usize, grid.width as usize);
        for _ in 0..10 {
            let area = rng.uniform(f64::from(self.least).min(most as f64), most as f64);
            let aspect = self.ratio.draw_log(rng);
            let height = libm::sqrt(area * aspect).round_ties_even() as usize;
            let width = libm::sqrt(area / aspect).round_ties_even() as usize;
            // A rectangle as wide or as high as the grid is refused, as in the reference.
            if width >= columns || height >= rows {
                continue;
            }
            let top = rng.below((rows - height) as u64 + 1) as usize;
            let left = rng.below((columns - width) as u64 + 1) as usize;
            let cells = (top..top + height)
                .flat_map(|y| (left..left + width).map(move |x| y * columns + x));
            let new = cells.clone().filter(|&cell| mask[cell] == 0).count();
            if (1..=most).contains(&new) {
                cells.for_each(|cell| mask[cell] = 1);
                return new;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::ops::testing::noted;

    #[test]
    fn block_masks_reach_the_number_and_never_pass_it() {
        let op = BlockMask::default();
        let counts: Vec<i64> = (0..200)
            .map(|seed| noted(&op, seed, "mask").iter().sum())
            .collect();
        assert!(
            counts.iter().all(|count| (60..=75).contains(count)),
            "{counts:?}"
        );
        assert!(counts.iter().filter(|count| **count == 75).count() > 100);
    }
}
