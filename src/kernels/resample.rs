//! Resampling on 8-bit RGB: both passes of a convolution at once, two rows at a time, which stay in
//! the nearest cache.
//!
//! The arithmetic is that of fast_image_resize 6, to which tests compare every byte: weights are
//! rounded to 16 bits, with as many behind the point as the largest allows, and each pass sums in
//! 32 bits, rounds and clips to bytes. Rows cost less here because weights are padded with zeros to
//! one number for all pixels, so that no branch depends on it.

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(target_arch = "x86_64")]
use super::resample_x86::Avx2;
use super::weights::Axis;
use crate::geometry::Size;

/// How to resample.
///
/// Bilinear and bicubic are antialiased convolutions with Pillow's kernels (bicubic has a = -0.5),
/// computed on u8; docs/AUGMENTATIONS.md says how far they are from Pillow. Nearest takes the
/// source pixel `trunc((i + 0.5) * in / out)`, the product taken as a running sum, exactly as
/// Pillow does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Triangle kernel.
    #[default]
    Bilinear,
    /// Catmull-Rom kernel.
    Bicubic,
    /// Lanczos kernel of three lobes.
    Lanczos,
    /// No interpolation.
    Nearest,
    /// Two taps a side whatever the scale: aliases when it shrinks.
    #[serde(skip)]
    BilinearAliased,
    /// Four taps a side whatever the scale: aliases when it shrinks.
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

/// The inner loops, in plain code or for a kind of processor; the bytes are the same.
pub(super) trait Passes: Copy {
    fn plan(self, axis: &mut Axis, from: u32, to: u32, filter: Filter);
    /// One row of the pass down: the sum of what `row` gives, times its weight.
    fn down<'a>(
        self,
        row: impl Fn(usize) -> &'a [u8],
        weights: &[i16],
        precision: u32,
        out: &mut [u8],
    );
    /// Two rows of the pass across; `rows` have [`Axis::reach`] bytes or more.
    fn across(self, axis: &Axis, rows: [&[u8]; 2], outs: [&mut [u8]; 2]);
}

#[derive(Clone, Copy)]
struct Plain;

pub(super) fn clip(sum: i32, precision: u32) -> u8 {
    (sum >> precision).clamp(0, 255) as u8
}

impl Passes for Plain {
    fn plan(self, axis: &mut Axis, from: u32, to: u32, filter: Filter) {
        axis.plan_for(from, to, filter);
    }

    fn down<'a>(
        self,
        row: impl Fn(usize) -> &'a [u8],
        weights: &[i16],
        precision: u32,
        out: &mut [u8],
    ) {
        for (part, out) in out.chunks_mut(64).enumerate() {
            let mut sums = [1 << precision >> 1; 64];
            for (tap, weight) in weights.iter().enumerate() {
                for (sum, value) in sums.iter_mut().zip(&row(tap)[64 * part..][..out.len()]) {
                    *sum += i32::from(*weight) * i32::from(*value);
                }
            }
            out.iter_mut()
                .zip(sums)
                .for_each(|(out, sum)| *out = clip(sum, precision));
        }
    }

    fn across(self, axis: &Axis, rows: [&[u8]; 2], outs: [&mut [u8]; 2]) {
        for (row, out) in rows.into_iter().zip(outs) {
            let pixels = row.as_chunks::<3>().0;
            for (n, out) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                let mut sums = [1 << axis.precision >> 1; 3];
                for (pixel, weight) in pixels[axis.starts[n] as usize..].iter().zip(axis.of(n)) {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += i32::from(*weight) * i32::from(*value);
                    }
                }
                *out = sums.map(|sum| clip(sum, axis.precision));
            }
        }
    }
}

/// Resamples; keeps its scratch memory.
#[derive(Debug, Default)]
pub(crate) struct Resampler {
    #[cfg(target_arch = "x86_64")]
    avx2: Option<Avx2>,
    horizontal: Axis,
    vertical: Axis,
    /// Two rows between the passes, and one for what nobody wants.
    lines: [Vec<u8>; 3],
    half_done: Vec<u8>,
}

