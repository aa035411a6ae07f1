//! Random numbers for pixels: hundreds of thousands for an image, from one seed.
//!
//! ChaCha8 provides 16 bits for each value; other distributions are tables that those bits index.
//! Rejected: 64 bits for each value from the stream that draws parameters, which is four times the
//! work for images of 256 levels.

use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The numbers that the generator makes at a time.
const BATCH: usize = 128;

/// A stream of 16-bit uniform numbers, keyed by one number of an op's random stream.
#[derive(Clone, Debug)]
pub(crate) struct Bits {
    chacha: ChaCha8Rng,
    bytes: [u8; 2 * BATCH],
    used: usize,
}

impl Bits {
    pub(crate) fn new(seed: u64) -> Bits {
        let mut key = [0; 32];
        key[..8].copy_from_slice(b"feedmpix");
        key[8..16].copy_from_slice(&seed.to_le_bytes());
        Bits {
            chacha: ChaCha8Rng::from_seed(key),
            bytes: [0; 2 * BATCH],
            used: BATCH,
        }
    }

    /// 16 uniform bits.
    pub(crate) fn next16(&mut self) -> u16 {
        if self.used == BATCH {
            self.chacha.fill_bytes(&mut self.bytes);
            self.used = 0;
        }
        let number = self.bytes.as_chunks().0[self.used];
        self.used += 1;
        u16::from_le_bytes(number)
    }

    /// Calls `change` with every value and the next 16 uniform bits. They are the bits that
    /// [`Bits::next16`] returns for each value in turn.
    pub(crate) fn each<T>(&mut self, values: &mut [T], mut change: impl FnMut(&mut T, u16)) {
        let left = (BATCH - self.used).min(values.len());
        let (first, rest) = values.split_at_mut(left);
        first
            .iter_mut()
            .for_each(|value| change(value, self.next16()));
        let (batches, last) = rest.as_chunks_mut::<BATCH>();
        for batch in batches {
            self.chacha.fill_bytes(&mut self.bytes);
            let numbers = self.bytes.as_chunks::<2>().0;
            batch
                .iter_mut()
                .zip(numbers)
                .for_each(|(value, bits)| change(value, u16::from_le_bytes(*bits)));
        }
        last.iter_mut()
            .for_each(|value| change(value, self.next16()));
    }

    /// A uniform number in `[low, high)`, a multiple of 2^-32 of the range; uses 32 bits.
    pub(crate) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        let bits = u32::from(self.next16()) | u32::from(self.next16()) << 16;
        low + (f64::from(bits) / 4_294_967_296.0) as f32 * (high - low)
    }

    /// A uniform integer in `0..n` for small n; uses 16 bits, so its bias is below n / 65536.
    pub(crate) fn below(&mut self, n: u16) -> u16 {
        ((u32::from(self.next16()) * u32::from(n)) >> 16) as u16
    }
}

/// A stream of standard normal numbers, looked up in a table of 65536 quantiles.
///
/// The outermost quantiles are at 4.3 deviations. Images have 256 levels, which cannot tell the
/// table from an exact normal distribution.
pub(crate) struct Normals(Bits);

static TABLE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    (0..65536)
        .map(|i| quantile((f64::from(i) + 0.5) / 65536.0) as f32)
        .collect()
});

impl Normals {
    pub(crate) fn new(seed: u64) -> Normals {
        Normals(Bits::new(seed))
    }

    /// The table, in ascending order: 16 bits of [`Bits`] are an index into it.
    pub(crate) fn all() -> &'static [f32; 65536] {
        TABLE
            .as_slice()
            .try_into()
            .expect("the table has 65536 entries")
    }

    /// Calls `change` with every value and a normal number.
    pub(crate) fn each<T>(&mut self, values: &mut [T], mut change: impl FnMut(&mut T, f32)) {
        let table = Normals::all();
        self.0.each(values, |value, bits| {
            change(value, table[usize::from(bits)])
        });
    }
}

/// The inverse of the normal distribution function, by Newton's method on libm's erfc.
fn quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -quantile(1.0 - p);
    }
    // A tail estimate good to 0.005 (Abramowitz and Stegun 26.2.23) to begin with.
    let t = libm::sqrt(-2.0 * libm::log(p));
    let mut x = -(t
        - (2.515517 + t * (0.802853 + t * 0.010328))
            / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
    for _ in 0..4 {
        let error = 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2) - p;
        let density = libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * std::f64::consts::PI);
        x -= error / density;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_by_the_batch_and_one_by_one() {
        let mut single = Bits::new(5);
        let expected: Vec<u16> = (0..700).map(|_| single.next16()).collect();
        // The first words of the stream, so that seeds keep their meaning.
        assert_eq!(expected[..4], [26760, 47753, 63303, 1968]);
        for lengths in [[700, 0, 0], [1, 128, 571], [127, 257, 316], [128, 1, 571]] {
            let mut bits = Bits::new(5);
            let mut found = vec![0; 700];
            let mut rest = &mut found[..];
            for length in lengths {
                let (part, tail) = rest.split_at_mut(length);
                bits.each(part, |value, bits| *value = bits);
                rest = tail;
            }
            assert_eq!(found, expected, "{lengths:?}");
        }
    }

    #[test]
    fn the_table_is_the_normal_distribution() {
        for (p, expected) in [
            (0.5, 0.0),
            (0.025, -1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_813_5),
            (1e-5, -4.264_890_793_922_602),
        ] {
            assert!(
                (quantile(p) - expected).abs() < 1e-9,
                "{p}: {}",
                quantile(p)
            );
        }
        let mut normals = Normals::new(3);
        let mut values = vec![0.0; 200_000];
        normals.each(&mut values, |value, normal| *value = f64::from(normal));
        let mean = values.iter().sum::<f64>() / 2e5;
        let square = values.iter().map(|v| v * v).sum::<f64>() / 2e5;
        assert!(
            mean.abs() < 0.01 && (square - 1.0).abs() < 0.015,
            "{mean} {square}"
        );
    }
}
