//! Parameters that are a fixed number or a range to draw from.

use serde::{Deserialize, Deserializer, Serialize};

use super::read::read_integers;
use crate::error::{Error, Result};
use crate::rng::RandomStream;

/// A parameter that is a fixed number, or is drawn uniformly between the two ends of a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number or [low, high]")]
pub enum ParamRange {
    /// A fixed number.
    Fixed(f64),
    /// The ends of a range, the lower one first.
    Between([f64; 2]),
}

impl From<f64> for ParamRange {
    fn from(value: f64) -> ParamRange {
        ParamRange::Fixed(value)
    }
}

impl From<[f64; 2]> for ParamRange {
    fn from(ends: [f64; 2]) -> ParamRange {
        ParamRange::Between(ends)
    }
}

impl ParamRange {
    /// The two ends, which are equal for a fixed number.
    pub fn ends(self) -> [f64; 2] {
        match self {
            ParamRange::Fixed(value) => [value; 2],
            ParamRange::Between(ends) => ends,
        }
    }

    /// The value of the parameter in one application of an op. Takes one draw, for a fixed number
    /// too, so that fixing one parameter does not change the draws of the others.
    pub(crate) fn draw(self, rng: &mut RandomStream) -> f64 {
        let [low, high] = self.ends();
        rng.uniform(low, high)
    }

    /// Checks that the ends are in order, and between `least` and `most`, both included.
    pub(crate) fn check(self, name: &str, [least, most]: [f64; 2]) -> Result<()> {
        let [low, high] = self.ends();
        if least <= low && low <= high && high <= most {
            return Ok(());
        }
        Err(Error::config(match self {
            ParamRange::Fixed(value) => {
                format!("{name} = {value}: expected {least} to {most}, or [low, high]")
            }
            ParamRange::Between(_) => {
                format!("{name} = [{low}, {high}]: expected {least} <= low <= high <= {most}")
            }
        }))
    }
}

/// A [`ParamRange`] of integers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct IntegerRange(ParamRange);

impl<T: Into<ParamRange>> From<T> for IntegerRange {
    fn from(range: T) -> IntegerRange {
        IntegerRange(range.into())
    }
}

impl IntegerRange {
    /// The two ends, which are equal for a fixed number.
    pub fn ends(self) -> [f64; 2] {
        self.0.ends()
    }

    /// The number, if it is a fixed one.
    pub(crate) fn fixed(self) -> Option<i64> {
        match self.0 {
            ParamRange::Fixed(value) => Some(value as i64),
            ParamRange::Between(_) => None,
        }
    }

    /// A uniform integer of the range. Takes one draw, for a fixed number too.
    pub(crate) fn draw(self, rng: &mut RandomStream) -> i64 {
        let [low, high] = self.ends().map(|end| end as i64);
        low + rng.below((high - low) as u64 + 1) as i64
    }

    /// As [`ParamRange::check`], and checks that both ends are integers.
    pub(crate) fn check(self, name: &str, range: [f64; 2]) -> Result<()> {
        self.0.check(name, range)?;
        match self.ends().iter().find(|end| end.fract() != 0.0) {
            Some(end) => Err(Error::config(format!(
                "{name} = {end}: expected a whole number"
            ))),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for IntegerRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IntegerRange, D::Error> {
        read_integers::<D, ParamRange>(deserializer).map(IntegerRange)
    }
}
