//! Common corruptions, and JPEG.
//!
//! The corruptions of ImageNet-C are fixed formulas with five severities; the op draws a kind, a
//! severity, a direction and a seed, and the kernels have the formulas. The reference is the
//! imagecorruptions package; docs/AUGMENTATIONS.md lists the differences that are meant.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Corrupt, Corruption, CorruptionSet, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, check_p, is_default, nearest, one};

/// The corruptions that the op draws from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenNames", into = "WrittenNames")]
enum CorruptionNames {
    /// The 15 of the benchmark.
    Any,
    One(Corruption),
    List(Vec<Corruption>),
}

/// [`CorruptionNames`] as a recipe has them. The conversion checks the names itself, to suggest the
/// nearest one.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "the name of a corruption, a list of names, or \"any\""
)]
enum WrittenNames {
    One(String),
    List(Vec<String>),
}

impl From<CorruptionNames> for WrittenNames {
    fn from(names: CorruptionNames) -> WrittenNames {
        match names {
            CorruptionNames::Any => WrittenNames::One("any".to_string()),
            CorruptionNames::One(kind) => WrittenNames::One(kind.name().to_string()),
            CorruptionNames::List(kinds) => {
                WrittenNames::List(kinds.iter().map(|kind| kind.name().to_string()).collect())
            }
        }
    }
}

impl TryFrom<WrittenNames> for CorruptionNames {
    type Error = String;

    fn try_from(written: WrittenNames) -> std::result::Result<CorruptionNames, String> {
        let kind = |word: &String| {
            let kind = Corruption::ALL.into_iter().find(|kind| kind.name() == word);
            let names = Corruption::ALL.map(Corruption::name);
            kind.ok_or_else(|| match nearest(word, names.iter().copied()) {
                Some(near) => {
                    format!("name = \"{word}\": not a corruption; did you mean \"{near}\"?")
                }
                None => format!(
                    "name = \"{word}\": expected \"any\" or one of {}",
                    names.join(", ")
                ),
            })
        };
        match written {
            WrittenNames::One(word) if word == "any" => Ok(CorruptionNames::Any),
            WrittenNames::One(word) => kind(&word).map(CorruptionNames::One),
            WrittenNames::List(words) => words
                .iter()
                .map(kind)
                .collect::<std::result::Result<_, _>>()
                .map(CorruptionNames::List),
        }
    }
}

impl CorruptionNames {
    /// The kinds to draw from.
    fn list(&self) -> &[Corruption] {
        match self {
            CorruptionNames::Any => Corruption::benchmark(),
            CorruptionNames::One(kind) => std::slice::from_ref(kind),
            CorruptionNames::List(kinds) => kinds,
        }
    }
}

/// Applies one of the common corruptions of ImageNet-C and CIFAR-C (Hendrycks and Dietterich,
/// "Benchmarking neural network robustness to common corruptions and perturbations", 2019), by the
/// formulas of the imagecorruptions package, with a synthetic texture for frost.
///
/// The published images were also stored as JPEG of quality 85, which is not repeated here.
///
/// # Parameters
///
/// * `name` (required): one of the 19 names of [`Corruption`], a list of them, or `"any"` for the
///   15 of the benchmark; one of several is drawn with equal chances.
/// * `severity` (required, an integer or a range; 1 to 5).
/// * `set` (`"imagenet_c"`; `"cifar_c"`): the parameters; those of `cifar_c` suit images of 32 x 32
///   pixels.
/// * `p` (1): the probability that the op is applied.
///
/// # Notes
///
/// * `name`: the index of the kind in [`Corruption::ALL`]; -1 if the op was not applied.
/// * `severity`: the severity; 0 if the op was not applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonCorruption {
    name: CorruptionNames,
    severity: IntegerRange,
    #[serde(default, skip_serializing_if = "is_default")]
    set: CorruptionSet,
    #[serde(default = "one")]
    p: f64,
}

impl CommonCorruption {
    /// One of these kinds, of this severity or of one from this range.
    pub fn new(kinds: &[Corruption], severity: impl Into<IntegerRange>) -> CommonCorruption {
        CommonCorruption {
            name: CorruptionNames::List(kinds.to_vec()),
            severity: severity.into(),
            set: CorruptionSet::default(),
            p: 1.0,
        }
    }

    /// Sets the published parameters that severities stand for.
    #[must_use]
    pub fn set(self, set: CorruptionSet) -> CommonCorruption {
        CommonCorruption { set, ..self }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> CommonCorruption {
        CommonCorruption { p, ..self }
    }
}

impl Op for CommonCorruption {
    op_basics!("corrupt");

