//! What one sample is: encoded bytes, a codec, a target, annotations; and the fingerprint of many.
//!
//! These are plain values that sources make, shards store and decoders read, so they stand below
//! all three.

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
