//! Samplers that put one sample after the other: batches are pieces of the stream.

use std::ops::Range;
use std::sync::Arc;

use super::groups::Groups;
use super::order::Walk;
use super::permutation::Permutation;
use super::quota::{Apportionment, QuotaSwap};
use super::selection::Selection;
use super::sums::by_sums;
use super::{Last, Order, Place};
use crate::rng::{Domain, RandomStream};

/// Streams of a sampler's draws that must not share numbers.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Part {
    Drawn,
    Weighted,
    WithoutReplacement,
    Arrange,
    Images,
    Captions,
    /// Laps of the k-th group are `Laps + k`.
    Laps,
}

/// The slots of an epoch, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) kind: Kind,
    /// Slots of an epoch.
    pub(super) length: u64,
    /// How often each comes in a row.
    pub(super) repeats: u64,
    pub(super) order: Order,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// All chosen samples in the recipe's order.
    Plain,
    /// Groups in turn; `named` if the batch says which group it was.
    ByQuota {
        groups: Arc<Groups>,
        apportionment: Arc<Apportionment>,
        named: bool,
    },
    /// Group and sample of every slot drawn anew, by sums of the groups' shares.
    Drawn {
        groups: Arc<Groups>,
        cumulated: Vec<f64>,
    },
    /// Every slot drawn anew by sums of weights.
    Weighted { cumulated: Arc<[f64]> },
    /// An order made for this epoch: 4 bytes a sample.
    Listed(Vec<u32>),
    /// One sample of each group.
    Unique { groups: Arc<Groups> },
    /// Group by group.
    Variants { groups: Arc<Groups> },
}

/// An order of the places of positive weight, the first `length` of them: the smallest of
/// exponential draws over weights (Efraimidis and Spirakis, 2006).
pub(super) fn without_replacement(
    (seed, epoch): (u64, u32),
    weights: &[f64],
    length: u64,
) -> Vec<u32> {
    let mut rng = RandomStream::in_domain(
        seed,
        epoch,
        Domain::Sampler,
        0,
        Part::WithoutReplacement as u32,
    );
    let mut keys: Vec<(f64, u32)> = Vec::with_capacity(weights.len());
    for (place, &weight) in (0u32..).zip(weights) {
        let key = -libm::log(1.0 - rng.unit());
        if weight > 0.0 {
            keys.push((key / weight, place));
        }
    }
    keys.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    keys.into_iter()
        .take(length as usize)
        .map(|(_, place)| place)
        .collect()
}

impl Stream {
    fn shuffled(&self) -> bool {
        self.order != Order::Sequential
    }

    /// The slots of a batch, `range` of them, with whether each is valid.
    pub(super) fn places(
        &self,
        key: (u64, u32),
        selection: &Selection,
        (index, batch, last): (u64, u64, Last),
        range: Range<u64>,
    ) -> Vec<(Place, bool)> {
        let start = index * batch;
        let filled = self.filled(index, batch, last);
        let mut walk = Steps::new(self, key, selection);
        // Slots of a dealt batch are shuffled: what is dealt is fixed, and who is whose neighbor
        // should not be.
        let arranged = match &self.kind {
            Kind::ByQuota { .. } if self.shuffled() => Permutation::drawn(
                Domain::Sampler,
                key.0,
                key.1,
                index,
                Part::Arrange as u32,
                filled,
            ),
            _ => Permutation::Identity,
        };
        range
            .map(|slot| {
                let position = start + spread(arranged.at(slot), filled, self.repeats);
                let lap = position / self.length;
                (walk.at(position), lap == 0 || last != Last::Pad)
            })
            .collect()
    }

    /// The batches below one that hold a sample, found by going through the positions once.
    pub(super) fn batches_with(
        &self,
        key: (u64, u32),
        selection: &Selection,
        sample: u64,
        (batches, batch, last): (u64, u64, Last),
    ) -> Vec<u64> {
        let end = if last == Last::Keep {
            self.length.min(batches * batch)
        } else {
            batches * batch
        };
        let mut walk = Steps::new(self, key, selection);
        let here = |position: &u64| selection.sample(walk.at(*position).place) == sample;
        let mut found: Vec<u64> = (0..end)
            .filter(here)
            .map(|position| position / batch)
            .collect();
        found.dedup();
        found
    }

    /// Slots of a batch.
    pub(super) fn filled(&self, index: u64, batch: u64, last: Last) -> u64 {
        match last {
            Last::Keep => (self.length - index * batch).min(batch),
            Last::Drop | Last::Pad | Last::Wrap => batch,
        }
    }
}

