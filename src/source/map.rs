//! Files as memory.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;

use crate::error::{Error, Kind, Result};
use crate::shard::Map;

/// Maps a whole file for reading. A file that is cut short while it is mapped ends the process by
/// SIGBUS, and one that is changed gives other bytes: the documentation of the sources says so.
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
            format!(
                "{}: not a regular file, which mapping needs",
                path.display()
            ),
        ));
    }
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    Ok(Map::new(&file, path)
        .map_err(|error| error.at(path.display()))?
        .whole())
}
