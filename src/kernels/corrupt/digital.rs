//! Brightness, contrast, saturation, elastic fields and pixelation.

use super::super::border::PadMode;
use super::super::filter::{Shape, floored, widened};
use super::super::pixel_rng::Bits;
use super::super::scratch::{Scratch, sized};
use super::blurs::gaussian;

/// Raises the value in HSV, which multiplies all channels; black becomes gray.
pub(super) fn brightness(add: f32, pixels: &mut [u8]) {
    for rgb in pixels.as_chunks_mut::<3>().0 {
        let most = f32::from(rgb.iter().copied().max().unwrap_or(0));
        let value = (most + 255.0 * add).min(255.0);
        *rgb = if most == 0.0 {
            [floored(value); 3]
        } else {
            rgb.map(|channel| floored(f32::from(channel) * (value / most)))
        };
    }
}

/// Scales the saturation in HSV, which scales the distances from the largest channel. Gray counts
/// as a red without saturation.
pub(super) fn saturate((factor, add): (f32, f32), pixels: &mut [u8]) {
    for rgb in pixels.as_chunks_mut::<3>().0 {
        let [most, least] = [rgb.iter().max(), rgb.iter().min()]
            .map(|value| f32::from(value.copied().unwrap_or(0)));
        if most == least {
            let less = floored(most * (1.0 - add));
            *rgb = if add == 0.0 {
                *rgb
            } else {
                [rgb[0], less, less]
            };
            continue;
        }
        let saturation = (most - least) / most;
        let scale = (saturation * factor + add).clamp(0.0, 1.0) / saturation;
        *rgb = rgb.map(|channel| floored(most - (most - f32::from(channel)) * scale));
    }
}

/// Multiplies the distance of each value from the mean of its channel.
pub(super) fn contrast(factor: f64, pixels: &mut [u8]) {
    let pixels = pixels.as_chunks_mut::<3>().0;
    let sums = pixels.iter().fold([0u64; 3], |sums, rgb| {
        [0, 1, 2].map(|c| sums[c] + u64::from(rgb[c]))
    });
    let tables = sums.map(|sum| {
        let mean = sum as f64 / pixels.len() as f64;
        let value = |level: usize| floored(((level as f64 - mean) * factor + mean) as f32);
        let mut table = [0u8; 256];
        table
            .iter_mut()
            .enumerate()
            .for_each(|(level, entry)| *entry = value(level));
        table
    });
    for rgb in pixels {
        *rgb = [0, 1, 2].map(|c| tables[c][usize::from(rgb[c])]);
    }
}

/// A random affine map, then a smooth random field: Simard et al., "Best practices for
/// convolutional neural networks applied to visual document analysis" (2003).
pub(super) fn elastic(
    (strength, sigma, jitter): (f32, f64, f32),
    seed: u64,
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
) {
    let mut bits = Bits::new(seed);
    let plane = widened(pixels, &mut scratch.plane);
    let turned = sized(&mut scratch.more_field, pixels.len());
    let map = jittered_square(jitter, shape, &mut bits);
    for (y, out) in turned.chunks_exact_mut(shape.stride()).enumerate() {
        for (x, pixel) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let at = map.map(|[a, b, c]| (a * x as f64 + b * y as f64 + c) as f32);
            *pixel = bilinear(plane, shape, at, PadMode::Reflect);
        }
    }
    let gray = Shape {
        channels: 1,
        ..shape
    };
    let fields = sized(&mut scratch.field, 2 * gray.len());
    for field in fields.chunks_exact_mut(gray.len()) {
        field
            .iter_mut()
            .for_each(|value| *value = bits.uniform(-1.0, 1.0));
        let buffers = (&mut scratch.weights, &mut scratch.middle);
        gaussian((sigma, 3.0), field, gray, PadMode::Symmetric, buffers);
    }
    let (right, down) = fields.split_at(gray.len());
    for (i, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let at = [
            (i % shape.width) as f32 + right[i] * strength,
            (i / shape.width) as f32 + down[i] * strength,
        ];
        *pixel = bilinear(turned, shape, at, PadMode::Symmetric).map(floored);
    }
}

/// The affine map from the points of the new image to those of the old one that moves three corners
/// of a square in the middle at random.
fn jittered_square(jitter: f32, shape: Shape, bits: &mut Bits) -> [[f64; 3]; 2] {
    let center = [shape.height / 2, shape.width / 2].map(|half| half as f64);
    let size = (shape.height.min(shape.width) / 3).max(1) as f64;
    // The reference names rows first and OpenCV reads columns first; for a square that is the same.
    let from = [
        [center[0] + size, center[1] + size],
        [center[0] + size, center[1] - size],
        [center[0] - size, center[1] - size],
    ];
    let to = from.map(|point| point.map(|at| at + f64::from(bits.uniform(-jitter, jitter))));
    // The inverse map takes the moved edges of the square to its edges along the axes.
    let along = |a: [f64; 2], b: [f64; 2]| [b[0] - a[0], b[1] - a[1]];
    let (first, second) = (along(to[1], to[0]), along(to[1], to[2]));
    let area = first[0] * second[1] - first[1] * second[0];
    let (start, end) = (along(from[1], from[0]), along(from[1], from[2]));
    // If the jitter folds the square flat, there is no inverse; the image does not change.
    if area.abs() < 1e-6 {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
    }
    [0, 1].map(|axis| {
        let a = (start[axis] * second[1] - end[axis] * first[1]) / area;
        let b = (end[axis] * first[0] - start[axis] * second[0]) / area;
        [a, b, from[1][axis] - a * to[1][0] - b * to[1][1]]
    })
}

