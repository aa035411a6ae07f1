//! From rows of samples to the pixels of a region.
//!
//! An image is made one row of MCUs at a time. A *band* is the buffer of samples of that row, and
//! holds no more columns than the region needs. Filters across rows look one sample row beyond the
//! band: above it at a row that was kept, below it at samples that do not exist yet, so that the
//! last pixel rows of a band wait for the next one.

pub(crate) mod band;
pub(crate) mod layout;
mod scale;

pub use scale::Scale;

use crate::Rect;
use crate::error::{Result, limit};
use crate::kernels::Kernels;
use crate::markers::frame::Header;
use band::Band;
use layout::Layout;

/// Something that makes samples, one row of MCUs after the other.
pub(crate) trait SampleSource {
    /// Makes those samples of a row of MCUs that the layout needs, and reads whatever lies in
    /// front.
    fn decode_row(&mut self, row: usize) -> Result<()>;

    /// Returns the band that the samples were written to.
    fn band(&mut self) -> &mut [u8];
}

/// Turns bands of samples into the pixels of a region.
pub(crate) struct RegionWriter<'a> {
    pub layout: &'a Layout,
    /// Whether three components hold RGB rather than YCbCr.
    pub rgb: bool,
    /// One row of upsampled samples for each component.
    pub lines: &'a mut [Vec<u8>; 3],
    /// Rows of interleaved RGB.
    pub out: &'a mut [u8],
}

impl RegionWriter<'_> {
    /// Decodes the rows of MCUs from `first` to the end of the region, and writes its pixels.
    pub(crate) fn write<K: Kernels>(
        &mut self,
        kernels: K,
        source: &mut impl SampleSource,
        first: usize,
    ) -> Result<()> {
        let layout = self.layout;
        let row_bytes = 3 * layout.pixel_columns.len();
        let (top, bottom) = (layout.pixel_rows.start, layout.pixel_rows.end);
        let mut next = top;
        for row in first..layout.mcu_rows.end {
            let needed = row >= layout.mcu_rows.start;
            if needed && row > layout.mcu_rows.start {
                Band {
                    layout,
                    row: row - 1,
                    samples: source.band(),
                }
                .keep_last_rows();
            }
            source.decode_row(row)?;
            if !needed {
                continue;
            }
            let mut band = Band {
                layout,
                row,
                samples: source.band(),
            };
            band.replicate_edges();
            let last = row + 1 == layout.mcu_rows.end;
            let complete = (row + 1) * layout.mcu_height - layout.lag;
            let end = if last {
                bottom
            } else {
                complete.clamp(next, bottom)
            };
            let out = &mut self.out[row_bytes * (next - top)..];
            band.write_pixels(kernels, next..end, self.rgb, self.lines, out);
            next = end;
        }
        Ok(())
    }
}

/// Checks that the region lies inside the scaled image and that the buffer has its size.
pub(crate) fn check_region(header: &Header, scale: Scale, region: Rect, len: usize) -> Result<()> {
    let (width, height) = (scale.side(header.width), scale.side(header.height));
    let fits = |start: u32, size: u32, whole: u32| {
        size > 0 && start.checked_add(size).is_some_and(|end| end <= whole)
    };
    if !fits(region.left, region.width, width) || !fits(region.top, region.height, height) {
        return limit(format!(
            "expected a region inside {width}x{height} pixels, found {region:?}"
        ));
    }
    // In 64 bits: 65535 * 65535 * 3 does not fit a 32-bit `usize`.
    let expected = u64::from(region.width) * u64::from(region.height) * 3;
    if len as u64 != expected {
        return limit(format!(
            "expected a buffer of {expected} bytes, found {len}"
        ));
    }
    Ok(())
}
