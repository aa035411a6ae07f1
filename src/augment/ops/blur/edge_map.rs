//! Edge maps: Canny's detector with thresholds that follow the image.
//!
//! Fixed thresholds leave an image of low contrast without edges. Crafting-Shifts therefore finds a
//! threshold among the gradients of the image itself, by one of the classical rules, and adds noise to
//! it. The op draws the rule and the noise; the kernel applies them, as the gradients are known only
//! then. The detector is scikit-image's.

use crate::augment::steps::Edges;
use crate::augment::{Op, Steps, Threshold};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Replaces the image by its edges, black on white: the shape-biased view of Crafting-Shifts
/// (2025).
///
/// The image is smoothed by a Gaussian, and a rule finds a threshold `t` among the strengths of its
/// gradients. `t` gains normal noise of deviation `rand / 2`, unless the sum is beyond all
/// gradients, which it nearly always is. Edges begin where a gradient exceeds `min(2, 1.5 + e) * t`
/// and continue down to `max(0.1, 0.5 - e) * t`, with a normal `e`. The two are exchanged if the
/// second is larger. One element of each list is drawn, with equal chances.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::EdgeMap;
/// use feedmill::testing::assert_op;
///
/// let op = EdgeMap::new().with_sigma([1.0]).with_spread(0.0);
/// assert_op(r#"{ op = "edge_map", sigma = [1], spread = 0 }"#, &op);
/// ```
#[declare(
    name = "edge_map",
    families = [Edges],
    like = ["scikit-image canny"],
    strengths = [
        "sigma = [0.0], threshold = [\"otsu\"]",
        "sigma = [1.0], threshold = [\"otsu\"]",
        "sigma = [2.0], threshold = [\"otsu\"]",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeMap {
    /// Deviations of the Gaussian, to draw from.
    #[param(default = vec![0.0, 1.0, 2.0], range = [0.0, 20.0], unit = "pixels")]
    sigma: Vec<f64>,
    /// Rules for the threshold, to draw from.
    #[param(default = Threshold::ALL.to_vec())]
    threshold: Vec<Threshold>,
    /// Spreads of the noise on the threshold, to draw from.
    #[param(default = vec![10.0, 20.0], range = [0.0, 1000.0])]
    rand: Vec<f64>,
    /// The deviation of `e`.
    #[param(default = 0.2, range = [0.0, 1.0])]
    spread: f64,
    /// The share of the edges; the rest is the image.
    #[param(default = ParamRange::Fixed(1.0), range = [0.0, 1.0])]
    alpha: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for EdgeMap {
    fn check(&self) -> Result<()> {
        let lengths = [
            ("sigma", self.sigma.len()),
            ("threshold", self.threshold.len()),
            ("rand", self.rand.len()),
        ];
        match lengths.into_iter().find(|(_, length)| *length == 0) {
            Some((name, _)) => {
                Err(Error::config(format!("{name} = []: expected at least one")).about_key(name))
            }
            None => Ok(()),
        }
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
        steps.push(Edges {
            sigma,
            threshold,
            shift,
            low,
            high,
            alpha,
        });
    }
}

impl EdgeMap {
    /// The parameters that the authors validate with, where nothing is random.
    pub fn validation() -> EdgeMap {
        EdgeMap::new()
            .with_sigma([1.0])
            .with_threshold([Threshold::Otsu])
            .with_rand([0.0])
            .with_spread(0.0)
    }
}
