//! From bands of samples to rows of RGB pixels.

use std::ops::Range;

use super::kernels::Kernels;
use super::layout::{Layout, Plane, Upsampling};

/// What rows are produced from.
pub(super) struct Band<'a> {
    pub layout: &'a Layout,
    /// Index of the row of MCUs that the band holds.
    pub row: usize,
    pub samples: &'a mut [u8],
}

impl Band<'_> {
    /// Keeps the last row of each plane for the next band.
    pub fn carry_over(&mut self) {
        for plane in self.layout.planes() {
            let first = plane.size * plane.block_columns.start;
            let (from, to) = (plane.at(plane.band_rows(), first), plane.at(0, first));
            // With the replicated samples on either side.
            self.samples.copy_within(from - 1..from + plane.size * plane.block_columns.len() + 1, to - 1);
        }
    }

    /// Repeats the first and last sample of each row outwards, where filters look beyond the
    /// picture's edge.
    pub fn replicate_edges(&mut self) {
        for plane in self.layout.planes().iter().filter(|p| p.upsampling.filters_columns()) {
            for row in 1..=plane.band_rows() {
                if plane.block_columns.start == 0 {
                    let first = plane.at(row, 0);
                    self.samples[first - 1] = self.samples[first];
                }
                if plane.columns.end == plane.width {
                    let last = plane.at(row, plane.width - 1);
                    self.samples[last + 1] = self.samples[last];
                }
            }
        }
    }

    /// Row `row` of a plane, clamped to the picture, as place of column `column` in the band.
    fn row_at(&self, plane: &Plane, row: usize, column: usize) -> usize {
        let row = row.min(plane.height - 1);
        plane.at(row + 1 - self.row * plane.band_rows(), column)
    }

    /// Writes the full-size row `y` of a plane to `out`, from the first needed sample on.
    fn upsample<K: Kernels>(&self, kernels: K, plane: &Plane, y: usize, out: &mut [u8]) {
        let row = y / plane.v_ratio;
        let (start, count) = (plane.columns.start, plane.columns.len());
        let samples = |row: usize, before: usize, behind: usize| {
            let at = self.row_at(plane, row, start);
            &self.samples[at - before..at + count + behind]
        };
        let out = &mut out[..count * plane.h_ratio];
        let neighbour = if y.is_multiple_of(2) { row.saturating_sub(1) } else { row + 1 };
        match plane.upsampling {
            Upsampling::H2V1 => kernels.h2v1(samples(row, 1, 1), out),
            Upsampling::H2V2 => kernels.h2v2(samples(row, 1, 1), samples(neighbour, 1, 1), out),
            Upsampling::H1V2 => {
                let bias = 1 + (y % 2) as u8;
                kernels.h1v2(samples(row, 0, 0), samples(neighbour, 0, 0), bias, out);
            }
            Upsampling::None | Upsampling::Replicate => {
                for (out, &sample) in out.chunks_exact_mut(plane.h_ratio).zip(samples(row, 0, 0)) {
                    out.fill(sample);
                }
            }
        }
    }

    /// Writes the picture's rows `rows`, columns `columns`, to `out`.
    pub fn emit<K: Kernels>(
        &self,
        kernels: K,
        rows: Range<usize>,
        columns: Range<usize>,
        rgb: bool,
        scratch: &mut [Vec<u8>; 3],
        out: &mut [u8],
    ) {
        for (y, out) in rows.zip(out.chunks_exact_mut(3 * columns.len())) {
            for (plane, scratch) in self.layout.planes().iter().zip(scratch.iter_mut()) {
                if plane.upsampling != Upsampling::None {
                    self.upsample(kernels, plane, y, scratch);
                }
            }
            let full = |n: usize| {
                let plane = &self.layout.planes[n];
                let (samples, at) = if plane.upsampling == Upsampling::None {
                    (&*self.samples, self.row_at(plane, y, columns.start))
                } else {
                    (&*scratch[n], columns.start - plane.columns.start * plane.h_ratio)
                };
                &samples[at..at + columns.len()]
            };
            if self.layout.count == 1 {
                kernels.interleave([full(0); 3], out);
            } else if rgb {
                kernels.interleave([full(0), full(1), full(2)], out);
            } else {
                kernels.ycc_to_rgb([full(0), full(1), full(2)], out);
            }
        }
    }
}
