//! A lock on the destination folder, so that two conversions do not write into it at once.
//!
//! The lock is on a file and held by the open file (`flock` on Unix), so the kernel releases it
//! when the process ends, however it ends. A lock file that merely exists would outlive a process
//! that was killed, and somebody would have to remove it by hand.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// The name of the lock file in the folder.
pub(super) const LOCK: &str = ".feedmill-convert.lock";

/// A lock on a folder. It is released when it is dropped or the process ends.
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of a folder without waiting.
    ///
    /// # Errors
    ///
    /// `Io` if another conversion holds it or the file cannot be created.
    pub(super) fn take(folder: &Path) -> Result<Lock> {
        let path = folder.join(LOCK);
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .map_err(|error| Error::io("create", &path, error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(
                        Kind::Io,
                        format!(
                            "{}: another conversion is writing here; wait for it or end it",
                            folder.display()
                        ),
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path, error)),
            }
            // The former holder may have removed the file between the open and the lock. Then this
            // lock is on a file without a name, which nobody else would find, so it is taken again.
            if same_file(&file, &path) {
                return Ok(Lock { file, path });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file is removed while the lock is held, so that no other process can lock it in
        // between. If the removal fails, a file without a lock stays, which does no harm.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// Returns whether an open file is still the one at a path.
#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_file: &File, path: &Path) -> bool {
    path.exists()
}
