//! OpenCV's bilateral filter: Tomasi and Manduchi, "Bilateral filtering for gray and color images"
//! (1998).

use super::filter::{Shape, Tap, rounded};
use super::place::beyond;
use super::spare::{Spare, sized};
use crate::kernels::PadMode;

/// Means over a disk of this diameter, weighted by a Gaussian of the distance and one of the sum of
/// the differences of the three channels. The image is mirrored at its edge, the edge not repeated.
pub(super) fn run(
    diameter: u32,
    (color, space): (f32, f32),
    pixels: &mut [u8],
    shape: Shape,
    spare: &mut Spare,
) {
    let reach = (diameter / 2).max(1) as i32;
    let bell = |distance: f64, sigma: f32| {
        libm::exp(-0.5 * distance * distance / (f64::from(sigma) * f64::from(sigma))) as f32
    };
    spare.weights.clear();
    spare
        .weights
        .extend((0..=3 * 255).map(|difference| bell(f64::from(difference), color)));
    let similar = &spare.weights;
    spare.taps.clear();
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let square = f64::from(dx * dx + dy * dy);
            if square <= f64::from(reach * reach) {
                spare.taps.push(Tap {
                    dx,
                    dy,
                    weight: bell(libm::sqrt(square), space),
                });
            }
        }
    }
    let reach = reach as usize;
    let wide = shape.width + 2 * reach;
    let padded = sized(&mut spare.bytes, wide * (shape.height + 2 * reach) * 3)
        .as_chunks_mut::<3>()
        .0;
    let inside = |i: usize, n: usize| {
        beyond(i as i64 - reach as i64, n as i64, PadMode::Reflect).expect("mirrors repeat pixels")
            as usize
    };
    for (y, line) in padded.chunks_exact_mut(wide).enumerate() {
        let from =
            &pixels.as_chunks::<3>().0[inside(y, shape.height) * shape.width..][..shape.width];
        line.iter_mut()
            .enumerate()
            .for_each(|(x, pixel)| *pixel = from[inside(x, shape.width)]);
    }
    for (y, line) in pixels.chunks_exact_mut(shape.stride()).enumerate() {
        for (x, pixel) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (mut sum, mut whole) = ([0.0f32; 3], 0.0f32);
            for tap in &spare.taps {
                let row = (y + reach).wrapping_add_signed(tap.dy as isize);
                let column = (x + reach).wrapping_add_signed(tap.dx as isize);
                let other = padded[row * wide + column];
                let apart = |c: usize| usize::from(other[c].abs_diff(pixel[c]));
                let weight = tap.weight * similar[apart(0) + apart(1) + apart(2)];
                whole += weight;
                for c in 0..3 {
                    sum[c] += weight * f32::from(other[c]);
                }
            }
            *pixel = sum.map(|sum| rounded(sum / whole));
        }
    }
}
