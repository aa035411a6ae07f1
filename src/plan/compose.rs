//! Samplers that compose each batch as a whole: P x K, episodes, and batches of one group each.
//!
//! What such a batch promises (distinct classes, disjoint support and queries) concerns the slots
//! together, so the batch is drawn as one, from random streams keyed by the number of the batch,
//! and a rank takes its slice of the result. Batches are independent draws; nothing carries over
//! from one batch to the next, so any batch can be asked for at any time.

use std::sync::Arc;

use super::groups::Groups;
use super::permutation::Permutation;
use super::quota::{Apportionment, largest_remainders};
use super::sampler::{Episodes, Pk, Replacement};
use super::{EpisodeRole, Last, Order, PlannedSlot};
use crate::rng::{Domain, RandomStream};

/// The random streams of the samplers in this file, which must not share numbers with each other.
/// They may share them with those of `stream.rs`: a run has one sampler, so it never draws from
/// both.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Substream {
    Classes,
    Items,
    Queries,
    Batches,
    Members,
}

/// A permutation of `0..n` of which a few values will be looked up. `key` is (seed, epoch).
fn sparse((seed, epoch): (u64, u32), substream: Substream, id: u64, n: u64) -> Permutation {
    Permutation::sparse(Domain::Sampler, seed, epoch, id, substream as u32, n)
}

/// A batch of P classes with K samples each, class by class. `key` is (seed, epoch), `batch` the
/// number of the batch in the epoch.
pub(super) fn pk(key: (u64, u32), pk: &Pk, groups: &Groups, batch: u64) -> Vec<PlannedSlot> {
    let (p, k) = (u64::from(pk.classes), u64::from(pk.items));
    let classes = sparse(key, Substream::Classes, batch, groups.count() as u64);
    let mut planned = Vec::with_capacity((p * k) as usize);
    for nth in 0..p {
        let class = classes.at(nth) as usize;
        let size = groups.size(class);
        // The number of this class among all that the epoch chooses.
        let id = batch * p + nth;
        let with_replacement = match pk.replacement {
            Replacement::Always => true,
            Replacement::Auto => size < k,
            Replacement::Never => false,
        };
        let mut rng =
            RandomStream::in_domain(key.0, key.1, Domain::Sampler, id, Substream::Items as u32);
        let items = if with_replacement {
            Permutation::Identity
        } else {
            sparse(key, Substream::Items, id, size)
        };
        for item in 0..k {
            let local = if with_replacement {
                rng.below(size)
            } else {
                items.at(item)
            };
            // The position in the epoch, as the occurrence, tells all visits of a sample apart.
            planned.push(PlannedSlot::in_group(
                groups,
                class,
                groups.member(class, local),
                id * k + item,
            ));
        }
    }
    planned
}

/// A batch of whole episodes: of each all support samples, class by class, then all queries. `key`
/// is (seed, epoch), `batch` the number of the batch in the epoch, and `slots` the size of the
/// batch, a multiple of that of an episode.
pub(super) fn episodes(
    key: (u64, u32),
    cfg: &Episodes,
    groups: &Groups,
    batch: u64,
    slots: u64,
) -> Vec<PlannedSlot> {
    let (ways, shots) = (u64::from(cfg.ways), u64::from(cfg.shots));
    let episode_size = ways * (shots + u64::from(cfg.queries));
    let episodes = slots / episode_size;
    let mut planned = Vec::with_capacity(slots as usize);
    for nth in 0..episodes {
        let number = batch * episodes + nth;
        let classes = sparse(key, Substream::Classes, number, groups.count() as u64);
        let classes: Vec<usize> = (0..ways).map(|way| classes.at(way) as usize).collect();
        let queries = queries(key, cfg, groups, &classes, number);
        // One permutation for each class; support takes its first values and queries the next,
        // which makes them disjoint.
        let items: Vec<Permutation> = (0..ways)
            .map(|way| {
                sparse(
                    key,
                    Substream::Items,
                    number * ways + way,
                    groups.size(classes[way as usize]),
                )
            })
            .collect();
        let mut add = |way: u64, item: u64, role| {
            let class = classes[way as usize];
            let member = groups.member(class, items[way as usize].at(item));
            let occurrence = batch * slots + planned.len() as u64;
            planned.push(PlannedSlot {
                group: Some((nth * ways + way) as u32),
                role,
                ..PlannedSlot::in_group(groups, class, member, occurrence)
            });
        };
        for way in 0..ways {
            (0..shots).for_each(|item| add(way, item, EpisodeRole::Support));
        }
        for (way, &count) in (0..).zip(&queries) {
            (shots..shots + count).for_each(|item| add(way, item, EpisodeRole::Query));
        }
    }
    planned
}

