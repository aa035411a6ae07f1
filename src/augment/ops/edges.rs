//! Edge maps: Canny's detector with thresholds that follow the image.
//!
//! Fixed thresholds leave an image of low contrast without edges. Crafting-Shifts therefore finds a
//! threshold among the gradients of the image itself, by one of the classical rules, and adds
//! noise to it. The op draws the rule and the noise; the kernel applies them, as the gradients are
//! known only then. The detector is scikit-image's.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Edges, Op, Step, Steps, Threshold};
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p, check_range};

/// Replaces the image by its edges, black on white: the shape-biased view of Crafting-Shifts
/// (2025), with scikit-image's `canny`.
///
/// The image is smoothed by a Gaussian, and a rule finds a threshold `t` among the strengths of its
/// gradients. `t` gains normal noise of deviation `rand / 2`, unless the sum is beyond all
/// gradients, which it nearly always is. Edges begin where a gradient exceeds `min(2, 1.5 + e) * t`
/// and continue down to `max(0.1, 0.5 - e) * t`, with a normal `e`. The two are exchanged if the
/// second is larger.
///
/// # Parameters
///
/// One element of each list is drawn, with equal chances.
///
/// * `sigma` (`[0, 1, 2]`; 0 to 20 pixels): a list of deviations of the Gaussian.
/// * `threshold` (`["otsu", "yen", "mean", "isodata", "li"]`): a list of rules.
/// * `rand` (`[10, 20]`; 0 to 1000): a list of spreads of the noise on `t`.
/// * `spread` (0.2; 0 to 1): the deviation of `e`.
/// * `alpha` (1, a number or a range; 0 to 1): the share of the edges; the rest is the image.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeMap {
    sigma: Vec<f64>,
    threshold: Vec<Threshold>,
    rand: Vec<f64>,
    spread: f64,
    #[serde(skip_serializing_if = "is_one")]
    alpha: ParamRange,
    p: f64,
}

fn is_one(alpha: &ParamRange) -> bool {
    alpha.ends() == [1.0; 2]
}

impl Default for EdgeMap {
    fn default() -> EdgeMap {
        EdgeMap {
            sigma: vec![0.0, 1.0, 2.0],
            threshold: Threshold::ALL.to_vec(),
            rand: vec![10.0, 20.0],
            spread: 0.2,
            alpha: ParamRange::Fixed(1.0),
            p: 1.0,
        }
    }
}

impl EdgeMap {
    /// The parameters that the authors train with.
    pub fn new() -> EdgeMap {
        EdgeMap::default()
    }

    /// The parameters that the authors validate with, where nothing is random.
    pub fn validation() -> EdgeMap {
        let (sigma, threshold) = (vec![1.0], vec![Threshold::Otsu]);
        EdgeMap {
            sigma,
            threshold,
            rand: vec![0.0],
            spread: 0.0,
            ..EdgeMap::default()
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> EdgeMap {
        EdgeMap { p, ..self }
    }
}

impl Op for EdgeMap {
    op_basics!("edge_map");

    fn check(&self) -> Result<()> {
        let empty = [
            ("sigma", self.sigma.len()),
            ("threshold", self.threshold.len()),
            ("rand", self.rand.len()),
        ];
        if let Some((name, _)) = empty.into_iter().find(|(_, length)| *length == 0) {
            return Err(Error::config(format!("{name} = []: expected at least one")));
        }
        self.sigma
            .iter()
            .try_for_each(|sigma| check_range("sigma", *sigma, [0.0, 20.0]))?;
        self.rand
            .iter()
            .try_for_each(|rand| check_range("rand", *rand, [0.0, 1e3]))?;
        check_range("spread", self.spread, [0.0, 1.0])?;
        self.alpha.check("alpha", [0.0, 1.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if !rng.bernoulli(self.p) {
            return;
        }
        let mut one_of = |count: usize| rng.below(count as u64) as usize;
        let sigma = self.sigma[one_of(self.sigma.len())] as f32;
        let threshold = self.threshold[one_of(self.threshold.len())];
        let rand = self.rand[one_of(self.rand.len())];
        let shift = rng.normal() * rand / 2.0;
        let e = rng.normal() * self.spread;
        // An `e` below -0.5 would make the lower threshold the higher one.
        let ends = [(0.5 - e).max(0.1), (1.5 + e).min(2.0)];
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let alpha = self.alpha.draw(rng) as f32;
        steps.push(Step::Edges(Edges {
            sigma,
            threshold,
            shift,
            low,
            high,
            alpha,
        }));
    }
}
