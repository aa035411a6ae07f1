//! Parameters as recipes write them: ranges, defaults, checks and suggestions.
//!
//! Ops, mixers and the recipe itself share them, so they stand below all three.

mod range;
mod read;
mod suggest;

use serde::Serialize;

use crate::error::{Error, Result};
pub use range::{IntegerRange, ParamRange};
pub(crate) use read::{Located, integers, read, read_integers, read_text, read_value};
pub(crate) use suggest::{nearest, unknown};

/// The parameters of an op that derives `Serialize`, for
/// [`Op::params`](crate::augment::Op::params).
pub fn params_of<T: Serialize>(op: &T) -> toml::Table {
    toml::Table::try_from(op).expect("an op's parameters are numbers, strings and lists")
}

/// Checks a number.
pub(crate) fn check_range(name: &str, value: f64, [least, most]: [f64; 2]) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::config(format!(
            "{name} = {value}: expected {least} to {most}"
        )))
    }
}

/// Checks a probability.
pub(crate) fn check_p(p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        Ok(())
    } else {
        Err(Error::config(format!(
            "p = {p}: a probability is between 0 and 1"
        )))
    }
}

/// For parameters that came after fingerprints of recipes without them were taken.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(crate) fn half() -> f64 {
    0.5
}

pub(crate) fn one() -> f64 {
    1.0
}

pub(crate) fn yes() -> bool {
    true
}

/// As [`is_default`], where true is the default.
pub(crate) fn is_yes(value: &bool) -> bool {
    *value
}

/// Checks the ends of an interval.
pub(crate) fn check_ends(name: &str, [low, high]: [f64; 2], [least, most]: [f64; 2]) -> Result<()> {
    if least <= low && low <= high && high <= most {
        Ok(())
    } else {
        Err(Error::config(format!(
            "{name} = [{low}, {high}]: expected {least} <= low <= high <= {most}"
        )))
    }
}
