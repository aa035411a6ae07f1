//! Samplers that define one long sequence of slots, which is cut into batches.
//!
//! The idea: every kind of stream is a function from a position to a slot, computed from (seed,
//! epoch, position) alone, never by stepping through the positions before. Where a stream needs an
//! order, it uses a keyed permutation (`permutation`) or an apportionment (`quota`); where it draws
//! slots independently, position by position, the random stream is keyed by the position. So any
//! batch can be asked for at any time, and a rank computes its own slots only.
//!
//! The one exception is weighted sampling without replacement. There each sample depends on those
//! drawn before it, so the order of the epoch is made as a list when the epoch is first used.

use std::ops::Range;
use std::sync::Arc;

use super::groups::Groups;
use super::order::OrderReader;
use super::permutation::Permutation;
use super::quota::{Apportionment, QuotaSwap};
use super::selection::Selection;
use super::sums::draw_index;
use super::{Last, Order, PlannedSlot};
use crate::rng::{Domain, RandomStream};

/// The random streams that a sampler draws from; they must not share numbers.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Substream {
    Drawn,
    Weighted,
    WithoutReplacement,
    Arrange,
    Images,
    Captions,
    /// The first of many: the order of the k-th group has the substream `Laps + k`. So this variant
    /// has to be the last one.
    Laps,
}

/// All slots of an epoch, as a function of the position.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) kind: StreamKind,
    /// The number of slots of an epoch.
    pub(super) length: u64,
    /// The number of consecutive positions that have the same sample; each copy is augmented by
    /// itself.
    pub(super) repeats: u64,
    pub(super) order: Order,
}

#[derive(Clone, Debug)]
pub(super) enum StreamKind {
    /// All selected samples in the recipe's order.
    Plain,
    /// Groups take turns as their quotas say. A group goes through all of its samples before it
    /// starts over.
    ByQuota {
        groups: Arc<Groups>,
        apportionment: Arc<Apportionment>,
        /// Whether the batch tells the group of each slot.
        named: bool,
    },
    /// The group of every slot is drawn by weight, then a sample of the group uniformly, both with
    /// replacement. `cumulative` has the prefix sums of the groups' weights.
    Drawn {
        groups: Arc<Groups>,
        cumulative: Vec<f64>,
    },
    /// The sample of every slot is drawn by weight, with replacement. `cumulative` has the prefix
    /// sums of the samples' weights.
    Weighted { cumulative: Arc<[f64]> },
    /// An order that was made for this epoch, as indices into the selection: 4 bytes a sample.
    Listed(Vec<u32>),
    /// One sample of each group; the groups are shuffled.
    Unique { groups: Arc<Groups> },
    /// Every sample of the first group, then every sample of the second, and so on.
    Variants { groups: Arc<Groups> },
}

/// A weighted random order of the samples of positive weight, as indices into the selection, cut
/// off after `length`.
///
/// Each sample gets a key -ln(u) / weight, an exponential variable of that rate. Sorted by key, the
/// samples come in the order in which successive draws by weight, without replacement, would find
/// them. Efraimidis and Spirakis ("Weighted random sampling with a reservoir", 2006) use the key
/// u^(1 / weight) and the opposite order, which is the same, but underflows for small weights.
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
        Substream::WithoutReplacement as u32,
    );
    let mut keys: Vec<(f64, u32)> = Vec::with_capacity(weights.len());
    for (index, &weight) in (0u32..).zip(weights) {
        // Drawn for weights of 0 too, so that a weight that is set to 0 leaves the others' keys as
        // they were. 1 - unit() is never 0, so the logarithm is finite.
        let exponential = -libm::log(1.0 - rng.unit());
        if weight > 0.0 {
            keys.push((exponential / weight, index));
        }
    }
    keys.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    keys.into_iter()
        .take(length as usize)
        .map(|(_, index)| index)
        .collect()
}

impl Stream {
    fn shuffled(&self) -> bool {
        self.order != Order::Sequential
    }

