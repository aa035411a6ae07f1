//! The decoder: one sequential scan, by regions.

use std::fmt;

use crate::entropy::block::PaddedBlock;
use crate::entropy::huffman::{AcTable, DcTable};
use crate::entropy::mcu::{EntropyCursor, McuDecoder};
use crate::error::{Result, corrupt, truncated};
use crate::index::cursor::IndexCursor;
use crate::index::{self, Entry, Grid, Index};
use crate::kernels::dispatch;
use crate::kernels::entropy::EntropyKernels;
use crate::markers::{FileHeader, find_eoi};
use crate::regions::layout::Layout;
use crate::regions::{RegionWriter, SampleSource, check_region};
use crate::simd::Avx2;
use crate::{Rect, Scale};

/// The smallest region, for calls that are not about pixels.
const CORNER: Rect = Rect {
    left: 0,
    top: 0,
    width: 1,
    height: 1,
};

/// Decodes regions of JPEG files.
///
/// A decoder keeps its tables and its scratch memory from file to file, so a thread that decodes
/// many files should have one and reuse it. The memory grows to what the widest row of MCUs needed
/// so far, which for a region is not the width of the image but that of the region.
///
/// # Example: a crop
///
/// ```
/// use feedmill_jpeg::{Decoder, Rect};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/jpeg/420_97x70.jpg");
/// let bytes = std::fs::read(path)?;
/// let region = Rect { left: 20, top: 10, width: 32, height: 16 };
/// let mut pixels = vec![0; 32 * 16 * 3];
/// Decoder::new().decode(&bytes, region, &mut pixels)?;
/// # Ok(())
/// # }
/// ```
pub struct Decoder {
    tables: Box<HuffmanTables>,
    blocks: Box<[PaddedBlock; 2]>,
    band: Vec<u8>,
    lines: [Vec<u8>; 3],
    entries: Vec<Entry>,
    simd: Option<Avx2>,
}

struct HuffmanTables {
    dc: [DcTable; 4],
    ac: [AcTable; 4],
}

/// The part of a decoder's memory that samples and pixels are made in.
pub(crate) struct Scratch<'a> {
    /// Two blocks that wait for their transform.
    pub blocks: &'a mut [PaddedBlock; 2],
    pub band: &'a mut [u8],
    pub lines: &'a mut [Vec<u8>; 3],
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("simd", &self.simd)
            .finish_non_exhaustive()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new()
    }
}

impl Decoder {
    /// Creates a decoder that uses the vector instructions of this CPU.
    pub fn new() -> Decoder {
        Decoder::with_simd(Avx2::detect())
    }

    /// Creates a decoder with vector instructions if `simd` proves that the CPU has them, without
    /// them if it is `None`. The pixels are the same.
    pub fn with_simd(simd: Option<Avx2>) -> Decoder {
        Decoder {
            tables: Box::new(HuffmanTables {
                dc: std::array::from_fn(|_| DcTable::new()),
                ac: std::array::from_fn(|_| AcTable::new()),
            }),
            blocks: Box::new([[0; 256]; 2]),
            band: Vec::new(),
            lines: Default::default(),
            entries: Vec::new(),
            simd,
        }
    }

    /// Decodes a region to `out`, as rows of interleaved RGB. Gray becomes three equal channels.
    ///
    /// The length of `out` must be `3 * region.width * region.height`. After an error its content
    /// is unspecified.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) and
    /// [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) for damaged files. What lies behind
    /// the region is not looked at, except that there has to be an EOI marker.
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for files that
    /// [`can_decode`](crate::can_decode) is false for; those of several scans are decoded by
    /// [`Decoder::decode_multi_scan`].
    ///
    /// [`ErrorKind::Limit`](crate::ErrorKind::Limit) if the region is empty or not inside the
    /// image, or if `out` has another length.
    pub fn decode(&mut self, bytes: &[u8], region: Rect, out: &mut [u8]) -> Result<()> {
        self.decode_with(bytes, region, Scale::Full, Index::None, out)
    }

    /// Decodes a region of the image at a scale, with the help of an entropy index or making one.
    ///
    /// `region` is in pixels of the scaled image.
    ///
    /// # Errors
    ///
    /// As for [`Decoder::decode`], and [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for an
    /// index that is damaged, of other bytes, or wrong in the part that was read.
    pub fn decode_with(
        &mut self,
        bytes: &[u8],
        region: Rect,
        scale: Scale,
        index: Index<'_>,
        out: &mut [u8],
    ) -> Result<()> {
        // What happens behind the region while an index is recorded is not this call's concern.
        self.decode_and_record(bytes, region, scale, index, out)
            .map(drop)
    }

    /// Makes the entropy index of a file: the same bytes on every machine.
    ///
    /// The index is empty for files of 4 GiB and more.
    ///
    /// # Errors
    ///
    /// As for decoding the whole image with [`Decoder::decode`].
    pub fn index(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut index = Vec::new();
        let record = Index::Record(&mut index);
        self.decode_and_record(bytes, CORNER, Scale::Full, record, &mut [0; 3])??;
        Ok(index)
    }

