//! The stored bytes of a sample.

use std::ops::Deref;

use bytes::Bytes;

use super::{Codec, Target};

/// One sample as it is stored, which is what [`Source::read`](crate::source::Source::read) returns.
///
/// # Example: a sample from bytes
///
/// ```
/// use feedmill::sample::{Codec, Sample, Target};
///
/// let bytes = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
/// let sample = Sample::new(bytes.clone(), Codec::sniff(&bytes)?, Target::Class(1));
/// assert_eq!(sample.codec, Codec::Jpeg);
/// assert_eq!(sample.bytes[..], bytes);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// The encoded bytes.
    pub bytes: Payload,
    /// The encoding of the bytes.
    pub codec: Codec,
    /// The label of the sample.
    pub target: Target,
}

impl Sample {
    /// Returns a sample of these bytes: a `Vec<u8>`, or [`Bytes`] that share memory.
    pub fn new(bytes: impl Into<Payload>, codec: Codec, target: Target) -> Sample {
        Sample {
            bytes: bytes.into(),
            codec,
            target,
        }
    }
}

/// The bytes of a sample: a slice of shared memory (a mapping, an array), or an owned buffer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Payload {
    /// A slice of shared memory, without a copy.
    Shared(Bytes),
    /// An owned buffer, usually the one that was passed to
    /// [`Source::read`](crate::source::Source::read).
    Owned(Vec<u8>),
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Payload {
        Payload::Owned(bytes)
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        Payload::Shared(bytes)
    }
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
