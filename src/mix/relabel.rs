//! TransMix (Chen et al., 2022, arXiv 2111.09833): weights of labels by attention instead of area.
//!
//! The attention exists only once the model has seen the mixed image, so this is a function that a
//! training loop calls, not a mixer. A batch carries the mask that it needs.

use super::blend::Blend;
use crate::error::{Error, Result};
use crate::geometry::{Point, Size};

/// The weight of everything except the slot's own image for each patch of a `grid` x `grid` grid,
/// in row-major order.
///
/// A patch has the value of its first pixel: row `floor(r * height / grid)`, column
/// `floor(c * width / grid)`.
///
/// # Example: patches of a MixUp
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::mix::{Blend, patch_mask};
///
/// let blend = Blend::Uniform { lam: 0.75 };
/// assert_eq!(patch_mask(&blend, Size::square(4), 2), [0.25; 4]);
/// ```
pub fn patch_mask(blend: &Blend, size: Size, grid: u32) -> Vec<f32> {
    let first =
        |cell: u32, length: u32| (u64::from(cell) * u64::from(length) / u64::from(grid)) as u32;
    let mut terms = Vec::new();
    let cells = (0..grid).flat_map(|row| (0..grid).map(move |column| (row, column)));
    let weight = |(row, column)| {
        let at = Point::new(first(column, size.width), first(row, size.height));
        blend.mask_at(size, at, &mut terms)
    };
    cells.map(weight).collect()
}

/// The weight of the slot's own label by attention: `1 - (ratio s0 + (1 - ratio) s1)`.
///
/// `s0` is the partner's share of the pixels, `1 - lam`. `s1` is the partner's share of
/// `attention`, the attention from the class token to each patch of the mixed image. A patch
/// belongs to the partner if its `mask` ([`patch_mask`]) is 1. The ratio of the paper is 0.5. If
/// all attention is 0, `s1` is `1 - lam` too, so the weight is `lam`.
///
/// # Errors
///
/// [`crate::Kind::Config`] if the lengths of `mask` and `attention` differ, or if an attention is
/// negative or not finite.
///
/// # Example: attention on the partner alone
///
/// ```
/// use feedmill::mix::relabel;
///
/// // The partner has the second of two patches, and all of the attention.
/// let lam = relabel(0.5, &[0.0, 1.0], &[0.0, 0.8], 0.5)?;
/// assert_eq!(lam, 0.25);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn relabel(lam: f64, mask: &[f32], attention: &[f32], ratio: f64) -> Result<f64> {
    if mask.len() != attention.len() {
        return Err(Error::config(format!(
            "attention to {} patches where the mask has {}",
            attention.len(),
            mask.len()
        )));
    }
    if let Some(bad) = attention
        .iter()
        .find(|value| !value.is_finite() || **value < 0.0)
    {
        return Err(Error::config(format!(
            "attention of {bad}: expected 0 or more"
        )));
    }
    let (mut partner, mut all) = (0.0f64, 0.0f64);
    for (mask, attention) in mask.iter().zip(attention) {
        all += f64::from(*attention);
        if *mask >= 1.0 {
            partner += f64::from(*attention);
        }
    }
    let pixels = 1.0 - lam;
    let attended = if all > 0.0 { partner / all } else { pixels };
    Ok(1.0 - (ratio * pixels + (1.0 - ratio) * attended))
}
