//! Convolutions by the crate fast_image_resize: the resampler where this folder has no vector code,
//! and the oracle of tests everywhere.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::U8x3;

use super::{Filter, Source, Target};

/// Memory of the crate.
#[derive(Debug, Default)]
pub(super) struct Buffers(fir::Resizer);

/// One convolution, both passes of which round to bytes.
pub(super) fn convolve(
    buffers: &mut Buffers,
    source: Source<'_>,
    target: Target<'_>,
    filter: Filter,
) {
    let algorithm = match filter {
        Filter::Bilinear => fir::ResizeAlg::Convolution(fir::FilterType::Bilinear),
        Filter::Bicubic => fir::ResizeAlg::Convolution(fir::FilterType::CatmullRom),
        Filter::Lanczos => fir::ResizeAlg::Convolution(fir::FilterType::Lanczos3),
        Filter::BilinearAliased => fir::ResizeAlg::Interpolation(fir::FilterType::Bilinear),
        Filter::BicubicAliased => fir::ResizeAlg::Interpolation(fir::FilterType::CatmullRom),
        Filter::Nearest => unreachable!("nearest is not a convolution"),
    };
    let options = fir::ResizeOptions::new().resize_alg(algorithm);
    let (from, to) = (source.size, target.size);
    let source = TypedImageRef::<U8x3>::from_buffer(from.width, from.height, source.pixels)
        .expect("the source has the bytes of its size");
    let mut target = TypedImage::<U8x3>::from_buffer(to.width, to.height, target.pixels)
        .expect("the target has the bytes of its size");
    buffers
        .0
        .resize_typed(&source, &mut target, &options)
        .expect("whole images are resized");
}
