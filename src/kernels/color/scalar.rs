//! Pillow's saturation in plain code.

use crate::kernels::blend::blend;
use crate::kernels::luma::luma;

pub(super) fn saturation(pixels: &mut [[u8; 3]], factor: f32) {
    for rgb in pixels {
        let gray = luma(rgb);
        *rgb = rgb.map(|value| blend(gray, value, factor));
    }
}
