//! Color jitter: brightness, contrast, saturation and hue, in random order.
//!
//! torchvision's `ColorJitter` accepts a strength around "unchanged" or a range, and recipes write
//! both forms, so [`Amount`] has both.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Color, Levels, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{check_p, is_default};

/// How far a property may change: a strength around "unchanged", or the range of factors itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number or [low, high]")]
pub enum Amount {
    /// A strength `v`: factors in `[max(0, 1 - v), 1 + v]`; for hue, shifts in `[-v, v]`.
    Strength(f64),
    /// The lowest and the highest factor, or shift for hue; equal ones fix it.
    Between([f64; 2]),
}

impl Default for Amount {
    fn default() -> Amount {
        Amount::Strength(0.0)
    }
}

impl From<f64> for Amount {
    fn from(strength: f64) -> Amount {
        Amount::Strength(strength)
    }
}

impl From<[f64; 2]> for Amount {
    fn from(range: [f64; 2]) -> Amount {
        Amount::Between(range)
    }
}

impl Amount {
    /// The range to draw from, where a strength does not reach below `least`; `None` if the range
    /// is just `neutral`, which changes nothing.
    fn range(self, neutral: f64, least: f64) -> Option<[f64; 2]> {
        let range = match self {
            Amount::Strength(v) => [(neutral - v).max(least), neutral + v],
            Amount::Between(range) => range,
        };
        (range != [neutral; 2]).then_some(range)
    }

    /// Checks that a strength is from 0 to `strength`, and that a range lies between `least` and
    /// `most`.
    fn check(self, name: &str, strength: f64, [least, most]: [f64; 2]) -> Result<()> {
        match self {
            Amount::Strength(v) if !(0.0..=strength).contains(&v) => Err(Error::config(format!(
                "{name} = {v}: expected 0 to {strength}, or [low, high]"
            ))),
            Amount::Between([low, high]) if !(least <= low && low <= high && high <= most) => {
                Err(Error::config(format!(
                    "{name} = [{low}, {high}]: expected {least} <= low <= high <= {most}"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Changes brightness, contrast, saturation and hue by random amounts in random order; torchvision
/// `ColorJitter`.
///
/// # Parameters
///
/// * `brightness`, `contrast`, `saturation` (0; 0 to 1000): how far the factor may be from 1. A
///   strength `v` stands for factors in `[max(0, 1 - v), 1 + v]`; `[low, high]` is the range of
///   factors itself, so `[1.3, 1.3]` fixes it. 0 leaves the property alone.
/// * `hue` (0; 0 to 0.5, or a range within -0.5 to 0.5): the same for shifts, as a share of the
///   color circle: `v` stands for `[-v, v]`.
/// * `p` (1): the probability that the op is applied.
/// * `dialect` (`"pil"`; `"tv2"`): the library whose rounding it follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColorJitter {
    brightness: Amount,
    contrast: Amount,
    saturation: Amount,
    hue: Amount,
    p: f64,
    #[serde(skip_serializing_if = "is_default")]
    dialect: Dialect,
}

impl Default for ColorJitter {
    fn default() -> ColorJitter {
        ColorJitter::new(0.0, 0.0, 0.0, 0.0)
    }
}

impl ColorJitter {
    /// With these strengths or ranges.
    pub fn new(
        brightness: impl Into<Amount>,
        contrast: impl Into<Amount>,
        saturation: impl Into<Amount>,
        hue: impl Into<Amount>,
    ) -> ColorJitter {
        ColorJitter {
            brightness: brightness.into(),
            contrast: contrast.into(),
            saturation: saturation.into(),
            hue: hue.into(),
            p: 1.0,
            dialect: Dialect::default(),
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> ColorJitter {
        ColorJitter { p, ..self }
    }
}

impl Op for ColorJitter {
    op_basics!("color_jitter");

    fn check(&self) -> Result<()> {
        for (name, amount) in [
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
        ] {
            amount.check(name, 1e3, [0.0, 1e3])?;
        }
        self.hue.check("hue", 0.5, [-0.5, 0.5])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if !rng.bernoulli(self.p) {
            return;
        }
        let mut order = [0, 1, 2, 3];
        rng.shuffle(&mut order);
        let mut within = |range: Option<[f64; 2]>| range.map(|[low, high]| rng.uniform(low, high));
        let [brightness, contrast, saturation] = [self.brightness, self.contrast, self.saturation]
            .map(|amount| within(amount.range(1.0, 0.0)));
        let hue = within(self.hue.range(0.0, -0.5));
        for which in order {
            let step = match which {
                0 => brightness.map(|factor| Step::Levels(Levels::Brightness(factor))),
                1 => contrast.map(|factor| Step::Levels(Levels::Contrast(factor, self.dialect))),
                2 => saturation.map(|factor| Step::Color(Color::Saturation(factor, self.dialect))),
                _ => hue.map(|shift| Step::Color(Color::Hue(shift as f32, self.dialect))),
            };
            step.into_iter().for_each(|step| steps.push(step));
        }
    }
}
