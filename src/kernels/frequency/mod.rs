//! The low-frequency crop of Wang et al., "EfficientTrain: exploring generalized curriculum
//! learning for training visual backbones" (2023).
//!
//! The reference cuts the middle out of the Fourier transform, without the conjugates of its first
//! row and column, and keeps the real part of the inverse. That is a real linear map: with `b` half
//! of the output's side and `H` the input's,
//!
//! ```text
//! th      = 2 pi (j / 2b - t / H)
//! A[j, t] = (1 + 2 sum of cos(k th) for k from 1 to b - 1, + cos(b th)) / H
//! q[t]    = sin(2 pi b t / H) / H
//! y[j, l] = (A x A^T)[j, l] - (q x q) (-1)^(j + l)
//! ```
//!
//! Rejected: transforming forth and back. Matrix products take images of any size at the same
//! speed, and the order of their sums does not depend on how a transform splits the length.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod scalar;

use super::filter::Shape;
use super::scratch::Scratch;
use crate::cpu::{Simd, dispatch};
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
    /// For outputs 0 to `to / 2`: the weights of the sums of inputs t and -t, for t from 0 to
    /// `from / 2`.
    even: Vec<f32>,
    /// For the same outputs: the weights of their differences.
    odd: Vec<f32>,
    /// `q`: the weights of the frequency that lost its conjugate.
    lone: Vec<f32>,
}

impl Matrix {
    /// Computes the weights, unless those of the last call are for the same lengths.
    fn prepare(&mut self, from: usize, to: usize) {
        if (self.from, self.to) == (from, to) {
            return;
        }
        (self.from, self.to) = (from, to);
        let (half, length) = ((to / 2) as f64, from as f64);
        let turn = 2.0 * std::f64::consts::PI;
        let weight = |j: f64, t: f64| {
            let angle = turn * (j / to as f64 - t / length);
            // The sum of cosines in closed form: Dirichlet's kernel.
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
}

/// Low-frequency crops, with the matrices of the last sizes.
#[derive(Debug, Default)]
pub(crate) struct LowFrequencies {
    vertical: Matrix,
    horizontal: Matrix,
}

/// An image to read and one to write.
struct Images<'a> {
    pixels: &'a [u8],
    shape: Shape,
    out: &'a mut [u8],
    out_shape: Shape,
}

impl LowFrequencies {
    /// Writes the crop of an image, rounded and clipped. The sides of `out` are even and at most
    /// those of the image.
    pub(crate) fn crop(
        &mut self,
        (pixels, size): (&[u8], Size),
        (out, out_size): (&mut [u8], Size),
        scratch: &mut Scratch,
        simd: Simd,
    ) {
        let images = Images {
            pixels,
            shape: Shape::rgb(size),
            out,
            out_shape: Shape::rgb(out_size),
        };
        self.vertical
            .prepare(images.shape.height, images.out_shape.height);
        self.horizontal
            .prepare(images.shape.width, images.out_shape.width);
        dispatch!(simd, crop(self, images, scratch));
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
        let mut wide = out.clone();
        let (source, scratch) = (
            (&source[..], Size { width, height }),
            &mut Scratch::default(),
        );
        let kernel = &mut LowFrequencies::default();
        kernel.crop(source, (&mut out, next), scratch, Simd::scalar());
        kernel.crop(source, (&mut wide, next), scratch, Simd::detect());
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
