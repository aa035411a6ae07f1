//! Choosing the patches of an image that a model sees: masks for masked image modeling, and
//! patches that are kept by score.
//!
//! A vision transformer cuts the image into a grid of patches and is trained with some of them
//! hidden. The model hides them itself, by leaving tokens out, so these ops do not change pixels:
//! they leave the mask with the batch as a note. Drawing it here and not in the training loop makes
//! it part of the recipe: the same seed gives the same masks, on any number of ranks and after a
//! resume.
//!
//! [`keep_by_score`] is not an op, because scores come from the model. It is a plain function for
//! the training loop that uses the `box` notes of two crops.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Op, Steps};
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_range};

/// Masks patches at random, as MAE does (`random_masking`; He et al., 2022, arXiv 2111.06377).
/// Pixels stay as they are.
///
/// # Parameters
///
/// * `grid` (14; 1 to 256): the patches in each direction, a number or `[rows, columns]`.
/// * `ratio` (0.75; 0 to 1): the share of patches that are masked. The number of patches that are
///   kept is truncated.
///
/// # Notes
///
/// Patches are numbered row by row from 0.
///
/// * `mask`: for each patch 1 if it is masked, else 0.
/// * `keep`: the numbers of the patches that are kept, in random order: MAE's `ids_keep`.
/// * `restore`: for each patch its position in the shuffled order: MAE's `ids_restore`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenMask {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    grid: PatchGrid,
    ratio: f64,
}

/// A grid of patches in a recipe: one number for a square, or `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number or [rows, columns]")]
enum PatchGrid {
    Side(u32),
    RowsColumns([u32; 2]),
}

impl PatchGrid {
    /// Rows and columns.
    fn sides(self) -> (usize, usize) {
        match self {
            PatchGrid::Side(side) => (side as usize, side as usize),
            PatchGrid::RowsColumns([rows, columns]) => (rows as usize, columns as usize),
        }
    }

    /// The number of patches.
    fn patches(self) -> usize {
        let (rows, columns) = self.sides();
        rows * columns
    }

    fn check(self) -> Result<()> {
        let (rows, columns) = self.sides();
        if (1..=256).contains(&rows) && (1..=256).contains(&columns) {
            return Ok(());
        }
        Err(Error::config(format!(
            "grid = {rows} x {columns}: expected 1 to 256 patches a side"
        )))
    }
}

impl Default for TokenMask {
    fn default() -> TokenMask {
        TokenMask {
            grid: PatchGrid::Side(14),
            ratio: 0.75,
        }
    }
}

impl TokenMask {
    /// The number of patches that are kept.
    fn kept(&self) -> usize {
        // Truncated, as in the authors' `int(L * (1 - mask_ratio))`.
        (self.grid.patches() as f64 * (1.0 - self.ratio)) as usize
    }
}

impl Op for TokenMask {
    op_basics!("token_mask");

    fn check(&self) -> Result<()> {
        self.grid.check()?;
        check_range("ratio", self.ratio, [0.0, 1.0])
    }

    fn notes(&self) -> Vec<(String, usize)> {
        let patches = self.grid.patches();
        vec![
            ("mask".into(), patches),
            ("keep".into(), self.kept()),
            ("restore".into(), patches),
        ]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let mut order: Vec<i64> = (0..self.grid.patches() as i64).collect();
        rng.shuffle(&mut order);
        let kept = self.kept();
        let (mut mask, mut restore) = (vec![1; order.len()], vec![0; order.len()]);
        // The first `kept` patches of the shuffled order stay visible; `restore` is the inverse of
        // the permutation.
        for (position, patch) in order.iter().enumerate() {
            restore[*patch as usize] = position as i64;
            mask[*patch as usize] = i64::from(position >= kept);
        }
        steps.note("mask", &mask);
        steps.note("keep", &order[..kept]);
        steps.note("restore", &restore);
    }
}

/// Masks rectangles of patches until enough are masked, as BEiT does (`MaskingGenerator`; Bao et
/// al., 2022, arXiv 2106.08254). Pixels stay as they are.
///
/// The number of masked patches never exceeds `masked`; it falls short if no further rectangle fits
/// within ten tries.
///
/// # Parameters
///
/// * `grid` (14; 1 to 256): the patches in each direction, a number or `[rows, columns]`.
/// * `masked` (75; 0 to the number of patches): how many patches are masked in all.
/// * `least` (16; 1 to the number of patches): the smallest area that a rectangle is drawn with, in
///   patches. A rectangle may add fewer, as it may overlap with others.
/// * `ratio` (`[0.3, 1 / 0.3]`; above 0): the range of height / width, drawn uniformly in its
///   logarithm.
///
/// # Notes
///
/// * `mask`: for each patch, row by row, 1 if it is masked, else 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlockMask {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    grid: PatchGrid,
    masked: u32,
    least: u32,
    ratio: [f64; 2],
}

