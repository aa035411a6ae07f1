//! Where samples come from: numbered records of encoded bytes with their targets.
//!
//! A source knows bytes and targets and nothing about pixels. Its numbering is frozen when it is
//! opened: sample `i` is the same record for as long as [`Source::fingerprint`] is the same. Random
//! access by number is what makes resuming, sharding over ranks and shuffling cheap, so a source
//! that can only be read from start to end cannot be one.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::{Annotations, Fingerprint, Payload, Sample, Target};

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(feature = "arrow")]
mod arrow_columns;
mod detect;
mod folder;
mod format;
pub(crate) mod indexed;
mod into_source;
mod joined;
mod memory;
#[cfg(feature = "arrow")]
mod parquet;
mod shard_planes;
pub(crate) mod shards;
mod sidecar;
mod tar;

#[cfg(feature = "arrow")]
pub use arrow::ArrowFile;
#[cfg(feature = "arrow")]
pub use arrow_columns::Columns;
pub(crate) use detect::open_bare;
pub use detect::{detect, open, open_as};
pub use folder::Folder;
pub use format::Format;
pub use into_source::IntoSource;
pub(crate) use joined::JoinedSources;
pub use memory::Memory;
#[cfg(feature = "arrow")]
pub use parquet::Parquet;
pub use shards::Shards;
pub use tar::{SkippedMembers, Tar};

/// A data set: samples by number.
///
/// All methods may be called from several threads at once. Implement it for your own storage; the
/// loader needs nothing else. [`crate::testing::source_contract`] checks the promises of an
/// implementation and has an example of one.
///
/// # Example: read a data set without a loader
///
/// ```
/// use feedmill::source::{self, Source};
///
/// let source = source::open("fixtures/photos")?;
/// let classes = source.classes().expect("a folder has class names").to_vec();
/// let mut counts = vec![0; classes.len()];
/// source.labels(&mut |_, target| {
///     if let feedmill::sample::Target::Class(class) = target {
///         counts[class as usize] += 1;
///     }
///     Ok(())
/// })?;
/// assert_eq!(classes, ["nature", "places", "still"]);
/// assert_eq!(counts, [4, 3, 3]);
/// let first = source.read(0, Vec::new())?;
/// println!("{}: {} bytes of {:?}", source.name(0), first.bytes.len(), first.codec);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub trait Source: Send + Sync {
    /// Returns the number of samples.
    fn len(&self) -> u64;

    /// Returns true if there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a hash of what the data is. It must change when a sample is added, removed,
    /// reordered or replaced, and must not depend on where the data lies or on any time stamp.
    fn fingerprint(&self) -> Fingerprint;

    /// Returns the name of a sample for messages and listings: a path, a member of a tar, a row.
    /// For a number that no sample has, any text will do, such as the number; panicking will not.
    fn name(&self, id: u64) -> String;

    /// Returns the encoded size of a sample in bytes, for budgets. An estimate is enough. 0 for a
    /// number that no sample has.
    fn size(&self, id: u64) -> u64;

    /// Reads one sample. The source may fill the buffer `buf`, of any length and content, and
    /// return it in [`Payload::Owned`].
    ///
    /// # Errors
    ///
    /// Whatever keeps the sample from being read completely: [`crate::Kind::Io`],
    /// [`crate::Kind::Corrupt`], [`crate::Kind::Truncated`]. The message names the file and the
    /// record. [`crate::Kind::Config`] for a number that no sample has.
    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample>;

    /// Announces that a sample will be read soon, so that its bytes are on their way by then. It is
    /// called for sources that [block](Access::Blocking), and only while reads are slow. It must
    /// not wait for the bytes. The default does nothing.
    fn read_ahead(&self, id: u64) {
        let _ = id;
    }

    /// Reads boxes, keypoints and planes of a sample; `None` if the data has none. It is called
    /// only for recipes with a `[joint]` table, on the thread that reads the sample.
    ///
    /// # Errors
    ///
    /// As [`Source::read`]: an error here makes the sample a bad one.
    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        let _ = id;
        Ok(None)
    }

    /// Reads the entropy index of a sample that is a JPEG ([`crate::decode::jpeg::Index`]); `None`
    /// if none is stored. With it, a crop is decoded without the rows above it. It is called on the
    /// thread that reads the sample. The source need not check the index: the decoder does.
    ///
    /// # Errors
    ///
    /// As [`Source::read`].
    fn jpeg_index(&self, id: u64) -> Result<Option<Bytes>> {
        let _ = id;
        Ok(None)
    }

    /// Calls `each` with the target of every sample in order, for samplers that go by class. It is
    /// the target that [`Source::read`] returns. An error of `each` ends the calls. The
    /// default reads every sample; a source that knows targets without reading images should
    /// implement this.
    ///
    /// # Errors
    ///
    /// As [`Source::read`], and those of `each`.
    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        let mut buf = Vec::new();
        for id in 0..self.len() {
            let Sample { bytes, target, .. } = self.read(id, std::mem::take(&mut buf))?;
            if let Payload::Owned(buffer) = bytes {
                buf = buffer;
            }
            each(id, target)?;
        }
        Ok(())
    }

    /// Calls `each` with the value of every sample in a further column, in order, as text. Samplers
    /// may go by such columns as well as by class. Returns false if there is no such column, as the
    /// default does.
    ///
    /// # Errors
    ///
    /// Whatever keeps the column from being read, and those of `each`.
    fn column(&self, name: &str, each: &mut dyn FnMut(u64, &str) -> Result<()>) -> Result<bool> {
        let _ = (name, each);
        Ok(false)
    }

    /// Returns how [`Source::read`] behaves, which decides on which thread it is called.
    fn access(&self) -> Access {
        Access::Blocking
    }

    /// Returns the class names in the order of their numbers, if the source knows them.
    fn classes(&self) -> Option<&[String]> {
        None
    }

    /// Returns the number of classes, if the source knows it: all class numbers are below it. The
    /// default is the number of class names.
    fn class_count(&self) -> Option<u32> {
        self.classes().map(|names| names.len() as u32)
    }

    /// Returns the size of the upright image of a sample, if the source knows it without reading.
    /// Verification compares it with the header of the image.
    fn image_size(&self, id: u64) -> Option<Size> {
        let _ = id;
        None
    }

    /// Returns the size that the images of all samples have, if the source knows without reading
    /// that it is the same for all. Recipes whose ops keep the size of an image need it.
    fn uniform_size(&self) -> Option<Size> {
        None
    }
}

/// How [`Source::read`] behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// It returns memory or a slice of a mapping. The worker that decodes calls it in place.
    Immediate,
    /// It waits for a disk or a network. Two threads read ahead of the workers, workers that have
    /// nothing to decode read too, and [`Source::read_ahead`] announces what comes next.
    Blocking,
}

/// The error for a sample number out of range.
fn no_such_sample(id: u64, len: u64) -> Error {
    Error::config(format!("sample {id} of {len}")).with_sample(id)
}
