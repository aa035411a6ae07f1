//! Affine and projective maps, with Pillow's arithmetic (`Image.transform`), byte for byte.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::vector;
use crate::geometry::Size;

/// How a warp reads between pixels. None is antialiased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarpFilter {
    /// The pixel that the point lies in.
    #[default]
    Nearest,
    /// Two by two pixels.
    Bilinear,
    /// Four by four pixels; the kernel has a = -1, unlike that of resizing.
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

/// A map from the places of the new image to those of the old one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warp {
    /// `(a x + b y + c, d x + e y + f)`, both over `(g x + h y + 1)`, at the centers of pixels; g
    /// and h are 0 for affine maps.
    pub matrix: [f64; 8],
    /// How to read between pixels.
    pub filter: WarpFilter,
    /// What stands where the old image has nothing.
    pub fill: [u8; 3],
    /// The size of the new image.
    pub frame: Size,
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
                "perspective matrix=[{a:.5}, {b:.5}, {c:.3}, {d:.5}, {e:.5}, {ff:.3}, {g:.7}, {h:.7}]"
            )?;
        }
        write!(f, " filter={}", self.filter)
    }
}

impl Warp {
    /// An affine map that keeps the size.
    pub fn affine(matrix: [f64; 6], filter: WarpFilter, fill: [u8; 3], frame: Size) -> Warp {
        let [a, b, c, d, e, f] = matrix;
        Warp {
            matrix: [a, b, c, d, e, f, 0.0, 0.0],
            filter,
            fill,
            frame,
        }
    }

    /// Whether straight lines stay parallel.
    pub fn is_affine(&self) -> bool {
        self.matrix[6] == 0.0 && self.matrix[7] == 0.0
    }

    /// Where a point of the old image goes: the forward map. `None` if the map cannot be inverted
    /// there.
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

    fn source(&self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f, g, h] = self.matrix;
        if self.is_affine() {
            return (a * x + b * y + c, d * x + e * y + f);
        }
        let scale = g * x + h * y + 1.0;
        ((a * x + b * y + c) / scale, (d * x + e * y + f) / scale)
    }
}

/// An image to read from.
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

/// Writes the new image; `out` has the warp's frame.
pub(crate) fn run(warp: &Warp, pixels: &[u8], frame: Size, out: &mut [u8], simd: bool) {
    let source = Source {
        pixels: pixels.as_chunks().0,
        width: i64::from(frame.width),
        height: i64::from(frame.height),
    };
    let out = out.as_chunks_mut::<3>().0;
    let [_, b, _, d, ..] = warp.matrix;
    match warp.filter {
        WarpFilter::Nearest if warp.is_affine() && b == 0.0 && d == 0.0 => {
            scaled(warp, &source, out)
        }
        WarpFilter::Nearest if warp.is_affine() && fits_fixed_point(warp) => {
            fixed_point(warp, &source, out)
        }
        WarpFilter::Nearest if warp.is_affine() => running_sum(warp, &source, out),
        WarpFilter::Nearest => each(warp, &source, out, |x, y| source.row(y as i64)[x as usize]),
        _ if vector::warp(simd, warp, source.pixels, frame, out) => {}
        WarpFilter::Bilinear => each(warp, &source, out, |x, y| bilinear(&source, x, y)),
        WarpFilter::Bicubic => each(warp, &source, out, |x, y| bicubic(&source, x, y)),
    }
}

/// Pillow's way for maps along the axes: running sums in f64.
fn scaled(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    let [a, _, c, _, e, f, ..] = warp.matrix;
    let start_of = |offset: f64, step: f64| offset + step * 0.5;
    let inside = |at: f64, length: i64| {
        if at < 0.0 {
            None
        } else {
            Some(at as i64).filter(|at| *at < length)
        }
    };
    let mut y = start_of(f, e);
    for row in out.chunks_exact_mut(warp.frame.width as usize) {
        match inside(y, source.height) {
            None => row.fill(warp.fill),
            Some(line) => {
                let line = source.row(line);
                let mut x = start_of(c, a);
                for pixel in row {
                    *pixel = inside(x, source.width).map_or(warp.fill, |x| line[x as usize]);
                    x += a;
                }
            }
        }
        y += e;
    }
}

fn fits_fixed_point(warp: &Warp) -> bool {
    let [a, b, c, d, e, f, ..] = warp.matrix;
    let (w, h) = (f64::from(warp.frame.width), f64::from(warp.frame.height));
    [(0.0, 0.0), (w, h), (0.0, h), (w, 0.0)]
        .into_iter()
        .all(|(x, y)| (x * a + y * b + c).abs() < 32768.0 && (x * d + y * e + f).abs() < 32768.0)
}

