//! The footer as written: columns that grow record by record and are put together at the end.
//!
//! [`Index`](super::index::Index) is its reader. Every column is kept in memory in its stored form,
//! a few dozen bytes a record besides its name, its label and its extra cells, so the records
//! themselves are written as they come and never held.

use super::index::Entry;
use super::layout::{self, CellType};
use super::record::Record;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::{Codec, Target};

/// The columns of a shard that is being written. A column of numbers holds the bytes of its cells.
#[derive(Default)]
pub(super) struct Columns {
    offset: Vec<u8>,
    length: Vec<u8>,
    crc: Vec<u8>,
    width: Vec<u8>,
    height: Vec<u8>,
    codec: Vec<u8>,
    name: BytesColumn,
    kind: Vec<u8>,
    target: BytesColumn,
    /// Lengths of the entropy indexes. The column is left out of the file if all are 0.
    jpeg_index: Vec<u8>,
    /// The extra columns in the order of their first appearance.
    extras: Vec<(String, BytesColumn)>,
}

/// A column of byte strings that is being written.
#[derive(Default)]
struct BytesColumn {
    /// Where each cell ends in `data`.
    ends: Vec<u64>,
    /// The cells, end to end.
    data: Vec<u8>,
}

impl BytesColumn {
    /// Appends a cell.
    fn push(&mut self, cell: &[u8]) {
        self.data.extend_from_slice(cell);
        self.ends.push(self.data.len() as u64);
    }

    /// Returns the column as it is stored: a first position of 0, the end of each cell, the bytes.
    fn encode(&self) -> Vec<u8> {
        let positions = std::iter::once(0).chain(self.ends.iter().copied());
        let mut out: Vec<u8> = positions.flat_map(u64::to_le_bytes).collect();
        out.extend_from_slice(&self.data);
        out
    }
}

impl Columns {
    /// Returns the number of records.
    pub(super) fn len(&self) -> u64 {
        self.codec.len() as u64
    }

    /// Checks that the format can hold a record, and returns the byte of its codec. It is called
    /// before any byte of the record is written, so that the writer can go on after an error.
    ///
    /// # Errors
    ///
    /// `Config`, saying what the format cannot hold.
    pub(super) fn check(&self, record: &Record<'_>) -> Result<u8> {
        let Some(codec) = layout::codec_byte(record.codec) else {
            return Err(Error::config(format!(
                "a shard cannot hold {:?}",
                record.codec
            )));
        };
        if record.bytes.is_empty() || record.size.width == 0 || record.size.height == 0 {
            return Err(Error::config(format!(
                "a record of {} bytes and {} pixels",
                record.bytes.len(),
                record.size
            )));
        }
        if let Codec::Raw {
            width,
            height,
            channels,
        } = record.codec
        {
            let expected = u64::from(width) * u64::from(height) * u64::from(channels);
            if record.size != Size::new(width, height) || expected != record.bytes.len() as u64 {
                return Err(Error::config(format!(
                    "raw pixels of {width} x {height} x {channels} \
                     in a record of {} pixels and {} bytes",
                    record.size,
                    record.bytes.len()
                )));
            }
        }
        if layout::COLUMNS.len() + 1 + self.extras.len() + record.extra.len() > layout::MAX_COLUMNS
        {
            return Err(Error::config(format!(
                "more than {} columns",
                layout::MAX_COLUMNS
            )));
        }
        for (number, (name, _)) in record.extra.iter().enumerate() {
            let known = *name == layout::JPEG_INDEX
                || layout::COLUMNS.iter().any(|(known, _)| known == name);
            let again = record.extra[..number]
                .iter()
                .any(|(before, _)| before == name);
            let valid = !name.is_empty()
                && name.len() <= layout::MAX_NAME
                && name.bytes().all(|b| b.is_ascii_graphic());
            if known || again || !valid {
                return Err(Error::config(format!(
                    "an extra column named \"{}\": expected 1 to {} printable ASCII characters, \
                     no name of the format itself, each once",
                    name.escape_default(),
                    layout::MAX_NAME
                )));
            }
        }
        Ok(codec)
    }

