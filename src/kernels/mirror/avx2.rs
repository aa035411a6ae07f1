//! A mirrored row with AVX2.

use std::arch::x86_64::*;

use super::scalar;
use crate::cpu::Avx2;
use crate::kernels::simd_avx2::{load, store};

/// See [`scalar::mirror`].
pub(super) fn mirror(_: Avx2, row: &[[u8; 3]], out: &mut [[u8; 3]]) {
    // SAFETY: the token proves AVX2.
    let done = unsafe { mirror_groups(row, out) };
    scalar::mirror(&row[..row.len() - done], &mut out[done..]);
}

/// Reverses the order of the five pixels after the first byte of a register; the last byte is
/// unused.
const MIRRORED: [u8; 16] = [13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0x80];

/// Writes the first pixels of the mirror image and returns their number.
///
/// A register of 16 bytes holds five pixels and one byte more, which is stored where the next
/// pixels will overwrite it. That is why the row is written forwards: stores that overlap an
/// earlier one from below take twice the time.
#[target_feature(enable = "avx2")]
fn mirror_groups(source: &[[u8; 3]], out: &mut [[u8; 3]]) -> usize {
    const GROUPS: usize = 4;
    const STEP: usize = 15 * GROUPS;
    let (source, out) = (source.as_flattened(), out.as_flattened_mut());
    let steps = source.len().saturating_sub(1) / STEP;
    let order = load(&MIRRORED);
    for step in 0..steps {
        let from = source[source.len() - (step + 1) * STEP - 1..].first_chunk::<{ STEP + 1 }>();
        let to = out[step * STEP..].first_chunk_mut::<{ STEP + 1 }>();
        let (from, to) = (
            from.expect("a byte comes before each step"),
            to.expect("a byte comes after each step"),
        );
        for group in 0..GROUPS {
            let pixels = load(
                from[15 * (GROUPS - 1 - group)..]
                    .first_chunk()
                    .expect("16 bytes"),
            );
            store(
                to[15 * group..].first_chunk_mut().expect("16 bytes"),
                _mm_shuffle_epi8(pixels, order),
            );
        }
    }
    steps * STEP / 3
}
