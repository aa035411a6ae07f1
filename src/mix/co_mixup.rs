//! Co-Mixup's masks, applied.

use super::forms::{Patch, Patches};
use super::scene::{Label, MixResult};
use crate::error::{Error, Result};
use crate::mix::Blend;

/// One output of Co-Mixup (Kim et al., 2021, arXiv 2102.03065) from a mask that a trainer or a
/// solver made: `mask` has rows x columns x sources shares, as in the authors' `[h, w, n_in]`,
/// which sum to 1 in each cell.
///
/// Each source's part of a cell is its own cell at the same place; the weights of labels are the
/// sources' shares of the cells.
///
/// # Errors
///
/// [`crate::Kind::Config`]: another number of shares, or shares of a cell that are negative or do not sum to 1.
pub fn co_mixup([rows, columns]: [u32; 2], sources: usize, mask: &[f32]) -> Result<MixResult> {
    let cells = rows as usize * columns as usize;
    if sources == 0 || cells == 0 || mask.len() != cells * sources {
        return Err(Error::config(format!(
            "{} shares for {rows} x {columns} cells of {sources} sources",
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
        let of = shares.iter().enumerate().filter(|(_, share)| **share > 0.0);
        patches.push(
            of.map(|(source, weight)| Patch {
                source,
                cell,
                weight: *weight,
            })
            .collect(),
        );
    }
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    let blend = Blend::Patches(Patches::new(rows, columns, patches).into());
    Ok(MixResult::from(blend).label(Label::Weights(weights)))
}
