//! Shards as a source: a folder of `.mill` files with a manifest, or one `.mill` file.
//!
//! The fingerprint is computed from the indexes of the shards, which hold the checksums of all
//! records. So it covers the bytes of every image without reading them, the labels, and the boxes
//! and keypoints, but not the planes; and it does not depend on how the samples are cut into
//! shards.

use std::path::{Path, PathBuf};

use bytes::Bytes;

pub use super::shard_planes::PLANES;
pub(crate) use super::shard_planes::{list as list_planes, read as read_planes};
use super::{Access, Source, no_such_sample};
use crate::error::{Error, Kind, Result};
use crate::geometry::Size;
use crate::sample::{Annotations, Codec, Fingerprint, Sample, Target};
use crate::shard::{Backing, Entry, MANIFEST, Manifest, Shard};

/// The extension of shards.
const EXTENSION: &str = "mill";

/// The extra column of boxes and keypoints, as the JSON of [`Annotations::from_json`]; its cell is
/// empty for a sample without any.
pub const ANNOTATIONS: &str = "annotations.1";

/// Samples in shards.
///
/// # Example: the sizes of all images, without reading one
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use feedmill::convert::{self, convert};
/// use feedmill::shard::Backing;
/// use feedmill::source::{Folder, Shards, Source};
///
/// let folder = tempfile::tempdir().unwrap();
/// let photos = Folder::open("fixtures/photos")?;
/// let options = convert::Options::default();
/// convert(&photos, folder.path(), &options, &AtomicBool::new(false), &|_| {})?;
///
/// let shards = Shards::open(folder.path(), Backing::Mmap)?;
/// for id in 0..shards.len() {
///     let size = shards.image_size(id).expect("shards know it");
///     println!("{}: {size}", shards.name(id)); // such as "nature/life.jpg: 640 x 480"
/// }
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Debug)]
pub struct Shards {
    shards: Vec<Shard>,
    /// The first sample of each shard, then the number of all samples.
    starts: Vec<u64>,
    classes: Option<Vec<String>>,
    fingerprint: Fingerprint,
    uniform: Option<Size>,
    backing: Backing,
}

impl Shards {
    /// Opens a folder of shards by its manifest, or one shard.
    ///
    /// # Errors
    ///
    /// The errors of [`Shard::open`] and [`Manifest::read`]; [`Kind::Mismatch`] if a listed shard
    /// is missing or is not the one that the manifest describes, or if the folder holds a shard
    /// that is not listed; [`Kind::Config`] if there are no samples.
    pub fn open(path: impl AsRef<Path>, backing: Backing) -> Result<Shards> {
        let path = path.as_ref();
        let status = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
        let shards = if status.is_dir() {
            let manifest = Manifest::read(path)?;
            if let Some(extra) = unlisted(path, &manifest)?.first() {
                return Err(unlisted_error(extra));
            }
            let mut shards = Vec::new();
            for listed in &manifest.shards {
                let shard =
                    Shard::open(&path.join(&listed.name), backing).map_err(missing_shard)?;
                listed.check(&shard)?;
                shards.push(shard);
            }
            Shards::of(shards, manifest.classes, backing)
        } else {
            Shards::of(vec![Shard::open(path, backing)?], None, backing)
        };
        if shards.is_empty() {
            return Err(Error::config(format!(
                "{}: there are no samples in it",
                path.display()
            )));
        }
        Ok(shards)
    }

    /// Joins open shards to one source.
    pub(crate) fn of(shards: Vec<Shard>, classes: Option<Vec<String>>, backing: Backing) -> Shards {
        let mut starts = vec![0];
        let mut samples = 0u64;
        for shard in &shards {
            // The sum does not overflow: the index of every shard is in memory.
            samples += shard.len();
            starts.push(samples);
        }
        let (fingerprint, uniform) = fingerprint_and_frame(&shards, classes.as_deref());
        Shards {
            shards,
            starts,
            classes,
            fingerprint,
            uniform,
            backing,
        }
    }

    /// Returns the shards in the order of their samples.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Returns where a sample is: its shard, as a position in [`Shards::shards`], and its record
    /// there; `None` past the end.
    pub fn locate(&self, id: u64) -> Option<(usize, u64)> {
        if id >= self.len() {
            return None;
        }
        let shard = self.starts.partition_point(|start| *start <= id) - 1;
        Some((shard, id - self.starts[shard]))
    }

    /// Returns what the index says about a sample; `None` past the end.
    pub fn entry(&self, id: u64) -> Option<Entry> {
        let (shard, record) = self.locate(id)?;
        Some(self.shards[shard].entry(record))
    }
}

/// Returns the shards in a folder that its manifest does not list, sorted by path.
pub(crate) fn unlisted(folder: &Path, manifest: &Manifest) -> Result<Vec<PathBuf>> {
    let listed: std::collections::BTreeSet<&str> = manifest
        .shards
        .iter()
        .map(|shard| shard.name.as_str())
        .collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io("list", folder, error))? {
        let name = entry
            .map_err(|error| Error::io("list", folder, error))?
            .file_name();
        let shard = Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == EXTENSION);
        if shard && name.to_str().is_none_or(|name| !listed.contains(name)) {
            found.push(folder.join(name));
        }
    }
    found.sort();
    Ok(found)
}

