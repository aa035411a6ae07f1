//! Mixers by weighted means: MixUp, ManifoldMixUp and AdaMixUp, and `vanilla`, which does not mix.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, Label, MixPlan, MixResult, Mixer, ResolveMix, Scene, Sources};
use crate::rng::RandomStream;
use crate::spec::is_default;

/// Takes the weighted mean of two images and of their labels; Zhang et al., 2018 (arXiv
/// 1710.09412).
///
/// * `alpha` (required): the weight of A is Beta(alpha, alpha). The paper uses 0.2 to 0.4 on
///   ImageNet and 1 on CIFAR; DeiT uses 0.8.
/// * `fold` (false): the slot's own image has the larger weight, as in MixMatch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixUp {
    alpha: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    fold: bool,
}

impl MixUp {
    /// A mixer with Beta(alpha, alpha) weights.
    pub fn new(alpha: f64) -> MixUp {
        MixUp { alpha, fold: false }
    }

    /// The same mixer with the larger weight for the slot's own image.
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

/// Does not mix. It is an entry of `choose` for a share of draws that stay unmixed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vanilla {}

impl Mixer for Vanilla {
    mixer_basics!("vanilla");

    fn draw(&self, _rng: &mut RandomStream, _frame: Size) -> MixPlan {
        Blend::Keep.into()
    }
}

/// Draws partners and weights for mixing features inside the network; Verma et al., 2019 (arXiv
/// 1806.05236).
///
/// The images stay unmixed. The batch carries the partner, the weight, and the layer to mix at as
/// the note `layer`.
///
/// * `alpha` (2): the weight of A is Beta(alpha, alpha).
/// * `layers` ([0, 3]): with `[first, end]`, the layer is uniform from `first` to `end - 1`.
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
    /// A mixer with Beta(alpha, alpha) weights and a layer from `first` to `end - 1`.
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

/// MixUp with weights from a region that a policy learned: `a + u b` with u uniform in 0 to 1; Guo
/// et al., 2019 (arXiv 1809.02499).
///
/// * `region` ([0, 1], which is uniform): the region `[a, b]` of pairs that `classes` does not
///   list.
/// * `classes` (empty): a list of `[class, class, a, b]`, the regions of pairs of classes.
/// * `fold` (2): 3 mixes three images. The first weight comes from the region; the second image
///   takes a part of the rest, by the region `second` ([0, 1]).
///
/// The notes are `u` and `region`, the position in `classes` or -1.

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaMixUp {
    #[serde(default = "unit_region")]
    region: [f64; 2],
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<(u32, u32, f64, f64)>,
    #[serde(default = "pair")]
    fold: u32,
    #[serde(default = "unit_region")]
    second: [f64; 2],
}

fn unit_region() -> [f64; 2] {
    [0.0, 1.0]
}

fn pair() -> u32 {
    2
}

impl AdaMixUp {
    /// A mixer of two images with first weights in `[a, a + b]`, where `region` is `[a, b]`.
    pub fn new(region: [f64; 2]) -> AdaMixUp {
        AdaMixUp {
            region,
            classes: Vec::new(),
            fold: 2,
            second: unit_region(),
        }
    }

    /// The same mixer with another region for pairs of two classes, in either order.
    #[must_use]
    pub fn classes(mut self, one: u32, other: u32, [a, b]: [f64; 2]) -> AdaMixUp {
        self.classes.push((one, other, a, b));
        self
    }

    /// The same mixer for three images. The second one takes a share in `[a, a + b]` of what the
    /// first leaves, where `second` is `[a, b]`.
    #[must_use]
    pub fn three(self, second: [f64; 2]) -> AdaMixUp {
        AdaMixUp {
            fold: 3,
            second,
            ..self
        }
    }

    /// The result for the drawn numbers `u` in a region.
    pub fn outcome(&self, u: [f64; 2], [a, b]: [f64; 2]) -> MixResult {
        // Rounding could leave a weight slightly below 0 or above 1.
        let first = (a + u[0] * b).clamp(0.0, 1.0);
        if self.fold == 2 {
            return MixResult::from(Blend::Uniform { lam: first });
        }
        let second = (1.0 - first) * (self.second[0] + u[1] * self.second[1]).clamp(0.0, 1.0);
        let weights = [first, second, (1.0 - first - second).max(0.0)];
        MixResult::from(Blend::Several(Arc::from(weights)))
    }
}

/// Checks that a region lies in 0 to 1.
fn check_region(name: &str, [a, b]: [f64; 2]) -> Result<()> {
    if a >= 0.0 && b >= 0.0 && a + b <= 1.0 {
        return Ok(());
    }
    Err(Error::config(format!(
        "{name} = [{a}, {b}]: expected a >= 0, b >= 0 and a + b <= 1"
    )))
}

/// A draw that waits for the classes of the pair, which decide the region.
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
