//! What JPEG does to an image: the round trip through libjpeg-turbo's encoder and decoder with its
//! default settings (baseline, 4:2:0, accurate transforms, fancy upsampling), bit for bit. Coding
//! is lossless, so nothing is coded.

use super::dct::{Block, forward};
use super::filter::Shape;
use super::spare::{Spare, sized};
use super::vector;
use crate::decode::avx2;
use crate::decode::jpeg::reconstruct::Reconstruct;

/// The coefficients of one block in natural order.
pub(super) type Coefficients = [i16; 64];

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

/// The steps of a quantizer, and what dividing by eight times a step comes to in 16-bit arithmetic.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "vector code alone looks at it")
)]
pub(super) struct Quantizer {
    steps: [i16; 64],
    /// Four steps: half of the divisor.
    pub(super) half: [[u16; 8]; 8],
    /// 2^(16 + s) over the step, rounded up, where s is one less than the logarithm of the step to
    /// base 2, rounded up.
    pub(super) reciprocal: [[u16; 8]; 8],
    /// 2^(14 - s): the high half of a product with it is a shift by 2 + s.
    pub(super) scale: [[u16; 8]; 8],
}

impl Quantizer {
    /// libjpeg's scaling of a table to a quality of 1 to 100.
    fn new(table: &[[u16; 8]; 8], quality: u8) -> Quantizer {
        let quality = u32::from(quality.clamp(1, 100));
        let percent = if quality < 50 {
            5000 / quality
        } else {
            200 - 2 * quality
        };
        let steps =
            table.map(|row| row.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255)));
        let log = |step: u32| step.next_power_of_two().ilog2();
        Quantizer {
            steps: std::array::from_fn(|n| steps[n / 8][n % 8] as i16),
            half: steps.map(|row| row.map(|step| 4 * step as u16)),
            reciprocal: steps
                .map(|row| row.map(|step| (1u32 << (15 + log(step))).div_ceil(step) as u16)),
            scale: steps.map(|row| row.map(|step| 1 << (15 - log(step)))),
        }
    }

    /// The levels of two blocks side by side in `values`: coefficients divided and rounded half
    /// away from zero. Returns whether all outside the first four rows and columns are known to
    /// be zero.
    fn levels(
        &self,
        values: &[u8],
        stride: usize,
        blocks: &mut [Coefficients; 2],
        simd: bool,
    ) -> bool {
        if let Some(sparse) = vector::forward_dct(simd, values, stride, self, blocks) {
            return sparse;
        }
        for (left, levels) in blocks.iter_mut().enumerate() {
            let block: Block = std::array::from_fn(|y| {
                std::array::from_fn(|x| i32::from(values[y * stride + 8 * left + x]) - 128)
            });
            let coefficients = forward(block);
            let values = coefficients.as_flattened().iter().zip(&self.steps);
            for (level, (value, step)) in levels.iter_mut().zip(values) {
                let step = i32::from(*step);
                *level = ((value.abs() + 4 * step) / (8 * step) * value.signum()) as i16;
            }
        }
        false
    }
}

/// One component: rows padded to whole pairs of blocks, and one value more on either side.
struct Plane<'a> {
    values: &'a mut [u8],
    stride: usize,
}

impl Plane<'_> {
    fn quantize(
        &mut self,
        quantizer: &Quantizer,
        blocks: &mut [Coefficients; 2],
        parts: Reconstruct,
        simd: bool,
    ) {
        let stride = self.stride;
        for band in self.values.chunks_exact_mut(stride * 8) {
            for left in (1..stride - 1).step_by(16) {
                let values = &mut band[left..];
                let sparse = quantizer.levels(values, stride, blocks, simd);
                parts.idct_pair(blocks.each_ref(), &quantizer.steps, sparse, values, stride);
            }
        }
    }

    /// Repeats the first `rows` rows' last one below them.
    fn extend(&mut self, rows: usize) {
        let (real, rest) = self.values.split_at_mut(rows * self.stride);
        let last = &real[(rows - 1) * self.stride..];
        rest.chunks_exact_mut(self.stride)
            .for_each(|row| row.copy_from_slice(last));
    }

    /// A row from the value before the first, with `width` values and one behind them.
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

/// Fills a line beyond its first `width` values.
fn repeat_last(line: &mut [u8], width: usize) {
    let last = line[width - 1];
    line[width..].fill(last);
}

/// The constants of JFIF in 16.16 fixed point, as libjpeg rounds them.
fn to_ycc(rgb: &[[u8; 3]], [luma, cb, cr]: [&mut [u8]; 3], simd: bool) {
    let done = vector::to_ycc(simd, rgb, [&mut *luma, &mut *cb, &mut *cr]);
    let values = luma[done..]
        .iter_mut()
        .zip(&mut cb[done..])
        .zip(&mut cr[done..]);
    for (rgb, ((luma, cb), cr)) in rgb[done..].iter().zip(values) {
        let [r, g, b] = rgb.map(i32::from);
        let half = (128 << 16) + 32767;
        *luma = ((19595 * r + 38470 * g + 7471 * b + 32768) >> 16) as u8;
        *cb = ((-11059 * r - 21709 * g + 32768 * b + half) >> 16) as u8;
        *cr = ((32768 * r - 27439 * g - 5329 * b + half) >> 16) as u8;
    }
}

