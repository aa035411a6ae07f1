//! Metrix: mixed pairs for metric learning, with their relation to an anchor.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, MixPlan, MixResult, Mixer, ResolveMix, Scene};
use crate::rng::{Coord, OpKey, RandomStream};

/// Which two images are mixed for an anchor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairs {
    /// `pos_neg` or `anc_neg`, drawn with equal chance.
    #[default]
    Either,
    /// A positive and a negative of the anchor.
    PosNeg,
    /// The anchor and a negative of it.
    AncNeg,
    /// The anchor and a positive of it.
    PosPos,
}

/// Images mixed for each slot as an anchor; Venkataramanan et al., 2022 (arXiv 2106.04990).
///
/// The weight is Beta(alpha, alpha) (`alpha` 2). `pairs` is `either` (default), `pos_neg`,
/// `anc_neg` or `pos_pos`; positives and negatives are drawn among the group's slots of the same
/// class and of others, so a group needs several of a class. Use it with `emit = "clean_and_mixed"
/// `: the anchors are the clean slots. Note `relation`: of the mixed image to its anchor. An anchor
/// without a positive or a negative is not mixed. [`triples`] lists all of a batch, for mixing
/// features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrix {
    #[serde(default = "two")]
    alpha: f64,
    #[serde(default)]
    pairs: Pairs,
}

fn two() -> f64 {
    2.0
}

impl Metrix {
    /// With Beta(alpha, alpha) weights.
    pub fn new(alpha: f64, pairs: Pairs) -> Metrix {
        Metrix { alpha, pairs }
    }
}

/// An anchor, and the two slots that are mixed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triple {
    /// The anchor's slot.
    pub anchor: usize,
    /// The slot with weight lam.
    pub first: usize,
    /// The slot with weight 1 - lam.
    pub second: usize,
}

impl Triple {
    /// How much the mixed image belongs to the anchor's class: `lam [y_a = y_first] + (1 - lam)
    /// [y_a = y_second]`.
    pub fn relation(&self, classes: &[u32], lam: f64) -> f64 {
        let alike = |slot: usize| f64::from(u8::from(classes[slot] == classes[self.anchor]));
        lam * alike(self.first) + (1.0 - lam) * alike(self.second)
    }
}

/// All pairs to mix of a batch of classes, anchor by anchor. Negatives are the nearest ones by
/// `distance(anchor, slot)`, the first of equally near ones: a trainer's measure, or random
/// numbers. [`Pairs::Either`] is taken as [`Pairs::PosNeg`].
///
/// * [`Pairs::PosNeg`]: for each anchor and each other slot of its class, that one and the anchor's
///   hardest negative.
/// * [`Pairs::AncNeg`]: each anchor and its hardest negative.
/// * [`Pairs::PosPos`]: each anchor and each other slot of its class.
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

#[derive(Debug)]
struct MetrixDraw {
    lam: f64,
    pairs: Pairs,
    /// Of the choice of positives and negatives, slot by slot.
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
    mixer_basics!("metrix");

    fn check(&self) -> Result<()> {
        check_alpha(self.alpha)
    }

    fn draw(&self, rng: &mut RandomStream, _frame: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
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
