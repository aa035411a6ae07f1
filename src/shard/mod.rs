//! The `.mill` format: records of encoded images in one file, with a column index at its end.
//!
//! `docs/FORMAT.md` specifies it byte by byte. The rules that shape this code:
//!
//! * A shard is written once and never changed. It appears under its name whole or not at all.
//! * [`Shard::open`] checks everything that later reads rely on, so a hostile file is an error at
//!   open: no later access can leave the payload, and no allocation is larger than the file.
//! * Each record has its own checksum, which is checked on every read. A damaged record is an error
//!   that names it, and its neighbors stay readable. With one checksum for the whole file, a
//!   flipped bit would cost the whole shard, and the first sample would have to wait until all of
//!   it is read.

mod columns;
mod index;
mod layout;
mod manifest;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use index::Entry;
pub use layout::Stamp;
pub(crate) use manifest::is_leftover;
pub use manifest::{Listed, MANIFEST, Manifest};
pub use record::Record;
pub use writer::{Sealed, Writer};

use bytes::Bytes;

use crate::error::{Error, Kind, Result};
use crate::sample::{Payload, Target};
use crate::storage::mmap::Mapping;
use crate::storage::positioned;
use index::Index;
use layout::Tail;

/// How the bytes of a shard reach memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backing {
    /// The file is mapped, and records are slices of the mapping, without a copy. This is the
    /// fastest way on a local disk. If another process cuts the file short while it is open,
    /// touching a small record that is gone ends the process by SIGBUS. For records of 16 KiB and
    /// more, Linux is asked for the pages first, and the loss is [`Kind::Truncated`].
    #[default]
    Mmap,
    /// Records are read by position into a buffer. Use it on network file systems, and wherever
    /// other processes may cut files short.
    Pread,
}

/// An open shard. Its index is in memory; records are read one by one, from any thread.
///
/// # Example: list the records of a shard
///
/// ```no_run
/// use std::path::Path;
///
/// use feedmill::shard::{Backing, Shard};
///
/// let shard = Shard::open(Path::new("data/train/000000.mill"), Backing::Mmap)?;
/// for record in 0..shard.len() {
///     let entry = shard.entry(record);
///     println!("{}: {:?}, {}", shard.name(record), entry.codec, entry.size);
/// }
/// # Ok::<(), feedmill::Error>(())
/// ```
pub struct Shard {
    path: PathBuf,
    stamp: Stamp,
    footer_crc: u32,
    bytes: u64,
    index: Index,
    /// The byte at which the footer starts.
    payload_end: u64,
    storage: Storage,
}

/// Where records are read from.
enum Storage {
    Mapping(Mapping),
    File(File),
}

impl Shard {
    /// Opens a shard and checks its header and its whole index. Records are checked when they are
    /// read.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the file cannot be opened or read. [`Kind::Truncated`] if it does not end as
    /// a shard does, [`Kind::Corrupt`] if anything in header, tail or index contradicts itself,
    /// [`Kind::Unsupported`] for a later version of the format. The message says what was expected
    /// and what was found.
    pub fn open(path: &Path, backing: Backing) -> Result<Shard> {
        let (file, bytes) = open_regular(path)?;
        Shard::parse(file, bytes, path, backing).map_err(|error| error.in_file(path))
    }

    /// Checks an open file of `bytes` bytes; errors do not name the file.
    fn parse(file: File, bytes: u64, path: &Path, backing: Backing) -> Result<Shard> {
        let stamp = read_stamp(&file, bytes)?;
        let mut tail = [0; layout::TAIL as usize];
        positioned::read_exact_at(&file, &mut tail, bytes - layout::TAIL)?;
        let tail = Tail::parse(&tail, bytes)?;
        // The footer is not longer than the file: the tail was checked for it. So the allocation
        // below is bounded by the length of the file.
        let length = usize::try_from(tail.footer_length).map_err(|_| {
            Error::new(
                Kind::Limit,
                format!("an index of {} bytes", tail.footer_length),
            )
        })?;
        let mut footer = positioned::sized(Vec::new(), length as u64)?;
        positioned::read_exact_at(&file, &mut footer, tail.footer_offset)?;
        let found = crc32c::crc32c(&footer);
        if found != tail.footer_crc {
            return Err(Error::corrupt(format!(
                "index checksum is {found:08x}, the file says {:08x}: \
                 the index is damaged; convert or copy it again",
                tail.footer_crc
            )));
        }
        let index = Index::parse(footer, tail.footer_offset)?;
        let storage = match backing {
            Backing::Mmap => Storage::Mapping(Mapping::new(&file, path)?),
            Backing::Pread => Storage::File(file),
        };
        let (footer_crc, payload_end) = (tail.footer_crc, tail.footer_offset);
        Ok(Shard {
            path: path.to_owned(),
            stamp,
            footer_crc,
            bytes,
            index,
            payload_end,
            storage,
        })
    }

