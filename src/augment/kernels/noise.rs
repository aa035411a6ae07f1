//! Random numbers by the hundred thousand: one for each value of a picture.

use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A generator for pixels, from one number of an op's stream.
#[derive(Clone, Debug)]
pub(in crate::augment) struct Bits {
    chacha: ChaCha8Rng,
    words: [u32; 16],
    used: usize,
}

impl Bits {
    pub(in crate::augment) fn new(seed: u64) -> Bits {
        let mut key = [0; 32];
        key[..8].copy_from_slice(b"feedmpix");
        key[8..16].copy_from_slice(&seed.to_le_bytes());
        Bits { chacha: ChaCha8Rng::from_seed(key), words: [0; 16], used: 32 }
    }

    /// 16 uniform bits.
    pub(in crate::augment) fn next16(&mut self) -> u16 {
        if self.used == 32 {
            self.words.iter_mut().for_each(|word| *word = self.chacha.next_u32());
            self.used = 0;
        }
        let word = self.words[self.used / 2];
        self.used += 1;
        (if self.used % 2 == 1 { word } else { word >> 16 }) as u16
    }
}

/// Standard normal numbers, by a table of the inverse of the distribution function with 65536 entries: equal steps of
/// probability, the outermost at 4.3 deviations. Pictures have 256 levels, which cannot tell it from an exact normal.
pub(in crate::augment) struct Normals(Bits);

static TABLE: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..65536).map(|i| quantile((f64::from(i) + 0.5) / 65536.0) as f32).collect());

impl Normals {
    pub(in crate::augment) fn new(seed: u64) -> Normals {
        Normals(Bits::new(seed))
    }

    pub(in crate::augment) fn next(&mut self) -> f32 {
        TABLE[usize::from(self.0.next16())]
    }
}

/// The inverse of the normal distribution function: Newton's method on libm's erfc.
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
    fn the_table_is_the_normal_distribution() {
        for (p, expected) in [
            (0.5, 0.0),
            (0.025, -1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_813_5),
            (1e-5, -4.264_890_793_922_602),
        ] {
            assert!((quantile(p) - expected).abs() < 1e-9, "{p}: {}", quantile(p));
        }
        let mut normals = Normals::new(3);
        let values: Vec<f64> = (0..200_000).map(|_| f64::from(normals.next())).collect();
        let mean = values.iter().sum::<f64>() / 2e5;
        let square = values.iter().map(|v| v * v).sum::<f64>() / 2e5;
        assert!(mean.abs() < 0.01 && (square - 1.0).abs() < 0.015, "{mean} {square}");
    }
}
