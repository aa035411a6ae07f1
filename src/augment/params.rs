//! Parameters that ops share, and their checks.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::RandomStream;

/// A size in a recipe: one number for a square, or `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number of pixels or [height, width]")]
pub(super) enum SizeParam {
    Side(u32),
    HeightWidth([u32; 2]),
}

impl SizeParam {
    pub(super) fn frame(self) -> Size {
        match self {
            SizeParam::Side(side) => Size {
                width: side,
                height: side,
            },
            SizeParam::HeightWidth([height, width]) => Size { width, height },
        }
    }

    /// 16384 a side is beyond any model and keeps a batch's size within u64.
    pub(super) fn check(self) -> Result<()> {
        let Size { width, height } = self.frame();
        if [width, height]
            .iter()
            .any(|side| !(1..=16_384).contains(side))
        {
            return Err(Error::config(format!(
                "size = {height} x {width}: each side is between 1 and 16384 pixels"
            )));
        }
        Ok(())
    }
}

/// A parameter that is drawn: a number that fixes it, or the two ends of a range, drawn uniformly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number or [low, high]")]
pub enum Span {
    /// Always this.
    Fixed(f64),
    /// Uniform between these.
    Between([f64; 2]),
}

impl From<f64> for Span {
    fn from(value: f64) -> Span {
        Span::Fixed(value)
    }
}

impl From<[f64; 2]> for Span {
    fn from(ends: [f64; 2]) -> Span {
        Span::Between(ends)
    }
}

impl Span {
    /// The ends; equal for a fixed number.
    pub fn ends(self) -> [f64; 2] {
        match self {
            Span::Fixed(value) => [value; 2],
            Span::Between(ends) => ends,
        }
    }

    /// Takes one draw, fixed or not, so that fixing one parameter leaves the others as they were.
    pub(super) fn draw(self, rng: &mut RandomStream) -> f64 {
        let [low, high] = self.ends();
        rng.uniform(low, high)
    }

    /// A whole number, both ends included; takes one draw.
    pub(super) fn draw_whole(self, rng: &mut RandomStream) -> i64 {
        let [low, high] = self.ends().map(|end| end as i64);
        low + rng.below((high - low) as u64 + 1) as i64
    }

    pub(super) fn check(self, name: &str, [least, most]: [f64; 2]) -> Result<()> {
        let [low, high] = self.ends();
        if least <= low && low <= high && high <= most {
            return Ok(());
        }
        Err(Error::config(match self {
            Span::Fixed(value) => {
                format!("{name} = {value}: expected {least} to {most}, or [low, high]")
            }
            Span::Between(_) => {
                format!("{name} = [{low}, {high}]: expected {least} <= low <= high <= {most}")
            }
        }))
    }

    pub(super) fn check_whole(self, name: &str, range: [f64; 2]) -> Result<()> {
        self.check(name, range)?;
        match self.ends().iter().find(|end| end.fract() != 0.0) {
            Some(end) => Err(Error::config(format!(
                "{name} = {end}: expected a whole number"
            ))),
            None => Ok(()),
        }
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

/// Checks a probability.
pub(super) fn check_p(p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        Ok(())
    } else {
        Err(Error::config(format!(
            "p = {p}: a probability is between 0 and 1"
        )))
    }
}

/// For parameters that came after fingerprints of recipes without them were taken.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(super) fn half() -> f64 {
    0.5
}

pub(super) fn one() -> f64 {
    1.0
}

pub(super) fn yes() -> bool {
    true
}

/// As [`is_default`], where true is the default.
pub(super) fn is_yes(value: &bool) -> bool {
    *value
}

/// The part of [`super::Op`] that is alike for all ops whose parameters are read and written by
/// serde.
macro_rules! op_basics {
    ($name:literal) => {
        fn name(&self) -> &str {
            $name
        }

        fn params(&self) -> toml::Table {
            $crate::augment::params_of(self)
        }
    };
}
pub(super) use op_basics;
