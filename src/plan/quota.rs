//! Quotas: which group each position of an epoch belongs to, such that every group has its share of
//! every prefix, not only of the whole.
//!
//! A group of weight w, among weights that sum to 1, is owed p w of the first p positions. Its j-th
//! position (from 0) is a job with a release time and a deadline: at a position before floor(j / w)
//! it would put the group ahead by one or more, and at position ceil((j + 1) / w) or later it would
//! have left the group behind by one or more. Positions are assigned to released jobs by earliest
//! deadline first. A schedule that meets all deadlines always exists, and this rule finds it, so
//! every group stays less than one position away from what it is owed at every prefix (Tijdeman,
//! "The chairman assignment problem", 1980; Steiner and Yeomans, "Level schedules for mixed-model,
//! just-in-time processes", 1993).
//!
//! The alternative is to draw the group of each position by weight. That is right on average only:
//! a prefix of n positions is off by the order of the square root of n, so a blend of 0.7 and 0.3
//! would wander around its weights.
//!
//! Weights become integer quotas; their sum is a *round*. The schedule repeats with each round, so
//! a table of one round answers for any position, and all arithmetic is exact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::permutation::Permutation;
use crate::rng::Domain;

/// An assignment of positions to groups in proportion to weights, in rounds that repeat.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Apportionment {
    /// The number of positions of each group in a round.
    quotas: Vec<u64>,
    /// The length of a round: the sum of the quotas.
    round: u64,
    schedule: Schedule,
    /// Groups in the order of their quotas, so that groups of equal quotas are neighbors.
    sorted: Vec<u32>,
}

/// How the group of a position in a round is found.
#[derive(Clone, Debug, PartialEq)]
enum Schedule {
    OneGroup,
    /// Two groups need no table: at each prefix the first group has the nearest integer to what it
    /// is owed, and the second group has the others.
    TwoGroups,
    /// For each position of a round, its group and how many positions the group has before it: 8
    /// bytes a position, 8 MB at most.
    Table(Vec<(u32, u32)>),
}

/// A cache for [`Apportionment::shuffled`]: the permutation that neighboring positions share.
#[derive(Default)]
pub(super) struct QuotaSwap {
    /// The permutation of one round and one set of equal groups, by (round, first of the set).
    cached: Option<((u64, u64), Permutation)>,
}

impl Apportionment {
    /// The length of the longest round, in positions. Weights that do not fit a shorter round are
    /// rounded to multiples of a millionth of their sum. Two groups need no table, so their rounds
    /// may be longer.
    pub(super) const ROUND: u64 = 1_000_000;

    /// Assigns the positions below `positions` by `weights`, which are finite, not negative, not
    /// all 0, and at most [`Apportionment::ROUND`] in number.
    pub(super) fn new(weights: &[f64], positions: u64) -> Apportionment {
        let quotas = quotas(weights);
        let round = quotas.iter().sum();
        let schedule = match quotas.len() {
            1 => Schedule::OneGroup,
            2 => Schedule::TwoGroups,
            _ => Schedule::Table(earliest_deadline_first(
                &quotas,
                round,
                round.min(positions),
            )),
        };
        let mut sorted: Vec<u32> = (0..quotas.len() as u32).collect();
        sorted.sort_by_key(|&group| quotas[group as usize]);
        Apportionment {
            quotas,
            round,
            schedule,
            sorted,
        }
    }

    /// The group of a position, and the number of positions that the group has before it.
    pub(super) fn at(&self, position: u64) -> (usize, u64) {
        let (round, offset) = (position / self.round, position % self.round);
        let (group, nth) = match &self.schedule {
            Schedule::OneGroup => (0, offset),
            Schedule::TwoGroups => {
                // offset * quota / round to the nearest integer, in u128 since rounds of two groups
                // have up to 53 bits. The count grows by 0 or 1 from one prefix to the next.
                let owed_to_first = |prefix: u64| {
                    let exact = u128::from(prefix) * u128::from(self.quotas[0]) * 2
                        + u128::from(self.round);
                    (exact / (u128::from(self.round) * 2)) as u64
                };
                let before = owed_to_first(offset);
                if owed_to_first(offset + 1) > before {
                    (0, before)
                } else {
                    (1, offset - before)
                }
            }
            Schedule::Table(positions) => {
                let (group, nth) = positions[offset as usize];
                (group as usize, u64::from(nth))
            }
        };
        (group, round * self.quotas[group] + nth)
    }

