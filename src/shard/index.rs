//! The footer as read: a column index that is checked once, when the shard is opened, and trusted
//! afterwards.
//!
//! The bytes of the footer are kept as they are, in one allocation of the length of the footer, and
//! cells are decoded from them in place. So an index never asks for more memory than the file has
//! bytes, whatever a hostile footer claims. A vector of parsed records would take more memory than
//! the stored columns, for the strings alone, and opening a shard would cost an allocation for each
//! record.
//!
//! [`Index::parse`] establishes everything that later accesses rely on, so that they cannot fail:
//!
//! * every column lies inside the footer and has the size that the number of samples asks for;
//! * the positions of a column of byte strings start at 0, never fall, and end at its number of
//!   bytes;
//! * records lie in order between the header and the footer, aligned and without overlap;
//! * names are UTF-8, and codecs and kinds of target are known.

use std::ops::Range;

use super::layout::{self, CellType, u32_at, u64_at};
use crate::error::{Error, Kind, Result};
use crate::geometry::Size;
use crate::sample::{Codec, Target};

/// What the index says about one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The first byte of the record in the file; a multiple of 64.
    pub offset: u64,
    /// The record's bytes without padding; at least 1.
    pub length: u64,
    /// CRC-32C (Castagnoli) of the record's bytes.
    pub crc32c: u32,
    /// The size of the upright image.
    pub size: Size,
    /// How the record is encoded.
    pub codec: Codec,
    /// Length in bytes of the entropy index behind the record; 0 if there is none.
    pub jpeg_index: u32,
}

/// The checked column index of a shard. The fields named after columns of numbers are the byte in
/// `footer` at which the column starts.
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
    name: BytesColumn,
    target: BytesColumn,
    jpeg_index: Option<usize>,
    /// Columns of byte strings that the format does not define, by name.
    extras: Vec<(String, BytesColumn)>,
}

/// A column of byte strings.
#[derive(Clone, Copy, Debug)]
struct BytesColumn {
    /// The byte of the footer at which its positions start.
    positions: usize,
    /// The byte of the footer at which the bytes of its cells start.
    data: usize,
}

impl BytesColumn {
    fn cell<'a>(&self, footer: &'a [u8], row: usize) -> &'a [u8] {
        let at = |row: usize| self.data + u64_at(footer, self.positions + row * 8) as usize;
        &footer[at(row)..at(row + 1)]
    }
}

/// One entry of the column directory.
struct DirectoryEntry {
    name: String,
    /// The cell type as stored, which may be one that this version does not know.
    cell: u8,
    required: bool,
    /// Where the column lies in the footer.
    bytes: Range<usize>,
}

