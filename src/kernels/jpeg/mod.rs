//! The loss of JPEG: the round trip of an image through libjpeg-turbo's encoder and decoder with
//! their default settings (baseline, 4:2:0, accurate transforms, fancy upsampling), bit for bit.
//!
//! Entropy coding is lossless, so nothing is coded: colors are converted and subsampled
//! (`jccolor.c`, `jcsample.c`), blocks are transformed (`jfdctint.c`) and quantized (`jcdctmgr.c`),
//! and the decoder's own kernels reconstruct the pixels from there.
//!
//! Rejected: encoding with a library and decoding the result, which spends most of its time on
//! Huffman codes that are thrown away.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod dct;
mod scalar;

use super::filter::Shape;
use super::scratch::{Scratch, sized};
use crate::cpu::{Simd, dispatch};
use crate::decode::jpeg::reconstruct::Reconstruct;

/// The coefficients of one block in natural order.
type Coefficients = [i16; 64];

/// Annex K of the standard, row by row.
const LUMA: [[u16; 8]; 8] = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
];

const CHROMA: [[u16; 8]; 8] = [
    [17, 18, 24, 47, 99, 99, 99, 99],
    [18, 21, 26, 66, 99, 99, 99, 99],
    [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99],
    [99; 8],
    [99; 8],
    [99; 8],
    [99; 8],
];

/// A quantization table, and the constants that divide by eight times its steps in 16-bit
/// arithmetic.
struct Quantizer {
    steps: [i16; 64],
    #[cfg(any(target_arch = "x86_64", test))]
    division: Division,
}

/// `n / (8 step)` as two multiplications, for vectors of 16 bits.
///
/// `n` without its last three bits is divided by `step`: multiplied by the reciprocal
/// `2^(16 + s) / step`, rounded up, of which the high half is kept, and shifted by the rest.
#[cfg(any(target_arch = "x86_64", test))]
struct Division {
    /// `4 step`: half of the divisor, for rounding.
    half: [[u16; 8]; 8],
    /// `2^(16 + s) / step` rounded up, where `s + 1` is the logarithm of the step to base 2,
    /// rounded up.
    reciprocal: [[u16; 8]; 8],
    /// `2^(14 - s)`: keeping the high half of a product with it shifts by `2 + s`.
    scale: [[u16; 8]; 8],
}

#[cfg(any(target_arch = "x86_64", test))]
impl Division {
    fn new(steps: [[u32; 8]; 8]) -> Division {
        let log = |step: u32| step.next_power_of_two().ilog2();
        let map = |change: &dyn Fn(u32) -> u16| steps.map(|row| row.map(change));
        Division {
            half: map(&|step| 4 * step as u16),
            reciprocal: map(&|step| (1u32 << (15 + log(step))).div_ceil(step) as u16),
            scale: map(&|step| 1 << (15 - log(step))),
        }
    }
}

impl Quantizer {
    /// libjpeg's scaling of a table to a quality of 1 to 100 (`jpeg_quality_scaling`).
    fn new(table: &[[u16; 8]; 8], quality: u8) -> Quantizer {
        let quality = u32::from(quality.clamp(1, 100));
        let percent = if quality < 50 {
            5000 / quality
        } else {
            200 - 2 * quality
        };
        let steps =
            table.map(|row| row.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255)));
        Quantizer {
            steps: std::array::from_fn(|n| steps[n / 8][n % 8] as i16),
            #[cfg(any(target_arch = "x86_64", test))]
            division: Division::new(steps),
        }
    }
}

/// One component of the image: rows padded to whole pairs of blocks, with one value more on either
/// side.
struct Plane<'a> {
    values: &'a mut [u8],
    stride: usize,
}

impl<'a> Plane<'a> {
    /// Room for `width` by `height` values, both multiples of a block, at the start of `bytes`;
    /// returns the rest of them too.
    fn new(bytes: &'a mut [u8], width: usize, height: usize) -> (Plane<'a>, &'a mut [u8]) {
        let stride = width + 2;
        let (values, rest) = bytes.split_at_mut(stride * height);
        (Plane { values, stride }, rest)
    }

