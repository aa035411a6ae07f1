//! Metrix (Venkataramanan et al., 2022, arXiv 2106.04990): mixed pairs for metric learning.
//!
//! The losses of metric learning compare an anchor with positives (the same class) and negatives
//! (other classes). Metrix mixes two such images and interpolates how positive the mixture is to
//! the anchor. Which slots are positives depends on labels, so the plan is deferred, and it
//! replaces the sources of the slot.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::declare;
use crate::error::Result;
use crate::geometry::Size;
use crate::mix::{Blend, MixPlan, MixResult, Mixer, ResolveMix, Scene};
use crate::rng::{Coord, OpKey, RandomStream};
use crate::word_param;

/// The two images that are mixed for an anchor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pairs {
    /// `pos_neg` or `anc_neg` with equal probability.
    #[default]
    Either,
    /// A positive and a negative of the anchor.
    PosNeg,
    /// The anchor and a negative of it.
    AncNeg,
    /// The anchor and a positive of it.
    PosPos,
}

word_param!(Pairs);

/// Mixes two images for each slot as an anchor; Venkataramanan et al., 2022 (arXiv 2106.04990).
///
/// Use it with `emit = "clean_and_mixed"`, which makes the clean slots the anchors. An anchor
/// without the positive or negative that it needs is not mixed. The note `relation` says how
/// positive the mixed image is to its anchor, 0 to 1. To mix features instead of images,
/// [`triples`] lists all pairs of a batch.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::{Metrix, Pairs};
/// use feedmill::testing::assert_mixer;
///
/// let mixer = Metrix::new().with_pairs(Pairs::PosNeg);
/// assert_mixer(r#"{ mix = "metrix", pairs = "pos_neg" }"#, &mixer);
/// ```
#[declare(name = "metrix", like = ["Metrix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct Metrix {
    /// The weight of the first image is Beta(alpha, alpha).
    #[param(default = 2.0, range = [1e-9, 1e9])]
    alpha: f64,
    /// Which images are mixed. Positives are drawn from the other slots of the anchor's class in
    /// the group, negatives from the slots of other classes, so a group needs several images of a
    /// class.
    #[param(default = Pairs::Either)]
    pairs: Pairs,
}

/// An anchor and the two slots that are mixed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Triple {
    /// The slot of the anchor.
    pub anchor: usize,
    /// The slot with weight lam.
    pub first: usize,
    /// The slot with weight 1 - lam.
    pub second: usize,
}

impl Triple {
    /// How positive the mixed image is to the anchor, 0 to 1:
    /// `lam [y_a = y_first] + (1 - lam) [y_a = y_second]`, where a bracket is 1 if the classes are
    /// equal.
    pub fn relation(&self, classes: &[u32], lam: f64) -> f64 {
        let alike = |slot: usize| f64::from(u8::from(classes[slot] == classes[self.anchor]));
        lam * alike(self.first) + (1.0 - lam) * alike(self.second)
    }
}

/// All pairs to mix in a batch, anchor by anchor. `classes` holds the class of each slot.
///
/// The negative of an anchor is its hardest one: the slot of another class that is nearest by
/// `distance(anchor, slot)`, and the first one among equals. The distance may come from the model,
/// or be random. [`Pairs::Either`] is treated like [`Pairs::PosNeg`].
///
/// * [`Pairs::PosNeg`]: each other slot of the anchor's class with the anchor's hardest negative.
/// * [`Pairs::AncNeg`]: each anchor with its hardest negative.
/// * [`Pairs::PosPos`]: each anchor with each other slot of its class.
///
/// # Example: a positive and the hardest negative
///
/// ```
/// use feedmill::mix::{Pairs, triples};
///
/// let features = [0.0_f32, 0.1, 0.2];
/// let distance = |a: usize, b: usize| (features[a] - features[b]).abs();
/// let found = triples(&[0, 0, 1], Pairs::PosNeg, distance);
/// assert_eq!((found[0].anchor, found[0].first, found[0].second), (0, 1, 2));
/// assert_eq!(found[0].relation(&[0, 0, 1], 0.3), 0.3);
/// ```
pub fn triples(
    classes: &[u32],
    pairs: Pairs,
    distance: impl Fn(usize, usize) -> f32,
) -> Vec<Triple> {
    let mut all = Vec::new();
    for anchor in 0..classes.len() {
        let others = |alike: bool| {
            (0..classes.len())
                .filter(move |slot| *slot != anchor && (classes[*slot] == classes[anchor]) == alike)
        };
        let hardest =
            others(false).min_by(|a, b| distance(anchor, *a).total_cmp(&distance(anchor, *b)));
        let triple = |first, second| Triple {
            anchor,
            first,
            second,
        };
        match pairs {
            Pairs::PosPos => all.extend(others(true).map(|positive| triple(anchor, positive))),
            Pairs::AncNeg => all.extend(hardest.map(|negative| triple(anchor, negative))),
            Pairs::PosNeg | Pairs::Either => {
                all.extend(
                    hardest.iter().flat_map(|negative| {
                        others(true).map(|positive| triple(positive, *negative))
                    }),
                );
            }
        }
    }
    all
}

/// A draw that waits for the classes of the group.
#[derive(Debug)]
struct MetrixDraw {
    lam: f64,
    pairs: Pairs,
    /// The seed of the choice of positives and negatives, which each slot makes from a stream of
    /// its own.
    seed: u64,
}

impl ResolveMix for MetrixDraw {
    fn resolve(&self, scene: &Scene<'_>, slot: usize, _sources: &[usize]) -> Result<MixResult> {
        let at = Coord {
            epoch: 0,
            sample: slot as u64,
            occurrence: 0,
            view: 0,
            op: OpKey::of("metrix"),
        };
        let mut rng = RandomStream::keyed(self.seed, at);
        let mut pick = |alike: bool| {
            let class = scene.class(slot);
            let fits = |other: &usize| {
                *other != slot && scene.has_image(*other) && (scene.class(*other) == class) == alike
            };
            let others: Vec<usize> = (0..scene.slots()).filter(fits).collect();
            // Drawn even if there is nothing to choose, so that the negative does not depend on the
            // number of positives.
            let place = rng.unit();
            others
                .get((place * others.len() as f64) as usize)
                .copied()
                .filter(|_| class.is_some())
        };
        let (positive, negative) = (pick(true), pick(false));
        let (first, second) = match self.pairs {
            Pairs::PosPos => (Some(slot), positive),
            Pairs::AncNeg => (Some(slot), negative),
            Pairs::PosNeg | Pairs::Either => (positive, negative),
        };
        let (Some(first), Some(second)) = (first, second) else {
            return Ok(Blend::Keep.into());
        };
        let alike = |other: usize| f64::from(u8::from(scene.class(other) == scene.class(slot)));
        let relation = self.lam * alike(first) + (1.0 - self.lam) * alike(second);
        let outcome = MixResult::from(Blend::Uniform { lam: self.lam }).note("relation", relation);
        Ok(MixResult {
            sources: Some(vec![first, second]),
            ..outcome
        })
    }
}

impl Mixer for Metrix {
    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
        // Drawn in every case, so that `pairs` does not move the draws that follow.
        let either = if rng.bernoulli(0.5) {
            Pairs::PosNeg
        } else {
            Pairs::AncNeg
        };
        let pairs = if self.pairs == Pairs::Either {
            either
        } else {
            self.pairs
        };
        MixPlan::Deferred(Arc::new(MetrixDraw {
            lam,
            pairs,
            seed: rng.bits(),
        }))
    }
}
