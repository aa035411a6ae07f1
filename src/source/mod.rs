//! Where samples come from: numbered records of encoded bytes with their targets.
//!
//! A source knows bytes and targets and nothing of pixels. Its numbering is frozen when it is
//! opened: sample `i` is the same record for as long as [`Source::fingerprint`] is the same.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use crate::error::{Error, Kind, Result};

mod annotations;
#[cfg(feature = "arrow")]
mod arrow;
mod blend;
#[cfg(feature = "arrow")]
mod cells;
mod detect;
mod fill;
mod folder;
pub(crate) mod indexed;
#[cfg(feature = "arrow")]
mod map;
mod memory;
mod names;
#[cfg(feature = "arrow")]
mod parquet;
mod shard_planes;
pub(crate) mod shards;
mod sidecar;
mod tar;

pub use annotations::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind};
#[cfg(feature = "arrow")]
pub use arrow::ArrowFile;
pub(crate) use blend::Blend;
#[cfg(feature = "arrow")]
pub use cells::Columns;
pub(crate) use detect::open_bare;
pub use detect::{Format, detect, open, open_as};
pub use folder::Folder;
pub use memory::Memory;
#[cfg(feature = "arrow")]
pub use parquet::Parquet;
pub use shards::Shards;
pub use tar::{Skipped, Tar};

/// A data set: samples by number.
///
/// All methods may be called from several threads at once. Implement it for your own storage; the
/// loader needs nothing else.
pub trait Source: Send + Sync {
    /// The number of samples.
    fn len(&self) -> u64;

    /// True if there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A hash of what the data is: it must change when a sample is added, removed, reordered or
    /// replaced, and must not depend on where the data lies or on any time stamp.
    fn fingerprint(&self) -> Fingerprint;

    /// The name of a sample for people: a path, a member of a tar, a row.
    fn name(&self, id: u64) -> String;

    /// The encoded size of a sample in bytes, for budgets. An estimate is enough.
    fn size(&self, id: u64) -> u64;

    /// Reads one sample. `spare` is a buffer that the source may fill and hand back in
    /// [`Payload::Owned`].
    ///
    /// # Errors
    ///
    /// Whatever keeps the sample from being read whole: [`Kind::Io`], [`Kind::Corrupt`],
    /// [`Kind::Truncated`]. The message names the file and the record.
    fn read(&self, id: u64, spare: Vec<u8>) -> Result<Raw>;

    /// Boxes, keypoints and planes of a sample; `None` if the data has none. Asked for only by
    /// recipes with a `[joint]` table, on the thread that reads the sample.
    ///
    /// # Errors
    ///
    /// As [`Source::read`]: whatever keeps them from being read is a fault of the sample.
    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        let _ = id;
        Ok(None)
    }

    /// The entropy index of a sample that is a JPEG ([`crate::decode::jpeg::Index`]), if one is
    /// stored: with it a crop is decoded without what lies in front of it. Called on the thread
    /// that reads the sample. The index need not be checked here: the decoder does it.
    ///
    /// # Errors
    ///
    /// As [`Source::read`].
    fn jpeg_index(&self, id: u64) -> Result<Option<Bytes>> {
        let _ = id;
        Ok(None)
    }

    /// Hands out the target of every sample in order, for samplers that go by class. The default
    /// reads every sample; a source that knows targets without their images should say them
    /// here.
    ///
    /// # Errors
    ///
    /// As [`Source::read`], and those of `each`.
    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        let mut spare = Vec::new();
        for id in 0..self.len() {
            let Raw { bytes, target, .. } = self.read(id, std::mem::take(&mut spare))?;
            if let Payload::Owned(buffer) = bytes {
                spare = buffer;
            }
            each(id, target)?;
        }
        Ok(())
    }

    /// Hands out the value of every sample in a further column, in order, as text: what samplers
    /// may go by beside classes. False if there is no such column, which is all that the
    /// default says.
    ///
    /// # Errors
    ///
    /// Whatever keeps the column from being read, and those of `each`.
    fn column(&self, name: &str, each: &mut dyn FnMut(u64, &str) -> Result<()>) -> Result<bool> {
        let _ = (name, each);
        Ok(false)
    }

    /// How [`Source::read`] behaves, which decides on which thread it is called.
    fn access(&self) -> Access {
        Access::Blocking
    }

    /// The class names in the order of their indices, if the source knows them.
    fn classes(&self) -> Option<&[String]> {
        None
    }

    /// The frame of one upright image as (height, width), if the source knows it without reading.
    /// Planning and statistics then need no header.
    fn frame(&self, id: u64) -> Option<(u32, u32)> {
        let _ = id;
        None
    }

    /// The frame that every sample has as (height, width), if the source can promise one without
    /// reading: recipes whose operations keep the size need it.
    fn uniform_frame(&self) -> Option<(u32, u32)> {
        None
    }
}