    /// Reads the stamp from the header alone, for a file whose index may be damaged.
    pub(crate) fn stamp_of(path: &Path) -> Result<Stamp> {
        let (file, bytes) = open_regular(path)?;
        read_stamp(&file, bytes).map_err(|error| error.in_file(path))
    }

    /// Returns the number of records.
    pub fn len(&self) -> u64 {
        self.index.len() as u64
    }

    /// Returns true if there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the path at which the shard was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns which conversion wrote the shard, and as which part.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Returns what a manifest says about the shard.
    pub fn sealed(&self) -> Sealed {
        Sealed {
            samples: self.len(),
            bytes: self.bytes,
            footer_crc32c: self.footer_crc,
        }
    }

    /// Returns what the index says about a record.
    ///
    /// # Panics
    ///
    /// If `record` is not below [`Shard::len`]. The other methods that take a record panic
    /// likewise, except for [`Shard::read`], which returns an error.
    pub fn entry(&self, record: u64) -> Entry {
        self.index.entry(self.row(record))
    }

    /// The name of a record.
    pub fn name(&self, record: u64) -> &str {
        self.index.name(self.row(record))
    }

    /// Returns the label of a record.
    pub fn target(&self, record: u64) -> Target {
        self.index.target(self.row(record))
    }

    /// Returns the bytes of a record in an extra column; `None` if the shard has no such column.
    pub fn extra(&self, column: &str, record: u64) -> Option<&[u8]> {
        self.index.extra(column, self.row(record))
    }

    /// Returns the names of the extra columns in the order of the file.
    pub fn extras(&self) -> impl Iterator<Item = &str> {
        self.index.extras()
    }

    /// Returns name, kind of target and target of a record as they are stored, for fingerprints.
    pub(crate) fn labels(&self, record: u64) -> [&[u8]; 3] {
        self.index.labels(self.row(record))
    }

    /// Turns the number of a record into a row of the index; panics if there is no such record.
    fn row(&self, record: u64) -> usize {
        assert!(
            record < self.len(),
            "record {record} of {} in {}",
            self.len(),
            self.path.display()
        );
        record as usize
    }

    /// Reads a record and checks its checksum. With [`Backing::Pread`] the record is read into
    /// `buf`, which comes back in the payload; with [`Backing::Mmap`] `buf` is not used.
    ///
    /// # Errors
    ///
    /// [`Kind::Corrupt`] if the bytes do not have the checksum of the record, [`Kind::Truncated`]
    /// if the file was cut since it was opened, [`Kind::Io`] if it cannot be read, [`Kind::Config`]
    /// if there is no record of this number. The message names the file and the record.
    pub fn read(&self, record: u64, buf: Vec<u8>) -> Result<Payload> {
        if record >= self.len() {
            return Err(Error::config(format!(
                "{}: record {record} of {}",
                self.path.display(),
                self.len()
            )));
        }
        let entry = self.entry(record);
        self.read_entry(&entry, buf).map_err(|error| {
            error.at(format!(
                "{}: record {record} ({})",
                self.path.display(),
                self.name(record)
            ))
        })
    }

    /// Reads the entropy index of a record that is a JPEG; `None` if none is stored. The index has
    /// its own checksum, which the decoder checks.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`] if the file was cut since it was opened, [`Kind::Io`] if it cannot be
    /// read.
    pub fn jpeg_index(&self, record: u64) -> Result<Option<Bytes>> {
        let entry = self.entry(record);
        if entry.jpeg_index == 0 {
            return Ok(None);
        }
        // The sum does not overflow: the record index was checked to end before the footer.
        self.slice(entry.offset + entry.length, entry.jpeg_index as usize)
            .map(Some)
            .map_err(|error| {
                error.at(format!(
                    "{}: entropy index of record {record}",
                    self.path.display()
                ))
            })
    }

