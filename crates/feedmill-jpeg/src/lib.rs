//! A fast decoder for Huffman-coded JPEG with 8-bit samples, sequential (baseline and extended) and progressive.
//!
//! The pixels are those of libjpeg-turbo with its default settings, bit for bit: accurate integer
//! inverse DCT, triangle ("fancy") upsampling, fixed-point colour conversion. Any rectangle of a
//! picture can be decoded by itself; blocks it does not need are parsed but not reconstructed, and
//! rows of MCUs below it are not even read. With an entropy [`Index`] nothing in front of it in its rows is read either,
//! but for what lies up to 128 pixels before it.
//!
//! Progressive files, and sequential ones whose components come in several scans, have their coefficients read first and
//! then the region made ([`Decoder::decode_scans`]); [`to_baseline`] rewrites them losslessly.
//!
//! Arithmetic, lossless and hierarchical coding, 12-bit samples and pictures of 2 or 4 components are refused as
//! [`ErrorKind::Unsupported`], for the caller to hand to another decoder.

mod baseline;
mod bits;
mod coefficients;
mod encode;
mod entropy;
mod error;
mod guide;
mod huffman;
mod idct;
mod index;
mod kernels;
mod layout;
pub mod markers;
mod output;
mod parts;
mod progressive;
mod scan;
mod several;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use baseline::to_baseline;
pub use coefficients::Bounds;
pub use error::{Error, ErrorKind, Result};
pub use parts::{Coefficients, Parts};

/// A rectangle of pixels inside an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// The first column.
    pub left: u32,
    /// The first row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    /// The rectangle of a whole image.
    pub fn whole(width: u32, height: u32) -> Rect {
        Rect { left: 0, top: 0, width, height }
    }
}

use entropy::Block;
use error::{corrupt, limit, truncated};
use guide::Guide;
use huffman::{AcTable, DcTable};
use index::{Entry, Grid};
use kernels::{Kernels, OnCpu, on_this_cpu};
use layout::Layout;
use markers::Preamble;
use output::Band;
use scan::{Lane, Scan};

/// How a picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Process {
    /// Sequential Huffman coding, baseline (SOF0).
    Baseline,
    /// Sequential Huffman coding, extended (SOF1).
    Extended,
    /// Progressive Huffman coding (SOF2).
    Progressive,
    /// Lossless Huffman coding (SOF3).
    Lossless,
    /// Sequential arithmetic coding (SOF9).
    ArithmeticSequential,
    /// Progressive arithmetic coding (SOF10).
    ArithmeticProgressive,
    /// Hierarchical or lossless arithmetic coding (all other SOF markers).
    Other,
}

/// What the frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels per row, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// Number of components.
    pub components: u8,
    /// Bits per sample.
    pub precision: u8,
    /// How the picture is coded.
    pub process: Process,
}

impl Header {
    /// Whether the coding is progressive.
    pub fn progressive(&self) -> bool {
        matches!(self.process, Process::Progressive | Process::ArithmeticProgressive)
    }
}

/// Reads the markers up to the frame header, without allocating anything.
pub fn header(bytes: &[u8]) -> Result<Header> {
    markers::header(bytes)
}

/// How much smaller than stored a picture is decoded: sides are divided and rounded up.
///
/// The pixels are those of libjpeg-turbo with the same scale, which transforms each block to fewer samples. They are not
/// those of the whole picture made smaller: another low-pass filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scale {
    /// As stored.
    #[default]
    Full,
    /// A half.
    Half,
    /// A quarter.
    Quarter,
    /// An eighth: one pixel for each block.
    Eighth,
}

impl Scale {
    /// Every scale, from the largest picture to the smallest.
    pub const ALL: [Scale; 4] = [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth];

    /// What sides are divided by: 1, 2, 4 or 8.
    pub fn divisor(self) -> u32 {
        1 << self as u32
    }

