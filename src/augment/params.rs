//! Parameters that ops share, and their checks.

use serde::{Deserialize, Serialize};

use super::Frame;
use crate::draws::Draws;
use crate::error::{Error, Result};

/// What stands beyond the edge of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// A colour.
    Constant([u8; 3]),
    /// The picture mirrored at its edge, the edge not repeated: 2 1 | 0 1 2.
    Reflect,
    /// The picture mirrored at its edge, the edge repeated: 1 0 | 0 1 2.
    Symmetric,
    /// The pixel at the edge: 0 0 | 0 1 2.
    Edge,
}

impl Default for PadMode {
    fn default() -> PadMode {
        PadMode::Constant([0; 3])
    }
}

/// Which library's rounding a colour op has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Pillow's 8-bit rules, which torchvision and timm have when they are given PIL pictures.
    #[default]
    Pil,
    /// torchvision v2's rules for u8 tensors.
    Tv2,
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Dialect::Pil => "",
            Dialect::Tv2 => " dialect=tv2",
        })
    }
}

/// A size in a recipe: one number for a square, or `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number of pixels or [height, width]")]
pub(super) enum Size {
    Side(u32),
    HeightWidth([u32; 2]),
}

impl Size {
    pub(super) fn frame(self) -> Frame {
        match self {
            Size::Side(side) => Frame { width: side, height: side },
            Size::HeightWidth([height, width]) => Frame { width, height },
        }
    }

    /// 16384 a side is beyond any model and keeps a batch's size within u64.
    pub(super) fn check(self) -> Result<()> {
        let Frame { width, height } = self.frame();
        if [width, height].iter().any(|side| !(1..=16_384).contains(side)) {
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
    pub(super) fn draw(self, draws: &mut Draws) -> f64 {
        let [low, high] = self.ends();
        draws.within(low, high)
    }

    /// A whole number, both ends included; takes one draw.
    pub(super) fn draw_whole(self, draws: &mut Draws) -> i64 {
        let [low, high] = self.ends().map(|end| end as i64);
        low + draws.below((high - low) as u64 + 1) as i64
    }

    pub(super) fn check(self, name: &str, [least, most]: [f64; 2]) -> Result<()> {
        let [low, high] = self.ends();
        if least <= low && low <= high && high <= most {
            return Ok(());
        }
        Err(Error::config(match self {
            Span::Fixed(value) => format!("{name} = {value}: expected {least} to {most}, or [low, high]"),
            Span::Between(_) => {
                format!("{name} = [{low}, {high}]: expected {least} <= low <= high <= {most}")
            }
        }))
    }

    pub(super) fn check_whole(self, name: &str, range: [f64; 2]) -> Result<()> {
        self.check(name, range)?;
        match self.ends().iter().find(|end| end.fract() != 0.0) {
            Some(end) => Err(Error::config(format!("{name} = {end}: expected a whole number"))),
            None => Ok(()),
        }
    }
}

/// Checks a number.
pub(super) fn check_range(name: &str, value: f64, [least, most]: [f64; 2]) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::config(format!("{name} = {value}: expected {least} to {most}")))
    }
}

/// Checks a probability.
pub(super) fn check_p(p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        Ok(())
    } else {
        Err(Error::config(format!("p = {p}: a probability is between 0 and 1")))
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

/// The part of [`super::Op`] that is alike for all ops whose parameters are read and written by serde.
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
