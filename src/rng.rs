//! Random numbers by coordinate: every decision has its own stream, found from *where* the decision
//! is made and never from *when*.
//!
//! A sequential generator ties each number to all that were drawn before it, so results would
//! depend on the schedule of threads, and one more op would change all ops after it. Here ChaCha8
//! is used as a counter-based generator, in the manner of Salmon et al., "Parallel random numbers:
//! as easy as 1, 2, 3" (2011): a coordinate selects a key, a stream and a range of blocks, and no
//! state is shared.
//!
//! * key (32 bytes) = `feedml01` | seed (8) | epoch (4) | domain (4) | occurrence (4) | 0 (4)
//! * stream id (64 bits) = sample, or batch
//! * block counter (64 bits) = view (8) | op key (32) | block (24)
//!
//! Seed and epoch have separate bytes in the key, so seed 7 of epoch 1 has nothing in common with
//! seed 8 of epoch 0. A block has 64 bytes, so a stream has 2^24 blocks, or 1 GiB, before it would
//! run into the stream of the next op key.
//!
//! The distributions are feedmill's own, not those of a crate, so that no upgrade of a dependency
//! changes an experiment; the tests hold golden values of each. Transcendental functions come from
//! the `libm` crate and are the same on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream is for. Streams of different domains have nothing in common. The values are part
/// of the key: they must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// The order of samples.
    Plan = 0,
    /// The parameters of one op on one view of one sample.
    Op = 1,
    /// The mixing of one group of one batch.
    Mix = 2,
    /// The replacement of a bad sample.
    Bad = 3,
    /// The order of groups of equal quotas.
    Apportionment = 4,
    /// The draws of a sampler.
    Sampler = 5,
    /// The samples that belong to a split, a task or an agent.
    Select = 6,
}

/// The key of an op inside a recipe: a hash of its label, not of its position, so that a blur that
/// is added changes no other op's draws.
///
/// # Example: two labels, two keys
///
/// ```
/// use feedmill::rng::OpKey;
///
/// assert_ne!(OpKey::of("rotate"), OpKey::of("rotate#2"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OpKey(pub u32);

impl OpKey {
    /// The key of a label such as `random_resized_crop` or `horizontal_flip#2`.
    pub fn of(label: &str) -> OpKey {
        OpKey(xxhash_rust::xxh3::xxh3_64(label.as_bytes()) as u32)
    }
}

/// The coordinate of an op's decisions.
///
/// # Example: another epoch, other numbers
///
/// ```
/// use feedmill::rng::{Coord, OpKey, RandomStream};
///
/// let at = Coord { epoch: 0, sample: 3, occurrence: 0, view: 0, op: OpKey::of("rotate") };
/// let next = Coord { epoch: 1, ..at };
/// assert_ne!(RandomStream::keyed(7, at).bits(), RandomStream::keyed(7, next).bits());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coord {
    /// The epoch, from 0.
    pub epoch: u32,
    /// The number of the sample in the data set, from 0.
    pub sample: u64,
    /// The visit of the sample in this epoch ([`Visit::occurrence`](crate::plan::Visit)).
    pub occurrence: u32,
    /// The view of the sample, from 0.
    pub view: u8,
    /// The key of the op.
    pub op: OpKey,
}

/// The stream of random numbers of one coordinate. It is cheap to make (about 0.1 µs) and never
/// shared between threads or ops.
///
/// # Example: the draws of one op for one sample
///
/// ```
/// use feedmill::rng::{Coord, OpKey, RandomStream};
///
/// let at = Coord { epoch: 0, sample: 3, occurrence: 0, view: 0, op: OpKey::of("rotate") };
/// let degrees = RandomStream::keyed(7, at).uniform(-10.0, 10.0);
/// assert_eq!(degrees, RandomStream::keyed(7, at).uniform(-10.0, 10.0));
/// assert!((-10.0..10.0).contains(&degrees));
/// ```
pub struct RandomStream(ChaCha8Rng);

impl std::fmt::Debug for RandomStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "RandomStream(stream {}, word {})",
            self.0.get_stream(),
            self.0.get_word_pos()
        )
    }
}

