//! Patches that are kept by score.
//!
//! This is not an op, because scores come from the model. It is a plain function for the training
//! loop that uses the `box` notes of two crops.

use crate::error::{Error, Result};
use crate::geometry::Rect;

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
///
/// # Example: the patches of the best quarter
///
/// ```
/// use feedmill::augment::ops::keep_by_score;
/// use feedmill::geometry::Rect;
///
/// let mut scores = [0.0; 16]; // 4 x 4 patches
/// scores[10] = 1.0;
/// let window = Rect::whole(64, 64);
/// let kept = keep_by_score(&scores, 4, window, window, 2, 1)?;
/// assert_eq!(kept, [10, 11, 14, 15]);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn keep_by_score(
    scores: &[f32],
    grid: usize,
    large: Rect,
    small: Rect,
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
    let inside = small.left >= large.left
        && small.top >= large.top
        && small.left + small.width <= large.left + large.width
        && small.top + small.height <= large.top + large.height;
    if !inside || small.width == 0 || small.height == 0 {
        return bad(format!("the window {small:?} is not inside {large:?}"));
    }
    let (width, height) = (large.width as usize, large.height as usize);
    let pixels = bilinear(scores, (grid, grid), (width, height));
    let (left, top) = (small.left - large.left, small.top - large.top);
    let (w, h) = (small.width as usize, small.height as usize);
    let rows = (top as usize..).take(h);
    let cut: Vec<f32> = rows
        .flat_map(|y| pixels[y * width + left as usize..][..w].iter().copied())
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

    #[test]
    fn the_patches_under_the_highest_scores_are_kept() {
        // Scores grow to the right over the large window; the small one is its right half.
        let scores: Vec<f32> = (0..196).map(|i| (i % 14) as f32).collect();
        let kept = keep_by_score(
            &scores,
            14,
            Rect::new(0, 0, 224, 224),
            Rect::new(112, 0, 112, 224),
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
            Rect::new(5, 5, 90, 80),
            Rect::new(6, 7, 30, 20),
            1,
            196,
        )
        .unwrap();
        assert_eq!(all, (0..196).collect::<Vec<u32>>());
        for (large, small, keep) in [
            (Rect::new(0, 0, 50, 50), Rect::new(10, 0, 50, 50), 5),
            (Rect::new(0, 0, 50, 50), Rect::new(10, 0, 0, 50), 5),
            (Rect::new(0, 0, 50, 50), Rect::new(10, 0, 5, 50), 50),
        ] {
            keep_by_score(&scores, 14, large, small, 2, keep).unwrap_err();
        }
    }
}
