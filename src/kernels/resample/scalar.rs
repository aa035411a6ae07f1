//! The inner loops of a convolution in plain code.

use super::passes::{self, Buffers, Passes, clip};
use super::weights::Axis;
use super::{Filter, Source, Target};

#[derive(Clone, Copy)]
struct Scalar;

pub(super) fn convolve(
    buffers: &mut Buffers,
    source: Source<'_>,
    target: Target<'_>,
    filter: Filter,
) {
    passes::convolve(Scalar, buffers, source, target, filter);
}

impl Passes for Scalar {
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
            for (i, weight) in weights.iter().enumerate() {
                for (sum, value) in sums.iter_mut().zip(&row(i)[64 * part..][..out.len()]) {
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
