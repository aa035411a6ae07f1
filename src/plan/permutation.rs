//! Keyed permutations of `0..n` with random access: which sample stands at position 7 million of an
//! epoch, without a table of the data set.
//!
//! Up to 4096 values the permutation is a table, shuffled by Fisher and Yates. Beyond that it is a
//! block cipher on small numbers: a balanced Feistel network on the smallest even number of bits
//! that can hold `n - 1`. Each round is invertible whatever its round function is, so the network
//! is a bijection on `0..2^bits`. It is cut down to `0..n` by *cycle walking*: a value that falls
//! outside is enciphered again until one falls inside (Black and Rogaway, "Ciphers with arbitrary
//! finite domains", CT-RSA 2002). The walk ends, because it follows the cycle of the permutation
//! that the start itself, a value inside, lies on; and it stays a bijection, because it only leaves
//! out the members of each cycle that are outside. `2^bits` is at most `4 n`, so a look-up takes
//! fewer than four encipherments on average.
//!
//! The alternative, a shuffled list of all samples, is exactly uniform, but takes 4 or 8 bytes a
//! sample for each epoch in use, and has to be made again when a run resumes. The cipher takes 64
//! bytes of round keys and answers at any position at once. It is not meant to be secure; the tests
//! check that it looks uniform.

use crate::rng::{Domain, RandomStream};

/// The longest permutation that is kept as a table: 8 KiB. Longer ones are ciphers.
const MAX_TABLE: u64 = 4096;

/// The longest table where only a few values are looked up: shuffling a longer one costs more than
/// to make a cipher and to look the few values up in it.
const MAX_SPARSE_TABLE: u64 = 64;

/// Eight rounds: with four, the first two positions of short permutations are visibly unequal
/// (chi-square 60 sigmas off at n = 8), with eight they are not.
const ROUNDS: usize = 8;

/// A bijection on `0..n` that is a function of (seed, epoch, domain, id, substream) and `n`.
#[derive(Clone, Debug)]
pub(super) enum Permutation {
    /// Every value stands at its own position. Also the permutation of no value, or of one.
    Identity,
    /// The value at each position.
    Table(Vec<u16>),
    /// A balanced Feistel network with cycle walking.
    Feistel {
        n: u64,
        /// Bits of each half; the cipher permutes numbers of twice as many.
        half_bits: u32,
        keys: [u64; ROUNDS],
    },
}

impl Permutation {
    /// A permutation of the domain [`Domain::Plan`].
    pub(super) fn new(seed: u64, epoch: u32, id: u64, substream: u32, n: u64) -> Permutation {
        Permutation::in_domain(Domain::Plan, seed, epoch, id, substream, n)
    }

    /// A permutation of which most values will be looked up.
    pub(super) fn in_domain(
        domain: Domain,
        seed: u64,
        epoch: u32,
        id: u64,
        substream: u32,
        n: u64,
    ) -> Permutation {
        let rng = RandomStream::in_domain(seed, epoch, domain, id, substream);
        Permutation::from_rng(rng, n, MAX_TABLE)
    }

    /// A permutation of which a few values will be looked up. Where `n` is between the two limits
    /// of tables, it is another one than [`Permutation::in_domain`] makes of the same arguments.
    pub(super) fn sparse(
        domain: Domain,
        seed: u64,
        epoch: u32,
        id: u64,
        substream: u32,
        n: u64,
    ) -> Permutation {
        let rng = RandomStream::in_domain(seed, epoch, domain, id, substream);
        Permutation::from_rng(rng, n, MAX_SPARSE_TABLE)
    }

    /// A table up to the length `max_table`, a cipher beyond.
    fn from_rng(mut rng: RandomStream, n: u64, max_table: u64) -> Permutation {
        if n <= 1 {
            Permutation::Identity
        } else if n <= max_table {
            let mut table: Vec<u16> = (0..n as u16).collect();
            rng.shuffle(&mut table);
            Permutation::Table(table)
        } else {
            let bits = u64::BITS - (n - 1).leading_zeros();
            let keys = std::array::from_fn(|_| rng.bits());
            Permutation::Feistel {
                n,
                half_bits: bits.div_ceil(2),
                keys,
            }
        }
    }

    /// The value at `position`, which is below `n`.
    pub(super) fn at(&self, position: u64) -> u64 {
        match self {
            Permutation::Identity => position,
            Permutation::Table(table) => u64::from(table[position as usize]),
            Permutation::Feistel { n, half_bits, keys } => {
                let mask = (1u64 << half_bits) - 1;
                let mut value = position;
                // Cycle walking: the loop ends at `position` at the latest.
                loop {
                    let (mut left, mut right) = (value >> half_bits, value & mask);
                    for key in keys {
                        (left, right) = (right, left ^ (mix64(right ^ key) & mask));
                    }
                    value = left << half_bits | right;
                    if value < *n {
                        return value;
                    }
                }
            }
        }
    }

    /// The position of `value`: the inverse of [`Permutation::at`]. In a table it is a linear
    /// search.
    pub(super) fn position_of(&self, value: u64) -> u64 {
        match self {
            Permutation::Identity => value,
            Permutation::Table(table) => table
                .iter()
                .position(|&at| u64::from(at) == value)
                .expect("a value of the permutation")
                as u64,
            Permutation::Feistel { n, half_bits, keys } => {
                let mask = (1u64 << half_bits) - 1;
                let mut position = value;
                // The same walk backwards: inverse rounds, with the keys in reverse order.
                loop {
                    let (mut left, mut right) = (position >> half_bits, position & mask);
                    for key in keys.iter().rev() {
                        (left, right) = (right ^ (mix64(left ^ key) & mask), left);
                    }
                    position = left << half_bits | right;
                    if position < *n {
                        return position;
                    }
                }
            }
        }
    }
}

/// The round function: the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014).
fn mix64(x: u64) -> u64 {
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
                    assert_eq!(permutation.position_of(value), position);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn huge_permutations_stay_in_range_and_invert(
            n in prop_oneof![
                Just((1u64 << 32) - 1),
                Just(1u64 << 32),
                Just((1u64 << 32) + 1),
                Just(1u64 << 40),
                5000u64..1 << 40,
            ],
            seed: u64,
            share in 0.0f64..1.0,
        ) {
            let permutation = Permutation::new(seed, 0, 0, 0, n);
            let position = ((n as f64 * share) as u64).min(n - 1);
            let value = permutation.at(position);
            prop_assert!(value < n);
            prop_assert_eq!(permutation.position_of(value), position);
        }
    }

    /// The chi-square of the first two positions over many keys, for a table and for a cipher on a
    /// few values.
    #[test]
    fn the_first_positions_are_uniform() {
        let keys = 6000u64;
        let sigmas = |n: u64, make: &dyn Fn(u64) -> Permutation| {
            let mut counts = vec![0f64; (n * n) as usize];
            for key in 0..keys {
                let permutation = make(key);
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
                Permutation::Feistel {
                    n,
                    half_bits: 2,
                    keys,
                }
            });
            assert!(cipher.abs() < 4.0, "cipher, n {n}: {cipher} sigmas");
        }
    }
}