/// The means of squares of four values, halves rounded down and up in turn.
fn halve(above: &[u8], below: &[u8], out: &mut [u8], simd: bool) {
    if vector::halve(simd, above, below, out) {
        return;
    }
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

/// Changes an image to what is left of it after JPEG of a quality of 1 to 100.
pub(crate) fn run(quality: u8, pixels: &mut [u8], shape: Shape, spare: &mut Spare) {
    let Shape { width, height, .. } = shape;
    let (simd, parts) = (spare.simd, Reconstruct::new(avx2(spare.simd)));
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    // Pairs of blocks, of which the second may be for nothing.
    let (wide, high) = (width.next_multiple_of(16), height.next_multiple_of(8));
    let (half_wide, half_high) = (
        half_width.next_multiple_of(16),
        half_height.next_multiple_of(8),
    );
    let planes = sized(
        &mut spare.bytes,
        (wide + 2) * high + 2 * (half_wide + 2) * half_high,
    );
    let (luma, chroma) = planes.split_at_mut((wide + 2) * high);
    let (cb, cr) = chroma.split_at_mut((half_wide + 2) * half_high);
    let mut luma = Plane {
        values: luma,
        stride: wide + 2,
    };
    let [mut cb, mut cr] = [cb, cr].map(|values| Plane {
        values,
        stride: half_wide + 2,
    });

    // The chroma of two rows at full width, and later of one row.
    let full = half_wide * 2;
    let rows = sized(&mut spare.more_bytes, 4 * full);
    for pair in 0..half_height {
        for (y, chroma) in (2 * pair..).zip(rows.chunks_exact_mut(2 * full)) {
            // An odd last row is its own partner.
            let y = y.min(height - 1);
            let from = pixels[y * width * 3..][..width * 3].as_chunks::<3>().0;
            let (cb, cr) = chroma.split_at_mut(full);
            let line = &mut luma.values[y * luma.stride + 1..][..wide];
            to_ycc(from, [&mut *line, &mut *cb, &mut *cr], simd);
            [line, cb, cr]
                .into_iter()
                .for_each(|line| repeat_last(line, width));
        }
        for (plane, start) in [(&mut cb, 0), (&mut cr, full)] {
            let [above, below] = [0, 2 * full].map(|row| &rows[row + start..][..full]);
            halve(
                above,
                below,
                &mut plane.values[pair * plane.stride + 1..][..half_wide],
                simd,
            );
        }
    }
    luma.extend(height);
    [&mut cb, &mut cr]
        .into_iter()
        .for_each(|plane| plane.extend(half_height));

    let mut blocks = [[0; _]; 2];
    luma.quantize(&Quantizer::new(&LUMA, quality), &mut blocks, parts, simd);
    let quantizer = Quantizer::new(&CHROMA, quality);
    for plane in [&mut cb, &mut cr] {
        plane.quantize(&quantizer, &mut blocks, parts, simd);
        plane.repeat_ends(half_width);
    }

    for (y, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
        let near = y / 2;
        let far = if y % 2 == 0 {
            near.saturating_sub(1)
        } else {
            (near + 1).min(half_height - 1)
        };
        let (cb_row, cr_row) = rows.split_at_mut(full);
        for (plane, row) in [(&cb, &mut *cb_row), (&cr, &mut *cr_row)] {
            let near = plane.row(near, half_width);
            if half_width <= 2 {
                // libjpeg repeats pixels if there are only two.
                let pairs = row.as_chunks_mut::<2>().0.iter_mut().zip(&near[1..]);
                pairs.for_each(|(pair, value)| *pair = [*value; 2]);
            } else {
                parts.upsample_h2v2(near, plane.row(far, half_width), &mut row[..2 * half_width]);
            }
        }
        let luma = &luma.row(y, width)[1..][..width];
        parts.ycc_to_rgb([luma, &cb_row[..width], &cr_row[..width]], out);
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
            run(100, &mut after, shape, &mut Spare::default());
            let mut wide = before.clone();
            run(100, &mut wide, shape, &mut Spare::new(true));
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
        let (mut plain, mut vector) = (Spare::default(), Spare::new(true));
        for quality in 1..=100 {
            // Hard edges reach the largest coefficients.
            let mut pixels = noise(u32::from(quality));
            if quality % 2 == 0 {
                pixels
                    .iter_mut()
                    .for_each(|value| *value = if *value < 128 { 0 } else { 255 });
            }
            let mut same = pixels.clone();
            run(quality, &mut pixels, shape, &mut plain);
            run(quality, &mut same, shape, &mut vector);
            assert_eq!(pixels, same, "quality {quality}");
        }
    }

    #[test]
    fn sixteen_bits_divide_every_coefficient_as_division_does() {
        for step in 1..=255u32 {
            let quantizer = Quantizer::new(&[[step as u16; 8]; 8], 50);
            let high = |a: u32, b: u16| (a * u32::from(b)) >> 16;
            for value in 0..=32_000 {
                let eighth = (value + u32::from(quantizer.half[0][0])) >> 1 & !3;
                let level = high(
                    high(eighth, quantizer.reciprocal[0][0]),
                    quantizer.scale[0][0],
                );
                assert_eq!(level, (value + 4 * step) / (8 * step), "{value} by {step}");
            }
        }
    }
}
