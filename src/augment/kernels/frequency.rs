//! The low-frequency crop of Wang et al., "EfficientTrain: exploring generalized curriculum learning for training visual
//! backbones" (2023).
//!
//! The reference cuts the middle out of the Fourier transform, without the conjugates of its first row and column, and keeps
//! the real part of the inverse. That is a real linear map: with `b` half the output's side and `H` the input's,
//!
//! ```text
//! A[j, t] = (1 + 2 sum of cos(k th) for k from 1 to b - 1, + cos(b th)) / H,  th = 2 pi (j / 2b - t / H)
//! q[t]    = sin(2 pi b t / H) / H
//! y[j, l] = (A x A^T)[j, l] - (q x q) (-1)^(j + l)
//! ```

use super::filter::{Shape, rounded, widened};
use super::spare::{Spare, sized};
use crate::augment::Frame;

/// The map from one length to another.
#[derive(Debug, Default)]
struct Matrix {
    from: usize,
    to: usize,
    /// `to` rows of `from` weights.
    rows: Vec<f32>,
    /// The weights of the frequency that has lost its conjugate.
    lone: Vec<f32>,
}

impl Matrix {
    fn prepare(&mut self, from: usize, to: usize) {
        if (self.from, self.to) == (from, to) {
            return;
        }
        (self.from, self.to) = (from, to);
        let (half, length) = ((to / 2) as f64, from as f64);
        let turn = 2.0 * std::f64::consts::PI;
        self.rows.clear();
        for j in 0..to {
            self.rows.extend((0..from).map(|t| {
                let angle = turn * (j as f64 / to as f64 - t as f64 / length);
                // Dirichlet's kernel.
                let sine = libm::sin(angle / 2.0);
                let sum = if sine.abs() < 1e-9 {
                    2.0 * half - 1.0
                } else {
                    libm::sin((2.0 * half - 1.0) * angle / 2.0) / sine
                };
                ((sum + libm::cos(half * angle)) / length) as f32
            }));
        }
        self.lone.clear();
        self.lone.extend((0..from).map(|t| (libm::sin(turn * half * t as f64 / length) / length) as f32));
    }
}

/// The matrices of the last sizes, for the rows and for the columns.
#[derive(Debug, Default)]
pub(super) struct Matrices([Matrix; 2]);

/// Writes the crop, whose sides are even and at most the picture's; values are rounded and clipped.
pub(in crate::augment) fn run(source: &[u8], frame: Frame, out: &mut [u8], next: Frame, spare: &mut Spare) {
    let (from, to) = (Shape::rgb(frame), Shape::rgb(next));
    let Matrices([down, across]) = &mut spare.matrices;
    down.prepare(from.height, to.height);
    across.prepare(from.width, to.width);
    let plane = widened(source, &mut spare.plane);
    // What is lost of each channel.
    let lost =
        plane.chunks_exact(from.stride()).zip(&down.lone).fold([0.0f32; 3], |sum, (line, weight)| {
            let row =
                line.as_chunks::<3>().0.iter().zip(&across.lone).fold([0.0f32; 3], |sum, (rgb, weight)| {
                    std::array::from_fn(|c| sum[c] + rgb[c] * weight)
                });
            std::array::from_fn(|c| sum[c] + row[c] * weight)
        });
    let shrunk = sized(&mut spare.field, to.height * from.stride());
    multiply(&down.rows, plane, from.height, shrunk);
    // Columns become rows, so that both products add rows.
    let turned = sized(&mut spare.more_field, shrunk.len());
    transpose(shrunk, turned, from.width);
    let crop = sized(&mut spare.plane, to.len());
    multiply(&across.rows, turned, from.width, crop);
    let crop = crop.as_chunks::<3>().0;
    for (j, line) in out.chunks_exact_mut(to.stride()).enumerate() {
        for (l, pixel) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let sign = if (j + l) % 2 == 0 { 1.0 } else { -1.0 };
            let value = crop[l * to.height + j];
            *pixel = std::array::from_fn(|c| rounded(value[c] - sign * lost[c]));
        }
    }
}

