//! Parameters that are a fixed number or a range to draw from.

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::declare::{BareNumber, ParamSpec};
use super::read::read_integers;
use super::value::ParamValue;
use crate::error::Result;
use crate::rng::RandomStream;

/// A parameter that is the same in every image, or is drawn uniformly between the two ends of a
/// range for each image.
///
/// A recipe writes a number or `{ fixed = a }` for the first, and `[low, high]` for the second.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ParamRange {
    /// The same number in every image.
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
    pub fn draw(self, rng: &mut RandomStream) -> f64 {
        let [low, high] = self.ends();
        rng.uniform(low, high)
    }

    /// As a recipe has it, with a fixed number alone.
    fn written(self) -> toml::Value {
        match self {
            ParamRange::Fixed(value) => value.into(),
            ParamRange::Between(ends) => ends.to_vec().into(),
        }
    }
}

impl ParamValue for ParamRange {
    const BARE_NUMBER: BareNumber = BareNumber::Fixed;

    fn form() -> String {
        "a number or `[low, high]`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(self.written())
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        match *self {
            ParamRange::Fixed(value) => param.check(value),
            ParamRange::Between(ends) => param.check_ends(ends),
        }
    }

    fn never_varies(&self) -> bool {
        let [low, high] = self.ends();
        low == high
    }
}

/// A number, `[low, high]` or `{ fixed = a }` as a recipe has it.
enum Written {
    Bare(f64),
    Fixed(f64),
    Between([f64; 2]),
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Written, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = Written;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, [low, high] or { fixed = a }")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Written, E> {
                Ok(Written::Bare(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Written, E> {
                Ok(Written::Bare(number as f64))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Written, A::Error> {
                let mut next = |at| {
                    list.next_element::<f64>()?
                        .ok_or_else(|| de::Error::invalid_length(at, &"[low, high]"))
                };
                let ends = [next(0)?, next(1)?];
                if list.next_element::<f64>()?.is_some() {
                    return Err(de::Error::invalid_length(3, &"[low, high]"));
                }
                Ok(Written::Between(ends))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Written, A::Error> {
                match table.next_key::<String>()? {
                    Some(key) if key == "fixed" => {}
                    Some(key) => return Err(de::Error::unknown_field(&key, &["fixed"])),
                    None => return Err(de::Error::missing_field("fixed")),
                }
                let fixed = Written::Fixed(table.next_value()?);
                match table.next_key::<String>()? {
                    Some(key) => Err(de::Error::unknown_field(&key, &["fixed"])),
                    None => Ok(fixed),
                }
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl<'de> Deserialize<'de> for ParamRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ParamRange, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Bare(value) | Written::Fixed(value) => ParamRange::Fixed(value),
            Written::Between(ends) => ParamRange::Between(ends),
        })
    }
}

/// A [`ParamRange`] for which other libraries read a single number `a` as the range from `-a` to
/// `a`, such as an angle.
///
/// A recipe that writes the number alone is refused, because a value that was meant to be random
/// and is not makes training fail without an error. It writes `[-a, a]` for a random value and
/// `{ fixed = a }` for the same one in every image.
///
/// # Example: one for each meaning
///
/// ```
/// use feedmill::augment::ops::Rotate;
/// use feedmill::spec::SymmetricRange;
///
/// let random = Rotate::new([-10.0, 10.0]);
/// let always = Rotate::new(SymmetricRange::fixed(10.0));
/// assert_ne!(random, always);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SymmetricRange {
    range: ParamRange,
    /// True for a number that a recipe has without brackets, which is refused.
    bare: bool,
}

impl PartialEq for SymmetricRange {
    fn eq(&self, other: &SymmetricRange) -> bool {
        self.range == other.range
    }
}

impl SymmetricRange {
    /// The same number in every image.
    pub const fn fixed(value: f64) -> SymmetricRange {
        SymmetricRange {
            range: ParamRange::Fixed(value),
            bare: false,
        }
    }

    /// The two ends, which are equal for a fixed number.
    pub fn ends(self) -> [f64; 2] {
        self.range.ends()
    }

    /// As [`ParamRange::draw`].
    pub fn draw(self, rng: &mut RandomStream) -> f64 {
        self.range.draw(rng)
    }
}

impl From<[f64; 2]> for SymmetricRange {
    fn from(ends: [f64; 2]) -> SymmetricRange {
        SymmetricRange {
            range: ends.into(),
            bare: false,
        }
    }
}

impl<'de> Deserialize<'de> for SymmetricRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SymmetricRange, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let bare = matches!(written, Written::Bare(_));
        let range = match written {
            Written::Bare(value) | Written::Fixed(value) => ParamRange::Fixed(value),
            Written::Between(ends) => ParamRange::Between(ends),
        };
        Ok(SymmetricRange { range, bare })
    }
}

impl ParamValue for SymmetricRange {
    const BARE_NUMBER: BareNumber = BareNumber::Refused;