    /// The length of a side of `length` pixels.
    pub fn side(self, length: u32) -> u32 {
        length.div_ceil(self.divisor())
    }

    /// Samples of a block across.
    fn block(self) -> usize {
        8 >> self as usize
    }
}

/// How far an entropy index is known to be right: nowhere, by default. For one index and one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Proof {
    /// The first rows of MCUs, of which no picture has as many as this holds.
    pub rows: u16,
}

impl Proof {
    /// Everywhere: for an index that was made by this program from this file, and kept where no other can write.
    pub const WHOLE: Proof = Proof { rows: u16::MAX };
}

/// The part that a picture's entropy index has in decoding it. The pixels are the same with every choice, whoever wrote
/// the index.
///
/// An index is bound to its file by the file's length and CRC-32C and has a checksum of its own, both looked at whenever
/// it is used. Beyond that nothing in it is believed: decoding jumps over a part of the scan only if the same index was
/// seen to be right about it, which is what the [`Proof`] remembers from call to call. A call without one costs what it
/// costs without an index. An index that is damaged, of other bytes, or wrong in what the call proves is
/// [`ErrorKind::Corrupt`].
#[derive(Debug, Default)]
pub enum Index<'a> {
    /// None: everything in front of the region is read.
    #[default]
    None,
    /// One that [`Decoder::index`] or [`Index::Record`] made, and how far it is known to be right; the call extends that
    /// as far as it reads.
    Use(&'a [u8], &'a mut Proof),
    /// Make one while decoding, which reads the scan to its end. The vector is left empty if the scan is damaged behind
    /// the region or too large for an index (4 GiB).
    Record(&'a mut Vec<u8>),
}

/// True if a [`Decoder`] reads this file, as far as the markers up to its scan say: sound files of other kinds go to
/// another decoder.
pub fn reads(bytes: &[u8]) -> bool {
    check(bytes).is_ok()
}

fn check(bytes: &[u8]) -> Result<()> {
    let corner = Rect { left: 0, top: 0, width: 1, height: 1 };
    Layout::new(&markers::preamble(bytes)?, corner, Scale::Full).map(drop)
}

/// A decoder with its tables and scratch memory, to be used for many pictures in turn.
///
/// Memory grows to what the widest band of one row of MCUs needed so far and is then reused.
pub struct Decoder {
    tables: Box<Tables>,
    blocks: Box<[Block; 2]>,
    band: Vec<u8>,
    rows: [Vec<u8>; 3],
    entries: Vec<Entry>,
    simd: bool,
}

struct Tables {
    dc: [DcTable; 4],
    ac: [AcTable; 4],
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoder(simd {})", self.simd)
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new()
    }
}

impl Decoder {
    /// A decoder that uses the vector instructions of this CPU, unless the environment variable
    /// `FEEDMILL_SIMD` is `off`.
    pub fn new() -> Decoder {
        Decoder::with_simd(true)
    }

    /// A decoder with or without vector instructions; the pixels are the same.
    pub fn with_simd(simd: bool) -> Decoder {
        Decoder {
            tables: Box::new(Tables {
                dc: std::array::from_fn(|_| DcTable::new()),
                ac: std::array::from_fn(|_| AcTable::new()),
            }),
            blocks: Box::new([[0; 256]; 2]),
            band: Vec::new(),
            rows: Default::default(),
            entries: Vec::new(),
            simd,
        }
    }

    /// Decodes the rectangle `region` of the picture to `out`, as rows of interleaved RGB.
    ///
    /// The length of `out` must be `region.width * region.height * 3`. On failure its content is
    /// unspecified.
    pub fn decode(&mut self, bytes: &[u8], region: Rect, out: &mut [u8]) -> Result<()> {
        self.decode_with(bytes, region, Scale::Full, Index::None, out)
    }

