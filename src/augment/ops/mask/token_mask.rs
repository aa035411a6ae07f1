//! Random masks of patches, for masked image modeling.
//!
//! A vision transformer cuts the image into a grid of patches and is trained with some of them hidden.
//! The model hides them itself, by leaving tokens out, so these ops do not change pixels: they leave
//! the mask with the batch as a note. Drawing it here and not in the training loop makes it part of
//! the recipe: the same seed gives the same masks, on any number of ranks and after a resume.

use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::SizeParam;

/// Masks patches at random, as MAE does (`random_masking`; He et al., 2022, arXiv 2111.06377).
/// Pixels stay as they are.
///
/// # Notes
///
/// Patches are numbered row by row from 0.
///
/// * `mask`: for each patch 1 if it is masked, else 0.
/// * `keep`: the numbers of the patches that are kept, in random order: MAE's `ids_keep`.
/// * `restore`: for each patch its position in the shuffled order: MAE's `ids_restore`.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::TokenMask;
/// use feedmill::testing::assert_op;
///
/// let op = TokenMask::new().with_grid(16).with_ratio(0.6);
/// assert_op(r#"{ op = "token_mask", grid = 16, ratio = 0.6 }"#, &op);
/// ```
#[declare(
    name = "token_mask",
    like = ["MAE random_masking"],
    strengths = [
        "ratio = 0.5",
        "ratio = 0.75",
        "ratio = 0.9",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct TokenMask {
    /// The patches in each direction; a list is `[rows, columns]`.
    #[param(default = 14.into(), range = [1.0, 256.0])]
    grid: SizeParam,
    /// The share of patches that are masked. The number of patches that are kept is truncated.
    #[param(default = 0.75, range = [0.0, 1.0])]
    ratio: f64,
}

impl Op for TokenMask {
    fn notes(&self) -> Vec<(String, usize)> {
        let patches = patches(self.grid);
        vec![
            ("mask".into(), patches),
            ("keep".into(), self.kept()),
            ("restore".into(), patches),
        ]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let mut order: Vec<i64> = (0..patches(self.grid) as i64).collect();
        rng.shuffle(&mut order);
        let kept = self.kept();
        let (mut mask, mut restore) = (vec![1; order.len()], vec![0; order.len()]);
        // The first `kept` patches of the shuffled order stay visible; `restore` is the inverse of the
        // permutation.
        for (position, patch) in order.iter().enumerate() {
            restore[*patch as usize] = position as i64;
            mask[*patch as usize] = i64::from(position >= kept);
        }
        steps.note("mask", &mask);
        steps.note("keep", &order[..kept]);
        steps.note("restore", &restore);
    }
}

/// The number of patches of a grid.
pub(in crate::augment::ops) fn patches(grid: SizeParam) -> usize {
    let size = grid.size();
    size.width as usize * size.height as usize
}

impl TokenMask {
    /// The number of patches that are kept.
    fn kept(&self) -> usize {
        // Truncated, as in the authors' `int(L * (1 - mask_ratio))`.
        (patches(self.grid) as f64 * (1.0 - self.ratio)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::ops::testing::noted;

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
}
