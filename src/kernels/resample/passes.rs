//! Both passes of a convolution, two rows at a time; the inner loops are those of [`Passes`].

use super::weights::Axis;
use super::{Filter, Source, Target};

/// The inner loops of a convolution.
pub(super) trait Passes: Copy {
    /// Computes the weights of an axis.
    fn plan(self, axis: &mut Axis, from: u32, to: u32, filter: Filter);

    /// Writes one row of the vertical pass: the sum over `i` of `weights[i]` times `row(i)`.
    fn down<'a>(
        self,
        row: impl Fn(usize) -> &'a [u8],
        weights: &[i16],
        precision: u32,
        out: &mut [u8],
    );

    /// Writes two rows of the horizontal pass. `rows` have at least [`Axis::reach`] bytes.
    fn across(self, axis: &Axis, rows: [&[u8]; 2], outs: [&mut [u8]; 2]);
}

/// A sum of weighted bytes, rounded by its start value, as a byte.
pub(super) fn clip(sum: i32, precision: u32) -> u8 {
    (sum >> precision).clamp(0, 255) as u8
}

/// Memory of a convolution.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    horizontal: Axis,
    vertical: Axis,
    /// Two rows between the passes.
    rows: [Vec<u8>; 2],
    /// The second output row of the last pair if the number of rows is odd.
    unused: Vec<u8>,
}

/// Convolves down, then across.
pub(super) fn convolve(
    passes: impl Passes,
    buffers: &mut Buffers,
    source: Source<'_>,
    target: Target<'_>,
    filter: Filter,
) {
    let Buffers {
        horizontal,
        vertical,
        rows: [a, b],
        unused,
    } = buffers;
    let (from, to) = (source.size, target.size);
    let (stride, wide) = (3 * from.width as usize, 3 * to.width as usize);
    let last = from.height as usize - 1;
    // Weights padded with zeros may reach beyond the last row.
    let row = |n: usize| &source.pixels[n.min(last) * stride..][..stride];
    let [down, across] = [from.height != to.height, from.width != to.width];
    if down {
        passes.plan(vertical, from.height, to.height, filter);
    }
    let pass_down = |n: usize, out: &mut [u8]| {
        if down {
            let start = vertical.starts[n] as usize;
            passes.down(|i| row(start + i), vertical.of(n), vertical.precision, out);
        } else {
            out.copy_from_slice(row(n));
        }
    };
    let mut outs = target.pixels.chunks_exact_mut(wide).enumerate();
    if !across {
        return outs.for_each(|(n, out)| pass_down(n, out));
    }
    passes.plan(horizontal, from.width, to.width, filter);
    for row in [&mut *a, &mut *b] {
        row.resize(row.len().max(horizontal.reach).max(stride), 0);
    }
    unused.resize(wide, 0);
    while let Some((n, first)) = outs.next() {
        pass_down(n, &mut a[..stride]);
        let second = match outs.next() {
            Some((n, second)) => {
                pass_down(n, &mut b[..stride]);
                second
            }
            None => &mut unused[..],
        };
        passes.across(horizontal, [a, b], [first, second]);
    }
}
