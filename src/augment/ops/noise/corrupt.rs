//! Common corruptions.
//!
//! The corruptions of ImageNet-C are fixed formulas with five severities; the op draws a kind, a
//! severity, a direction and a seed, and the kernels have the formulas. The reference is the
//! imagecorruptions package; docs/AUGMENTATIONS.md lists the differences that are meant.

use serde::Deserialize;

use crate::augment::steps::Corrupt;
use crate::augment::{Corruption, CorruptionSet, Op, Steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{Family, IntegerRange, ParamValue, nearest};

/// The corruptions that the op draws from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "WrittenNames")]
#[non_exhaustive]
pub enum CorruptionNames {
    /// The 15 of the benchmark: `"any"`.
    Any,
    /// This one.
    One(Corruption),
    /// These, with equal chances.
    List(Vec<Corruption>),
}

impl From<Corruption> for CorruptionNames {
    fn from(kind: Corruption) -> CorruptionNames {
        CorruptionNames::One(kind)
    }
}

impl<const N: usize> From<[Corruption; N]> for CorruptionNames {
    fn from(kinds: [Corruption; N]) -> CorruptionNames {
        CorruptionNames::List(kinds.to_vec())
    }
}

impl ParamValue for CorruptionNames {
    fn form() -> String {
        "the name of a corruption, a list of names, or `\"any\"` for the 15 of the benchmark"
            .to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match self {
            CorruptionNames::Any => "any".into(),
            CorruptionNames::One(kind) => kind.name().into(),
            CorruptionNames::List(kinds) => {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                names.into()
            }
        })
    }
}

