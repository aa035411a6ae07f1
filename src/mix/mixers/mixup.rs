//! Weighted means: MixUp, its manifold form, and AdaMixUp's regions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, Label, MixPlan, MixResult, Mixer, ResolveMix, Scene, Sources};
use crate::rng::RandomStream;
use crate::spec::is_default;

/// A weighted mean of two images and their labels; Zhang et al., 2018 (arXiv 1710.09412).
///
/// The weight is Beta(alpha, alpha): 0.2 to 0.4 on ImageNet, 1 on CIFAR in the paper, 0.8 in DeiT.
/// With `fold`, the slot's own image has the larger weight, as MixMatch has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixUp {
    alpha: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    fold: bool,
}

impl MixUp {
    /// With Beta(alpha, alpha) weights.
    pub fn new(alpha: f64) -> MixUp {
        MixUp { alpha, fold: false }
    }

    /// With the larger weight for the slot's own image.
    #[must_use]
    pub fn fold(self) -> MixUp {
        MixUp { fold: true, ..self }
    }
}

impl Mixer for MixUp {
    mixer_basics!("mixup");

    fn check(&self) -> Result<()> {
        check_alpha(self.alpha)
    }

    fn draw(&self, rng: &mut RandomStream, _frame: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
        Blend::Uniform {
            lam: if self.fold { lam.max(1.0 - lam) } else { lam },
        }
        .into()
    }
}

/// Nothing: what to choose beside others for batches that stay as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vanilla {}

impl Mixer for Vanilla {
    mixer_basics!("vanilla");

    fn draw(&self, _draws: &mut RandomStream, _frame: Size) -> MixPlan {
        Blend::Keep.into()
    }
}

/// Labels for features mixed inside the network (Verma et al., 2019, arXiv 1806.05236): the images
/// stay as they are, and the batch says partner, weight and, as the note `layer`, where to mix.
///
/// The weight is Beta(alpha, alpha), 2 by default; the layer is one of `layers = [first, end]`, the
/// end not included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifoldMixUp {
    #[serde(default = "two")]
    alpha: f64,
    #[serde(default = "three_layers")]
    layers: [u32; 2],
}

fn two() -> f64 {
    2.0
}

fn three_layers() -> [u32; 2] {
    [0, 3]
}

impl ManifoldMixUp {
    /// With Beta(alpha, alpha) weights and one of the layers from `first` to before `end`.
    pub fn new(alpha: f64, [first, end]: [u32; 2]) -> ManifoldMixUp {
        ManifoldMixUp {
            alpha,
            layers: [first, end],
        }
    }
}

impl Mixer for ManifoldMixUp {
    mixer_basics!("manifold_mixup");

    fn check(&self) -> Result<()> {
        let [first, end] = self.layers;
        if first >= end {
            return Err(Error::config(format!(
                "layers = [{first}, {end}]: expected first < end"
            )));
        }
        check_alpha(self.alpha)
    }

    fn draw(&self, rng: &mut RandomStream, _frame: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
        let [first, end] = self.layers;
        let layer = u64::from(first) + rng.below(u64::from(end - first));
        let label = Label::Weights(vec![lam, 1.0 - lam]);
        MixPlan::Ready(
            MixResult::from(Blend::Keep)
                .label(label)
                .note("layer", layer as f64),
        )
    }
}

/// MixUp with weights from a policy's region (Guo et al., 2019, arXiv 1809.02499): `a + u b` with u
/// uniform in 0 to 1.
///
/// `region = [a, b]` ([0, 1]: uniform) for pairs that are not in `classes`, a list of `[class,
/// class, a, b]`. With `fold = 3`, three images: the first weight by `region`, the second one's
/// share of the rest by `second` ([0, 1]). Notes: `u`, and `region`, the place in `classes` or -1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaMixUp {
    #[serde(default = "whole")]
    region: [f64; 2],
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<(u32, u32, f64, f64)>,
    #[serde(default = "pair")]
    fold: u32,
    #[serde(default = "whole")]
    second: [f64; 2],
}

