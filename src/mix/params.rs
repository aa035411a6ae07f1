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

/// Checks a number.
pub(super) fn check_range(name: &str, value: f64, [least, most]: [f64; 2]) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::config(format!(
            "{name} = {value}: expected {least} to {most}"
        )))
    }
}

/// Checks the ends of an interval.
pub(super) fn check_ends(name: &str, [low, high]: [f64; 2], [least, most]: [f64; 2]) -> Result<()> {
    if least <= low && low <= high && high <= most {
        Ok(())
    } else {
        Err(Error::config(format!(
            "{name} = [{low}, {high}]: expected {least} <= low <= high <= {most}"
        )))
    }
}

pub(super) fn one() -> f64 {
    1.0
}

pub(super) fn yes() -> bool {
    true
}

/// For parameters that came after fingerprints of recipes without them were taken.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The part of [`super::Mixer`] that is alike for all whose parameters are read and written by
/// serde.
macro_rules! mixer_basics {
    ($name:literal) => {
        fn name(&self) -> &str {
            $name
        }

        fn params(&self) -> toml::Table {
            $crate::augment::params_of(self)
        }
    };
}
pub(super) use mixer_basics;
