//! The entropy index: states of the entropy decoder from which decoding can continue.
//!
//! # Idea
//!
//! A Huffman-coded scan can only be read from its start, for two reasons: a code's first bit is
//! known only when the code before it has been read, and each DC coefficient is coded as the
//! difference to the one before (T.81 F.1.2.1). So a crop at the bottom of an image pays for all
//! rows above it. An entry of the index holds exactly what is missing: the place of the next bit
//! and the DC predictors in front of one MCU. With an entry before the crop in each of its rows, a
//! crop costs what it covers.
//!
//! Restart markers serve the same purpose, but few files have them, and they change the file. The
//! index lies beside the file; indexed decompression of gzip (`zran.c` of zlib) works alike.
//!
//! Entries stand in front of the first MCU of each row and of every `step`-th after it, about 128
//! pixels apart. Twice as many gained 1 % at most. The index is a function of the file's bytes
//! alone, so whoever doubts one can make it again and compare.
//!
//! # Format
//!
//! All numbers are little endian.
//!
//! | at | bytes | content |
//! | --- | --- | --- |
//! | 0 | 4 | length of the JPEG file |
//! | 4 | 4 | CRC-32C of the JPEG file |
//! | 8 | 1 | MCUs from entry to entry along a row |
//! | 9 | 1 | bits of a difference of positions, 1 to 40 |
//! | 10 | 3 | bits of a difference of predictors, for each component, 0 to 16 |
//! | 13 | any | differences of each entry to the one before, lowest bit first, without gaps |
//! | end - 4 | 4 | CRC-32C of all bytes before |
//!
//! A position is 8 times the offset of a byte plus the number of the bit counted from the top.
//! Predictors are 16-bit numbers, and their differences are zigzag-coded: 0, -1, 1, -2 become 0, 1,
//! 2, 3. The first entry is not stored, as it is the first bit of the scan with predictors of zero.

pub(crate) mod cursor;

use std::ops::Range;

use crate::error::{Error, ErrorKind, Result, corrupt};
use crate::regions::layout::Layout;

/// How far an entropy index was verified against its file: the first rows of MCUs, none by default.
///
/// The value belongs to one index and one file. Keep it beside the index and pass it to each call,
/// see [`Index::Use`]; a process that forgets it has to verify again.
///
/// # Example: nothing is verified at first
///
/// ```
/// use feedmill_jpeg::VerifiedRows;
///
/// assert_eq!(VerifiedRows::default().get(), 0);
/// assert_eq!(VerifiedRows::new(12).get(), 12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VerifiedRows(u16);

impl VerifiedRows {
    /// The whole index, for one that this program made from this file and has kept to itself.
    ///
    /// With an index from elsewhere this is a promise. If it is wrong, pixels are wrong.
    pub const ALL: VerifiedRows = VerifiedRows(u16::MAX);

    /// Restores a value that [`VerifiedRows::get`] returned before.
    pub fn new(rows: u16) -> VerifiedRows {
        VerifiedRows(rows)
    }

    /// Returns the number of rows of MCUs, for example to keep it in an atomic.
    pub fn get(self) -> u16 {
        self.0
    }

    pub(crate) fn rows_mut(&mut self) -> &mut u16 {
        &mut self.0
    }
}

/// What a call does with an image's entropy index. The pixels are the same with every choice.
///
/// An index is bound to its file by the file's length and CRC-32C and has a checksum of its own,
/// all of which are compared whenever it is used. Beyond that nothing in it is believed: decoding
/// jumps over a part of the scan only if an earlier call arrived at the same entries by reading,
/// which is what [`VerifiedRows`] remembers. So the first call reads what it would read without an
/// index, and compares; later ones are fast. An index that is damaged, made from other bytes, or
/// wrong in a part that the call reads is [`ErrorKind::Corrupt`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Index<'a> {
    /// No index: everything in front of the region is read.
    #[default]
    None,
    /// Use an index that [`Decoder::index`](crate::Decoder::index) or [`Index::Record`] made, and
    /// extend what is known of it by what this call reads.
    Use(&'a [u8], &'a mut VerifiedRows),
    /// Make an index while decoding, which reads the scan to its end. The vector is left empty if
    /// the scan is damaged behind the region or if the file is too large for an index (4 GiB).
    Record(&'a mut Vec<u8>),
}

