//! The footer as read: a column index that is checked once and then trusted.
//!
//! The footer's bytes are kept as they are, in one allocation of the footer's own length, and cells
//! are read from them in place. So an index can ask for no more memory than the file has bytes, and
//! everything that a later access leans on (bounds, order, UTF-8) is established here.

use std::ops::Range;

use super::layout::{self, Cell, u32_at, u64_at};
use crate::error::{Error, Kind, Result};
use crate::sample::{Codec, Target};

/// What the index says of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The first byte of the record in the file; a multiple of 64.
    pub offset: u64,
    /// The record's bytes without padding; at least 1.
    pub length: u64,
    /// CRC-32C (Castagnoli) of the record's bytes.
    pub crc32c: u32,
    /// Columns of the upright image.
    pub width: u32,
    /// Rows of the upright image.
    pub height: u32,
    /// How the record is encoded.
    pub codec: Codec,
    /// Bytes of the entropy index behind the record; 0 if there is none.
    pub jpeg_index: u32,
}

#[derive(Debug)]
pub(super) struct Index {
    footer: Vec<u8>,
    samples: usize,
    offset: usize,
    length: usize,
    crc: usize,
    width: usize,
    height: usize,
    codec: usize,
    kind: usize,
    name: Ragged,
    target: Ragged,
    jpeg_index: Option<usize>,
    extras: Vec<(String, Ragged)>,
}

/// A column of byte strings: where its positions and its bytes start in the footer.
#[derive(Clone, Copy, Debug)]
struct Ragged {
    positions: usize,
    data: usize,
}

impl Ragged {
    fn cell<'a>(&self, footer: &'a [u8], row: usize) -> &'a [u8] {
        let at = |row: usize| self.data + u64_at(footer, self.positions + row * 8) as usize;
        &footer[at(row)..at(row + 1)]
    }
}

struct Column {
    name: String,
    cell: u8,
    required: bool,
    bytes: Range<usize>,
}

impl Index {
    /// Checks a footer whose checksum has been checked. `payload_end` is where the footer starts in
    /// the file.
    pub(super) fn parse(footer: Vec<u8>, payload_end: u64) -> Result<Index> {
        if footer.len() < layout::FOOTER_HEAD {
            return Err(Error::corrupt(format!(
                "a footer of {} bytes; expected at least {}",
                footer.len(),
                layout::FOOTER_HEAD
            )));
        }
        let samples = u64_at(&footer, 0);
        // Each sample takes at least the 8 bytes of its offset, which bounds all products below.
        let samples = usize::try_from(samples)
            .ok()
            .filter(|n| *n <= footer.len() / 8)
            .ok_or_else(|| {
                Error::corrupt(format!(
                    "{samples} samples in a footer of {} bytes",
                    footer.len()
                ))
            })?;
        let columns = directory(&footer)?;
        let fixed = |name: &str| fixed(&columns, name, samples);
        let offset = fixed(layout::OFFSET)?;
        let length = fixed(layout::LENGTH)?;
        let crc = fixed(layout::CRC)?;
        let width = fixed(layout::WIDTH)?;
        let height = fixed(layout::HEIGHT)?;
        let codec = fixed(layout::CODEC)?;
        let kind = fixed(layout::TARGET_KIND)?;
        let name = ragged(&footer, find(&columns, layout::SAMPLE_NAME)?, samples)?;
        let target = ragged(&footer, find(&columns, layout::TARGET)?, samples)?;
        let stored = columns
            .iter()
            .any(|column| column.name == layout::JPEG_INDEX);
        let jpeg_index = if stored {
            Some(fixed(layout::JPEG_INDEX)?)
        } else {
            None
        };
        let mut extras = Vec::new();
        for column in &columns {
            if column.name == layout::JPEG_INDEX
                || layout::COLUMNS
                    .iter()
                    .any(|(known, _)| *known == column.name)
            {
                continue;
            }
            if column.required {
                return Err(Error::new(
                    Kind::Unsupported,
                    format!(
                        "the column \"{}\" is required and not known here: update feedmill",
                        column.name
                    ),
                ));
            }
            // Columns of other types belong to later writers and are passed over.
            if column.cell == Cell::Bytes as u8 {
                extras.push((column.name.clone(), ragged(&footer, column, samples)?));
            }
        }
        let index = Index {
            footer,
            samples,
            offset,
            length,
            crc,
            width,
            height,
            codec,
            kind,
            name,
            target,
            jpeg_index,
            extras,
        };
        index.check(payload_end)?;
        Ok(index)
    }

    fn check(&self, payload_end: u64) -> Result<()> {
        let mut end = layout::HEADER;
        for row in 0..self.samples {
            end = self
                .check_row(row, end, payload_end)
                .map_err(|error| error.at(format!("record {row}")))?;
        }
        Ok(())
    }

