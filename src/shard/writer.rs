//! Writing a shard, record by record.
//!
//! Records go to a temporary file as they come; only the columns of the index stay in memory.
//! [`Writer::finish`] appends the index, syncs the file, renames it to its final name and syncs the
//! folder, in this order. So after a crash at any moment the final name is absent, names the
//! earlier file, or names the whole new shard ("Writing, and crashes" in `docs/FORMAT.md`).

use std::path::Path;
use std::sync::Arc;

use super::columns::Columns;
use super::index::Entry;
use super::layout::{self, Stamp, Tail};
use super::record::Record;
use crate::error::{Error, Kind, Result};
use crate::storage::disk::{Disk, System, Temp};

/// The facts about a finished shard that a manifest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealed {
    /// The number of records.
    pub samples: u64,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// CRC-32C of the footer. Since the footer holds the checksums of all records, it identifies
    /// the content of the shard.
    pub footer_crc32c: u32,
}

/// Writes one shard to `PATH.tmp-PID`; [`Writer::finish`] renames it to `PATH`. A writer that is
/// dropped before that removes the temporary file.
///
/// # Example: write a shard and read it
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::shard::{Backing, Record, Shard, Stamp, Writer};
/// use feedmill::sample::{Codec, Target};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("one.mill");
/// let mut writer = Writer::create(&path, Stamp::default())?;
/// let (size, target) = (Size::new(2, 1), Target::Class(3));
/// let record = Record::new("a", &[0, 255], Codec::raw(size, 1), size).with_target(&target);
/// writer.append(&record)?;
/// writer.finish()?;
///
/// let shard = Shard::open(&path, Backing::Mmap)?;
/// assert_eq!(&shard.read(0, Vec::new())?[..], &[0, 255]);
/// assert_eq!(shard.target(0), target);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer {
    temp: Temp,
    columns: Columns,
    /// The position in the file at which the next byte goes.
    at: u64,
}

impl Writer {
    /// Starts the shard that will be at `path`. A file that is there stays until [`Writer::finish`]
    /// replaces it.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the temporary file cannot be created or written.
    pub fn create(path: &Path, stamp: Stamp) -> Result<Writer> {
        Writer::create_on(Arc::new(System), path, stamp)
    }

    /// [`Writer::create`] on a disk that tests can replace.
    pub(crate) fn create_on(disk: Arc<dyn Disk>, path: &Path, stamp: Stamp) -> Result<Writer> {
        let mut temp = Temp::create(disk, path)?;
        temp.write(&layout::header(&stamp))?;
        Ok(Writer {
            temp,
            columns: Columns::default(),
            at: layout::HEADER,
        })
    }

    /// Appends a record and returns its number, counted from 0.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for a record that the format cannot hold: no bytes, a side of 0, raw pixels
    /// of another size than the record says, a column name that is taken. The writer can go on
    /// after it. [`Kind::Io`] if the file cannot be written; the writer cannot be used after it.
    pub fn append(&mut self, record: &Record<'_>) -> Result<u64> {
        self.append_with(record, &[], &mut std::iter::empty())
    }

    /// Appends a record as [`Writer::append`] does, and writes more bytes behind it: the entropy
    /// index of a JPEG ([`crate::decode::Decoder::index`]; an empty one means that there is none),
    /// then the pieces of `trailing` end to end. An extra column has to list these pieces, because
    /// nothing else does.
    ///
    /// # Errors
    ///
    /// The errors of [`Writer::append`], and [`Kind::Config`] for an index of 4 GiB or more.
    pub(crate) fn append_with(
        &mut self,
        record: &Record<'_>,
        index: &[u8],
        trailing: &mut dyn Iterator<Item = &[u8]>,
    ) -> Result<u64> {
        let number = self.columns.len();
        let place = |error: Error| {
            error.at(format!(
                "{}: record {number} ({})",
                self.temp.target().display(),
                record.name
            ))
        };
        let codec = self.columns.check(record).map_err(place)?;
        let length = record.bytes.len() as u64;
        let jpeg_index = u32::try_from(index.len()).map_err(|_| {
            place(Error::config(format!(
                "an entropy index of {} bytes",
                index.len()
            )))
        })?;
        let offset = layout::aligned(self.at)
            .filter(|offset| offset.checked_add(length + u64::from(jpeg_index)).is_some())
            .ok_or_else(|| {
                place(Error::new(
                    Kind::Limit,
                    "the shard would be larger than 2^64 bytes",
                ))
            })?;
        self.pad(offset)?;
        self.temp.write(record.bytes)?;
        self.temp.write(index)?;
        self.at = offset + length + u64::from(jpeg_index);
        for piece in trailing {
            self.temp.write(piece)?;
            self.at += piece.len() as u64;
        }
        let entry = Entry {
            offset,
            length,
            crc32c: crc32c::crc32c(record.bytes),
            size: record.size,
            codec: record.codec,
            jpeg_index,
        };
        self.columns.push(&entry, codec, record);
        Ok(number)
    }

    /// Writes zeros up to byte `to` of the file; at most [`layout::ALIGN`] of them.
    fn pad(&mut self, to: u64) -> Result<()> {
        let zeros = [0; layout::ALIGN as usize];
        self.temp.write(&zeros[..(to - self.at) as usize])?;
        self.at = to;
        Ok(())
    }

    /// Writes the index, makes the file durable and renames it to its final name.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`]. The temporary file is then removed, and an earlier file of the final name is
    /// as it was.
    pub fn finish(mut self) -> Result<Sealed> {
        let footer_offset = layout::aligned(self.at)
            .ok_or_else(|| Error::new(Kind::Limit, "the shard would be larger than 2^64 bytes"))?;
        self.pad(footer_offset)?;
        let samples = self.columns.len();
        let footer = self.columns.encode();
        let footer_crc = crc32c::crc32c(&footer);
        let footer_length = footer.len() as u64;
        self.temp.write(&footer)?;
        self.temp.write(
            &Tail {
                footer_offset,
                footer_length,
                footer_crc,
            }
            .encode(),
        )?;
        self.temp.seal()?;
        Ok(Sealed {
            samples,
            bytes: footer_offset + footer_length + layout::TAIL,
            footer_crc32c: footer_crc,
        })
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("path", &self.temp.target())
            .field("records", &self.columns.len())
            .finish()
    }
}
