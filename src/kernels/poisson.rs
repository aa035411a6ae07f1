//! Poisson counts whose means are levels of an image, by inversion of their distribution functions.

/// Guides of each level: where the search for a count begins.
const GUIDES: usize = 32;

/// For each level the counts that 16 uniform bits can stand for. A count of probability below 2^-17
/// in either tail does not occur.
#[derive(Debug, Default)]
pub(crate) struct Poisson {
    scale: f32,
    /// The distribution functions of all levels in steps of 2^-16, one after the other.
    steps: Vec<u16>,
    /// What each count is as a level.
    levels: Vec<u8>,
    /// Of each level: where in `steps` the search begins for the five high bits.
    guides: Vec<u32>,
}

impl Poisson {
    /// Makes the tables for means of `scale v / 255`.
    pub(super) fn prepare(&mut self, scale: f32) {
        if self.scale == scale {
            return;
        }
        *self = Poisson {
            scale,
            steps: std::mem::take(&mut self.steps),
            levels: std::mem::take(&mut self.levels),
            guides: std::mem::take(&mut self.guides),
        };
        self.steps.clear();
        self.levels.clear();
        self.guides.clear();
        for level in 0..=255 {
            self.add(f64::from(level) * f64::from(scale) / 255.0);
        }
    }

    /// Adds the tables of one mean: the smallest count whose distribution function exceeds the
    /// uniform number.
    fn add(&mut self, mean: f64) {
        let start = self.steps.len();
        // Ten deviations below the mean hold nothing.
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
                // The last step is 65536, which no number reaches; it is kept as 65535 and found by
                // being last.
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
        for guide in 0..GUIDES {
            let least = (guide * 65536 / GUIDES) as u16;
            while self.steps[at] < least {
                at += 1;
            }
            self.guides.push(at as u32);
        }
    }

    /// The level in the place of a level.
    pub(super) fn level(&self, level: u8, bits: u16) -> u8 {
        let guide = usize::from(level) * GUIDES + usize::from(bits) * GUIDES / 65536;
        let mut at = self.guides[guide] as usize;
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
