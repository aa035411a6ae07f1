//! Which part of the work vector code does: as much as it can where the processor has AVX2, nothing
//! elsewhere. What is left is for the plain twin, and the bytes are the same either way.
//!
//! `simd` is false where plain code is asked for (`FEEDMILL_SIMD=off`).

use super::jpeg::{Coefficients, Quantizer};
use super::warp::Warp;
#[cfg(target_arch = "x86_64")]
use super::warp::WarpFilter;
#[cfg(target_arch = "x86_64")]
use super::{jpeg_x86, warp_x86, x86};
use crate::geometry::Size;

#[cfg(target_arch = "x86_64")]
pub(super) fn avx2(simd: bool) -> bool {
    simd && std::arch::is_x86_feature_detected!("avx2")
}

/// Blends with Pillow's gray; returns the pixels that are left.
pub(super) fn saturation(simd: bool, pixels: &mut [[u8; 3]], factor: f32) -> &mut [[u8; 3]] {
    #[cfg(target_arch = "x86_64")]
    if avx2(simd) {
        let (blocks, rest) = pixels.as_chunks_mut();
        // SAFETY: the processor has AVX2.
        unsafe { x86::saturation(blocks, factor) };
        return rest;
    }
    let _ = (simd, factor);
    pixels
}

/// Makes Pillow's gray; returns the pixels that are left.
pub(super) fn gray(simd: bool, pixels: &mut [[u8; 3]]) -> &mut [[u8; 3]] {
    #[cfg(target_arch = "x86_64")]
    if avx2(simd) {
        let (blocks, rest) = pixels.as_chunks_mut();
        // SAFETY: the processor has AVX2.
        unsafe { x86::gray(blocks) };
        return rest;
    }
    let _ = simd;
    pixels
}

/// The sum of Pillow's grays, and the pixels that it leaves out.
pub(super) fn luma_sum(simd: bool, pixels: &[[u8; 3]]) -> (u64, &[[u8; 3]]) {
    #[cfg(target_arch = "x86_64")]
    if avx2(simd) {
        let (blocks, rest) = pixels.as_chunks();
        // SAFETY: the processor has AVX2.
        return (unsafe { x86::luma_sum(blocks) }, rest);
    }
    let _ = simd;
    (0, pixels)
}

/// Writes the mirror image of a row's end to its beginning; returns how many pixels that are.
pub(super) fn mirror(simd: bool, row: &[[u8; 3]], out: &mut [[u8; 3]]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if avx2(simd) {
        // SAFETY: the processor has AVX2.
        return unsafe { x86::mirror(row, out) };
    }
    let _ = (simd, row, out);
    0
}

/// Converts the beginning of a row to luma and chroma; returns how many pixels that are.
pub(super) fn to_ycc(simd: bool, rgb: &[[u8; 3]], out: [&mut [u8]; 3]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if avx2(simd) {
        // SAFETY: the processor has AVX2.
        return unsafe { jpeg_x86::to_ycc(rgb, out) };
    }
    let _ = (simd, rgb, out);
    0
}

/// Takes the means of squares of four values; false if it is left to be done.
pub(super) fn halve(simd: bool, above: &[u8], below: &[u8], out: &mut [u8]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if avx2(simd) {
        // SAFETY: the processor has AVX2.
        unsafe { jpeg_x86::halve(above, below, out) };
        return true;
    }
    let _ = (simd, above, below, out);
    false
}

/// Transforms and quantizes two blocks, and says whether they are sparse; `None` if it is left to
/// be done.
pub(super) fn forward_dct(
    simd: bool,
    values: &[u8],
    stride: usize,
    quantizer: &Quantizer,
    blocks: &mut [Coefficients; 2],
) -> Option<bool> {
    #[cfg(target_arch = "x86_64")]
    if avx2(simd) {
        // SAFETY: the processor has AVX2.
        return Some(unsafe { jpeg_x86::forward(values, stride, quantizer, blocks) });
    }
    let _ = (simd, values, stride, quantizer, blocks);
    None
}

/// Warps between pixels; false if it is left to be done.
pub(super) fn warp(
    simd: bool,
    warp: &Warp,
    pixels: &[[u8; 3]],
    frame: Size,
    out: &mut [[u8; 3]],
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if avx2(simd) {
        let size = (frame.width, frame.height);
        match warp.filter {
            WarpFilter::Nearest => return false,
            // SAFETY: the processor has AVX2.
            WarpFilter::Bilinear => unsafe { warp_x86::run::<false>(warp, pixels, size, out) },
            // SAFETY: the processor has AVX2.
            WarpFilter::Bicubic => unsafe { warp_x86::run::<true>(warp, pixels, size, out) },
        }
        return true;
    }
    let _ = (simd, warp, pixels, frame, out);
    false
}
