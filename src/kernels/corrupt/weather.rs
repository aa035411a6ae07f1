//! Snow, frost and fog.

use super::super::blur::motion_taps;
use super::super::border::PadMode;
use super::super::filter::{self, Shape, Tap, floored, rounded};
use super::super::pixel_rng::{Bits, Normals};
use super::super::scratch::{Scratch, sized};
use super::blurs::middle_of;
use super::tables;

/// Adds flakes to the image, which also becomes whiter. Flakes are normal noise that is enlarged,
/// cut off below a threshold and smeared; they are added once upright and once upside down.
pub(super) fn snow(
    snow: &tables::Snow,
    (angle, seed): (f32, u64),
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
    taps: &mut Vec<Tap>,
) {
    let Shape { width, height, .. } = shape;
    let field = sized(&mut scratch.field, width * height);
    Normals::new(seed).each(field, |value, normal| {
        *value = snow.mean + snow.std * normal
    });
    let [(rows, tall), (columns, wide)] = [height, width].map(|side| middle_of(side, snow.zoom));
    let layer = Shape {
        width: wide,
        height: tall,
        channels: 1,
    };
    let flakes = sized(&mut scratch.plane, layer.len());
    let (top, left) = ((height - rows) / 2, (width - columns) / 2);
    for (y, out) in flakes.chunks_exact_mut(wide).enumerate() {
        let (upper, lower, down) = position(y, rows, tall);
        let [upper, lower] =
            [upper, lower].map(|row| &field[(top + row) * width + left..][..columns]);
        for (x, value) in out.iter_mut().enumerate() {
            let (a, b, right) = position(x, columns, wide);
            let (upper, lower) = (
                upper[a] + (upper[b] - upper[a]) * right,
                lower[a] + (lower[b] - lower[a]) * right,
            );
            let flake = upper + (lower - upper) * down;
            *value = if flake < snow.threshold {
                0.0
            } else {
                flake.min(1.0) * 255.0
            };
        }
    }
    motion_taps(snow.radius, snow.sigma, f64::from(angle), layer, taps);
    let fallen = sized(&mut scratch.more_field, layer.len());
    let middle = &mut scratch.middle;
    filter::correlate(flakes, layer, taps, PadMode::Edge, middle, fallen);
    let flake = |x: usize, y: usize| f32::from(rounded(fallen[y * wide + x]));
    for (y, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
        for (x, rgb) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let white = flake(x, y) + flake(width - 1 - x, height - 1 - y);
            let [r, g, b] = rgb.map(f32::from);
            let pale = (0.299 * r + 0.587 * g + 0.114 * b) * 1.5 + 127.5;
            *rgb = [r, g, b].map(|value| {
                floored(snow.weight * value + (1.0 - snow.weight) * value.max(pale) + white)
            });
        }
    }
}

/// The two pixels around a position of an enlarged line and the weight of the second; ends are
/// mapped to ends.
fn position(i: usize, from: usize, to: usize) -> (usize, usize, f32) {
    let at = if to > 1 {
        i as f64 * (from - 1) as f64 / (to - 1) as f64
    } else {
        0.0
    };
    let low = (at as usize).min(from - 1);
    (low, (low + 1).min(from - 1), (at - low as f64) as f32)
}

/// Adds a texture to the image, each with its weight. The texture is synthetic: bluish white ridges
/// of a plasma fractal, with a mean near 100 like the photographs of the reference.
pub(super) fn frost(
    (image, ice): (f32, f32),
    seed: u64,
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
) {
    let side = plasma(1.8, seed, shape, &mut scratch.field);
    let map = &scratch.field[..side * side];
    for (y, out) in pixels.chunks_exact_mut(shape.stride()).enumerate() {
        for (rgb, height) in out.as_chunks_mut::<3>().0.iter_mut().zip(&map[y * side..]) {
            // Ridges are where the fractal crosses an odd multiple of a twenty-fourth.
            let fold = height * 12.0;
            let ridge = 1.0 - 2.0 * (fold - libm::floorf(fold) - 0.5).abs();
            let white = (40.0 + 200.0 * ridge * ridge) * (0.5 + height);
            let texture = [0.86, 0.95, 1.0].map(|tint| (white * tint).min(255.0));
            *rgb = [0, 1, 2].map(|c| floored(image * f32::from(rgb[c]) + ice * texture[c]));
        }
    }
}

/// Adds a plasma fractal and scales the sum back to the range of the image.
pub(super) fn fog(
    (amount, decay): (f32, f32),
    seed: u64,
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
) {
    let most = f32::from(pixels.iter().copied().max().unwrap_or(0));
    let side = plasma(decay, seed, shape, &mut scratch.field);
    let map = &scratch.field[..side * side];
    let amount = amount * 255.0;
    let scale = most / (most + amount);
    for (y, out) in pixels.chunks_exact_mut(shape.stride()).enumerate() {
        for (rgb, fog) in out.as_chunks_mut::<3>().0.iter_mut().zip(&map[y * side..]) {
            *rgb = rgb.map(|value| floored((f32::from(value) + amount * fog) * scale));
        }
    }
}

/// Writes a height map from 0 to 1 on a torus by the diamond-square algorithm, and returns its
/// side, the power of two that holds the image: Fournier, Fussell and Carpenter, "Computer
/// rendering of stochastic models" (1982).
fn plasma(decay: f32, seed: u64, shape: Shape, field: &mut Vec<f32>) -> usize {
    let side = shape.width.max(shape.height).max(3).next_power_of_two();
    let map = sized(field, side * side);
    map[0] = 0.0;
    let mut bits = Bits::new(seed);
    let (mut step, mut wibble) = (side, 100.0f32);
    while step >= 2 {
        let half = step / 2;
        let mut set = |start: [usize; 2], corners: [[usize; 2]; 4]| {
            for y in (0..side).step_by(step) {
                for x in (0..side).step_by(step) {
                    let at = |[dy, dx]: [usize; 2]| (y + dy) % side * side + (x + dx) % side;
                    let sum: f32 = corners.iter().map(|corner| map[at(*corner)]).sum();
                    map[at(start)] = sum / 4.0 + wibble * bits.uniform(-wibble, wibble);
                }
            }
        };
        set([half, half], [[0, 0], [0, step], [step, 0], [step, step]]);
        // Half a step before the first row: on the other side of the torus.
        let before = side - half;
        set([0, half], [[half, half], [before, half], [0, 0], [0, step]]);
        set([half, 0], [[half, half], [half, before], [0, 0], [step, 0]]);
        step = half;
        wibble /= decay;
    }
    let (least, most) = map
        .iter()
        .fold((f32::MAX, f32::MIN), |(least, most), value| {
            (least.min(*value), most.max(*value))
        });
    let range = most - least;
    map.iter_mut()
        .for_each(|value| *value = (*value - least) / range);
    side
}
