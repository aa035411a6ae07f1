//! Shards (`.mill`).

use std::path::Path;

use super::Source;
use crate::error::{Error, Kind, Result};

/// Opens a folder of shards, or one.
pub(super) fn open(path: &Path) -> Result<Box<dyn Source>> {
    Err(Error::new(Kind::Unsupported, format!("{}: shards are read by another build", path.display())))
}