    /// Decodes a region and then, if asked, records the index of the whole file. The outer result
    /// is that of the region, the inner one that of the recording behind it.
    fn decode_and_record(
        &mut self,
        bytes: &[u8],
        region: Rect,
        scale: Scale,
        mut index: Index<'_>,
        out: &mut [u8],
    ) -> Result<Result<()>> {
        let file = FileHeader::read(bytes)?;
        check_region(&file.header, scale, region, out.len())?;
        if find_eoi(bytes, file.scan_start).is_none() {
            return truncated(
                bytes.len(),
                "expected an EOI marker behind the scan, found none",
            );
        }
        let layout = Layout::new(&file, region, scale)?;
        let sides = [file.header.width, file.header.height].map(|side| scale.side(side));
        let whole = [region.width, region.height] == sides;
        self.prepare_tables(&file, !whole)?;
        let mut entries = std::mem::take(&mut self.entries);
        entries.clear();
        let grid = Grid::new(&layout);
        let cursor = match &mut index {
            Index::None => Ok(IndexCursor::None),
            Index::Record(_) => Ok(IndexCursor::Record(grid, &mut entries)),
            Index::Use(packed, verified) => {
                index::unpack(packed, bytes, &layout, file.scan_start, &mut entries).map(|grid| {
                    IndexCursor::Entries {
                        grid,
                        entries: &entries,
                        verified: verified.rows_mut(),
                    }
                })
            }
        };
        let done = cursor.and_then(|cursor| {
            let job = RegionDecode {
                bytes,
                file: &file,
                layout: &layout,
                cursor,
            };
            dispatch!(self.simd, kernels => job.run(kernels, self, out))
        });
        if let Index::Record(made) = index {
            *made = match done {
                Ok(Ok(())) => index::pack(&entries, grid, bytes).unwrap_or_default(),
                _ => Vec::new(),
            };
        }
        self.entries = entries;
        done
    }

    /// Makes the Huffman tables of a file. `skips` says whether many blocks will be stepped over.
    fn prepare_tables(&mut self, file: &FileHeader, skips: bool) -> Result<()> {
        for component in &file.components[..usize::from(file.header.components)] {
            let missing = |class, slot| {
                corrupt(
                    file.scan_start,
                    format!("{class} Huffman table {slot} is missing"),
                )
            };
            let (dc, ac) = (component.dc, component.ac);
            match &file.dc[dc] {
                Some(spec) => self.tables.dc[dc].set(spec)?,
                None => return missing("DC", dc),
            }
            match &file.ac[ac] {
                Some(spec) => self.tables.ac[ac].set(spec, skips)?,
                None => return missing("AC", ac),
            }
        }
        Ok(())
    }

    pub(crate) fn simd(&self) -> Option<Avx2> {
        self.simd
    }

    /// Returns the scratch memory, with room for a layout.
    pub(crate) fn scratch(&mut self, layout: &Layout) -> Scratch<'_> {
        self.grow(layout);
        Scratch {
            blocks: &mut self.blocks,
            band: &mut self.band[..layout.band_len],
            lines: &mut self.lines,
        }
    }

    fn grow(&mut self, layout: &Layout) {
        if self.band.len() < layout.band_len {
            self.band.resize(layout.band_len, 0);
        }
        for line in &mut self.lines {
            if line.len() < layout.line_len {
                line.resize(layout.line_len, 0);
            }
        }
    }
}

/// Checks that [`Decoder::decode`] reads this file, as far as its markers say.
pub(crate) fn check_decodable(bytes: &[u8]) -> Result<()> {
    Layout::new(&FileHeader::read(bytes)?, CORNER, Scale::Full).map(drop)
}

/// One call of the decoder.
struct RegionDecode<'a, 'i> {
    bytes: &'a [u8],
    file: &'a FileHeader,
    layout: &'a Layout,
    cursor: IndexCursor<'i>,
}

impl RegionDecode<'_, '_> {
    /// Decodes the region, then reads what is behind it if an index is recorded.
    fn run<K: EntropyKernels>(
        self,
        kernels: K,
        decoder: &mut Decoder,
        out: &mut [u8],
    ) -> Result<Result<()>> {
        let RegionDecode {
            bytes,
            file,
            layout,
            cursor,
        } = self;
        decoder.grow(layout);
        let Decoder {
            tables,
            blocks,
            band,
            lines,
            ..
        } = decoder;
        let start = EntropyCursor::new(bytes, file, kernels.find_ff());
        let mut scan = ScanSource {
            kernels,
            mcus: McuDecoder {
                layout,
                file,
                dc: &tables.dc,
                ac: &tables.ac,
                blocks,
                band: &mut band[..layout.band_len],
            },
            entropy: [start; 2],
            index: cursor,
        };
        let first = scan.index.prepare(kernels, &scan.mcus, &mut scan.entropy)?;
        let mut writer = RegionWriter {
            layout,
            rgb: file.rgb,
            lines,
            out,
        };
        writer.write(kernels, &mut scan, first)?;
        Ok(scan.record_rest())
    }
}

/// A sequential scan with its index, as a source of samples.
struct ScanSource<'a, 'i, K> {
    kernels: K,
    mcus: McuDecoder<'a>,
    /// The first is used throughout, the second only while two rows are verified side by side.
    entropy: [EntropyCursor<'a>; 2],
    index: IndexCursor<'i>,
}

impl<K: EntropyKernels> ScanSource<'_, '_, K> {
    /// Reads the rows of MCUs behind the region, if an index is recorded.
    fn record_rest(&mut self) -> Result<()> {
        if let IndexCursor::Record(..) = self.index {
            let layout = self.mcus.layout;
            let [_, rows] = layout.mcus;
            (layout.mcu_rows.end..rows).try_for_each(|row| self.decode_row(row))?;
        }
        Ok(())
    }
}

impl<K: EntropyKernels> SampleSource for ScanSource<'_, '_, K> {
    fn decode_row(&mut self, row: usize) -> Result<()> {
        self.index
            .decode_row(self.kernels, &mut self.mcus, &mut self.entropy[0], row)
    }

    fn band(&mut self) -> &mut [u8] {
        self.mcus.band
    }
}
