//! A number as a function of the epoch.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::spec;

/// The keys that make a table a curve.
const KEYS: [&str; 5] = ["stages", "linear", "cosine", "tanh", "epochs"];

/// A number of a recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Integer(i64),
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

/// How a ramp goes from its first to its last value; `t` is the share of its epochs that has
/// passed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// `t`
    Linear,
    /// `(1 - cos(pi t)) / 2`
    Cosine,
    /// `tanh(3 t) / tanh(3)`
    Tanh,
}

/// A number that may depend on the epoch.
///
/// In a recipe it is the number itself, or a table such as `{ linear = [1.0, 0.5], epochs = [0, 30]
/// }`.
///
/// # Example
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
    form: Form,
    /// True if values between two integers are rounded to integers, half to even.
    pub(crate) whole: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// The same in every epoch.
    Fixed(Number),
    /// Each value holds from its epoch on.
    Stages(Vec<(u32, Number)>),
    /// From one value to another in an interval of epochs, constant outside it.
    Ramp {
        shape: Shape,
        ends: [Number; 2],
        epochs: [u32; 2],
    },
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
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
            form: Form::Fixed(Number::Float(value)),
            whole: false,
        }
    }
}

impl Serialize for Curve {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.form {
            Form::Fixed(value) => value.value().serialize(serializer),
            Form::Stages(stages) => {
                let stages = stages
                    .iter()
                    .map(|(epoch, value)| (*epoch, value.value()))
                    .collect();
                Written {
                    stages: Some(stages),
                    ..Written::default()
                }
                .serialize(serializer)
            }
            Form::Ramp {
                shape,
                ends,
                epochs,
            } => {
                let mut written = Written {
                    epochs: Some(*epochs),
                    ..Written::default()
                };
                *match shape {
                    Shape::Linear => &mut written.linear,
                    Shape::Cosine => &mut written.cosine,
                    Shape::Tanh => &mut written.tanh,
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
                form: Form::Fixed(value),
                whole: false,
            }),
        };
        curve.map_err(|error| serde::de::Error::custom(error.message()))
    }
}

impl Curve {
    /// True if a table among an op's parameters is meant as a curve.
    pub(crate) fn is_meant(table: &toml::Table) -> bool {
        !table.contains_key("op") && KEYS.iter().any(|key| table.contains_key(*key))
    }

    /// # Errors
    ///
    /// [`crate::Kind::Config`]: an unknown key, a number that is not finite, epochs that do not increase.
    pub(crate) fn read(table: &toml::Table) -> Result<Curve> {
        let written: Written = spec::read(table.clone())?;
        Curve::of(written)
    }

    fn of(written: Written) -> Result<Curve> {
        let ramps = [
            (Shape::Linear, "linear", written.linear),
            (Shape::Cosine, "cosine", written.cosine),
            (Shape::Tanh, "tanh", written.tanh),
        ];
        let mut ramps = ramps
            .into_iter()
            .filter_map(|(shape, name, ends)| Some((shape, name, ends?)));
        let form = match (written.stages, ramps.next(), ramps.next(), written.epochs) {
            (Some(stages), None, None, None) => Form::stages(stages)?,
            (None, Some((shape, name, ends)), None, Some(epochs)) => {
                if epochs[0] >= epochs[1] {
                    return Err(Error::config(format!(
                        "epochs = {epochs:?}: expected the first epoch before the last"
                    )));
                }
                let [first, last] = &ends;
                let read = |value| Number::read(value).map_err(|error| error.at(name));
                Form::Ramp {
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
                    "a curve is either { stages = [[0, VALUE], [EPOCH, VALUE], …] } or one of linear, cosine and tanh with \
                     epochs, such as { linear = [FROM, TO], epochs = [FIRST, LAST] }",
                ));
            }
        };
        Ok(Curve { form, whole: false })
    }

    /// Each value holds from its epoch on; the first one from epoch 0.
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
            form: Form::stages(stages.collect())?,
            whole: false,
        })
    }

    /// From one value to another between two epochs, constant outside them.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for a number that is not finite, and for epochs that do not
    /// increase.
    pub fn linear(ends: [f64; 2], epochs: [u32; 2]) -> Result<Curve> {
        let written = Written {
            linear: Some(ends.map(toml::Value::Float)),
            epochs: Some(epochs),
            ..Written::default()
        };
        Curve::of(written)
    }

    /// The value in an epoch.
    pub fn value(&self, epoch: u32) -> f64 {
        match self.at(epoch) {
            toml::Value::Integer(value) => value as f64,
            toml::Value::Float(value) => value,
            _ => unreachable!("a curve is made of numbers"),
        }
    }

    /// The value in an epoch, an integer where it is meant to be one.
    pub(crate) fn at(&self, epoch: u32) -> toml::Value {
        match &self.form {
            Form::Fixed(value) => value.value(),
            Form::Stages(stages) => {
                let stage = stages
                    .iter()
                    .rev()
                    .find(|(from, _)| *from <= epoch)
                    .unwrap_or(&stages[0]);
                stage.1.value()
            }
            Form::Ramp {
                shape,
                ends,
                epochs: [from, to],
            } => {
                let t = f64::from(epoch.clamp(*from, *to) - from) / f64::from(to - from);
                let share = match shape {
                    Shape::Linear => t,
                    Shape::Cosine => (1.0 - libm::cos(std::f64::consts::PI * t)) / 2.0,
                    Shape::Tanh => libm::tanh(3.0 * t) / libm::tanh(3.0),
                };
                let [first, last] = ends.map(Number::as_f64);
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

    /// True for a ramp between two integers, whose values are integers too where the parameter
    /// takes no others.
    pub(crate) fn is_integer_ramp(&self) -> bool {
        matches!(
            self.form,
            Form::Ramp {
                ends: [Number::Integer(_), Number::Integer(_)],
                ..
            }
        )
    }

    /// Epochs whose values stand for all: those where a stage begins; the ends of a ramp and some
    /// between.
    pub(crate) fn landmarks(&self) -> Vec<u32> {
        match &self.form {
            Form::Fixed(_) => vec![0],
            Form::Stages(stages) => stages.iter().map(|(epoch, _)| *epoch).collect(),
            Form::Ramp {
                epochs: [from, to], ..
            } => {
                let between = |part: u64| from + (u64::from(to - from) * part / 16) as u32;
                (0..=16).map(between).collect()
            }
        }
    }
}

impl Form {
    fn stages(written: Vec<(u32, toml::Value)>) -> Result<Form> {
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
        Ok(Form::Stages(stages))
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