    /// Like [`Apportionment::at`], but with groups of equal quotas permuted at random in each
    /// round. The schedule itself is the same in every round and epoch, and breaks ties by the
    /// numbers of groups; without this, a thousand equal classes would come in the same order each
    /// time. Equal quotas mean equal schedules, so what each group is owed stays as it is.
    pub(super) fn shuffled(
        &self,
        (seed, epoch): (u64, u32),
        swap: &mut QuotaSwap,
        position: u64,
    ) -> (usize, u64) {
        let (group, nth) = self.at(position);
        let quota = self.quotas[group];
        let first = self
            .sorted
            .partition_point(|&other| self.quotas[other as usize] < quota);
        let end = self
            .sorted
            .partition_point(|&other| self.quotas[other as usize] <= quota);
        if end - first == 1 {
            return (group, nth);
        }
        let round = position / self.round;
        let key = (round, first as u64);
        if swap.cached.as_ref().is_none_or(|(known, _)| *known != key) {
            let n = (end - first) as u64;
            swap.cached = Some((
                key,
                Permutation::in_domain(Domain::Apportionment, seed, epoch, round, first as u32, n),
            ));
        }
        let (_, permutation) = swap.cached.as_ref().expect("made above");
        // The sort was stable, so groups of equal quotas are in the order of their numbers.
        let rank = self.sorted[first..end].partition_point(|&other| (other as usize) < group);
        (
            self.sorted[first + permutation.at(rank as u64) as usize] as usize,
            nth,
        )
    }
}