fn whole() -> [f64; 2] {
    [0.0, 1.0]
}

fn pair() -> u32 {
    2
}

impl AdaMixUp {
    /// Of two images, with weights in `[a, a + b]`.
    pub fn new(region: [f64; 2]) -> AdaMixUp {
        AdaMixUp {
            region,
            classes: Vec::new(),
            fold: 2,
            second: whole(),
        }
    }

    /// With a region of its own for pairs of two classes, in either order.
    #[must_use]
    pub fn classes(mut self, one: u32, other: u32, [a, b]: [f64; 2]) -> AdaMixUp {
        self.classes.push((one, other, a, b));
        self
    }

    /// Of three images, the second with `[a, a + b]` of what the first leaves.
    #[must_use]
    pub fn three(self, second: [f64; 2]) -> AdaMixUp {
        AdaMixUp {
            fold: 3,
            second,
            ..self
        }
    }

    /// The outcome of drawn numbers, in a region.
    pub fn outcome(&self, u: [f64; 2], [a, b]: [f64; 2]) -> MixResult {
        // Rounding must not leave the simplex.
        let first = (a + u[0] * b).clamp(0.0, 1.0);
        if self.fold == 2 {
            return MixResult::from(Blend::Uniform { lam: first });
        }
        let second = (1.0 - first) * (self.second[0] + u[1] * self.second[1]).clamp(0.0, 1.0);
        let weights = [first, second, (1.0 - first - second).max(0.0)];
        MixResult::from(Blend::Several(Arc::from(weights)))
    }
}

fn check_region(name: &str, [a, b]: [f64; 2]) -> Result<()> {
    if a >= 0.0 && b >= 0.0 && a + b <= 1.0 {
        return Ok(());
    }
    Err(Error::config(format!(
        "{name} = [{a}, {b}]: expected a >= 0, b >= 0 and a + b <= 1"
    )))
}

/// Numbers whose region is that of the classes.
#[derive(Debug)]
struct AdaDraw {
    mixer: AdaMixUp,
    u: [f64; 2],
}

impl ResolveMix for AdaDraw {
    fn resolve(&self, scene: &Scene<'_>, _slot: usize, sources: &[usize]) -> Result<MixResult> {
        let classes = [scene.class(sources[0]), scene.class(sources[1])];
        let found = self.mixer.classes.iter().position(|(one, other, ..)| {
            let (one, other) = (Some(*one), Some(*other));
            classes == [one, other] || classes == [other, one]
        });
        let region = found.map_or(self.mixer.region, |at| {
            [self.mixer.classes[at].2, self.mixer.classes[at].3]
        });
        let number = found.map_or(-1.0, |at| at as f64);
        Ok(self
            .mixer
            .outcome(self.u, region)
            .note("u", self.u[0])
            .note("region", number))
    }
}

impl Mixer for AdaMixUp {
    mixer_basics!("adamixup");

    fn check(&self) -> Result<()> {
        if !(2..=3).contains(&self.fold) {
            return Err(Error::config(format!(
                "fold = {}: expected 2 or 3 images",
                self.fold
            )));
        }
        check_region("region", self.region)?;
        check_region("second", self.second)?;
        self.classes
            .iter()
            .try_for_each(|(_, _, a, b)| check_region("classes", [*a, *b]))
    }

    fn sources(&self) -> Sources {
        if self.fold == 2 {
            Sources::Partner
        } else {
            Sources::Partners(2)
        }
    }

    fn draw(&self, rng: &mut RandomStream, _frame: Size) -> MixPlan {
        let u = [rng.unit(), rng.unit()];
        MixPlan::Deferred(Arc::new(AdaDraw {
            mixer: self.clone(),
            u,
        }))
    }
}