/// Each row of `out` is the sum of the `count` rows of `rows` by a row of `weights`.
fn multiply(weights: &[f32], rows: &[f32], count: usize, out: &mut [f32]) {
    const LANES: usize = 16;
    let length = rows.len() / count;
    // Two rows at a time use each value that is read twice; sides are even.
    for (weights, out) in weights.chunks_exact(2 * count).zip(out.chunks_exact_mut(2 * length)) {
        let (first, second) = weights.split_at(count);
        let (upper, lower) = out.split_at_mut(length);
        let ((upper, upper_tail), (lower, lower_tail)) = (upper.as_chunks_mut(), lower.as_chunks_mut());
        let start = upper.len() * LANES;
        for (i, (upper, lower)) in upper.iter_mut().zip(lower).enumerate() {
            let (mut a, mut b) = ([0.0f32; LANES], [0.0f32; LANES]);
            for ((row, first), second) in rows.chunks_exact(length).zip(first).zip(second) {
                let values = &row[i * LANES..].as_chunks::<LANES>().0[0];
                for j in 0..LANES {
                    a[j] += first * values[j];
                    b[j] += second * values[j];
                }
            }
            (*upper, *lower) = (a, b);
        }
        for (tail, weights) in [(upper_tail, first), (lower_tail, second)] {
            for (i, value) in tail.iter_mut().enumerate() {
                let column = rows.chunks_exact(length).zip(weights);
                *value = column.fold(0.0, |sum, (row, weight)| sum + weight * row[start + i]);
            }
        }
    }
}

fn transpose(from: &[f32], to: &mut [f32], width: usize) {
    const TILE: usize = 8;
    let (from, to) = (from.as_chunks::<3>().0, to.as_chunks_mut::<3>().0);
    let height = from.len() / width;
    for top in (0..height).step_by(TILE) {
        let rows = TILE.min(height - top);
        for (x, line) in to.chunks_exact_mut(height).enumerate() {
            for (pixel, y) in line[top..][..rows].iter_mut().zip(top..) {
                *pixel = from[y * width + x];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cropped(width: u32, height: u32, side: u32, value: impl Fn(u32, u32) -> u8) -> Vec<u8> {
        let source: Vec<u8> =
            (0..height).flat_map(|y| (0..width).flat_map(|x| [value(x, y); 3]).collect::<Vec<_>>()).collect();
        let mut out = vec![0; (side * side * 3) as usize];
        let next = Frame { width: side, height: side };
        run(&source, Frame { width, height }, &mut out, next, &mut Spare::default());
        out
    }

    #[test]
    fn the_whole_spectrum_is_the_picture_and_flat_ones_stay_flat() {
        let value = |x, y| (x * 31 + y * 57 + x * y) as u8;
        let expected: Vec<u8> = (0..16).flat_map(|y| (0..16).flat_map(move |x| [value(x, y); 3])).collect();
        assert_eq!(cropped(16, 16, 16, value), expected);
        assert!(cropped(31, 17, 8, |_, _| 77).iter().all(|value| *value == 77));
    }

    #[test]
    fn the_crop_is_the_real_part_of_the_inverse_of_the_cut_spectrum() {
        let (side, small) = (14usize, 6usize);
        let value = |x: u32, y: u32| ((x * 37 + y * 11 + x * y * 5) % 200 + 20) as u8;
        let found = cropped(side as u32, side as u32, small as u32, value);
        let half = (small / 2) as i64;
        let turn = 2.0 * std::f64::consts::PI;
        for j in 0..small {
            for l in 0..small {
                // The definition: sums over the kept frequencies and all pixels.
                let mut sum = 0.0;
                for u in -half..half {
                    for v in -half..half {
                        for y in 0..side {
                            for x in 0..side {
                                let phase = u as f64 * (j as f64 / small as f64 - y as f64 / side as f64)
                                    + v as f64 * (l as f64 / small as f64 - x as f64 / side as f64);
                                sum += libm::cos(turn * phase) * f64::from(value(x as u32, y as u32));
                            }
                        }
                    }
                }
                let expected = (sum / (side * side) as f64).clamp(0.0, 255.0);
                let found = f64::from(found[(j * small + l) * 3]);
                assert!((found - expected).abs() < 0.51, "{j} {l}: {found} {expected}");
            }
        }
    }
}
