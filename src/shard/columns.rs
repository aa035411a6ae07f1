//! The footer as written: columns that grow record by record.

use super::index::Entry;
use super::layout::{self, Cell};
use super::record::Record;
use crate::error::{Error, Result};
use crate::sample::{Codec, Target};

#[derive(Default)]
pub(super) struct Columns {
    offset: Vec<u8>,
    length: Vec<u8>,
    crc: Vec<u8>,
    width: Vec<u8>,
    height: Vec<u8>,
    codec: Vec<u8>,
    name: Ragged,
    kind: Vec<u8>,
    target: Ragged,
    /// Of records that have an entropy index; all zeros are not written.
    jpeg_index: Vec<u8>,
    extras: Vec<(String, Ragged)>,
}

#[derive(Default)]
struct Ragged {
    /// The end of each cell.
    ends: Vec<u64>,
    data: Vec<u8>,
}

impl Ragged {
    fn push(&mut self, cell: &[u8]) {
        self.data.extend_from_slice(cell);
        self.ends.push(self.data.len() as u64);
    }

    fn encode(&self) -> Vec<u8> {
        let positions = std::iter::once(0).chain(self.ends.iter().copied());
        let mut out: Vec<u8> = positions.flat_map(u64::to_le_bytes).collect();
        out.extend_from_slice(&self.data);
        out
    }
}

impl Columns {
    pub(super) fn len(&self) -> u64 {
        self.codec.len() as u64
    }

    /// Refuses what the format cannot hold; called before the record's bytes are written.
    pub(super) fn check(&self, record: &Record<'_>) -> Result<u8> {
        let Some(codec) = layout::codec_byte(record.codec) else {
            return Err(Error::config(format!(
                "a shard cannot hold {:?}",
                record.codec
            )));
        };
        if record.bytes.is_empty() || record.width == 0 || record.height == 0 {
            return Err(Error::config(format!(
                "a record of {} bytes and {} x {} pixels",
                record.bytes.len(),
                record.width,
                record.height
            )));
        }
        if let Codec::Raw {
            width,
            height,
            channels,
        } = record.codec
        {
            let expected = u64::from(width) * u64::from(height) * u64::from(channels);
            let sides = (width, height) == (record.width, record.height);
            if !sides || expected != record.bytes.len() as u64 {
                return Err(Error::config(format!(
                    "raw pixels of {height} x {width} x {channels} in a record of {} x {} pixels and {} bytes",
                    record.height,
                    record.width,
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
            let form = !name.is_empty()
                && name.len() <= layout::NAME
                && name.bytes().all(|b| b.is_ascii_graphic());
            if known || again || !form {
                return Err(Error::config(format!(
                    "an extra column named \"{}\": expected 1 to {} printable ASCII characters, \
                     no name of the format itself, each once",
                    name.escape_default(),
                    layout::NAME
                )));
            }
        }
        Ok(codec)
    }

    pub(super) fn push(&mut self, entry: &Entry, codec: u8, record: &Record<'_>) {
        let before = self.codec.len();
        self.offset.extend(entry.offset.to_le_bytes());
        self.length.extend(entry.length.to_le_bytes());
        self.crc.extend(entry.crc32c.to_le_bytes());
        self.width.extend(entry.width.to_le_bytes());
        self.height.extend(entry.height.to_le_bytes());
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
                // The records before had none.
                let mut column = Ragged {
                    ends: vec![0; before],
                    data: Vec::new(),
                };
                column.push(cell);
                self.extras.push(((*name).to_owned(), column));
            }
        }
        for (_, column) in &mut self.extras {
            if column.ends.len() == before {
                column.push(&[]);
            }
        }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let samples = self.len();
        let mut columns: Vec<(String, Cell, Vec<u8>)> = layout::COLUMNS
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
            columns.push((layout::JPEG_INDEX.to_owned(), Cell::U32, self.jpeg_index));
        }
        columns.extend(
            self.extras
                .into_iter()
                .map(|(name, column)| (name, Cell::Bytes, column.encode())),
        );
        let required = layout::COLUMNS.len();

        let mut out = Vec::new();
        out.extend(samples.to_le_bytes());
        out.extend((columns.len() as u32).to_le_bytes());
        out.extend([0; 4]);
        let mut at = layout::FOOTER_HEAD + columns.len() * layout::ENTRY;
        for (number, (name, cell, data)) in columns.iter().enumerate() {
            at = at.next_multiple_of(8);
            let mut entry = [0; layout::ENTRY];
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
        for (_, _, data) in &columns {
            out.resize(out.len().next_multiple_of(8), 0);
            out.extend_from_slice(data);
        }
        out
    }
}
