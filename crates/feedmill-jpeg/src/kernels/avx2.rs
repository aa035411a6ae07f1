//! The kernels of x86-64 CPUs with AVX2, behind the token that proves it.

use super::avx2_rows::STEP;
use super::{BlockTarget, Kernels, Scalar, color, idct, upsample};
use crate::simd::Avx2;

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