impl Index {
    /// Checks a footer, whose checksum the caller has checked, and takes it over. `payload_end` is
    /// the byte of the file where the footer starts.
    ///
    /// # Errors
    ///
    /// `Corrupt` for any contradiction, naming the column or record; `Unsupported` for an unknown
    /// column that is required.
    pub(super) fn parse(footer: Vec<u8>, payload_end: u64) -> Result<Index> {
        if footer.len() < layout::FOOTER_HEAD {
            return Err(Error::corrupt(format!(
                "a footer of {} bytes; expected at least {}",
                footer.len(),
                layout::FOOTER_HEAD
            )));
        }
        let samples = u64_at(&footer, 0);
        // Each sample takes at least the 8 bytes of its offset. This bounds the number of samples,
        // and so no product of it with a cell size below overflows.
        let samples = usize::try_from(samples)
            .ok()
            .filter(|n| *n <= footer.len() / 8)
            .ok_or_else(|| {
                Error::corrupt(format!(
                    "{samples} samples in a footer of {} bytes",
                    footer.len()
                ))
            })?;
        let columns = parse_directory(&footer)?;
        let number = |name: &str| number_column(&columns, name, samples);
        let offset = number(layout::OFFSET)?;
        let length = number(layout::LENGTH)?;
        let crc = number(layout::CRC)?;
        let width = number(layout::WIDTH)?;
        let height = number(layout::HEIGHT)?;
        let codec = number(layout::CODEC)?;
        let kind = number(layout::TARGET_KIND)?;
        let name = bytes_column(
            &footer,
            find_column(&columns, layout::SAMPLE_NAME)?,
            samples,
        )?;
        let target = bytes_column(&footer, find_column(&columns, layout::TARGET)?, samples)?;
        let has_jpeg_index = columns
            .iter()
            .any(|column| column.name == layout::JPEG_INDEX);
        let jpeg_index = if has_jpeg_index {
            Some(number(layout::JPEG_INDEX)?)
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
            // Columns of other types belong to later writers and are skipped.
            if column.cell == CellType::Bytes as u8 {
                extras.push((column.name.clone(), bytes_column(&footer, column, samples)?));
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

    /// Checks all records; see [`Index::check_row`].
    fn check(&self, payload_end: u64) -> Result<()> {
        let mut end = layout::HEADER;
        for row in 0..self.samples {
            end = self
                .check_row(row, end, payload_end)
                .map_err(|error| error.at(format!("record {row}")))?;
        }
        Ok(())
    }

    /// Checks the record in a row and returns the byte at which it and its entropy index end. The
    /// record may not start before byte `free`, where the record before it ends.
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
                "{length} bytes at offset {offset} and an entropy index of {jpeg_index} \
                 go past byte {payload_end}, where the footer starts"
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
                    "raw pixels of {height} x {width} x {channels} need {expected} bytes, \
                     the index says {length}"
                )));
            }
        }
        if let Err(error) = std::str::from_utf8(self.name.cell(&self.footer, row)) {
            return Err(Error::corrupt(format!("its name is not UTF-8: {error}")));
        }
        let kind = self.footer[self.kind + row];
        let bytes = self.target.cell(&self.footer, row).len();
        let fits = match kind {
            0 => bytes == 0,
            1 => bytes == 4,
            2 | 3 => bytes.is_multiple_of(4),
            _ => {
                return Err(Error::corrupt(format!(
                    "target kind {kind}; expected 0 to 3"
                )));
            }
        };
        if !fits {
            return Err(Error::corrupt(format!(
                "a target of kind {kind} with {bytes} bytes"
            )));
        }
        Ok(end)
    }

    /// Returns the cell of a u32 column that starts at byte `column` of the footer.
    fn u32(&self, column: usize, row: usize) -> u32 {
        u32_at(&self.footer, column + row * 4)
    }

    /// Returns the length of the entropy index of a record; 0 if it has none.
    fn jpeg_index(&self, row: usize) -> u32 {
        self.jpeg_index.map_or(0, |column| self.u32(column, row))
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> usize {
        self.samples
    }

    /// Returns what the index says about a record.
    pub(super) fn entry(&self, row: usize) -> Entry {
        let (width, height) = (self.u32(self.width, row), self.u32(self.height, row));
        Entry {
            offset: u64_at(&self.footer, self.offset + row * 8),
            length: u64_at(&self.footer, self.length + row * 8),
            crc32c: self.u32(self.crc, row),
            size: Size::new(width, height),
            codec: layout::codec_of(self.footer[self.codec + row], width, height)
                .expect("checked when the index was read"),
            jpeg_index: self.jpeg_index(row),
        }
    }

    /// Returns the name of a record.
    pub(super) fn name(&self, row: usize) -> &str {
        std::str::from_utf8(self.name.cell(&self.footer, row))
            .expect("checked when the index was read")
    }

    /// Returns the label of a record.
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

    /// Returns name, kind of target and target of a record as they are stored, for fingerprints.
    pub(super) fn labels(&self, row: usize) -> [&[u8]; 3] {
        let kind = self.kind + row;
        [
            self.name.cell(&self.footer, row),
            &self.footer[kind..=kind],
            self.target.cell(&self.footer, row),
        ]
    }

    /// Returns the bytes of a record in an extra column; `None` if there is no such column.
    pub(super) fn extra(&self, column: &str, row: usize) -> Option<&[u8]> {
        let (_, cells) = self.extras.iter().find(|(name, _)| name == column)?;
        Some(cells.cell(&self.footer, row))
    }

    /// Returns the names of the extra columns in the order of the file.
    pub(super) fn extras(&self) -> impl Iterator<Item = &str> {
        self.extras.iter().map(|(name, _)| name.as_str())
    }
}

