//! Samples as plain values: encoded bytes, a codec, a target, annotations, and the fingerprint of a
//! data set.
//!
//! Sources make these values, shards store them and decoders read them, so the module depends on
//! none of the three.

mod annotations;
mod codec;
mod fingerprint;
mod payload;
mod target;

pub use annotations::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind};
pub use codec::Codec;
pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::FingerprintBuilder;
pub use payload::{Payload, Sample};
pub use target::Target;