impl Resampler {
    /// A resampler; `simd` false keeps to plain code, which gives the same bytes.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_variables, reason = "no vector code here")
    )]
    pub(crate) fn new(simd: bool) -> Resampler {
        Resampler {
            #[cfg(target_arch = "x86_64")]
            avx2: Avx2::detect(simd),
            ..Resampler::default()
        }
    }

    /// Resamples an image into `out`.
    pub(crate) fn resize(
        &mut self,
        source: &[u8],
        frame: Size,
        out: &mut [u8],
        out_frame: Size,
        filter: Filter,
    ) {
        let both = frame.width != out_frame.width && frame.height != out_frame.height;
        match filter {
            Filter::Nearest => nearest(source, frame, out, out_frame),
            Filter::Bicubic | Filter::Lanczos if both => {
                let between = between(frame, out_frame);
                let mut half_done = std::mem::take(&mut self.half_done);
                half_done.resize(between.width as usize * between.height as usize * 3, 0);
                self.convolve(source, frame, &mut half_done, between, filter);
                self.convolve(&half_done, between, out, out_frame, filter);
                self.half_done = half_done;
            }
            _ => self.convolve(source, frame, out, out_frame, filter),
        }
    }

    fn convolve(
        &mut self,
        source: &[u8],
        frame: Size,
        out: &mut [u8],
        out_frame: Size,
        filter: Filter,
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = self.avx2 {
            return self.convolve_by(avx2, source, frame, out, out_frame, filter);
        }
        self.convolve_by(Plain, source, frame, out, out_frame, filter);
    }

    /// Down, then across.
    fn convolve_by(
        &mut self,
        passes: impl Passes,
        source: &[u8],
        from: Size,
        out: &mut [u8],
        to: Size,
        filter: Filter,
    ) {
        let Resampler {
            horizontal,
            vertical,
            lines: [a, b, spare],
            ..
        } = self;
        let (stride, wide) = (3 * from.width as usize, 3 * to.width as usize);
        let last = from.height as usize - 1;
        let row = |n: usize| &source[n.min(last) * stride..][..stride];
        let [down, across] = [from.height != to.height, from.width != to.width];
        if down {
            passes.plan(vertical, from.height, to.height, filter);
        }
        let pass_down = |n: usize, out: &mut [u8]| {
            if down {
                let start = vertical.starts[n] as usize;
                passes.down(
                    |tap| row(start + tap),
                    vertical.of(n),
                    vertical.precision,
                    out,
                );
            } else {
                out.copy_from_slice(row(n));
            }
        };
        if !across {
            return out
                .chunks_exact_mut(wide)
                .enumerate()
                .for_each(|(n, out)| pass_down(n, out));
        }
        passes.plan(horizontal, from.width, to.width, filter);
        for line in [&mut *a, &mut *b] {
            line.resize(line.len().max(horizontal.reach).max(stride), 0);
        }
        spare.resize(wide, 0);
        let mut rows = out.chunks_exact_mut(wide).enumerate();
        while let Some((n, first)) = rows.next() {
            pass_down(n, &mut a[..stride]);
            let second = match rows.next() {
                Some((n, second)) => {
                    pass_down(n, &mut b[..stride]);
                    second
                }
                None => &mut spare[..],
            };
            passes.across(horizontal, [a, b], [first, second]);
        }
    }
}

/// The image between the two passes, in Pillow's order: rows first, unless the height shrinks by
/// more than twice what the width does.
///
/// It is 8-bit and clips what negative lobes overshoot, so with the other order bicubic and Lanczos
/// differ by up to 40 levels at hard edges. Bilinear never overshoots: it takes the other order,
/// which is faster.
fn between(from: Size, to: Size) -> Size {
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

/// Pillow's rule: positions are a running sum in f64, which at a tie may fall one pixel short of
/// the product.
fn nearest(source: &[u8], frame: Size, out: &mut [u8], out_frame: Size) {
    let picks = |from: u32, to: u32| {
        let step = f64::from(from) / f64::from(to);
        let positions =
            std::iter::successors(Some(step * 0.5), move |position| Some(position + step));
        positions
            .take(to as usize)
            .map(move |position| (position as usize).min(from as usize - 1))
    };
    let columns: Vec<usize> = picks(frame.width, out_frame.width).collect();
    let stride = frame.width as usize * 3;
    let rows = out.chunks_exact_mut(out_frame.width as usize * 3);
    for (row, y) in rows.zip(picks(frame.height, out_frame.height)) {
        let line = source[y * stride..][..stride].as_chunks::<3>().0;
        for (pixel, &x) in row.as_chunks_mut::<3>().0.iter_mut().zip(&columns) {
            *pixel = line[x];
        }
    }
}

#[cfg(test)]
mod tests {
    use fast_image_resize as fir;
    use fir::images::{TypedImage, TypedImageRef};
    use fir::pixels::U8x3;

    use super::*;

    const FILTERS: [Filter; 6] = [
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Lanczos,
        Filter::BilinearAliased,
        Filter::BicubicAliased,
        Filter::Nearest,
    ];

    fn bytes(frame: Size) -> usize {
        frame.width as usize * frame.height as usize * 3
    }

    /// One convolution, or two where the filter's order is Pillow's.
    fn reference(source: &[u8], from: Size, to: Size, filter: Filter) -> Vec<u8> {
        let algorithm = match filter {
            Filter::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
            Filter::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
            Filter::Lanczos => fir::ResizeAlg::Convolution(fir::FilterType::Lanczos3),
            Filter::BilinearAliased => fir::ResizeAlg::Interpolation(fir::FilterType::Bilinear),
            Filter::BicubicAliased => fir::ResizeAlg::Interpolation(fir::FilterType::CatmullRom),
            Filter::Nearest => unreachable!("nearest is not its arithmetic"),
        };
        let options = fir::ResizeOptions::new().resize_alg(algorithm);
        let once = |source: &[u8], from: Size, to: Size| {
            let mut out = vec![0; bytes(to)];
            let source =
                TypedImageRef::<U8x3>::from_buffer(from.width, from.height, source).unwrap();
            let mut target =
                TypedImage::<U8x3>::from_buffer(to.width, to.height, &mut out).unwrap();
            fir::Resizer::new()
                .resize_typed(&source, &mut target, &options)
                .unwrap();
            out
        };
        match filter {
            Filter::Bicubic | Filter::Lanczos => {
                let between = between(from, to);
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
        // Hard edges between the extremes, for what is clipped.
        let noise: Vec<u8> = (0..3 * 200 * 200)
            .map(|_| [0, 255, below(256) as u8][below(3) as usize])
            .collect();
        let frame = |width, height| Size { width, height };
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
            .map(|(width, height)| [frame(61, 47), frame(width, height)])
            .to_vec();
        let mut any = |most: u32| {
            let end = [most, 12][below(2) as usize];
            1 + below(end)
        };
        cases.extend((0..60).map(|_| [frame(any(200), any(200)), frame(any(150), any(150))]));
        let mut resamplers = [true, false].map(Resampler::new);
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
