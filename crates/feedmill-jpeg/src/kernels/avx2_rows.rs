//! Loads, stores and steps along rows of bytes, which the kernels with AVX2 share.

use std::arch::x86_64::*;

/// Samples that one step of a row kernel reads.
///
/// A row that is not a multiple of it ends with a step that overlaps the one before, which writes
/// the same bytes twice; a row that is shorter is left to the scalar twin.
pub(super) const STEP: usize = 32;

/// Returns the first sample of each step over a row of `count` samples, at least [`STEP`] of them.
pub(super) fn steps(count: usize) -> impl Iterator<Item = usize> {
    let tail = (!count.is_multiple_of(STEP)).then(|| count - STEP);
    (0..count / STEP).map(|n| n * STEP).chain(tail)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(bytes: &[u8], at: usize) -> __m256i {
    let bytes = &bytes[at..at + 32];
    // SAFETY: the slice has 32 bytes, and the load does not ask for alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(bytes: &mut [u8], at: usize, vector: __m256i) {
    let bytes = &mut bytes[at..at + 32];
    // SAFETY: the slice has 32 bytes, and the store does not ask for alignment.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vector) }
}
