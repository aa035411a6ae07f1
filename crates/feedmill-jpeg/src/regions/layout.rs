//! The plan for one region: which blocks it needs, and where their samples are kept.
//!
//! Planning goes backwards, from pixels to bits. The pixels of the region need samples of each
//! plane, one more on each side where a filter looks there; the samples need blocks of 8 x 8; the
//! blocks lie in MCUs; and the rows of MCUs from the first to the last of those are what is decoded
//! at all. The choices of filter and of scaled block sizes follow libjpeg-turbo (`jdmaster.c`,
//! `jdsample.c`), on which the equality of pixels depends.

use std::ops::Range;

use super::Scale;
use crate::Rect;
use crate::error::{Result, unsupported};
use crate::markers::FileHeader;
use crate::markers::frame::Component;

/// Bytes beside each row of samples: room for the replicated edge sample, and alignment.
const PAD: usize = 16;

/// How a plane is brought to the size of the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Upsampling {
    /// The plane has the size of the image.
    #[default]
    None,
    /// Triangle filter across columns.
    H2V1,
    /// Triangle filter across rows.
    H1V2,
    /// Triangle filter across both.
    H2V2,
    /// Each sample is repeated.
    Replicate,
}

impl Upsampling {
    /// Makes libjpeg's choice: samples are repeated in very narrow planes, for ratios other than 2,
    /// and where every block becomes one pixel.
    fn choose([h_ratio, v_ratio]: [usize; 2], width: usize, scale: Scale) -> Self {
        let fancy = scale != Scale::Eighth;
        match (h_ratio, v_ratio) {
            (1, 1) => Upsampling::None,
            (2, 1) if fancy && width > 2 => Upsampling::H2V1,
            (1, 2) if fancy => Upsampling::H1V2,
            (2, 2) if fancy && width > 2 => Upsampling::H2V2,
            _ => Upsampling::Replicate,
        }
    }

    pub(crate) fn filters_columns(self) -> bool {
        matches!(self, Upsampling::H2V1 | Upsampling::H2V2)
    }

    pub(crate) fn filters_rows(self) -> bool {
        matches!(self, Upsampling::H1V2 | Upsampling::H2V2)
    }
}

/// The geometry of one component, and the part of it that the region needs.
#[derive(Clone, Default)]
pub(crate) struct PlaneLayout {
    /// Samples of a block across and down: 8, or fewer in a scaled image.
    pub block_size: usize,
    /// Blocks per MCU, across and down.
    pub h: usize,
    pub v: usize,
    /// Pixels per sample, across and down.
    pub h_ratio: usize,
    pub v_ratio: usize,
    pub upsampling: Upsampling,
    /// Size of the plane in samples, without the padding of its last blocks.
    pub width: usize,
    pub height: usize,
    /// Blocks that are reconstructed.
    pub block_columns: Range<usize>,
    pub block_rows: Range<usize>,
    /// Columns of samples that cover the region, without what filters need beyond them.
    pub columns: Range<usize>,
    /// Offset of the plane's row 0 in the band, and the distance of rows.
    base: usize,
    pub stride: usize,
}

impl PlaneLayout {
    /// Returns the offset of a sample in the band. Row 0 is the last row of the previous band, so
    /// the rows of this one count from 1. One column to either side of the reconstructed ones may
    /// be asked for.
    pub(crate) fn offset(&self, band_row: usize, column: usize) -> usize {
        let first = self.block_size * self.block_columns.start;
        self.base + band_row * self.stride + PAD + column - first
    }

    /// Returns the rows of samples in a band.
    pub(crate) fn band_rows(&self) -> usize {
        self.block_size * self.v
    }

    /// Returns the rows of MCUs that hold the needed blocks.
    fn mcu_rows(&self) -> Range<usize> {
        self.block_rows.start / self.v..(self.block_rows.end - 1) / self.v + 1
    }

    /// Returns the columns of MCUs that hold the needed blocks.
    fn mcu_columns(&self) -> Range<usize> {
        self.block_columns.start / self.h..(self.block_columns.end - 1) / self.h + 1
    }
}

/// What all planes of an image have in common.
struct Frame {
    /// Size of the stored image in pixels.
    size: [usize; 2],
    /// The largest sampling factors, across and down.
    max_factors: [usize; 2],
    scale: Scale,
    /// Pixels of the region.
    pixel_columns: Range<usize>,
    pixel_rows: Range<usize>,
}

impl Frame {
    /// Plans one plane with the given sampling factors, except for its place in the band. `None` if
    /// pixels per sample are not a whole number.
    fn plane(&self, factors: [usize; 2]) -> Option<PlaneLayout> {
        let ([h, v], [h_max, v_max]) = (factors, self.max_factors);
        if h_max % h != 0 || v_max % v != 0 {
            return None;
        }
        let least = self.scale.block_size();
        // libjpeg scales subsampled planes down less, where that saves upsampling.
        let mut size = least;
        while size < 8
            && (h_max * least).is_multiple_of(2 * h * size)
            && (v_max * least).is_multiple_of(2 * v * size)
        {
            size *= 2;
        }
        let ratios = [h_max * least / (h * size), v_max * least / (v * size)];
        let width = (self.size[0] * h * size).div_ceil(8 * h_max);
        let height = (self.size[1] * v * size).div_ceil(8 * v_max);
        let upsampling = Upsampling::choose(ratios, width, self.scale);
        let columns = needed(
            &self.pixel_columns,
            ratios[0],
            upsampling.filters_columns(),
            width,
        );
        let rows = needed(
            &self.pixel_rows,
            ratios[1],
            upsampling.filters_rows(),
            height,
        );
        let block_columns = columns.start / size..(columns.end - 1) / size + 1;
        Some(PlaneLayout {
            block_size: size,
            h,
            v,
            h_ratio: ratios[0],
            v_ratio: ratios[1],
            upsampling,
            width,
            height,
            block_rows: rows.start / size..(rows.end - 1) / size + 1,
            columns: needed(&self.pixel_columns, ratios[0], false, width),
            base: 0,
            stride: size * block_columns.len() + 2 * PAD,
            block_columns,
        })
    }
}

