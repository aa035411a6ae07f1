//! Edge maps.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Edges, Op, Step, Steps, Threshold};
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p, check_range};

/// Replaces an image by its edges, black on white: the shape-biased view of Crafting-Shifts (2025).
///
/// Canny's detector, whose thresholds follow the image: a rule from the list `threshold` (`otsu`,
/// `yen`, `mean`, `isodata`, `li`; all by default) finds the strength `t` of an edge among the
/// gradients. `t` gains normal noise of deviation `rand / 2` with `rand` from a list (10 and 20),
/// unless the sum is beyond all gradients, which it nearly always is. Edges begin at `min(2, 1.5 +
/// e) t` and end at `max(0.1, 0.5 - e) t` with `e` normal of deviation `spread` (0.2; 0 to 1).
/// `sigma` (0, 1 and 2 pixels; at most 20) lists deviations of the Gaussian that smooths the image
/// first. `alpha` (1; 0 to 1, a number or a range) is the share of the edges, the rest is the
/// image. `p` (1) is the probability of doing anything. Lists are drawn from with equal chances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeMap {
    sigma: Vec<f64>,
    threshold: Vec<Threshold>,
    rand: Vec<f64>,
    spread: f64,
    #[serde(skip_serializing_if = "is_whole")]
    alpha: ParamRange,
    p: f64,
}

fn is_whole(alpha: &ParamRange) -> bool {
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
    /// What the authors train with.
    pub fn new() -> EdgeMap {
        EdgeMap::default()
    }

    /// What they validate with: nothing is random.
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

    /// With probability `p`.
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
