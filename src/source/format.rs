//! The formats of stored data, and the files of a format in a folder.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The format of stored data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A folder of class folders of images.
    Folder,
    /// A folder of `.mill` shards, or one shard.
    Shards,
    /// A tar in the convention of WebDataset, or a folder of such tars.
    Tar,
    /// An Arrow IPC file or stream, or a folder of such files.
    Arrow,
    /// A Parquet file, or a folder of such files.
    Parquet,
}

impl Format {
    /// All formats, in the order in which messages list them.
    pub const ALL: [Format; 5] = [
        Format::Folder,
        Format::Shards,
        Format::Tar,
        Format::Arrow,
        Format::Parquet,
    ];

    /// Returns the name of the format in lower case, as [`Format::from_str`] reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Folder => "folder",
            Format::Shards => "shards",
            Format::Tar => "tar",
            Format::Arrow => "arrow",
            Format::Parquet => "parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = Error;

    /// Reads `folder`, `shards`, `tar`, `arrow` or `parquet`.
    fn from_str(text: &str) -> Result<Format> {
        Format::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| {
                let known = Format::ALL.map(Format::as_str).join(", ");
                Error::config(format!(
                    "\"{text}\" is not a format of stored data; expected one of {known}"
                ))
            })
    }
}

/// Returns the format that the extension of a file name announces.
pub(super) fn format_of_name(name: &Path) -> Option<Format> {
    let extension = name.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "mill" => Some(Format::Shards),
        "tar" => Some(Format::Tar),
        "arrow" | "feather" => Some(Format::Arrow),
        "parquet" => Some(Format::Parquet),
        _ => None,
    }
}

/// Returns the path itself if it is a file, or the files in the folder whose extension announces
/// `wanted`, sorted by the bytes of their names.
pub(super) fn data_files(path: &Path, wanted: Format) -> Result<Vec<std::path::PathBuf>> {
    let found = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
    if !found.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let failed = |error| Error::io("list the folder", path, error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if !hidden
            && format_of_name(Path::new(&name)) == Some(wanted)
            && !entry.file_type().map_err(failed)?.is_dir()
        {
            names.push(name);
        }
    }
    if names.is_empty() {
        let expected = match wanted {
            Format::Arrow => ".arrow or .feather",
            Format::Parquet => ".parquet",
            _ => ".tar",
        };
        return Err(Error::config(format!(
            "{}: no {expected} file in the folder",
            path.display()
        )));
    }
    names.sort_unstable_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(names.into_iter().map(|name| path.join(name)).collect())
}
