//! Edge maps: Canny's detector as scikit-image's `feature.canny`, with the thresholds of
//! Efthymiadis, Tolias and Chum, "Crafting distribution shifts for validation and training in
//! single source domain generalization" (2025).
//!
//! Everything is in f64, as in scikit-image: whether a pixel is on an edge is decided by comparing
//! gradients of neighbors, which are often equal up to rounding.

use std::fmt;

use super::blend::blend;
use super::border::PadMode;
use super::filter::Shape;
use super::scratch::{Scratch, sized};
use super::threshold::{self, Threshold};
use crate::geometry::Size;

/// The edges of the image, black on white.
///
/// # Example: replace an image by its edges
///
/// ```
/// use feedmill::augment::steps::Edges;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
/// use feedmill::augment::Threshold;
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Edges::new(1.0, Threshold::Otsu)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Edges {
    /// The deviation in pixels of the Gaussian that smooths the image first; 0 does not smooth.
    pub sigma: f32,
    /// The rule for the gradient of an edge.
    pub threshold: Threshold,
    /// A shift of that gradient in levels, ignored if it leads out of the range of this image.
    pub shift: f64,
    /// Pixels with less than this fraction of that gradient are not on an edge.
    pub low: f64,
    /// An edge needs a pixel with at least this fraction of that gradient.
    pub high: f64,
    /// The weight of the edges; the rest is the image.
    pub alpha: f32,
}

impl Edges {
    /// Returns the edges alone (`alpha` is 1) after a Gaussian of this deviation in pixels, with the
    /// gradient of this rule, not shifted, and the two fractions of it that continue and begin an
    /// edge: 0.5 and 1.5. All of these are fields.
    pub fn new(sigma: f32, threshold: Threshold) -> Edges {
        Edges {
            sigma,
            threshold,
            shift: 0.0,
            low: 0.5,
            high: 1.5,
            alpha: 1.0,
        }
    }
}

impl fmt::Display for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Edges {
            sigma,
            threshold,
            low,
            high,
            alpha,
            ..
        } = self;
        write!(
            f,
            "edge_map sigma={sigma} threshold={threshold} low={low:.4} high={high:.4} \
             alpha={alpha:.4}"
        )
    }
}

/// Replaces an image, rows of RGB, by its edges.
pub(crate) fn run(edges: &Edges, pixels: &mut [u8], size: Size, scratch: &mut Scratch) {
    let shape = Shape::gray(size);
    let count = shape.len();
    let planes = sized(&mut scratch.doubles, 5 * count);
    let (gray, rest) = planes.split_at_mut(count);
    let (smooth, rest) = rest.split_at_mut(count);
    let (down, rest) = rest.split_at_mut(count);
    let (right, strength) = rest.split_at_mut(count);
    for (gray, rgb) in gray.iter_mut().zip(pixels.as_chunks::<3>().0) {
        let [r, g, b] = rgb.map(f64::from);
        *gray = (0.2989 * r + 0.5870 * g + 0.1140 * b) / 255.0;
    }
    let sigma = f64::from(edges.sigma);
    smooth.copy_from_slice(gray);
    gaussian(sigma, smooth, shape, right, false);
    sobel(smooth, shape, [down, right], strength);
    let exact = threshold::find(edges.threshold, strength);
    let (least, most) = strength
        .iter()
        .fold((f64::MAX, f64::MIN), |(least, most), value| {
            (least.min(*value), most.max(*value))
        });
    let moved = exact + edges.shift;
    let level = if moved > least && moved < most {
        moved
    } else {
        exact
    };

    // The detector corrects for the black beyond the border; the threshold was found without that.
    smooth.copy_from_slice(gray);
    gaussian(sigma, smooth, shape, right, true);
    sobel(smooth, shape, [down, right], strength);
    let mut found = false;
    // scikit-image's default thresholds if these find nothing.
    for (low, high) in [(edges.low * level, edges.high * level), (0.1, 0.2)] {
        if !found {
            thin([down, right], strength, shape, low, smooth);
            found = follow(smooth, shape, high, &mut scratch.counts);
        }
    }
    for (rgb, kept) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(smooth) {
        let edge = if *kept == EDGE { 0 } else { 255 };
        *rgb = rgb.map(|value| blend(value, edge, edges.alpha));
    }
}