/// Reads the column directory and checks that every column lies inside the footer, aligned, behind
/// the column before it, and has a name of its own.
fn parse_directory(footer: &[u8]) -> Result<Vec<DirectoryEntry>> {
    let count = u32_at(footer, 8) as usize;
    if count > layout::MAX_COLUMNS {
        return Err(Error::corrupt(format!(
            "{count} columns; at most {} are read",
            layout::MAX_COLUMNS
        )));
    }
    // The first byte of the footer that no part has taken. Since it only grows, columns cannot
    // overlap each other or the directory.
    let mut free = layout::FOOTER_HEAD + count * layout::ENTRY_BYTES;
    if free > footer.len() {
        return Err(Error::corrupt(format!(
            "a directory of {count} columns needs {free} bytes; the footer has {}",
            footer.len()
        )));
    }
    let mut columns: Vec<DirectoryEntry> = Vec::new();
    for number in 0..count {
        let entry =
            &footer[layout::FOOTER_HEAD + number * layout::ENTRY_BYTES..][..layout::ENTRY_BYTES];
        let name = entry[..layout::MAX_NAME]
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
                "column \"{name}\" has {length} bytes at {offset}: \
                 expected a multiple of 8 from {free} on, inside the footer of {} bytes",
                footer.len()
            )));
        };
        if columns.iter().any(|column| column.name == name) {
            return Err(Error::corrupt(format!("two columns are named \"{name}\"")));
        }
        free = end;
        columns.push(DirectoryEntry {
            name,
            cell: entry[24],
            required: entry[25] & layout::REQUIRED != 0,
            bytes: start..end,
        });
    }
    Ok(columns)
}

/// Returns the column with this name.
fn find_column<'a>(columns: &'a [DirectoryEntry], name: &str) -> Result<&'a DirectoryEntry> {
    columns
        .iter()
        .find(|column| column.name == name)
        .ok_or_else(|| Error::corrupt(format!("the column \"{name}\" is missing")))
}

/// Checks type and size of a column of numbers and returns the byte of the footer at which it
/// starts.
fn number_column(columns: &[DirectoryEntry], name: &str, samples: usize) -> Result<usize> {
    let column = find_column(columns, name)?;
    // The only column of numbers that is not in the table is that of the entropy indexes.
    let cell = layout::COLUMNS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(CellType::U32, |(_, cell)| *cell);
    let width = match cell {
        CellType::U8 | CellType::Bytes => 1,
        CellType::U32 => 4,
        CellType::U64 => 8,
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

/// Checks the positions of a column of byte strings: they start at 0, never fall, and end at its
/// number of bytes.
fn bytes_column(footer: &[u8], column: &DirectoryEntry, samples: usize) -> Result<BytesColumn> {
    let name = &column.name;
    if column.cell != CellType::Bytes as u8 {
        return Err(Error::corrupt(format!(
            "the column \"{name}\" has type {}, expected {}",
            column.cell,
            CellType::Bytes as u8
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
                "the column \"{name}\" has position {position} for sample {row}: \
                 expected {last} to {data}"
            )));
        }
        last = position;
    }
    if last != data as u64 {
        return Err(Error::corrupt(format!(
            "the column \"{name}\" has {data} bytes, its positions end at {last}"
        )));
    }
    Ok(BytesColumn {
        positions: start,
        data: column.bytes.end - data,
    })
}
