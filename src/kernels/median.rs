//! The median of a square (`ImageFilter.MedianFilter`), byte for byte; the pixel at the edge
//! repeats.

use super::filter::Shape;
use super::spare::{Spare, sized};

/// `size` is odd.
pub(super) fn run(size: usize, pixels: &mut [u8], shape: Shape, spare: &mut Spare) {
    let reach = size / 2;
    let wide = shape.width + 2 * reach;
    let padded = sized(&mut spare.bytes, wide * (shape.height + 2 * reach) * 3);
    for (y, line) in (0..).zip(padded.chunks_exact_mut(wide * 3)) {
        let from = (y as usize).saturating_sub(reach).min(shape.height - 1);
        let from = &pixels.as_chunks::<3>().0[from * shape.width..][..shape.width];
        let line = line.as_chunks_mut::<3>().0;
        line[..reach].fill(from[0]);
        line[reach..reach + shape.width].copy_from_slice(from);
        line[reach + shape.width..].fill(from[shape.width - 1]);
    }
    let rows = padded.windows(size * wide * 3).step_by(wide * 3);
    for (out, rows) in pixels.chunks_exact_mut(shape.stride()).zip(rows) {
        match size {
            3 => of_nine(rows, wide * 3, out),
            _ => by_counting(rows, wide, size, out),
        }
    }
}

/// Values that are sorted at a time.
const LANES: usize = 16;

/// The median of three by three values.
fn of_nine(rows: &[u8], wide: usize, out: &mut [u8]) {
    let places: [usize; 9] = std::array::from_fn(|i| i / 3 * wide + i % 3 * 3);
    let (blocks, tail) = out.as_chunks_mut::<LANES>();
    let start = blocks.len() * LANES;
    for (i, block) in blocks.iter_mut().enumerate() {
        *block = middle(places.map(|place| rows[place + i * LANES..].as_chunks().0[0]));
    }
    let lanes = places.map(|place| {
        let mut lane = [0; LANES];
        lane[..tail.len()].copy_from_slice(&rows[place + start..][..tail.len()]);
        lane
    });
    tail.copy_from_slice(&middle(lanes)[..tail.len()]);
}

type Lane = [u8; LANES];

/// The median of nine is that of the largest least, the middle middle and the smallest largest of
/// three sorted threes.
fn middle([a, b, c, d, e, f, g, h, i]: [Lane; 9]) -> Lane {
    let (x, y, z) = (sorted(a, b, c), sorted(d, e, f), sorted(g, h, i));
    let low = most(x[0], most(y[0], z[0]));
    let high = least(x[2], least(y[2], z[2]));
    median(low, median(x[1], y[1], z[1]), high)
}

#[inline(always)]
fn sorted(a: Lane, b: Lane, c: Lane) -> [Lane; 3] {
    let (low, high) = (least(a, b), most(a, b));
    let (middle, high) = (least(high, c), most(high, c));
    [least(low, middle), most(low, middle), high]
}

#[inline(always)]
fn median(a: Lane, b: Lane, c: Lane) -> Lane {
    most(least(a, b), least(most(a, b), c))
}

/// A plain loop, which becomes vector code.
#[inline(always)]
fn least(mut a: Lane, b: Lane) -> Lane {
    for (a, b) in a.iter_mut().zip(&b) {
        *a = (*a).min(*b);
    }
    a
}

#[inline(always)]
fn most(mut a: Lane, b: Lane) -> Lane {
    for (a, b) in a.iter_mut().zip(&b) {
        *a = (*a).max(*b);
    }
    a
}

/// Counts of the values in the square, and of those with the same four high bits.
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

    /// The value of this rank, from 0.
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

/// Huang, Yang and Tang, "A fast two-dimensional median filtering algorithm" (1979): a column of
/// the square comes in, another goes.
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
