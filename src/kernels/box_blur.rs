//! Pillow's extended box blur (`ImageFilter.BoxBlur`, `GaussianBlur`), byte for byte.
//!
//! Passes run along columns, where a row of running sums is one vector after the other. Those along
//! rows are passes along the columns of the transposed image.

use super::filter::Shape;
use super::place::transpose;
use super::spare::{Spare, sized};

/// A box of `2 radius + 1` pixels and a share of the pixel beyond it on either side, in 8.24 fixed
/// point.
#[derive(Clone, Copy, Debug)]
struct Window {
    radius: usize,
    /// The weight of the pixels inside.
    inner: u32,
    /// The weight of the two beyond.
    outer: u32,
}

impl Window {
    fn new(radius: f32) -> Window {
        let whole = radius as u32;
        let inner = ((1u32 << 24) as f32 / (radius * 2.0 + 1.0)) as u32;
        let outer = ((1 << 24) - (whole * 2 + 1) * inner) / 2;
        Window {
            radius: whole as usize,
            inner,
            outer,
        }
    }
}

/// Blurs with a box of this radius in pixels, `passes` times along rows and then along columns.
pub(super) fn run(radius: f32, passes: usize, pixels: &mut [u8], shape: Shape, spare: &mut Spare) {
    if radius <= 0.0 {
        return;
    }
    let window = Window::new(radius);
    let turned = sized(&mut spare.bytes, pixels.len());
    let other = sized(&mut spare.more_bytes, pixels.len());
    transpose::<_, 16>(pixels, turned, shape.width);
    let mut sums = |image: &mut [u8], other: &mut [u8], lines: usize| {
        repeat(window, passes, image, other, lines, &mut spare.counts);
    };
    sums(turned, other, shape.width);
    transpose::<_, 16>(turned, pixels, shape.height);
    sums(pixels, other, shape.height);
}

/// The radius of a box, applied `passes` times, that comes near a Gaussian of this deviation:
/// Gwosdek et al., "Theoretical foundations of Gaussian convolution by extended box filtering"
/// (2011), with Pillow's mixture of f32 and f64.
pub(super) fn radius_of(deviation: f32, passes: u8) -> f32 {
    let variance = deviation * deviation / f32::from(passes);
    let length = libm::sqrt(12.0 * f64::from(variance) + 1.0) as f32;
    let whole = libm::floor((f64::from(length) - 1.0) / 2.0) as f32;
    let share = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance);
    whole + share / (6.0 * (variance - (whole + 1.0) * (whole + 1.0)))
}

fn repeat(
    window: Window,
    passes: usize,
    image: &mut [u8],
    other: &mut [u8],
    lines: usize,
    sums: &mut Vec<u32>,
) {
    let (mut from, mut to) = (&mut *image, &mut *other);
    for _ in 0..passes {
        pass(window, from, to, lines, sums);
        std::mem::swap(&mut from, &mut to);
    }
    if passes % 2 == 1 {
        // `from` is now `other`, which holds the result.
        to.copy_from_slice(from);
    }
}

/// One pass along columns; `lines` rows, those at the edges repeat.
fn pass(window: Window, from: &[u8], to: &mut [u8], lines: usize, sums: &mut Vec<u32>) {
    let stride = from.len() / lines;
    let line = |y: i64| &from[y.clamp(0, lines as i64 - 1) as usize * stride..][..stride];
    let sums = sized(sums, stride);
    sums.fill(0);
    let reach = window.radius as i64;
    for y in -reach..=reach {
        sums.iter_mut()
            .zip(line(y))
            .for_each(|(sum, value)| *sum += u32::from(*value));
    }
    for (y, out) in (0..).zip(to.chunks_exact_mut(stride)) {
        let (before, first) = (line(y - reach - 1), line(y - reach));
        let after = line(y + reach + 1);
        let lines = before.iter().zip(first).zip(after);
        for ((out, sum), ((before, first), after)) in out.iter_mut().zip(&mut *sums).zip(lines) {
            let beyond = u32::from(*before) + u32::from(*after);
            *out = ((*sum * window.inner + beyond * window.outer + (1 << 23)) >> 24) as u8;
            *sum = *sum + u32::from(*after) - u32::from(*first);
        }
    }
}