/// The number of queries of each class of an episode. They sum to ways x queries, whatever the
/// shares are: equal without `query_alpha`, else drawn from a symmetric Dirichlet distribution
/// (normalized gamma variables) and rounded by largest remainders.
fn queries(
    key: (u64, u32),
    cfg: &Episodes,
    groups: &Groups,
    classes: &[usize],
    number: u64,
) -> Vec<u64> {
    let equal = u64::from(cfg.queries);
    let Some(alpha) = cfg.query_alpha else {
        return vec![equal; classes.len()];
    };
    let total = equal * classes.len() as u64;
    let mut rng = RandomStream::in_domain(
        key.0,
        key.1,
        Domain::Sampler,
        number,
        Substream::Queries as u32,
    );
    let shares: Vec<f64> = classes.iter().map(|_| rng.gamma(alpha)).collect();
    let sum: f64 = shares.iter().sum();
    // For a tiny alpha all gamma variables may underflow to 0; the shares are equal then.
    let exact: Vec<f64> = match sum > 0.0 {
        true => shares
            .iter()
            .map(|share| share / sum * total as f64)
            .collect(),
        false => vec![equal as f64; classes.len()],
    };
    let mut counts = largest_remainders(&exact, total);
    // A class has only the samples that its support leaves over. Queries beyond that go to the
    // other classes, one at a time in turn. The loop ends: every class has at least shots + queries
    // samples, so together they have room for all queries.
    let available = |way: usize| groups.size(classes[way]) - u64::from(cfg.shots);
    let mut missing = 0;
    for (way, count) in counts.iter_mut().enumerate() {
        missing += count.saturating_sub(available(way));
        *count = (*count).min(available(way));
    }
    while missing > 0 {
        for (way, count) in counts.iter_mut().enumerate() {
            if missing > 0 && *count < available(way) {
                *count += 1;
                missing -= 1;
            }
        }
    }
    counts
}

/// All batches of an epoch, each with samples of one group only.
#[derive(Clone, Debug)]
pub(super) struct GroupBatches {
    pub(super) groups: Arc<Groups>,
    /// The number of batches of an epoch.
    pub(super) batches: u64,
    pub(super) order: Order,
    pub(super) schedule: GroupSchedule,
}

/// Which group each batch belongs to, before a shuffled order permutes the batches.
#[derive(Clone, Debug)]
pub(super) enum GroupSchedule {
    /// Every group has as many batches as its samples make, one group after the other. Holds the
    /// number of the first batch of each group.
    Whole(Vec<u64>),
    /// Groups have shares of the batches.
    ByQuota(Arc<Apportionment>),
}

impl GroupBatches {
    /// Batches that hold every sample once. `last` decides on the samples of each group that do not
    /// fill a batch.
    pub(super) fn whole(groups: Arc<Groups>, order: Order, batch: u64, last: Last) -> GroupBatches {
        // Groups in order, each with consecutive numbers of batches.
        let mut firsts = Vec::with_capacity(groups.count());
        let mut batches = 0;
        for size in groups.sizes() {
            firsts.push(batches);
            batches += if last == Last::Drop {
                size / batch
            } else {
                size.div_ceil(batch)
            };
        }
        GroupBatches {
            groups,
            batches,
            order,
            schedule: GroupSchedule::Whole(firsts),
        }
    }

    /// All slots of batch `index`, each with true if it is valid. `key` is (seed, epoch).
    pub(super) fn slots(
        &self,
        key: (u64, u32),
        index: u64,
        batch: u64,
        last: Last,
    ) -> Vec<(PlannedSlot, bool)> {
        let shuffled = self.order != Order::Sequential;
        let scheduled = match shuffled {
            true => sparse(key, Substream::Batches, 0, self.batches).at(index),
            false => index,
        };
        // `nth` counts the batches of the group. Only a schedule of whole groups has a last batch
        // of a group, which may be a partial one; by quota, a group starts over inside a batch.
        let (group, nth, may_be_partial) = match &self.schedule {
            GroupSchedule::Whole(firsts) => {
                let group = firsts.partition_point(|first| *first <= scheduled) - 1;
                (group, scheduled - firsts[group], true)
            }
            GroupSchedule::ByQuota(apportionment) => {
                let (group, nth) = apportionment.at(scheduled);
                (group, nth, false)
            }
        };
        let size = self.groups.size(group);
        let filled = match last {
            Last::Keep if may_be_partial => (size - nth * batch).min(batch),
            _ => batch,
        };
        let members = match shuffled {
            true => Permutation::in_domain(
                Domain::Sampler,
                key.0,
                key.1,
                group as u64,
                Substream::Members as u32,
                size,
            ),
            false => Permutation::Identity,
        };
        (nth * batch..nth * batch + filled)
            .map(|position| {
                let (lap, local) = (position / size, members.at(position % size));
                let member = self.groups.member(group, local);
                let slot = PlannedSlot::in_group(&self.groups, group, member, lap);
                (slot, lap == 0 || !may_be_partial || last != Last::Pad)
            })
            .collect()
    }
}
