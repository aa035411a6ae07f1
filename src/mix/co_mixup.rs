//! Co-Mixup (Kim et al., 2021, arXiv 2102.03065): applies masks that were optimized elsewhere.
//!
//! Co-Mixup chooses the masks of a whole batch together, by the gradients of the model. A loader
//! has no gradients, so the solver stays outside and hands in its masks.

use super::forms::{Patch, Patches};
use super::scene::{Label, MixResult};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::Blend;

/// One output image of Co-Mixup, from a mask that a solver made.
///
/// `grid` is the number of cells, across and down. `mask` holds a share of each source for each
/// cell, in row-major order as in the authors' `[h, w, n_in]`; the shares of a cell sum to 1. Each
/// source contributes its own cell at the same place. The weight of a label is
/// the mean share of its source over the cells.
///
/// # Errors
///
/// [`crate::Kind::Config`] if the number of shares is wrong, or if the shares of a cell are
/// negative or do not sum to 1.
pub fn co_mixup(grid: Size, sources: usize, mask: &[f32]) -> Result<MixResult> {
    let cells = grid.area() as usize;
    if sources == 0 || cells == 0 || mask.len() != cells * sources {
        return Err(Error::config(format!(
            "{} shares for {grid} cells of {sources} sources",
            mask.len()
        )));
    }
    let mut weights = vec![0.0f64; sources];
    let mut patches = Vec::with_capacity(cells);
    for (cell, shares) in (0..).zip(mask.chunks_exact(sources)) {
        let sum: f32 = shares.iter().sum();
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) || (sum - 1.0).abs() > 1e-4 {
            return Err(Error::config(format!(
                "cell {cell}: the shares {shares:?} are not of one whole"
            )));
        }
        weights
            .iter_mut()
            .zip(shares)
            .for_each(|(weight, share)| *weight += f64::from(*share));
        let present = shares.iter().enumerate().filter(|(_, share)| **share > 0.0);
        patches.push(
            present
                .map(|(source, weight)| Patch {
                    source,
                    cell,
                    weight: *weight,
                })
                .collect(),
        );
    }
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    let blend = Blend::Patches(Patches::new(grid, patches).into());
    Ok(MixResult::from(blend).label(Label::Weights(weights)))
}
