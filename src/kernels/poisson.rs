//! Poisson counts whose means are the levels of an image, by inversion: the smallest count whose
//! distribution function exceeds a uniform number.
//!
//! The 256 levels have 256 means, so all distribution functions fit one table, which is searched
//! from a start that depends on the high bits of the uniform number. That needs 16 random bits for
//! each value whatever its mean, and no transcendental function for a pixel. Rejected: rejection
//! sampling (as in numpy), whose number of random bits varies, so that the noise of a pixel would
//! depend on all pixels before it.

/// Starts of the search for each level: one for each value of the top five bits.
const STARTS: usize = 32;

/// The Poisson distributions of all levels, for uniform numbers of 16 bits. Counts in a tail of
/// probability below 2^-17 do not occur.
#[derive(Debug, Default)]
pub(crate) struct Poisson {
    scale: f32,
    /// The distribution functions of all levels, one after the other, in units of 2^-16.
    steps: Vec<u16>,
    /// The level that each count becomes.
    levels: Vec<u8>,
    /// For each level, the start of the search in `steps` by the top five bits.
    starts: Vec<u32>,
}

impl Poisson {
    /// Makes the tables for means of `scale v / 255`, unless the last call was for the same scale.
    pub(super) fn prepare(&mut self, scale: f32) {
        if self.scale == scale {
            return;
        }
        *self = Poisson {
            scale,
            steps: std::mem::take(&mut self.steps),
            levels: std::mem::take(&mut self.levels),
            starts: std::mem::take(&mut self.starts),
        };
        self.steps.clear();
        self.levels.clear();
        self.starts.clear();
        for level in 0..=255 {
            self.add(f64::from(level) * f64::from(scale) / 255.0);
        }
    }

    /// Adds the tables of one mean.
    fn add(&mut self, mean: f64) {
        let start = self.steps.len();
        // Counts more than ten deviations below the mean have no probability in 16 bits.
        let mut count = libm::floor(mean - 10.0 * libm::sqrt(mean)).max(0.0);
        let log = if mean > 0.0 {
            count * libm::log(mean)
        } else {
            0.0
        };
        let mut probability = libm::exp(log - mean - libm::lgamma(count + 1.0));
        let mut sum = 0.0;
        loop {
            sum += probability;
            let step = (sum * 65536.0 + 0.5).min(65536.0) as u32;
            if step > 0 {
                // The last step is 65536, which does not fit; 65535 finds the same count, because
                // no uniform number is larger.
                self.steps.push((step - 1).min(65535) as u16);
                self.levels
                    .push((count / f64::from(self.scale) * 255.0).min(255.0) as u8);
            }
            if step == 65536 {
                break;
            }
            count += 1.0;
            probability *= mean / count;
        }
        let mut at = start;
        for start in 0..STARTS {
            let least = (start * 65536 / STARTS) as u16;
            while self.steps[at] < least {
                at += 1;
            }
            self.starts.push(at as u32);
        }
    }

    /// The level that replaces a level.
    pub(super) fn level(&self, level: u8, bits: u16) -> u8 {
        let start = usize::from(level) * STARTS + usize::from(bits) * STARTS / 65536;
        let mut at = self.starts[start] as usize;
        while self.steps[at] < bits {
            at += 1;
        }
        self.levels[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_uniform_number_stands_for_a_count_of_the_right_probability() {
        let mut poisson = Poisson::default();
        for scale in [3.0, 60.0, 500.0] {
            poisson.prepare(scale);
            for level in [0, 1, 50, 255] {
                let mean = f64::from(level) * f64::from(scale) / 255.0;
                let levels: Vec<u8> = (0..=65535).map(|bits| poisson.level(level, bits)).collect();
                assert!(levels.is_sorted());
                let zeros = levels.iter().filter(|level| **level == 0).count() as f64 / 65536.0;
                // Counts up to scale / 255 are level 0.
                let expected: f64 = (0..)
                    .take_while(|count| f64::from(*count) * 255.0 / f64::from(scale) < 1.0)
                    .map(|count: u32| {
                        let count = f64::from(count);
                        let log = if mean > 0.0 {
                            count * libm::log(mean)
                        } else {
                            0.0
                        };
                        libm::exp(log - mean - libm::lgamma(count + 1.0))
                            * f64::from(u8::from(mean > 0.0 || count == 0.0))
                    })
                    .sum();
                assert!(
                    (zeros - expected).abs() < 1e-4,
                    "{scale} {level}: {zeros} {expected}"
                );
            }
        }
    }
}
