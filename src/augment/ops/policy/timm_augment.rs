//! timm's policies by their configuration strings.
//!
//! timm names a whole policy by a string such as `rand-m9-mstd0.5-inc1`, and papers quote these
//! strings, so a recipe takes them as they are. The reference is `timm/data/auto_augment.py`:
//! [`parse`] does what `rand_augment_transform`, `augment_and_mix_transform` and
//! `auto_augment_transform` do, [`TimmAugment::apply_op`] what `AugmentOp.__call__` does.
//!
//! An unknown section is an error, so that a typing error cannot turn into another policy.

use super::augmix::{MAX_WIDTH, depth, dirichlet};
use super::timm_space::{Hparams, Interpolation, TimmName};
use super::{tables, timm_space};
use crate::augment::steps::{Chain, Mixture};
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::Derived;

/// The distribution of an op's level, which is drawn anew for each op that is applied.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Magnitude {
    /// The level without noise: `m` of the string, or the number in a table.
    mean: f64,
    /// The deviation of the normal noise; infinite for a level that is uniform from 0 to `mean`.
    std: f64,
    /// The highest level: `mmax` of the string.
    max: f64,
}

impl Magnitude {
    /// Draws a level from 0 to `max`.
    fn draw(self, rng: &mut RandomStream) -> f64 {
        let level = if self.std == f64::INFINITY {
            rng.uniform(0.0, self.mean)
        } else if self.std > 0.0 {
            self.mean + self.std * rng.normal()
        } else {
            self.mean
        };
        level.clamp(0.0, self.max)
    }
}

/// A parsed configuration string.
#[derive(Clone, Debug, PartialEq)]
enum Config {
    /// RandAugment: `layers` ops from `set`, each applied with probability `p`.
    Rand {
        layers: u32,
        p: f64,
        magnitude: Magnitude,
        set: OpSet,
    },
    /// AutoAugment: one row of a table, with noise of deviation `std` on its levels.
    Auto { policy: AutoPolicy, std: f64 },
    /// AugMix: `width` chains of `depth` ops (0: 1 to 3).
    AugMix {
        width: u32,
        depth: u32,
        alpha: f64,
        magnitude: Magnitude,
    },
}

/// The ops that RandAugment draws from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OpSet {
    /// Equal chances, with replacement.
    Uniform(&'static [TimmName]),
    /// Chances in proportion to weights, without replacement.
    Weighted(&'static [(TimmName, f64)]),
}

/// The tables of AutoAugment that timm has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum AutoPolicy {
    /// The paper's table.
    Original,
    /// The paper's table with a posterize that grows with the level.
    OriginalR,
    /// The table of the EfficientNet code for TPUs.
    V0,
    /// The same with a posterize that grows with the level.
    V0R,
    /// 3-Augment: one of solarize, desaturate and Gaussian blur.
    Three,
}

