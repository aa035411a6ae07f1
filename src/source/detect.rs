//! Finds out which format stored data has, and opens it.

use std::path::Path;

use super::format::{Format, format_of_name};
use super::{Folder, Shards, Source, Tar};
use crate::error::{Error, Result};
use crate::sample::Codec;
use crate::shard::Backing;
use crate::storage::positioned;

/// Opens stored data after finding out its format.
///
/// The format of a file follows from its extension (`.mill`, `.tar`, `.arrow`, `.feather`,
/// `.parquet`), or from its first bytes if the extension is another one. A folder with a
/// `manifest.json` or a `.mill` file holds shards; one with `.tar`, `.arrow` or `.parquet` files
/// and no images holds those; one with images or folders is a [`Folder`].
///
/// # Errors
///
/// [`Kind::Io`](crate::Kind::Io) if the path cannot be read, [`Kind::Config`](crate::Kind::Config)
/// if its format is unknown or it holds no samples, and the errors of the reader of the format.
///
/// # Example: any data set
///
/// ```
/// use feedmill::source::{self, Format};
///
/// assert_eq!(source::detect("fixtures/photos")?, Format::Folder);
/// let source = source::open("fixtures/photos")?;
/// println!("{} samples, fingerprint {}", source.len(), source.fingerprint());
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Source>> {
    let path = path.as_ref();
    open_as(path, detect(path)?)
}

/// Returns the format of the data stored at a path, as [`open`] finds it.
///
/// # Errors
///
/// [`Kind::Io`](crate::Kind::Io) if the path cannot be read, [`Kind::Config`](crate::Kind::Config)
/// if its format is unknown.
///
/// # Example: the form of a folder
///
/// ```
/// use feedmill::source::{self, Format};
///
/// assert_eq!(source::detect("fixtures/photos")?, Format::Folder);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn detect(path: impl AsRef<Path>) -> Result<Format> {
    let path = path.as_ref();
    let found = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
    if found.is_dir() {
        folder_format(path)
    } else {
        file_format(path)
    }
}

/// Opens stored data of a known format, with the entropy index that `feedmill index` wrote beside
/// it, if there is one.
///
/// # Errors
///
/// Those of [`open`], and [`Kind::Unsupported`](crate::Kind::Unsupported) for Arrow and Parquet in
/// a build without the feature `arrow`. [`Kind::Mismatch`](crate::Kind::Mismatch) if the entropy
/// index belongs to other data than there is now.
///
/// # Example: a folder as what it is
///
/// ```
/// use feedmill::source::{self, Format};
///
/// let source = source::open_as("fixtures/photos", Format::Folder)?;
/// assert_eq!(source.len(), 10);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn open_as(path: impl AsRef<Path>, format: Format) -> Result<Box<dyn Source>> {
    let path = path.as_ref();
    super::indexed::attach(path, open_bare(path, format)?)
}

/// [`open_as`] without looking for an entropy index.
pub(crate) fn open_bare(path: &Path, format: Format) -> Result<Box<dyn Source>> {
    // A missing path gets the same message whatever the format.
    std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
    match format {
        Format::Folder => Ok(Box::new(Folder::open(path)?)),
        Format::Shards => Ok(Box::new(Shards::open(path, Backing::default())?)),
        Format::Tar => Ok(Box::new(Tar::open(path)?)),
        #[cfg(feature = "arrow")]
        Format::Arrow => Ok(Box::new(super::ArrowFile::open(path)?)),
        #[cfg(feature = "arrow")]
        Format::Parquet => Ok(Box::new(super::Parquet::open(path)?)),
        #[cfg(not(feature = "arrow"))]
        Format::Arrow | Format::Parquet => Err(Error::new(
            crate::Kind::Unsupported,
            format!(
                "{}: this build does not read {format}; build with the feature \"arrow\"",
                path.display()
            ),
        )),
    }
}

/// Returns the format of a file.
fn file_format(path: &Path) -> Result<Format> {
    if let Some(format) = format_of_name(path) {
        return Ok(format);
    }
    let mut head = [0; 512];
    let file = positioned::PositionedFile::open(path)?;
    let read = file.read(0, &mut head)?;
    let head = &head[..read];
    // A compressed file is left to the tar reader, whose error says what to do with it.
    if head.get(257..262) == Some(b"ustar") || super::tar::compression(head).is_some() {
        return Ok(Format::Tar);
    }
    if head.starts_with(b"ARROW1") || head.starts_with(&[0xff; 4]) {
        return Ok(Format::Arrow);
    }
    if head.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    let what = if Codec::detect(head).is_some() {
        "one image; give the folder that it lies in"
    } else {
        "not a data set; expected a .mill, .tar, .arrow, .feather or .parquet file, \
         or a folder of class folders of images"
    };
    Err(Error::config(format!("{}: {what}", path.display())))
}

/// Returns the format of the data in a folder.
fn folder_format(path: &Path) -> Result<Format> {
    let failed = |error| Error::io("list the folder", path, error);
    let mut files: Vec<Format> = Vec::new();
    let (mut manifest, mut images, mut folders) = (false, false, false);
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            folders = true;
            continue;
        }
        manifest |= name == "manifest.json";
        images |= Codec::is_image_name(&name.to_string_lossy());
        if let Some(format) = format_of_name(Path::new(&name))
            && !files.contains(&format)
        {
            files.push(format);
        }
    }
    if manifest || files.contains(&Format::Shards) {
        return Ok(Format::Shards);
    }
    match files[..] {
        [format] if !images => Ok(format),
        [] if images || folders => Ok(Format::Folder),
        [] => Err(Error::config(format!(
            "{}: not a data set; looked for class folders or images (.jpg, .jpeg, .png, .webp), \
             manifest.json, and .mill, .tar, .arrow, .feather and .parquet files",
            path.display()
        ))),
        _ => {
            files.sort_by_key(|format| format.as_str());
            let mut kinds: Vec<&str> = files.iter().map(|format| format.as_str()).collect();
            if images {
                kinds.push("images");
            }
            Err(Error::config(format!(
                "{}: the folder holds {}; say which form is meant, or keep them apart",
                path.display(),
                kinds.join(" and ")
            )))
        }
    }
}
