//! Pillow's gray with AVX2, 16 pixels at a time.

use std::arch::x86_64::*;

use super::scalar;
use crate::cpu::Avx2;
use crate::kernels::simd_avx2::{Block, join, narrow, split, store, widen};

pub(super) fn gray(_: Avx2, pixels: &mut [[u8; 3]]) {
    let (blocks, rest) = pixels.as_chunks_mut();
    // SAFETY: the token proves AVX2.
    unsafe { gray_blocks(blocks) };
    scalar::gray(rest);
}

pub(super) fn plane(_: Avx2, pixels: &[[u8; 3]], out: &mut [u8]) {
    let ((blocks, pixels), (out, rest)) = (pixels.as_chunks(), out.as_chunks_mut());
    // SAFETY: the token proves AVX2.
    unsafe { plane_blocks(blocks, out) };
    scalar::plane(pixels, rest);
}

pub(super) fn sum(_: Avx2, pixels: &[[u8; 3]]) -> u64 {
    let (blocks, rest) = pixels.as_chunks();
    // SAFETY: the token proves AVX2.
    let sum = unsafe { sum_blocks(blocks) };
    sum + scalar::sum(rest)
}

/// Pillow's luma of eight pixels.
#[inline]
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn luma(r: __m256i, g: __m256i, b: __m256i) -> __m256i {
    let times = |values, by| _mm256_mullo_epi32(values, _mm256_set1_epi32(by));
    let sum = _mm256_add_epi32(times(r, 19595), times(g, 38470));
    let sum = _mm256_add_epi32(
        sum,
        _mm256_add_epi32(times(b, 7471), _mm256_set1_epi32(0x8000)),
    );
    _mm256_srli_epi32(sum, 16)
}

/// Pillow's luma of 16 pixels.
#[inline]
#[target_feature(enable = "avx2")]
fn luma_bytes(block: &Block) -> __m128i {
    let [r, g, b] = split(block);
    let ([r0, r1], [g0, g1], [b0, b1]) = (widen(r), widen(g), widen(b));
    narrow([luma(r0, g0, b0), luma(r1, g1, b1)])
}

#[target_feature(enable = "avx2")]
fn gray_blocks(blocks: &mut [Block]) {
    for block in blocks {
        let gray = luma_bytes(block);
        join(block, [gray; 3]);
    }
}

#[target_feature(enable = "avx2")]
fn plane_blocks(blocks: &[Block], out: &mut [[u8; 16]]) {
    for (block, out) in blocks.iter().zip(out) {
        store(out, luma_bytes(block));
    }
}

#[target_feature(enable = "avx2")]
fn sum_blocks(blocks: &[Block]) -> u64 {
    let mut sums = _mm_setzero_si128();
    for block in blocks {
        sums = _mm_add_epi64(sums, _mm_sad_epu8(luma_bytes(block), _mm_setzero_si128()));
    }
    (_mm_extract_epi64(sums, 0) + _mm_extract_epi64(sums, 1)) as u64
}
