//! TransMix: labels by attention.

use super::blend::Blend;
use crate::error::{Error, Result};
use crate::geometry::Size;

/// The weights of everything but the slot's own image over a grid of patches: each patch's is that
/// of its first pixel, row `floor(r * height / grid)` and column `floor(c * width / grid)`.
pub fn patch_mask(blend: &Blend, frame: Size, grid: u32) -> Vec<f32> {
    let first =
        |cell: u32, length: u32| (u64::from(cell) * u64::from(length) / u64::from(grid)) as u32;
    let mut terms = Vec::new();
    let cells = (0..grid).flat_map(|row| (0..grid).map(move |column| (row, column)));
    let weight = |(row, column)| {
        blend.mask_at(
            frame,
            first(row, frame.height),
            first(column, frame.width),
            &mut terms,
        )
    };
    cells.map(weight).collect()
}

/// The weight of the slot's own label by attention (Chen et al., 2022, arXiv 2111.09833): `1 -
/// (ratio s0 + (1 - ratio) s1)`.
///
/// `s0` is the partner's share of the pixels, `1 - lam`; `s1` its share of the attention from the
/// class token to the patches of the mixed image. A patch is the partner's where its `mask`
/// ([`patch_mask`]) is 1. The paper's ratio is 0.5. Where there is no attention at all, the weight
/// is `lam`.
///
/// # Errors
///
/// [`crate::Kind::Config`] if there is not a number, 0 or more, for each patch.
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
