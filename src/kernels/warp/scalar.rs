//! Interpolation in plain code, in f64.

use super::{Source, Warp};

pub(super) fn bilinear(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    each(warp, source, out, |x, y| bilinear_at(source, x, y));
}

pub(super) fn bicubic(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    each(warp, source, out, |x, y| bicubic_at(source, x, y));
}

/// Computes the point of each pixel by itself and calls `read` with those inside the image.
pub(super) fn each(
    warp: &Warp,
    source: &Source<'_>,
    out: &mut [[u8; 3]],
    read: impl Fn(f64, f64) -> [u8; 3],
) {
    for (row, y) in out.chunks_exact_mut(warp.size.width as usize).zip(0..) {
        for (pixel, x) in row.iter_mut().zip(0..) {
            let (x, y) = warp.source_point(f64::from(x) + 0.5, f64::from(y) + 0.5);
            *pixel = if source.contains(x, y) {
                read(x, y)
            } else {
                warp.fill
            };
        }
    }
}

fn bilinear_at(source: &Source<'_>, x: f64, y: f64) -> [u8; 3] {
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

fn bicubic_at(source: &Source<'_>, x: f64, y: f64) -> [u8; 3] {
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
