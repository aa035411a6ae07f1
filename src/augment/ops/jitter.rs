//! Color jitter: brightness, contrast, saturation and hue at once.

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
    /// Factors in `[max(0, 1 - v), 1 + v]`; for hue, shifts in `[-v, v]`.
    Strength(f64),
    /// Factors, or shifts for hue, between these two; equal ones fix it.
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
    /// The range around `neutral`, or `None` if it holds nothing else.
    fn range(self, neutral: f64, least: f64) -> Option<[f64; 2]> {
        let range = match self {
            Amount::Strength(v) => [(neutral - v).max(least), neutral + v],
            Amount::Between(range) => range,
        };
        (range != [neutral; 2]).then_some(range)
    }

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
/// Each of the four is a strength `v`, which stands for factors in `[max(0, 1 - v), 1 + v]` (for
/// `hue` for shifts in `[-v, v]`, at most 0.5), or a range `[low, high]` of factors or shifts;
/// `brightness = [1.3, 1.3]` fixes the factor. 0 (the default) leaves that property alone. `p` (1)
/// is the probability of doing anything; `dialect` is `pil` or `tv2`.
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

    /// With probability `p`.
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
