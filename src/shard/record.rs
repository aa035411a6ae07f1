//! A record on its way into a shard.

use crate::sample::{Codec, Target};

/// One record to write.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The encoded bytes; at least 1.
    pub bytes: &'a [u8],
    /// How they are encoded.
    pub codec: Codec,
    /// Columns of the upright image, as [`crate::decode::probe`] gives; at least 1.
    pub width: u32,
    /// Rows of the upright image; at least 1.
    pub height: u32,
    /// The name for people.
    pub name: &'a str,
    /// The label.
    pub target: &'a Target,
    /// Bytes for columns of the caller's own, by name: 1 to 24 printable ASCII characters. The
    /// name says the version of what is in it. Records that give nothing for a column have 0
    /// bytes there.
    pub extra: &'a [(&'a str, &'a [u8])],
}
