//! Regions of files with several scans: all coefficients are read first, then the region is made.
//!
//! Everything behind the coefficients is shared with sequential files, so an image has the same
//! pixels before and after [`Decoder::to_baseline`]. A crop saves the reconstruction of the other
//! pixels, but no reading.

use crate::coefficient_plane::CoefficientPlane;
use crate::coefficients::{Coefficients, Limits};
use crate::decoder::Decoder;
use crate::entropy::block::{PaddedBlock, coefficients};
use crate::error::{Result, unsupported};
use crate::kernels::entropy::EntropyKernels;
use crate::kernels::idct::idct_dc_only;
use crate::kernels::{BlockTarget, Kernels, dispatch};
use crate::markers::FileHeader;
use crate::markers::tables::ZIGZAG;
use crate::regions::layout::{Layout, PlaneLayout};
use crate::regions::{RegionWriter, SampleSource, check_region};
use crate::{Rect, Scale};

impl Decoder {
    /// Decodes a region of a progressive file, or of a sequential one whose components come in
    /// several scans.
    ///
    /// The whole file is read, and all of its coefficients are kept in memory meanwhile. `region`
    /// is in pixels of the scaled image, and the length of `out` must be `3 * region.width *
    /// region.height`.
    ///
    /// # Example: any file that this crate reads
    ///
    /// ```
    /// use feedmill_jpeg::{Decoder, Limits, Rect, Scale, can_decode};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/odd/progressive_420.jpg");
    /// let bytes = std::fs::read(path)?;
    /// let mut decoder = Decoder::new();
    /// let (corner, mut rgb) = (Rect::whole(8, 8), vec![0; 8 * 8 * 3]);
    /// if can_decode(&bytes) {
    ///     decoder.decode(&bytes, corner, &mut rgb)?;
    /// } else {
    ///     let limits = Limits::new(1 << 26, 100);
    ///     decoder.decode_multi_scan(&bytes, &limits, corner, Scale::Full, &mut rgb)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Decoder::decode_with`]. Also
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a sequential file of one scan
    /// and for files that lack scans, and [`ErrorKind::Limit`](crate::ErrorKind::Limit) for a file
    /// beyond `limits`.
    pub fn decode_multi_scan(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        region: Rect,
        scale: Scale,
        out: &mut [u8],
    ) -> Result<()> {
        let Some(image) = dispatch!(self.simd(), kernels => {
            Coefficients::read(kernels, bytes, limits)
        })?
        else {
            return unsupported(0, "one sequential scan, where several were expected");
        };
        let file = image.file_header()?;
        check_region(&file.header, scale, region, out.len())?;
        let layout = Layout::new(&file, region, scale)?;
        dispatch!(self.simd(), kernels => {
            reconstruct(kernels, self, &image, &file, &layout, out)
        })
    }
}

/// Makes the pixels of a region from the coefficients.
fn reconstruct<K: EntropyKernels>(
    kernels: K,
    decoder: &mut Decoder,
    image: &Coefficients<'_>,
    file: &FileHeader,
    layout: &Layout,
    out: &mut [u8],
) -> Result<()> {
    let scratch = decoder.scratch(layout);
    let mut transform = Transform {
        kernels,
        image,
        file,
        layout,
        queue: IdctQueue {
            blocks: scratch.blocks,
            samples: scratch.band,
        },
    };
    let mut writer = RegionWriter {
        layout,
        rgb: file.rgb,
        lines: scratch.lines,
        out,
    };
    writer.write(kernels, &mut transform, layout.mcu_rows.start)
}

/// Makes samples from coefficients.
struct Transform<'a, K> {
    kernels: K,
    image: &'a Coefficients<'a>,
    file: &'a FileHeader,
    layout: &'a Layout,
    queue: IdctQueue<'a>,
}

impl<K: Kernels> SampleSource for Transform<'_, K> {
    fn decode_row(&mut self, row: usize) -> Result<()> {
        let layout = self.layout;
        for (n, plane) in layout.planes().iter().enumerate() {
            let quant = &self.file.quant[self.file.components[n].quant];
            for y in (0..plane.v).filter(|y| plane.block_rows.contains(&(row * plane.v + y))) {
                let blocks = BlockRow {
                    plane,
                    quant,
                    coefficients: &self.image.planes[n],
                    row: row * plane.v + y,
                    band_row: 1 + plane.block_size * y,
                };
                self.queue.transform(self.kernels, &blocks);
            }
        }
        Ok(())
    }

    fn band(&mut self) -> &mut [u8] {
        self.queue.samples
    }
}

/// The needed blocks of one row of blocks.
struct BlockRow<'a> {
    plane: &'a PlaneLayout,
    quant: &'a [i16; 64],
    coefficients: &'a CoefficientPlane,
    /// Index of the row in the image.
    row: usize,
    /// The first row of samples in the band.
    band_row: usize,
}

/// Two blocks that wait for their transform, and the band that it writes to.
struct IdctQueue<'a> {
    blocks: &'a mut [PaddedBlock; 2],
    samples: &'a mut [u8],
}

impl IdctQueue<'_> {
    /// Makes the samples of a row of blocks, two blocks at a time.
    fn transform<K: Kernels>(&mut self, kernels: K, row: &BlockRow<'_>) {
        let BlockRow { plane, quant, .. } = *row;
        let target = |column: usize| BlockTarget {
            quant,
            at: plane.offset(row.band_row, plane.block_size * column),
            stride: plane.stride,
        };
        let start = row.row * row.coefficients.stride;
        let mut targets = [target(plane.block_columns.start); 2];
        let (mut waiting, mut nonzero_of_both) = (0, 0);
        for column in plane.block_columns.clone() {
            let values = &row.coefficients.blocks[start + column];
            let nonzero = row.coefficients.nonzero[start + column];
            let target = target(column);
            if plane.block_size == 8 && nonzero & !1 == 0 {
                idct_dc_only(values[0], target, self.samples);
                continue;
            }
            let block = &mut self.blocks[waiting];
            to_natural_order(values, nonzero, block);
            if plane.block_size < 8 {
                let block = block.first_chunk().expect("64 of 256");
                kernels.idct_reduced(block, target, plane.block_size, self.samples);
                continue;
            }
            targets[waiting] = target;
            nonzero_of_both |= nonzero;
            waiting += 1;
            if waiting == 2 {
                self.flush(kernels, targets, nonzero_of_both);
                (waiting, nonzero_of_both) = (0, 0);
            }
        }
        if waiting == 1 {
            // The transform takes two: the block twice, to the same place.
            (self.blocks[1], targets[1]) = (self.blocks[0], targets[0]);
            self.flush(kernels, targets, nonzero_of_both);
        }
    }

    /// Transforms both blocks.
    fn flush<K: Kernels>(&mut self, kernels: K, targets: [BlockTarget<'_>; 2], nonzero: u64) {
        // The first ten coefficients in zigzag order lie in the top left 4 x 4.
        let sparse = nonzero < 1 << 10;
        kernels.idct_pair(coefficients(self.blocks), targets, sparse, self.samples);
    }
}

/// Writes a block from zigzag to natural order.
#[inline(always)]
fn to_natural_order(values: &[i16; 64], nonzero: u64, block: &mut PaddedBlock) {
    block[..64].fill(0);
    let mut left = nonzero | 1;
    while left != 0 {
        let k = left.trailing_zeros() as usize & 63;
        block[usize::from(ZIGZAG[k])] = values[k];
        left &= left - 1;
    }
}
