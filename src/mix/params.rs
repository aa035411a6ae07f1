//! Parameters that mixers share, and their checks.

use crate::error::{Error, Result};

/// Beyond these bounds the weight is 0, 1 or 1/2 for sure, and the arithmetic of the draw ends in
/// NaN.
pub(super) fn check_alpha(alpha: f64) -> Result<()> {
    if (1e-9..=1e9).contains(&alpha) {
        Ok(())
    } else {
        Err(Error::config(format!(
            "alpha = {alpha}: expected a positive number, 1e-9 to 1e9"
        )))
    }
}

/// The part of [`super::Mixer`] that is alike for all whose parameters are read and written by
/// serde.
macro_rules! mixer_basics {
    ($name:literal) => {
        fn name(&self) -> &str {
            $name
        }

        fn params(&self) -> toml::Table {
            $crate::spec::params_of(self)
        }
    };
}
pub(super) use mixer_basics;
