//! Gaussian blur, defocus, glass and zoom.

use super::super::border::PadMode;
use super::super::filter::{self, Shape, Tap, floored, widened};
use super::super::pixel_rng::Bits;
use super::super::scratch::{Scratch, sized};

/// scikit-image's `gaussian` with its defaults, truncated to levels: the kernel is cut at four
/// deviations, and the pixel at the edge repeats.
pub(super) fn smooth(sigma: f64, pixels: &mut [u8], shape: Shape, scratch: &mut Scratch) {
    let plane = widened(pixels, &mut scratch.plane);
    gaussian(
        (sigma, 4.0),
        plane,
        shape,
        PadMode::Edge,
        (&mut scratch.weights, &mut scratch.middle),
    );
    pixels
        .iter_mut()
        .zip(plane)
        .for_each(|(pixel, value)| *pixel = floored(*value));
}

/// scipy's Gaussian, cut at `truncate` deviations.
pub(super) fn gaussian(
    (sigma, truncate): (f64, f64),
    values: &mut [f32],
    shape: Shape,
    border: PadMode,
    buffers: (&mut Vec<f32>, &mut Vec<f32>),
) {
    let radius = (truncate * sigma + 0.5) as usize;
    if radius > 0 {
        filter::gaussian_blur(values, shape, (sigma, radius), border, buffers);
    }
}

/// The diameter of the largest disk in pixels.
const WIDEST: usize = 21;

/// Correlates with a disk that has a soft edge. The image is mirrored at its edge without repeating
/// the edge.
pub(super) fn defocus(
    (radius, alias): (f64, f64),
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
    taps: &mut Vec<Tap>,
) {
    disk(radius, alias, taps);
    let plane = widened(pixels, &mut scratch.plane);
    let out = sized(&mut scratch.field, pixels.len());
    let middle = &mut scratch.middle;
    filter::correlate(plane, shape, taps, PadMode::Reflect, middle, out);
    pixels
        .iter_mut()
        .zip(out)
        .for_each(|(pixel, value)| *pixel = floored(*value));
}

/// A disk on a grid with 17 pixels on each side, or more if it needs them, after OpenCV's Gaussian
/// blur with 3 (or 5) pixels on each side.
fn disk(radius: f64, alias: f64, taps: &mut Vec<Tap>) {
    let (reach, soft) = if radius <= 8.0 {
        (8i64, 1i64)
    } else {
        (radius as i64, 2)
    };
    let side = (2 * reach + 1) as usize;
    let inside = |x: i64, y: i64| f64::from(u8::from((x * x + y * y) as f64 <= radius * radius));
    let range = || -reach..=reach;
    let area: f64 = range()
        .flat_map(|y| range().map(move |x| inside(x, y)))
        .sum();
    let bell = |k: i64| libm::exp(-((k * k) as f64) / (2.0 * alias * alias));
    let total: f64 = (-soft..=soft).map(bell).sum();
    // Mirrored at the grid's edge.
    let mirrored = |k: i64| {
        if k.abs() > reach {
            k.signum() * (2 * reach - k.abs())
        } else {
            k
        }
    };
    let mut across = [[0.0; WIDEST]; WIDEST];
    for (y, row) in range().zip(&mut across[..side]) {
        for (x, value) in range().zip(&mut row[..side]) {
            *value = (-soft..=soft)
                .map(|k| bell(k) / total * inside(mirrored(x + k), y) / area)
                .sum();
        }
    }
    taps.clear();
    for y in range() {
        for x in range() {
            let column = |k: i64| across[(mirrored(y + k) + reach) as usize][(x + reach) as usize];
            let weight = (-soft..=soft)
                .map(|k| bell(k) / total * column(k))
                .sum::<f64>() as f32;
            // Smaller weights change nothing, because the sum of all is one.
            if weight > 1e-9 {
                taps.push(Tap {
                    dx: x as i32,
                    dy: y as i32,
                    weight,
                });
            }
        }
    }
}

/// Blurs, swaps pixels with neighbors, and blurs again.
pub(super) fn glass(
    (sigma, reach, rounds): (f64, usize, usize),
    seed: u64,
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
) {
    smooth(sigma, pixels, shape, scratch);
    let mut bits = Bits::new(seed);
    let grid = pixels.as_chunks_mut::<3>().0;
    let width = shape.width;
    for _ in 0..rounds {
        for y in (reach + 1..=shape.height.saturating_sub(reach)).rev() {
            for x in (reach + 1..=width.saturating_sub(reach)).rev() {
                let [dx, dy] = [0; 2].map(|_: i32| usize::from(bits.below(2 * reach as u16)));
                // The loops end early enough that x + reach - 1 is at most the last column.
                grid.swap(y * width + x, (y + dy - reach) * width + x + dx - reach);
            }
        }
    }
    smooth(sigma, pixels, shape, scratch);
}

/// The mean of the image and of `count` enlargements by 1, 1 + step, 1 + 2 step, ... of its middle.
pub(super) fn zoom(
    (count, step): (u32, f64),
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
) {
    let plane = widened(pixels, &mut scratch.plane);
    let sum = sized(&mut scratch.field, pixels.len());
    sum.copy_from_slice(plane);
    for k in 0..count {
        let factor = 1.0 + f64::from(k) * step;
        enlarged(plane, shape, factor, &mut scratch.middle, |y, row| {
            let sum = &mut sum[y * shape.stride()..][..shape.stride()];
            sum.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
        });
    }
    let scale = 1.0 / (count + 1) as f32;
    pixels
        .iter_mut()
        .zip(sum)
        .for_each(|(pixel, value)| *pixel = floored(*value * scale));
}

/// The length of the middle of a side that is enlarged, and its length afterwards.
pub(super) fn middle_of(side: usize, factor: f64) -> (usize, usize) {
    let middle = libm::ceil(side as f64 / factor) as usize;
    (middle, (middle as f64 * factor).round_ties_even() as usize)
}

/// Enlarges the middle of the image by linear interpolation that maps the ends to the ends, and
/// calls `take` with each of its first `height` rows, cut to the width of the image.
fn enlarged(
    plane: &[f32],
    shape: Shape,
    factor: f64,
    middle: &mut Vec<f32>,
    mut take: impl FnMut(usize, &[f32]),
) {
    let stride = shape.stride();
    let [(rows, tall), (columns, wide)] =
        [shape.height, shape.width].map(|side| middle_of(side, factor));
    let (top, left) = ((shape.height - rows) / 2, (shape.width - columns) / 2);
    let position = |i: usize, from: usize, to: usize| {
        let at = if to > 1 {
            i as f64 * (from - 1) as f64 / (to - 1) as f64
        } else {
            0.0
        };
        let low = (at as usize).min(from - 1);
        (low, (low + 1).min(from - 1), (at - low as f64) as f32)
    };
    let (mixed, row) = sized(middle, 2 * stride).split_at_mut(stride);
    for y in 0..shape.height.min(tall) {
        let (upper, lower, weight) = position(y, rows, tall);
        let [upper, lower] = [upper, lower].map(|row| &plane[(top + row) * stride..][..stride]);
        let pairs = upper.iter().zip(lower);
        mixed
            .iter_mut()
            .zip(pairs)
            .for_each(|(mixed, (a, b))| *mixed = a + (b - a) * weight);
        let mixed = mixed.as_chunks::<3>().0;
        for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (a, b, weight) = position(x, columns, wide);
            let (a, b) = (mixed[left + a], mixed[left + b]);
            *pixel = std::array::from_fn(|c| a[c] + (b[c] - a[c]) * weight);
        }
        take(y, row);
    }
}
