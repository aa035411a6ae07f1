//! Memory-mapped files, for shards and Arrow. No other module maps a file.
//!
//! A mapped record is read without a system call and without a copy, and pages stay in the page
//! cache that all processes of a machine share. The price is that another process can change the
//! bytes, or cut the file short, under the reader; the SAFETY comment below says what follows from
//! that. Reads by position (`positioned`) are the alternative where that price is too high.
#![allow(
    unsafe_code,
    reason = "another process can change a mapped file, which no safe interface can exclude"
)]

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use memmap2::Mmap;

use crate::error::{Error, Kind, Result};

/// The smallest range, in bytes, that is faulted in by one system call before it is touched. For a
/// smaller one the call would cost more than the page faults.
const POPULATE: usize = 16 << 10;

/// A file that is mapped as a whole, for reading.
pub(crate) struct Mapping {
    map: Arc<Mmap>,
    /// The same bytes, as slices that keep the mapping alive.
    bytes: Bytes,
    path: PathBuf,
}

/// The owner of the mapping that [`Bytes`] keeps alive.
struct Owner(Arc<Mmap>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Mapping {
    /// Maps a file. `path` is asked for the length of the file when pages cannot be loaded.
    ///
    /// # Errors
    ///
    /// `Io` if the operating system refuses.
    pub(crate) fn new(file: &File, path: &Path) -> Result<Mapping> {
        // SAFETY: this process never writes through the mapping. The remaining risk is another
        // process that changes the file. Shards do not change: each appears complete under its name
        // by a rename, and a later shard of that name is a different file. docs/FORMAT.md states
        // this contract. If somebody breaks it by editing a shard in place, bytes may change after
        // their checksum was verified; they are only ever read as plain numbers, of which every
        // value is valid. If somebody cuts a shard short, touching a lost page ends the process by
        // SIGBUS, which is not undefined behavior; `range` finds most such cases before they are
        // touched. Reads by position, `Backing::Pread`, have neither problem.
        let map = unsafe { Mmap::map(file) }.map_err(|error| {
            Error::new(Kind::Io, format!("cannot map the file: {error}")).with_source(error)
        })?;
        let map = Arc::new(map);
        Ok(Mapping {
            bytes: Bytes::from_owner(Owner(map.clone())),
            map,
            path: path.to_owned(),
        })
    }

    /// The whole mapping, without the checks of [`Mapping::range`]. Callers check each offset where
    /// they use it.
    pub(crate) fn whole(&self) -> Bytes {
        self.bytes.clone()
    }

    /// A slice of the mapping. The pages of a large one are loaded first, which finds lost pages
    /// before they are touched.
    ///
    /// # Errors
    ///
    /// `Truncated` if the slice goes past the end of the mapping, or of the file as it is now; `Io`
    /// if the disk cannot read it.
    pub(crate) fn range(&self, range: Range<usize>) -> Result<Bytes> {
        let (start, length) = (range.start, range.len());
        if range.end > self.map.len() {
            return Err(Error::new(
                Kind::Truncated,
                format!(
                    "{length} bytes at offset {start} go past the {} bytes mapped",
                    self.map.len()
                ),
            ));
        }
        if length >= POPULATE {
            self.populate(start, length)?;
        }
        Ok(self.bytes.slice(range))
    }

    /// Asks the kernel to load the pages of a range. For a page that is lost it returns an error,
    /// where touching the page would end the process by SIGBUS.
    #[cfg(target_os = "linux")]
    fn populate(&self, start: usize, length: usize) -> Result<()> {
        let Err(error) = self
            .map
            .advise_range(memmap2::Advice::PopulateRead, start, length)
        else {
            return Ok(());
        };
        match error.raw_os_error() {
            // Touching the pages would raise SIGBUS. The length of the file tells the reason.
            Some(libc::EFAULT) => {}
            Some(libc::EHWPOISON | libc::EIO | libc::ENOMEM) => {
                return Err(Error::new(
                    Kind::Io,
                    format!("cannot read {length} bytes: {error}"),
                ));
            }
            // Kernels before 5.14 do not know this advice. Without it, pages are loaded when they
            // are touched.
            _ => return Ok(()),
        }
        let end = (start + length) as u64;
        match std::fs::metadata(&self.path) {
            Ok(found) if found.len() >= end => Err(Error::new(
                Kind::Io,
                format!(
                    "the disk cannot read {length} bytes at offset {start}, or the file was \
                     replaced"
                ),
            )),
            _ => Err(Error::new(
                Kind::Truncated,
                format!(
                    "the file was cut short while it was open: expected {length} bytes at offset \
                     {start}"
                ),
            )),
        }
    }

    /// Other systems have no such call: pages are loaded when they are touched.
    #[cfg(not(target_os = "linux"))]
    fn populate(&self, _start: usize, _length: usize) -> Result<()> {
        Ok(())
    }
}

/// Maps a whole file for reading.
///
/// If the file is cut short while it is mapped, touching a lost page ends the process by SIGBUS; if
/// it is changed, the new bytes are read. The documentation of the sources that use it says so.
///
/// # Errors
///
/// `Io` if the file cannot be opened or mapped, `Unsupported` if it is not a regular file.
#[cfg(feature = "arrow")]
pub(crate) fn map(path: &Path) -> Result<Bytes> {
    // Check the type first: opening a named pipe would block until somebody writes to it.
    let found = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
    if !found.is_file() {
        return Err(Error::new(
            Kind::Unsupported,
            format!(
                "{}: not a regular file, which mapping needs",
                path.display()
            ),
        ));
    }
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    Ok(Mapping::new(&file, path)
        .map_err(|error| error.in_file(path))?
        .whole())
}