    /// Checks one record, which may not start before `free`; gives its end.
    fn check_row(&self, row: usize, free: u64, payload_end: u64) -> Result<u64> {
        let offset = u64_at(&self.footer, self.offset + row * 8);
        let length = u64_at(&self.footer, self.length + row * 8);
        if !offset.is_multiple_of(layout::ALIGN) {
            return Err(Error::corrupt(format!(
                "offset {offset} is not a multiple of {}",
                layout::ALIGN
            )));
        }
        if offset < free {
            return Err(Error::corrupt(format!(
                "offset {offset} lies before byte {free}, where the record before ends"
            )));
        }
        if length == 0 {
            return Err(Error::corrupt("a record of 0 bytes"));
        }
        let jpeg_index = self.jpeg_index(row);
        let end = offset
            .checked_add(length)
            .and_then(|end| end.checked_add(jpeg_index.into()));
        let end = end.filter(|end| *end <= payload_end).ok_or_else(|| {
            Error::corrupt(format!(
                "{length} bytes at offset {offset} and an entropy index of {jpeg_index} go past byte {payload_end}, \
                 where the footer starts"
            ))
        })?;
        let (width, height) = (self.u32(self.width, row), self.u32(self.height, row));
        if width == 0 || height == 0 {
            return Err(Error::corrupt(format!(
                "an image of {width} x {height} pixels"
            )));
        }
        let byte = self.footer[self.codec + row];
        let codec = layout::codec_of(byte, width, height)
            .ok_or_else(|| Error::corrupt(format!("codec {byte}; expected 1 to 5")))?;
        if let Codec::Raw { channels, .. } = codec {
            let expected = u64::from(width) * u64::from(height) * u64::from(channels);
            if expected != length {
                return Err(Error::corrupt(format!(
                    "raw pixels of {height} x {width} x {channels} need {expected} bytes, the index says {length}"
                )));
            }
        }
        if let Err(error) = std::str::from_utf8(self.name.cell(&self.footer, row)) {
            return Err(Error::corrupt(format!("its name is not UTF-8: {error}")));
        }
        let kind = self.footer[self.kind + row];
        let words = self.target.cell(&self.footer, row).len();
        let fits = match kind {
            0 => words == 0,
            1 => words == 4,
            2 | 3 => words.is_multiple_of(4),
            _ => {
                return Err(Error::corrupt(format!(
                    "target kind {kind}; expected 0 to 3"
                )));
            }
        };
        if !fits {
            return Err(Error::corrupt(format!(
                "a target of kind {kind} with {words} bytes"
            )));
        }
        Ok(end)
    }

    fn u32(&self, column: usize, row: usize) -> u32 {
        u32_at(&self.footer, column + row * 4)
    }

    fn jpeg_index(&self, row: usize) -> u32 {
        self.jpeg_index.map_or(0, |column| self.u32(column, row))
    }

    pub(super) fn len(&self) -> usize {
        self.samples
    }

    pub(super) fn entry(&self, row: usize) -> Entry {
        let (width, height) = (self.u32(self.width, row), self.u32(self.height, row));
        Entry {
            offset: u64_at(&self.footer, self.offset + row * 8),
            length: u64_at(&self.footer, self.length + row * 8),
            crc32c: self.u32(self.crc, row),
            width,
            height,
            codec: layout::codec_of(self.footer[self.codec + row], width, height)
                .expect("checked when the index was read"),
            jpeg_index: self.jpeg_index(row),
        }
    }

    pub(super) fn name(&self, row: usize) -> &str {
        std::str::from_utf8(self.name.cell(&self.footer, row))
            .expect("checked when the index was read")
    }

    pub(super) fn target(&self, row: usize) -> Target {
        let words = self.target.cell(&self.footer, row);
        let mut words = words.chunks_exact(4).map(|word| u32_at(word, 0));
        match self.footer[self.kind + row] {
            1 => words.next_back().map_or(Target::None, Target::Class),
            2 => Target::Multi(words.collect()),
            3 => Target::Soft(words.map(f32::from_bits).collect()),
            _ => Target::None,
        }
    }

    /// A record's identity in bytes (name, target kind, target), for fingerprints.
    pub(super) fn labels(&self, row: usize) -> [&[u8]; 3] {
        let kind = self.kind + row;
        [
            self.name.cell(&self.footer, row),
            &self.footer[kind..=kind],
            self.target.cell(&self.footer, row),
        ]
    }

    pub(super) fn extra(&self, column: &str, row: usize) -> Option<&[u8]> {
        let (_, ragged) = self.extras.iter().find(|(name, _)| name == column)?;
        Some(ragged.cell(&self.footer, row))
    }

