//! Samplers that put whole batches together.

use std::sync::Arc;

use super::groups::Groups;
use super::permutation::Permutation;
use super::quota::{Apportionment, largest_remainders};
use super::sampler::{Episodes, Pk, Replacement};
use super::{EpisodeRole, Last, Order, Place};
use crate::rng::{Domain, RandomStream};

/// Streams of a composing sampler's draws, which must not share numbers with each other. They may
/// share them with the streams of `stream`: a run has one sampler, so both are never drawn from.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Part {
    Classes,
    Items,
    Queries,
    Batches,
    Members,
}

/// A permutation of which few values are asked for.
fn some((seed, epoch): (u64, u32), part: Part, id: u64, n: u64) -> Permutation {
    Permutation::brief(Domain::Sampler, seed, epoch, id, part as u32, n)
}

/// P classes with K samples each.
pub(super) fn pk(key: (u64, u32), pk: &Pk, groups: &Groups, batch: u64) -> Vec<Place> {
    let (p, k) = (u64::from(pk.classes), u64::from(pk.items));
    let classes = some(key, Part::Classes, batch, groups.count() as u64);
    let mut places = Vec::with_capacity((p * k) as usize);
    for nth in 0..p {
        let class = classes.at(nth) as usize;
        let size = groups.size(class);
        let id = batch * p + nth;
        let again = match pk.replacement {
            Replacement::Always => true,
            Replacement::Auto => size < k,
            Replacement::Never => false,
        };
        let mut rng =
            RandomStream::in_domain(key.0, key.1, Domain::Sampler, id, Part::Items as u32);
        let items = if again {
            Permutation::Identity
        } else {
            some(key, Part::Items, id, size)
        };
        for item in 0..k {
            let local = if again {
                rng.below(size)
            } else {
                items.at(item)
            };
            places.push(Place::of(
                groups,
                class,
                groups.member(class, local),
                id * k + item,
            ));
        }
    }
    places
}

/// The episodes of a batch.
pub(super) fn episodes(
    key: (u64, u32),
    cfg: &Episodes,
    groups: &Groups,
    batch: u64,
    slots: u64,
) -> Vec<Place> {
    let (ways, shots) = (u64::from(cfg.ways), u64::from(cfg.shots));
    let each = ways * (shots + u64::from(cfg.queries));
    let mut places = Vec::with_capacity(slots as usize);
    for nth in 0..slots / each {
        let number = batch * (slots / each) + nth;
        let classes = some(key, Part::Classes, number, groups.count() as u64);
        let classes: Vec<usize> = (0..ways).map(|way| classes.at(way) as usize).collect();
        let queries = queries(key, cfg, groups, &classes, number);
        let items: Vec<Permutation> = (0..ways)
            .map(|way| {
                some(
                    key,
                    Part::Items,
                    number * ways + way,
                    groups.size(classes[way as usize]),
                )
            })
            .collect();
        let mut add = |way: u64, item: u64, role| {
            let class = classes[way as usize];
            let member = groups.member(class, items[way as usize].at(item));
            let visit = batch * slots + places.len() as u64;
            let place = Place::of(groups, class, member, visit);
            places.push(Place {
                group: Some((nth * ways + way) as u32),
                role,
                ..place
            });
        };
        for way in 0..ways {
            (0..shots).for_each(|item| add(way, item, EpisodeRole::Support));
        }
        for (way, &count) in (0..).zip(&queries) {
            (shots..shots + count).for_each(|item| add(way, item, EpisodeRole::Query));
        }
    }
    places
}

/// The queries of each class of an episode.
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
    let mut rng =
        RandomStream::in_domain(key.0, key.1, Domain::Sampler, number, Part::Queries as u32);
    let shares: Vec<f64> = classes.iter().map(|_| rng.gamma(alpha)).collect();
    let sum: f64 = shares.iter().sum();
    let exact: Vec<f64> = match sum > 0.0 {
        true => shares
            .iter()
            .map(|share| share / sum * total as f64)
            .collect(),
        false => vec![equal as f64; classes.len()],
    };
    let mut counts = largest_remainders(&exact, total);
    // A class gives what it has left after the support; what it lacks, the others give in turn.
    let room = |way: usize| groups.size(classes[way]) - u64::from(cfg.shots);
    let mut lacking = 0;
    for (way, count) in counts.iter_mut().enumerate() {
        lacking += count.saturating_sub(room(way));
        *count = (*count).min(room(way));
    }
    while lacking > 0 {
        for (way, count) in counts.iter_mut().enumerate() {
            if lacking > 0 && *count < room(way) {
                *count += 1;
                lacking -= 1;
            }
        }
    }
    counts
}

/// Batches of one group each.
#[derive(Clone, Debug)]
pub(super) struct GroupBatches {
    pub(super) groups: Arc<Groups>,
    pub(super) batches: u64,
    pub(super) order: Order,
    pub(super) turns: Turns,
}

/// Which group has a batch.
#[derive(Clone, Debug)]
pub(super) enum Turns {
    /// Every group as many as its samples make: the first batch of each.
    Whole(Vec<u64>),
    /// By shares.
    Dealt(Arc<Apportionment>),
}

impl GroupBatches {
    /// Every sample once: whole batches of each group, and what `last` makes of the rest.
    pub(super) fn whole(groups: Arc<Groups>, order: Order, batch: u64, last: Last) -> GroupBatches {
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
            turns: Turns::Whole(firsts),
        }
    }

    pub(super) fn places(
        &self,
        key: (u64, u32),
        index: u64,
        batch: u64,
        last: Last,
    ) -> Vec<(Place, bool)> {
        let shuffled = self.order != Order::Sequential;
        let turn = match shuffled {
            true => some(key, Part::Batches, 0, self.batches).at(index),
            false => index,
        };
        let (group, nth, partial) = match &self.turns {
            Turns::Whole(firsts) => {
                let group = firsts.partition_point(|first| *first <= turn) - 1;
                (group, turn - firsts[group], true)
            }
            Turns::Dealt(apportionment) => {
                let (group, nth) = apportionment.at(turn);
                (group, nth, false)
            }
        };
        let size = self.groups.size(group);
        let filled = match last {
            Last::Keep if partial => (size - nth * batch).min(batch),
            _ => batch,
        };
        let members = match shuffled {
            true => Permutation::drawn(
                Domain::Sampler,
                key.0,
                key.1,
                group as u64,
                Part::Members as u32,
                size,
            ),
            false => Permutation::Identity,
        };
        (nth * batch..nth * batch + filled)
            .map(|position| {
                let (lap, local) = (position / size, members.at(position % size));
                let place = Place::of(&self.groups, group, self.groups.member(group, local), lap);
                (place, lap == 0 || !partial || last != Last::Pad)
            })
            .collect()
    }
}