/// Pixels of a row between entries.
const SPACING: usize = 128;
/// Bytes in front of the entries, and behind them.
const HEAD: usize = 13;
const TAIL: usize = 4;
/// The widest fields: positions in files below 4 GiB, and 16-bit numbers.
const MAX_WIDTHS: [u8; 4] = [40, 16, 16, 16];

/// A state of the entropy decoder between two MCUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// See [`crate::entropy::bits::BitSource::position`].
    pub position: u64,
    /// The DC predictors, modulo 2^16 like the coefficients that they become.
    pub dc: [i16; 3],
}

/// The MCUs in front of which entries stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// MCUs between entries of a row.
    pub step: usize,
    /// Entries of a row.
    pub per_row: usize,
    /// Rows of MCUs.
    pub rows: usize,
}

impl Grid {
    /// Returns the grid that indexes are written with.
    pub(crate) fn new(layout: &Layout) -> Grid {
        Grid::with_step(layout, (SPACING / layout.mcu_width).max(1))
    }

    fn with_step(layout: &Layout, step: usize) -> Grid {
        let [columns, rows] = layout.mcus;
        Grid {
            step,
            per_row: columns.div_ceil(step),
            rows,
        }
    }

    /// Returns the MCUs of a row, of `mcus` in all, from its `nth` entry to the next.
    pub(crate) fn stretch(&self, nth: usize, mcus: usize) -> Range<usize> {
        nth * self.step..((nth + 1) * self.step).min(mcus)
    }

    pub(crate) fn len(&self) -> usize {
        self.per_row * self.rows
    }
}

/// Maps 0, -1, 1, -2 to 0, 1, 2, 3, so that small differences need few bits.
fn zigzag(difference: i16) -> u16 {
    (difference << 1 ^ difference >> 15) as u16
}

fn unzigzag(coded: u16) -> i16 {
    (coded >> 1) as i16 ^ -((coded & 1) as i16)
}

/// Returns the differences from one entry to the next, as they are stored.
fn differences(from: Entry, to: Entry) -> [u64; 4] {
    let dc = |n: usize| u64::from(zigzag(to.dc[n].wrapping_sub(from.dc[n])));
    [to.position - from.position, dc(0), dc(1), dc(2)]
}

/// Packs the entries of a file, whose positions rise.
///
/// Returns `None` for files of 4 GiB and more, whose length does not fit its field.
pub(crate) fn pack(entries: &[Entry], grid: Grid, jpeg: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(jpeg.len()).ok()?;
    let step = u8::try_from(grid.step).ok()?;
    let pairs = || entries.windows(2).map(|pair| differences(pair[0], pair[1]));
    let mut widest = [1, 0, 0, 0];
    for fields in pairs() {
        widest = std::array::from_fn(|n| widest[n] | fields[n]);
    }
    let widths = widest.map(|bits| 64 - bits.leading_zeros());
    let mut out = Vec::with_capacity(packed_len(widths.map(|width| width as u8), entries.len()));
    out.extend(length.to_le_bytes());
    out.extend(crc32c::crc32c(jpeg).to_le_bytes());
    out.push(step);
    out.extend(widths.map(|width| width as u8));
    let (mut buffer, mut bits) = (0u128, 0);
    for fields in pairs() {
        for (field, width) in fields.into_iter().zip(widths) {
            buffer |= u128::from(field) << bits;
            bits += width;
        }
        while bits >= 8 {
            out.push(buffer as u8);
            (buffer, bits) = (buffer >> 8, bits - 8);
        }
    }
    if bits > 0 {
        out.push(buffer as u8);
    }
    out.extend(crc32c::crc32c(&out).to_le_bytes());
    Some(out)
}

fn packed_len(widths: [u8; 4], entries: usize) -> usize {
    let each: usize = widths.iter().map(|&width| usize::from(width)).sum();
    HEAD + (each * entries.saturating_sub(1)).div_ceil(8) + TAIL
}

