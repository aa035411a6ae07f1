//! A fast decoder for sequential (baseline and extended) Huffman-coded JPEG with 8-bit samples.
//!
//! The pixels are those of libjpeg-turbo with its default settings, bit for bit: accurate integer
//! inverse DCT, triangle ("fancy") upsampling, fixed-point colour conversion. Any rectangle of a
//! picture can be decoded by itself; blocks it does not need are parsed but not reconstructed, and
//! rows of MCUs below it are not even read.
//!
//! Progressive, arithmetic, lossless and hierarchical coding, 12-bit samples, pictures of 2 or 4
//! components and scans that do not contain all components are refused as
//! [`ErrorKind::Unsupported`], for the caller to hand to another decoder.

mod bits;
mod entropy;
mod error;
mod huffman;
mod idct;
mod kernels;
mod layout;
mod markers;
mod output;
mod parts;
mod scan;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use error::{Error, ErrorKind, Result};
pub(crate) use parts::{Coefficients, Parts};

use super::Rect;
use bits::Source;
use entropy::Block;
use error::{corrupt, limit, truncated};
use huffman::{AcTable, DcTable};
use kernels::{Kernels, Scalar};
use layout::Layout;
use markers::Preamble;
use output::Band;
use scan::Scan;

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

/// A decoder with its tables and scratch memory, to be used for many pictures in turn.
///
/// Memory grows to what the widest band of one row of MCUs needed so far and is then reused.
pub struct Decoder {
    tables: Box<Tables>,
    blocks: Box<[Block; 2]>,
    band: Vec<u8>,
    rows: [Vec<u8>; 3],
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "no vector kernels here"))]
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
        Decoder::with_simd(super::simd())
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
            simd,
        }
    }

    /// Decodes the rectangle `region` of the picture to `out`, as rows of interleaved RGB.
    ///
    /// The length of `out` must be `region.width * region.height * 3`. On failure its content is
    /// unspecified.
    pub fn decode(&mut self, bytes: &[u8], region: Rect, out: &mut [u8]) -> Result<()> {
        let preamble = markers::preamble(bytes)?;
        check_region(&preamble.header, region, out.len())?;
        if markers::find_eoi(bytes, preamble.scan_start).is_none() {
            return truncated(bytes.len(), "expected an EOI marker behind the scan, found none");
        }
        let layout = Layout::new(&preamble, region)?;
        let whole = (region.width, region.height) == (preamble.header.width, preamble.header.height);
        self.prepare_tables(&preamble, !whole)?;
        if self.band.len() < layout.band_len {
            self.band.resize(layout.band_len, 0);
        }
        for row in &mut self.rows {
            if row.len() < layout.row_len {
                row.resize(layout.row_len, 0);
            }
        }
        #[cfg(target_arch = "x86_64")]
        if self.simd
            && let Some(avx2) = x86::Avx2::detect()
        {
            return self.run(avx2, bytes, &preamble, &layout, region, out);
        }
        self.run(Scalar, bytes, &preamble, &layout, region, out)
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

    fn run<K: Kernels>(
        &mut self,
        kernels: K,
        bytes: &[u8],
        preamble: &Preamble,
        layout: &Layout,
        region: Rect,
        out: &mut [u8],
    ) -> Result<()> {
        let (source, window) = Source::new(bytes, preamble.scan_start, kernels.find_ff());
        let mut scan = Scan {
            layout,
            preamble,
            dc: &self.tables.dc,
            ac: &self.tables.ac,
            source,
            window,
            predictors: [0; 3],
            restart_in: preamble.restart_interval,
            restarts: 0,
            blocks: &mut self.blocks,
            band: &mut self.band[..layout.band_len],
        };
        let left = region.left as usize;
        let columns = left..left + region.width as usize;
        let top = region.top as usize;
        let bottom = top + region.height as usize;
        let mut next = top;
        for row in 0..layout.mcu_rows.end {
            let wanted = row >= layout.mcu_rows.start;
            if wanted && row > layout.mcu_rows.start {
                Band { layout, row: row - 1, samples: scan.band }.carry_over();
            }
            kernels.decode_row(&mut scan, row)?;
            if !wanted {
                continue;
            }
            let mut band = Band { layout, row, samples: scan.band };
            band.replicate_edges();
            let last = row + 1 == layout.mcu_rows.end;
            let ready = (row + 1) * layout.mcu_height - layout.lag;
            let end = if last { bottom } else { ready.clamp(next, bottom) };
            let out = &mut out[3 * columns.len() * (next - top)..];
            band.emit(kernels, next..end, columns.clone(), preamble.rgb, &mut self.rows, out);
            next = end;
        }
        Ok(())
    }
}

fn check_region(header: &Header, region: Rect, len: usize) -> Result<()> {
    let fits = |start: u32, size: u32, whole: u32| {
        size > 0 && start.checked_add(size).is_some_and(|end| end <= whole)
    };
    if !fits(region.left, region.width, header.width) || !fits(region.top, region.height, header.height) {
        return limit(format!(
            "expected a region inside {}x{} pixels, found {region:?}",
            header.width, header.height
        ));
    }
    // At most 65535 * 65535 * 3, too much for a 32-bit `usize` only.
    let expected = u64::from(region.width) * u64::from(region.height) * 3;
    if len as u64 != expected {
        return limit(format!("expected a buffer of {expected} bytes, found {len}"));
    }
    Ok(())
}
