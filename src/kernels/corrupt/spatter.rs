//! Splashes of water and mud. The drops of water have waves, which are OpenCV's `Canny`,
//! `distanceTransform` and `equalizeHist` in a row.

use super::super::border::PadMode;
use super::super::filter::{self, Shape, floored, rounded};
use super::super::pixel_rng::Normals;
use super::super::scratch::{Scratch, sized};
use super::blurs::gaussian;
use super::tables;

/// Covers the image with liquid where smooth normal noise exceeds a threshold.
pub(super) fn run(
    spatter: &tables::Spatter,
    seed: u64,
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
) {
    let gray = Shape {
        channels: 1,
        ..shape
    };
    let liquid = sized(&mut scratch.field, gray.len());
    Normals::new(seed).each(liquid, |value, normal| {
        *value = spatter.mean + spatter.std * normal
    });
    let buffers = (&mut scratch.weights, &mut scratch.middle);
    gaussian((spatter.sigma, 4.0), liquid, gray, PadMode::Edge, buffers);
    if spatter.mud {
        liquid
            .iter_mut()
            .for_each(|value| *value = f32::from(u8::from(*value > spatter.threshold)));
        let buffers = (&mut scratch.weights, &mut scratch.middle);
        gaussian(
            (spatter.strength, 4.0),
            liquid,
            gray,
            PadMode::Edge,
            buffers,
        );
        for (rgb, opacity) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(liquid) {
            if *opacity >= 0.8 {
                let mud = [63.0, 42.0, 20.0];
                *rgb = [0, 1, 2]
                    .map(|c| floored(f32::from(rgb[c]) * (1.0 - *opacity) + mud[c] * *opacity));
            }
        }
        return;
    }
    let wet = sized(&mut scratch.bytes, gray.len());
    for (wet, value) in wet.iter_mut().zip(&*liquid) {
        *wet = if *value < spatter.threshold {
            0
        } else {
            filter::truncated(*value * 255.0)
        };
    }
    let edges = sized(&mut scratch.more_bytes, gray.len());
    canny(wet, gray, edges, &mut scratch.counts);
    distances(edges, gray, &mut scratch.counts);
    let far = &mut scratch.counts[..gray.len()];
    relief(far, gray, edges, &mut scratch.middle);
    let strongest = wet
        .iter()
        .zip(&*edges)
        .map(|(a, b)| u32::from(*a) * u32::from(*b))
        .max()
        .unwrap_or(0);
    if strongest == 0 {
        return;
    }
    let scale = spatter.strength as f32 / strongest as f32;
    for (rgb, (wet, light)) in pixels
        .as_chunks_mut::<3>()
        .0
        .iter_mut()
        .zip(wet.iter().zip(edges))
    {
        let opacity = (u32::from(*wet) * u32::from(*light)) as f32 * scale;
        // Pale turquoise.
        let water = [175.0, 238.0, 238.0];
        *rgb = [0, 1, 2].map(|c| floored(f32::from(rgb[c]) + opacity * water[c]));
    }
}

/// The index of the pixel at an offset from (x, y) in a plane.
fn at(x: usize, y: usize, [dx, dy]: [i64; 2], shape: Shape, border: PadMode) -> usize {
    let inside = |i: usize, d: i64, n: usize| {
        let index = border.index(i as i64 + d, n as i64);
        index.expect("the border repeats pixels") as usize
    };
    inside(y, dy, shape.height) * shape.width + inside(x, dx, shape.width)
}

/// OpenCV's `Canny(plane, 50, 150)` on sums of absolute Sobel derivatives. Edges become 0,
/// everything else 255.
fn canny(plane: &[u8], shape: Shape, out: &mut [u8], gradients: &mut Vec<u32>) {
    let Shape { width, height, .. } = shape;
    let gradient = |x: usize, y: usize| {
        let value = |dx, dy| i32::from(plane[at(x, y, [dx, dy], shape, PadMode::Edge)]);
        let right = value(1, -1) + 2 * value(1, 0) + value(1, 1)
            - value(-1, -1)
            - 2 * value(-1, 0)
            - value(-1, 1);
        let down = value(-1, 1) + 2 * value(0, 1) + value(1, 1)
            - value(-1, -1)
            - 2 * value(0, -1)
            - value(1, -1);
        (right, down)
    };
    let strength = sized(gradients, 2 * plane.len());
    let (strength, stack) = strength.split_at_mut(plane.len());
    for (i, value) in strength.iter_mut().enumerate() {
        let (right, down) = gradient(i % width, i / width);
        *value = right.unsigned_abs() + down.unsigned_abs();
    }
    let of = |x: i64, y: i64| {
        let inside = (0..width as i64).contains(&x) && (0..height as i64).contains(&y);
        if inside {
            strength[y as usize * width + x as usize]
        } else {
            0
        }
    };
    // 255: not an edge, 128: an edge if it touches one, 0: an edge.
    let mut count = 0;
    for (i, mark) in out.iter_mut().enumerate() {
        *mark = 255;
        let value = strength[i];
        if value <= 50 {
            continue;
        }
        let (x, y) = (i % width, i / width);
        let (right, down) = gradient(x, y);
        let (across, along) = (i64::from(right.abs()), i64::from(down.abs()) << 15);
        // tan 22.5 and tan 67.5 degrees in 15 fractional bits.
        let flat = across * 13573;
        let steep = flat + (across << 16);
        let (x, y) = (x as i64, y as i64);
        let peak = if along < flat {
            value > of(x - 1, y) && value >= of(x + 1, y)
        } else if along > steep {
            value > of(x, y - 1) && value >= of(x, y + 1)
        } else {
            let side = if (right ^ down) < 0 { -1 } else { 1 };
            value > of(x - side, y - 1) && value > of(x + side, y + 1)
        };
        if peak {
            *mark = if value > 150 { 0 } else { 128 };
            if value > 150 {
                stack[count] = i as u32;
                count += 1;
            }
        }
    }
    while count > 0 {
        count -= 1;
        let i = stack[count] as usize;
        let (x, y) = (i % width, i / width);
        for row in y.saturating_sub(1)..(y + 2).min(height) {
            for column in x.saturating_sub(1)..(x + 2).min(width) {
                let mark = &mut out[row * width + column];
                if *mark == 128 {
                    *mark = 0;
                    stack[count] = (row * width + column) as u32;
                    count += 1;
                }
            }
        }
    }
    out.iter_mut()
        .filter(|mark| **mark == 128)
        .for_each(|mark| *mark = 255);
}

