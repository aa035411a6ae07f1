//! Curves: numbers of a recipe that may depend on the epoch, such as a weight or a temperature.
//!
//! A curve is a closed formula of the epoch and keeps no state, so the value of any epoch can be
//! asked for at any time. It remembers whether its numbers were written as integers: an op takes
//! its parameters as TOML values, and an integer parameter must get an integer in every epoch.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::spec;

/// The keys by which a table among an op's parameters is recognized as a curve.
const KEYS: [&str; 5] = ["stages", "linear", "cosine", "tanh", "epochs"];

/// A number of a recipe, of the type that it was written with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Integer(i64),
    /// A finite number.
    Float(f64),
}

impl Number {
    fn read(value: &toml::Value) -> Result<Number> {
        match value {
            toml::Value::Integer(value) => Ok(Number::Integer(*value)),
            toml::Value::Float(value) if value.is_finite() => Ok(Number::Float(*value)),
            other => Err(Error::config(format!("{other}: expected a finite number"))),
        }
    }

    fn value(self) -> toml::Value {
        match self {
            Number::Integer(value) => toml::Value::Integer(value),
            Number::Float(value) => toml::Value::Float(value),
        }
    }

    fn as_f64(self) -> f64 {
        match self {
            Number::Integer(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

/// How a ramp goes from its first to its last value: the share of the way as a function of `t`, the
/// share of the ramp's epochs that has passed. All shapes go from 0 at 0 to 1 at 1 and increase.
#[derive(Clone, Copy, Debug, PartialEq)]
enum RampShape {
    /// `t`
    Linear,
    /// `(1 - cos(pi t)) / 2`
    Cosine,
    /// `tanh(3 t) / tanh(3)`
    Tanh,
}

/// A number that may depend on the epoch.
///
/// In a recipe it is the number itself or a table:
///
/// * `{ stages = [[0, 1.0], [60, 0.5]] }`: each value holds from its epoch on.
/// * `{ linear = [1.0, 0.5], epochs = [0, 30] }`: a ramp between two epochs, constant outside them.
///   `cosine` and `tanh` are ramps of other shapes.
///
/// # Example: a number that falls over ten epochs
///
/// ```
/// use feedmill::plan::Curve;
///
/// let fading = Curve::linear([1.0, 0.5], [0, 10])?;
/// assert_eq!((fading.value(0), fading.value(5), fading.value(99)), (1.0, 0.75, 0.5));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    kind: CurveKind,
    /// True if the values of a ramp are rounded to integers, half to even.
    pub(crate) whole: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum CurveKind {
    /// The same value in every epoch.
    Constant(Number),
    /// Each value holds from its epoch on. Epochs increase, from 0.
    Stages(Vec<(u32, Number)>),
    /// From one value to another between two epochs, constant outside them.
    Ramp {
        shape: RampShape,
        ends: [Number; 2],
        epochs: [u32; 2],
    },
}

/// The table of a curve as it is written in a recipe; [`Curve::from_written`] checks which keys go
/// together.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenCurve {
    #[serde(skip_serializing_if = "Option::is_none")]
    stages: Option<Vec<(u32, toml::Value)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linear: Option<[toml::Value; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine: Option<[toml::Value; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tanh: Option<[toml::Value; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epochs: Option<[u32; 2]>,
}

impl From<f64> for Curve {
    fn from(value: f64) -> Curve {
        Curve {
            kind: CurveKind::Constant(Number::Float(value)),
            whole: false,
        }
    }
}

impl Serialize for Curve {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.kind {
            CurveKind::Constant(value) => value.value().serialize(serializer),
            CurveKind::Stages(stages) => {
                let stages = stages
                    .iter()
                    .map(|(epoch, value)| (*epoch, value.value()))
                    .collect();
                WrittenCurve {
                    stages: Some(stages),
                    ..WrittenCurve::default()
                }
                .serialize(serializer)
            }
            CurveKind::Ramp {
                shape,
                ends,
                epochs,
            } => {
                let mut written = WrittenCurve {
                    epochs: Some(*epochs),
                    ..WrittenCurve::default()
                };
                *match shape {
                    RampShape::Linear => &mut written.linear,
                    RampShape::Cosine => &mut written.cosine,
                    RampShape::Tanh => &mut written.tanh,
                } = Some(ends.map(Number::value));
                written.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Curve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Curve, D::Error> {
        let curve = match toml::Value::deserialize(deserializer)? {
            toml::Value::Table(table) => Curve::read(&table),
            value => Number::read(&value).map(|value| Curve {
                kind: CurveKind::Constant(value),
                whole: false,
            }),
        };
        curve.map_err(|error| serde::de::Error::custom(error.message()))
    }
}

impl Curve {
    /// True if a table among an op's parameters is meant as a curve, and not as an op inside the
    /// op.
    pub(crate) fn is_meant(table: &toml::Table) -> bool {
        !table.contains_key("op") && KEYS.iter().any(|key| table.contains_key(*key))
    }

    /// Reads a curve from its table in a recipe.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for an unknown key, keys that do not go together, a number that is
    /// not finite, and epochs that do not increase.
    pub(crate) fn read(table: &toml::Table) -> Result<Curve> {
        let written: WrittenCurve = spec::read(table.clone())?;
        Curve::from_written(written)
    }

    fn from_written(written: WrittenCurve) -> Result<Curve> {
        let ramps = [
            (RampShape::Linear, "linear", written.linear),
            (RampShape::Cosine, "cosine", written.cosine),
            (RampShape::Tanh, "tanh", written.tanh),
        ];
        let mut ramps = ramps
            .into_iter()
            .filter_map(|(shape, name, ends)| Some((shape, name, ends?)));
        let kind = match (written.stages, ramps.next(), ramps.next(), written.epochs) {
            (Some(stages), None, None, None) => CurveKind::stages(stages)?,
            (None, Some((shape, name, ends)), None, Some(epochs)) => {
                if epochs[0] >= epochs[1] {
                    return Err(Error::config(format!(
                        "epochs = {epochs:?}: expected the first epoch before the last"
                    )));
                }
                let [first, last] = &ends;
                let read = |value| Number::read(value).map_err(|error| error.at(name));
                CurveKind::Ramp {
                    shape,
                    ends: [read(first)?, read(last)?],
                    epochs,
                }
            }
            (None, Some((_, name, _)), None, None) => {
                return Err(Error::config(format!(
                    "{name} needs epochs = [FIRST, LAST]"
                )));
            }
            _ => {
                return Err(Error::config(
                    "a curve is either { stages = [[0, VALUE], [EPOCH, VALUE], …] } or one of \
                     linear, cosine and tanh with epochs, such as { linear = [FROM, TO], \
                     epochs = [FIRST, LAST] }",
                ));
            }
        };
        Ok(Curve { kind, whole: false })
    }

    /// A curve of steps: each value holds from its epoch on, the first one from epoch 0.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for a number that is not finite, and for epochs that do not increase
    /// from 0.
    pub fn stages(stages: impl IntoIterator<Item = (u32, f64)>) -> Result<Curve> {
        let stages = stages
            .into_iter()
            .map(|(epoch, value)| (epoch, toml::Value::Float(value)));
        Ok(Curve {
            kind: CurveKind::stages(stages.collect())?,
            whole: false,
        })
    }

    /// A linear ramp from one value to another between two epochs, constant outside them.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for a number that is not finite, and for epochs that do not
    /// increase.
    pub fn linear(ends: [f64; 2], epochs: [u32; 2]) -> Result<Curve> {
        let written = WrittenCurve {
            linear: Some(ends.map(toml::Value::Float)),
            epochs: Some(epochs),
            ..WrittenCurve::default()
        };
        Curve::from_written(written)
    }

    /// The value in an epoch.
    pub fn value(&self, epoch: u32) -> f64 {
        match self.at(epoch) {
            toml::Value::Integer(value) => value as f64,
            toml::Value::Float(value) => value,
            _ => unreachable!("a curve is made of numbers"),
        }
    }

    /// The value in an epoch as a TOML value: an integer for integers as they were written, and for
    /// ramps that are rounded.
    pub(crate) fn at(&self, epoch: u32) -> toml::Value {
        match &self.kind {
            CurveKind::Constant(value) => value.value(),
            CurveKind::Stages(stages) => {
                let stage = stages
                    .iter()
                    .rev()
                    .find(|(from, _)| *from <= epoch)
                    .unwrap_or(&stages[0]);
                stage.1.value()
            }
            CurveKind::Ramp {
                shape,
                ends,
                epochs: [from, to],
            } => {
                let t = f64::from(epoch.clamp(*from, *to) - from) / f64::from(to - from);
                let share = match shape {
                    RampShape::Linear => t,
                    RampShape::Cosine => (1.0 - libm::cos(std::f64::consts::PI * t)) / 2.0,
                    RampShape::Tanh => libm::tanh(3.0 * t) / libm::tanh(3.0),
                };
                let [first, last] = ends.map(Number::as_f64);
                // Exactly the last value at the end, which the formula may miss by rounding.
                let value = if t == 1.0 {
                    last
                } else {
                    first + (last - first) * share
                };
                if self.whole {
                    toml::Value::Integer(value.round_ties_even() as i64)
                } else {
                    toml::Value::Float(value)
                }
            }
        }
    }

    /// True for a ramp between two integers. If the parameter is an integer, so must be all values
    /// of the ramp.
    pub(crate) fn is_integer_ramp(&self) -> bool {
        matches!(
            self.kind,
            CurveKind::Ramp {
                ends: [Number::Integer(_), Number::Integer(_)],
                ..
            }
        )
    }

    /// Epochs with values that represent all others in checks: those where a stage begins, or the
    /// two ends of a ramp and 15 epochs between them. In other epochs the value is the same as, or
    /// lies between, values of landmarks.
    pub(crate) fn landmarks(&self) -> Vec<u32> {
        match &self.kind {
            CurveKind::Constant(_) => vec![0],
            CurveKind::Stages(stages) => stages.iter().map(|(epoch, _)| *epoch).collect(),
            CurveKind::Ramp {
                epochs: [from, to], ..
            } => {
                let between =
                    |sixteenths: u64| from + (u64::from(to - from) * sixteenths / 16) as u32;
                (0..=16).map(between).collect()
            }
        }
    }
}

impl CurveKind {
    /// Stages as they are written, with numbers and epochs checked.
    fn stages(written: Vec<(u32, toml::Value)>) -> Result<CurveKind> {
        let read = |(epoch, value): (u32, toml::Value)| {
            Ok((
                epoch,
                Number::read(&value).map_err(|error| error.at("stages"))?,
            ))
        };
        let stages: Vec<(u32, Number)> = written.into_iter().map(read).collect::<Result<_>>()?;
        if stages.first().is_none_or(|(epoch, _)| *epoch != 0) {
            return Err(Error::config(
                "stages: expected the first stage to begin with epoch 0, [0, VALUE]",
            ));
        }
        if let Some(pair) = stages.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(Error::config(format!(
                "stages: epoch {} comes after epoch {}: expected increasing epochs",
                pair[1].0, pair[0].0
            )));
        }
        Ok(CurveKind::Stages(stages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(text: &str) -> Curve {
        Curve::read(&toml::from_str(text).unwrap()).unwrap()
    }

    fn floats(text: &str, epochs: [u32; 5]) -> [f64; 5] {
        epochs.map(|epoch| Number::read(&curve(text).at(epoch)).unwrap().as_f64())
    }

    #[test]
    fn a_stage_holds_until_the_next_one() {
        assert_eq!(
            floats(
                "stages = [[0, 1], [60, 3.5], [120, 5]]",
                [0, 59, 60, 120, u32::MAX]
            ),
            [1.0, 1.0, 3.5, 5.0, 5.0]
        );
    }

    #[test]
    fn ramps_follow_their_formulas_and_are_constant_outside() {
        let ramp = |shape: &str| {
            floats(
                &format!("{shape} = [2, 4]\nepochs = [10, 20]"),
                [0, 10, 15, 20, 99],
            )
        };
        assert_eq!(ramp("linear"), [2.0, 2.0, 3.0, 4.0, 4.0]);
        assert_eq!(
            ramp("cosine").map(|value| (value * 1e9).round() / 1e9),
            [2.0, 2.0, 3.0, 4.0, 4.0]
        );
        let middle = 2.0 + 2.0 * 1.5f64.tanh() / 3f64.tanh();
        assert!((ramp("tanh")[2] - middle).abs() < 1e-12 && ramp("tanh")[3] == 4.0);
        let quarter = floats("cosine = [0.0, 1.0]\nepochs = [0, 4]", [0, 1, 2, 3, 4]);
        assert!(
            (quarter[1] - (1.0 - 0.5f64.sqrt()) / 2.0).abs() < 1e-12,
            "{quarter:?}"
        );
    }

    #[test]
    fn whole_values_are_rounded_half_to_even() {
        let mut whole = curve("linear = [0, 5]\nepochs = [0, 10]");
        whole.whole = true;
        let found: Vec<i64> = (0..=10)
            .map(|epoch| whole.at(epoch).as_integer().unwrap())
            .collect();
        assert_eq!(found, [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5]);
    }
}