/// How reading behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It hands out memory or a mapping: the worker that decodes calls it in place.
    Immediate,
    /// It waits for a disk or a network: many calls are kept in flight on the reader's own threads.
    Blocking,
}

/// One sample as stored.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The encoded bytes.
    pub bytes: Payload,
    /// How they are encoded.
    pub codec: Codec,
    /// What the sample is labeled with.
    pub target: Target,
}

/// The bytes of a sample: a slice of something shared (a mapping, an array) or a buffer of its own.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A slice of shared memory; no copy was made.
    Shared(Bytes),
    /// A buffer, usually the `spare` given to [`Source::read`].
    Owned(Vec<u8>),
}

impl Deref for Payload {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Payload::Shared(bytes) => bytes,
            Payload::Owned(bytes) => bytes,
        }
    }
}

/// How a sample's bytes are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// JPEG (JFIF, Exif or bare).
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossy or lossless.
    WebP,
    /// Raw 8-bit pixels, rows of interleaved channels (HWC); 1 channel is gray, 3 are RGB.
    Raw {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Channels: 1 or 3.
        channels: u8,
    },
}

impl Codec {
    /// The codec that the first bytes announce; `None` if they belong to no format that feedmill
    /// reads.
    pub fn detect(bytes: &[u8]) -> Option<Codec> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Codec::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Codec::Png),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Codec::WebP),
            _ => None,
        }
    }

    /// The codec that the first bytes announce.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`] for an empty record, [`Kind::Corrupt`] for bytes of no known format; the
    /// message shows them.
    pub fn sniff(bytes: &[u8]) -> Result<Codec> {
        if bytes.is_empty() {
            return Err(Error::new(
                Kind::Truncated,
                "the file is empty: expected a JPEG, PNG or WebP image",
            ));
        }
        Codec::detect(bytes).ok_or_else(|| {
            let head = &bytes[..bytes.len().min(12)];
            Error::corrupt(format!(
                "not an image: expected JPEG, PNG or WebP, found bytes \"{}\"",
                head.escape_ascii()
            ))
        })
    }

    /// True if a file of this name is taken for an image: `jpg`, `jpeg`, `png` or `webp` in any
    /// case.
    pub fn is_image_name(name: &str) -> bool {
        let Some((_, extension)) = name.rsplit_once('.') else {
            return false;
        };
        ["jpg", "jpeg", "png", "webp"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    }
}

/// What a sample is labeled with.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// Nothing.
    #[default]
    None,
    /// One class.
    Class(u32),
    /// Any number of classes.
    Multi(Vec<u32>),
    /// A weight for each class.
    Soft(Vec<f32>),
}

/// A 128-bit hash that stands for a data set or a recipe.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of a sequence of parts; parts are length-prefixed, so that moving a border
    /// changes it.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
        let mut sum = Parts::default();
        for part in parts {
            sum.push(part);
        }
        sum.finish()
    }
}

/// [`Fingerprint::of`] for parts that come one by one.
#[derive(Default)]
pub(crate) struct Parts(xxhash_rust::xxh3::Xxh3);

impl Parts {
    pub(crate) fn push(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    pub(crate) fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.digest128())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = Error;
    fn from_str(text: &str) -> Result<Fingerprint> {
        match u128::from_str_radix(text, 16) {
            Ok(value) if text.len() == 32 => Ok(Fingerprint(value)),
            _ => Err(Error::corrupt(format!(
                "a fingerprint is 32 hexadecimal digits, found \"{text}\""
            ))),
        }
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Fingerprint, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A number beyond the samples there are: a fault of the caller.
fn no_such_sample(id: u64, len: u64) -> Error {
    Error::config(format!("sample {id} of {len}")).with_sample(id)
}
