//! The low-frequency crop of Wang et al., "EfficientTrain: exploring generalized curriculum
//! learning for training visual backbones" (2023).
//!
//! The reference cuts the middle out of the Fourier transform, without the conjugates of its first
//! row and column, and keeps the real part of the inverse. That is a real linear map: with `b` half
//! the output's side and `H` the input's,
//!
//! ```text
//! A[j, t] = (1 + 2 sum of cos(k th) for k from 1 to b - 1, + cos(b th)) / H,  th = 2 pi (j / 2b - t / H)
//! q[t]    = sin(2 pi b t / H) / H
//! y[j, l] = (A x A^T)[j, l] - (q x q) (-1)^(j + l)
//! ```

use super::filter::{Shape, rounded, widened};
use super::place::transpose;
use super::spare::{Spare, sized};
use crate::geometry::Size;

/// The map from one length to another.
///
/// `A[j, t]` stays the same if both `j` and `t` change sign (around the lengths), so it is an even
/// function of both plus an odd function of both: the even one acts on sums of mirrored inputs, the
/// odd one on their differences, and each is needed for half of the outputs only.
#[derive(Debug, Default)]
struct Matrix {
    from: usize,
    to: usize,
    /// For outputs 0 to `to / 2`: the weights of the sums of inputs t and -t, from t = 0 to half.
    even: Vec<f32>,
    /// The weights of their differences.
    odd: Vec<f32>,
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
        let weight = |j: f64, t: f64| {
            let angle = turn * (j / to as f64 - t / length);
            // Dirichlet's kernel.
            let sine = libm::sin(angle / 2.0);
            let sum = if sine.abs() < 1e-9 {
                2.0 * half - 1.0
            } else {
                libm::sin((2.0 * half - 1.0) * angle / 2.0) / sine
            };
            (sum + libm::cos(half * angle)) / length
        };
        self.even.clear();
        self.odd.clear();
        for j in 0..=to / 2 {
            for t in 0..=from / 2 {
                let (j, t) = (j as f64, t as f64);
                let [near, far] = [weight(j, t), weight(j, -t)];
                self.even.push(((near + far) / 2.0) as f32);
                self.odd.push(((near - far) / 2.0) as f32);
            }
        }
        self.lone.clear();
        self.lone.extend(
            (0..from).map(|t| (libm::sin(turn * half * t as f64 / length) / length) as f32),
        );
    }

    /// Maps `from` rows to `to` rows; `folded` keeps the sums and differences of mirrored rows.
    #[inline(always)]
    fn map(&self, rows: &[f32], folded: &mut Vec<f32>, out: &mut [f32]) {
        let stride = rows.len() / self.from;
        let count = self.from / 2 + 1;
        let (sums, differences) = sized(folded, 2 * count * stride).split_at_mut(count * stride);
        let folded = sums
            .chunks_exact_mut(stride)
            .zip(differences.chunks_exact_mut(stride));
        for (t, (sum, difference)) in folded.enumerate() {
            let [near, far] =
                [t, (self.from - t) % self.from].map(|t| &rows[t * stride..][..stride]);
            // A row that is its own mirror image counts once.
            let alone = t == (self.from - t) % self.from;
            for (i, (sum, difference)) in sum.iter_mut().zip(difference).enumerate() {
                (*sum, *difference) = if alone {
                    (near[i], 0.0)
                } else {
                    (near[i] + far[i], near[i] - far[i])
                };
            }
        }
        for (j, (even, odd)) in self
            .even
            .chunks_exact(count)
            .zip(self.odd.chunks_exact(count))
            .enumerate()
        {
            let (first, rest) = out[j * stride..].split_at_mut(stride);
            let mirrored = (self.to - j) % self.to;
            let second = if mirrored > j {
                Some(&mut rest[(mirrored - j - 1) * stride..][..stride])
            } else {
                None
            };
            multiply([even, odd], [sums, differences], first, second);
        }
    }
}

/// The matrices of the last sizes, for the rows and for the columns.
#[derive(Debug, Default)]
pub(super) struct Matrices([Matrix; 2]);

/// Writes the crop, whose sides are even and at most the image's; values are rounded and clipped.
pub(crate) fn run(source: &[u8], frame: Size, out: &mut [u8], next: Size, spare: &mut Spare) {
    #[cfg(target_arch = "x86_64")]
    if super::vector::avx2(spare.simd) {
        // SAFETY: the processor has AVX2.
        return unsafe { crop_avx2(source, frame, out, next, spare) };
    }
    crop(source, frame, out, next, spare);
}

/// The same code for wider registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn crop_avx2(source: &[u8], frame: Size, out: &mut [u8], next: Size, spare: &mut Spare) {
    crop(source, frame, out, next, spare);
}