/// Pillow's usual way: 16.16 fixed point.
fn fixed_point(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    let [a, b, c, d, e, f, ..] = warp.matrix;
    let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i64;
    let (dx, dy) = ([fixed(a), fixed(d)], [fixed(b), fixed(e)]);
    let mut start = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
    for row in out.chunks_exact_mut(warp.frame.width as usize) {
        let [mut x, mut y] = start;
        for pixel in row {
            let (column, line) = (x >> 16, y >> 16);
            // One comparison each: negative numbers are huge ones.
            *pixel =
                if (column as u64) < source.width as u64 && (line as u64) < source.height as u64 {
                    source.pixels[(line * source.width + column) as usize]
                } else {
                    warp.fill
                };
            x += dx[0];
            y += dx[1];
        }
        start = [start[0] + dy[0], start[1] + dy[1]];
    }
}

/// Pillow's way for maps too large for fixed point.
fn running_sum(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    let [a, b, c, d, e, f, ..] = warp.matrix;
    let mut start = [c + a * 0.5 + b * 0.5, f + d * 0.5 + e * 0.5];
    for row in out.chunks_exact_mut(warp.frame.width as usize) {
        let [mut x, mut y] = start;
        for pixel in row {
            *pixel = if source.contains(x, y) {
                source.row(y as i64)[x as usize]
            } else {
                warp.fill
            };
            x += a;
            y += d;
        }
        start = [start[0] + b, start[1] + e];
    }
}

/// Each pixel by itself.
fn each(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]], read: impl Fn(f64, f64) -> [u8; 3]) {
    for (row, y) in out.chunks_exact_mut(warp.frame.width as usize).zip(0..) {
        for (pixel, x) in row.iter_mut().zip(0..) {
            let (x, y) = warp.source(f64::from(x) + 0.5, f64::from(y) + 0.5);
            *pixel = if source.contains(x, y) {
                read(x, y)
            } else {
                warp.fill
            };
        }
    }
}

fn bilinear(source: &Source<'_>, x: f64, y: f64) -> [u8; 3] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (x0, y0) = (x.floor(), y.floor());
    let (dx, dy) = (x - x0, y - y0);
    let column = |x: i64| x.clamp(0, source.width - 1) as usize;
    let (left, right) = (column(x0 as i64), column(x0 as i64 + 1));
    let y0 = y0 as i64;
    let upper = source.row(y0.clamp(0, source.height - 1));
    let lower = if (0..source.height).contains(&(y0 + 1)) {
        source.row(y0 + 1)
    } else {
        upper
    };
    std::array::from_fn(|channel| {
        let between = |a: f64, b: f64, by: f64| a + (b - a) * by;
        let along = |row: &[[u8; 3]]| {
            between(
                f64::from(row[left][channel]),
                f64::from(row[right][channel]),
                dx,
            )
        };
        between(along(upper), along(lower), dy) as u8
    })
}

fn bicubic(source: &Source<'_>, x: f64, y: f64) -> [u8; 3] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (x0, y0) = (x.floor(), y.floor());
    let (dx, dy) = (x - x0, y - y0);
    let columns: [usize; 4] =
        std::array::from_fn(|i| (x0 as i64 - 1 + i as i64).clamp(0, source.width - 1) as usize);
    let cubic = |[v1, v2, v3, v4]: [f64; 4], d: f64| {
        let p1 = v2;
        let p2 = -v1 + v3;
        let p3 = 2.0 * (v1 - v2) + v3 - v4;
        let p4 = -v1 + v2 - v3 + v4;
        p1 + d * (p2 + d * (p3 + d * p4))
    };
    let first = y0 as i64 - 1;
    std::array::from_fn(|channel| {
        let along = |y: i64| {
            let row = source.row(y);
            cubic(columns.map(|x| f64::from(row[x][channel])), dx)
        };
        let mut rows = [along(first.clamp(0, source.height - 1)); 4];
        for i in 1..4 {
            let y = first + i as i64;
            rows[i] = if (0..source.height).contains(&y) {
                along(y)
            } else {
                rows[i - 1]
            };
        }
        cubic(rows, dy) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(frame: Size) -> Vec<u8> {
        (0..frame.width * frame.height * 3)
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
            for (width, height, simd) in [
                (1, 1, true),
                (1, 9, false),
                (9, 1, true),
                (17, 31, true),
                (17, 31, false),
            ] {
                let frame = Size { width, height };
                let warp = Warp::affine([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], filter, [9; 3], frame);
                let mut out = vec![0; image(frame).len()];
                run(&warp, &image(frame), frame, &mut out, simd);
                assert_eq!(out, image(frame), "{filter} {frame}");
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
            for frame in [
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
                        frame,
                    };
                    let both = [true, false].map(|simd| {
                        let mut out = vec![0; (frame.width * frame.height * 3) as usize];
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
        let frame = Size {
            width: 9,
            height: 9,
        };
        let matrix = [1.1, 0.2, -3.0, -0.1, 0.9, 4.0, 0.001, -0.002];
        let warp = Warp {
            matrix,
            filter: WarpFilter::Nearest,
            fill: [0; 3],
            frame,
        };
        for (x, y) in [(0.0, 0.0), (5.0, 3.0), (9.0, 9.0)] {
            let (sx, sy) = warp.source(x, y);
            let (fx, fy) = warp.forward(sx, sy).unwrap();
            assert!((fx - x).abs() < 1e-9 && (fy - y).abs() < 1e-9);
        }
    }
}
