//! Pillow's saturation with AVX2, 16 pixels at a time.

use std::arch::x86_64::*;

use super::scalar;
use crate::cpu::Avx2;
use crate::kernels::luma::avx2::luma;
use crate::kernels::simd_avx2::{Block, join, narrow, split, widen};

pub(super) fn saturation(_: Avx2, pixels: &mut [[u8; 3]], factor: f32) {
    let (blocks, rest) = pixels.as_chunks_mut();
    // SAFETY: the token proves AVX2.
    unsafe { saturation_blocks(blocks, factor) };
    scalar::saturation(rest, factor);
}

#[target_feature(enable = "avx2")]
fn saturation_blocks(blocks: &mut [Block], factor: f32) {
    let factor = _mm256_set1_ps(factor);
    for block in blocks {
        let planes = split(block);
        let planes = [widen(planes[0]), widen(planes[1]), widen(planes[2])];
        let mut out = planes;
        for half in 0..2 {
            let gray = _mm256_cvtepi32_ps(luma(planes[0][half], planes[1][half], planes[2][half]));
            for channel in 0..3 {
                let value = _mm256_cvtepi32_ps(planes[channel][half]);
                let value = _mm256_add_ps(gray, _mm256_mul_ps(factor, _mm256_sub_ps(value, gray)));
                let value = _mm256_min_ps(
                    _mm256_max_ps(value, _mm256_setzero_ps()),
                    _mm256_set1_ps(255.0),
                );
                out[channel][half] = _mm256_cvttps_epi32(value);
            }
        }
        join(block, [narrow(out[0]), narrow(out[1]), narrow(out[2])]);
    }
}
