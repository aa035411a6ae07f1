//! Writing a shard, record by record.

use std::path::Path;
use std::sync::Arc;

use super::columns::Columns;
use super::index::Entry;
use super::layout::{self, Stamp, Tail};
use super::record::Record;
use crate::error::{Error, Kind, Result};
use crate::storage::disk::{Disk, System, Temp};

/// What a finished shard is, as a manifest lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Records.
    pub samples: u64,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The checksum of the footer, which covers the checksums of all records.
    pub footer_crc32c: u32,
}

/// Writes one shard to `PATH.tmp-PID`; [`Writer::finish`] gives it its name. A writer dropped
/// before that removes what it wrote.
///
/// # Example
///
/// ```
/// use feedmill::shard::{Backing, Record, Shard, Stamp, Writer};
/// use feedmill::sample::{Codec, Target};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("one.mill");
/// let mut writer = Writer::create(&path, Stamp::default())?;
/// let codec = Codec::Raw { width: 2, height: 1, channels: 1 };
/// let target = Target::Class(3);
/// writer.append(&Record { bytes: &[0, 255], codec, width: 2, height: 1, name: "a", target: &target, extra: &[] })?;
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
    at: u64,
}

impl Writer {
    /// Starts the shard that will be at `path`; a file that is there stays until [`Writer::finish`]
    /// replaces it.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the temporary file cannot be created or written.
    pub fn create(path: &Path, stamp: Stamp) -> Result<Writer> {
        Writer::create_on(Arc::new(System), path, stamp)
    }

    pub(crate) fn create_on(disk: Arc<dyn Disk>, path: &Path, stamp: Stamp) -> Result<Writer> {
        let mut temp = Temp::create(disk, path)?;
        temp.write(&layout::header(&stamp))?;
        Ok(Writer {
            temp,
            columns: Columns::default(),
            at: layout::HEADER,
        })
    }

    /// Appends a record; gives its number, from 0.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for a record that the format cannot hold: no bytes, a side of 0, raw pixels
    /// of another size than they say, a column name that is taken. The writer can go on after
    /// it. [`Kind::Io`] if the file cannot be written; the writer is then of no more use.
    pub fn append(&mut self, record: &Record<'_>) -> Result<u64> {
        self.append_with(record, &[], &mut std::iter::empty())
    }

    /// [`Writer::append`] with more behind the record's bytes: the entropy index of a JPEG
    /// ([`crate::decode::Decoder::index`]; an empty one is none), then `more`, which an extra
    /// column has to list.
    ///
    /// # Errors
    ///
    /// As [`Writer::append`], and [`Kind::Config`] for an index of 4 GiB.
    pub(crate) fn append_with(
        &mut self,
        record: &Record<'_>,
        index: &[u8],
        more: &mut dyn Iterator<Item = &[u8]>,
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
        for piece in more {
            self.temp.write(piece)?;
            self.at += piece.len() as u64;
        }
        let entry = Entry {
            offset,
            length,
            crc32c: crc32c::crc32c(record.bytes),
            width: record.width,
            height: record.height,
            codec: record.codec,
            jpeg_index,
        };
        self.columns.push(&entry, codec, record);
        Ok(number)
    }

    fn pad(&mut self, to: u64) -> Result<()> {
        let zeros = [0; layout::ALIGN as usize];
        self.temp.write(&zeros[..(to - self.at) as usize])?;
        self.at = to;
        Ok(())
    }

    /// Writes the index, makes the file durable and gives it its name.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`]; the temporary file is removed then, and a former file of that name is as it
    /// was.
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