    /// Reads `length` of the bytes that [`Writer::append_with`] wrote behind a record and its
    /// entropy index, starting at the `start`th of them. An extra column has to say what they are
    /// and which checksum they have.
    ///
    /// # Errors
    ///
    /// [`Kind::Corrupt`] if the bytes would reach into the footer, and the errors of
    /// [`Shard::jpeg_index`].
    pub(crate) fn trailing(&self, record: u64, start: u64, length: u64) -> Result<Bytes> {
        let entry = self.entry(record);
        let first = (entry.offset + entry.length + u64::from(entry.jpeg_index)).checked_add(start);
        let fits = |first: u64| {
            first
                .checked_add(length)
                .is_some_and(|end| end <= self.payload_end)
        };
        match (first.filter(|first| fits(*first)), usize::try_from(length)) {
            (Some(first), Ok(length)) => self.slice(first, length),
            _ => Err(Error::corrupt(format!(
                "{length} bytes from the {start}th behind the record \
                 go past byte {}, where the footer starts",
                self.payload_end
            ))),
        }
    }

    /// Reads a part of the file that ends before the footer.
    fn slice(&self, start: u64, length: usize) -> Result<Bytes> {
        match &self.storage {
            Storage::Mapping(map) => map.range(start as usize..start as usize + length),
            Storage::File(file) => {
                let mut buffer = positioned::sized(Vec::new(), length as u64)?;
                positioned::read_exact_at(file, &mut buffer, start)?;
                Ok(buffer.into())
            }
        }
    }

    /// Reads the record of an entry and checks its checksum.
    fn read_entry(&self, entry: &Entry, buf: Vec<u8>) -> Result<Payload> {
        // The index was checked to lie inside the file, so this can only fail on a 32-bit machine,
        // and there only without a mapping: a file that cannot be mapped has failed at open.
        let length = usize::try_from(entry.length)
            .map_err(|_| Error::new(Kind::Limit, format!("a record of {} bytes", entry.length)))?;
        let payload = match &self.storage {
            Storage::Mapping(map) => {
                let start = entry.offset as usize;
                Payload::Shared(map.range(start..start + length)?)
            }
            Storage::File(file) => {
                let mut buffer = positioned::sized(buf, length as u64)?;
                positioned::read_exact_at(file, &mut buffer, entry.offset)?;
                Payload::Owned(buffer)
            }
        };
        let found = crc32c::crc32c(&payload);
        if found != entry.crc32c {
            // The rest of the last page of a mapped file that was cut reads as zeros, which looks
            // like damage. The length of the file tells the two apart.
            let now = std::fs::metadata(&self.path).map_or(self.bytes, |status| status.len());
            if now < entry.offset + entry.length {
                return Err(Error::new(
                    Kind::Truncated,
                    format!(
                        "the file was cut short while it was open: it has {now} bytes, expected {}",
                        self.bytes
                    ),
                ));
            }
            return Err(Error::corrupt(format!(
                "the checksum of {length} bytes at offset {} is {found:08x}, \
                 the index says {:08x}: the record is damaged; convert or copy the shard again",
                entry.offset, entry.crc32c
            )));
        }
        Ok(payload)
    }
}

/// Opens a regular file and returns its length. The type is checked before the open, because
/// opening a named pipe waits until somebody writes to it.
fn open_regular(path: &Path) -> Result<(File, u64)> {
    let status = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
    if !status.is_file() {
        return Err(Error::config(format!(
            "{}: not a regular file, so not a shard",
            path.display()
        )));
    }
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    let status = file
        .metadata()
        .map_err(|error| Error::io("open", path, error))?;
    Ok((file, status.len()))
}

/// Checks the header of a file of `bytes` bytes and returns its stamp.
fn read_stamp(file: &File, bytes: u64) -> Result<Stamp> {
    if bytes < layout::HEADER + layout::TAIL {
        return Err(Error::new(
            Kind::Truncated,
            format!(
                "a shard has at least {} bytes, found {bytes}",
                layout::HEADER + layout::TAIL
            ),
        ));
    }
    let mut header = [0; layout::HEADER as usize];
    positioned::read_exact_at(file, &mut header, 0)?;
    layout::parse_header(&header)
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("path", &self.path)
            .field("records", &self.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
