//! Which blocks a region needs, and where their samples are kept.

use std::ops::Range;

use super::error::{Result, unsupported};
use super::markers::Preamble;
use super::{Rect, Scale};

/// Room beside each row of samples for the replicated edge sample, and for alignment.
const PAD: usize = 16;

/// How a plane is brought to full size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Upsampling {
    #[default]
    None,
    /// Triangle filter across columns.
    H2V1,
    /// Triangle filter across rows.
    H1V2,
    /// Triangle filter across both.
    H2V2,
    /// Each sample repeated.
    Replicate,
}

impl Upsampling {
    /// libjpeg's choice: plain repetition for very narrow planes, for ratios other than 2, and where every block becomes
    /// one pixel.
    fn choose(h_ratio: usize, v_ratio: usize, width: usize, scale: Scale) -> Self {
        let fancy = scale != Scale::Eighth;
        match (h_ratio, v_ratio) {
            (1, 1) => Upsampling::None,
            (2, 1) if fancy && width > 2 => Upsampling::H2V1,
            (1, 2) if fancy => Upsampling::H1V2,
            (2, 2) if fancy && width > 2 => Upsampling::H2V2,
            _ => Upsampling::Replicate,
        }
    }

    pub fn filters_columns(self) -> bool {
        matches!(self, Upsampling::H2V1 | Upsampling::H2V2)
    }

    pub fn filters_rows(self) -> bool {
        matches!(self, Upsampling::H1V2 | Upsampling::H2V2)
    }
}

/// One component: its geometry and the part of it that the region needs.
#[derive(Clone, Default)]
pub(super) struct Plane {
    /// Samples of a block across and down: 8, or fewer in a scaled picture.
    pub size: usize,
    /// Blocks per MCU.
    pub h: usize,
    pub v: usize,
    /// Pixels per sample.
    pub h_ratio: usize,
    pub v_ratio: usize,
    pub upsampling: Upsampling,
    /// Samples that belong to the picture.
    pub width: usize,
    pub height: usize,
    /// Blocks that are reconstructed.
    pub block_columns: Range<usize>,
    pub block_rows: Range<usize>,
    /// Samples, upsampled ones included, from which the region's rows are cut.
    pub columns: Range<usize>,
    /// Place of the band's row 0 in the band buffer, and the distance of rows.
    base: usize,
    pub stride: usize,
}

impl Plane {
    /// Place of a sample in the band buffer. Row 0 is the last row of the previous band. One column
    /// to either side of the reconstructed ones may be asked for.
    pub fn at(&self, band_row: usize, column: usize) -> usize {
        self.base + band_row * self.stride + PAD + column - self.size * self.block_columns.start
    }

    /// Sample rows per band.
    pub fn band_rows(&self) -> usize {
        self.size * self.v
    }
}

/// The plan for one region of one picture.
pub(super) struct Layout {
    pub planes: [Plane; 3],
    pub count: usize,
    /// MCUs per row.
    pub mcus: usize,
    /// Rows of MCUs.
    pub rows: usize,
    /// MCU rows that contain needed blocks, and MCUs of a row that do.
    pub mcu_rows: Range<usize>,
    pub mcu_columns: Range<usize>,
    /// Pixels of the whole picture, before scaling, per MCU across.
    pub mcu_width: usize,
    /// Pixel rows per MCU row.
    pub mcu_height: usize,
    /// Rows at the end of a band that wait for the next band, their filter's context.
    pub lag: usize,
    /// Bytes of the band buffer.
    pub band_len: usize,
    /// Bytes of one upsampled row.
    pub row_len: usize,
}

/// Samples needed for the pixels `pixels` along one direction.
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

impl Layout {
    pub fn new(preamble: &Preamble, region: Rect, scale: Scale) -> Result<Layout> {
        let width = preamble.header.width as usize;
        let height = preamble.header.height as usize;
        let count = usize::from(preamble.header.components);
        let components = &preamble.components[..count];
        // A single component is not interleaved: its MCU is one block, whatever its factors.
        let factors = |n: usize| if count == 1 { (1, 1) } else { (components[n].h, components[n].v) };
        let h_max = (0..count).map(|n| factors(n).0).max().unwrap_or(1);
        let v_max = (0..count).map(|n| factors(n).1).max().unwrap_or(1);
        let least = scale.block();
        let left = region.left as usize;
        let top = region.top as usize;
        let pixels = left..left + region.width as usize;
        let lines = top..top + region.height as usize;

        let mut layout = Layout {
            planes: Default::default(),
            count,
            mcus: width.div_ceil(8 * h_max),
            rows: height.div_ceil(8 * v_max),
            mcu_rows: 0..0,
            mcu_columns: 0..0,
            mcu_width: 8 * h_max,
            mcu_height: least * v_max,
            lag: 0,
            band_len: 0,
            row_len: pixels.len() + 8,
        };
        let (mut first_row, mut first_column) = (usize::MAX, usize::MAX);
        for (n, plane) in layout.planes[..count].iter_mut().enumerate() {
            let (h, v) = factors(n);
            if h_max % h != 0 || v_max % v != 0 {
                let message = format!("sampling {h}x{v} beside {h_max}x{v_max}, not a whole ratio");
                return unsupported(preamble.scan_start, message);
            }
            // libjpeg's way: subsampled planes are shrunk less, where that saves upsampling.
            let mut size = least;
            while size < 8
                && (h_max * least).is_multiple_of(2 * h * size)
                && (v_max * least).is_multiple_of(2 * v * size)
            {
                size *= 2;
            }
            let (h_ratio, v_ratio) = (h_max * least / (h * size), v_max * least / (v * size));
            let width = (width * h * size).div_ceil(8 * h_max);
            let height = (height * v * size).div_ceil(8 * v_max);
            let upsampling = Upsampling::choose(h_ratio, v_ratio, width, scale);
            let columns = needed(&pixels, h_ratio, upsampling.filters_columns(), width);
            let rows = needed(&lines, v_ratio, upsampling.filters_rows(), height);
            let block_columns = columns.start / size..(columns.end - 1) / size + 1;
            let block_rows = rows.start / size..(rows.end - 1) / size + 1;
            first_row = first_row.min(block_rows.start / v);
            layout.mcu_rows.end = layout.mcu_rows.end.max((block_rows.end - 1) / v + 1);
            first_column = first_column.min(block_columns.start / h);
            layout.mcu_columns.end = layout.mcu_columns.end.max((block_columns.end - 1) / h + 1);
            layout.lag |= usize::from(upsampling.filters_rows());
            let stride = size * block_columns.len() + 2 * PAD;
            *plane = Plane {
                size,
                h,
                v,
                h_ratio,
                v_ratio,
                upsampling,
                width,
                height,
                block_columns,
                block_rows,
                columns: pixels.start / h_ratio..(pixels.end - 1) / h_ratio + 1,
                base: layout.band_len,
                stride,
            };
            layout.band_len += stride * (plane.band_rows() + 1);
        }
        (layout.mcu_rows.start, layout.mcu_columns.start) = (first_row, first_column);
        Ok(layout)
    }

    pub fn planes(&self) -> &[Plane] {
        &self.planes[..self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn filters_need_one_neighbour() {
        assert_eq!(needed(&(16..32), 2, true, 100), 7..17);
        assert_eq!(needed(&(17..31), 2, true, 100), 8..16);
        assert_eq!(needed(&(0..200), 2, true, 100), 0..100);
        assert_eq!(needed(&(16..32), 2, false, 100), 8..16);
        assert_eq!(needed(&(5..6), 4, false, 100), 1..2);
    }
}