/// Smooths in place with black beyond the border; `even` divides by the weight of the kernel
/// inside.
fn gaussian(sigma: f64, plane: &mut [f64], shape: Shape, other: &mut [f64], even: bool) {
    if (4.0 * sigma + 0.5) as i64 > 0 {
        smooth_columns(sigma, plane, other, shape.width, even);
        smooth_rows(sigma, other, plane, shape.width, even);
    }
}

/// The weights of a Gaussian at offsets from -4 to 4 deviations, which sum to 1.
fn weights(sigma: f64) -> impl Iterator<Item = (i64, f64)> + Clone {
    let radius = (4.0 * sigma + 0.5) as i64;
    let bell = move |k: i64| libm::exp(-((k * k) as f64) / (2.0 * sigma * sigma));
    let total: f64 = (-radius..=radius).map(bell).sum();
    (-radius..=radius).map(move |k| (k, bell(k) / total))
}

/// The weight of the kernel around a position that lies within a length.
fn weight_inside(sigma: f64, at: usize, length: usize) -> f64 {
    let inside = weights(sigma).filter(|(k, _)| (0..length as i64).contains(&(at as i64 + k)));
    inside.map(|(_, weight)| weight).sum()
}

fn smooth_columns(sigma: f64, from: &[f64], to: &mut [f64], width: usize, even: bool) {
    let height = from.len() / width;
    to.fill(0.0);
    for (k, weight) in weights(sigma) {
        for y in (-k).max(0)..(height as i64 - k.max(0)) {
            let from = &from[(y + k) as usize * width..][..width];
            let to = &mut to[y as usize * width..][..width];
            to.iter_mut()
                .zip(from)
                .for_each(|(to, from)| *to += weight * from);
        }
    }
    if even {
        for (y, row) in to.chunks_exact_mut(width).enumerate() {
            let inside = weight_inside(sigma, y, height);
            row.iter_mut().for_each(|value| *value /= inside);
        }
    }
}

fn smooth_rows(sigma: f64, from: &[f64], to: &mut [f64], width: usize, even: bool) {
    to.fill(0.0);
    for (k, weight) in weights(sigma) {
        let count = width.saturating_sub(k.unsigned_abs() as usize);
        for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(width)) {
            let (from, to) = if k < 0 {
                (&from[..count], &mut to[width - count..])
            } else {
                (&from[width - count..], &mut to[..count])
            };
            to.iter_mut()
                .zip(from)
                .for_each(|(to, from)| *to += weight * from);
        }
    }
    if even {
        for x in 0..width {
            let inside = weight_inside(sigma, x, width);
            to.chunks_exact_mut(width).for_each(|row| row[x] /= inside);
        }
    }
}

/// scipy's Sobel derivatives, downwards and to the right, and the length of the gradient. The image
/// is mirrored at its edge, the edge repeated.
fn sobel(plane: &[f64], shape: Shape, [down, right]: [&mut [f64]; 2], strength: &mut [f64]) {
    let Shape { width, height, .. } = shape;
    let inside = |i: i64, n: usize| {
        let index = PadMode::Symmetric.index(i, n as i64);
        index.expect("mirrors repeat pixels") as usize
    };
    for y in 0..height {
        let rows = [-1, 0, 1].map(|d| &plane[inside(y as i64 + d, height) * width..][..width]);
        for x in 0..width {
            let columns = [-1, 0, 1].map(|d| inside(x as i64 + d, width));
            let [[a, b, c], [d, _, f], [g, h, i]] =
                rows.map(|row| columns.map(|column| row[column]));
            let at = y * width + x;
            down[at] = (g - a) + 2.0 * (h - b) + (i - c);
            right[at] = (c - a) + 2.0 * (f - d) + (i - g);
            strength[at] = libm::sqrt(down[at] * down[at] + right[at] * right[at]);
        }
    }
}

/// The mark of a pixel on an edge.
const EDGE: f64 = -1.0;

