//! Resampling of 8-bit RGB: both passes of a separable convolution at once, two rows at a time.
//!
//! The arithmetic is that of fast_image_resize 6, to which tests compare every byte: weights are
//! rounded to 16 bits with as many fractional bits as the largest allows ([`weights`]), and each
//! pass sums in 32 bits, rounds, and clips to bytes. The two rows between the passes stay in the
//! nearest cache, and all pixels have the same number of weights, padded with zeros, so that no
//! branch depends on it.
//!
//! Rejected: calling fast_image_resize everywhere. It runs one pass over the whole image,
//! then the other; a crop of a photograph to 224 x 224 took 205 µs with it and takes 75 µs here.
//! Where this folder has no vector code, which is everywhere but on x86-64, the crate has some, and
//! `library` calls it.

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(any(not(target_arch = "x86_64"), test))]
mod library;
#[cfg(any(target_arch = "x86_64", test))]
mod passes;
#[cfg(any(target_arch = "x86_64", test))]
mod scalar;
#[cfg(any(target_arch = "x86_64", test))]
mod weights;

use crate::cpu::Simd;
#[cfg(target_arch = "x86_64")]
use crate::cpu::dispatch;
use crate::geometry::Size;

/// A resampling filter.
///
/// Bilinear, bicubic (a = -0.5) and Lanczos are antialiased convolutions with Pillow's kernels,
/// computed on u8; docs/AUGMENTATIONS.md says how far they are from Pillow. Nearest takes the
/// source pixel `trunc((i + 0.5) * in / out)`, the product computed as a running sum, exactly as
/// Pillow does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Filter {
    /// Triangle kernel.
    #[default]
    Bilinear,
    /// Catmull-Rom kernel.
    Bicubic,
    /// Lanczos kernel with three lobes.
    Lanczos,
    /// No interpolation.
    Nearest,
    /// Two weights at any scale: aliases when it shrinks.
    #[serde(skip)]
    BilinearAliased,
    /// Four weights at any scale: aliases when it shrinks.
    #[serde(skip)]
    BicubicAliased,
}

impl Filter {
    pub(crate) fn without_antialias(self) -> Filter {
        match self {
            Filter::Bilinear => Filter::BilinearAliased,
            Filter::Bicubic => Filter::BicubicAliased,
            other => other,
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Filter::Bilinear => "bilinear",
            Filter::Bicubic => "bicubic",
            Filter::Lanczos => "lanczos",
            Filter::Nearest => "nearest",
            Filter::BilinearAliased => "bilinear without antialias",
            Filter::BicubicAliased => "bicubic without antialias",
        })
    }
}

/// An image to read.
#[derive(Clone, Copy)]
struct Source<'a> {
    pixels: &'a [u8],
    size: Size,
}

/// An image to write.
struct Target<'a> {
    pixels: &'a mut [u8],
    size: Size,
}

#[cfg(target_arch = "x86_64")]
use passes::Buffers;

#[cfg(not(target_arch = "x86_64"))]
use library::Buffers;

/// Resamples images and keeps the memory for it.
#[derive(Debug, Default)]
pub(crate) struct Resampler {
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "the library chooses its instructions itself")
    )]
    simd: Simd,
    buffers: Buffers,
    /// The image between the two convolutions of a filter that needs two.
    between: Vec<u8>,
}

impl Resampler {
    /// A resampler that uses these vector instructions.
    pub(crate) fn new(simd: Simd) -> Resampler {
        Resampler {
            simd,
            ..Resampler::default()
        }
    }

