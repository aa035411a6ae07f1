//! Files as memory.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;

use crate::error::{Error, Kind, Result};

/// Maps a whole file for reading.
///
/// # Errors
///
/// `Io` if it cannot be opened or mapped, `Unsupported` if it is not a regular file.
pub(crate) fn map(path: &Path) -> Result<Bytes> {
    // Asked before opening: opening a pipe would wait for its writer.
    let found = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
    if !found.is_file() {
        return Err(Error::new(
            Kind::Unsupported,
            format!("{}: not a regular file, which mapping needs", path.display()),
        ));
    }
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    // SAFETY: the mapping is private to this process's reads and lives as long as the `Bytes` that own it. Another
    // process may change the file meanwhile, which no reader can prevent: every offset that is read from a mapping is
    // checked where it is used, so that changed bytes give wrong pictures or errors; a file that is cut short ends the
    // process by SIGBUS, and the documentation says so.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|error| Error::io("map", path, error))?;
    Ok(Bytes::from_owner(map))
}
