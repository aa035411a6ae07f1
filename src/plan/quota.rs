//! Which group has which position, so that every group has its share of every prefix.
//!
//! A group of weight w among weights that sum to 1 is owed p w of the first p positions. Job j of a
//! group may not come before more than that is owed, nor after less is, and the positions are given
//! to the jobs by earliest deadline. This always works out and leaves every group less than one
//! position away from what it is owed, at every prefix (Tijdeman, "The chairman assignment
//! problem", 1980; Steiner and Yeomans, "Level schedules for mixed-model, just-in-time processes",
//! 1993).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::permutation::Permutation;
use crate::rng::Domain;

/// Positions dealt to groups in rounds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Apportionment {
    /// Positions of each group in a round.
    quotas: Vec<u64>,
    /// Their sum.
    round: u64,
    form: Form,
    /// Groups in order of their quotas, for the exchange of equals.
    sorted: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    One,
    /// Two groups need no table: the first has the nearest integer to what it is owed.
    Two,
    /// The group of each place in a round, and how often it had one before: 8 bytes a place, at
    /// most 8 MB.
    Table(Vec<(u32, u32)>),
}

/// Keeps what neighboring positions share.
#[derive(Default)]
pub(super) struct QuotaSwap {
    kept: Option<((u64, u64), Permutation)>,
}

impl Apportionment {
    /// Positions of a round at most: weights that are no multiples of less become multiples of this
    /// share of their sum. (Two groups need no table, so their rounds may be longer.)
    pub(super) const ROUND: u64 = 1_000_000;

    /// Deals positions below `positions` by weights that are finite, not negative and not all 0.
    /// There are at most [`Apportionment::ROUND`].
    pub(super) fn new(weights: &[f64], positions: u64) -> Apportionment {
        let quotas = quotas(weights);
        let round = quotas.iter().sum();
        let form = match quotas.len() {
            1 => Form::One,
            2 => Form::Two,
            _ => Form::Table(table(&quotas, round, round.min(positions))),
        };
        let mut sorted: Vec<u32> = (0..quotas.len() as u32).collect();
        sorted.sort_by_key(|&group| quotas[group as usize]);
        Apportionment {
            quotas,
            round,
            form,
            sorted,
        }
    }

    /// The group of a position, and which of its positions it is, from 0.
    pub(super) fn at(&self, position: u64) -> (usize, u64) {
        let (round, place) = (position / self.round, position % self.round);
        let (group, nth) = match &self.form {
            Form::One => (0, place),
            Form::Two => {
                let owed = |places: u64| {
                    let exact = u128::from(places) * u128::from(self.quotas[0]) * 2
                        + u128::from(self.round);
                    (exact / (u128::from(self.round) * 2)) as u64
                };
                let before = owed(place);
                if owed(place + 1) > before {
                    (0, before)
                } else {
                    (1, place - before)
                }
            }
            Form::Table(places) => {
                let (group, nth) = places[place as usize];
                (group as usize, u64::from(nth))
            }
        };
        (group, round * self.quotas[group] + nth)
    }

    /// [`Apportionment::at`] with groups of equal quotas exchanged at random in each round: which of a
    /// thousand equal classes comes first is chance, and what each is owed stays as it is.
    pub(super) fn shuffled(
        &self,
        (seed, epoch): (u64, u32),
        exchange: &mut QuotaSwap,
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
        if exchange.kept.as_ref().is_none_or(|(kept, _)| *kept != key) {
            let n = (end - first) as u64;
            exchange.kept = Some((
                key,
                Permutation::drawn(Domain::Apportionment, seed, epoch, round, first as u32, n),
            ));
        }
        let (_, permutation) = exchange.kept.as_ref().expect("made above");
        // Equal quotas are in order of their numbers.
        let rank = self.sorted[first..end].partition_point(|&other| (other as usize) < group);
        (
            self.sorted[first + permutation.at(rank as u64) as usize] as usize,
            nth,
        )
    }
}

/// Whole numbers in the ratio of the weights, exact where their sum is at most [`Apportionment::ROUND`] (or
/// there are but two).
fn quotas(weights: &[f64]) -> Vec<u64> {
    let total: f64 = weights.iter().sum();
    let most = if weights.len() == 2 {
        1u64 << 53
    } else {
        Apportionment::ROUND
    };
    let whole = weights.iter().all(|weight| weight.fract() == 0.0) && total <= most as f64;
    let scaled = |round: f64| weights.iter().map(move |weight| weight / total * round);
    let exact =
        |round: &f64| scaled(*round).all(|quota| (quota - quota.round()).abs() <= 1e-9 * round);
    let quotas: Vec<u64> = if whole {
        weights.iter().map(|&weight| weight as u64).collect()
    } else if let Some(round) = (1..=6)
        .map(|power| libm::pow(10.0, f64::from(power)))
        .find(exact)
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

/// Whole numbers that sum to `total`, near exact ones that do: what rounding down leaves goes to
/// the largest remainders.
pub(super) fn largest_remainders(exact: &[f64], total: u64) -> Vec<u64> {
    let mut whole: Vec<u64> = exact.iter().map(|&value| value as u64).collect();
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by(|&a, &b| {
        exact[b]
            .fract()
            .total_cmp(&exact[a].fract())
            .then(a.cmp(&b))
    });
    let mut left = total.saturating_sub(whole.iter().sum());
    for &index in order.iter().cycle() {
        if left == 0 {
            break;
        }
        if exact[index] > 0.0 {
            whole[index] += 1;
            left -= 1;
        }
    }
    whole
}

fn table(quotas: &[u64], round: u64, places: u64) -> Vec<(u32, u32)> {
    // (release, group) of each group's next job, then (deadline, group, job) of those that may be
    // done.
    let mut waiting: BinaryHeap<Reverse<(u64, u32, u32)>> = (0u32..)
        .zip(quotas)
        .filter(|(_, quota)| **quota > 0)
        .map(|(group, _)| Reverse((0, group, 0)))
        .collect();
    let mut ready = BinaryHeap::new();
    (0..places)
        .map(|place| {
            while let Some(&Reverse((release, group, job))) = waiting.peek()
                && release <= place
            {
                waiting.pop();
                let deadline = ((u64::from(job) + 1) * round).div_ceil(quotas[group as usize]);
                ready.push(Reverse((deadline, group, job)));
            }
            let Reverse((_, group, job)) = ready.pop().expect("somebody is owed the place");
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

    /// The largest distance of any group from what it is owed at any prefix, and whether `nth`
    /// counts.
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
            let mut exchange = QuotaSwap::default();
            (0..100)
                .map(|position| apportionment.shuffled((7, epoch), &mut exchange, position))
                .collect::<Vec<_>>()
        };
        let found = order(0);
        for (round, places) in found.chunks(10).enumerate() {
            let mut groups: Vec<usize> = places.iter().map(|(group, _)| *group).collect();
            assert!(places.iter().all(|(_, nth)| *nth == round as u64));
            groups.sort_unstable();
            assert_eq!(groups, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(found[..10], found[10..20]);
        assert_ne!(found, order(1));
    }

    proptest! {
        #[test]
        fn any_whole_weights_keep_the_promise(
            weights in prop::collection::vec(0u32..2000, 1..12).prop_filter("all 0", |w| w.iter().any(|w| *w > 0))
        ) {
            let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
            prop_assert!(worst(&weights, 3000) < 1.0);
        }
    }
}