    /// The slots `range` of a batch, each with true if it is valid. `key` is (seed, epoch).
    pub(super) fn slots(
        &self,
        key: (u64, u32),
        selection: &Selection,
        (index, batch, last): (u64, u64, Last),
        range: Range<u64>,
    ) -> Vec<(PlannedSlot, bool)> {
        let start = index * batch;
        let filled = self.filled(index, batch, last);
        let mut reader = StreamReader::new(self, key, selection);
        // The schedule of groups is the same in every round, so the same groups would always be
        // neighbors, and neighbors mix with each other. A shuffle inside the batch prevents that,
        // and leaves the quotas exact at the end of every batch.
        let arrangement = match &self.kind {
            StreamKind::ByQuota { .. } if self.shuffled() => Permutation::in_domain(
                Domain::Sampler,
                key.0,
                key.1,
                index,
                Substream::Arrange as u32,
                filled,
            ),
            _ => Permutation::Identity,
        };
        range
            .map(|slot| {
                let position = start + spread(arrangement.at(slot), filled, self.repeats);
                // Positions past the end of the epoch fill up its last batch.
                let lap = position / self.length;
                (reader.at(position), lap == 0 || last != Last::Pad)
            })
            .collect()
    }

    /// Those of the first `batches` batches that hold `sample`, in order. Goes through all
    /// positions once, since most kinds of streams cannot be inverted.
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
        let mut reader = StreamReader::new(self, key, selection);
        let holds_it = |position: &u64| selection.sample(reader.at(*position).selected) == sample;
        let mut found: Vec<u64> = (0..end)
            .filter(holds_it)
            .map(|position| position / batch)
            .collect();
        found.dedup();
        found
    }

    /// The number of slots of batch `index`, those that fill it up included.
    pub(super) fn filled(&self, index: u64, batch: u64, last: Last) -> u64 {
        match last {
            Last::Keep => (self.length - index * batch).min(batch),
            Last::Drop | Last::Pad | Last::Wrap => batch,
        }
    }
}

/// The position, inside a batch of `filled` slots, of the sample that goes to `slot`: a bijection
/// on `0..filled`.
///
/// Positions hold the copies of a sample in a row. In slots, all first copies come first, then all
/// second ones, and so on, so copies lie as far from each other as they can, and ranks, which take
/// consecutive slots, get different copies. It is the transposition of a table that has a row for
/// each sample and a column for each copy; the last row may be incomplete.
fn spread(slot: u64, filled: u64, repeats: u64) -> u64 {
    // The first `long` columns have `rows + 1` entries, the others `rows`.
    let (rows, long) = (filled / repeats, filled % repeats);
    let before = long * (rows + 1);
    let (copy, row) = if slot < before {
        (slot / (rows + 1), slot % (rows + 1))
    } else {
        (long + (slot - before) / rows, (slot - before) % rows)
    };
    row * repeats + copy
}

/// Answers which slot is at a position, and caches the permutations that neighboring positions
/// share.
struct StreamReader<'a> {
    stream: &'a Stream,
    /// Seed and epoch.
    key: (u64, u32),
    /// The order of samples of [`StreamKind::Plain`], of groups for [`StreamKind::Unique`]; of no
    /// use to other kinds.
    order: OrderReader,
    swap: QuotaSwap,
}

