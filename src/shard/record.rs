//! A record to write into a shard.

use crate::geometry::Size;
use crate::sample::{Codec, Target};

/// One record to write with [`Writer`](crate::shard::Writer).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The encoded bytes; at least 1.
    pub bytes: &'a [u8],
    /// How they are encoded.
    pub codec: Codec,
    /// The size of the upright image, as [`crate::decode::probe`] returns it. Both sides are at
    /// least 1.
    pub size: Size,
    /// The name, for messages and listings.
    pub name: &'a str,
    /// The label.
    pub target: &'a Target,
    /// Cells of extra columns, by the name of the column: 1 to 24 printable ASCII characters. The
    /// name should state the version of the content, such as `annotations.1`. A record that has no
    /// cell for a column gets an empty one.
    pub extra: &'a [(&'a str, &'a [u8])],
}

impl<'a> Record<'a> {
    /// Returns a record without a label and without extra columns.
    pub fn new(name: &'a str, bytes: &'a [u8], codec: Codec, size: Size) -> Record<'a> {
        Record {
            bytes,
            codec,
            size,
            name,
            target: &Target::None,
            extra: &[],
        }
    }

    /// Returns the record with a label.
    #[must_use]
    pub fn with_target(self, target: &'a Target) -> Record<'a> {
        Record { target, ..self }
    }

    /// Returns the record with these cells of extra columns.
    #[must_use]
    pub fn with_extra(self, extra: &'a [(&'a str, &'a [u8])]) -> Record<'a> {
        Record { extra, ..self }
    }
}