    /// [`Decoder::decode`] of the picture at a scale, `region` being of the scaled picture, with the help of an entropy
    /// index or making one.
    pub fn decode_with(
        &mut self,
        bytes: &[u8],
        region: Rect,
        scale: Scale,
        index: Index<'_>,
        out: &mut [u8],
    ) -> Result<()> {
        self.start(bytes, region, scale, index, out).map(drop)
    }

    /// The entropy index of a picture: the same bytes whoever makes it. Empty if the file has 4 GiB or more.
    ///
    /// # Errors
    ///
    /// As for decoding the whole picture, except that pixels are not made.
    pub fn index(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let corner = Rect { left: 0, top: 0, width: 1, height: 1 };
        let mut made = Vec::new();
        self.start(bytes, corner, Scale::Full, Index::Record(&mut made), &mut [0; 3])??;
        Ok(made)
    }

    /// Decodes a region and then, if asked, records the index; the inner result is what came of that.
    fn start(
        &mut self,
        bytes: &[u8],
        region: Rect,
        scale: Scale,
        mut index: Index<'_>,
        out: &mut [u8],
    ) -> Result<Result<()>> {
        let preamble = markers::preamble(bytes)?;
        check_region(&preamble.header, scale, region, out.len())?;
        if markers::find_eoi(bytes, preamble.scan_start).is_none() {
            return truncated(bytes.len(), "expected an EOI marker behind the scan, found none");
        }
        let layout = Layout::new(&preamble, region, scale)?;
        let sides = [preamble.header.width, preamble.header.height].map(|side| scale.side(side));
        let whole = [region.width, region.height] == sides;
        self.prepare_tables(&preamble, !whole)?;
        self.make_room(&layout);
        let mut entries = std::mem::take(&mut self.entries);
        entries.clear();
        let grid = Grid::new(&layout);
        let guide =
            match &mut index {
                Index::None => Ok(Guide::None),
                Index::Record(_) => Ok(Guide::Record(grid, &mut entries)),
                Index::Use(packed, proof) => {
                    let (start, rows) = (preamble.scan_start, layout.mcu_rows.end);
                    index::unpack(packed, bytes, &layout, start, rows, &mut entries)
                        .map(|grid| Guide::Entries { grid, entries: &entries, proved: &mut proof.rows })
                }
            };
        let (preamble, layout) = (&preamble, &layout);
        let done = guide.and_then(|guide| {
            on_this_cpu(self.simd, Job { decoder: self, bytes, preamble, layout, region, guide, out })
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

    fn make_room(&mut self, layout: &Layout) {
        if self.band.len() < layout.band_len {
            self.band.resize(layout.band_len, 0);
        }
        for row in &mut self.rows {
            if row.len() < layout.row_len {
                row.resize(layout.row_len, 0);
            }
        }
    }

    fn prepare_tables(&mut self, preamble: &Preamble, skips: bool) -> Result<()> {
        for component in &preamble.components[..usize::from(preamble.header.components)] {
            let missing = |class, slot| {
                let message = format!("{class} Huffman table {slot} is missing");
                corrupt(preamble.scan_start, message)
            };
            let (dc, ac) = (component.dc, component.ac);
            match &preamble.dc[dc] {
                Some(spec) => self.tables.dc[dc].set(spec)?,
                None => return missing("DC", dc),
            }
            match &preamble.ac[ac] {
                Some(spec) => self.tables.ac[ac].set(spec, skips)?,
                None => return missing("AC", ac),
            }
        }
        Ok(())
    }
}

/// What is decoded.
struct Job<'a, 'g> {
    decoder: &'a mut Decoder,
    bytes: &'a [u8],
    preamble: &'a Preamble,
    layout: &'a Layout,
    region: Rect,
    guide: Guide<'g>,
    out: &'a mut [u8],
}

impl OnCpu for Job<'_, '_> {
    type Out = Result<Result<()>>;

    /// Decodes the region, then what is behind it for the sake of a [`Guide::Record`].
    fn run<K: Kernels>(self, kernels: K) -> Result<Result<()>> {
        let Job { decoder, bytes, preamble, layout, region, guide, out } = self;
        let lane = Lane::new(bytes, preamble, kernels.find_ff());
        let Decoder { tables, blocks, band, rows, .. } = decoder;
        let scan = Scan {
            layout,
            preamble,
            dc: &tables.dc,
            ac: &tables.ac,
            blocks,
            band: &mut band[..layout.band_len],
        };
        let mut guided = Guided { kernels, scan, lanes: [lane; 2], guide };
        let first = guided.guide.prepare(kernels, &mut guided.scan, &mut guided.lanes)?;
        emit_rows(kernels, &mut guided, preamble, layout, first, region, rows, out)?;
        let mut rest = || {
            if matches!(guided.guide, Guide::Record(..)) {
                (layout.mcu_rows.end..layout.rows).try_for_each(|row| guided.decode(row))?;
            }
            Ok(())
        };
        Ok(rest())
    }
}

/// Where samples come from, one row of MCUs at a time.
trait Bands {
    /// Makes the samples of a row that are needed, and whatever has to be read to get there.
    fn decode(&mut self, row: usize) -> Result<()>;
    fn samples(&mut self) -> &mut [u8];
}

/// A scan with a guide.
struct Guided<'s, 'g, K> {
    kernels: K,
    scan: Scan<'s>,
    lanes: [Lane<'s>; 2],
    guide: Guide<'g>,
}

impl<K: Kernels> Bands for Guided<'_, '_, K> {
    fn decode(&mut self, row: usize) -> Result<()> {
        self.guide.decode_row(self.kernels, &mut self.scan, &mut self.lanes[0], row)
    }

    fn samples(&mut self) -> &mut [u8] {
        self.scan.band
    }
}

/// Decodes rows of MCUs from `first` on, and writes the pixels of the region.
#[expect(clippy::too_many_arguments, reason = "they have nothing in common but this")]
fn emit_rows<K: Kernels>(
    kernels: K,
    bands: &mut impl Bands,
    preamble: &Preamble,
    layout: &Layout,
    first: usize,
    region: Rect,
    rows: &mut [Vec<u8>; 3],
    out: &mut [u8],
) -> Result<()> {
    let left = region.left as usize;
    let columns = left..left + region.width as usize;
    let top = region.top as usize;
    let bottom = top + region.height as usize;
    let mut next = top;
    for row in first..layout.mcu_rows.end {
        let wanted = row >= layout.mcu_rows.start;
        if wanted && row > layout.mcu_rows.start {
            Band { layout, row: row - 1, samples: bands.samples() }.carry_over();
        }
        bands.decode(row)?;
        if !wanted {
            continue;
        }
        let mut band = Band { layout, row, samples: bands.samples() };
        band.replicate_edges();
        let last = row + 1 == layout.mcu_rows.end;
        let ready = (row + 1) * layout.mcu_height - layout.lag;
        let end = if last { bottom } else { ready.clamp(next, bottom) };
        let out = &mut out[3 * columns.len() * (next - top)..];
        band.emit(kernels, next..end, columns.clone(), preamble.rgb, rows, out);
        next = end;
    }
    Ok(())
}

fn check_region(header: &Header, scale: Scale, region: Rect, len: usize) -> Result<()> {
    let (width, height) = (scale.side(header.width), scale.side(header.height));
    let fits = |start: u32, size: u32, whole: u32| {
        size > 0 && start.checked_add(size).is_some_and(|end| end <= whole)
    };
    if !fits(region.left, region.width, width) || !fits(region.top, region.height, height) {
        return limit(format!("expected a region inside {width}x{height} pixels, found {region:?}"));
    }
    // At most 65535 * 65535 * 3, too much for a 32-bit `usize` only.
    let expected = u64::from(region.width) * u64::from(region.height) * 3;
    if len as u64 != expected {
        return limit(format!("expected a buffer of {expected} bytes, found {len}"));
    }
    Ok(())
}