impl<'a> StreamReader<'a> {
    fn new(stream: &'a Stream, key: (u64, u32), selection: &Selection) -> StreamReader<'a> {
        let (order, n) = match &stream.kind {
            StreamKind::Plain => (stream.order, selection.len),
            _ => (Order::Sequential, 1),
        };
        let mut order = OrderReader::new(key, order, n);
        if let StreamKind::Unique { groups } = &stream.kind
            && stream.shuffled()
        {
            order = OrderReader::from_permutation(Permutation::in_domain(
                Domain::Sampler,
                key.0,
                key.1,
                0,
                Substream::Images as u32,
                groups.count() as u64,
            ));
        }
        StreamReader {
            stream,
            key,
            order,
            swap: QuotaSwap::default(),
        }
    }

    /// The slot at a position, which may lie past the end of the epoch.
    fn at(&mut self, position: u64) -> PlannedSlot {
        let (seed, epoch) = self.key;
        let Stream {
            length,
            repeats,
            kind,
            ..
        } = self.stream;
        let rng = |substream: Substream, id| {
            RandomStream::in_domain(seed, epoch, Domain::Sampler, id, substream as u32)
        };
        // Independent draws do not run out, so they need no laps: every position is another draw,
        // and the position itself tells the visits of a sample apart.
        match kind {
            StreamKind::Drawn { groups, cumulative } => {
                let mut rng = rng(Substream::Drawn, position / repeats);
                let group = draw_index(cumulative, &mut rng);
                let member = groups.member(group, rng.below(groups.size(group)));
                return PlannedSlot::in_group(groups, group, member, position);
            }
            StreamKind::Weighted { cumulative } => {
                let index = draw_index(
                    cumulative,
                    &mut rng(Substream::Weighted, position / repeats),
                );
                return PlannedSlot::plain(index as u64, position);
            }
            _ => {}
        }
        // A lap goes through the whole epoch. Lap 0 is the epoch; later laps fill up its last
        // batch. Within a lap a sample may come in several rounds, and in each as several copies.
        let (lap, position) = (position / length, position % length);
        let (nth, copy) = (position / repeats, position % repeats);
        // Visits of a sample are numbered from 0 within a lap. Later laps count from multiples of
        // 2^20, more visits than one sample is expected to have in a lap.
        let occurrence = |round: u64| round * repeats + copy + (lap << 20);
        let round_and_offset = |n: usize| (nth / n as u64, nth % n as u64);
        match kind {
            StreamKind::Plain => {
                let (round, nth) = round_and_offset(self.order.len() as usize);
                PlannedSlot::plain(self.order.at(nth), occurrence(round))
            }
            StreamKind::ByQuota {
                groups,
                apportionment,
                named,
            } => {
                let shuffled = self.stream.shuffled();
                let (group, nth) = match shuffled {
                    true => apportionment.shuffled(self.key, &mut self.swap, nth),
                    false => apportionment.at(nth),
                };
                let size = groups.size(group);
                let (round, mut local) = (nth / size, nth % size);
                if shuffled {
                    // One look-up each: neighboring positions belong to different groups.
                    let substream = Substream::Laps as u32 + group as u32;
                    local =
                        Permutation::sparse(Domain::Sampler, seed, epoch, round, substream, size)
                            .at(local);
                }
                let slot = PlannedSlot::in_group(
                    groups,
                    group,
                    groups.member(group, local),
                    occurrence(round),
                );
                if *named {
                    slot
                } else {
                    PlannedSlot {
                        group: None,
                        pool: None,
                        ..slot
                    }
                }
            }
            StreamKind::Listed(order) => {
                let (round, nth) = round_and_offset(order.len());
                PlannedSlot::plain(u64::from(order[nth as usize]), occurrence(round))
            }
            StreamKind::Unique { groups } => {
                let group = self.order.at(nth) as usize;
                let size = groups.size(group);
                // The start is drawn with epoch 0 for every epoch, so that epoch after epoch the
                // group goes through all of its samples in turn.
                let id = u64::from(groups.id(group));
                let first = RandomStream::in_domain(
                    seed,
                    0,
                    Domain::Sampler,
                    id,
                    Substream::Captions as u32,
                )
                .below(size);
                let member = groups.member(group, (first + u64::from(epoch)) % size);
                PlannedSlot::in_group(groups, group, member, occurrence(0))
            }
            StreamKind::Variants { groups } => PlannedSlot::in_group(
                groups,
                groups.group_of_nth(nth),
                groups.nth(nth),
                occurrence(0),
            ),
            StreamKind::Drawn { .. } | StreamKind::Weighted { .. } => unreachable!("handled above"),
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