impl Default for BlockMask {
    fn default() -> BlockMask {
        BlockMask {
            grid: PatchGrid::Side(14),
            masked: 75,
            least: 16,
            ratio: [0.3, 1.0 / 0.3],
        }
    }
}

impl BlockMask {
    /// Masks one rectangle that adds 1 to `most` patches, and returns how many it has added; 0 if
    /// ten tries have failed.
    fn block(&self, rng: &mut RandomStream, mask: &mut [i64], most: usize) -> usize {
        let (rows, columns) = self.grid.sides();
        let logs = self.ratio.map(libm::log);
        for _ in 0..10 {
            let area = rng.uniform(f64::from(self.least).min(most as f64), most as f64);
            let aspect = libm::exp(rng.uniform(logs[0], logs[1]));
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

impl Op for BlockMask {
    op_basics!("block_mask");

    fn check(&self) -> Result<()> {
        self.grid.check()?;
        ParamRange::Fixed(self.masked.into()).check("masked", [0.0, self.grid.patches() as f64])?;
        ParamRange::Fixed(self.least.into()).check("least", [1.0, self.grid.patches() as f64])?;
        let [low, high] = self.ratio;
        if low > 0.0 && low <= high && high.is_finite() {
            return Ok(());
        }
        Err(Error::config(format!(
            "ratio = [{low}, {high}]: expected 0 < low <= high"
        )))
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("mask".into(), self.grid.patches())]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let mut mask = vec![0; self.grid.patches()];
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

/// A rectangle of an image: left, top, width, height in pixels.
pub type Window = [f64; 4];

/// Returns the numbers of the patches of a crop that matter most, ascending, given scores of a
/// larger crop of the same image (A-CLIP; Yang et al., 2023, arXiv 2212.08653).
///
/// * `scores`: one score for each of the `grid` x `grid` patches of the window `large`, row by row.
/// * `small`: the window of the view that the model sees, inside of `large`. Both windows are in
///   pixels of the image, as the note `box` of `enclosing_crop` and of `random_resized_crop`.
/// * `cell`: patches are kept or dropped in cells of `cell` x `cell`.
/// * `keep`: the number of cells that are kept; among equal scores the first ones.
///
/// The map of scores is resized to the pixels of `large`, cut to `small`, resized to the view's
/// grid of `grid` x `grid` patches, and then to cells. All resizing is bilinear as in torch's
/// `interpolate`: pixel centers at halves, edges repeated, no antialiasing.
///
/// # Errors
///
/// [`crate::Kind::Config`] if there are not `grid` x `grid` finite scores, `cell` does not divide
/// `grid`, `keep` exceeds the number of cells, or `small` is empty or not inside of `large`.
pub fn keep_by_score(
    scores: &[f32],
    grid: usize,
    large: Window,
    small: Window,
    cell: usize,
    keep: usize,
) -> Result<Vec<u32>> {
    let bad = |text: String| Err(Error::config(text));
    if grid == 0 || scores.len() != grid * grid || !scores.iter().all(|score| score.is_finite()) {
        return bad(format!(
            "{} scores: expected {grid} x {grid} finite ones",
            scores.len()
        ));
    }
    if cell == 0 || !grid.is_multiple_of(cell) {
        return bad(format!(
            "cell = {cell}: expected a divisor of the {grid} patches of a side"
        ));
    }
    let cells = grid / cell;
    if keep > cells * cells {
        return bad(format!("keep = {keep}: there are {cells} x {cells} cells"));
    }
    let inside = (0..2).all(|axis| {
        small[axis] >= large[axis] && small[axis] + small[axis + 2] <= large[axis] + large[axis + 2]
    });
    if !(inside && small[2] >= 1.0 && small[3] >= 1.0) {
        return bad(format!("the window {small:?} is not inside {large:?}"));
    }
    let [width, height] = [large[2], large[3]].map(|side| side as usize);
    let pixels = bilinear(scores, (grid, grid), (width, height));
    let [left, top] = [small[0] - large[0], small[1] - large[1]].map(|start| start as usize);
    let (w, h) = (
        (small[2] as usize).min(width - left),
        (small[3] as usize).min(height - top),
    );
    let cut: Vec<f32> = (top..top + h)
        .flat_map(|y| pixels[y * width + left..][..w].iter().copied())
        .collect();
    let view = bilinear(&cut, (w, h), (grid, grid));
    let coarse = bilinear(&view, (grid, grid), (cells, cells));
    let mut order: Vec<usize> = (0..coarse.len()).collect();
    // Highest score first; the number decides between equal ones, so that the result is the same
    // on every platform.
    order.sort_by(|&x, &y| coarse[y].total_cmp(&coarse[x]).then(x.cmp(&y)));
    let mut kept: Vec<u32> = order[..keep]
        .iter()
        .flat_map(|number| {
            let (row, column) = (number / cells * cell, number % cells * cell);
            (0..cell * cell).map(move |i| ((row + i / cell) * grid + column + i % cell) as u32)
        })
        .collect();
    kept.sort_unstable();
    Ok(kept)
}

/// Resamples a map of `width` x `height` values bilinearly, without antialiasing.
fn bilinear(
    map: &[f32],
    (width, height): (usize, usize),
    (to_width, to_height): (usize, usize),
) -> Vec<f32> {
    // For each output position: the two inputs around it, and the weight of the second one.
    let taps = |from: usize, to: usize| -> Vec<(usize, usize, f32)> {
        let scale = from as f32 / to as f32;
        let position = |i: usize| ((i as f32 + 0.5) * scale - 0.5).max(0.0);
        (0..to)
            .map(|i| (position(i) as usize, position(i).fract()))
            .map(|(low, weight)| (low, (low + 1).min(from - 1), weight))
            .collect()
    };
    let columns = taps(width, to_width);
    let mut out = Vec::with_capacity(to_width * to_height);
    for (y0, y1, down) in taps(height, to_height) {
        for &(x0, x1, across) in &columns {
            let row =
                |y: usize| map[y * width + x0] * (1.0 - across) + map[y * width + x1] * across;
            out.push(row(y0) * (1.0 - down) + row(y1) * down);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Program;
    use crate::augment::steps::Note;
    use crate::geometry::Size;

    fn noted(op: &dyn Op, seed: u64, name: &str) -> Vec<i64> {
        let mut steps = Steps::new(Size {
            width: 8,
            height: 8,
        });
        let at = crate::rng::Coord {
            epoch: 0,
            sample: seed,
            occurrence: 0,
            view: 0,
            op: crate::rng::OpKey(1),
        };
        steps.within("mask", |steps| {
            op.draw(&mut RandomStream::keyed(7, at), steps)
        });
        let width = op
            .notes()
            .iter()
            .find(|(noted, _)| noted == name)
            .unwrap()
            .1;
        Program::from(steps)
            .note(&Note::new("mask", name, width))
            .unwrap()
            .to_vec()
    }

    #[test]
    fn random_masks_keep_the_share_and_restore_the_order() {
        let op = TokenMask::default();
        let (mask, keep, restore) = (
            noted(&op, 3, "mask"),
            noted(&op, 3, "keep"),
            noted(&op, 3, "restore"),
        );
        assert_eq!(
            (mask.len(), keep.len(), mask.iter().sum::<i64>()),
            (196, 49, 147)
        );
        for (place, patch) in keep.iter().enumerate() {
            assert_eq!(
                (mask[*patch as usize], restore[*patch as usize]),
                (0, place as i64)
            );
        }
        assert_ne!(noted(&op, 4, "mask"), mask);
    }

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

    #[test]
    fn the_patches_under_the_highest_scores_are_kept() {
        // Scores grow to the right over the large window; the small one is its right half.
        let scores: Vec<f32> = (0..196).map(|i| (i % 14) as f32).collect();
        let kept = keep_by_score(
            &scores,
            14,
            [0.0, 0.0, 224.0, 224.0],
            [112.0, 0.0, 112.0, 224.0],
            2,
            7,
        )
        .unwrap();
        // The seven cells of the last column: patches 12 and 13 of each row.
        let expected: Vec<u32> = (0..14)
            .flat_map(|row| [row * 14 + 12, row * 14 + 13])
            .collect();
        assert_eq!(kept, expected);
        let all = keep_by_score(
            &scores,
            14,
            [5.0, 5.0, 90.0, 80.0],
            [6.0, 7.0, 30.0, 20.0],
            1,
            196,
        )
        .unwrap();
        assert_eq!(all, (0..196).collect::<Vec<u32>>());
        for (large, small, keep) in [
            ([0.0, 0.0, 50.0, 50.0], [10.0, 0.0, 50.0, 50.0], 5),
            ([0.0, 0.0, 50.0, 50.0], [10.0, 0.0, 0.0, 50.0], 5),
            ([0.0, 0.0, 50.0, 50.0], [10.0, 0.0, 5.0, 50.0], 50),
        ] {
            keep_by_score(&scores, 14, large, small, 2, keep).unwrap_err();
        }
    }
}
