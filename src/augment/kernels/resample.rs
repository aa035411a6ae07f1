//! Resampling on 8-bit RGB.

use std::fmt;

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::U8x3;
use serde::{Deserialize, Serialize};

use crate::augment::Frame;

/// How to resample.
///
/// Bilinear and bicubic are antialiased convolutions with Pillow's kernels (bicubic has a = -0.5), computed on u8 by
/// fast_image_resize; docs/AUGMENTATIONS.md says how far they are from Pillow. Nearest takes the source pixel
/// `trunc((i + 0.5) * in / out)`, the product taken as a running sum, exactly as Pillow does.
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
    pub(in crate::augment) fn without_antialias(self) -> Filter {
        match self {
            Filter::Bilinear => Filter::BilinearAliased,
            Filter::Bicubic => Filter::BicubicAliased,
            other => other,
        }
    }

    fn algorithm(self) -> fir::ResizeAlg {
        match self {
            Filter::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
            Filter::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
            Filter::Lanczos => fir::ResizeAlg::Convolution(fir::FilterType::Lanczos3),
            Filter::BilinearAliased => fir::ResizeAlg::Interpolation(fir::FilterType::Bilinear),
            Filter::BicubicAliased => fir::ResizeAlg::Interpolation(fir::FilterType::CatmullRom),
            Filter::Nearest => fir::ResizeAlg::Nearest,
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

/// Resamples; keeps its scratch memory.
#[derive(Debug, Default)]
pub(in crate::augment) struct Resampler {
    /// The twin of what follows, and all there is on processors without AVX2.
    resizer: fir::Resizer,
    #[cfg(target_arch = "x86_64")]
    fused: Option<super::resample_x86::Fused>,
    half_done: Vec<u8>,
}

impl Resampler {
    /// A resampler; `simd` false keeps to plain code, which gives the same bytes.
    pub(in crate::augment) fn new(simd: bool) -> Resampler {
        let mut resizer = fir::Resizer::new();
        if !simd {
            // SAFETY: plain code runs on every processor.
            unsafe { resizer.set_cpu_extensions(fir::CpuExtensions::None) };
        }
        #[cfg(target_arch = "x86_64")]
        let fused = (simd && is_x86_feature_detected!("avx2")).then(Default::default);
        Resampler {
            resizer,
            #[cfg(target_arch = "x86_64")]
            fused,
            half_done: Vec::new(),
        }
    }

    /// Resamples a picture into `out`.
    pub(in crate::augment) fn resize(
        &mut self,
        source: &[u8],
        frame: Frame,
        out: &mut [u8],
        out_frame: Frame,
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

    fn convolve(&mut self, source: &[u8], frame: Frame, out: &mut [u8], out_frame: Frame, filter: Filter) {
        #[cfg(target_arch = "x86_64")]
        if let Some(fused) = &mut self.fused {
            // SAFETY: it is there if the processor has AVX2.
            return unsafe { fused.resize(source, frame, out, out_frame, filter) };
        }
        let source = TypedImageRef::<U8x3>::from_buffer(frame.width, frame.height, source)
            .expect("the buffer has the picture's size");
        let mut target = TypedImage::<U8x3>::from_buffer(out_frame.width, out_frame.height, out)
            .expect("the output has its frame's size");
        let options = fir::ResizeOptions::new().resize_alg(filter.algorithm());
        self.resizer.resize_typed(&source, &mut target, &options).expect("both pictures have pixels");
    }
}

/// The picture between the two passes, in Pillow's order: rows first, unless the height shrinks by more than twice what the
/// width does.
///
/// It is 8-bit and clips what negative lobes overshoot, so with the other order bicubic and Lanczos differ by up to 40
/// levels at hard edges. Bilinear never overshoots: it takes fast_image_resize's order, which is faster.
fn between(from: Frame, to: Frame) -> Frame {
    let (width, height) =
        (i64::from(from.width) - i64::from(to.width), i64::from(from.height) - i64::from(to.height));
    if height > 0 && height > 2 * width {
        Frame { width: from.width, height: to.height }
    } else {
        Frame { width: to.width, height: from.height }
    }
}

/// Pillow's rule: positions are a running sum in f64, which at a tie may fall one pixel short of the product.
fn nearest(source: &[u8], frame: Frame, out: &mut [u8], out_frame: Frame) {
    let picks = |from: u32, to: u32| {
        let step = f64::from(from) / f64::from(to);
        let positions = std::iter::successors(Some(step * 0.5), move |position| Some(position + step));
        positions.take(to as usize).map(move |position| (position as usize).min(from as usize - 1))
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