    /// Quantizes each pair of blocks and reconstructs it in place.
    fn quantize(&mut self, quantizer: &Quantizer, reconstruct: Reconstruct, simd: Simd) {
        let stride = self.stride;
        let blocks: &mut [Coefficients; 2] = &mut [[0; _]; 2];
        for band in self.values.chunks_exact_mut(stride * 8) {
            for left in (1..stride - 1).step_by(16) {
                let values = &mut band[left..];
                let sparse = dispatch!(simd, quantize_pair(values, stride, quantizer, blocks));
                reconstruct.idct_pair(blocks.each_ref(), &quantizer.steps, sparse, values, stride);
            }
        }
    }

    /// Repeats the last of the first `rows` rows in the rows below.
    fn repeat_last_row(&mut self, rows: usize) {
        let (real, rest) = self.values.split_at_mut(rows * self.stride);
        let last = &real[(rows - 1) * self.stride..];
        rest.chunks_exact_mut(self.stride)
            .for_each(|row| row.copy_from_slice(last));
    }

    /// Row `y`: `width` values, and the one before and the one after them.
    fn row(&self, y: usize, width: usize) -> &[u8] {
        &self.values[y * self.stride..][..width + 2]
    }

    /// Repeats the first and the last of each row's `width` values beyond them.
    fn repeat_ends(&mut self, width: usize) {
        for row in self.values.chunks_exact_mut(self.stride) {
            (row[0], row[width + 1]) = (row[1], row[width]);
        }
    }
}

/// Repeats the last of the first `width` values in the rest of a row.
fn repeat_last(row: &mut [u8], width: usize) {
    let last = row[width - 1];
    row[width..].fill(last);
}

/// The three components of an image: luma at full size, chroma at half.
struct Components<'a> {
    luma: Plane<'a>,
    chroma: [Plane<'a>; 2],
    /// Two rows of chroma at full width, blue and red differences side by side.
    rows: &'a mut [u8],
    /// The size of the luma.
    shape: Shape,
    /// The size of the chroma.
    half: [usize; 2],
    simd: Simd,
}

/// Changes an image, rows of RGB, as JPEG of a quality of 1 to 100 would.
pub(crate) fn run(quality: u8, pixels: &mut [u8], shape: Shape, scratch: &mut Scratch, simd: Simd) {
    let half = [shape.width.div_ceil(2), shape.height.div_ceil(2)];
    // Whole pairs of blocks; the second of the last pair may be unused.
    let padded =
        |[width, height]: [usize; 2]| [width.next_multiple_of(16), height.next_multiple_of(8)];
    let ([wide, high], [half_wide, half_high]) =
        (padded([shape.width, shape.height]), padded(half));
    let length = (wide + 2) * high + 2 * (half_wide + 2) * half_high;
    let bytes = sized(&mut scratch.bytes, length);
    let (luma, bytes) = Plane::new(bytes, wide, high);
    let (cb, bytes) = Plane::new(bytes, half_wide, half_high);
    let (cr, _) = Plane::new(bytes, half_wide, half_high);
    let mut components = Components {
        luma,
        chroma: [cb, cr],
        rows: sized(&mut scratch.more_bytes, 8 * half_wide),
        shape,
        half,
        simd,
    };
    components.subsample(pixels);
    let reconstruct = Reconstruct::new(simd.avx2());
    let quantizer = Quantizer::new(&LUMA, quality);
    components.luma.quantize(&quantizer, reconstruct, simd);
    let quantizer = Quantizer::new(&CHROMA, quality);
    for plane in &mut components.chroma {
        plane.quantize(&quantizer, reconstruct, simd);
        plane.repeat_ends(half[0]);
    }
    components.upsample(pixels, reconstruct);
}