    /// Resamples an image into `out`.
    pub(crate) fn resize(
        &mut self,
        pixels: &[u8],
        size: Size,
        out: &mut [u8],
        out_size: Size,
        filter: Filter,
    ) {
        let source = Source { pixels, size };
        let target = Target {
            pixels: out,
            size: out_size,
        };
        let both = size.width != out_size.width && size.height != out_size.height;
        match filter {
            Filter::Nearest => nearest(source, target),
            Filter::Bicubic | Filter::Lanczos if both => {
                let size = size_between(size, out_size);
                let mut between = std::mem::take(&mut self.between);
                between.resize(size.width as usize * size.height as usize * 3, 0);
                let pixels = &mut between[..];
                self.convolve(source, Target { pixels, size }, filter);
                let pixels = &between[..];
                self.convolve(Source { pixels, size }, target, filter);
                self.between = between;
            }
            _ => self.convolve(source, target, filter),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn convolve(&mut self, source: Source<'_>, target: Target<'_>, filter: Filter) {
        dispatch!(
            self.simd,
            convolve(&mut self.buffers, source, target, filter)
        );
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn convolve(&mut self, source: Source<'_>, target: Target<'_>, filter: Filter) {
        library::convolve(&mut self.buffers, source, target, filter);
    }
}

/// The size of the image between the two passes in Pillow's order: rows first, unless the height
/// shrinks by more than twice as much as the width.
///
/// The order matters because that image is 8-bit, which clips the overshoot of negative lobes:
/// bicubic and Lanczos would differ by up to 40 levels at hard edges in the other order. Bilinear
/// never overshoots, so it takes the faster order of [`passes`].
fn size_between(from: Size, to: Size) -> Size {
    let (width, height) = (
        i64::from(from.width) - i64::from(to.width),
        i64::from(from.height) - i64::from(to.height),
    );
    if height > 0 && height > 2 * width {
        Size {
            width: from.width,
            height: to.height,
        }
    } else {
        Size {
            width: to.width,
            height: from.height,
        }
    }
}

/// Pillow's nearest filter. Positions are a running sum in f64, which at a tie may fall one pixel
/// short of the product.
fn nearest(source: Source<'_>, target: Target<'_>) {
    let picks = |from: u32, to: u32| {
        let step = f64::from(from) / f64::from(to);
        let positions =
            std::iter::successors(Some(step * 0.5), move |position| Some(position + step));
        positions
            .take(to as usize)
            .map(move |position| (position as usize).min(from as usize - 1))
    };
    let columns: Vec<usize> = picks(source.size.width, target.size.width).collect();
    let stride = source.size.width as usize * 3;
    let rows = target
        .pixels
        .chunks_exact_mut(target.size.width as usize * 3);
    for (out, y) in rows.zip(picks(source.size.height, target.size.height)) {
        let row = source.pixels[y * stride..][..stride].as_chunks::<3>().0;
        for (pixel, &x) in out.as_chunks_mut::<3>().0.iter_mut().zip(&columns) {
            *pixel = row[x];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERS: [Filter; 6] = [
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Lanczos,
        Filter::BilinearAliased,
        Filter::BicubicAliased,
        Filter::Nearest,
    ];

    fn bytes(size: Size) -> usize {
        size.width as usize * size.height as usize * 3
    }

    /// One convolution by fast_image_resize, or two for the filters that need Pillow's order.
    fn reference(source: &[u8], from: Size, to: Size, filter: Filter) -> Vec<u8> {
        let once = |pixels: &[u8], size: Size, to: Size| {
            let mut out = vec![0; bytes(to)];
            let target = Target {
                pixels: &mut out,
                size: to,
            };
            let source = Source { pixels, size };
            library::convolve(&mut library::Buffers::default(), source, target, filter);
            out
        };
        match filter {
            Filter::Bicubic | Filter::Lanczos => {
                let between = size_between(from, to);
                once(&once(source, from, between), between, to)
            }
            _ => once(source, from, to),
        }
    }

    #[test]
    fn plain_and_vector_code_give_the_bytes_of_fast_image_resize() {
        let mut seed = 1u32;
        let mut below = |end: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) % end
        };
        // Hard edges between the extremes, for the sums that are clipped.
        let noise: Vec<u8> = (0..3 * 200 * 200)
            .map(|_| [0, 255, below(256) as u8][below(3) as usize])
            .collect();
        let size = |width, height| Size { width, height };
        let sizes = [
            (32, 32),
            (224, 3),
            (61, 90),
            (90, 47),
            (61, 47),
            (1, 1),
            (2, 500),
            (500, 2),
        ];
        let mut cases = sizes
            .map(|(width, height)| [size(61, 47), size(width, height)])
            .to_vec();
        let mut any = |most: u32| {
            let end = [most, 12][below(2) as usize];
            1 + below(end)
        };
        cases.extend((0..60).map(|_| [size(any(200), any(200)), size(any(150), any(150))]));
        let mut resamplers = [Simd::detect(), Simd::scalar()].map(Resampler::new);
        for [from, to] in cases {
            let source = &noise[..bytes(from)];
            for filter in FILTERS {
                let [fast, plain] = resamplers.each_mut().map(|resampler| {
                    let mut pixels = vec![0; bytes(to)];
                    resampler.resize(source, from, &mut pixels, to, filter);
                    pixels
                });
                assert!(fast == plain, "{filter} from {from} to {to}");
                if filter != Filter::Nearest {
                    assert!(
                        fast == reference(source, from, to, filter),
                        "{filter} from {from} to {to}"
                    );
                }
            }
        }
    }
}