/// Interpolates between two by two pixels around a point; (0, 0) is the center of the first pixel.
pub(super) fn bilinear(plane: &[f32], shape: Shape, [x, y]: [f32; 2], border: PadMode) -> [f32; 3] {
    let (left, top) = (libm::floorf(x), libm::floorf(y));
    let (dx, dy) = (x - left, y - top);
    let inside = |at: f32, n: usize| {
        let at = at as i64;
        [at, at + 1].map(|at| {
            let index = border.index(at, n as i64);
            index.expect("the border repeats pixels") as usize
        })
    };
    let (columns, rows) = (inside(left, shape.width), inside(top, shape.height));
    let plane = plane.as_chunks::<3>().0;
    let [[a, b], [c, d]] = rows.map(|row| columns.map(|column| plane[row * shape.width + column]));
    std::array::from_fn(|i| {
        let (upper, lower) = (a[i] + (b[i] - a[i]) * dx, c[i] + (d[i] - c[i]) * dx);
        upper + (lower - upper) * dy
    })
}

/// Shrinks with Pillow's box filter to a fraction of the sides and enlarges with its nearest
/// filter, byte for byte.
pub(super) fn pixelate(fraction: f64, pixels: &mut [u8], shape: Shape, scratch: &mut Scratch) {
    let Shape { width, height, .. } = shape;
    let [wide, high] = [width, height].map(|side| ((side as f64 * fraction) as usize).max(1));
    let middle = sized(&mut scratch.bytes, (wide * height).max(width * high) * 3);
    let small = sized(&mut scratch.more_bytes, wide * high * 3);
    // Pillow 13's order of the passes.
    if height - high > 2 * (width - wide) {
        shrink_columns(pixels, width * 3, (height, high), middle);
        shrink_rows(middle, (width, wide), high, small);
    } else {
        shrink_rows(pixels, (width, wide), height, middle);
        shrink_columns(middle, wide * 3, (height, high), small);
    }
    let small = small.as_chunks::<3>().0;
    // The position of the nearest filter is a running sum.
    let (down, right) = (high as f64 / height as f64, wide as f64 / width as f64);
    let mut row = down * 0.5;
    for out in pixels.chunks_exact_mut(width * 3) {
        let from = &small[(row as usize).min(high - 1) * wide..][..wide];
        let mut column = right * 0.5;
        for pixel in out.as_chunks_mut::<3>().0 {
            *pixel = from[(column as usize).min(wide - 1)];
            column += right;
        }
        row += down;
    }
}

/// The inputs whose mean an output is, and their weight, the same for all, in units of 2^-22.
fn window(i: usize, (from, to): (usize, usize)) -> (std::ops::Range<usize>, u32) {
    let scale = from as f64 / to as f64;
    let (center, support) = ((i as f64 + 0.5) * scale, 0.5 * scale);
    let low = ((center - support + 0.5) as i64).max(0) as usize;
    let high = ((center + support + 0.5) as usize).min(from);
    // The box is open on the left and closed on the right.
    let inside = |j: usize| {
        let at = (j as f64 - center + 0.5) / scale;
        at > -0.5 && at <= 0.5
    };
    let low = (low..high).find(|j| inside(*j)).unwrap_or(low);
    let high = (low..high)
        .rev()
        .find(|j| inside(*j))
        .map_or(high, |last| last + 1);
    let weight = (1.0 / (high - low) as f64 * f64::from(1 << 22) + 0.5) as u32;
    (low..high, weight)
}

/// A weighted sum, rounded; see [`window`] for the weight.
fn mean(values: impl Iterator<Item = u8>, weight: u32) -> u8 {
    let sum: u32 = values.map(u32::from).sum();
    ((sum * weight + (1 << 21)) >> 22).min(255) as u8
}

fn shrink_rows(from: &[u8], sides: (usize, usize), rows: usize, to: &mut [u8]) {
    let both = from
        .chunks_exact(sides.0 * 3)
        .take(rows)
        .zip(to.chunks_exact_mut(sides.1 * 3));
    for (from, to) in both {
        let from = from.as_chunks::<3>().0;
        for (x, pixel) in to.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (inputs, weight) = window(x, sides);
            *pixel = [0, 1, 2].map(|c| mean(from[inputs.clone()].iter().map(|rgb| rgb[c]), weight));
        }
    }
}

fn shrink_columns(from: &[u8], stride: usize, sides: (usize, usize), to: &mut [u8]) {
    for (y, out) in to.chunks_exact_mut(stride).take(sides.1).enumerate() {
        let (inputs, weight) = window(y, sides);
        for (x, value) in out.iter_mut().enumerate() {
            *value = mean(inputs.clone().map(|row| from[row * stride + x]), weight);
        }
    }
}
