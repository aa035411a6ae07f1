//! Contrast-limited adaptive histogram equalization of each channel, as OpenCV's `createCLAHE`; the
//! method is by Zuiderveld (1994).
//!
//! The image is divided into tiles. Each tile has a table that flattens its histogram, whose peaks
//! are cut off so that noise in flat tiles is not amplified. A pixel is looked up in the tables of
//! the four tiles around it, and the results are interpolated.

use std::fmt;

use super::border::PadMode;
use super::filter::rounded;
use super::scratch::{Scratch, sized};
use crate::geometry::Size;

/// Equalizes each channel by the histograms of tiles, interpolating between their tables.
///
/// # Example: equalize an image by tiles
///
/// ```
/// use feedmill::augment::steps::Clahe;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Clahe::new(2.0, (2, 2))));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Clahe {
    /// The limit of the counts of a tile's histogram, as a multiple of their mean; 0 is no limit.
    pub clip_limit: f64,
    /// Tiles across and down, each at least 1.
    pub grid: (u32, u32),
}

impl Clahe {
    /// Returns the step with this limit, as a multiple of the mean count, and this number of tiles
    /// across and down.
    pub fn new(clip_limit: f64, grid: (u32, u32)) -> Clahe {
        Clahe { clip_limit, grid }
    }
}

impl fmt::Display for Clahe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "clahe clip_limit={:.4} grid={}x{}",
            self.clip_limit, self.grid.0, self.grid.1
        )
    }
}

/// The two tiles next to a coordinate and the weight of the second.
#[derive(Clone, Copy)]
struct Between {
    first: usize,
    second: usize,
    weight: f32,
}

impl Between {
    fn new(at: usize, tile: usize, tiles: usize) -> Between {
        let position = at as f32 * (1.0 / tile as f32) - 0.5;
        let below = position.floor();
        let tile = |n: f32| (n.max(0.0) as usize).min(tiles - 1);
        Between {
            first: tile(below),
            second: tile(below + 1.0),
            weight: position - below,
        }
    }
}

/// OpenCV's table of one tile. Counts above the limit are distributed evenly over all levels, and
/// the remainder of that division at equal distances.
fn table(histogram: &mut [u32; 256], area: usize, clip_limit: f64) -> [u8; 256] {
    if clip_limit > 0.0 {
        let limit = ((clip_limit * area as f64 / 256.0) as u32).max(1);
        let mut above = 0;
        for count in histogram.iter_mut() {
            above += count.saturating_sub(limit);
            *count = (*count).min(limit);
        }
        let mut left = above % 256;
        histogram.iter_mut().for_each(|count| *count += above / 256);
        if let Some(step) = 256u32.checked_div(left) {
            for count in histogram.iter_mut().step_by(step as usize) {
                if left == 0 {
                    break;
                }
                *count += 1;
                left -= 1;
            }
        }
    }
    let scale = 255.0 / area as f32;
    let mut sum = 0;
    histogram.map(|count| {
        sum += count;
        rounded(sum as f32 * scale)
    })
}

/// Equalizes an image, rows of RGB.
pub(crate) fn run(clahe: &Clahe, pixels: &mut [u8], size: Size, scratch: &mut Scratch) {
    let (width, height) = (size.width as usize, size.height as usize);
    let (columns, rows) = (clahe.grid.0 as usize, clahe.grid.1 as usize);
    // OpenCV pads an image that the grid does not divide by mirroring its right and lower edge. If
    // only one side needs it, the other is padded by one whole pixel for each tile.
    let divides = width.is_multiple_of(columns) && height.is_multiple_of(rows);
    let padded = |length: usize, tiles: usize| {
        if divides {
            length
        } else {
            length + tiles - length % tiles
        }
    };
    let tile = (
        padded(width, columns) / columns,
        padded(height, rows) / rows,
    );
    let tables = sized(&mut scratch.bytes, columns * rows * 3 * 256);
    let inside = |i: usize, n: usize| {
        let index = PadMode::Reflect.index(i as i64, n as i64);
        index.expect("mirrors repeat pixels") as usize
    };
    for (number, tables) in tables
        .as_chunks_mut::<256>()
        .0
        .chunks_exact_mut(3)
        .enumerate()
    {
        let (left, top) = (number % columns * tile.0, number / columns * tile.1);
        let mut histograms = [[0u32; 256]; 3];
        for y in top..top + tile.1 {
            let row = &pixels.as_chunks::<3>().0[inside(y, height) * width..][..width];
            for x in left..left + tile.0 {
                let pixel = if x < width {
                    row[x]
                } else {
                    row[inside(x, width)]
                };
                for (histogram, value) in histograms.iter_mut().zip(pixel) {
                    histogram[usize::from(value)] += 1;
                }
            }
        }
        for (table_out, histogram) in tables.iter_mut().zip(&mut histograms) {
            *table_out = table(histogram, tile.0 * tile.1, clahe.clip_limit);
        }
    }
    let tables = tables.as_chunks::<256>().0;
    for (y, row) in pixels.chunks_exact_mut(width * 3).enumerate() {
        let down = Between::new(y, tile.1, rows);
        for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let across = Between::new(x, tile.0, columns);
            for (channel, value) in pixel.iter_mut().enumerate() {
                let at = |row: usize, column: usize| {
                    f32::from(tables[(row * columns + column) * 3 + channel][usize::from(*value)])
                };
                let mix = |row| {
                    at(row, across.first) * (1.0 - across.weight)
                        + at(row, across.second) * across.weight
                };
                *value =
                    rounded(mix(down.first) * (1.0 - down.weight) + mix(down.second) * down.weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_image_stays_flat_whatever_the_size_and_grid() {
        for (width, height) in [(1, 1), (1, 9), (23, 1), (17, 31), (64, 48)] {
            for grid in [(1, 1), (2, 3), (8, 8)] {
                let mut pixels = vec![77; width * height * 3];
                let size = Size {
                    width: width as u32,
                    height: height as u32,
                };
                run(
                    &Clahe {
                        clip_limit: 2.0,
                        grid,
                    },
                    &mut pixels,
                    size,
                    &mut Scratch::default(),
                );
                assert!(
                    pixels.iter().all(|value| *value == pixels[0]),
                    "{width} x {height}, {grid:?}"
                );
            }
        }
    }

    #[test]
    fn counts_are_dealt_out_and_none_is_lost() {
        let mut histogram = [0; 256];
        histogram[10] = 1000;
        histogram[200] = 24;
        let last = table(&mut histogram, 1024, 4.0)[255];
        assert_eq!(histogram.iter().sum::<u32>(), 1024);
        assert_eq!(last, 255);
    }
}
