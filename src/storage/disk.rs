//! Atomic writes: a file appears under its name complete and durable, or not at all.
//!
//! The steps, in the order that makes them safe against a crash between any two:
//!
//! 1. Write to a temporary name in the same folder. A rename is atomic only within a file system.
//! 2. Sync the file. Otherwise the rename may reach the disk before the bytes, and a crash leaves a
//!    complete name with incomplete contents.
//! 3. Rename it to its final name.
//! 4. Sync the folder, which makes the rename itself durable.
//!
//! docs/FORMAT.md has the table of what a crash at each step leaves behind. Everything that this
//! takes from the operating system is the trait [`Disk`], so that tests can fill the disk after any
//! byte and cut the power between any two steps.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};

/// The operations of a file system that an atomic write needs.
pub(crate) trait Disk: Send + Sync {
    /// Creates an empty file and opens it for writing. An older file of the same name is replaced.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>>;
    /// Renames a file within a folder. An existing file at `to` is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// An open file that is written from start to end.
pub(crate) trait Output: Write + Send {
    /// Makes the bytes written so far durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// The [`Disk`] of the operating system.
#[derive(Debug)]
pub(crate) struct System;

impl Output for std::fs::File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Disk for System {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        // A dead process with the same id may have left a file of this name. It is removed, not
        // truncated, and `create_new` fails on anything that appears in between: a symbolic link
        // put there is not followed to a file elsewhere.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Box::new(
            OpenOptions::new().write(true).create_new(true).open(path)?,
        ))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Only Unix opens a folder as a file; other systems have no call for this.
        if cfg!(unix) {
            std::fs::File::open(folder)?.sync_all()
        } else {
            Ok(())
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
}

/// A file that is being written under the temporary name `NAME.tmp-PID`. [`Temp::seal`] renames it
/// to `NAME`. If it is dropped before, the temporary file is removed.
pub(crate) struct Temp {
    disk: Arc<dyn Disk>,
    /// `None` after the file was sealed or a write failed.
    out: Option<BufWriter<Box<dyn Output>>>,
    /// The temporary path.
    temp: PathBuf,
    /// The final path.
    target: PathBuf,
    sealed: bool,
}

impl Temp {
    /// Creates the temporary file for `target`, in the same folder.
    ///
    /// # Errors
    ///
    /// `Config` if `target` does not end in the name of a file, `Io` if the file cannot be created.
    pub(crate) fn create(disk: Arc<dyn Disk>, target: &Path) -> Result<Temp> {
        let name = target.file_name().ok_or_else(|| {
            Error::config(format!("{}: not the name of a file", target.display()))
        })?;
        let mut temp = name.to_owned();
        temp.push(format!(".tmp-{}", std::process::id()));
        let temp = target.with_file_name(temp);
        let out = disk
            .create(&temp)
            .map_err(|error| Error::io("create", &temp, error))?;
        let out = Some(BufWriter::with_capacity(1 << 18, out));
        Ok(Temp {
            disk,
            out,
            temp,
            target: target.to_owned(),
            sealed: false,
        })
    }

    /// The final path of the file.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Appends bytes, through a buffer.
    ///
    /// # Errors
    ///
    /// `Io` if writing fails; `Config` after an earlier failure.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(out) = &mut self.out else {
            return Err(Error::config(format!(
                "{}: an earlier write failed, so the file was given up",
                self.target.display()
            )));
        };
        let done = out.write_all(bytes);
        done.map_err(|error| self.give_up("write", error))
    }

    /// Makes the bytes durable, renames the file to its final name, and makes the name durable.
    ///
    /// # Errors
    ///
    /// `Io` if a step fails, and as [`Temp::write`] after an earlier failure. Before the rename the
    /// temporary file is removed; after it the file is complete under its final name.
    pub(crate) fn seal(mut self) -> Result<()> {
        // Fails if an earlier write did: a file with a gap must not get the final name.
        self.write(&[])?;
        if let Some(out) = &mut self.out {
            let done = out.flush().and_then(|()| out.get_mut().sync());
            done.map_err(|error| self.give_up("write", error))?;
        }
        self.out = None;
        let renamed = self.disk.rename(&self.temp, &self.target);
        renamed.map_err(|error| Error::io("rename to its final name", &self.temp, error))?;
        self.sealed = true;
        sync_parent(&*self.disk, &self.target)
    }

    /// Closes the file after a failed step and returns the error.
    ///
    /// The buffered bytes are discarded: `BufWriter` would try to write them when it is dropped.
    fn give_up(&mut self, doing: &str, error: io::Error) -> Error {
        if let Some(out) = self.out.take() {
            drop(out.into_parts());
        }
        Error::io(doing, &self.temp, error)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if let Some(out) = self.out.take() {
            drop(out.into_parts());
        }
        if !self.sealed {
            // An error cannot be reported from here, and the next conversion removes leftovers.
            let _ = self.disk.remove(&self.temp);
        }
    }
}

/// Makes the name of a file durable by syncing its folder.
///
/// # Errors
///
/// `Io` if the folder cannot be synced.
pub(crate) fn sync_parent(disk: &dyn Disk, path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    disk.sync_folder(folder)
        .map_err(|error| Error::io("sync", folder, error))
}
