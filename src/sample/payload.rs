//! The stored bytes of a sample.

use std::ops::Deref;

use bytes::Bytes;

use super::{Codec, Target};

/// One sample as it is stored.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The encoded bytes.
    pub bytes: Payload,
    /// The encoding of the bytes.
    pub codec: Codec,
    /// The label of the sample.
    pub target: Target,
}

/// The bytes of a sample: a slice of shared memory (a mapping, an array), or an owned buffer.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A slice of shared memory, without a copy.
    Shared(Bytes),
    /// An owned buffer, usually the one that was passed to
    /// [`Source::read`](crate::source::Source::read).
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