    fn check(&self) -> Result<()> {
        if self.name.list().is_empty() {
            return Err(Error::config(
                "name = []: expected at least one corruption, or \"any\"",
            ));
        }
        self.severity.check("severity", [1.0, 5.0])?;
        check_p(self.p)
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("name".to_string(), 1), ("severity".to_string(), 1)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if !rng.bernoulli(self.p) {
            steps.note("name", &[-1]);
            steps.note("severity", &[0]);
            return;
        }
        let kinds = self.name.list();
        let kind = kinds[rng.below(kinds.len() as u64) as usize];
        let severity = self.severity.draw(rng);
        let turn = rng.uniform(-45.0, 45.0);
        // Within 45 degrees of the horizontal for motion, of the vertical for snow; other kinds
        // have no direction. It is drawn for all of them alike.
        let angle = if kind == Corruption::Snow {
            turn - 90.0
        } else {
            turn
        } as f32;
        steps.note("name", &[kind as i64]);
        steps.note("severity", &[severity]);
        let (severity, seed) = (severity as u8, rng.bits());
        steps.push(Step::Corrupt(Corrupt {
            kind,
            severity,
            set: self.set,
            angle,
            seed,
        }));
    }
}

/// Adds the artifacts of JPEG compression: the image is encoded and decoded as libjpeg-turbo does
/// by default (4:2:0), bit for bit; Pillow's `save` as JPEG and `open`, torchvision v2 `JPEG`.
///
/// Only the parts that lose something are done: entropy coding is not.
///
/// # Parameters
///
/// * `quality` (required, an integer or a range; 1 to 100).
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jpeg {
    quality: IntegerRange,
    #[serde(default = "one")]
    p: f64,
}

impl Jpeg {
    /// The artifacts of this quality, or of one from this range.
    pub fn new(quality: impl Into<IntegerRange>) -> Jpeg {
        Jpeg {
            quality: quality.into(),
            p: 1.0,
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> Jpeg {
        Jpeg { p, ..self }
    }
}

impl Op for Jpeg {
    op_basics!("jpeg");

    fn check(&self) -> Result<()> {
        self.quality.check("quality", [1.0, 100.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Step::Jpeg(self.quality.draw(rng) as u8));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Program;
    use crate::geometry::Size;
    use crate::recipe::Registry;
    use crate::rng::{Coord, OpKey};

    fn drawn(params: &str, sample: u64) -> Vec<Step> {
        let op = Registry::default()
            .make("corrupt", params.parse().unwrap())
            .unwrap();
        let at = Coord {
            epoch: 0,
            sample,
            occurrence: 0,
            view: 0,
            op: OpKey(1),
        };
        let mut steps = Steps::new(Size {
            width: 8,
            height: 8,
        });
        op.draw(&mut RandomStream::keyed(7, at), &mut steps);
        Program::from(steps).steps().to_vec()
    }

    #[test]
    fn any_is_each_of_the_benchmark_and_of_no_other() {
        let mut seen = [0; 19];
        for sample in 0..1500 {
            let [Step::Corrupt(corrupt)] = drawn("name = \"any\"\nseverity = [2, 4]", sample)[..]
            else {
                panic!("one step")
            };
            assert!((2..=4).contains(&corrupt.severity));
            seen[corrupt.kind as usize] += 1;
        }
        // A hundred each, six deviations.
        assert!(
            seen[..15].iter().all(|times| (42..158).contains(times)),
            "{seen:?}"
        );
        assert_eq!(seen[15..], [0; 4]);
    }

    #[test]
    fn snow_falls_and_motion_is_sideways() {
        for sample in 0..50 {
            for (name, range) in [("snow", -135.0..-45.0), ("motion_blur", -45.0..45.0)] {
                let [Step::Corrupt(corrupt)] =
                    drawn(&format!("name = \"{name}\"\nseverity = 1"), sample)[..]
                else {
                    panic!("one step")
                };
                assert!(range.contains(&corrupt.angle), "{name} {}", corrupt.angle);
            }
        }
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        for (params, expected) in [
            ("name = \"any\"\nseverity = 6", "severity = 6"),
            ("name = \"any\"\nseverity = 1.5", "whole"),
            ("name = []\nseverity = 1", "name = []"),
            ("name = \"rain\"\nseverity = 1", "name = \"rain\""),
            (
                "name = [\"fog\", \"snov\"]\nseverity = 1",
                "did you mean \"snow\"?",
            ),
            ("name = \"any\"\nseverity = 1\nset = \"c\"", "imagenet_c"),
            ("name = \"any\"\nseverity = 1\np = 2", "p = 2"),
        ] {
            let error = Registry::default()
                .make("corrupt", params.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{params}: {error}");
        }
    }
}
