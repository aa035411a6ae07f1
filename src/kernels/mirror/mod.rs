//! Mirror images.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod scalar;

use super::pixel_buf::PixelBuf;
use crate::cpu::{Simd, dispatch};
use crate::geometry::Size;

/// Mirrors left and right. `row` is memory for a row, which mirroring in place needs.
pub(crate) fn columns(pixels: PixelBuf<'_>, size: Size, row: &mut Vec<u8>, simd: Simd) {
    let stride = size.width as usize * 3;
    match pixels {
        PixelBuf::Copy(source, out) => {
            let rows = source
                .chunks_exact(stride)
                .zip(out.chunks_exact_mut(stride));
            rows.for_each(|(row, out)| mirror(row, out, simd));
        }
        PixelBuf::InPlace(pixels) => {
            for out in pixels.chunks_exact_mut(stride) {
                row.clear();
                row.extend_from_slice(out);
                mirror(row, out, simd);
            }
        }
    }
}

fn mirror(row: &[u8], out: &mut [u8], simd: Simd) {
    let (row, out) = (row.as_chunks().0, out.as_chunks_mut().0);
    dispatch!(simd, mirror(row, out));
}

/// Mirrors top and bottom.
pub(crate) fn rows(pixels: PixelBuf<'_>, size: Size) {
    let stride = size.width as usize * 3;
    match pixels {
        PixelBuf::Copy(source, out) => {
            let source = source.chunks_exact(stride).rev();
            let rows = out.chunks_exact_mut(stride).zip(source);
            rows.for_each(|(out, row)| out.copy_from_slice(row));
        }
        PixelBuf::InPlace(pixels) => {
            let (upper, lower) = pixels.split_at_mut(pixels.len() / 2 / stride * stride);
            let lower = lower.chunks_exact_mut(stride).rev();
            let rows = upper.chunks_exact_mut(stride).zip(lower);
            rows.for_each(|(a, b)| a.swap_with_slice(b));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_images_are_the_same_by_vector_code_and_in_place() {
        for (width, height) in [(1, 1), (2, 3), (5, 1), (6, 2), (11, 2), (37, 3), (224, 2)] {
            let size = Size { width, height };
            let image: Vec<u8> = (0..width * height * 3)
                .map(|i| (i * 7 % 251) as u8)
                .collect();
            let mirrored = |simd: Simd| {
                let (mut copied, mut placed) = (vec![0; image.len()], image.clone());
                let copy = PixelBuf::Copy(&image, &mut copied);
                columns(copy, size, &mut Vec::new(), simd);
                let in_place = PixelBuf::InPlace(&mut placed);
                columns(in_place, size, &mut Vec::new(), simd);
                assert_eq!(copied, placed, "{size}");
                copied
            };
            let [vector, scalar] = [Simd::detect(), Simd::scalar()].map(mirrored);
            assert_eq!(vector, scalar, "{size}");
            let (mut placed, mut copied) = (image.clone(), image.clone());
            rows(PixelBuf::InPlace(&mut placed), size);
            rows(PixelBuf::Copy(&image, &mut copied), size);
            assert_eq!(placed, copied);
        }
    }
}
