//! feedmill
pub mod convert;
pub mod decode;
pub mod error;
pub mod shard;
pub mod source;
pub mod verify;
pub use error::{Error, Fault, Kind, Result};
