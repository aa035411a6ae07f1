//! A record to write into a shard.

use crate::sample::{Codec, Target};

/// One record to write.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The encoded bytes; at least 1.
    pub bytes: &'a [u8],
    /// How they are encoded.
    pub codec: Codec,
    /// Columns of the upright image, as [`crate::decode::probe`] returns them; at least 1.
    pub width: u32,
    /// Rows of the upright image; at least 1.
    pub height: u32,
    /// The name, for messages and listings.
    pub name: &'a str,
    /// The label.
    pub target: &'a Target,
    /// Cells of extra columns, by the name of the column: 1 to 24 printable ASCII characters. The
    /// name should state the version of the content, such as `annotations.1`. A record that has no
    /// cell for a column gets an empty one.
    pub extra: &'a [(&'a str, &'a [u8])],
}