    pub(super) fn extras(&self) -> impl Iterator<Item = &str> {
        self.extras.iter().map(|(name, _)| name.as_str())
    }
}

/// Reads the column directory: every column inside the footer, aligned, in order, of its own name.
fn directory(footer: &[u8]) -> Result<Vec<Column>> {
    let count = u32_at(footer, 8) as usize;
    if count > layout::MAX_COLUMNS {
        return Err(Error::corrupt(format!(
            "{count} columns; at most {} are read",
            layout::MAX_COLUMNS
        )));
    }
    let mut free = layout::FOOTER_HEAD + count * layout::ENTRY;
    if free > footer.len() {
        return Err(Error::corrupt(format!(
            "a directory of {count} columns needs {free} bytes; the footer has {}",
            footer.len()
        )));
    }
    let mut columns: Vec<Column> = Vec::new();
    for number in 0..count {
        let entry = &footer[layout::FOOTER_HEAD + number * layout::ENTRY..][..layout::ENTRY];
        let name = entry[..layout::NAME]
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or(&[]);
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return Err(Error::corrupt(format!(
                "column {number} is named \"{}\"",
                name.escape_ascii()
            )));
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let (offset, length) = (u64_at(entry, 32), u64_at(entry, 40));
        let start = usize::try_from(offset)
            .ok()
            .filter(|start| *start >= free && start % 8 == 0);
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| start?.checked_add(length));
        let (Some(start), Some(end)) = (start, end.filter(|end| *end <= footer.len())) else {
            return Err(Error::corrupt(format!(
                "column \"{name}\" has {length} bytes at {offset}: expected a multiple of 8 from {free} on, \
                 inside the footer of {} bytes",
                footer.len()
            )));
        };
        if columns.iter().any(|column| column.name == name) {
            return Err(Error::corrupt(format!("two columns are named \"{name}\"")));
        }
        free = end;
        columns.push(Column {
            name,
            cell: entry[24],
            required: entry[25] & layout::REQUIRED != 0,
            bytes: start..end,
        });
    }
    Ok(columns)
}

fn find<'a>(columns: &'a [Column], name: &str) -> Result<&'a Column> {
    columns
        .iter()
        .find(|column| column.name == name)
        .ok_or_else(|| Error::corrupt(format!("the column \"{name}\" is missing")))
}

/// A column of numbers: its first byte, after checking its type and its size.
fn fixed(columns: &[Column], name: &str, samples: usize) -> Result<usize> {
    let column = find(columns, name)?;
    // The one that is not in the table is the entropy index.
    let cell = layout::COLUMNS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(Cell::U32, |(_, cell)| *cell);
    let width = match cell {
        Cell::U8 | Cell::Bytes => 1,
        Cell::U32 => 4,
        Cell::U64 => 8,
    };
    if column.cell != cell as u8 {
        return Err(Error::corrupt(format!(
            "the column \"{name}\" has type {}, expected {}",
            column.cell, cell as u8
        )));
    }
    if samples.checked_mul(width) != Some(column.bytes.len()) {
        return Err(Error::corrupt(format!(
            "the column \"{name}\" has {} bytes, expected {width} for each of {samples} samples",
            column.bytes.len()
        )));
    }
    Ok(column.bytes.start)
}

/// A column of byte strings, after checking that its positions rise from 0 to its number of bytes.
fn ragged(footer: &[u8], column: &Column, samples: usize) -> Result<Ragged> {
    let name = &column.name;
    if column.cell != Cell::Bytes as u8 {
        return Err(Error::corrupt(format!(
            "the column \"{name}\" has type {}, expected {}",
            column.cell,
            Cell::Bytes as u8
        )));
    }
    let positions = samples.checked_add(1).and_then(|rows| rows.checked_mul(8));
    let Some(data) = positions.and_then(|bytes| column.bytes.len().checked_sub(bytes)) else {
        return Err(Error::corrupt(format!(
            "the column \"{name}\" has {} bytes, too few for the positions of {samples} samples",
            column.bytes.len()
        )));
    };
    let start = column.bytes.start;
    let mut last = 0;
    for row in 0..=samples {
        let position = u64_at(footer, start + row * 8);
        if (row == 0 && position != 0) || position < last || position > data as u64 {
            return Err(Error::corrupt(format!(
                "the column \"{name}\" has position {position} for sample {row}: expected {last} to {data}"
            )));
        }
        last = position;
    }
    if last != data as u64 {
        return Err(Error::corrupt(format!(
            "the column \"{name}\" has {data} bytes, its positions end at {last}"
        )));
    }
    Ok(Ragged {
        positions: start,
        data: column.bytes.end - data,
    })
}
