//! The encoding half of JPEG in plain code.

use super::dct::{Block, forward};
use super::{Coefficients, Quantizer};

/// Converts a row to luma and chroma with the constants of JFIF in 16.16 fixed point, as libjpeg
/// rounds them.
pub(super) fn to_ycc(rgb: &[[u8; 3]], [luma, cb, cr]: [&mut [u8]; 3]) {
    let values = luma.iter_mut().zip(cb).zip(cr);
    for (rgb, ((luma, cb), cr)) in rgb.iter().zip(values) {
        let [r, g, b] = rgb.map(i32::from);
        let half = (128 << 16) + 32767;
        *luma = ((19595 * r + 38470 * g + 7471 * b + 32768) >> 16) as u8;
        *cb = ((-11059 * r - 21709 * g + 32768 * b + half) >> 16) as u8;
        *cr = ((32768 * r - 27439 * g - 5329 * b + half) >> 16) as u8;
    }
}

/// Halves two rows in both directions: means of four values, halves rounded down and up in turn.
pub(super) fn halve(above: &[u8], below: &[u8], out: &mut [u8]) {
    let squares = above
        .as_chunks::<2>()
        .0
        .iter()
        .zip(below.as_chunks::<2>().0);
    for (x, (mean, ([a, b], [c, d]))) in out.iter_mut().zip(squares).enumerate() {
        let sum = u16::from(*a) + u16::from(*b) + u16::from(*c) + u16::from(*d);
        *mean = ((sum + 1 + (x % 2) as u16) >> 2) as u8;
    }
}

/// Transforms and quantizes two blocks that lie side by side at the start of `values`, dividing and
/// rounding half away from zero.
///
/// Returns true if all coefficients outside the first four rows and columns are known to be zero;
/// this version does not look.
pub(super) fn quantize_pair(
    values: &[u8],
    stride: usize,
    quantizer: &Quantizer,
    blocks: &mut [Coefficients; 2],
) -> bool {
    for (left, levels) in blocks.iter_mut().enumerate() {
        let block: Block = std::array::from_fn(|y| {
            std::array::from_fn(|x| i32::from(values[y * stride + 8 * left + x]) - 128)
        });
        let coefficients = forward(block);
        let values = coefficients.as_flattened().iter().zip(&quantizer.steps);
        for (level, (value, step)) in levels.iter_mut().zip(values) {
            let step = i32::from(*step);
            *level = ((value.abs() + 4 * step) / (8 * step) * value.signum()) as i16;
        }
    }
    false
}
