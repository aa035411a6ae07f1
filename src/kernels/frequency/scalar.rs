//! The low-frequency crop in plain loops over rows of f32, which the compiler vectorizes.

use super::{Images, LowFrequencies, Matrix};
use crate::kernels::filter::{Shape, rounded, widened};
use crate::kernels::scratch::{Scratch, sized};
use crate::kernels::turn::transpose;

/// Writes the crop. Inlined into its caller, which decides for which instructions it is compiled.
#[inline(always)]
pub(super) fn crop(matrices: &LowFrequencies, images: Images<'_>, scratch: &mut Scratch) {
    let LowFrequencies {
        vertical,
        horizontal,
    } = matrices;
    let (from, to) = (images.shape, images.out_shape);
    let plane = widened(images.pixels, &mut scratch.plane);
    let lost = lost_frequency(matrices, plane, from);
    let shrunk = sized(&mut scratch.field, to.height * from.stride());
    map(vertical, plane, &mut scratch.middle, shrunk);
    // Columns become rows, so that both maps add rows.
    let turned = sized(&mut scratch.more_field, shrunk.len());
    transpose::<_, 8>(shrunk, turned, from.width);
    let crop = sized(&mut scratch.plane, to.len());
    map(horizontal, turned, &mut scratch.middle, crop);
    let crop = crop.as_chunks::<3>().0;
    for (j, row) in images.out.chunks_exact_mut(to.stride()).enumerate() {
        for (l, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let sign = if (j + l) % 2 == 0 { 1.0 } else { -1.0 };
            let value = crop[l * to.height + j];
            *pixel = std::array::from_fn(|c| rounded(value[c] - sign * lost[c]));
        }
    }
}

/// `q x q`: the part of each channel that is lost with the conjugate.
#[inline(always)]
fn lost_frequency(matrices: &LowFrequencies, plane: &[f32], shape: Shape) -> [f32; 3] {
    let rows = plane.chunks_exact(shape.stride());
    rows.zip(&matrices.vertical.lone)
        .fold([0.0; 3], |sum, (row, weight)| {
            let pixels = row.as_chunks::<3>().0.iter();
            let row = pixels
                .zip(&matrices.horizontal.lone)
                .fold([0.0f32; 3], |sum, (rgb, weight)| {
                    std::array::from_fn(|c| sum[c] + rgb[c] * weight)
                });
            std::array::from_fn(|c| sum[c] + row[c] * weight)
        })
}

/// Maps `from` rows to `to` rows; `folded` is memory for the sums and differences of mirrored rows.
#[inline(always)]
fn map(matrix: &Matrix, rows: &[f32], folded: &mut Vec<f32>, out: &mut [f32]) {
    let stride = rows.len() / matrix.from;
    let count = matrix.from / 2 + 1;
    let (sums, differences) = sized(folded, 2 * count * stride).split_at_mut(count * stride);
    let folded = sums
        .chunks_exact_mut(stride)
        .zip(differences.chunks_exact_mut(stride));
    for (t, (sum, difference)) in folded.enumerate() {
        let [near, far] =
            [t, (matrix.from - t) % matrix.from].map(|t| &rows[t * stride..][..stride]);
        // A row that is its own mirror image counts once.
        let alone = t == (matrix.from - t) % matrix.from;
        for (i, (sum, difference)) in sum.iter_mut().zip(difference).enumerate() {
            (*sum, *difference) = if alone {
                (near[i], 0.0)
            } else {
                (near[i] + far[i], near[i] - far[i])
            };
        }
    }
    for (j, (even, odd)) in matrix
        .even
        .chunks_exact(count)
        .zip(matrix.odd.chunks_exact(count))
        .enumerate()
    {
        let (first, rest) = out[j * stride..].split_at_mut(stride);
        let mirrored = (matrix.to - j) % matrix.to;
        let second = if mirrored > j {
            Some(&mut rest[(mirrored - j - 1) * stride..][..stride])
        } else {
            None
        };
        multiply([even, odd], [sums, differences], first, second);
    }
}

/// Adds up the sums of mirrored rows by the even weights, and their differences by the odd ones.
/// The total of both is one row of the result, and their difference is the mirrored row.
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
