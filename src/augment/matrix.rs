//! Matrices of warps, with the bits of Pillow and torchvision.
//!
//! A warp is given by its backward map: for each pixel of the new image, the place of the old one
//! that it reads. The six numbers `[a, b, c, d, e, f]` of an affine map read
//! `(a x + b y + c, d x + e y + f)`.
//!
//! The formulas are written term by term in the order of the references (`Image.rotate` in Pillow,
//! `_get_inverse_affine_matrix` and `_get_perspective_coeffs` in torchvision), although shorter
//! ones exist: nearest neighbors choose another pixel when the last bit of a coordinate differs.
//! Sines and cosines come from `libm`, so that all platforms agree.

use crate::geometry::Size;

/// Rounds to 15 decimals as Python's `round(x, 15)` does, for |x| <= 1.
fn round15(x: f64) -> f64 {
    (x * 1e15).round_ties_even() / 1e15
}

/// The matrix of Pillow's `Image.rotate`, which turns counter-clockwise about the center, and the
/// size of the result: that of the image or, with `expand`, one that holds the whole turned image.
pub(super) fn rotate(degrees: f64, frame: Size, expand: bool) -> ([f64; 6], Size) {
    let angle = -degrees.to_radians();
    let (sin, cos) = (libm::sin(angle), libm::cos(angle));
    let [a, b, d, e] = [cos, sin, -sin, cos].map(round15);
    let (w, h) = (f64::from(frame.width), f64::from(frame.height));
    let (cx, cy) = (w / 2.0, h / 2.0);
    let at = |x: f64, y: f64, c: f64, f: f64| (a * x + b * y + c, d * x + e * y + f);
    let (c, f) = at(-cx, -cy, 0.0, 0.0);
    let (mut c, mut f) = (c + cx, f + cy);
    let mut size = frame;
    if expand {
        let corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)].map(|(x, y)| at(x, y, c, f));
        let extent = |values: [f64; 4]| {
            let most = values.iter().copied().fold(f64::MIN, f64::max);
            let least = values.iter().copied().fold(f64::MAX, f64::min);
            most.ceil() - least.floor()
        };
        let (nw, nh) = (
            extent(corners.map(|(x, _)| x)),
            extent(corners.map(|(_, y)| y)),
        );
        (c, f) = at(-(nw - w) / 2.0, -(nh - h) / 2.0, c, f);
        size = Size {
            width: nw as u32,
            height: nh as u32,
        };
    }
    ([a, b, c, d, e, f], size)
}

/// torchvision's `_get_inverse_affine_matrix`: the backward map of a shear, a scale and a clockwise
/// turn about the center `(cx, cy)`, followed by a shift of `(tx, ty)` pixels. Angles are in
/// degrees.
pub(super) fn affine(
    (cx, cy): (f64, f64),
    degrees: f64,
    (tx, ty): (f64, f64),
    scale: f64,
    shear: [f64; 2],
) -> [f64; 6] {
    let rot = degrees.to_radians();
    let [sx, sy] = shear.map(f64::to_radians);
    let a = libm::cos(rot - sy) / libm::cos(sy);
    let b = -libm::cos(rot - sy) * libm::tan(sx) / libm::cos(sy) - libm::sin(rot);
    let c = libm::sin(rot - sy) / libm::cos(sy);
    let d = -libm::sin(rot - sy) * libm::tan(sx) / libm::cos(sy) + libm::cos(rot);
    let [m0, m1, m3, m4] = [d, -b, -c, a].map(|value| value / scale);
    let m2 = m0 * (-cx - tx) + m1 * (-cy - ty) + cx;
    let m5 = m3 * (-cx - tx) + m4 * (-cy - ty) + cy;
    [m0, m1, m2, m3, m4, m5]
}

/// The projective map that takes the four points `ends` of the new image to the points `starts` of
/// the old one; `None` if three of the points are on a line.
///
/// Eight linear equations, solved by Gauss-Jordan elimination with partial pivoting. torchvision
/// solves them by least squares in f64; both are then rounded to f32, where they agree.
pub(super) fn perspective(starts: [(f64, f64); 4], ends: [(f64, f64); 4]) -> Option<[f64; 8]> {
    let mut rows = [[0.0; 9]; 8];
    for (pair, ((sx, sy), (ex, ey))) in rows
        .as_chunks_mut::<2>()
        .0
        .iter_mut()
        .zip(starts.into_iter().zip(ends))
    {
        pair[0] = [ex, ey, 1.0, 0.0, 0.0, 0.0, -sx * ex, -sx * ey, sx];
        pair[1] = [0.0, 0.0, 0.0, ex, ey, 1.0, -sy * ex, -sy * ey, sy];
    }
    for column in 0..8 {
        let size = |row: &usize| rows[*row][column].abs();
        let pivot = (column..8).max_by(|x, y| size(x).total_cmp(&size(y)))?;
        if rows[pivot][column].abs() < 1e-12 {
            return None;
        }
        rows.swap(column, pivot);
        let pivot_row = rows[column];
        for (number, row) in rows.iter_mut().enumerate() {
            if number != column {
                let factor = row[column] / pivot_row[column];
                row.iter_mut()
                    .zip(pivot_row)
                    .for_each(|(value, pivot)| *value -= factor * pivot);
            }
        }
    }
    // torchvision passes the coefficients on as float32.
    Some(std::array::from_fn(|i| {
        f64::from((rows[i][8] / rows[i][i]) as f32)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projective_map_takes_corners_to_corners() {
        let starts = [(0.0, 0.0), (9.0, 0.0), (9.0, 6.0), (0.0, 6.0)];
        let ends = [(1.0, 2.0), (8.0, 1.0), (7.0, 6.0), (1.0, 5.0)];
        let [a, b, c, d, e, f, g, h] = perspective(starts, ends).unwrap();
        for ((sx, sy), (x, y)) in starts.into_iter().zip(ends) {
            let scale = g * x + h * y + 1.0;
            assert!(((a * x + b * y + c) / scale - sx).abs() < 1e-4);
            assert!(((d * x + e * y + f) / scale - sy).abs() < 1e-4);
        }
        assert!(perspective(starts, [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]).is_none());
    }
}
