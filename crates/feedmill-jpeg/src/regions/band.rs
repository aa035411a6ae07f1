//! The samples of one row of MCUs, and the rows of pixels that are made from them.

use std::ops::Range;

use super::layout::{Layout, PlaneLayout, Upsampling};
use crate::kernels::Kernels;

/// A band of samples, with the row above it.
pub(crate) struct Band<'a> {
    pub layout: &'a Layout,
    /// Index of the row of MCUs that the band holds.
    pub row: usize,
    pub samples: &'a mut [u8],
}

impl Band<'_> {
    /// Copies the last row of each plane to where the next band looks for the row above it.
    pub(crate) fn keep_last_rows(&mut self) {
        for plane in self.layout.planes() {
            let first = plane.block_size * plane.block_columns.start;
            let (from, to) = (
                plane.offset(plane.band_rows(), first),
                plane.offset(0, first),
            );
            let length = plane.block_size * plane.block_columns.len();
            // With the replicated samples on either side.
            self.samples
                .copy_within(from - 1..from + length + 1, to - 1);
        }
    }

    /// Repeats the first and last sample of each row outwards, where filters look beyond the edge
    /// of the image.
    pub(crate) fn replicate_edges(&mut self) {
        for plane in self
            .layout
            .planes()
            .iter()
            .filter(|p| p.upsampling.filters_columns())
        {
            for row in 1..=plane.band_rows() {
                if plane.block_columns.start == 0 {
                    let first = plane.offset(row, 0);
                    self.samples[first - 1] = self.samples[first];
                }
                if plane.columns.end == plane.width {
                    let last = plane.offset(row, plane.width - 1);
                    self.samples[last + 1] = self.samples[last];
                }
            }
        }
    }

    /// Returns the offset in the band of a sample of the plane. Rows beyond the image are its last.
    fn offset(&self, plane: &PlaneLayout, row: usize, column: usize) -> usize {
        let row = row.min(plane.height - 1);
        plane.offset(row + 1 - self.row * plane.band_rows(), column)
    }

    /// Writes row `y` of a plane at full size, from the first sample that the region needs.
    fn upsample<K: Kernels>(&self, kernels: K, plane: &PlaneLayout, y: usize, out: &mut [u8]) {
        let row = y / plane.v_ratio;
        let (start, count) = (plane.columns.start, plane.columns.len());
        // The needed samples of a row, and `extra` ones on either side.
        let samples = |row: usize, extra: usize| {
            let at = self.offset(plane, row, start);
            &self.samples[at - extra..at + count + extra]
        };
        let out = &mut out[..count * plane.h_ratio];
        let neighbor = if y.is_multiple_of(2) {
            row.saturating_sub(1)
        } else {
            row + 1
        };
        match plane.upsampling {
            Upsampling::H2V1 => kernels.upsample_h2v1(samples(row, 1), out),
            Upsampling::H2V2 => kernels.upsample_h2v2(samples(row, 1), samples(neighbor, 1), out),
            Upsampling::H1V2 => {
                let bias = 1 + (y % 2) as u8;
                kernels.upsample_h1v2(samples(row, 0), samples(neighbor, 0), bias, out);
            }
            Upsampling::None | Upsampling::Replicate => {
                for (out, &sample) in out.chunks_exact_mut(plane.h_ratio).zip(samples(row, 0)) {
                    out.fill(sample);
                }
            }
        }
    }

    /// Writes the pixel rows `rows` of the region to `out`, as interleaved RGB.
    pub(crate) fn write_pixels<K: Kernels>(
        &self,
        kernels: K,
        rows: Range<usize>,
        rgb: bool,
        lines: &mut [Vec<u8>; 3],
        out: &mut [u8],
    ) {
        let (planes, columns) = (self.layout.planes(), &self.layout.pixel_columns);
        for (y, out) in rows.zip(out.chunks_exact_mut(3 * columns.len())) {
            for (plane, line) in planes.iter().zip(lines.iter_mut()) {
                if plane.upsampling != Upsampling::None {
                    self.upsample(kernels, plane, y, line);
                }
            }
            let full_size = |n: usize| {
                let plane = &planes[n];
                let (samples, at) = if plane.upsampling == Upsampling::None {
                    (&*self.samples, self.offset(plane, y, columns.start))
                } else {
                    (
                        &*lines[n],
                        columns.start - plane.columns.start * plane.h_ratio,
                    )
                };
                &samples[at..at + columns.len()]
            };
            if planes.len() == 1 {
                kernels.interleave([full_size(0); 3], out);
            } else if rgb {
                kernels.interleave([0, 1, 2].map(full_size), out);
            } else {
                kernels.ycc_to_rgb([0, 1, 2].map(full_size), out);
            }
        }
    }
}
