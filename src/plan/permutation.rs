//! Keyed permutations with random access: position to position without a table of the data set.

use crate::rng::{Domain, RandomStream};

/// Below this length an exactly uniform shuffle is kept as a table; from it on, a Feistel cipher
/// serves.
const TABLE: u64 = 4096;

/// Where few values of a permutation are asked for, a shuffle that is longer than this costs more
/// than a cipher.
const BRIEF: u64 = 64;

/// Eight rounds: with four, the first two positions of short permutations are visibly unequal
/// (chi-square 60 sigmas off at n = 8), with eight they are not.
const ROUNDS: usize = 8;

/// A bijection on `0..n`, drawn by (seed, epoch, id, part).
#[derive(Clone, Debug)]
pub(super) enum Permutation {
    Identity,
    Table(Vec<u16>),
    /// A balanced Feistel cipher on the next even number of bits; values outside `0..n` are
    /// enciphered again until they fall inside ("cycle walking"; Black and Rogaway, "Ciphers
    /// with arbitrary finite domains", 2002).
    Feistel {
        n: u64,
        half: u32,
        keys: [u64; ROUNDS],
    },
}

impl Permutation {
    pub(super) fn new(seed: u64, epoch: u32, id: u64, part: u32, n: u64) -> Permutation {
        Permutation::make(
            RandomStream::in_domain(seed, epoch, Domain::Plan, id, part),
            n,
            TABLE,
        )
    }

    /// A permutation of another domain, of which most values will be asked for.
    pub(super) fn drawn(
        domain: Domain,
        seed: u64,
        epoch: u32,
        id: u64,
        part: u32,
        n: u64,
    ) -> Permutation {
        Permutation::make(
            RandomStream::in_domain(seed, epoch, domain, id, part),
            n,
            TABLE,
        )
    }

    /// A permutation of which few values will be asked for.
    pub(super) fn brief(
        domain: Domain,
        seed: u64,
        epoch: u32,
        id: u64,
        part: u32,
        n: u64,
    ) -> Permutation {
        Permutation::make(
            RandomStream::in_domain(seed, epoch, domain, id, part),
            n,
            BRIEF,
        )
    }

    /// A table up to a length, a cipher from it on.
    fn make(mut rng: RandomStream, n: u64, table: u64) -> Permutation {
        if n <= 1 {
            Permutation::Identity
        } else if n <= table {
            let mut table: Vec<u16> = (0..n as u16).collect();
            rng.shuffle(&mut table);
            Permutation::Table(table)
        } else {
            let bits = u64::BITS - (n - 1).leading_zeros();
            let keys = std::array::from_fn(|_| rng.bits());
            Permutation::Feistel {
                n,
                half: bits.div_ceil(2),
                keys,
            }
        }
    }

    /// The value at `position`, which is below n.
    pub(super) fn at(&self, position: u64) -> u64 {
        match self {
            Permutation::Identity => position,
            Permutation::Table(table) => u64::from(table[position as usize]),
            Permutation::Feistel { n, half, keys } => {
                let mask = (1u64 << half) - 1;
                let mut value = position;
                loop {
                    let (mut left, mut right) = (value >> half, value & mask);
                    for key in keys {
                        (left, right) = (right, left ^ (scramble(right ^ key) & mask));
                    }
                    value = left << half | right;
                    if value < *n {
                        return value;
                    }
                }
            }
        }
    }

    /// The position of `value`: the inverse of [`Permutation::at`].
    pub(super) fn find(&self, value: u64) -> u64 {
        match self {
            Permutation::Identity => value,
            Permutation::Table(table) => table
                .iter()
                .position(|&at| u64::from(at) == value)
                .expect("a value of the permutation")
                as u64,
            Permutation::Feistel { n, half, keys } => {
                let mask = (1u64 << half) - 1;
                let mut position = value;
                loop {
                    let (mut left, mut right) = (position >> half, position & mask);
                    for key in keys.iter().rev() {
                        (left, right) = (right ^ (scramble(left ^ key) & mask), left);
                    }
                    position = left << half | right;
                    if position < *n {
                        return position;
                    }
                }
            }
        }
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
fn scramble(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_value_comes_once() {
        for n in [0, 1, 2, 7, 4095, 4096, 4097, 5000, 65_536, 65_537] {
            let permutation = Permutation::new(7, 1, 0, 0, n);
            let mut seen = vec![false; n as usize];
            for position in 0..n {
                let value = permutation.at(position);
                assert!(
                    !std::mem::replace(&mut seen[value as usize], true),
                    "n {n}: {value} twice"
                );
                if position % 97 == 0 {
                    assert_eq!(permutation.find(value), position);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn huge_permutations_stay_in_range_and_invert(
            n in prop_oneof![
                Just((1u64 << 32) - 1), Just(1u64 << 32), Just((1u64 << 32) + 1), Just(1u64 << 40), 5000u64..1 << 40
            ],
            seed: u64,
            share in 0.0f64..1.0,
        ) {
            let permutation = Permutation::new(seed, 0, 0, 0, n);
            let position = ((n as f64 * share) as u64).min(n - 1);
            let value = permutation.at(position);
            prop_assert!(value < n);
            prop_assert_eq!(permutation.find(value), position);
        }
    }

    /// Chi-square of the first two positions over many keys, for a table and for a cipher on few
    /// values.
    #[test]
    fn the_first_positions_are_uniform() {
        let keys = 6000u64;
        let sigmas = |n: u64, of: &dyn Fn(u64) -> Permutation| {
            let mut counts = vec![0f64; (n * n) as usize];
            for key in 0..keys {
                let permutation = of(key);
                counts[(permutation.at(0) * n + permutation.at(1)) as usize] += 1.0;
            }
            let cells = (n * (n - 1)) as f64;
            let expected = keys as f64 / cells;
            let chi: f64 = (0..n * n)
                .filter(|i| i / n != i % n)
                .map(|i| (counts[i as usize] - expected).powi(2) / expected)
                .sum();
            (chi - (cells - 1.0)) / (2.0 * (cells - 1.0)).sqrt()
        };
        for n in [8, 10] {
            let table = sigmas(n, &|key| Permutation::new(key, 0, 0, 0, n));
            assert!(table.abs() < 4.0, "table, n {n}: {table} sigmas");
            let cipher = sigmas(n, &|key| {
                let mut rng = RandomStream::in_domain(key, 0, Domain::Plan, 0, 0);
                let keys = std::array::from_fn(|_| rng.bits());
                Permutation::Feistel { n, half: 2, keys }
            });
            assert!(cipher.abs() < 4.0, "cipher, n {n}: {cipher} sigmas");
        }
    }
}
