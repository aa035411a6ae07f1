//! Linear filters in f32 over rows of interleaved channels: separable symmetric ones, and any list
//! of taps.
//!
//! The loops work on blocks of 32 values in plain code, which the compiler vectorizes: channels do
//! not matter to a filter, so there are no pixels of three bytes in the way. Sums are in the order
//! of the taps and are not fused, so that they are the same on every processor.

use super::border::PadMode;
use super::scratch::sized;
use crate::geometry::Size;

/// The dimensions of an image or a plane of values, row by row, the channels of a pixel side by
/// side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
}

impl Shape {
    /// An RGB image of this size.
    pub(crate) fn rgb(size: Size) -> Shape {
        Shape {
            width: size.width as usize,
            height: size.height as usize,
            channels: 3,
        }
    }

    /// A plane with one value for each pixel.
    pub(crate) fn gray(size: Size) -> Shape {
        Shape {
            channels: 1,
            ..Shape::rgb(size)
        }
    }

    /// The number of values in a row.
    pub(crate) fn stride(self) -> usize {
        self.width * self.channels
    }

    /// The number of values.
    pub(crate) fn len(self) -> usize {
        self.stride() * self.height
    }
}

/// One weight of a two-dimensional filter: the result at a pixel is the sum of `weight` times the
/// pixel `dx` columns to the right and `dy` rows below.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tap {
    pub(crate) dx: i32,
    pub(crate) dy: i32,
    pub(crate) weight: f32,
}

/// The values that are worked on at a time: as many as fit the registers.
const BLOCK: usize = 32;

/// Writes the Gaussian at offsets 0 to `radius`, scaled so that the weights of all offsets from
/// `-radius` to `radius` sum to one.
pub(crate) fn gaussian(sigma: f64, radius: usize, half: &mut Vec<f32>) {
    let value = |k: usize| libm::exp(-((k * k) as f64) / (2.0 * sigma * sigma));
    let sum = 2.0 * (1..=radius).map(value).sum::<f64>() + 1.0;
    half.clear();
    half.extend((0..=radius).map(|k| (value(k) / sum) as f32));
}

/// Applies a symmetric filter along the columns and one along the rows; each is given by its
/// weights at offsets 0, 1, ...
pub(crate) fn separable(
    values: &mut [f32],
    shape: Shape,
    [along_row, along_column]: [&[f32]; 2],
    border: PadMode,
    middle: &mut Vec<f32>,
) {
    let (stride, channels) = (shape.stride(), shape.channels);
    let reach = along_row.len() - 1;
    let middle = sized(middle, shape.len() + stride + 2 * reach * channels);
    let (middle, padded) = middle.split_at_mut(shape.len());
    let height = shape.height as i64;
    for (y, out) in (0..).zip(middle.chunks_exact_mut(stride)) {
        let row = |y: i64| &values[inside(y, height, border) * stride..][..stride];
        symmetric(out, along_column, |k| {
            [row(y - k as i64), row(y + k as i64)]
        });
    }
    for (row, out) in middle
        .chunks_exact(stride)
        .zip(values.chunks_exact_mut(stride))
    {
        pad_row(row, padded, shape, reach, border);
        let from = |start: usize| &padded[start * channels..][..stride];
        symmetric(out, along_row, |k| [from(reach - k), from(reach + k)]);
    }
}

/// Blurs with a Gaussian that is cut at `radius`.
pub(crate) fn gaussian_blur(
    values: &mut [f32],
    shape: Shape,
    (sigma, radius): (f64, usize),
    border: PadMode,
    (weights, middle): (&mut Vec<f32>, &mut Vec<f32>),
) {
    gaussian(sigma, radius, weights);
    let reach = |length: usize| folded_reach(radius, length, border);
    let (along_row, along_column) = (reach(shape.width), reach(shape.height));
    // The folded weights of both directions follow the weights themselves.
    weights.resize(radius + 3 + along_row + along_column, 0.0);
    let (half, folded) = weights.split_at_mut(radius + 1);
    let (rows, columns) = folded.split_at_mut(along_row + 1);
    fold(half, rows);
    fold(half, columns);
    separable(values, shape, [rows, columns], border, middle);
}

/// The reach of a kernel once it is folded: a mirrored line repeats itself, so a kernel that is
/// wider than the line needs each of its values only once.
fn folded_reach(radius: usize, length: usize, border: PadMode) -> usize {
    match border {
        PadMode::Symmetric => radius.min(length),
        PadMode::Reflect => radius.min((length - 1).max(1)),
        _ => radius,
    }
}