/// Keeps the gradient of pixels where it is at least `low` and at least as large as on either side
/// across the edge (non-maximum suppression).
fn thin([down, right]: [&[f64]; 2], strength: &[f64], shape: Shape, low: f64, out: &mut [f64]) {
    let Shape { width, height, .. } = shape;
    // scikit-image passes the threshold in f32.
    let low = if low as f32 == 0.0 {
        1e-14
    } else {
        f64::from(low as f32)
    };
    out.fill(0.0);
    for y in 1..height.max(2) - 1 {
        for x in 1..width.max(2) - 1 {
            let at = y * width + x;
            let here = strength[at];
            if here < low {
                continue;
            }
            let (i, j) = (down[at], right[at]);
            let steep = i.abs() > j.abs();
            let slope = if steep {
                j.abs() / i.abs()
            } else {
                i.abs() / j.abs()
            };
            // The neighbors across the edge: one straight and one at the corner, and their
            // opposites.
            let straight = if steep { width } else { 1 };
            let falling = (i > 0.0) == (j > 0.0);
            let (after, before) = match (steep, falling) {
                (_, true) => (at + width + 1, at - width - 1),
                (true, false) => (at + width - 1, at - width + 1),
                (false, false) => (at - width + 1, at + width - 1),
            };
            let between = |corner: usize, straight: usize| {
                strength[corner] * slope + strength[straight] * (1.0 - slope) <= here
            };
            if between(after, at + straight) && between(before, at - straight) {
                out[at] = here;
            }
        }
    }
}

/// Marks the pixels that are connected to one of at least `high` (hysteresis). Returns false if
/// there is none.
fn follow(plane: &mut [f64], shape: Shape, high: f64, stack: &mut Vec<u32>) -> bool {
    let Shape { width, height, .. } = shape;
    let stack = sized(stack, plane.len());
    let mut count = 0;
    for (at, value) in plane.iter_mut().enumerate() {
        if *value > 0.0 && *value >= high {
            *value = EDGE;
            stack[count] = at as u32;
            count += 1;
        }
    }
    let found = count > 0;
    while count > 0 {
        count -= 1;
        let at = stack[count] as usize;
        let (x, y) = (at % width, at / width);
        for row in y.saturating_sub(1)..(y + 2).min(height) {
            for column in x.saturating_sub(1)..(x + 2).min(width) {
                let value = &mut plane[row * width + column];
                if *value > 0.0 {
                    *value = EDGE;
                    stack[count] = (row * width + column) as u32;
                    count += 1;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Edges = Edges {
        sigma: 1.0,
        threshold: Threshold::Otsu,
        shift: 0.0,
        low: 0.5,
        high: 1.5,
        alpha: 1.0,
    };

    fn edges(edges: &Edges, width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> Vec<u8> {
        let mut pixels: Vec<u8> = (0..height)
            .flat_map(|y| {
                (0..width)
                    .flat_map(|x| [value(x, y); 3])
                    .collect::<Vec<_>>()
            })
            .collect();
        run(
            edges,
            &mut pixels,
            Size { width, height },
            &mut Scratch::default(),
        );
        pixels
    }

    #[test]
    fn a_flat_image_of_any_size_has_no_edges() {
        for (width, height) in [(1, 1), (1, 9), (23, 1), (2, 2), (17, 31)] {
            for threshold in Threshold::ALL {
                for sigma in [0.0, 1.0, 2.0] {
                    let found = edges(
                        &Edges {
                            sigma,
                            threshold,
                            ..USUAL
                        },
                        width,
                        height,
                        |_, _| 90,
                    );
                    assert!(
                        found.iter().all(|value| *value == 255),
                        "{threshold} {width} x {height}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_step_has_one_line() {
        let found = edges(
            &Edges {
                sigma: 0.0,
                ..USUAL
            },
            20,
            12,
            |x, _| if x < 10 { 20 } else { 200 },
        );
        let black = found
            .as_chunks::<3>()
            .0
            .iter()
            .filter(|rgb| rgb[0] == 0)
            .count();
        // Both columns at the step are equally strong; the outermost rows have no edges.
        assert_eq!(black, 20);
    }
}
