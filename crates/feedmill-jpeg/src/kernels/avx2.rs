//! The kernels of x86-64 CPUs with AVX2, and the loads and stores that they share.

use std::arch::x86_64::*;

use super::{BlockTarget, Kernels, Scalar, color, idct, upsample};
use crate::simd::Avx2;

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

impl Kernels for Avx2 {
    #[inline]
    fn idct_pair(
        self,
        blocks: [&[i16; 64]; 2],
        targets: [BlockTarget<'_>; 2],
        sparse: bool,
        out: &mut [u8],
    ) {
        // SAFETY: `self` proves that the CPU has the features.
        unsafe {
            if sparse {
                idct::avx2::idct_pair::<true>(blocks, targets, out);
            } else {
                idct::avx2::idct_pair::<false>(blocks, targets, out);
            }
        }
    }

    #[inline]
    fn idct_reduced(self, block: &[i16; 64], target: BlockTarget<'_>, size: usize, out: &mut [u8]) {
        if size != 4 {
            return Scalar.idct_reduced(block, target, size, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { idct::avx2::idct_to_4(block, target, out) }
    }

    fn upsample_h2v1(self, input: &[u8], out: &mut [u8]) {
        if input.len() < STEP + 2 {
            return Scalar.upsample_h2v1(input, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { upsample::avx2::h2v1(input, out) }
    }

    fn upsample_h2v2(self, near: &[u8], far: &[u8], out: &mut [u8]) {
        if near.len() < STEP + 2 {
            return Scalar.upsample_h2v2(near, far, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { upsample::avx2::h2v2(near, far, out) }
    }

    fn upsample_h1v2(self, near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
        if near.len() < STEP {
            return Scalar.upsample_h1v2(near, far, bias, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { upsample::avx2::h1v2(near, far, bias, out) }
    }

    fn ycc_to_rgb(self, planes: [&[u8]; 3], out: &mut [u8]) {
        if planes[0].len() < STEP {
            return Scalar.ycc_to_rgb(planes, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { color::avx2::ycc_to_rgb(planes, out) }
    }

    fn interleave(self, planes: [&[u8]; 3], out: &mut [u8]) {
        if planes[0].len() < STEP {
            return Scalar.interleave(planes, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { color::avx2::interleave(planes, out) }
    }
}
