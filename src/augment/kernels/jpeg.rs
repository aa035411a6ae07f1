//! What JPEG does to a picture: the round trip through libjpeg-turbo's encoder and decoder with its default settings
//! (baseline, 4:2:0, accurate transforms, fancy upsampling), bit for bit. Coding is lossless, so nothing is coded.

use super::dct::{Block, forward, inverse};
use super::filter::Shape;
use super::spare::{Spare, sized};

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

/// A quantiser, and one over eight times it.
struct Quantiser {
    steps: Block,
    inverse: [[f32; 8]; 8],
}

impl Quantiser {
    /// libjpeg's scaling of a table to a quality of 1 to 100.
    fn new(table: &[[u16; 8]; 8], quality: u8) -> Quantiser {
        let quality = i32::from(quality.clamp(1, 100));
        let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
        let steps = table.map(|row| row.map(|step| ((i32::from(step) * scale + 50) / 100).clamp(1, 255)));
        Quantiser { steps, inverse: steps.map(|row| row.map(|step| 1.0 / (step * 8) as f32)) }
    }

    /// The coefficients as a decoder gets them: divided, rounded half away from zero, multiplied.
    #[inline(always)]
    fn through(&self, mut block: Block) -> Block {
        for ((row, steps), inverse) in block.iter_mut().zip(&self.steps).zip(&self.inverse) {
            for ((value, step), inverse) in row.iter_mut().zip(steps).zip(inverse) {
                // Half a unit more than the numerator: f32 is exact enough to truncate the quotient rightly.
                let level = ((value.abs() + step * 4) as f32 + 0.5) * inverse;
                // Rounded after half a unit is taken off, which is truncated.
                let level = (level - 0.5 + ONES).to_bits() as i32 & 0xFFFF;
                let sign = *value >> 31;
                *value = ((level * step) ^ sign) - sign;
            }
        }
        block
    }
}

/// 1.5 times 2^23: in its sum with a value the low bits are that value rounded.
const ONES: f32 = 12_582_912.0;

/// One component: rows padded to whole blocks.
struct Plane<'a> {
    values: &'a mut [u8],
    stride: usize,
}

impl Plane<'_> {
    #[inline(always)]
    fn quantise(&mut self, quantiser: &Quantiser) {
        let stride = self.stride;
        for band in self.values.chunks_exact_mut(stride * 8) {
            for left in (0..stride).step_by(8) {
                let mut block = [[0; 8]; 8];
                for (y, row) in block.iter_mut().enumerate() {
                    let from = band[y * stride + left..].as_chunks::<8>().0[0];
                    for (value, from) in row.iter_mut().zip(from) {
                        *value = i32::from(from) - 128;
                    }
                }
                let block = inverse(quantiser.through(forward(block)));
                for (y, row) in block.into_iter().enumerate() {
                    let to = &mut band[y * stride + left..].as_chunks_mut::<8>().0[0];
                    for (value, from) in to.iter_mut().zip(row) {
                        *value = (from + 128).clamp(0, 255) as u8;
                    }
                }
            }
        }
    }

    /// Repeats the first `rows` rows' last one below them.
    fn extend(&mut self, rows: usize) {
        let (real, rest) = self.values.split_at_mut(rows * self.stride);
        let last = &real[(rows - 1) * self.stride..];
        rest.chunks_exact_mut(self.stride).for_each(|row| row.copy_from_slice(last));
    }

    fn row(&self, y: usize) -> &[u8] {
        &self.values[y * self.stride..][..self.stride]
    }
}

/// Fills a line beyond its first `width` values.
fn repeat_last(line: &mut [u8], width: usize) {
    let last = line[width - 1];
    line[width..].fill(last);
}

/// The constants of JFIF in 16.16 fixed point, as libjpeg rounds them.
#[inline(always)]
fn to_ycc([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(i32::from);
    let y = 19595 * r + 38470 * g + 7471 * b + 32768;
    let half = (128 << 16) + 32767;
    let cb = -11059 * r - 21709 * g + 32768 * b + half;
    let cr = 32768 * r - 27439 * g - 5329 * b + half;
    [y, cb, cr].map(|value| (value >> 16) as u8)
}

#[inline(always)]
fn to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let r = (91881 * cr + 32768) >> 16;
    let g = (-22554 * cb - 46802 * cr + 32768) >> 16;
    let b = (116_130 * cb + 32768) >> 16;
    [r, g, b].map(|add| (y + add).clamp(0, 255) as u8)
}

/// Changes a picture to what is left of it after JPEG of a quality of 1 to 100.
pub(in crate::augment) fn run(quality: u8, pixels: &mut [u8], shape: Shape, spare: &mut Spare) {
    #[cfg(target_arch = "x86_64")]
    if super::vector::avx2(spare.simd) {
        // SAFETY: the processor has AVX2.
        return unsafe { round_trip_avx2(quality, pixels, shape, spare) };
    }
    round_trip(quality, pixels, shape, spare);
}

/// The same code for wider registers, which have eight 32-bit products in one instruction.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn round_trip_avx2(quality: u8, pixels: &mut [u8], shape: Shape, spare: &mut Spare) {
    round_trip(quality, pixels, shape, spare);
}

