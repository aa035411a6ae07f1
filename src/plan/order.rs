//! Which sample comes at which position of an epoch.

use super::permutation::Permutation;
use super::{Plan, Share, Visit};
use crate::error::{Error, Result};

/// The order of samples in an epoch. Every epoch has another order (but for `Sequential`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Order {
    /// As stored.
    Sequential,
    /// A uniform permutation of the whole data set, in constant memory.
    #[default]
    Shuffle,
    /// Blocks of neighbouring samples in shuffled order, then shuffled inside windows of that many blocks: reads stay
    /// near each other, for data that is far away or stored in large compressed units.
    Blocks {
        /// Samples of a block.
        block: u64,
        /// Blocks of a window.
        window: u64,
    },
}

impl Order {
    pub(super) fn check(&self, sources: usize) -> Result<()> {
        match *self {
            Order::Blocks { block, window } if block == 0 || window == 0 => Err(Error::config(format!(
                "order.blocks with block = {block} and window = {window}: both must be positive"
            ))),
            Order::Blocks { .. } if sources > 1 => Err(Error::config(
                "order.blocks is for one source; a blend of several is shuffled or sequential",
            )),
            _ => Ok(()),
        }
    }
}

/// Positions of one round of a blend.
const ROUND: u64 = 1000;

/// A source's place in the numbering and in each round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The number of its first sample.
    pub(super) base: u64,
    pub(super) len: u64,
    /// Its places in a round, and the first of them.
    quota: u64,
    offset: u64,
}

/// Deals the places of a round by weight: largest remainders, at least one place each.
pub(super) fn parts(shares: &[Share]) -> Result<Vec<Part>> {
    let total: f64 = shares.iter().map(|share| share.weight).sum();
    for (number, share) in shares.iter().enumerate() {
        if share.len == 0 {
            return Err(Error::config(format!("source {number} has no samples")));
        }
        if !(share.weight.is_finite() && share.weight > 0.0 && total.is_finite()) {
            return Err(Error::config(format!(
                "source {number} has the weight {}: expected a positive number",
                share.weight
            )));
        }
    }
    if shares.len() as u64 > ROUND {
        return Err(Error::config(format!("{} sources; at most {ROUND} can be blended", shares.len())));
    }
    let exact: Vec<f64> = shares.iter().map(|share| share.weight / total * ROUND as f64).collect();
    let mut quotas: Vec<u64> = exact.iter().map(|&quota| (quota as u64).max(1)).collect();
    // Places that rounding left over go to the largest remainders; places that the minimum took come from the largest.
    while quotas.iter().sum::<u64>() != ROUND {
        let short = quotas.iter().sum::<u64>() < ROUND;
        let gap = |i: &usize| exact[*i] - quotas[*i] as f64;
        let indices = 0..quotas.len();
        let chosen = if short {
            indices.max_by(|a, b| gap(a).total_cmp(&gap(b)).then(b.cmp(a)))
        } else {
            indices.filter(|&i| quotas[i] > 1).min_by(|a, b| gap(a).total_cmp(&gap(b)).then(a.cmp(b)))
        };
        let chosen = chosen.expect("at most ROUND sources");
        if short {
            quotas[chosen] += 1;
        } else {
            quotas[chosen] -= 1;
        }
    }
    let (mut base, mut offset) = (0, 0);
    Ok(shares
        .iter()
        .zip(quotas)
        .map(|(share, quota)| {
            let part = Part { base, len: share.len, quota, offset };
            base += share.len;
            offset += quota;
            part
        })
        .collect())
}

/// Ids of the plan's streams; parts of one epoch's order that must not share numbers.
const WHOLE: u32 = 0;
const BLOCKS: u32 = 1;
const WINDOW: u32 = 2;
const ROUNDS: u32 = 3;
const SOURCE: u32 = 4;

/// Reads positions of one epoch; keeps the permutations that neighbouring positions share.
pub(super) struct Walk<'a> {
    plan: &'a Plan,
    epoch: u32,
    /// Of the whole epoch, or of its blocks.
    outer: Permutation,
    /// (stream id, part) and the permutation last used for a window or round, and for each source of a blend.
    inner: Vec<((u64, u32), Permutation)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(plan: &'a Plan, epoch: u32) -> Walk<'a> {
        let permutation = |part, n| Permutation::new(plan.seed, epoch, 0, part, n);
        let outer = match plan.order {
            Order::Shuffle if plan.parts.len() == 1 => permutation(WHOLE, plan.samples),
            Order::Blocks { block, .. } => permutation(BLOCKS, plan.samples.div_ceil(block)),
            _ => Permutation::Identity,
        };
        Walk { plan, epoch, outer, inner: Vec::new() }
    }

    /// The visit at a position below the number of samples.
    pub(super) fn at(&mut self, position: u64) -> Visit {
        if self.plan.parts.len() > 1 {
            return self.blended(position);
        }
        let sample = match self.plan.order {
            Order::Sequential | Order::Shuffle => self.outer.at(position),
            Order::Blocks { block, window } => self.in_blocks(position, block, window),
        };
        Visit { sample, occurrence: 0 }
    }

    /// All blocks have `block` samples but the last, which comes somewhere in the shuffled order and moves what
    /// follows it.
    fn in_blocks(&mut self, position: u64, block: u64, window: u64) -> u64 {
        let blocks = self.plan.samples.div_ceil(block);
        let missing = blocks * block - self.plan.samples;
        let short = self.outer.find(blocks - 1);
        let start_of = |rank: u64| (rank * block).saturating_sub(if rank > short { missing } else { 0 });
        let rank_of = |position: u64| {
            let rank = position / block;
            if rank < short || position < start_of(short + 1) {
                rank.min(short)
            } else {
                (position + missing) / block
            }
        };
        let number = rank_of(position) / window;
        let first = start_of(number * window);
        let end = start_of(((number + 1).saturating_mul(window)).min(blocks));
        let inside = self.inner(0, number, WINDOW, end - first).at(position - first);
        let rank = rank_of(first + inside);
        self.outer.at(rank) * block + (first + inside - start_of(rank))
    }

    fn blended(&mut self, position: u64) -> Visit {
        let (round, place) = (position / ROUND, position % ROUND);
        let shuffled = self.plan.order != Order::Sequential;
        // Unshuffled rounds deal their places evenly instead of source by source.
        let place = if shuffled {
            self.inner(0, round, ROUNDS, ROUND).at(place)
        } else {
            place * 619 % ROUND // 619 is coprime to 1000 and near the golden section of it
        };
        let number =
            self.plan.parts.iter().rposition(|part| part.offset <= place).expect("the first offset is 0");
        let part = self.plan.parts[number];
        let nth = round * part.quota + (place - part.offset);
        let (lap, local) = (nth / part.len, nth % part.len);
        let local = if shuffled {
            self.inner(1 + number, lap, SOURCE + number as u32, part.len).at(local)
        } else {
            local
        };
        Visit { sample: part.base + local, occurrence: lap as u32 }
    }

    /// The permutation of a stream, kept in `slot` until another one is asked for there.
    fn inner(&mut self, slot: usize, id: u64, part: u32, n: u64) -> &Permutation {
        if self.inner.len() <= slot {
            self.inner.resize(slot + 1, ((u64::MAX, u32::MAX), Permutation::Identity));
        }
        let kept = &mut self.inner[slot];
        if kept.0 != (id, part) {
            *kept = ((id, part), Permutation::new(self.plan.seed, self.epoch, id, part, n));
        }
        &kept.1
    }
}