/// Returns the samples of a plane that pixels need, along one direction.
fn needed(pixels: &Range<usize>, ratio: usize, filtered: bool, size: usize) -> Range<usize> {
    let (first, last) = (pixels.start, pixels.end - 1);
    if !filtered {
        return first / ratio..last / ratio + 1;
    }
    // An even pixel looks at the sample before its own, an odd one at the sample behind it.
    let start = (first / 2).saturating_sub(1 - first % 2);
    let end = (last / 2 + last % 2).min(size - 1) + 1;
    start..end
}

/// The plan for one region of one image.
pub(crate) struct Layout {
    planes: [PlaneLayout; 3],
    count: usize,
    /// Pixels of the region, in the scaled image.
    pub pixel_columns: Range<usize>,
    pub pixel_rows: Range<usize>,
    /// Size of the whole image in MCUs, across and down.
    pub mcus: [usize; 2],
    /// Rows of MCUs that hold needed blocks, and the MCUs of a row that do.
    pub mcu_rows: Range<usize>,
    pub mcu_columns: Range<usize>,
    /// Pixels of an MCU across, before scaling.
    pub mcu_width: usize,
    /// Pixels of an MCU down, after scaling.
    pub mcu_height: usize,
    /// Pixel rows at the end of a band that wait for the next band, since their filter looks
    /// there.
    pub lag: usize,
    /// Bytes of the band.
    pub band_len: usize,
    /// Bytes of one upsampled row.
    pub line_len: usize,
}

impl Layout {
    /// Plans a region, which must lie inside the scaled image.
    pub(crate) fn new(file: &FileHeader, region: Rect, scale: Scale) -> Result<Layout> {
        let size = [file.header.width as usize, file.header.height as usize];
        let components = &file.components[..usize::from(file.header.components)];
        let max_factors = max_factors(components);
        let (left, top) = (region.left as usize, region.top as usize);
        let frame = Frame {
            size,
            max_factors,
            scale,
            pixel_columns: left..left + region.width as usize,
            pixel_rows: top..top + region.height as usize,
        };
        let mut planes: [PlaneLayout; 3] = Default::default();
        let (mut band_len, mut lag) = (0, 0);
        for (plane, component) in planes.iter_mut().zip(components) {
            let factors = factors(components, component);
            *plane = match frame.plane(factors) {
                Some(plane) => PlaneLayout {
                    base: band_len,
                    ..plane
                },
                None => {
                    let ([h, v], [h_max, v_max]) = (factors, max_factors);
                    let message =
                        format!("sampling {h}x{v} beside {h_max}x{v_max}, not a whole ratio");
                    return unsupported(file.scan_start, message);
                }
            };
            // One more row, for the last row of the previous band.
            band_len += plane.stride * (plane.band_rows() + 1);
            lag |= usize::from(plane.upsampling.filters_rows());
        }
        let used = &planes[..components.len()];
        Ok(Layout {
            mcu_rows: hull(used.iter().map(PlaneLayout::mcu_rows)),
            mcu_columns: hull(used.iter().map(PlaneLayout::mcu_columns)),
            planes,
            count: components.len(),
            line_len: frame.pixel_columns.len() + 8,
            pixel_columns: frame.pixel_columns,
            pixel_rows: frame.pixel_rows,
            mcus: mcus(size, max_factors),
            mcu_width: 8 * max_factors[0],
            mcu_height: scale.block_size() * max_factors[1],
            lag,
            band_len,
        })
    }

    pub(crate) fn planes(&self) -> &[PlaneLayout] {
        &self.planes[..self.count]
    }
}

/// Returns the smallest range around all of `ranges`.
fn hull(ranges: impl Iterator<Item = Range<usize>> + Clone) -> Range<usize> {
    let start = ranges.clone().map(|range| range.start).min().unwrap_or(0);
    start..ranges.map(|range| range.end).max().unwrap_or(0)
}

/// Returns the blocks of a component per MCU, across and down.
///
/// A component that is alone in its frame is not interleaved: its MCU is one block, whatever its
/// sampling factors (T.81 A.2.2).
pub(crate) fn factors(components: &[Component], component: &Component) -> [usize; 2] {
    if components.len() == 1 {
        [1, 1]
    } else {
        [component.h, component.v]
    }
}

/// Returns the largest sampling factors of a frame, across and down.
pub(crate) fn max_factors(components: &[Component]) -> [usize; 2] {
    [0, 1].map(|side| {
        let factors = components
            .iter()
            .map(|component| factors(components, component)[side]);
        factors.max().unwrap_or(1)
    })
}

/// Returns the size of an image in MCUs, across and down.
pub(crate) fn mcus(size: [usize; 2], max_factors: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|side| size[side].div_ceil(8 * max_factors[side]))
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn filters_need_one_neighbor() {
        assert_eq!(needed(&(16..32), 2, true, 100), 7..17);
        assert_eq!(needed(&(17..31), 2, true, 100), 8..16);
        assert_eq!(needed(&(0..200), 2, true, 100), 0..100);
        assert_eq!(needed(&(16..32), 2, false, 100), 8..16);
        assert_eq!(needed(&(5..6), 4, false, 100), 1..2);
    }
}