impl RandomStream {
    /// The stream of an op's decisions at a coordinate.
    pub fn keyed(seed: u64, at: Coord) -> RandomStream {
        let counter = u64::from(at.view) << 56 | u64::from(at.op.0) << 24;
        RandomStream::stream(
            seed,
            at.epoch,
            Domain::Op,
            at.occurrence,
            at.sample,
            counter,
        )
    }

    /// The stream of another domain. `id` is a sample, batch or position, and `substream` tells the
    /// streams of one id apart.
    pub(crate) fn in_domain(
        seed: u64,
        epoch: u32,
        domain: Domain,
        id: u64,
        substream: u32,
    ) -> RandomStream {
        RandomStream::stream(seed, epoch, domain, 0, id, u64::from(substream) << 24)
    }

    fn stream(
        seed: u64,
        epoch: u32,
        domain: Domain,
        occurrence: u32,
        id: u64,
        counter: u64,
    ) -> RandomStream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(b"feedml01");
        key[8..16].copy_from_slice(&seed.to_le_bytes());
        key[16..20].copy_from_slice(&epoch.to_le_bytes());
        key[20..24].copy_from_slice(&(domain as u32).to_le_bytes());
        key[24..28].copy_from_slice(&occurrence.to_le_bytes());
        let mut chacha = ChaCha8Rng::from_seed(key);
        chacha.set_stream(id);
        // Positions count words of 32 bits, 16 to a block.
        chacha.set_word_pos(u128::from(counter) * 16);
        RandomStream(chacha)
    }

    /// The stream of an op inside this op: a different one for each key, and independent of how
    /// much was drawn here.
    #[must_use]
    pub fn child(&self, key: OpKey) -> RandomStream {
        // View and op key stand above the 24 bits that draws advance, so both can be read from the
        // position.
        let block = (self.0.get_word_pos() / 16) as u64;
        let own = (block >> 24) as u32;
        // The combination is not symmetric, so "a in b" and "b in a" differ.
        let inner = own.rotate_left(5).wrapping_mul(0x9E37_79B1) ^ key.0;
        self.at_block(block >> 56 << 56 | u64::from(inner) << 24)
    }

    /// The stream that this op has in view 0, from its start, for draws that all views of a sample
    /// share.
    #[must_use]
    pub fn shared(&self) -> RandomStream {
        let block = (self.0.get_word_pos() / 16) as u64;
        // Clears the view (the top 8 bits) and what was drawn (the low 24 bits).
        self.at_block(block << 8 >> 8 >> 24 << 24)
    }

    /// The stream of another op, in another view of the same visit of the sample.
    #[must_use]
    pub fn sibling(&self, view: u8, op: OpKey) -> RandomStream {
        self.at_block(u64::from(view) << 56 | u64::from(op.0) << 24)
    }

    /// The stream of the same key and id from the start of a block.
    fn at_block(&self, block: u64) -> RandomStream {
        let mut chacha = self.0.clone();
        chacha.set_word_pos(u128::from(block) * 16);
        RandomStream(chacha)
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        let low = u64::from(self.0.next_u32());
        let high = u64::from(self.0.next_u32());
        high << 32 | low
    }

    /// A uniform number in `[0, 1)`, a multiple of 2^-53. Takes one draw.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A uniform integer in `0..n`, from exactly one 64-bit draw.
    ///
    /// The draw is multiplied by `n` and the high 64 bits are kept (Lemire, "Fast random integer
    /// generation in an interval", 2019), but without the rejection step that would make it exact:
    /// the bias is below n / 2^64, and a fixed number of draws keeps later draws in their places.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "a draw below 0");
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True with probability `p`. Takes one draw, whatever `p` is.
    pub fn bernoulli(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// A uniform number between `low` and `high`. Takes one draw.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// A standard normal number, by Box and Muller. Takes two draws.
    ///
    /// It discards the second number of the pair: keeping it would be state outside the position of
    /// the stream. [`RandomStream::normals`] returns both.
    pub fn normal(&mut self) -> f64 {
        // 1 - unit() is in (0, 1], so the logarithm is finite.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(2.0 * std::f64::consts::PI * self.unit())
    }

    /// Two independent standard normal numbers, by Box and Muller. Takes two draws.
    pub fn normals(&mut self) -> [f64; 2] {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        let (sine, cosine) = libm::sincos(2.0 * std::f64::consts::PI * self.unit());
        [radius * cosine, radius * sine]
    }

    /// A gamma variable of shape `a` > 0 and scale 1, by Marsaglia and Tsang, "A simple method for
    /// generating gamma variables" (2000). The number of draws varies.
    pub fn gamma(&mut self, a: f64) -> f64 {
        // The method is for a >= 1. For smaller shapes: gamma(a) = gamma(a + 1) u^(1 / a).
        if a < 1.0 {
            let boost = libm::pow(1.0 - self.unit(), 1.0 / a);
            return self.gamma(a + 1.0) * boost;
        }
        let d = a - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            let u = 1.0 - self.unit();
            if libm::log(u) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return d * v;
            }
        }
    }

    /// A beta variable of shapes `a` and `b` > 0: by Jöhnk's method if both are at most 1, else as
    /// x / (x + y) of two gamma variables. The number of draws varies.
    ///
    /// Small shapes, which mixing uses, have a separate method, since both gamma variables may
    /// underflow to 0.
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        if a <= 1.0 && b <= 1.0 {
            loop {
                let (u, v) = (1.0 - self.unit(), 1.0 - self.unit());
                let (x, y) = (libm::pow(u, 1.0 / a), libm::pow(v, 1.0 / b));
                if x + y > 1.0 {
                    continue;
                }
                if x + y > 0.0 {
                    return x / (x + y);
                }
                // Both powers underflowed to 0: the same ratio by logarithms.
                let (lx, ly) = (libm::log(u) / a, libm::log(v) / b);
                let m = lx.max(ly);
                return libm::exp(lx - m) / (libm::exp(lx - m) + libm::exp(ly - m));
            }
        }
        let x = self.gamma(a);
        let y = self.gamma(b);
        x / (x + y)
    }

    /// An index drawn in proportion to its weight. Weights are finite, not negative, and not all 0.
    /// Takes one draw.
    pub fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let total: f64 = weights.clone().sum();
        let mut left = self.unit() * total;
        // The last index of positive weight: rounding may leave something over at the end, which
        // must not go to an index of weight 0.
        let mut last = 0;
        for (index, weight) in weights.enumerate() {
            if weight > 0.0 {
                last = index;
                if left < weight {
                    break;
                }
                left -= weight;
            }
        }
        last
    }

    /// Shuffles `items` uniformly, by Fisher and Yates. Takes one draw less than there are items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng() -> RandomStream {
        RandomStream::keyed(
            7,
            Coord {
                epoch: 3,
                sample: 90210,
                occurrence: 0,
                view: 0,
                op: OpKey::of("crop"),
            },
        )
    }

    /// The ChaCha8 key stream for an all-zero key and nonce begins like this in every
    /// implementation.
    #[test]
    fn the_generator_is_chacha8() {
        let mut chacha = ChaCha8Rng::from_seed([0; 32]);
        let words: Vec<u32> = (0..4).map(|_| chacha.next_u32()).collect();
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let expected = [
            0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6, 0x7f, 0x5b, 0xb8, 0xe8, 0x1f, 0x09,
            0xa5, 0xa1,
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn every_distribution_keeps_its_golden_values() {
        let mut d = rng();
        let golden = [
            format!("{:016x}", d.bits()),
            format!("{}", d.below(1000)),
            format!("{:.17}", d.unit()),
            format!("{:.17}", d.uniform(-2.0, 5.0)),
            format!("{:.17}", d.normal()),
            format!("{:.17}", d.gamma(0.4)),
            format!("{:.17}", d.gamma(2.5)),
            format!("{:.17}", d.beta(0.2, 0.2)),
            format!("{:.17}", d.beta(2.0, 0.5)),
            format!("{}", d.bernoulli(0.5)),
            format!("{}", d.weighted([0.0, 1.0, 3.0].into_iter())),
        ];
        assert_eq!(
            golden,
            [
                "06f3380a5e21f2ef",
                "638",
                "0.46047185618688891",
                "-1.78251064431015216",
                "0.60118627976143191",
                "0.04524139810100287",
                "1.96340072718156389",
                "0.00001494448628559",
                "0.10495590568649187",
                "true",
                "1",
            ]
        );
        let mut items: Vec<u32> = (0..8).collect();
        d.shuffle(&mut items);
        assert_eq!(items, [4, 7, 5, 1, 2, 6, 0, 3]);
    }

    #[test]
    fn each_part_of_a_coordinate_gives_another_stream() {
        let at = Coord {
            epoch: 3,
            sample: 5,
            occurrence: 0,
            view: 0,
            op: OpKey::of("crop"),
        };
        let mut seen = vec![
            RandomStream::keyed(7, at).bits(),
            RandomStream::keyed(8, at).bits(),
            RandomStream::keyed(7, Coord { epoch: 4, ..at }).bits(),
            RandomStream::keyed(7, Coord { sample: 6, ..at }).bits(),
            RandomStream::keyed(
                7,
                Coord {
                    occurrence: 1,
                    ..at
                },
            )
            .bits(),
            RandomStream::keyed(7, Coord { view: 1, ..at }).bits(),
            RandomStream::keyed(
                7,
                Coord {
                    op: OpKey::of("flip"),
                    ..at
                },
            )
            .bits(),
            RandomStream::in_domain(7, 3, Domain::Mix, 5, 0).bits(),
            RandomStream::in_domain(7, 3, Domain::Plan, 5, 0).bits(),
            RandomStream::in_domain(7, 3, Domain::Plan, 5, 1).bits(),
        ];
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10);
    }

    #[test]
    fn inner_streams_depend_on_keys_and_not_on_what_was_drawn() {
        let at = Coord {
            epoch: 3,
            sample: 5,
            occurrence: 0,
            view: 2,
            op: OpKey::of("one_of"),
        };
        let mut outer = RandomStream::keyed(7, at);
        let before = outer.child(OpKey::of("blur")).bits();
        let shared = outer.shared().bits();
        for _ in 0..1000 {
            outer.bits();
        }
        assert_eq!(outer.child(OpKey::of("blur")).bits(), before);
        assert_eq!(outer.shared().bits(), shared);
        assert_eq!(
            RandomStream::keyed(7, Coord { view: 0, ..at }).bits(),
            shared
        );
        let crop = Coord {
            view: 1,
            op: OpKey::of("crop"),
            ..at
        };
        assert_eq!(
            outer.sibling(1, OpKey::of("crop")).bits(),
            RandomStream::keyed(7, crop).bits()
        );
        let other = |op, view, inner| {
            RandomStream::keyed(
                7,
                Coord {
                    op: OpKey::of(op),
                    view,
                    ..at
                },
            )
            .child(OpKey::of(inner))
            .bits()
        };
        let mut seen = vec![
            before,
            shared,
            other("one_of", 2, "flip"),
            other("one_of", 1, "blur"),
            other("some_of", 2, "blur"),
            other("blur", 2, "one_of"),
        ];
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut d = rng();
        let n = 40_000;
        let mut mean = |f: &mut dyn FnMut(&mut RandomStream) -> f64| {
            (0..n).map(|_| f(&mut d)).sum::<f64>() / f64::from(n)
        };
        assert!((mean(&mut |d| d.unit()) - 0.5).abs() < 0.01);
        assert!(mean(&mut |d| d.normal()).abs() < 0.03);
        assert!((mean(&mut |d| d.normal().powi(2)) - 1.0).abs() < 0.04);
        assert!((mean(&mut |d| d.gamma(2.5)) - 2.5).abs() < 0.05);
        assert!((mean(&mut |d| d.beta(0.2, 0.2)) - 0.5).abs() < 0.02);
        assert!((mean(&mut |d| d.beta(2.0, 1.0)) - 2.0 / 3.0).abs() < 0.01);
        // A shape so small that both powers underflow must still end.
        assert!((0.0..=1.0).contains(&mean(&mut |d| d.beta(1e-4, 1e-4))));
    }
}
