//! The entropy index: states of the scan from which decoding can go on, so that a crop costs what it covers.
//!
//! An entry stands in front of the first MCU of each row and of every `step`-th after it, about 128 pixels apart. It is
//! what the entropy decoder knows there: the place of the next bit and the DC predictors. The index is a function of the
//! file's bytes alone, so whoever doubts one can make it again and compare.
//!
//! Packed, all numbers little endian:
//!
//! | at | bytes | what |
//! | --- | --- | --- |
//! | 0 | 4 | length of the JPEG file |
//! | 4 | 4 | CRC-32C of the JPEG file |
//! | 8 | 1 | MCUs from entry to entry along a row |
//! | 9 | 1 | bits of a step from place to place, 1 to 40 |
//! | 10 | 3 | bits of a step from predictor to predictor, for each component, 0 to 16 |
//! | 13 | any | for each entry but the first: the steps from the one before, lowest bit first, without gaps |
//! | end - 4 | 4 | CRC-32C of all before |
//!
//! A place is 8 times the offset of its byte plus the number of its bit from the top. Predictors are 16-bit numbers;
//! their steps are folded, so that 0, -1, 1, -2 are 0, 1, 2, 3. The first entry is the scan's first bit with zeros.

use std::ops::Range;

use super::error::{Error, ErrorKind, Result, corrupt};
use super::layout::Layout;

/// Pixels of a row between entries.
const SPACING: usize = 128;
const HEAD: usize = 13;
const TAIL: usize = 4;
/// Widest fields: the places of a file below 4 GiB, and 16-bit numbers.
const MOST: [u8; 4] = [40, 16, 16, 16];

/// A state of the scan between two MCUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// See [`super::bits::Source::position`].
    pub position: u64,
    /// The DC predictors, modulo 2^16 like the coefficients that they become.
    pub dc: [i16; 3],
}

/// Which MCUs entries stand in front of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// MCUs between entries of a row.
    pub step: usize,
    /// Entries of a row.
    pub per_row: usize,
    /// Rows of MCUs.
    pub rows: usize,
}

impl Grid {
    /// The grid that indexes are written with.
    pub fn new(layout: &Layout) -> Grid {
        Grid::with_step(layout, (SPACING / layout.mcu_width).max(1))
    }

    fn with_step(layout: &Layout, step: usize) -> Grid {
        Grid { step, per_row: layout.mcus.div_ceil(step), rows: layout.rows }
    }

    /// The MCUs of a row, of `mcus`, from its `nth` entry to the next.
    pub fn stretch(&self, nth: usize, mcus: usize) -> Range<usize> {
        nth * self.step..((nth + 1) * self.step).min(mcus)
    }

    pub fn len(&self) -> usize {
        self.per_row * self.rows
    }
}

fn fold(step: i16) -> u16 {
    (step << 1 ^ step >> 15) as u16
}

fn unfold(folded: u16) -> i16 {
    (folded >> 1) as i16 ^ -((folded & 1) as i16)
}

/// The steps from one entry to the next.
fn steps(from: Entry, to: Entry) -> [u64; 4] {
    let dc = |n: usize| u64::from(fold(to.dc[n].wrapping_sub(from.dc[n])));
    [to.position - from.position, dc(0), dc(1), dc(2)]
}