    fn form() -> String {
        "`[low, high]` or `{ fixed = a }`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match self.range {
            ParamRange::Fixed(value) => {
                toml::Table::from_iter([("fixed".to_string(), value.into())]).into()
            }
            range => range.written(),
        })
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        if let ParamRange::Fixed(value) = self.range
            && self.bare
        {
            let name = param.name;
            // A factor varies around 1, everything else around 0.
            let [low, high] = match param.range {
                Some([least, _]) if least > 0.0 && value > 0.0 => {
                    [value.min(1.0 / value), value.max(1.0 / value)]
                }
                _ => [-value.abs(), value.abs()],
            };
            // The neutral value has only one meaning.
            if low == high {
                return self.range.check(param);
            }
            return Err(param.refuse(
                value,
                format_args!(
                    "{name} = [low, high] for a random value in each image, such as \
                     {name} = [{low}, {high}], or {name} = {{ fixed = {value} }} for the same \
                     value in every image"
                ),
            ));
        }
        self.range.check(param)
    }

    fn never_varies(&self) -> bool {
        self.range.never_varies()
    }
}

/// A [`ParamRange`] of integers, both ends included.
///
/// # Example: a range and a number
///
/// ```
/// use feedmill::augment::ops::Jpeg;
/// use feedmill::spec::IntegerRange;
///
/// let range = IntegerRange::from([50, 90]);
/// assert_eq!((range.ends(), range.fixed()), ([50.0, 90.0], None));
/// assert_eq!(IntegerRange::from(75).fixed(), Some(75));
/// assert_eq!(Jpeg::new([50, 90]).quality(), &range);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntegerRange(ParamRange);

macro_rules! from_integers {
    ($($type:ty),*) => {$(
        impl From<$type> for IntegerRange {
            fn from(value: $type) -> IntegerRange {
                IntegerRange(ParamRange::Fixed(value.into()))
            }
        }

        impl From<[$type; 2]> for IntegerRange {
            fn from(ends: [$type; 2]) -> IntegerRange {
                IntegerRange(ParamRange::Between(ends.map(f64::from)))
            }
        }
    )*};
}

from_integers!(i32, u32);

impl IntegerRange {
    /// The two ends, which are equal for a fixed number.
    pub fn ends(self) -> [f64; 2] {
        self.0.ends()
    }

    /// The number, if it is a fixed one.
    pub fn fixed(self) -> Option<i64> {
        match self.0 {
            ParamRange::Fixed(value) => Some(value as i64),
            ParamRange::Between(_) => None,
        }
    }

    /// A uniform integer of the range. Takes one draw, for a fixed number too.
    pub fn draw(self, rng: &mut RandomStream) -> i64 {
        let [low, high] = self.ends().map(|end| end as i64);
        low + rng.below((high - low) as u64 + 1) as i64
    }
}

impl ParamValue for IntegerRange {
    const BARE_NUMBER: BareNumber = BareNumber::Fixed;

    fn form() -> String {
        "an integer or `[low, high]`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        let [low, high] = self.ends().map(|end| end as i64);
        Some(match self.0 {
            ParamRange::Fixed(_) => low.into(),
            ParamRange::Between(_) => vec![low, high].into(),
        })
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        match self.ends().iter().find(|end| end.fract() != 0.0) {
            Some(end) => Err(param.refuse(end, "a whole number")),
            None => self.0.check(param),
        }
    }

    fn never_varies(&self) -> bool {
        self.0.never_varies()
    }
}

impl<'de> Deserialize<'de> for IntegerRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IntegerRange, D::Error> {
        read_integers::<D, ParamRange>(deserializer).map(IntegerRange)
    }
}

/// The ends of a range that is always drawn from, the lower one first, such as the range of the
/// area of a random crop.
///
/// # Example: an area to draw from
///
/// ```
/// use feedmill::augment::ops::RandomResizedCrop;
/// use feedmill::spec::Interval;
///
/// let op = RandomResizedCrop::new(224).with_scale(Interval::new(0.35, 1.0));
/// assert_eq!(op.scale().ends(), [0.35, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Interval([f64; 2]);

impl From<[f64; 2]> for Interval {
    fn from(ends: [f64; 2]) -> Interval {
        Interval(ends)
    }
}

impl Interval {
    /// The range from `low` to `high`.
    pub const fn new(low: f64, high: f64) -> Interval {
        Interval([low, high])
    }

    /// The two ends.
    pub fn ends(self) -> [f64; 2] {
        self.0
    }

    /// A uniform number of the range.
    pub fn draw(self, rng: &mut RandomStream) -> f64 {
        rng.uniform(self.0[0], self.0[1])
    }

    /// A number of the range that is uniform in its logarithm, as a ratio of sides should be.
    pub fn draw_log(self, rng: &mut RandomStream) -> f64 {
        let [low, high] = self.0.map(libm::log);
        libm::exp(rng.uniform(low, high))
    }

    /// Checks that both ends are positive, for a range that the parameter's own range leaves open
    /// at 0.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter.
    pub fn check_positive(self, name: &str) -> Result<()> {
        let [low, high] = self.0;
        if low > 0.0 && high.is_finite() {
            return Ok(());
        }
        Err(crate::Error::config(format!(
            "{name} = [{low}, {high}]: expected 0 < low <= high"
        ))
        .about_key(name))
    }
}

impl ParamValue for Interval {
    fn form() -> String {
        "`[low, high]`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(self.0.to_vec().into())
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        param.check_ends(self.0)
    }

    fn never_varies(&self) -> bool {
        self.0[0] == self.0[1]
    }
}
