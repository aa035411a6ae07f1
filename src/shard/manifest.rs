//! `manifest.json`: which shards a folder holds, and in which order.
//!
//! The manifest is written after the last shard, so its presence says that the conversion has
//! ended. It is JSON, so that people and scripts can read it; the shards stay readable without it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Sealed, Shard};
use crate::error::{Error, Kind, Result};
use crate::sample::Fingerprint;
use crate::storage::disk::{Disk, Temp};

/// The name of the manifest in a folder of shards.
pub const MANIFEST: &str = "manifest.json";

const FORMAT: &str = "feedmill shards";
const VERSION: u32 = 1;
/// The largest manifest that is read, in bytes. Millions of shards and class names fit into it.
const MAX_BYTES: u64 = 1 << 28;

/// What a folder of shards holds. It is written last, so a folder that has a manifest is complete.
///
/// # Example: what a folder holds
///
/// ```no_run
/// use std::path::Path;
///
/// use feedmill::shard::Manifest;
///
/// let manifest = Manifest::read(Path::new("data/train"))?;
/// println!("{} samples in {} shards", manifest.samples, manifest.shards.len());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The fingerprint of the conversion (source and options), which is also in the header of
    /// every shard.
    pub conversion: Fingerprint,
    /// Class names in the order of their numbers; `None` if the source had none.
    pub classes: Option<Vec<String>>,
    /// The number of samples in all shards.
    pub samples: u64,
    /// The shards in the order of their samples.
    pub shards: Vec<Listed>,
}

/// One shard in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Listed {
    /// Its file name in the folder.
    pub name: String,
    /// The number of its records.
    pub samples: u64,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// CRC-32C of its footer, which identifies its content.
    pub footer_crc32c: u32,
}

/// The manifest as it is stored.
#[derive(Serialize)]
struct ManifestFile<'a> {
    format: &'a str,
    version: u32,
    #[serde(flatten)]
    body: &'a Manifest,
}

/// The fields that say whether the rest can be read.
#[derive(Deserialize)]
struct FormatHeader {
    format: String,
    version: u32,
}

impl Manifest {
    /// Reads and checks the manifest of a folder. The shards themselves are not opened.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`] if there is no manifest, as in a folder whose conversion has not ended;
    /// [`Kind::Io`] if it cannot be read; [`Kind::Corrupt`] if it is not a manifest, its names are
    /// not plain file names or its counts do not add up; [`Kind::Unsupported`] for a later version;
    /// [`Kind::Limit`] above 256 MiB.
    pub fn read(folder: &Path) -> Result<Manifest> {
        let path = folder.join(MANIFEST);
        let status = match std::fs::metadata(&path) {
            Ok(status) => status,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::new(
                    Kind::Truncated,
                    format!(
                        "{}: there is no {MANIFEST}: the conversion has not ended; \
                         end it with --resume",
                        folder.display()
                    ),
                ));
            }
            Err(error) => return Err(Error::io("open", &path, error)),
        };
        if !status.is_file() || status.len() > MAX_BYTES {
            return Err(Error::new(
                Kind::Limit,
                format!(
                    "{}: expected a file of at most {MAX_BYTES} bytes, found {} bytes",
                    path.display(),
                    status.len()
                ),
            ));
        }
        let text = std::fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
        Manifest::parse(&text).map_err(|error| error.in_file(path))
    }

    /// Checks the text of a manifest; errors do not name the file.
    fn parse(text: &[u8]) -> Result<Manifest> {
        let broken = |error: serde_json::Error| {
            let kind = if error.is_eof() {
                Kind::Truncated
            } else {
                Kind::Corrupt
            };
            Error::new(kind, format!("not a manifest of shards: {error}")).with_source(error)
        };
        // Format and version first: a later version may have other fields.
        let head: FormatHeader = serde_json::from_slice(text).map_err(broken)?;
        if head.format != FORMAT {
            return Err(Error::corrupt(format!(
                "the format is \"{}\", expected \"{FORMAT}\"",
                head.format.escape_default()
            )));
        }
        if head.version != VERSION {
            return Err(Error::new(
                Kind::Unsupported,
                format!(
                    "version {}; this program reads {VERSION}: update it",
                    head.version
                ),
            ));
        }
        let manifest: Manifest = serde_json::from_slice(text).map_err(broken)?;
        let mut names = BTreeSet::new();
        let mut samples = 0u64;
        for shard in &manifest.shards {
            let name = &shard.name;
            // A name with a separator, or `..`, would make a manifest open files elsewhere.
            if name.is_empty() || name.contains(['/', '\\', '\0', ':']) || name.starts_with('.') {
                return Err(Error::corrupt(format!(
                    "\"{}\" is not the plain name of a file beside it",
                    name.escape_default()
                )));
            }
            if !names.insert(name) {
                return Err(Error::corrupt(format!(
                    "the shard \"{name}\" is listed twice"
                )));
            }
            samples = samples
                .checked_add(shard.samples)
                .ok_or_else(|| Error::corrupt("the shards list more than 2^64 samples"))?;
        }
        if samples != manifest.samples {
            return Err(Error::corrupt(format!(
                "the shards list {samples} samples, the manifest says {}",
                manifest.samples
            )));
        }
        Ok(manifest)
    }

    /// Returns the manifest as it is stored: JSON that ends with a newline.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let file = ManifestFile {
            format: FORMAT,
            version: VERSION,
            body: self,
        };
        let mut text =
            serde_json::to_vec_pretty(&file).expect("strings and numbers have a JSON form");
        text.push(b'\n');
        text
    }

    /// Writes the manifest into a folder, durably, whole or not at all.
    pub(crate) fn write(&self, disk: Arc<dyn Disk>, folder: &Path) -> Result<()> {
        let mut temp = Temp::create(disk, &folder.join(MANIFEST))?;
        temp.write(&self.encode())?;
        temp.seal()
    }
}

impl Listed {
    /// Returns what a manifest says about a shard of this name.
    pub fn new(name: impl Into<String>, sealed: Sealed) -> Listed {
        Listed {
            name: name.into(),
            samples: sealed.samples,
            bytes: sealed.bytes,
            footer_crc32c: sealed.footer_crc32c,
        }
    }

    /// Compares an open shard with what the manifest says about it.
    ///
    /// # Errors
    ///
    /// [`Kind::Mismatch`] naming the file and what differs.
    pub fn check(&self, shard: &Shard) -> Result<()> {
        let found = shard.sealed();
        let differs = |what: &str, found: u64, listed: u64| {
            Error::new(
                Kind::Mismatch,
                format!(
                    "{}: {what} {found}, {MANIFEST} says {listed}: \
                     the shard belongs to another data set",
                    shard.path().display()
                ),
            )
        };
        if found.samples != self.samples {
            return Err(differs(
                "the number of samples is",
                found.samples,
                self.samples,
            ));
        }
        if found.bytes != self.bytes {
            return Err(differs("the number of bytes is", found.bytes, self.bytes));
        }
        if found.footer_crc32c != self.footer_crc32c {
            return Err(differs(
                "the checksum is",
                found.footer_crc32c.into(),
                self.footer_crc32c.into(),
            ));
        }
        Ok(())
    }
}

/// Returns true for the temporary name of a shard or manifest, which a process that is still
/// writing or was ended may have left.
pub(crate) fn is_leftover(name: &str) -> bool {
    name.rsplit_once(".tmp-").is_some_and(|(name, process)| {
        let ours = name == MANIFEST || name.ends_with(".mill");
        ours && !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit())
    })
}
