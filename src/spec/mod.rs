//! Parameters as recipes write them: reading, ranges, defaults, checks, and suggestions for
//! misspelled names.
//!
//! Ops, mixers and the recipe itself use this module, so it depends on none of the three.

mod declare;
mod derived;
mod range;
mod read;
mod size;
mod suggest;
mod value;

use serde::Serialize;

use crate::error::{Error, Result};
pub use declare::{BareNumber, Declared, Family, ParamSpec, Parameters, Spec};
pub use derived::Derived;
pub use range::{IntegerRange, Interval, ParamRange, SymmetricRange};
pub(crate) use read::{Located, integers, read, read_integers, read_text, read_value};
pub use size::SizeParam;
pub(crate) use suggest::{nearest, unknown};
pub use value::ParamValue;

/// The parameters of an op that derives `Serialize`, as [`Parameters::params`]
/// returns them.
///
/// # Panics
///
/// If a parameter is not a TOML value.
///
/// # Example: the parameters of a value of serde
///
/// ```
/// use feedmill::spec::params_of;
///
/// #[derive(serde::Serialize)]
/// struct Params {
///     sigma: f64,
/// }
///
/// assert_eq!(params_of(&Params { sigma: 0.5 }).to_string(), "sigma = 0.5\n");
/// ```
pub fn params_of<T: Serialize>(op: &T) -> toml::Table {
    toml::Table::try_from(op).expect("an op's parameters are numbers, strings and lists")
}

/// Checks that a number is between two ends, both included.
pub(crate) fn check_range(name: &str, value: f64, [least, most]: [f64; 2]) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::config(format!(
            "{name} = {value}: expected {least} to {most}"
        )))
    }
}

/// Checks that a probability is between 0 and 1.
pub(crate) fn check_p(p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        Ok(())
    } else {
        Err(Error::config(format!(
            "p = {p}: a probability is between 0 and 1"
        )))
    }
}

/// The default 1, for serde.
pub(crate) fn one() -> f64 {
    1.0
}

/// What the code that [`declare`](crate::declare) writes refers to.
#[doc(hidden)]
pub mod __private {
    pub use serde;
    pub use serde::Deserialize;
    pub use toml::Table;

    pub use super::value::words_form;
}
