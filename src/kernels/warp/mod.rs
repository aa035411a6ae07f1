//! Affine and projective maps with the arithmetic of Pillow's `Image.transform`
//! (`libImaging/Geometry.c`), byte for byte.
//!
//! Each pixel of the new image reads the old one at the point to which the matrix takes its center.
//! Pillow has four ways to compute those points, which round differently, so all four are here:
//! three for the nearest pixel, by the kind of matrix ([`nearest`]), and one in f64 for
//! interpolation. The vector code computes four points at a time in f64 and in the order of the
//! plain code.
//!
//! Rejected: f32 or fixed point for interpolation. Both are faster, and both return other bytes
//! than Pillow.

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(target_arch = "x86_64")]
mod avx2;
mod nearest;
mod scalar;

use crate::cpu::{Simd, dispatch};
use crate::geometry::Size;

/// How a warp reads between pixels. None of the ways is antialiased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarpFilter {
    /// The pixel that contains the point.
    #[default]
    Nearest,
    /// Two by two pixels.
    Bilinear,
    /// Four by four pixels; the kernel has a = -1, unlike the one of resizing.
    Bicubic,
}

impl fmt::Display for WarpFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WarpFilter::Nearest => "nearest",
            WarpFilter::Bilinear => "bilinear",
            WarpFilter::Bicubic => "bicubic",
        })
    }
}

/// A map from the points of the new image to those of the old one.
///
/// # Example: shift an image by half a pixel
///
/// ```
/// use feedmill::augment::steps::Warp;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
/// use feedmill::augment::WarpFilter;
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Warp::affine([1.0, 0.0, 0.5, 0.0, 1.0, 0.0], WarpFilter::Bilinear, [0; 3], size)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Warp {
    /// `(a x + b y + c, d x + e y + f)`, both over `(g x + h y + 1)`, at the centers of pixels; g
    /// and h are 0 for affine maps.
    pub matrix: [f64; 8],
    /// How to read between pixels.
    pub filter: WarpFilter,
    /// The color of pixels that the old image does not cover.
    pub fill: [u8; 3],
    /// The size of the new image.
    pub size: Size,
}

impl Warp {
    /// Returns the warp to an image of this size by a matrix of eight numbers ([`Warp::matrix`]).
    pub fn new(matrix: [f64; 8], filter: WarpFilter, fill: [u8; 3], size: Size) -> Warp {
        Warp {
            matrix,
            filter,
            fill,
            size,
        }
    }
}

impl fmt::Display for Warp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, ff, g, h] = self.matrix;
        if self.is_affine() {
            write!(
                f,
                "affine matrix=[{a:.5}, {b:.5}, {c:.3}, {d:.5}, {e:.5}, {ff:.3}]"
            )?;
        } else {
            write!(
                f,
                "perspective matrix=[{a:.5}, {b:.5}, {c:.3}, {d:.5}, {e:.5}, {ff:.3}, {g:.7}, \
                 {h:.7}]"
            )?;
        }
        write!(f, " filter={}", self.filter)
    }
}

impl Warp {
    /// An affine map to an image of this size.
    pub fn affine(matrix: [f64; 6], filter: WarpFilter, fill: [u8; 3], size: Size) -> Warp {
        let [a, b, c, d, e, f] = matrix;
        Warp {
            matrix: [a, b, c, d, e, f, 0.0, 0.0],
            filter,
            fill,
            size,
        }
    }

    /// True if parallel lines stay parallel.
    pub(crate) fn is_affine(&self) -> bool {
        self.matrix[6] == 0.0 && self.matrix[7] == 0.0
    }

    /// The point of the new image that a point of the old one goes to: the forward map. `None` if
    /// the map cannot be inverted there.
    pub fn forward(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let [a, b, c, d, e, f, g, h] = self.matrix;
        // The inverse of a 3 x 3 matrix, by cofactors.
        let (p, q, r) = (e - f * h, c * h - b, b * f - c * e);
        let (s, t, u) = (f * g - d, a - c * g, c * d - a * f);
        let (v, w, z) = (d * h - e * g, b * g - a * h, a * e - b * d);
        let scale = v * x + w * y + z;
        let point = ((p * x + q * y + r) / scale, (s * x + t * y + u) / scale);
        (point.0.is_finite() && point.1.is_finite()).then_some(point)
    }