/// [`CorruptionNames`] as a recipe has them. The conversion checks the names itself, to suggest the
/// nearest one.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "the name of a corruption, a list of names, or \"any\""
)]
enum WrittenNames {
    One(String),
    List(Vec<String>),
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
/// # Notes
///
/// * `name`: the index of the kind in [`Corruption::ALL`]; -1 if the op was not applied.
/// * `severity`: the severity; 0 if the op was not applied.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::Corruption;
/// use feedmill::augment::ops::CommonCorruption;
/// use feedmill::testing::assert_op;
///
/// let op = CommonCorruption::new(Corruption::Fog, [1, 3]);
/// assert_op(r#"{ op = "corrupt", name = "fog", severity = [1, 3] }"#, &op);
/// ```
#[declare(
    name = "corrupt",
    like = ["imagecorruptions corrupt"],
    strengths = [
        "name = \"gaussian_noise\", severity = 1",
        "name = \"gaussian_noise\", severity = 3",
        "name = \"gaussian_noise\", severity = 5",
        "name = \"shot_noise\", severity = 1",
        "name = \"shot_noise\", severity = 3",
        "name = \"shot_noise\", severity = 5",
        "name = \"impulse_noise\", severity = 1",
        "name = \"impulse_noise\", severity = 3",
        "name = \"impulse_noise\", severity = 5",
        "name = \"defocus_blur\", severity = 1",
        "name = \"defocus_blur\", severity = 3",
        "name = \"defocus_blur\", severity = 5",
        "name = \"glass_blur\", severity = 1",
        "name = \"glass_blur\", severity = 3",
        "name = \"glass_blur\", severity = 5",
        "name = \"motion_blur\", severity = 1",
        "name = \"motion_blur\", severity = 3",
        "name = \"motion_blur\", severity = 5",
        "name = \"zoom_blur\", severity = 1",
        "name = \"zoom_blur\", severity = 3",
        "name = \"zoom_blur\", severity = 5",
        "name = \"snow\", severity = 1",
        "name = \"snow\", severity = 3",
        "name = \"snow\", severity = 5",
        "name = \"frost\", severity = 1",
        "name = \"frost\", severity = 3",
        "name = \"frost\", severity = 5",
        "name = \"fog\", severity = 1",
        "name = \"fog\", severity = 3",
        "name = \"fog\", severity = 5",
        "name = \"brightness\", severity = 1",
        "name = \"brightness\", severity = 3",
        "name = \"brightness\", severity = 5",
        "name = \"contrast\", severity = 1",
        "name = \"contrast\", severity = 3",
        "name = \"contrast\", severity = 5",
        "name = \"elastic_transform\", severity = 1",
        "name = \"elastic_transform\", severity = 3",
        "name = \"elastic_transform\", severity = 5",
        "name = \"pixelate\", severity = 1",
        "name = \"pixelate\", severity = 3",
        "name = \"pixelate\", severity = 5",
        "name = \"jpeg_compression\", severity = 1",
        "name = \"jpeg_compression\", severity = 3",
        "name = \"jpeg_compression\", severity = 5",
        "name = \"speckle_noise\", severity = 1",
        "name = \"speckle_noise\", severity = 3",
        "name = \"speckle_noise\", severity = 5",
        "name = \"gaussian_blur\", severity = 1",
        "name = \"gaussian_blur\", severity = 3",
        "name = \"gaussian_blur\", severity = 5",
        "name = \"spatter\", severity = 1",
        "name = \"spatter\", severity = 3",
        "name = \"spatter\", severity = 5",
        "name = \"saturate\", severity = 1",
        "name = \"saturate\", severity = 3",
        "name = \"saturate\", severity = 5",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct CommonCorruption {
    /// The corruptions to draw from, with equal chances.
    #[param(required)]
    name: CorruptionNames,
    /// The severity.
    #[param(required, range = [1.0, 5.0])]
    severity: IntegerRange,
    /// The published parameters that severities stand for; those of `cifar_c` suit images of
    /// 32 x 32 pixels.
    #[param(default)]
    set: CorruptionSet,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for CommonCorruption {
    fn check(&self) -> Result<()> {
        if self.name.list().is_empty() {
            return Err(
                Error::config("name = []: expected at least one corruption, or \"any\"")
                    .about_key("name"),
            );
        }
        Ok(())
    }

    fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> = self.name.list().iter().map(|kind| family(*kind)).collect();
        families.sort_unstable();
        families.dedup();
        families
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
        // Within 45 degrees of the horizontal for motion, of the vertical for snow; other kinds have no
        // direction. It is drawn for all of them alike.
        let angle = if kind == Corruption::Snow {
            turn - 90.0
        } else {
            turn
        } as f32;
        steps.note("name", &[kind as i64]);
        steps.note("severity", &[severity]);
        steps.push(Corrupt {
            kind,
            severity: severity as u8,
            set: self.set,
            angle,
            seed: rng.bits(),
        });
    }
}

/// The family of a corruption, by the groups of the benchmark.
fn family(kind: Corruption) -> Family {
    match kind {
        Corruption::GaussianNoise
        | Corruption::ShotNoise
        | Corruption::ImpulseNoise
        | Corruption::SpeckleNoise => Family::Noise,
        Corruption::DefocusBlur
        | Corruption::GlassBlur
        | Corruption::MotionBlur
        | Corruption::ZoomBlur
        | Corruption::GaussianBlur => Family::Blur,
        Corruption::Snow
        | Corruption::Frost
        | Corruption::Fog
        | Corruption::Brightness
        | Corruption::Spatter => Family::Weather,
        Corruption::Contrast
        | Corruption::ElasticTransform
        | Corruption::Pixelate
        | Corruption::JpegCompression
        | Corruption::Saturate => Family::Digital,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::recipe::Registry;
    use crate::rng::{Coord, OpKey};

    fn drawn(params: &str, sample: u64) -> Corrupt {
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
        *steps.list()[0].downcast_ref().unwrap()
    }

    #[test]
    fn any_is_each_of_the_benchmark_and_of_no_other() {
        let mut seen = [0; 19];
        for sample in 0..1500 {
            let corrupt = drawn("name = \"any\"\nseverity = [2, 4]", sample);
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
                let corrupt = drawn(&format!("name = \"{name}\"\nseverity = 1"), sample);
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
