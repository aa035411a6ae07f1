//! Warps that read the nearest pixel, in the three ways that Pillow has for affine maps.

use super::{Source, Warp, scalar};

pub(super) fn run(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    let [_, b, _, d, ..] = warp.matrix;
    if !warp.is_affine() {
        scalar::each(warp, source, out, |x, y| source.row(y as i64)[x as usize]);
    } else if b == 0.0 && d == 0.0 {
        scaled(warp, source, out);
    } else if fits_fixed_point(warp) {
        fixed_point(warp, source, out);
    } else {
        running_sum(warp, source, out);
    }
}

/// Scales along the axes (`ImagingScaleAffine`): running sums in f64.
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
    for row in out.chunks_exact_mut(warp.size.width as usize) {
        match inside(y, source.height) {
            None => row.fill(warp.fill),
            Some(y) => {
                let from = source.row(y);
                let mut x = start_of(c, a);
                for pixel in row {
                    *pixel = inside(x, source.width).map_or(warp.fill, |x| from[x as usize]);
                    x += a;
                }
            }
        }
        y += e;
    }
}

/// True if no corner of the new image reads a point that overflows the 16 integer bits.
fn fits_fixed_point(warp: &Warp) -> bool {
    let [a, b, c, d, e, f, ..] = warp.matrix;
    let (w, h) = (f64::from(warp.size.width), f64::from(warp.size.height));
    [(0.0, 0.0), (w, h), (0.0, h), (w, 0.0)]
        .into_iter()
        .all(|(x, y)| (x * a + y * b + c).abs() < 32768.0 && (x * d + y * e + f).abs() < 32768.0)
}

/// Other affine maps (`affine_fixed`): 16.16 fixed point.
fn fixed_point(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    let [a, b, c, d, e, f, ..] = warp.matrix;
    let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i64;
    let (dx, dy) = ([fixed(a), fixed(d)], [fixed(b), fixed(e)]);
    let mut start = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
    for row in out.chunks_exact_mut(warp.size.width as usize) {
        let [mut x, mut y] = start;
        for pixel in row {
            let (column, row) = (x >> 16, y >> 16);
            // One comparison for both ends: negative numbers become huge ones.
            *pixel = if (column as u64) < source.width as u64 && (row as u64) < source.height as u64
            {
                source.pixels[(row * source.width + column) as usize]
            } else {
                warp.fill
            };
            x += dx[0];
            y += dx[1];
        }
        start = [start[0] + dy[0], start[1] + dy[1]];
    }
}

/// Affine maps that are too large for fixed point (`ImagingTransformAffine`): running sums in
/// f64.
fn running_sum(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    let [a, b, c, d, e, f, ..] = warp.matrix;
    let mut start = [c + a * 0.5 + b * 0.5, f + d * 0.5 + e * 0.5];
    for row in out.chunks_exact_mut(warp.size.width as usize) {
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