/// Integers in the ratio of the weights, in lowest terms. The ratio is exact for integer weights
/// with a sum that fits a round, and for decimal fractions of up to six digits (0.7, 0.2, 0.1);
/// other weights are rounded to fractions of the longest round.
fn quotas(weights: &[f64]) -> Vec<u64> {
    let total: f64 = weights.iter().sum();
    // Two groups need no table, so their round is limited only by the integers that f64 holds.
    let max_sum = if weights.len() == 2 {
        1u64 << 53
    } else {
        Apportionment::ROUND
    };
    let integers = weights.iter().all(|weight| weight.fract() == 0.0) && total <= max_sum as f64;
    let scaled = |round: f64| weights.iter().map(move |weight| weight / total * round);
    // Within the rounding errors of `weight / total * round`.
    let is_exact =
        |round: &f64| scaled(*round).all(|quota| (quota - quota.round()).abs() <= 1e-9 * round);
    let quotas: Vec<u64> = if integers {
        weights.iter().map(|&weight| weight as u64).collect()
    } else if let Some(round) = (1..=6)
        .map(|power| libm::pow(10.0, f64::from(power)))
        .find(is_exact)
    {
        scaled(round).map(|quota| quota.round() as u64).collect()
    } else {
        let round = if weights.len() == 2 {
            1u64 << 40
        } else {
            Apportionment::ROUND
        };
        largest_remainders(&scaled(round as f64).collect::<Vec<f64>>(), round)
    };
    let divisor = quotas.iter().fold(0, |a, &b| gcd(a, b));
    quotas.iter().map(|quota| quota / divisor.max(1)).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Integers that sum to `total`, each next to its value in `exact` (which sum to `total` too), by
/// the largest remainder method: all values are rounded down, and what is left over goes, one each,
/// to those that lost most. Values of 0 stay 0.
pub(super) fn largest_remainders(exact: &[f64], total: u64) -> Vec<u64> {
    let mut rounded: Vec<u64> = exact.iter().map(|&value| value as u64).collect();
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by(|&a, &b| {
        exact[b]
            .fract()
            .total_cmp(&exact[a].fract())
            .then(a.cmp(&b))
    });
    let mut left = total.saturating_sub(rounded.iter().sum());
    // One pass is enough unless rounding errors in `exact` leave more over.
    for &index in order.iter().cycle() {
        if left == 0 {
            break;
        }
        if exact[index] > 0.0 {
            rounded[index] += 1;
            left -= 1;
        }
    }
    rounded
}

/// The group of each position below `positions`, and how many positions the group has before it.
/// O(positions x log groups).
fn earliest_deadline_first(quotas: &[u64], round: u64, positions: u64) -> Vec<(u32, u32)> {
    // `waiting` holds (release, group, job) of the next job of each group that may not have a
    // position yet, `ready` holds (deadline, group, job) of those that may. Every group has one job
    // in one of the two. `Reverse` makes the smallest come first; ties go to the lowest group.
    let mut waiting: BinaryHeap<Reverse<(u64, u32, u32)>> = (0u32..)
        .zip(quotas)
        .filter(|(_, quota)| **quota > 0)
        .map(|(group, _)| Reverse((0, group, 0)))
        .collect();
    let mut ready = BinaryHeap::new();
    (0..positions)
        .map(|position| {
            while let Some(&Reverse((release, group, job))) = waiting.peek()
                && release <= position
            {
                waiting.pop();
                let deadline = ((u64::from(job) + 1) * round).div_ceil(quotas[group as usize]);
                ready.push(Reverse((deadline, group, job)));
            }
            let Reverse((_, group, job)) = ready.pop().expect("a group is owed the position");
            waiting.push(Reverse((
                (u64::from(job) + 1) * round / quotas[group as usize],
                group,
                job + 1,
            )));
            (group, job)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The largest distance of any group from what it is owed, over all prefixes. Checks also that
    /// `nth` counts the positions of each group.
    fn worst(weights: &[f64], positions: u64) -> f64 {
        let apportionment = Apportionment::new(weights, positions);
        let total: f64 = weights.iter().sum();
        let mut counts = vec![0u64; weights.len()];
        let mut worst: f64 = 0.0;
        for position in 0..positions {
            let (group, nth) = apportionment.at(position);
            assert_eq!(nth, counts[group], "{weights:?}: position {position}");
            counts[group] += 1;
            for (count, weight) in counts.iter().zip(weights) {
                worst = worst.max((*count as f64 - (position + 1) as f64 * weight / total).abs());
            }
        }
        worst
    }

    #[test]
    fn every_prefix_is_within_one_of_what_is_owed() {
        for weights in [
            &[1.0][..],
            &[0.7, 0.3],
            &[1_281_167.0, 50_000.0],
            &[1.0, 0.0, 2.0],
            &[0.7, 0.2, 0.1],
            &[500.0, 40.0, 4000.0],
            &[1.0; 17],
            &[0.94, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
        ] {
            assert!(worst(weights, 5000) < 1.0, "{weights:?}");
        }
    }

    #[test]
    fn odd_weights_are_exact_to_the_millionth() {
        let weights = [1.0f64.sqrt(), 2.0f64.sqrt(), 3.0f64.sqrt(), 0.001];
        assert!(worst(&weights, 20_000) < 1.0 + 20_000.0 / Apportionment::ROUND as f64);
        assert!(worst(&weights[..2], 20_000) < 1.0 - 1e-6);
    }

    #[test]
    fn equals_change_places_and_shares_stay() {
        let apportionment = Apportionment::new(&[1.0; 10], 100);
        let order = |epoch| {
            let mut swap = QuotaSwap::default();
            (0..100)
                .map(|position| apportionment.shuffled((7, epoch), &mut swap, position))
                .collect::<Vec<_>>()
        };
        let found = order(0);
        for (round, positions) in found.chunks(10).enumerate() {
            let mut groups: Vec<usize> = positions.iter().map(|(group, _)| *group).collect();
            assert!(positions.iter().all(|(_, nth)| *nth == round as u64));
            groups.sort_unstable();
            assert_eq!(groups, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(found[..10], found[10..20]);
        assert_ne!(found, order(1));
    }

    proptest! {
        #[test]
        fn any_whole_weights_keep_the_promise(
            weights in prop::collection::vec(0u32..2000, 1..12)
                .prop_filter("all 0", |w| w.iter().any(|w| *w > 0))
        ) {
            let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
            prop_assert!(worst(&weights, 3000) < 1.0);
        }
    }
}
