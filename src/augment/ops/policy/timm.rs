//! timm's policies by its configuration strings, and 3-Augment.

use serde::{Deserialize, Serialize};

use super::augmix::{WIDTH, depth, dirichlet};
use super::tables;
use super::timm_space::{self as space, Hparams, Interpolation, TimmName};
use crate::augment::params::op_basics;
use crate::augment::{Blur, Color, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_range};

/// What timm does about the spread of magnitudes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Magnitude {
    mean: f64,
    /// Infinite: uniform between 0 and the mean.
    std: f64,
    most: f64,
}

impl Magnitude {
    fn draw(self, rng: &mut RandomStream) -> f64 {
        let level = if self.std == f64::INFINITY {
            rng.uniform(0.0, self.mean)
        } else if self.std > 0.0 {
            self.mean + self.std * rng.normal()
        } else {
            self.mean
        };
        level.clamp(0.0, self.most)
    }
}

/// What a configuration string asks for.
#[derive(Clone, Debug, PartialEq)]
enum Config {
    Rand {
        layers: u32,
        p: f64,
        magnitude: Magnitude,
        set: Set,
    },
    Auto {
        policy: Auto,
        std: f64,
    },
    AugMix {
        width: u32,
        depth: u32,
        alpha: f64,
        magnitude: Magnitude,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Set {
    Uniform(&'static [TimmName]),
    Weighted(&'static [(TimmName, f64)]),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Auto {
    Original,
    OriginalR,
    V0,
    V0R,
    Three,
}

/// A policy by timm's configuration string: `rand-m9-mstd0.5-inc1` (RandAugment), `original`,
/// `originalr`, `v0`, `v0r`, `3a` (AutoAugment and 3-Augment), `augmix-m3-w3` (AugMix).
///
/// `rand` takes `m` (10) the magnitude, `n` (2) the ops an image, `p` (0.5) the probability of
/// each, `mstd` (0) the spread of the magnitude (over 100: uniform from 0), `mmax` (10) its
/// ceiling, `inc1` the set that grows with the magnitude, and a set `tweights`, `t3a` or `t3aw`;
/// sets with weights are drawn without replacement. `augmix` takes `m` (3), `w` (3), `d` (-1: 1
/// to 3), `a` (1) and `mstd` (uniform). AutoAugment takes `mstd`.
///
/// `interpolation` is `random` (bilinear or bicubic, default), `nearest`, `bilinear` or `bicubic`;
/// `fill` ([124, 116, 104], ImageNet's mean); `magnitude` takes the place of the string's `m`, so
/// that it can be a curve; `translate_const` (100, which is 0.45 of 224) for absolute shifts.
///
/// # Errors
///
/// When made: a section that timm does not know. The bytes are timm's for the same drawn values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct TimmAugment {
    form: Form,
    parsed: Config,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    config: String,
    #[serde(default)]
    interpolation: Interpolation,
    #[serde(default = "mean_color")]
    fill: [u8; 3],
    #[serde(default = "hundred")]
    translate_const: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    magnitude: Option<f64>,
}

fn mean_color() -> [u8; 3] {
    [124, 116, 104]
}

fn hundred() -> f64 {
    100.0
}

impl TryFrom<Form> for TimmAugment {
    type Error = Error;
    fn try_from(form: Form) -> Result<TimmAugment> {
        let mut parsed = parse(&form.config)?;
        if let Some(value) = form.magnitude {
            match &mut parsed {
                Config::Rand { magnitude, .. } | Config::AugMix { magnitude, .. } => {
                    magnitude.mean = value
                }
                Config::Auto { .. } => {
                    let text = format!(
                        "magnitude = {value}: \"{}\" has a magnitude for each op",
                        form.config
                    );
                    return Err(Error::config(text));
                }
            }
        }
        Ok(TimmAugment { form, parsed })
    }
}

impl From<TimmAugment> for Form {
    fn from(op: TimmAugment) -> Form {
        op.form
    }
}

impl TimmAugment {
    /// The policy of a configuration string.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the section that timm does not know.
    pub fn new(config: &str) -> Result<TimmAugment> {
        let form = Form {
            config: config.to_string(),
            interpolation: Interpolation::Random,
            fill: mean_color(),
            translate_const: hundred(),
            magnitude: None,
        };
        form.try_into()
    }
}

/// `mstd0.5` as ("mstd", 0.5).
fn section(text: &str) -> Option<(&str, f64)> {
    let digits = text.find(|c: char| c.is_ascii_digit() || c == '.')?;
    // The sign of `d-1` was taken for a separator: it comes as an empty section and is handled by
    // the caller.
    let (key, value) = text.split_at(digits);
    value.parse().ok().map(|value| (key, value))
}

fn parse(config: &str) -> Result<Config> {
    let mut sections = config.split('-');
    let name = sections.next().unwrap_or_default();
    let unknown = |section: &str, known: &str| {
        Error::config(format!(
            "config = \"{config}\": the section \"{section}\" is not known; expected {known}"
        ))
    };
    let whole = |section: &str, value: f64| match value.fract() {
        0.0 if value <= 1000.0 => Ok(value as u32),
        _ => Err(Error::config(format!(
            "config = \"{config}\": \"{section}\": expected a whole number"
        ))),
    };
    let spread = |std: f64| if std > 100.0 { f64::INFINITY } else { std };
    match name {
        "rand" => {
            let known = "m, n, p, mstd, mmax, inc with a number, or tweights, t3a, t3aw";
            let (mut layers, mut p, mut increasing, mut set) = (2, 0.5, false, None);
            let mut magnitude = Magnitude {
                mean: 10.0,
                std: 0.0,
                most: 10.0,
            };
            for text in sections {
                match text {
                    "tweights" => set = Some(Set::Weighted(&space::WEIGHTED)),
                    "t3a" => set = Some(Set::Uniform(&space::THREE)),
                    "t3aw" => set = Some(Set::Weighted(&space::WEIGHTED_THREE)),
                    "mstdinf" => magnitude.std = f64::INFINITY,
                    _ => match section(text) {
                        Some(("m", value)) => magnitude.mean = f64::from(whole(text, value)?),
                        Some(("n", value)) => layers = whole(text, value)?,
                        Some(("p", value)) if value <= 1.0 => p = value,
                        Some(("mstd", value)) => magnitude.std = spread(value),
                        Some(("mmax", value)) => magnitude.most = f64::from(whole(text, value)?),
                        Some(("inc", value)) => increasing = value != 0.0,
                        _ => return Err(unknown(text, known)),
                    },
                }
            }
            let uniform = if increasing {
                &space::INCREASING
            } else {
                &space::PLAIN
            };
            let set = set.unwrap_or(Set::Uniform(uniform));
            if let Set::Weighted(names) = set
                && layers as usize > names.len()
            {
                let text = format!(
                    "config = \"{config}\": n = {layers} of {} different ops",
                    names.len()
                );
                return Err(Error::config(text));
            }
            Ok(Config::Rand {
                layers,
                p,
                magnitude,
                set,
            })
        }
        "augmix" => {
            let (mut width, mut depth, mut alpha) = (3, 0, 1.0);
            let mut magnitude = Magnitude {
                mean: 3.0,
                std: f64::INFINITY,
                most: 10.0,
            };
            for text in sections {
                match section(text) {
                    Some(("m", value)) => magnitude.mean = f64::from(whole(text, value)?),
                    Some(("w", value)) if (1.0..=WIDTH as f64).contains(&value) => {
                        width = whole(text, value)?
                    }
                    Some(("d", value)) => depth = whole(text, value)?,
                    Some(("a", value)) if (1e-3..=1e3).contains(&value) => alpha = value,
                    Some(("mstd", value)) => magnitude.std = spread(value),
                    _ => return Err(unknown(text, "m, w (1 to 16), d, a or mstd with a number")),
                }
            }
            Ok(Config::AugMix {
                width,
                depth,
                alpha,
                magnitude,
            })
        }
        _ => {
            let policy = match name {
                "original" => Auto::Original,
                "originalr" => Auto::OriginalR,
                "v0" => Auto::V0,
                "v0r" => Auto::V0R,
                "3a" => Auto::Three,
                _ => {
                    return Err(unknown(
                        name,
                        "rand, augmix, original, originalr, v0, v0r or 3a to begin with",
                    ));
                }
            };
            let mut std = 0.0;
            for text in sections {
                match section(text) {
                    Some(("mstd", value)) => std = value,
                    _ => return Err(unknown(text, "mstd with a number")),
                }
            }
            Ok(Config::Auto { policy, std })
        }
    }
}

impl TimmAugment {
    fn one(
        &self,
        name: TimmName,
        p: f64,
        magnitude: Magnitude,
        pct: f64,
        rng: &mut RandomStream,
        steps: &mut Steps,
    ) {
        if p < 1.0 && rng.unit() > p {
            return;
        }
        let Form {
            interpolation,
            fill,
            translate_const,
            ..
        } = self.form;
        let hparams = Hparams {
            interpolation,
            fill,
            translate_const,
            translate_pct: pct,
        };
        let level = magnitude.draw(rng);
        let argument = name.argument(level, &hparams, rng);
        name.push(argument, &hparams, rng, steps);
    }

    fn auto(&self, policy: Auto, std: f64, rng: &mut RandomStream, steps: &mut Steps) {
        let mut apply = |name: TimmName, p: f64, level: u8, rng: &mut RandomStream| {
            let magnitude = Magnitude {
                mean: level.into(),
                std,
                most: 10.0,
            };
            self.one(name, p, magnitude, 0.45, rng, steps);
        };
        let pick = |rng: &mut RandomStream| rng.below(25) as usize;
        match policy {
            Auto::Original | Auto::OriginalR => {
                let posterize = match policy {
                    Auto::Original => TimmName::PosterizeOriginal,
                    _ => TimmName::PosterizeIncreasing,
                };
                for (name, p, level) in tables::IMAGENET[pick(rng)] {
                    apply(TimmName::original(name, posterize), p, level, rng);
                }
            }
            Auto::V0 | Auto::V0R => {
                for (name, p, level) in tables::V0[pick(rng)] {
                    let increasing = policy == Auto::V0R && name == TimmName::Posterize;
                    apply(
                        if increasing {
                            TimmName::PosterizeIncreasing
                        } else {
                            name
                        },
                        p,
                        level,
                        rng,
                    );
                }
            }
            Auto::Three => match rng.below(3) {
                0 => apply(TimmName::Solarize, 1.0, 5, rng),
                1 => apply(TimmName::Desaturate, 1.0, 10, rng),
                _ => apply(TimmName::GaussianBlurRand, 1.0, 10, rng),
            },
        }
    }
}

impl Op for TimmAugment {
    op_basics!("timm_augment");

    fn check(&self) -> Result<()> {
        check_range(
            "magnitude",
            self.form.magnitude.unwrap_or(0.0),
            [0.0, 100.0],
        )?;
        check_range(
            "translate_const",
            self.form.translate_const,
            [0.0, 16_384.0],
        )
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        match self.parsed {
            Config::Rand {
                layers,
                p,
                magnitude,
                set,
            } => {
                // Weighted sets have at most 15 ops: a bit for each that was drawn already.
                let mut drawn = 0u32;
                for _ in 0..layers {
                    let name = match set {
                        Set::Uniform(names) => names[rng.below(names.len() as u64) as usize],
                        Set::Weighted(names) => {
                            let free = names.iter().enumerate().map(|(number, (_, weight))| {
                                if drawn >> number & 1 == 1 {
                                    0.0
                                } else {
                                    *weight
                                }
                            });
                            let chosen = rng.weighted(free);
                            drawn |= 1 << chosen;
                            names[chosen].0
                        }
                    };
                    self.one(name, p, magnitude, 0.45, rng, steps);
                }
            }
            Config::Auto { policy, std } => self.auto(policy, std, rng, steps),
            Config::AugMix {
                width,
                depth: fixed,
                alpha,
                magnitude,
            } => {
                let weights: [f64; WIDTH] = dirichlet(rng, alpha, width as usize);
                let m = rng.beta(alpha, alpha);
                steps.push(Step::Fork);
                for weight in &weights[..width as usize] {
                    for _ in 0..depth(fixed, rng) {
                        let name = space::AUGMIX[rng.below(space::AUGMIX.len() as u64) as usize];
                        self.one(name, 1.0, magnitude, 0.3, rng, steps);
                    }
                    steps.push(Step::Chain(*weight as f32));
                }
                steps.push(Step::Join(m as f32));
            }
        }
    }
}

/// One op of timm's policies by name, with its `argument` (after timm's mapping of levels) or its
/// `level` of 10: to see it, to test it, or to build a policy of one's own with `one_of`.
///
/// With `level`, the sign is drawn as timm draws it. `interpolation`, `fill` and `translate_const`
/// as in `timm_augment`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimmOp {
    name: TimmName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argument: Option<f64>,
    #[serde(default)]
    interpolation: Interpolation,
    #[serde(default = "mean_color")]
    fill: [u8; 3],
    #[serde(default = "hundred")]
    translate_const: f64,
}

impl Op for TimmOp {
    op_basics!("timm_op");

    fn check(&self) -> Result<()> {
        if self.level.is_some() == self.argument.is_some() {
            return Err(Error::config("expected either `level` or `argument`"));
        }
        check_range("level", self.level.unwrap_or(0.0), [0.0, 10.0])?;
        check_range(
            "argument",
            self.argument.unwrap_or(0.0),
            [-16_384.0, 16_384.0],
        )?;
        check_range("translate_const", self.translate_const, [0.0, 16_384.0])
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let TimmOp {
            name,
            interpolation,
            fill,
            translate_const,
            ..
        } = *self;
        let hparams = Hparams {
            interpolation,
            fill,
            translate_const,
            translate_pct: 0.45,
        };
        let drawn = name.argument(self.level.unwrap_or(0.0), &hparams, rng);
        name.push(self.argument.unwrap_or(drawn), &hparams, rng, steps);
    }
}

/// Exactly one of gray, solarize (from 128 on) and Gaussian blur (radius 0.1 to 2); 3-Augment of
/// DeiT III, Touvron et al., 2022 (arXiv 2204.07118).
///
/// `radius` ([0.1, 2]) of the blur, as Pillow's. The recipe puts crop and flip before it and a
/// color jitter of 0.3 after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThreeAugment {
    radius: ParamRange,
}

impl Default for ThreeAugment {
    fn default() -> ThreeAugment {
        ThreeAugment {
            radius: ParamRange::Between([0.1, 2.0]),
        }
    }
}

impl Op for ThreeAugment {
    op_basics!("three_augment");

    fn check(&self) -> Result<()> {
        self.radius.check("radius", [0.0, 100.0])
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let which = rng.below(3);
        let radius = self.radius.draw(rng) as f32;
        steps.push(match which {
            0 => Step::Color(Color::Gray(Dialect::Pil)),
            1 => super::super::color::solarize(128.0),
            _ => Step::Blur(Blur::PilGaussian(radius)),
        });
    }
}
