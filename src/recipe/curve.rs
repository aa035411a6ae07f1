//! A number as a function of the epoch.

use serde::Deserialize;

use crate::augment::suggest;
use crate::error::{Error, Result};

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

/// How a ramp goes from its first to its last value; `t` is the share of its epochs that has passed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// `t`
    Linear,
    /// `(1 - cos(pi t)) / 2`
    Cosine,
    /// `tanh(3 t) / tanh(3)`
    Tanh,
}

/// A number that depends on the epoch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    form: Form,
    /// True if values between two integers are rounded to integers, half to even.
    pub(super) whole: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// Each value holds from its epoch on.
    Stages(Vec<(u32, Number)>),
    /// From one value to another in an interval of epochs, constant outside it.
    Ramp { shape: Shape, ends: [Number; 2], epochs: [u32; 2] },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    stages: Option<Vec<(u32, toml::Value)>>,
    linear: Option<[toml::Value; 2]>,
    cosine: Option<[toml::Value; 2]>,
    tanh: Option<[toml::Value; 2]>,
    epochs: Option<[u32; 2]>,
}

impl Curve {
    /// True if a table among an op's parameters is meant as a curve.
    pub(super) fn is_meant(table: &toml::Table) -> bool {
        !table.contains_key("op") && KEYS.iter().any(|key| table.contains_key(*key))
    }

    /// # Errors
    ///
    /// [`crate::Kind::Config`]: an unknown key, a number that is not finite, epochs that do not increase.
    pub(super) fn read(table: &toml::Table) -> Result<Curve> {
        let written: Written = table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| Error::config(suggest(error.message().trim())))?;
        let ramps = [
            (Shape::Linear, "linear", written.linear),
            (Shape::Cosine, "cosine", written.cosine),
            (Shape::Tanh, "tanh", written.tanh),
        ];
        let mut ramps = ramps.into_iter().filter_map(|(shape, name, ends)| Some((shape, name, ends?)));
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
                Form::Ramp { shape, ends: [read(first)?, read(last)?], epochs }
            }
            (None, Some((_, name, _)), None, None) => {
                return Err(Error::config(format!("{name} needs epochs = [FIRST, LAST]")));
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

    /// The value in an epoch.
    pub(super) fn at(&self, epoch: u32) -> toml::Value {
        match &self.form {
            Form::Stages(stages) => {
                let stage = stages.iter().rev().find(|(from, _)| *from <= epoch).unwrap_or(&stages[0]);
                stage.1.value()
            }
            Form::Ramp { shape, ends, epochs: [from, to] } => {
                let t = f64::from(epoch.clamp(*from, *to) - from) / f64::from(to - from);
                let share = match shape {
                    Shape::Linear => t,
                    Shape::Cosine => (1.0 - libm::cos(std::f64::consts::PI * t)) / 2.0,
                    Shape::Tanh => libm::tanh(3.0 * t) / libm::tanh(3.0),
                };
                let [first, last] = ends.map(Number::as_f64);
                let value = if t == 1.0 { last } else { first + (last - first) * share };
                if self.whole {
                    toml::Value::Integer(value.round_ties_even() as i64)
                } else {
                    toml::Value::Float(value)
                }
            }
        }
    }

    /// For a ramp between two integers: its first and last epoch, each with a fraction beside its value there. An op that takes
    /// neither wants integers.
    pub(super) fn fractions(&self) -> Option<[(u32, toml::Value); 2]> {
        let Form::Ramp { ends: [Number::Integer(first), Number::Integer(last)], epochs, .. } = self.form
        else {
            return None;
        };
        let inwards = if first <= last { 1.0 } else { -1.0 } / 1024.0;
        let beside = |end: i64, by: f64| toml::Value::Float(end as f64 + by);
        Some([(epochs[0], beside(first, inwards)), (epochs[1], beside(last, -inwards))])
    }

    /// Epochs whose values stand for all: those where a stage begins; the ends of a ramp and some between.
    pub(super) fn landmarks(&self) -> Vec<u32> {
        match &self.form {
            Form::Stages(stages) => stages.iter().map(|(epoch, _)| *epoch).collect(),
            Form::Ramp { epochs: [from, to], .. } => {
                let between = |part: u64| from + (u64::from(to - from) * part / 16) as u32;
                (0..=16).map(between).collect()
            }
        }
    }
}

impl Form {
    fn stages(written: Vec<(u32, toml::Value)>) -> Result<Form> {
        let read = |(epoch, value): (u32, toml::Value)| {
            Ok((epoch, Number::read(&value).map_err(|error| error.at("stages"))?))
        };
        let stages: Vec<(u32, Number)> = written.into_iter().map(read).collect::<Result<_>>()?;
        if stages.first().is_none_or(|(epoch, _)| *epoch != 0) {
            return Err(Error::config("stages: expected the first stage to begin with epoch 0, [0, VALUE]"));
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
            floats("stages = [[0, 1], [60, 3.5], [120, 5]]", [0, 59, 60, 120, u32::MAX]),
            [1.0, 1.0, 3.5, 5.0, 5.0]
        );
    }

    #[test]
    fn ramps_follow_their_formulas_and_are_constant_outside() {
        let ramp = |shape: &str| floats(&format!("{shape} = [2, 4]\nepochs = [10, 20]"), [0, 10, 15, 20, 99]);
        assert_eq!(ramp("linear"), [2.0, 2.0, 3.0, 4.0, 4.0]);
        assert_eq!(ramp("cosine").map(|value| (value * 1e9).round() / 1e9), [2.0, 2.0, 3.0, 4.0, 4.0]);
        let middle = 2.0 + 2.0 * 1.5f64.tanh() / 3f64.tanh();
        assert!((ramp("tanh")[2] - middle).abs() < 1e-12 && ramp("tanh")[3] == 4.0);
        let quarter = floats("cosine = [0.0, 1.0]\nepochs = [0, 4]", [0, 1, 2, 3, 4]);
        assert!((quarter[1] - (1.0 - 0.5f64.sqrt()) / 2.0).abs() < 1e-12, "{quarter:?}");
    }

    #[test]
    fn whole_values_are_rounded_half_to_even() {
        let mut whole = curve("linear = [0, 5]\nepochs = [0, 10]");
        whole.whole = true;
        let found: Vec<i64> = (0..=10).map(|epoch| whole.at(epoch).as_integer().unwrap()).collect();
        assert_eq!(found, [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5]);
    }
}