/// Checks a packed index against the file that it should belong to, and unpacks the entries of the
/// rows of MCUs up to the end of the region and the entry behind them.
pub(crate) fn unpack(
    packed: &[u8],
    jpeg: &[u8],
    layout: &Layout,
    scan_start: usize,
    entries: &mut Vec<Entry>,
) -> Result<Grid> {
    let (body, step, widths) = check(packed, jpeg)?;
    let grid = Grid::with_step(layout, usize::from(step));
    let expected = packed_len(widths, grid.len());
    if packed.len() != expected {
        return damaged(format!(
            "{} bytes, expected {expected} for this image",
            packed.len()
        ));
    }
    // The allocation is bounded by the length of the index: each entry took at least a bit of it.
    let count = (grid.per_row * layout.mcu_rows.end.min(grid.rows) + 1).min(grid.len());
    entries.clear();
    entries.reserve(count);
    let mut entry = Entry {
        position: 8 * scan_start as u64,
        dc: [0; 3],
    };
    let mut bit = 8 * HEAD;
    for n in 0..count {
        if n > 0 {
            let [position, dc @ ..] = widths.map(|width| {
                let value = field(body, bit, u32::from(width));
                bit += usize::from(width);
                value
            });
            entry.position += position;
            entry.dc = std::array::from_fn(|n| entry.dc[n].wrapping_add(unzigzag(dc[n] as u16)));
        }
        entries.push(entry);
    }
    if entry.position > 8 * jpeg.len() as u64 {
        return damaged(format!(
            "an entry at byte {} of {}",
            entry.position / 8,
            jpeg.len()
        ));
    }
    Ok(grid)
}

/// Compares the checksums of an index, and returns its bytes without the last checksum, the MCUs
/// between entries and the widths of fields.
fn check<'p>(packed: &'p [u8], jpeg: &[u8]) -> Result<(&'p [u8], u8, [u8; 4])> {
    if packed.len() < HEAD + TAIL {
        return damaged(format!(
            "{} bytes, expected at least {}",
            packed.len(),
            HEAD + TAIL
        ));
    }
    let (body, stored) = packed.split_at(packed.len() - TAIL);
    if stored != crc32c::crc32c(body).to_le_bytes() {
        let length = body.len();
        return damaged(format!(
            "the checksum of its {length} bytes is not the stored one"
        ));
    }
    let word = |at: usize| u32::from_le_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
    let (length, crc) = (word(0), word(4));
    if (length as usize, crc) != (jpeg.len(), crc32c::crc32c(jpeg)) {
        let found = jpeg.len();
        return damaged(format!(
            "it is of other bytes: of {length}, this file has {found}"
        ));
    }
    let (step, widths) = (body[8], [body[9], body[10], body[11], body[12]]);
    let too_wide = widths
        .iter()
        .zip(MAX_WIDTHS)
        .any(|(&width, most)| width > most);
    if step == 0 || widths[0] == 0 || too_wide {
        return damaged(format!("steps of {step} MCUs in fields of {widths:?} bits"));
    }
    Ok((body, step, widths))
}

/// Returns `width` bits, at most 40, from bit `at` on.
fn field(bytes: &[u8], at: usize, width: u32) -> u64 {
    let rest = &bytes[(at / 8).min(bytes.len())..];
    let word = match rest.first_chunk::<8>() {
        Some(&word) => u64::from_le_bytes(word),
        None => rest
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    word >> (at % 8) & ((1 << width) - 1)
}

fn damaged<T>(what: String) -> Result<T> {
    corrupt(
        0,
        format!("the entropy index of the file is wrong: {what}; make it again"),
    )
}

/// Returns the error for a scan that arrives at an entry in another state than the entry says.
#[cold]
fn contradiction(expected: Entry, found: Entry) -> Error {
    let message = format!(
        "the entropy index of the file is wrong: expected bit {} and predictors {:?}, found bit {} \
         and {:?}; make it again",
        expected.position, expected.dc, found.position, found.dc
    );
    Error::new(ErrorKind::Corrupt, (found.position / 8) as usize, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_is_a_bijection_that_keeps_small_differences_small() {
        assert_eq!(
            [0, -1, 1, -2, i16::MAX, i16::MIN].map(zigzag),
            [0, 1, 2, 3, 65534, 65535]
        );
        assert!((i16::MIN..=i16::MAX).all(|step| unzigzag(zigzag(step)) == step));
    }

    #[test]
    fn fields_are_read_up_to_the_last_byte() {
        let bytes = [0b1010_0101, 0xFF, 0x0F];
        assert_eq!(field(&bytes, 0, 4), 5);
        assert_eq!(field(&bytes, 4, 8), 0xFA);
        assert_eq!(field(&bytes, 12, 12), 0xFF);
        assert_eq!(field(&bytes, 24, 0), 0);
    }
}