#[inline(always)]
fn crop(source: &[u8], frame: Size, out: &mut [u8], next: Size, spare: &mut Spare) {
    let (from, to) = (Shape::rgb(frame), Shape::rgb(next));
    let Matrices([down, across]) = &mut spare.matrices;
    down.prepare(from.height, to.height);
    across.prepare(from.width, to.width);
    let plane = widened(source, &mut spare.plane);
    // What is lost of each channel.
    let lost = plane.chunks_exact(from.stride()).zip(&down.lone).fold(
        [0.0f32; 3],
        |sum, (line, weight)| {
            let row = line
                .as_chunks::<3>()
                .0
                .iter()
                .zip(&across.lone)
                .fold([0.0f32; 3], |sum, (rgb, weight)| {
                    std::array::from_fn(|c| sum[c] + rgb[c] * weight)
                });
            std::array::from_fn(|c| sum[c] + row[c] * weight)
        },
    );
    let shrunk = sized(&mut spare.field, to.height * from.stride());
    down.map(plane, &mut spare.middle, shrunk);
    // Columns become rows, so that both maps add rows.
    let turned = sized(&mut spare.more_field, shrunk.len());
    transpose::<_, 8>(shrunk, turned, from.width);
    let crop = sized(&mut spare.plane, to.len());
    across.map(turned, &mut spare.middle, crop);
    let crop = crop.as_chunks::<3>().0;
    for (j, line) in out.chunks_exact_mut(to.stride()).enumerate() {
        for (l, pixel) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let sign = if (j + l) % 2 == 0 { 1.0 } else { -1.0 };
            let value = crop[l * to.height + j];
            *pixel = std::array::from_fn(|c| rounded(value[c] - sign * lost[c]));
        }
    }
}

/// Adds the sums by the even weights and the differences by the odd ones: their sum is one row of
/// the result, and what is left when the second is taken from the first is the mirrored one.
#[inline(always)]
fn multiply(
    weights: [&[f32]; 2],
    [sums, differences]: [&[f32]; 2],
    first: &mut [f32],
    second: Option<&mut [f32]>,
) {
    const LANES: usize = 16;
    let length = first.len();
    let mut none = [];
    let second = second.unwrap_or(&mut none);
    let [even, odd] = weights;
    let mut start = 0;
    while start < length {
        let count = LANES.min(length - start);
        let (mut a, mut b) = ([0.0f32; LANES], [0.0f32; LANES]);
        let rows = sums
            .chunks_exact(length)
            .zip(differences.chunks_exact(length))
            .zip(even.iter().zip(odd));
        if count == LANES {
            for ((sum, difference), (even, odd)) in rows {
                let sum = &sum[start..].as_chunks::<LANES>().0[0];
                let difference = &difference[start..].as_chunks::<LANES>().0[0];
                for i in 0..LANES {
                    a[i] += even * sum[i];
                    b[i] += odd * difference[i];
                }
            }
        } else {
            for ((sum, difference), (even, odd)) in rows {
                for i in 0..count {
                    a[i] += even * sum[start + i];
                    b[i] += odd * difference[start + i];
                }
            }
        }
        for i in 0..count {
            first[start + i] = a[i] + b[i];
        }
        if let Some(second) = second.get_mut(start..start + count) {
            second
                .iter_mut()
                .enumerate()
                .for_each(|(i, value)| *value = a[i] - b[i]);
        }
        start += LANES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cropped(width: u32, height: u32, side: u32, value: impl Fn(u32, u32) -> u8) -> Vec<u8> {
        let source: Vec<u8> = (0..height)
            .flat_map(|y| {
                (0..width)
                    .flat_map(|x| [value(x, y); 3])
                    .collect::<Vec<_>>()
            })
            .collect();
        let mut out = vec![0; (side * side * 3) as usize];
        let next = Size {
            width: side,
            height: side,
        };
        run(
            &source,
            Size { width, height },
            &mut out,
            next,
            &mut Spare::default(),
        );
        let mut wide = vec![0; out.len()];
        run(
            &source,
            Size { width, height },
            &mut wide,
            next,
            &mut Spare::new(true),
        );
        assert_eq!(out, wide, "plain code gives the bytes of vector code");
        out
    }

    #[test]
    fn the_whole_spectrum_is_the_image_and_flat_ones_stay_flat() {
        let value = |x, y| (x * 31 + y * 57 + x * y) as u8;
        let expected: Vec<u8> = (0..16)
            .flat_map(|y| (0..16).flat_map(move |x| [value(x, y); 3]))
            .collect();
        assert_eq!(cropped(16, 16, 16, value), expected);
        assert!(
            cropped(31, 17, 8, |_, _| 77)
                .iter()
                .all(|value| *value == 77)
        );
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
                                let phase = u as f64
                                    * (j as f64 / small as f64 - y as f64 / side as f64)
                                    + v as f64 * (l as f64 / small as f64 - x as f64 / side as f64);
                                sum +=
                                    libm::cos(turn * phase) * f64::from(value(x as u32, y as u32));
                            }
                        }
                    }
                }
                let expected = (sum / (side * side) as f64).clamp(0.0, 255.0);
                let found = f64::from(found[(j * small + l) * 3]);
                assert!(
                    (found - expected).abs() < 0.51,
                    "{j} {l}: {found} {expected}"
                );
            }
        }
    }
}
