//! The gray value of a pixel, and images of it.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
mod scalar;

use super::dialect::Dialect;
use crate::cpu::{Simd, dispatch};

/// Pillow's luma: ITU-R 601-2 in 16.16 fixed point, rounded.
pub(crate) fn luma(rgb: &[u8; 3]) -> u8 {
    let [r, g, b] = rgb.map(u32::from);
    ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16) as u8
}

/// torchvision's luma of a u8 tensor: in f32, truncated.
pub(super) fn luma_truncated(rgb: &[u8; 3]) -> u8 {
    let [r, g, b] = rgb.map(f32::from);
    (r * 0.2989 + g * 0.587 + b * 0.114) as u8
}

/// Replaces each pixel by its gray value in all channels.
pub(super) fn gray(pixels: &mut [[u8; 3]], dialect: Dialect, simd: Simd) {
    match dialect {
        Dialect::Pil => dispatch!(simd, gray(pixels)),
        Dialect::Tv2 => pixels
            .iter_mut()
            .for_each(|rgb| *rgb = [luma_truncated(rgb); 3]),
    }
}

/// Writes Pillow's gray value of each pixel to `out`, which has one byte for each.
pub(crate) fn plane(pixels: &[[u8; 3]], out: &mut [u8], simd: Simd) {
    debug_assert_eq!(pixels.len(), out.len());
    dispatch!(simd, plane(pixels, out));
}

/// The sum of the gray values.
pub(super) fn sum(pixels: &[[u8; 3]], dialect: Dialect, simd: Simd) -> u64 {
    match dialect {
        Dialect::Pil => dispatch!(simd, sum(pixels)),
        Dialect::Tv2 => pixels
            .iter()
            .map(|rgb| u64::from(luma_truncated(rgb)))
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_has_the_gray_value_of_every_pixel() {
        for count in [0, 1, 15, 16, 17, 100] {
            let pixels: Vec<[u8; 3]> = (0..count)
                .map(|i: u32| [37, 101, 211].map(|by| (i * by % 256) as u8))
                .collect();
            let expected: Vec<u8> = pixels.iter().map(luma).collect();
            for simd in [Simd::detect(), Simd::scalar()] {
                let mut out = vec![0; pixels.len()];
                plane(&pixels, &mut out, simd);
                assert_eq!(out, expected, "{count}");
            }
        }
    }
}