/// OpenCV's distances to the nearest 0 by a chamfer mask of 5 x 5, in units of 2^-16 pixels.
fn distances(edges: &[u8], shape: Shape, far: &mut Vec<u32>) {
    const LINE: u32 = 65536;
    const DIAGONAL: u32 = 91750;
    const KNIGHT: u32 = 143_976;
    const FOREVER: u32 = 1 << 30;
    let Shape { width, height, .. } = shape;
    let far = sized(far, edges.len());
    far.iter_mut()
        .zip(edges)
        .for_each(|(far, mark)| *far = if *mark == 0 { 0 } else { FOREVER });
    let before: [([i64; 2], u32); 8] = [
        ([-1, 0], LINE),
        ([0, -1], LINE),
        ([-1, -1], DIAGONAL),
        ([1, -1], DIAGONAL),
        ([-2, -1], KNIGHT),
        ([2, -1], KNIGHT),
        ([-1, -2], KNIGHT),
        ([1, -2], KNIGHT),
    ];
    let mut relax = |i: usize, sign: i64| {
        if far[i] == 0 {
            return;
        }
        let (x, y) = ((i % width) as i64, (i / width) as i64);
        for ([dx, dy], length) in before {
            let (x, y) = (x + sign * dx, y + sign * dy);
            if (0..width as i64).contains(&x) && (0..height as i64).contains(&y) {
                far[i] = far[i].min(far[y as usize * width + x as usize] + length);
            }
        }
    };
    (0..edges.len()).for_each(|i| relax(i, 1));
    (0..edges.len()).rev().for_each(|i| relax(i, -1));
}

/// The light on the waves: distances up to 20 are smoothed, equalized, embossed and smoothed again.
fn relief(far: &[u32], shape: Shape, out: &mut [u8], middle: &mut Vec<f32>) {
    let around: [[i64; 2]; 9] = std::array::from_fn(|i| [i as i64 % 3 - 1, i as i64 / 3 - 1]);
    let index =
        |i: usize, d: [i64; 2]| at(i % shape.width, i / shape.width, d, shape, PadMode::Reflect);
    for (i, value) in out.iter_mut().enumerate() {
        let sum: u32 = around.iter().map(|d| far[index(i, *d)].min(20 << 16)).sum();
        *value = ((sum / 9) >> 16) as u8;
    }
    flatten(out);
    const EMBOSS: [i32; 9] = [-2, -1, 0, -1, 1, 1, 0, 1, 2];
    let plane = sized(middle, far.len());
    for (i, value) in plane.iter_mut().enumerate() {
        let sum: i32 = around
            .iter()
            .zip(EMBOSS)
            .map(|(d, weight)| weight * i32::from(out[index(i, *d)]))
            .sum();
        *value = sum.clamp(0, 255) as f32;
    }
    for (i, value) in out.iter_mut().enumerate() {
        *value = rounded(around.iter().map(|d| plane[index(i, *d)]).sum::<f32>() / 9.0);
    }
}

/// OpenCV's `equalizeHist`.
fn flatten(values: &mut [u8]) {
    let mut counts = [0u32; 256];
    values
        .iter()
        .for_each(|value| counts[usize::from(*value)] += 1);
    let total = values.len() as u32;
    let Some(first) = counts.iter().position(|count| *count > 0) else {
        return;
    };
    if counts[first] == total {
        return;
    }
    let scale = 255.0 / (total - counts[first]) as f32;
    let mut table = [0u8; 256];
    let mut sum = 0;
    for level in first + 1..256 {
        sum += counts[level];
        table[level] = rounded(sum as f32 * scale);
    }
    values
        .iter_mut()
        .for_each(|value| *value = table[usize::from(*value)]);
}
