//! The stored bytes of a sample.

use std::ops::Deref;

use bytes::Bytes;

use super::{Codec, Target};

/// One sample as stored.
#[derive(Clone, Debug)]
pub struct Sample {
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
    /// A buffer, usually the `spare` given to
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