    /// Appends the cells of a record that [`Columns::check`] has accepted; `codec` is the byte that
    /// it returned.
    pub(super) fn push(&mut self, entry: &Entry, codec: u8, record: &Record<'_>) {
        let before = self.codec.len();
        self.offset.extend(entry.offset.to_le_bytes());
        self.length.extend(entry.length.to_le_bytes());
        self.crc.extend(entry.crc32c.to_le_bytes());
        self.width.extend(entry.size.width.to_le_bytes());
        self.height.extend(entry.size.height.to_le_bytes());
        self.codec.push(codec);
        self.jpeg_index.extend(entry.jpeg_index.to_le_bytes());
        self.name.push(record.name.as_bytes());
        let (kind, words): (u8, Vec<u32>) = match record.target {
            Target::None => (0, Vec::new()),
            Target::Class(class) => (1, vec![*class]),
            Target::Multi(classes) => (2, classes.clone()),
            Target::Soft(weights) => (3, weights.iter().map(|weight| weight.to_bits()).collect()),
        };
        self.kind.push(kind);
        let cell: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        self.target.push(&cell);
        for (name, cell) in record.extra {
            if let Some((_, column)) = self.extras.iter_mut().find(|(known, _)| known == name) {
                column.push(cell);
            } else {
                // A new column: every record before this one gets an empty cell.
                let mut column = BytesColumn {
                    ends: vec![0; before],
                    data: Vec::new(),
                };
                column.push(cell);
                self.extras.push(((*name).to_owned(), column));
            }
        }
        // A record without a cell for an extra column gets an empty one.
        for (_, column) in &mut self.extras {
            if column.ends.len() == before {
                column.push(&[]);
            }
        }
    }

    /// Returns the footer as it is stored: head, directory, then the columns, each at a multiple of
    /// 8.
    pub(super) fn encode(self) -> Vec<u8> {
        let samples = self.len();
        let mut columns: Vec<(String, CellType, Vec<u8>)> = layout::COLUMNS
            .into_iter()
            .zip([
                self.offset,
                self.length,
                self.crc,
                self.width,
                self.height,
                self.codec,
                self.name.encode(),
                self.kind,
                self.target.encode(),
            ])
            .map(|((name, cell), data)| (name.to_owned(), cell, data))
            .collect();
        if self.jpeg_index.iter().any(|&byte| byte != 0) {
            columns.push((
                layout::JPEG_INDEX.to_owned(),
                CellType::U32,
                self.jpeg_index,
            ));
        }
        columns.extend(
            self.extras
                .into_iter()
                .map(|(name, column)| (name, CellType::Bytes, column.encode())),
        );
        // Later columns are extra ones, which readers may skip.
        let required = layout::COLUMNS.len();

        let mut out = Vec::new();
        out.extend(samples.to_le_bytes());
        out.extend((columns.len() as u32).to_le_bytes());
        out.extend([0; 4]);
        let mut at = layout::FOOTER_HEAD + columns.len() * layout::ENTRY_BYTES;
        for (number, (name, cell, data)) in columns.iter().enumerate() {
            at = at.next_multiple_of(8);
            let mut entry = [0; layout::ENTRY_BYTES];
            entry[..name.len()].copy_from_slice(name.as_bytes());
            entry[24] = *cell as u8;
            entry[25] = if number < required {
                layout::REQUIRED
            } else {
                0
            };
            entry[32..40].copy_from_slice(&(at as u64).to_le_bytes());
            entry[40..48].copy_from_slice(&(data.len() as u64).to_le_bytes());
            out.extend(entry);
            at += data.len();
        }
        // The paddings here are those that the positions above were computed with.
        for (_, _, data) in &columns {
            out.resize(out.len().next_multiple_of(8), 0);
            out.extend_from_slice(data);
        }
        out
    }
}
