//! feedmill
pub mod decode;
pub mod error;
pub mod source;
pub use error::{Error, Fault, Kind, Result};