/// The error for a shard that the manifest does not list. It is an error so that nobody believes
/// that the shard is used.
pub(crate) fn unlisted_error(path: &Path) -> Error {
    let message = format!(
        "{}: {MANIFEST} does not list this shard: move it elsewhere",
        path.display()
    );
    Error::new(Kind::Mismatch, message)
}

/// Turns the error of opening a listed shard that does not exist into a mismatch of folder and
/// manifest. Other errors stay as they are.
pub(crate) fn missing_shard(error: Error) -> Error {
    use std::error::Error as _;
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<std::io::Error>());
    if cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound) {
        let message = format!(
            "{}: {MANIFEST} lists this shard: copy it here",
            error.message()
        );
        return Error::new(Kind::Mismatch, message).with_source(error);
    }
    error
}

/// Returns the fingerprint, and the size (height, width) of all samples if all are raw pixels of
/// one size.
fn fingerprint_and_frame(
    shards: &[Shard],
    classes: Option<&[String]>,
) -> (Fingerprint, Option<Size>) {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(b"feedmill shards 1");
    let mut hash_part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    hash_part(&(classes.map_or(u64::MAX, |classes| classes.len() as u64)).to_le_bytes());
    for class in classes.unwrap_or_default() {
        hash_part(class.as_bytes());
    }
    let mut size = None;
    let mut uniform = true;
    for shard in shards {
        for record in 0..shard.len() {
            let entry = shard.entry(record);
            let (codec, channels) = match entry.codec {
                Codec::Jpeg => (1u32, 0u8),
                Codec::Png => (2, 0),
                Codec::WebP => (3, 0),
                Codec::Raw { channels, .. } => (4, channels),
            };
            hash_part(&entry.length.to_le_bytes());
            hash_part(
                &[
                    entry.crc32c,
                    entry.size.width,
                    entry.size.height,
                    codec,
                    channels.into(),
                ]
                .map(u32::to_le_bytes)
                .concat(),
            );
            for label in shard.labels(record) {
                hash_part(label);
            }
            if let Some(text) = shard
                .extra(ANNOTATIONS, record)
                .filter(|text| !text.is_empty())
            {
                hash_part(text);
            }
            uniform &= matches!(entry.codec, Codec::Raw { .. })
                && *size.get_or_insert(entry.size) == entry.size;
        }
    }
    (Fingerprint(hash.digest128()), size.filter(|_| uniform))
}

impl Source for Shards {
    fn len(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    fn name(&self, id: u64) -> String {
        match self.locate(id) {
            Some((shard, record)) => self.shards[shard].name(record).to_owned(),
            None => format!("sample {id}"),
        }
    }

    fn size(&self, id: u64) -> u64 {
        self.entry(id).map_or(0, |entry| entry.length)
    }

    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample> {
        let Some((shard, record)) = self.locate(id) else {
            return Err(no_such_sample(id, self.len()));
        };
        let shard = &self.shards[shard];
        let bytes = shard
            .read(record, buf)
            .map_err(|error| error.with_sample(id))?;
        Ok(Sample {
            bytes,
            codec: shard.entry(record).codec,
            target: shard.target(record),
        })
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        let records = self
            .shards
            .iter()
            .flat_map(|shard| (0..shard.len()).map(move |record| (shard, record)));
        (0..)
            .zip(records)
            .try_for_each(|(id, (shard, record))| each(id, shard.target(record)))
    }

    fn column(&self, name: &str, each: &mut dyn FnMut(u64, &str) -> Result<()>) -> Result<bool> {
        let records = self
            .shards
            .iter()
            .flat_map(|shard| (0..shard.len()).map(move |record| (shard, record)));
        for (id, (shard, record)) in (0..).zip(records) {
            let Some(cell) = shard.extra(name, record) else {
                return Ok(false);
            };
            let text = std::str::from_utf8(cell).map_err(|_| {
                Error::corrupt(format!(
                    "{}: record {record}: {name} is not text",
                    shard.path().display()
                ))
                .with_sample(id)
            })?;
            each(id, text)?;
        }
        Ok(true)
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        let Some((shard, record)) = self.locate(id) else {
            return Ok(None);
        };
        let shard = &self.shards[shard];
        let named = |column: &str, error: Error| {
            error
                .at(format_args!(
                    "{}: record {record}: {column}",
                    shard.path().display()
                ))
                .with_sample(id)
        };
        let mut annotations = match shard.extra(ANNOTATIONS, record) {
            None | Some([]) => None,
            Some(text) => {
                Some(Annotations::from_json(text).map_err(|error| named(ANNOTATIONS, error))?)
            }
        };
        let planes = read_planes(shard, record).map_err(|error| named(PLANES, error))?;
        if !planes.is_empty() {
            annotations.get_or_insert_default().planes = planes;
        }
        Ok(annotations)
    }

    fn jpeg_index(&self, id: u64) -> Result<Option<Bytes>> {
        let Some((shard, record)) = self.locate(id) else {
            return Ok(None);
        };
        self.shards[shard]
            .jpeg_index(record)
            .map_err(|error| error.with_sample(id))
    }

    fn access(&self) -> Access {
        match self.backing {
            Backing::Mmap => Access::Immediate,
            Backing::Pread => Access::Blocking,
        }
    }

    fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    fn image_size(&self, id: u64) -> Option<Size> {
        self.entry(id).map(|entry| entry.size)
    }

    fn uniform_size(&self) -> Option<Size> {
        self.uniform
    }
}