impl Components<'_> {
    /// Converts the image to luma and chroma and halves the chroma.
    fn subsample(&mut self, pixels: &[u8]) {
        let (simd, [_, half_height]) = (self.simd, self.half);
        let Shape { width, height, .. } = self.shape;
        let luma = &mut self.luma;
        let wide = luma.stride - 2;
        let half_wide = self.chroma[0].stride - 2;
        let full = 2 * half_wide;
        for pair in 0..half_height {
            for (y, chroma) in (2 * pair..).zip(self.rows.chunks_exact_mut(2 * full)) {
                // If the number of rows is odd, the last one is paired with itself.
                let y = y.min(height - 1);
                let rgb = pixels[y * width * 3..][..width * 3].as_chunks::<3>().0;
                let (cb, cr) = chroma.split_at_mut(full);
                let row = &mut luma.values[y * luma.stride + 1..][..wide];
                dispatch!(simd, to_ycc(rgb, [&mut *row, &mut *cb, &mut *cr]));
                [row, cb, cr]
                    .into_iter()
                    .for_each(|row| repeat_last(row, width));
            }
            for (plane, start) in self.chroma.iter_mut().zip([0, full]) {
                let [above, below] = [0, 2 * full].map(|row| &self.rows[row + start..][..full]);
                let out = &mut plane.values[pair * plane.stride + 1..][..half_wide];
                dispatch!(simd, halve(above, below, out));
            }
        }
        luma.repeat_last_row(height);
        self.chroma
            .iter_mut()
            .for_each(|plane| plane.repeat_last_row(half_height));
    }

    /// Doubles the chroma and converts back to RGB.
    fn upsample(&mut self, pixels: &mut [u8], reconstruct: Reconstruct) {
        let [half_width, half_height] = self.half;
        let width = self.shape.width;
        let full = 2 * (self.chroma[0].stride - 2);
        for (y, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
            let near = y / 2;
            let far = if y % 2 == 0 {
                near.saturating_sub(1)
            } else {
                (near + 1).min(half_height - 1)
            };
            let (cb_row, cr_row) = self.rows.split_at_mut(full);
            for (plane, row) in self.chroma.iter().zip([&mut *cb_row, &mut *cr_row]) {
                let near = plane.row(near, half_width);
                if half_width <= 2 {
                    // libjpeg repeats pixels if there are at most two.
                    let pairs = row.as_chunks_mut::<2>().0.iter_mut().zip(&near[1..]);
                    pairs.for_each(|(pair, value)| *pair = [*value; 2]);
                } else {
                    reconstruct.upsample_h2v2(
                        near,
                        plane.row(far, half_width),
                        &mut row[..2 * half_width],
                    );
                }
            }
            let luma = &self.luma.row(y, width)[1..][..width];
            reconstruct.ycc_to_rgb([luma, &cb_row[..width], &cr_row[..width]], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_quality_is_close_on_smooth_images_of_any_size() {
        for (width, height) in [(1, 1), (1, 9), (23, 1), (17, 31), (5, 4)] {
            let shape = Shape {
                width,
                height,
                channels: 3,
            };
            let before: Vec<u8> = (0..shape.len())
                .map(|i| (i / 3 % width * 3 + i / 3 / width) as u8)
                .collect();
            let mut after = before.clone();
            let scratch = &mut Scratch::default();
            run(100, &mut after, shape, scratch, Simd::scalar());
            let mut wide = before.clone();
            run(100, &mut wide, shape, scratch, Simd::detect());
            assert_eq!(after, wide, "plain code gives the bytes of vector code");
            let most = before
                .iter()
                .zip(&after)
                .map(|(a, b)| a.abs_diff(*b))
                .max()
                .unwrap();
            assert!(most <= 3, "{width} x {height}: {most}");
        }
    }

    #[test]
    fn plain_code_gives_the_bytes_of_vector_code_at_every_quality() {
        let noise = |seed: u32| -> Vec<u8> {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            (0..75 * 41 * 3).map(|_| next()).collect()
        };
        let shape = Shape {
            width: 75,
            height: 41,
            channels: 3,
        };
        let scratch = &mut Scratch::default();
        for quality in 1..=100 {
            // Hard edges reach the largest coefficients.
            let mut pixels = noise(u32::from(quality));
            if quality % 2 == 0 {
                pixels
                    .iter_mut()
                    .for_each(|value| *value = if *value < 128 { 0 } else { 255 });
            }
            let mut same = pixels.clone();
            run(quality, &mut pixels, shape, scratch, Simd::scalar());
            run(quality, &mut same, shape, scratch, Simd::detect());
            assert_eq!(pixels, same, "quality {quality}");
        }
    }

    #[test]
    fn sixteen_bits_divide_every_coefficient_as_division_does() {
        for step in 1..=255u32 {
            let division = Quantizer::new(&[[step as u16; 8]; 8], 50).division;
            let high = |a: u32, b: u16| (a * u32::from(b)) >> 16;
            for value in 0..=32_000 {
                let eighth = (value + u32::from(division.half[0][0])) >> 1 & !3;
                let level = high(
                    high(eighth, division.reciprocal[0][0]),
                    division.scale[0][0],
                );
                assert_eq!(level, (value + 4 * step) / (8 * step), "{value} by {step}");
            }
        }
    }
}
