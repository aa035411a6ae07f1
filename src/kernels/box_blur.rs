//! Pillow's extended box blur (`ImageFilter.BoxBlur` and `GaussianBlur`; `libImaging/BoxBlur.c`),
//! byte for byte.
//!
//! A running sum makes the cost independent of the radius. Passes run along columns, where the sums
//! of a whole row are updated at once, which the compiler vectorizes; passes along rows run along
//! the columns of the transposed image. Rejected: running sums along rows, each of which waits for
//! the one before.

use super::filter::Shape;
use super::scratch::{Scratch, sized};
use super::turn::transpose;

/// The weights of a box of `2 radius + 1` pixels and of the pixel beyond it on either side, in 8.24
/// fixed point.
#[derive(Clone, Copy, Debug)]
struct Window {
    radius: usize,
    /// The weight of each pixel inside the box.
    inner: u32,
    /// The weight of each of the two pixels beyond it.
    outer: u32,
}

impl Window {
    fn new(radius: f32) -> Window {
        let floor = radius as u32;
        let inner = ((1u32 << 24) as f32 / (radius * 2.0 + 1.0)) as u32;
        let outer = ((1 << 24) - (floor * 2 + 1) * inner) / 2;
        Window {
            radius: floor as usize,
            inner,
            outer,
        }
    }
}

/// Blurs with a box of this radius in pixels: `passes` times along rows, then as often along
/// columns.
pub(super) fn run(
    radius: f32,
    passes: usize,
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
) {
    if radius <= 0.0 {
        return;
    }
    let window = Window::new(radius);
    let turned = sized(&mut scratch.bytes, pixels.len());
    let other = sized(&mut scratch.more_bytes, pixels.len());
    transpose::<_, 16>(pixels, turned, shape.width);
    let mut blur = |image: &mut [u8], other: &mut [u8], rows: usize| {
        repeat(window, passes, image, other, rows, &mut scratch.counts);
    };
    blur(turned, other, shape.width);
    transpose::<_, 16>(turned, pixels, shape.height);
    blur(pixels, other, shape.height);
}

/// The radius of a box that approximates a Gaussian of this deviation after `passes` passes:
/// Gwosdek et al., "Theoretical foundations of Gaussian convolution by extended box filtering"
/// (2011), with Pillow's mixture of f32 and f64.
pub(super) fn radius_of(deviation: f32, passes: u8) -> f32 {
    let variance = deviation * deviation / f32::from(passes);
    let length = libm::sqrt(12.0 * f64::from(variance) + 1.0) as f32;
    let floor = libm::floor((f64::from(length) - 1.0) / 2.0) as f32;
    let fraction = (2.0 * floor + 1.0) * (floor * (floor + 1.0) - 3.0 * variance);
    floor + fraction / (6.0 * (variance - (floor + 1.0) * (floor + 1.0)))
}

/// Applies the box `passes` times along the columns of `image`.
fn repeat(
    window: Window,
    passes: usize,
    image: &mut [u8],
    other: &mut [u8],
    rows: usize,
    sums: &mut Vec<u32>,
) {
    let (mut from, mut to) = (&mut *image, &mut *other);
    for _ in 0..passes {
        pass(window, from, to, rows, sums);
        std::mem::swap(&mut from, &mut to);
    }
    if passes % 2 == 1 {
        // The last pass wrote to `other`, which `from` is now.
        to.copy_from_slice(from);
    }
}

/// One pass along the columns of an image of `rows` rows, the first and the last of which repeat
/// beyond the edge.
fn pass(window: Window, from: &[u8], to: &mut [u8], rows: usize, sums: &mut Vec<u32>) {
    let stride = from.len() / rows;
    let row = |y: i64| &from[y.clamp(0, rows as i64 - 1) as usize * stride..][..stride];
    let sums = sized(sums, stride);
    sums.fill(0);
    let reach = window.radius as i64;
    for y in -reach..=reach {
        sums.iter_mut()
            .zip(row(y))
            .for_each(|(sum, value)| *sum += u32::from(*value));
    }
    for (y, out) in (0..).zip(to.chunks_exact_mut(stride)) {
        let (before, first) = (row(y - reach - 1), row(y - reach));
        let after = row(y + reach + 1);
        let values = before.iter().zip(first).zip(after);
        for ((out, sum), ((before, first), after)) in out.iter_mut().zip(&mut *sums).zip(values) {
            let beyond = u32::from(*before) + u32::from(*after);
            *out = ((*sum * window.inner + beyond * window.outer + (1 << 23)) >> 24) as u8;
            *sum = *sum + u32::from(*after) - u32::from(*first);
        }
    }
}