/// Applies a policy that is given by timm's configuration string: `rand-m9-mstd0.5-inc1`
/// (RandAugment), `original`, `originalr`, `v0`, `v0r` (AutoAugment), `3a` (3-Augment),
/// `augmix-m3-w3` (AugMix). The bytes are timm's for the same drawn values.
///
/// # Sections of the string
///
/// * `rand` takes `m` (10) the magnitude; `n` (2) the number of ops for an image; `p` (0.5) the
///   probability of each; `mstd` (0) the deviation of the magnitude, where more than 100 means
///   uniform from 0 to `m`; `mmax` (10) its upper limit; `inc1` for the set whose ops grow stronger
///   with the magnitude; or one of the sets `tweights`, `t3a` and `t3aw`. Sets with weights are
///   drawn without replacement.
/// * `augmix` takes `m` (3), `w` (3; 1 to 16) the number of chains, `d` (0, which draws 1, 2 or 3)
///   the number of ops in each, `a` (1; 0.001 to 1000) the parameter of the distributions of
///   weights, and `mstd` (more than 100: uniform).
/// * `original`, `originalr`, `v0`, `v0r` and `3a` take `mstd` (0).
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::TimmAugment;
/// use feedmill::testing::assert_op;
///
/// let op = TimmAugment::new("rand-m9-mstd0.5-inc1");
/// assert_op(r#"{ op = "timm_augment", config = "rand-m9-mstd0.5-inc1" }"#, &op);
/// ```
#[declare(
    name = "timm_augment",
    families = [Arithmetic, Color, Contrast, Convolutional, Geometric],
    like = ["timm rand_augment_transform", "timm auto_augment_transform", "timm augment_and_mix_transform"],
    strengths = [
        "config = \"rand-m3-p1\"",
        "config = \"rand-m9-mstd0.5-inc1-p1\"",
        "config = \"augmix-m10-w3\"",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct TimmAugment {
    /// The name of the policy and its sections.
    #[param(required)]
    config: String,
    /// How warps read between pixels.
    #[param(default = Interpolation::Random)]
    interpolation: Interpolation,
    /// What warps leave outside the image; ImageNet's mean color by default.
    #[param(default = [124, 116, 104])]
    fill: [u8; 3],
    /// The largest absolute shift, in the policies that shift by pixels: 0.45 of 224.
    #[param(default = 100.0, range = [0.0, 16384.0], unit = "pixels")]
    translate_const: f64,
    /// Takes the place of the string's `m`, so that it can be a curve over epochs. The policies of
    /// AutoAugment have no `m` and refuse it.
    #[param(default, range = [0.0, 100.0])]
    magnitude: Option<f64>,
    /// `config` parsed, with `magnitude` put in; `None` if it is not valid.
    #[param(derived)]
    parsed: Derived<Option<Config>>,
}

impl Op for TimmAugment {
    fn check(&self) -> Result<()> {
        self.parse().map(drop)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let parsed = self.parsed.get_or_init(|| self.parse().ok());
        // `check` has refused a string that cannot be parsed.
        let Some(parsed) = parsed else { return };
        self.apply(parsed, rng, steps);
    }
}

impl TimmAugment {
    /// Parses the string, and puts the parameter `magnitude` in the place of the string's.
    fn parse(&self) -> Result<Config> {
        let mut parsed = parse(&self.config).map_err(|error| error.about_key("config"))?;
        if let Some(value) = self.magnitude {
            match &mut parsed {
                Config::Rand { magnitude, .. } | Config::AugMix { magnitude, .. } => {
                    magnitude.mean = value;
                }
                Config::Auto { .. } => {
                    return Err(Error::config(format!(
                        "magnitude = {value}: \"{}\" has a magnitude for each op",
                        self.config
                    ))
                    .about_key("magnitude"));
                }
            }
        }
        Ok(parsed)
    }

    /// Adds the ops of a policy.
    fn apply(&self, config: &Config, rng: &mut RandomStream, steps: &mut Steps) {
        match *config {
            Config::Rand {
                layers,
                p,
                magnitude,
                set,
            } => {
                // Weighted sets have at most 15 ops, so a bit for each says whether it was drawn.
                // `parse` has made sure that there are enough for all layers.
                let mut drawn = 0u32;
                for _ in 0..layers {
                    let name = match set {
                        OpSet::Uniform(names) => names[rng.below(names.len() as u64) as usize],
                        OpSet::Weighted(names) => {
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
                    self.apply_op(name, p, (magnitude, 0.45), rng, steps);
                }
            }
            Config::Auto { policy, std } => self.draw_auto(policy, std, rng, steps),
            Config::AugMix {
                width,
                depth: fixed,
                alpha,
                magnitude,
            } => {
                let weights: [f64; MAX_WIDTH] = dirichlet(rng, alpha, width as usize);
                let m = rng.beta(alpha, alpha);
                // Unlike in torchvision's AugMix, the image is not one of the chains: it is blended
                // with their sum, which has the share `m`.
                let chains = weights[..width as usize].iter().map(|weight| Chain {
                    weight: *weight as f32,
                    steps: steps.aside(|steps| {
                        for _ in 0..depth(fixed, rng) {
                            let names = timm_space::AUGMIX;
                            let name = names[rng.below(names.len() as u64) as usize];
                            self.apply_op(name, 1.0, (magnitude, 0.3), rng, steps);
                        }
                    }),
                });
                let chains = chains.collect();
                steps.push(Mixture::new(chains, m as f32));
            }
        }
    }
}

/// Splits a section into its key and its number: `mstd0.5` into `("mstd", 0.5)`.
fn split_section(text: &str) -> Option<(&str, f64)> {
    let digits = text.find(|c: char| c.is_ascii_digit() || c == '.')?;
    let (key, value) = text.split_at(digits);
    value.parse().ok().map(|value| (key, value))
}

/// A configuration string in parts, for errors that show it whole.
struct Sections<'a> {
    config: &'a str,
}

impl<'a> Sections<'a> {
    /// The sections after the name of the policy.
    fn texts(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.config.split('-').skip(1)
    }

    fn unknown(&self, section: &str, known: &str) -> Error {
        let config = self.config;
        Error::config(format!(
            "config = \"{config}\": the section \"{section}\" is not known; expected {known}"
        ))
    }

    /// The number of a section that has to be an integer.
    fn integer(&self, section: &str, value: f64) -> Result<u32> {
        match value.fract() {
            0.0 if value <= 1000.0 => Ok(value as u32),
            _ => Err(Error::config(format!(
                "config = \"{}\": \"{section}\": expected a whole number",
                self.config
            ))),
        }
    }
}

/// timm takes a spread above 100 for infinite: the magnitude is then uniform.
fn spread(std: f64) -> f64 {
    if std > 100.0 { f64::INFINITY } else { std }
}

/// Parses a configuration string: the name of a policy and sections, with `-` between them.
fn parse(config: &str) -> Result<Config> {
    let sections = &Sections { config };
    match config.split('-').next().unwrap_or_default() {
        "rand" => parse_rand(sections),
        "augmix" => parse_augmix(sections),
        name => parse_auto(name, sections),
    }
}

/// Parses the name of an AutoAugment policy and its sections.
fn parse_auto(name: &str, sections: &Sections<'_>) -> Result<Config> {
    let policy = match name {
        "original" => AutoPolicy::Original,
        "originalr" => AutoPolicy::OriginalR,
        "v0" => AutoPolicy::V0,
        "v0r" => AutoPolicy::V0R,
        "3a" => AutoPolicy::Three,
        _ => {
            return Err(sections.unknown(
                name,
                "rand, augmix, original, originalr, v0, v0r or 3a to begin with",
            ));
        }
    };
    let mut std = 0.0;
    for text in sections.texts() {
        match split_section(text) {
            Some(("mstd", value)) => std = value,
            _ => return Err(sections.unknown(text, "mstd with a number")),
        }
    }
    Ok(Config::Auto { policy, std })
}

/// Parses the sections of RandAugment.
fn parse_rand(sections: &Sections<'_>) -> Result<Config> {
    let known = "m, n, p, mstd, mmax, inc with a number, or tweights, t3a, t3aw";
    let (mut layers, mut p, mut increasing, mut set) = (2, 0.5, false, None);
    let mut magnitude = Magnitude {
        mean: 10.0,
        std: 0.0,
        max: 10.0,
    };
    for text in sections.texts() {
        match text {
            "tweights" => set = Some(OpSet::Weighted(&timm_space::WEIGHTED)),
            "t3a" => set = Some(OpSet::Uniform(&timm_space::THREE)),
            "t3aw" => set = Some(OpSet::Weighted(&timm_space::WEIGHTED_THREE)),
            "mstdinf" => magnitude.std = f64::INFINITY,
            _ => match split_section(text) {
                Some(("m", value)) => magnitude.mean = f64::from(sections.integer(text, value)?),
                Some(("n", value)) => layers = sections.integer(text, value)?,
                Some(("p", value)) if value <= 1.0 => p = value,
                Some(("mstd", value)) => magnitude.std = spread(value),
                Some(("mmax", value)) => magnitude.max = f64::from(sections.integer(text, value)?),
                Some(("inc", value)) => increasing = value != 0.0,
                _ => return Err(sections.unknown(text, known)),
            },
        }
    }
    let uniform = if increasing {
        &timm_space::INCREASING
    } else {
        &timm_space::PLAIN
    };
    let set = set.unwrap_or(OpSet::Uniform(uniform));
    if let OpSet::Weighted(names) = set
        && layers as usize > names.len()
    {
        let text = format!(
            "config = \"{}\": n = {layers} of {} different ops",
            sections.config,
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

/// Parses the sections of AugMix.
fn parse_augmix(sections: &Sections<'_>) -> Result<Config> {
    let (mut width, mut depth, mut alpha) = (3, 0, 1.0);
    let mut magnitude = Magnitude {
        mean: 3.0,
        std: f64::INFINITY,
        max: 10.0,
    };
    for text in sections.texts() {
        match split_section(text) {
            Some(("m", value)) => magnitude.mean = f64::from(sections.integer(text, value)?),
            Some(("w", value)) if (1.0..=MAX_WIDTH as f64).contains(&value) => {
                width = sections.integer(text, value)?
            }
            Some(("d", value)) => depth = sections.integer(text, value)?,
            Some(("a", value)) if (1e-3..=1e3).contains(&value) => alpha = value,
            Some(("mstd", value)) => magnitude.std = spread(value),
            _ => return Err(sections.unknown(text, "m, w (1 to 16), d, a or mstd with a number")),
        }
    }
    Ok(Config::AugMix {
        width,
        depth,
        alpha,
        magnitude,
    })
}

impl TimmAugment {
    /// Adds one op with probability `p`: draws its level, its argument and its filter.
    ///
    /// `translate_pct` is the largest relative shift, as a share of the side: 0.45, but 0.3 in
    /// AugMix.
    fn apply_op(
        &self,
        name: TimmName,
        p: f64,
        (magnitude, translate_pct): (Magnitude, f64),
        rng: &mut RandomStream,
        steps: &mut Steps,
    ) {
        if p < 1.0 && rng.unit() > p {
            return;
        }
        let hparams = Hparams {
            interpolation: self.interpolation,
            fill: self.fill,
            translate_const: self.translate_const,
            translate_pct,
        };
        let level = magnitude.draw(rng);
        let argument = name.argument(level, &hparams, rng);
        name.push_step(argument, &hparams, rng, steps);
    }

    /// Adds the ops of one row of a table of AutoAugment.
    fn draw_auto(&self, policy: AutoPolicy, std: f64, rng: &mut RandomStream, steps: &mut Steps) {
        let mut apply = |name: TimmName, p: f64, level: u8, rng: &mut RandomStream| {
            let magnitude = Magnitude {
                mean: level.into(),
                std,
                max: 10.0,
            };
            self.apply_op(name, p, (magnitude, 0.45), rng, steps);
        };
        let pick = |rng: &mut RandomStream| rng.below(25) as usize;
        match policy {
            AutoPolicy::Original | AutoPolicy::OriginalR => {
                let posterize = match policy {
                    AutoPolicy::Original => TimmName::PosterizeOriginal,
                    _ => TimmName::PosterizeIncreasing,
                };
                for (name, p, level) in tables::IMAGENET[pick(rng)] {
                    apply(TimmName::original(name, posterize), p, level, rng);
                }
            }
            AutoPolicy::V0 | AutoPolicy::V0R => {
                for (name, p, level) in tables::V0[pick(rng)] {
                    let increasing = policy == AutoPolicy::V0R && name == TimmName::Posterize;
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
            AutoPolicy::Three => match rng.below(3) {
                0 => apply(TimmName::Solarize, 1.0, 5, rng),
                1 => apply(TimmName::Desaturate, 1.0, 10, rng),
                _ => apply(TimmName::GaussianBlurRand, 1.0, 10, rng),
            },
        }
    }
}