/// The copy in a slot when `filled` slots hold copies in rows of `repeats`: first all first copies,
/// then all second ones, and so on, so that copies lie as far from each other as they can.
fn spread(slot: u64, filled: u64, repeats: u64) -> u64 {
    // The first `long` copies have a row more than the others.
    let (rows, long) = (filled / repeats, filled % repeats);
    let before = long * (rows + 1);
    let (copy, row) = if slot < before {
        (slot / (rows + 1), slot % (rows + 1))
    } else {
        (long + (slot - before) / rows, (slot - before) % rows)
    };
    row * repeats + copy
}

/// Reads positions; keeps what neighbors share.
struct Steps<'a> {
    stream: &'a Stream,
    key: (u64, u32),
    walk: Walk,
    exchange: QuotaSwap,
}

impl<'a> Steps<'a> {
    fn new(stream: &'a Stream, key: (u64, u32), selection: &Selection) -> Steps<'a> {
        let (order, n) = match &stream.kind {
            Kind::Plain => (stream.order, selection.len),
            _ => (Order::Sequential, 1),
        };
        let mut walk = Walk::new(key, order, n);
        if let Kind::Unique { groups } = &stream.kind
            && stream.shuffled()
        {
            walk = Walk::of(Permutation::drawn(
                Domain::Sampler,
                key.0,
                key.1,
                0,
                Part::Images as u32,
                groups.count() as u64,
            ));
        }
        Steps {
            stream,
            key,
            walk,
            exchange: QuotaSwap::default(),
        }
    }

    fn at(&mut self, position: u64) -> Place {
        let (seed, epoch) = self.key;
        let Stream {
            length,
            repeats,
            kind,
            ..
        } = self.stream;
        let rng =
            |part: Part, id| RandomStream::in_domain(seed, epoch, Domain::Sampler, id, part as u32);
        // What is drawn anew has no end to start over at.
        match kind {
            Kind::Drawn { groups, cumulated } => {
                let mut rng = rng(Part::Drawn, position / repeats);
                let group = by_sums(cumulated, &mut rng);
                let member = groups.member(group, rng.below(groups.size(group)));
                return Place::of(groups, group, member, position);
            }
            Kind::Weighted { cumulated } => {
                let place = by_sums(cumulated, &mut rng(Part::Weighted, position / repeats));
                return Place::plain(place as u64, position);
            }
            _ => {}
        }
        let (lap, position) = (position / length, position % length);
        let (nth, copy) = (position / repeats, position % repeats);
        // Visits of an epoch are numbered from 0. Those of a wrapped epoch are further ones; 2^20
        // within one lap are out of reach.
        let occurrence = |round: u64| round * repeats + copy + (lap << 20);
        let over = |n: usize| (nth / n as u64, nth % n as u64);
        match kind {
            Kind::Plain => {
                let (round, nth) = over(self.walk.len() as usize);
                Place::plain(self.walk.at(nth), occurrence(round))
            }
            Kind::ByQuota {
                groups,
                apportionment,
                named,
            } => {
                let shuffled = self.stream.shuffled();
                let (group, nth) = match shuffled {
                    true => apportionment.shuffled(self.key, &mut self.exchange, nth),
                    false => apportionment.at(nth),
                };
                let size = groups.size(group);
                let (round, mut local) = (nth / size, nth % size);
                if shuffled {
                    let part = Part::Laps as u32 + group as u32;
                    local = Permutation::brief(Domain::Sampler, seed, epoch, round, part, size)
                        .at(local);
                }
                let place = Place::of(
                    groups,
                    group,
                    groups.member(group, local),
                    occurrence(round),
                );
                if *named {
                    place
                } else {
                    Place {
                        group: None,
                        pool: None,
                        ..place
                    }
                }
            }
            Kind::Listed(order) => {
                let (round, nth) = over(order.len());
                Place::plain(u64::from(order[nth as usize]), occurrence(round))
            }
            Kind::Unique { groups } => {
                let group = self.walk.at(nth) as usize;
                let size = groups.size(group);
                // Where a group begins is the same in every epoch.
                let id = u64::from(groups.id(group));
                let first =
                    RandomStream::in_domain(seed, 0, Domain::Sampler, id, Part::Captions as u32)
                        .below(size);
                let member = groups.member(group, (first + u64::from(epoch)) % size);
                Place::of(groups, group, member, occurrence(0))
            }
            Kind::Variants { groups } => Place::of(
                groups,
                groups.group_of_nth(nth),
                groups.nth(nth),
                occurrence(0),
            ),
            Kind::Drawn { .. } | Kind::Weighted { .. } => unreachable!("handled above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_lie_apart_and_every_one_comes() {
        for (filled, repeats) in [(12, 3), (13, 3), (14, 3), (2, 3), (7, 1), (256, 3)] {
            let mut found: Vec<u64> = (0..filled)
                .map(|slot| spread(slot, filled, repeats))
                .collect();
            if (filled, repeats) == (12, 3) {
                assert_eq!(found, [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
            }
            found.sort_unstable();
            assert_eq!(found, (0..filled).collect::<Vec<_>>());
        }
    }
}