#[inline(always)]
fn round_trip(quality: u8, pixels: &mut [u8], shape: Shape, spare: &mut Spare) {
    let Shape { width, height, .. } = shape;
    let blocks = |length: usize, size: usize| length.div_ceil(size) * 8;
    let (wide, high) = (blocks(width, 8), blocks(height, 8));
    let (half_wide, half_high) = (blocks(width, 16), blocks(height, 16));
    let planes = sized(&mut spare.bytes, wide * high + 2 * half_wide * half_high);
    let (luma, chroma) = planes.split_at_mut(wide * high);
    let (cb, cr) = chroma.split_at_mut(half_wide * half_high);
    let mut luma = Plane { values: luma, stride: wide };
    let [mut cb, mut cr] = [cb, cr].map(|values| Plane { values, stride: half_wide });

    // The chroma of two rows at full width, and later of one row.
    let full = half_wide * 2;
    let rows = sized(&mut spare.more_bytes, 4 * full);
    for pair in 0..height.div_ceil(2) {
        let chroma = rows.chunks_exact_mut(2 * full);
        for (y, chroma) in (2 * pair..).zip(chroma) {
            // An odd last row is its own partner.
            let y = y.min(height - 1);
            let from = pixels[y * width * 3..][..width * 3].as_chunks::<3>().0;
            let (cb, cr) = chroma.split_at_mut(full);
            let line = &mut luma.values[y * wide..][..wide];
            for (((rgb, luma), cb), cr) in from.iter().zip(&mut *line).zip(&mut *cb).zip(&mut *cr) {
                [*luma, *cb, *cr] = to_ycc(*rgb);
            }
            [line, cb, cr].into_iter().for_each(|line| repeat_last(line, width));
        }
        for (plane, start) in [(&mut cb, 0), (&mut cr, full)] {
            let [above, below] = [0, 2 * full].map(|row| rows[row + start..][..full].as_chunks::<2>().0);
            let line = &mut plane.values[pair * half_wide..][..half_wide];
            for (x, (mean, ([a, b], [c, d]))) in line.iter_mut().zip(above.iter().zip(below)).enumerate() {
                let sum = u16::from(*a) + u16::from(*b) + u16::from(*c) + u16::from(*d);
                // Halves are rounded down and up in turn.
                *mean = ((sum + 1 + (x % 2) as u16) >> 2) as u8;
            }
        }
    }
    luma.extend(height);
    [&mut cb, &mut cr].into_iter().for_each(|plane| plane.extend(height.div_ceil(2)));

    luma.quantise(&Quantiser::new(&LUMA, quality));
    let quantiser = Quantiser::new(&CHROMA, quality);
    [&mut cb, &mut cr].into_iter().for_each(|plane| plane.quantise(&quantiser));

    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    for (y, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
        let near = y / 2;
        let far = if y % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(half_height - 1) };
        let (cb_row, cr_row) = rows.split_at_mut(full);
        for (plane, row) in [(&cb, &mut *cb_row), (&cr, &mut *cr_row)] {
            upsample(&plane.row(near)[..half_width], &plane.row(far)[..half_width], row);
        }
        let values = luma.row(y).iter().zip(cb_row).zip(cr_row);
        for (rgb, ((y, cb), cr)) in out.as_chunks_mut::<3>().0.iter_mut().zip(values) {
            *rgb = to_rgb(*y, *cb, *cr);
        }
    }
}

/// Three quarters of the nearer pixel and one of the farther, both ways; libjpeg repeats pixels if there are only two.
#[inline(always)]
fn upsample(near: &[u8], far: &[u8], out: &mut [u8]) {
    let count = near.len();
    let out = &mut out.as_chunks_mut::<2>().0[..count];
    if count <= 2 {
        out.iter_mut().zip(near).for_each(|(pair, value)| *pair = [*value; 2]);
        return;
    }
    let sum = |x: usize| 3 * u16::from(near[x]) + u16::from(far[x]);
    let (mut left, mut here) = (sum(0), sum(0));
    for (x, pair) in out.iter_mut().enumerate() {
        let right = if x + 1 < count { sum(x + 1) } else { here };
        *pair = [((3 * here + left + 8) >> 4) as u8, ((3 * here + right + 7) >> 4) as u8];
        (left, here) = (here, right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_quality_is_close_on_smooth_pictures_of_any_size() {
        for (width, height) in [(1, 1), (1, 9), (23, 1), (17, 31), (5, 4)] {
            let shape = Shape { width, height, channels: 3 };
            let before: Vec<u8> =
                (0..shape.len()).map(|i| (i / 3 % width * 3 + i / 3 / width) as u8).collect();
            let mut after = before.clone();
            run(100, &mut after, shape, &mut Spare::default());
            let mut wide = before.clone();
            run(100, &mut wide, shape, &mut Spare::new(true));
            assert_eq!(after, wide, "plain code gives the bytes of vector code");
            let most = before.iter().zip(&after).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(most <= 3, "{width} x {height}: {most}");
        }
    }
}
