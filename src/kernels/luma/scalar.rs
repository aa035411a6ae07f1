//! Pillow's gray in plain code.

use super::luma;

pub(super) fn gray(pixels: &mut [[u8; 3]]) {
    pixels.iter_mut().for_each(|rgb| *rgb = [luma(rgb); 3]);
}

pub(super) fn plane(pixels: &[[u8; 3]], out: &mut [u8]) {
    for (out, rgb) in out.iter_mut().zip(pixels) {
        *out = luma(rgb);
    }
}

pub(super) fn sum(pixels: &[[u8; 3]]) -> u64 {
    pixels.iter().map(|rgb| u64::from(luma(rgb))).sum()
}
