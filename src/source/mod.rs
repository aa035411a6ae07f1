//! Where samples come from: numbered records of encoded bytes with their targets.
//!
//! A source knows bytes and targets and nothing of pixels. Its numbering is frozen when it is
//! opened: sample `i` is the same record for as long as [`Source::fingerprint`] is the same.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::sample::{Annotations, Fingerprint, Payload, Sample, Target};

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(feature = "arrow")]
mod arrow_columns;
mod detect;
mod folder;
mod format;
pub(crate) mod indexed;
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
pub(crate) use joined::JoinedSources;
pub use memory::Memory;
#[cfg(feature = "arrow")]
pub use parquet::Parquet;
pub use shards::Shards;
pub use tar::{SkippedMembers, Tar};

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
    /// Whatever keeps the sample from being read whole: [`crate::Kind::Io`], [`crate::Kind::Corrupt`],
    /// [`crate::Kind::Truncated`]. The message names the file and the record.
    fn read(&self, id: u64, spare: Vec<u8>) -> Result<Sample>;

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
            let Sample { bytes, target, .. } = self.read(id, std::mem::take(&mut spare))?;
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

/// A number beyond the samples there are: a fault of the caller.
fn no_such_sample(id: u64, len: u64) -> Error {
    Error::config(format!("sample {id} of {len}")).with_sample(id)
}