/// Packs the entries of a file, whose positions rise.
///
/// `None` for files of 4 GiB and more, whose length has no room.
pub(super) fn pack(entries: &[Entry], grid: Grid, jpeg: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(jpeg.len()).ok()?;
    let step = u8::try_from(grid.step).ok()?;
    let pairs = || entries.windows(2).map(|pair| steps(pair[0], pair[1]));
    let mut widest = [1, 0, 0, 0];
    for steps in pairs() {
        widest = std::array::from_fn(|n| widest[n] | steps[n]);
    }
    let widths = widest.map(|bits| 64 - bits.leading_zeros());
    let mut out = Vec::with_capacity(packed_len(widths.map(|width| width as u8), entries.len()));
    out.extend(length.to_le_bytes());
    out.extend(crc32c::crc32c(jpeg).to_le_bytes());
    out.push(step);
    out.extend(widths.map(|width| width as u8));
    let (mut buffer, mut bits) = (0u128, 0);
    for steps in pairs() {
        for (step, width) in steps.into_iter().zip(widths) {
            buffer |= u128::from(step) << bits;
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

/// Checks a packed index against the file that it should be of and unpacks the entries of its first `rows` rows of MCUs, and
/// the one behind them.
pub(super) fn unpack(
    packed: &[u8],
    jpeg: &[u8],
    layout: &Layout,
    scan_start: usize,
    rows: usize,
    entries: &mut Vec<Entry>,
) -> Result<Grid> {
    let word = |at: usize| packed.get(at..at + 4).map(|four| u32::from_le_bytes(four.try_into().expect("4")));
    let (Some(length), Some(crc), true) = (word(0), word(4), packed.len() >= HEAD + TAIL) else {
        return damaged(format!("{} bytes, expected at least {}", packed.len(), HEAD + TAIL));
    };
    let (body, sum) = packed.split_at(packed.len() - TAIL);
    let found = crc32c::crc32c(body);
    if sum != found.to_le_bytes() {
        return damaged(format!("the checksum of its {} bytes is not the stored one", body.len()));
    }
    if (length as usize, crc) != (jpeg.len(), crc32c::crc32c(jpeg)) {
        return damaged(format!("it is of other bytes: of {length}, this file has {}", jpeg.len()));
    }
    let [step, widths @ ..] = *body[8..].first_chunk::<5>().expect("the head was there");
    if step == 0 || widths[0] == 0 || widths.iter().zip(MOST).any(|(&width, most)| width > most) {
        return damaged(format!("steps of {step} MCUs in fields of {widths:?} bits"));
    }
    let grid = Grid::with_step(layout, usize::from(step));
    let expected = packed_len(widths, grid.len());
    if packed.len() != expected {
        return damaged(format!("{} bytes, expected {expected} for this picture", packed.len()));
    }
    // No more than the picture's entries, each of which took a bit at least.
    let count = (grid.per_row * rows.min(grid.rows) + 1).min(grid.len());
    entries.clear();
    entries.reserve(count);
    let mut entry = Entry { position: 8 * scan_start as u64, dc: [0; 3] };
    let mut bit = 8 * HEAD;
    for n in 0..count {
        if n > 0 {
            let [step, dc @ ..] = widths.map(|width| {
                let value = field(body, bit, u32::from(width));
                bit += usize::from(width);
                value
            });
            entry.position += step;
            entry.dc = std::array::from_fn(|n| entry.dc[n].wrapping_add(unfold(dc[n] as u16)));
        }
        entries.push(entry);
    }
    if entry.position > 8 * jpeg.len() as u64 {
        return damaged(format!("an entry at byte {} of {}", entry.position / 8, jpeg.len()));
    }
    Ok(grid)
}

/// The `width` bits, at most 40, from bit `at` on.
fn field(bytes: &[u8], at: usize, width: u32) -> u64 {
    let rest = &bytes[(at / 8).min(bytes.len())..];
    let word = match rest.first_chunk::<8>() {
        Some(&word) => u64::from_le_bytes(word),
        None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    word >> (at % 8) & ((1 << width) - 1)
}

fn damaged<T>(what: String) -> Result<T> {
    corrupt(0, format!("the entropy index of the file is wrong: {what}; make it again"))
}

/// The error for a scan that comes to an entry in another state than the entry says.
#[cold]
pub(super) fn contradiction(expected: Entry, found: Entry) -> Error {
    Error {
        kind: ErrorKind::Corrupt,
        offset: (found.position / 8) as usize,
        message: format!(
            "the entropy index of the file is wrong: expected bit {} and predictors {:?}, found bit {} and {:?}; \
             make it again",
            expected.position, expected.dc, found.position, found.dc
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_is_a_bijection_that_keeps_small_steps_small() {
        assert_eq!([0, -1, 1, -2, i16::MAX, i16::MIN].map(fold), [0, 1, 2, 3, 65534, 65535]);
        assert!((i16::MIN..=i16::MAX).all(|step| unfold(fold(step)) == step));
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
