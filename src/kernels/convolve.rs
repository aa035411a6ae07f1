//! Filters of 3 x 3 pixels with the kernels of the imgaug library: sharpening, embossing, edges.

use std::fmt;

use super::border::PadMode;
use super::filter::{self, Shape, Tap, rounded, widened};
use super::scratch::{Scratch, sized};
use crate::geometry::Size;

/// A correlation with 3 x 3 weights, rounded half to even and clipped, as OpenCV's `filter2D`. The
/// image is mirrored at its edge without repeating the edge.
///
/// # Example: filter an image with weights
///
/// ```
/// use feedmill::augment::steps::Convolve;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Convolve::new([0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0])));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(out[0], 50); // half of 100
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Convolve {
    /// The weights, row by row from the top left.
    pub weights: [f32; 9],
}

impl Convolve {
    /// Returns the step with these weights, row by row from the top left.
    pub fn new(weights: [f32; 9]) -> Convolve {
        Convolve { weights }
    }
}

/// The kernel that changes nothing.
const SAME: [f32; 9] = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];

impl Convolve {
    /// `alpha` times a kernel plus `1 - alpha` times the image.
    fn blended(alpha: f32, kernel: [f32; 9]) -> Convolve {
        Convolve {
            weights: std::array::from_fn(|i| (1.0 - alpha) * SAME[i] + alpha * kernel[i]),
        }
    }

    /// imgaug's `Sharpen`: the weight of each neighbor is -1, that of the center `8 + lightness`.
    pub fn sharpen(alpha: f32, lightness: f32) -> Convolve {
        let mut kernel = [-1.0; 9];
        kernel[4] = 8.0 + lightness;
        Convolve::blended(alpha, kernel)
    }

    /// imgaug's `Emboss`, with light from the top left.
    pub fn emboss(alpha: f32, strength: f32) -> Convolve {
        let s = strength;
        Convolve::blended(alpha, [-1.0 - s, -s, 0.0, -s, 1.0, s, 0.0, s, 1.0 + s])
    }

    /// imgaug's `EdgeDetect`: the Laplacian of four neighbors.
    pub fn edge_detect(alpha: f32) -> Convolve {
        Convolve::blended(alpha, [0.0, 1.0, 0.0, 1.0, -4.0, 1.0, 0.0, 1.0, 0.0])
    }

    /// imgaug's `DirectedEdgeDetect`: neighbors in a direction are subtracted. The direction is a
    /// fraction of a turn: 0 is up, 0.25 is right.
    pub fn directed_edge_detect(alpha: f32, direction: f64) -> Convolve {
        // imgaug rounds down to whole degrees.
        let degrees = libm::floor(direction * 360.0);
        let turn = (degrees - 90.0).to_radians();
        let (x, y) = (libm::cos(turn), libm::sin(turn));
        let similar: [f64; 9] = std::array::from_fn(|i| {
            let [dx, dy] = [i % 3, i / 3].map(|at| at as f64 - 1.0);
            if i == 4 {
                return 0.0;
            }
            let cosine = (dx * x + dy * y) / libm::hypot(dx, dy);
            let apart = libm::acos(cosine.clamp(-1.0, 1.0)) / std::f64::consts::PI;
            (1.0 - apart) * (1.0 - apart) * (1.0 - apart) * (1.0 - apart)
        });
        let total: f64 = similar.iter().sum();
        let mut kernel = similar.map(|value| (-value / total) as f32);
        kernel[4] = 1.0;
        Convolve::blended(alpha, kernel)
    }
}

impl fmt::Display for Convolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "convolve weights={:?}",
            self.weights.map(|weight| (weight * 1e4).round() / 1e4)
        )
    }
}

/// Filters an image, rows of RGB.
pub(crate) fn run(convolve: &Convolve, pixels: &mut [u8], size: Size, scratch: &mut Scratch) {
    let shape = Shape::rgb(size);
    let (mut taps, mut count) = ([Tap::default(); 9], 0);
    for (i, weight) in (0i32..).zip(convolve.weights) {
        if weight != 0.0 {
            taps[count] = Tap {
                dx: i % 3 - 1,
                dy: i / 3 - 1,
                weight,
            };
            count += 1;
        }
    }
    let plane = widened(pixels, &mut scratch.plane);
    let out = sized(&mut scratch.field, pixels.len());
    let (taps, middle) = (&taps[..count], &mut scratch.middle);
    filter::correlate(plane, shape, taps, PadMode::Reflect, middle, out);
    pixels
        .iter_mut()
        .zip(out)
        .for_each(|(pixel, value)| *pixel = rounded(*value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_of_a_kernel_changes_nothing_whatever_the_size() {
        for (width, height) in [(1, 1), (1, 9), (23, 1), (17, 31)] {
            let before: Vec<u8> = (0..width * height * 3)
                .map(|i| (i * 7 % 251) as u8)
                .collect();
            for convolve in [
                Convolve::sharpen(0.0, 1.0),
                Convolve::emboss(0.0, 1.0),
                Convolve::edge_detect(0.0),
                Convolve::directed_edge_detect(0.0, 0.3),
            ] {
                let mut after = before.clone();
                run(
                    &convolve,
                    &mut after,
                    Size { width, height },
                    &mut Scratch::default(),
                );
                assert_eq!(before, after, "{convolve} {width} x {height}");
            }
        }
    }

    #[test]
    fn directions_turn_clockwise_from_the_top() {
        for (direction, place) in [(0.0, 1), (0.125, 2), (0.25, 5), (0.5, 7), (0.75, 3)] {
            let weights = Convolve::directed_edge_detect(1.0, direction).weights;
            let least = (0..9).min_by(|a, b| weights[*a].total_cmp(&weights[*b]));
            assert_eq!(least, Some(place), "{direction}");
        }
    }
}
