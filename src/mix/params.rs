//! Parameters that mixers share, and their checks.

use crate::error::{Error, Result};

/// Checks the parameter of a Beta(alpha, alpha) distribution. Beyond these bounds the drawn weight
/// is always 0, 1 or 1/2, and the arithmetic of the draw may end in NaN.
pub(super) fn check_alpha(alpha: f64) -> Result<()> {
    if (1e-9..=1e9).contains(&alpha) {
        Ok(())
    } else {
        Err(Error::config(format!(
            "alpha = {alpha}: expected a positive number, 1e-9 to 1e9"
        )))
    }
}

/// The methods of [`super::Mixer`] that are the same for every mixer with serde parameters: the
/// name and the parameters.
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
