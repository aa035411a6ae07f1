//! Files mapped into memory, for shards and for Arrow. The only place where files are mapped.
#![allow(unsafe_code, reason = "mapping a file is unsafe: others can change it")]

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use memmap2::Mmap;

use crate::error::{Error, Kind, Result};

/// Records of at least this many bytes are faulted in by one system call before they are touched.
/// For smaller ones the call would cost more than the page faults.
const POPULATE: usize = 16 << 10;

pub(crate) struct Mapping {
    map: Arc<Mmap>,
    bytes: Bytes,
    path: PathBuf,
}

struct Owner(Arc<Mmap>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Mapping {
    pub(crate) fn new(file: &File, path: &Path) -> Result<Mapping> {
        // SAFETY: the mapping is private to this process and never written here. What remains is
        // that another process changes the file. Shards are made not to change: they appear
        // under their name whole, by a rename, and a later shard of that name is another
        // file. Whoever edits one in place breaks that contract, which docs/FORMAT.md
        // states: bytes may then change after their checksum was found right, and they are plain
        // numbers of which no value is invalid. Whoever cuts one short makes a touch of the lost
        // pages end the process by SIGBUS, which is not undefined; `range` finds most such
        // cases before. `Backing::Pread` has neither.
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

    /// The whole mapping. Its owner checks every offset that it reads from it where it is used.
    pub(crate) fn whole(&self) -> Bytes {
        self.bytes.clone()
    }

    /// A slice of the mapping, present in memory if it is large.
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

    /// Asks the kernel for the pages: for one that is gone it answers with an error, where a touch
    /// would kill.
    #[cfg(target_os = "linux")]
    fn populate(&self, start: usize, length: usize) -> Result<()> {
        let Err(error) = self
            .map
            .advise_range(memmap2::Advice::PopulateRead, start, length)
        else {
            return Ok(());
        };
        match error.raw_os_error() {
            Some(libc::EFAULT) => {}
            Some(libc::EHWPOISON | libc::EIO | libc::ENOMEM) => {
                return Err(Error::new(
                    Kind::Io,
                    format!("cannot read {length} bytes: {error}"),
                ));
            }
            // Kernels before 5.14 do not know the advice, and it is no more than that.
            _ => return Ok(()),
        }
        let end = (start + length) as u64;
        match std::fs::metadata(&self.path) {
            Ok(found) if found.len() >= end => Err(Error::new(
                Kind::Io,
                format!(
                    "the disk cannot read {length} bytes at offset {start}, or the file was replaced"
                ),
            )),
            _ => Err(Error::new(
                Kind::Truncated,
                format!(
                    "the file was cut short while it was open: expected {length} bytes at offset {start}"
                ),
            )),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn populate(&self, _start: usize, _length: usize) -> Result<()> {
        Ok(())
    }
}

/// Maps a whole file for reading. A file that is cut short while it is mapped ends the process by
/// SIGBUS, and one that is changed gives other bytes: the documentation of the sources says so.
///
/// # Errors
///
/// `Io` if it cannot be opened or mapped, `Unsupported` if it is not a regular file.
#[cfg(feature = "arrow")]
pub(crate) fn map(path: &Path) -> Result<Bytes> {
    // Asked before opening: opening a pipe would wait for its writer.
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