/// Adds up the weights that meet the same value of a line with a period of twice the reach.
fn fold(half: &[f32], folded: &mut [f32]) {
    let reach = folded.len() - 1;
    if reach + 1 == half.len() {
        folded.copy_from_slice(half);
        return;
    }
    folded.fill(0.0);
    for (k, weight) in half.iter().enumerate() {
        let at = k % (2 * reach);
        let at = at.min(2 * reach - at);
        // Offsets k and -k both meet the center, whose weight counts once.
        folded[at] += if at == 0 && k > 0 {
            2.0 * weight
        } else {
            *weight
        };
    }
}

/// Writes the sum of `half[k]` times both rows of `pair(k)`; the center row counts once.
fn symmetric<'a>(out: &mut [f32], half: &[f32], pair: impl Fn(usize) -> [&'a [f32]; 2]) {
    let (blocks, tail) = out.as_chunks_mut::<BLOCK>();
    let start = blocks.len() * BLOCK;
    for (i, block) in blocks.iter_mut().enumerate() {
        let at = |row: &'a [f32]| &row[i * BLOCK..].as_chunks::<BLOCK>().0[0];
        let center = at(pair(0)[0]);
        let mut sum: [f32; BLOCK] = std::array::from_fn(|j| center[j] * half[0]);
        for (k, weight) in half.iter().enumerate().skip(1) {
            let [a, b] = pair(k).map(at);
            for j in 0..BLOCK {
                sum[j] += weight * (a[j] + b[j]);
            }
        }
        *block = sum;
    }
    for (i, value) in tail.iter_mut().enumerate() {
        let mut sum = pair(0)[0][start + i] * half[0];
        for (k, weight) in half.iter().enumerate().skip(1) {
            let [a, b] = pair(k);
            sum += weight * (a[start + i] + b[start + i]);
        }
        *value = sum;
    }
}

/// Correlates `values` with any taps; `out` has the same shape. `middle` is memory for the padded
/// image.
pub(crate) fn correlate(
    values: &[f32],
    shape: Shape,
    taps: &[Tap],
    border: PadMode,
    middle: &mut Vec<f32>,
    out: &mut [f32],
) {
    let reach = taps
        .iter()
        .map(|tap| tap.dx.unsigned_abs() as usize)
        .max()
        .unwrap_or(0);
    let wide = shape.stride() + 2 * reach * shape.channels;
    let padded = sized(middle, wide * shape.height);
    for (row, padded) in values
        .chunks_exact(shape.stride())
        .zip(padded.chunks_exact_mut(wide))
    {
        pad_row(row, padded, shape, reach, border);
    }
    let height = shape.height as i64;
    for (y, out) in (0..).zip(out.chunks_exact_mut(shape.stride())) {
        let shifted = |tap: &Tap| {
            let row = inside(y + i64::from(tap.dy), height, border);
            let column = (reach as i64 + i64::from(tap.dx)) as usize;
            &padded[row * wide + column * shape.channels..][..shape.stride()]
        };
        let (blocks, tail) = out.as_chunks_mut::<BLOCK>();
        let start = blocks.len() * BLOCK;
        for (i, block) in blocks.iter_mut().enumerate() {
            let mut sum = [0.0; BLOCK];
            for tap in taps {
                let from = &shifted(tap)[i * BLOCK..].as_chunks::<BLOCK>().0[0];
                for j in 0..BLOCK {
                    sum[j] += tap.weight * from[j];
                }
            }
            *block = sum;
        }
        for (i, value) in tail.iter_mut().enumerate() {
            *value = taps
                .iter()
                .fold(0.0, |sum, tap| sum + tap.weight * shifted(tap)[start + i]);
        }
    }
}

/// The row or column whose values stand at `i`; `border` is not a constant color.
fn inside(i: i64, n: i64, border: PadMode) -> usize {
    // The first reflection without a division: wide kernels ask for it once for each weight.
    let near = match border {
        PadMode::Reflect if i < 0 => -i,
        PadMode::Reflect if i >= n => 2 * (n - 1) - i,
        PadMode::Symmetric if i < 0 => -1 - i,
        PadMode::Symmetric if i >= n => 2 * n - 1 - i,
        _ => i,
    };
    if (0..n).contains(&near) {
        return near as usize;
    }
    border
        .index(i, n)
        .expect("filters repeat pixels beyond the edge") as usize
}

