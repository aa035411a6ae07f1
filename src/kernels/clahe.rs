//! Contrast-limited adaptive histogram equalization, channel by channel; OpenCV's `createCLAHE`
//! (Zuiderveld, 1994).

use std::fmt;

use super::filter::rounded;
use super::place::beyond;
use super::spare::{Spare, sized};
use crate::geometry::Size;
use crate::kernels::PadMode;

/// Equalizes each channel by the histograms of tiles, between whose tables it interpolates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clahe {
    /// How many times the mean a count of a tile's histogram may be; 0 does not limit it.
    pub clip_limit: f64,
    /// Tiles across and down, each at least 1.
    pub grid: (u32, u32),
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

/// The tables next to a coordinate and the share of the second.
#[derive(Clone, Copy)]
struct Between {
    first: usize,
    second: usize,
    share: f32,
}

impl Between {
    fn new(at: usize, tile: usize, tiles: usize) -> Between {
        let place = at as f32 * (1.0 / tile as f32) - 0.5;
        let below = place.floor();
        let tile = |n: f32| (n.max(0.0) as usize).min(tiles - 1);
        Between {
            first: tile(below),
            second: tile(below + 1.0),
            share: place - below,
        }
    }
}

/// OpenCV's table of one tile: what is above the limit is dealt out evenly, the rest at equal
/// distances.
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

pub(crate) fn run(clahe: &Clahe, pixels: &mut [u8], frame: Size, spare: &mut Spare) {
    let (width, height) = (frame.width as usize, frame.height as usize);
    let (columns, rows) = (clahe.grid.0 as usize, clahe.grid.1 as usize);
    // An image that the grid does not divide is mirrored beyond its right and lower edge, by whole
    // tiles if only the other side needs it.
    let whole = width.is_multiple_of(columns) && height.is_multiple_of(rows);
    let padded = |length: usize, tiles: usize| {
        if whole {
            length
        } else {
            length + tiles - length % tiles
        }
    };
    let tile = (
        padded(width, columns) / columns,
        padded(height, rows) / rows,
    );
    let tables = sized(&mut spare.bytes, columns * rows * 3 * 256);
    let inside =
        |i: usize, n: usize| beyond(i as i64, n as i64, PadMode::Reflect).unwrap_or(0) as usize;
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
                    at(row, across.first) * (1.0 - across.share)
                        + at(row, across.second) * across.share
                };
                *value =
                    rounded(mix(down.first) * (1.0 - down.share) + mix(down.second) * down.share);
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
                let frame = Size {
                    width: width as u32,
                    height: height as u32,
                };
                run(
                    &Clahe {
                        clip_limit: 2.0,
                        grid,
                    },
                    &mut pixels,
                    frame,
                    &mut Spare::default(),
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
