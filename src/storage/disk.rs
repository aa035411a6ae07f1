//! Files that appear under their name whole or not at all: written beside it, synced, renamed,
//! folder synced.
//!
//! What that takes from the operating system is the trait [`Disk`], so that tests can fill the disk
//! after any byte and cut the power between any two steps.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};

pub(crate) trait Disk: Send + Sync {
    /// A new empty file; a leftover of the same name is replaced.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
}

pub(crate) trait Output: Write + Send {
    fn sync(&mut self) -> io::Result<()>;
}

/// The operating system's own files.
#[derive(Debug)]
pub(crate) struct System;

impl Output for std::fs::File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Disk for System {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        // A dead process of the same number may have left one; a link in its place is not followed.
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
        // Elsewhere a folder cannot be opened as a file, and renames are not ordered by hand.
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

/// A file under its temporary name `NAME.tmp-PID`. [`Temp::seal`] gives it its own; dropping it
/// removes it.
pub(crate) struct Temp {
    disk: Arc<dyn Disk>,
    /// `None` once writing is over.
    out: Option<BufWriter<Box<dyn Output>>>,
    temp: PathBuf,
    target: PathBuf,
    sealed: bool,
}

impl Temp {
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

    /// Where the file will be.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

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

    /// Makes the bytes durable, then the name.
    pub(crate) fn seal(mut self) -> Result<()> {
        // Nothing is left to sync after a failed write, which was reported then.
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

    /// Drops the buffered bytes, which would otherwise be written once more while the file is
    /// removed.
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
            // Nobody is left to tell; the next conversion removes leftovers.
            let _ = self.disk.remove(&self.temp);
        }
    }
}

/// Makes a name in its folder durable.
pub(crate) fn sync_parent(disk: &dyn Disk, path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    disk.sync_folder(folder)
        .map_err(|error| Error::io("sync", folder, error))
}