/// Copies a row and adds `reach` pixels on either side.
fn pad_row(row: &[f32], padded: &mut [f32], shape: Shape, reach: usize, border: PadMode) {
    let (width, channels) = (shape.width as i64, shape.channels);
    padded[reach * channels..][..row.len()].copy_from_slice(row);
    for i in (0..reach).chain(reach + shape.width..2 * reach + shape.width) {
        let from = inside(i as i64 - reach as i64, width, border);
        padded[i * channels..][..channels].copy_from_slice(&row[from * channels..][..channels]);
    }
}

/// 2^23: the last bit of its sum with a value below 2^22 is worth one.
const ONES: f32 = 8_388_608.0;

/// The nearest level, ties to even.
pub(crate) fn rounded(value: f32) -> u8 {
    (value.clamp(0.0, 255.0) + ONES).to_bits() as u8
}

/// The level below, without a conversion to integers, which the compiler does not vectorize.
pub(crate) fn truncated(value: f32) -> u8 {
    let value = value.clamp(0.0, 255.0);
    let near = value + ONES;
    (near.to_bits() - u32::from(near - ONES > value)) as u8
}

/// The error of f32 arithmetic that is forgiven before a value is truncated.
const LOSS: f32 = 1.0 / 1024.0;

/// [`truncated`], except that a value less than 1/1024 below a level becomes that level, so that a
/// flat image does not change.
pub(crate) fn floored(value: f32) -> u8 {
    truncated(value + LOSS)
}

/// Pixels as f32, written to a buffer.
pub(crate) fn widened<'a>(pixels: &[u8], buffer: &'a mut Vec<f32>) -> &'a mut [f32] {
    let plane = sized(buffer, pixels.len());
    plane
        .iter_mut()
        .zip(pixels)
        .for_each(|(value, pixel)| *value = f32::from(*pixel));
    plane
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes() -> impl Iterator<Item = Shape> {
        [(1, 1), (1, 9), (23, 1), (17, 5), (40, 3)]
            .into_iter()
            .flat_map(|(width, height)| {
                [1, 3].map(|channels| Shape {
                    width,
                    height,
                    channels,
                })
            })
    }

    #[test]
    fn levels_are_rounded_and_truncated_as_conversions_do() {
        for i in -1000..70_000 {
            let value = i as f32 / 256.0;
            assert_eq!(truncated(value), value as u8, "{value}");
            assert_eq!(rounded(value), value.round_ties_even() as u8, "{value}");
        }
    }

    #[test]
    fn a_kernel_wider_than_the_image_is_folded() {
        let half: Vec<f32> = (0..=70).map(|k| 1.0 / (k + 2) as f32).collect();
        let sum = 2.0 * half.iter().sum::<f32>() - half[0];
        for shape in shapes() {
            for border in [PadMode::Reflect, PadMode::Symmetric] {
                let values: Vec<f32> = (0..shape.len()).map(|i| (i * 7 % 251) as f32).collect();
                let folded = [shape.width, shape.height].map(|length| {
                    let mut folded = vec![0.0; folded_reach(70, length, border) + 1];
                    fold(&half, &mut folded);
                    folded
                });
                let (mut one, mut other) = (values.clone(), values);
                separable(&mut one, shape, [&half, &half], border, &mut Vec::new());
                separable(
                    &mut other,
                    shape,
                    [&folded[0], &folded[1]],
                    border,
                    &mut Vec::new(),
                );
                for (a, b) in one.iter().zip(&other) {
                    assert!(
                        (a - b).abs() < 1e-3 * sum * sum,
                        "{shape:?} {border:?}: {a} {b}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_separable_filter_is_the_correlation_with_all_its_taps() {
        let half = [0.4f32, 0.2, 0.1];
        let weight = |k: i32| half[k.unsigned_abs() as usize];
        let taps: Vec<Tap> = (-2..=2)
            .flat_map(|dy| {
                (-2..=2).map(move |dx| Tap {
                    dx,
                    dy,
                    weight: weight(dx) * weight(dy),
                })
            })
            .collect();
        for shape in shapes() {
            for border in [PadMode::Reflect, PadMode::Edge, PadMode::Symmetric] {
                let values: Vec<f32> = (0..shape.len()).map(|i| (i * 7 % 251) as f32).collect();
                let (mut one, mut other) = (values.clone(), vec![0.0; values.len()]);
                separable(&mut one, shape, [&half, &half], border, &mut Vec::new());
                correlate(&values, shape, &taps, border, &mut Vec::new(), &mut other);
                for (a, b) in one.iter().zip(&other) {
                    assert!((a - b).abs() < 1e-3, "{shape:?} {border:?}: {a} {b}");
                }
            }
        }
    }
}
