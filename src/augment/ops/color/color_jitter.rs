//! Color jitter: brightness, contrast, saturation and hue, in random order.
//!
//! torchvision's `ColorJitter` accepts a strength around "unchanged" or a range, and recipes write
//! both forms, so [`Amount`] has both.

use serde::Deserialize;

use crate::augment::steps::{Color, Levels};
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::error::Result;
use crate::rng::RandomStream;
use crate::spec::{BareNumber, ParamSpec, ParamValue};

/// How far a property may change: a strength around "unchanged", or the range of factors itself.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a number or [low, high]")]
#[non_exhaustive]
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
}

impl ParamValue for Amount {
    const BARE_NUMBER: BareNumber = BareNumber::Strength;

    fn form() -> String {
        "a strength or `[low, high]`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match *self {
            Amount::Strength(strength) => strength.into(),
            Amount::Between(ends) => ends.to_vec().into(),
        })
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        let most = param.range.map_or(f64::INFINITY, |[_, most]| most);
        match *self {
            Amount::Strength(strength) if !(0.0..=most).contains(&strength) => Err(param.refuse(
                strength,
                format_args!("a strength of 0 to {most}, or [low, high]"),
            )),
            Amount::Strength(_) => Ok(()),
            Amount::Between(ends) => param.check_ends(ends),
        }
    }

    fn never_varies(&self) -> bool {
        matches!(self, Amount::Between([low, high]) if low == high)
    }
}

/// Changes brightness, contrast, saturation and hue by random amounts in random order.
///
/// A strength `v` stands for factors in `[max(0, 1 - v), 1 + v]`, or for shifts of hue in
/// `[-v, v]`; `[low, high]` is the range itself, so `[1.3, 1.3]` fixes a factor.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ColorJitter;
/// use feedmill::testing::assert_op;
///
/// let op = ColorJitter::new().with_brightness(0.4).with_contrast(0.4).with_hue([-0.1, 0.1]);
/// assert_op(r#"{ op = "color_jitter", brightness = 0.4, contrast = 0.4, hue = [-0.1, 0.1] }"#, &op);
/// ```
#[declare(
    name = "color_jitter",
    families = [Color, Contrast],
    like = ["torchvision ColorJitter", "albumentations ColorJitter"],
    strengths = [
        "brightness = 0.2, contrast = 0.2, saturation = 0.2, hue = 0.05",
        "brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1",
        "brightness = 0.8, contrast = 0.8, saturation = 0.8, hue = 0.2",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ColorJitter {
    /// How far the factor of brightness may be from 1; 0 leaves brightness alone.
    #[param(default = Amount::Strength(0.0), range = [0.0, 1000.0])]
    brightness: Amount,
    /// The same for contrast.
    #[param(default = Amount::Strength(0.0), range = [0.0, 1000.0])]
    contrast: Amount,
    /// The same for saturation.
    #[param(default = Amount::Strength(0.0), range = [0.0, 1000.0])]
    saturation: Amount,
    /// How far the hue may be shifted, as a share of the color circle.
    #[param(default = Amount::Strength(0.0), range = [-0.5, 0.5])]
    hue: Amount,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
    /// The library whose rounding it follows.
    #[param(default)]
    dialect: Dialect,
}

impl Op for ColorJitter {
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
            match (which, brightness, contrast, saturation, hue) {
                (0, Some(factor), ..) => steps.push(Levels::Brightness(factor)),
                (1, _, Some(factor), ..) => steps.push(Levels::Contrast(factor, self.dialect)),
                (2, _, _, Some(factor), _) => steps.push(Color::Saturation(factor, self.dialect)),
                (3, .., Some(shift)) => steps.push(Color::Hue(shift as f32, self.dialect)),
                _ => {}
            }
        }
    }
}