    /// The point of the old image for a point of the new one.
    fn source_point(&self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f, g, h] = self.matrix;
        if self.is_affine() {
            return (a * x + b * y + c, d * x + e * y + f);
        }
        let scale = g * x + h * y + 1.0;
        ((a * x + b * y + c) / scale, (d * x + e * y + f) / scale)
    }
}

/// An image to read.
struct Source<'a> {
    pixels: &'a [[u8; 3]],
    width: i64,
    height: i64,
}

impl Source<'_> {
    fn row(&self, y: i64) -> &[[u8; 3]] {
        &self.pixels[(y * self.width) as usize..][..self.width as usize]
    }

    fn contains(&self, x: f64, y: f64) -> bool {
        x >= 0.0 && x < self.width as f64 && y >= 0.0 && y < self.height as f64
    }
}

/// Writes the new image; `out` has the warp's size.
pub(crate) fn run(warp: &Warp, pixels: &[u8], size: Size, out: &mut [u8], simd: Simd) {
    let source = Source {
        pixels: pixels.as_chunks().0,
        width: i64::from(size.width),
        height: i64::from(size.height),
    };
    let out = out.as_chunks_mut::<3>().0;
    match warp.filter {
        WarpFilter::Nearest => nearest::run(warp, &source, out),
        WarpFilter::Bilinear => dispatch!(simd, bilinear(warp, &source, out)),
        WarpFilter::Bicubic => dispatch!(simd, bicubic(warp, &source, out)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(size: Size) -> Vec<u8> {
        (0..size.width * size.height * 3)
            .map(|i| (i * 7 % 251) as u8)
            .collect()
    }

    #[test]
    fn the_identity_changes_nothing() {
        for filter in [
            WarpFilter::Nearest,
            WarpFilter::Bilinear,
            WarpFilter::Bicubic,
        ] {
            let (vector, scalar) = (Simd::detect(), Simd::scalar());
            for (width, height, simd) in [
                (1, 1, vector),
                (1, 9, scalar),
                (9, 1, vector),
                (17, 31, vector),
                (17, 31, scalar),
            ] {
                let size = Size { width, height };
                let warp = Warp::affine([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], filter, [9; 3], size);
                let mut out = vec![0; image(size).len()];
                run(&warp, &image(size), size, &mut out, simd);
                assert_eq!(out, image(size), "{filter} {size}");
            }
        }
    }

    #[test]
    fn plain_code_gives_the_same_bytes_as_simd() {
        let maps = [
            [0.9, 0.3, -4.0, -0.2, 1.1, 3.0, 0.0, 0.0],
            [-2.0, 0.0, 40.0, 0.0, 0.1, 0.0, 0.0, 0.0],
            [1.2, 0.1, -3.0, 0.05, 0.9, 1.0, 0.004, -0.003],
            [0.0, 0.0, f64::NAN, 0.0, 1.0, 0.0, 0.0, 0.0],
            [1e9, 3.0, -1e12, 2.0, 1e10, 0.0, 0.0, 0.0],
        ];
        for (width, height) in [(1, 1), (1, 9), (33, 1), (37, 31), (64, 5)] {
            let from = Size { width, height };
            for size in [
                from,
                Size {
                    width: 41,
                    height: 9,
                },
            ] {
                for (matrix, filter) in maps.into_iter().flat_map(|map| {
                    [WarpFilter::Bilinear, WarpFilter::Bicubic].map(|filter| (map, filter))
                }) {
                    let warp = Warp {
                        matrix,
                        filter,
                        fill: [9, 8, 7],
                        size,
                    };
                    let both = [Simd::detect(), Simd::scalar()].map(|simd| {
                        let mut out = vec![0; (size.width * size.height * 3) as usize];
                        run(&warp, &image(from), from, &mut out, simd);
                        out
                    });
                    assert_eq!(both[0], both[1], "{warp} of {from}");
                }
            }
        }
    }

    #[test]
    fn forward_undoes_the_map() {
        let size = Size {
            width: 9,
            height: 9,
        };
        let matrix = [1.1, 0.2, -3.0, -0.1, 0.9, 4.0, 0.001, -0.002];
        let warp = Warp {
            matrix,
            filter: WarpFilter::Nearest,
            fill: [0; 3],
            size,
        };
        for (x, y) in [(0.0, 0.0), (5.0, 3.0), (9.0, 9.0)] {
            let (sx, sy) = warp.source_point(x, y);
            let (fx, fy) = warp.forward(sx, sy).unwrap();
            assert!((fx - x).abs() < 1e-9 && (fy - y).abs() < 1e-9);
        }
    }
}
