//! The median of a square of pixels, as Pillow's `ImageFilter.MedianFilter`; the pixel at the edge
//! repeats.
//!
//! Nine values are sorted by a network of minima and maxima, 16 pixels at a time, which the
//! compiler vectorizes. Larger squares keep a histogram that moves along the row: Huang, Yang and
//! Tang, "A fast two-dimensional median filtering algorithm" (1979). Its cost grows with the side
//! of the square instead of its area.

use super::filter::Shape;
use super::scratch::{Scratch, sized};

/// Replaces each value by the median of a square with `size` values on each side, an odd number.
pub(super) fn run(size: usize, pixels: &mut [u8], shape: Shape, scratch: &mut Scratch) {
    let reach = size / 2;
    let wide = shape.width + 2 * reach;
    let padded = sized(&mut scratch.bytes, wide * (shape.height + 2 * reach) * 3);
    for (y, row) in (0..).zip(padded.chunks_exact_mut(wide * 3)) {
        let from = (y as usize).saturating_sub(reach).min(shape.height - 1);
        let from = &pixels.as_chunks::<3>().0[from * shape.width..][..shape.width];
        let row = row.as_chunks_mut::<3>().0;
        row[..reach].fill(from[0]);
        row[reach..reach + shape.width].copy_from_slice(from);
        row[reach + shape.width..].fill(from[shape.width - 1]);
    }
    let rows = padded.windows(size * wide * 3).step_by(wide * 3);
    for (out, rows) in pixels.chunks_exact_mut(shape.stride()).zip(rows) {
        match size {
            3 => of_nine(rows, wide * 3, out),
            _ => by_counting(rows, wide, size, out),
        }
    }
}

/// The values that are sorted at a time.
const BLOCK: usize = 16;

/// The median of three by three values.
fn of_nine(rows: &[u8], wide: usize, out: &mut [u8]) {
    let offsets: [usize; 9] = std::array::from_fn(|i| i / 3 * wide + i % 3 * 3);
    let (blocks, tail) = out.as_chunks_mut::<BLOCK>();
    let start = blocks.len() * BLOCK;
    for (i, block) in blocks.iter_mut().enumerate() {
        *block = middle(offsets.map(|offset| rows[offset + i * BLOCK..].as_chunks().0[0]));
    }
    let blocks = offsets.map(|offset| {
        let mut block = [0; BLOCK];
        block[..tail.len()].copy_from_slice(&rows[offset + start..][..tail.len()]);
        block
    });
    tail.copy_from_slice(&middle(blocks)[..tail.len()]);
}

type Block = [u8; BLOCK];

/// The median of nine values. Sorted in threes, it is the median of three: the largest of the
/// minima, the median of the medians, and the smallest of the maxima.
fn middle([a, b, c, d, e, f, g, h, i]: [Block; 9]) -> Block {
    let (x, y, z) = (sorted(a, b, c), sorted(d, e, f), sorted(g, h, i));
    let low = most(x[0], most(y[0], z[0]));
    let high = least(x[2], least(y[2], z[2]));
    median(low, median(x[1], y[1], z[1]), high)
}

#[inline(always)]
fn sorted(a: Block, b: Block, c: Block) -> [Block; 3] {
    let (low, high) = (least(a, b), most(a, b));
    let (middle, high) = (least(high, c), most(high, c));
    [least(low, middle), most(low, middle), high]
}

#[inline(always)]
fn median(a: Block, b: Block, c: Block) -> Block {
    most(least(a, b), least(most(a, b), c))
}

/// A plain loop, which the compiler vectorizes.
#[inline(always)]
fn least(mut a: Block, b: Block) -> Block {
    for (a, b) in a.iter_mut().zip(&b) {
        *a = (*a).min(*b);
    }
    a
}

#[inline(always)]
fn most(mut a: Block, b: Block) -> Block {
    for (a, b) in a.iter_mut().zip(&b) {
        *a = (*a).max(*b);
    }
    a
}

/// Counts of the values in the square, one by one and by their top four bits.
struct Counts {
    fine: [u16; 256],
    coarse: [u16; 16],
}

impl Counts {
    fn add(&mut self, value: u8) {
        self.fine[usize::from(value)] += 1;
        self.coarse[usize::from(value >> 4)] += 1;
    }

    fn remove(&mut self, value: u8) {
        self.fine[usize::from(value)] -= 1;
        self.coarse[usize::from(value >> 4)] -= 1;
    }

    /// The value with this rank, from 0.
    fn ranked(&self, mut rank: u16) -> u8 {
        let mut high = 0;
        while rank >= self.coarse[high] {
            rank -= self.coarse[high];
            high += 1;
        }
        let mut value = high * 16;
        while rank >= self.fine[value] {
            rank -= self.fine[value];
            value += 1;
        }
        value as u8
    }
}

/// Medians by a histogram that moves along the row: one column of the square is added, another
/// removed.
fn by_counting(rows: &[u8], wide: usize, size: usize, out: &mut [u8]) {
    let rank = (size * size / 2) as u16;
    for channel in 0..3 {
        let mut counts = Counts {
            fine: [0; 256],
            coarse: [0; 16],
        };
        let column = |x: usize| (0..size).map(move |y| rows[(y * wide + x) * 3 + channel]);
        (0..size)
            .flat_map(column)
            .for_each(|value| counts.add(value));
        for (x, pixel) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            if x > 0 {
                column(x + size - 1).for_each(|value| counts.add(value));
                column(x - 1).for_each(|value| counts.remove(value));
            }
            pixel[channel] = counts.ranked(rank);
        }
    }
}
