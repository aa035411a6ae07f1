//! OpenCV's `bilateralFilter`; the method is by Tomasi and Manduchi, "Bilateral filtering for gray
//! and color images" (1998).
//!
//! Each pixel becomes a mean over a disk in which near and similar neighbors have the largest
//! weights. The weights of the differences are a table, so no pixel needs an exponential. The
//! filter is not separable, so its cost grows with the area of the disk.

use super::border::PadMode;
use super::filter::{Shape, Tap, rounded};
use super::scratch::{Scratch, sized};

/// Means over a disk of this diameter, weighted by a Gaussian of the distance with deviation
/// `space` and one of the summed differences of the three channels with deviation `color`. The
/// image is mirrored at its edge without repeating the edge.
pub(super) fn run(
    diameter: u32,
    (color, space): (f32, f32),
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
    taps: &mut Vec<Tap>,
) {
    let reach = (diameter / 2).max(1) as i32;
    let bell = |distance: f64, sigma: f32| {
        libm::exp(-0.5 * distance * distance / (f64::from(sigma) * f64::from(sigma))) as f32
    };
    scratch.weights.clear();
    scratch
        .weights
        .extend((0..=3 * 255).map(|difference| bell(f64::from(difference), color)));
    let similar = &scratch.weights;
    taps.clear();
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let square = f64::from(dx * dx + dy * dy);
            if square <= f64::from(reach * reach) {
                taps.push(Tap {
                    dx,
                    dy,
                    weight: bell(libm::sqrt(square), space),
                });
            }
        }
    }
    let reach = reach as usize;
    let wide = shape.width + 2 * reach;
    let padded = sized(&mut scratch.bytes, wide * (shape.height + 2 * reach) * 3)
        .as_chunks_mut::<3>()
        .0;
    let inside = |i: usize, n: usize| {
        let index = PadMode::Reflect.index(i as i64 - reach as i64, n as i64);
        index.expect("mirrors repeat pixels") as usize
    };
    for (y, row) in padded.chunks_exact_mut(wide).enumerate() {
        let from =
            &pixels.as_chunks::<3>().0[inside(y, shape.height) * shape.width..][..shape.width];
        row.iter_mut()
            .enumerate()
            .for_each(|(x, pixel)| *pixel = from[inside(x, shape.width)]);
    }
    for (y, out) in pixels.chunks_exact_mut(shape.stride()).enumerate() {
        for (x, pixel) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (mut sum, mut total) = ([0.0f32; 3], 0.0f32);
            for tap in &*taps {
                let row = (y + reach).wrapping_add_signed(tap.dy as isize);
                let column = (x + reach).wrapping_add_signed(tap.dx as isize);
                let other = padded[row * wide + column];
                let apart = |c: usize| usize::from(other[c].abs_diff(pixel[c]));
                let weight = tap.weight * similar[apart(0) + apart(1) + apart(2)];
                total += weight;
                for c in 0..3 {
                    sum[c] += weight * f32::from(other[c]);
                }
            }
            *pixel = sum.map(|sum| rounded(sum / total));
        }
    }
}
