//! Steps that add noise to each value.
//!
//! Every value (or pixel) takes 16 bits of a stream that starts at the seed of the step, so the
//! noise at a pixel depends on the seed and the position alone.

use std::fmt;
use std::sync::Arc;

use super::border::PadMode;
use super::filter::{self, Shape, rounded, truncated};
use super::noise_distribution::NoiseDistribution;
use super::pixel_rng::{Bits, Normals};
use super::poisson::Poisson;
use super::scratch::{Scratch, sized};
use crate::geometry::Size;
use crate::rng::{Coord, OpKey, RandomStream};

/// A step that adds noise.
///
/// # Example: add salt and pepper
///
/// ```
/// use feedmill::augment::steps::Noise;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Noise::Impulse {
///     amount: 0.5,
///     salt: 0.5,
///     per_channel: false,
///     grid: None,
///     seed: 7,
/// }));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert!(out.contains(&0) && out.contains(&255));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Noise {
    /// `trunc(255 mean + 255 scale n)` is added to each value and the sum clipped: torchvision's
    /// `gaussian_noise` of u8 tensors if `n` is normal.
    Additive {
        /// The distribution of `n`.
        distribution: NoiseDistribution,
        /// The mean, on a scale of 0 to 1.
        mean: f32,
        /// The factor of `n`, on a scale of 0 to 1.
        scale: f32,
        /// True for noise of each value, false for noise of whole pixels.
        per_channel: bool,
        /// The seed of the random numbers.
        seed: u64,
    },
    /// Each value is multiplied by a number uniform between two, clipped and truncated.
    Multiplicative {
        /// The least number.
        low: f32,
        /// The greatest number.
        high: f32,
        /// True for noise of each value, false for noise of whole pixels.
        per_channel: bool,
        /// The seed of the random numbers.
        seed: u64,
    },
    /// Some values become 0 or 255.
    Impulse {
        /// The fraction of values that change.
        amount: f32,
        /// The fraction of those that become 255.
        salt: f32,
        /// True for noise of each value, false for noise of whole pixels.
        per_channel: bool,
        /// Columns and rows of a grid whose cells change as a whole; `None` changes single pixels.
        grid: Option<(u32, u32)>,
        /// The seed of the random numbers.
        seed: u64,
    },
    /// Each value `v` is replaced by a Poisson count of mean `scale v / 255`, scaled back.
    Shot {
        /// The mean count at white.
        scale: f32,
        /// The seed of the random numbers.
        seed: u64,
    },
    /// `v + v sigma n`, clipped and truncated.
    Speckle {
        /// The deviation as a fraction of the value.
        sigma: f32,
        /// The seed of the random numbers.
        seed: u64,
    },
    /// A random mask fades the image to a color.
    BetaMask(BetaMask),
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Noise::Additive {
                distribution,
                mean,
                scale,
                ..
            } => match distribution {
                NoiseDistribution::Normal => {
                    write!(f, "gaussian_noise mean={mean:.4} sigma={scale:.4}")
                }
                NoiseDistribution::Laplace => write!(f, "laplace_noise scale={scale:.4}"),
                NoiseDistribution::Uniform => write!(
                    f,
                    "elementwise_add low={:.4} high={:.4}",
                    mean - scale,
                    mean + scale
                ),
            },
            Noise::Multiplicative { low, high, .. } => {
                write!(f, "elementwise_multiply low={low:.4} high={high:.4}")
            }
            Noise::Impulse {
                amount, salt, grid, ..
            } => {
                write!(f, "impulse_noise amount={amount:.4} salt={salt:.4}")?;
                grid.map_or(Ok(()), |(columns, rows)| {
                    write!(f, " grid={columns}x{rows}")
                })
            }
            Noise::Shot { scale, .. } => write!(f, "shot_noise scale={scale:.4}"),
            Noise::Speckle { sigma, .. } => write!(f, "speckle_noise sigma={sigma:.4}"),
            Noise::BetaMask(mask) => {
                write!(f, "beta_mask grid={} seed={:016x}", mask.grid, mask.seed)
            }
        }
    }
}

/// Adds noise to an image, rows of RGB. `poisson` keeps the tables of the last shot noise.
pub(crate) fn run(
    noise: &Noise,
    pixels: &mut [u8],
    size: Size,
    scratch: &mut Scratch,
    poisson: &mut Poisson,
) {
    match *noise {
        Noise::Additive {
            distribution,
            mean,
            scale,
            per_channel,
            seed,
        } => {
            // The noise of each quantile as an integer: half the bytes of the quantiles, so that
            // more of the table stays in the nearest cache.
            let mean = mean * 255.0;
            let level = |number: &f32| (mean + number * scale * 255.0).clamp(-511.0, 511.0) as i16;
            scratch.levels.clear();
            scratch
                .levels
                .extend(distribution.quantiles().iter().map(level));
            let levels: &[i16; 65536] = scratch
                .levels
                .as_slice()
                .try_into()
                .expect("one for each of 16 bits");
            each(pixels, per_channel, &mut Bits::new(seed), |value, bits| {
                (i16::from(value) + levels[usize::from(bits)]).clamp(0, 255) as u8
            });
        }
        Noise::Multiplicative {
            low,
            high,
            per_channel,
            seed,
        } => {
            let step = (high - low) / 65536.0;
            each(pixels, per_channel, &mut Bits::new(seed), |value, bits| {
                truncated(f32::from(value) * (low + (f32::from(bits) + 0.5) * step))
            });
        }
        Noise::Impulse {
            amount,
            salt,
            per_channel,
            grid: None,
            seed,
        } => {
            impulse((amount, salt), per_channel, pixels, &mut Bits::new(seed));
        }
        Noise::Impulse {
            amount,
            salt,
            per_channel,
            grid: Some(grid),
            seed,
        } => {
            // A row of gray cells takes the noise; pixels of cells that stay 128 do not change.
            let (columns, rows) = (grid.0 as usize, grid.1 as usize);
            let cells = sized(&mut scratch.bytes, columns * rows * 3);
            cells.fill(128);
            impulse((amount, salt), per_channel, cells, &mut Bits::new(seed));
            let (width, height) = (size.width as usize, size.height as usize);
            for (y, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
                let row = &cells.as_chunks::<3>().0[y * rows / height * columns..][..columns];
                for (x, pixel) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                    for (value, cell) in pixel.iter_mut().zip(row[x * columns / width]) {
                        if cell != 128 {
                            *value = cell;
                        }
                    }
                }
            }
        }
        Noise::Shot { scale, seed } => shot(scale, pixels, &mut Bits::new(seed), poisson),
        Noise::Speckle { sigma, seed } => {
            Normals::new(seed).each(pixels, |value, normal| {
                let level = f32::from(*value);
                *value = truncated(level + level * (sigma * normal));
            });
        }
        Noise::BetaMask(ref mask) => mask.run(pixels, size, scratch),
    }
}

/// Sets a fraction `amount` of the values to 0 or 255; a fraction `salt` of those becomes 255.
pub(super) fn impulse(
    (amount, salt): (f32, f32),
    per_channel: bool,
    pixels: &mut [u8],
    bits: &mut Bits,
) {
    // Numbers below `white` stand for 255, those from there to `any` for 0.
    let [white, any] = [amount * salt, amount].map(|fraction| (fraction * 65536.0) as u32);
    let pick = |value: u8, bits: u16| {
        let bits = u32::from(bits);
        if bits < white {
            255
        } else if bits < any {
            0
        } else {
            value
        }
    };
    each(pixels, per_channel, bits, pick);
}

/// Changes each value by 16 random bits: its own if `per_channel`, else those of its pixel.
fn each(pixels: &mut [u8], per_channel: bool, bits: &mut Bits, change: impl Fn(u8, u16) -> u8) {
    if per_channel {
        bits.each(pixels, |value, bits| *value = change(*value, bits));
    } else {
        bits.each(pixels.as_chunks_mut::<3>().0, |pixel, bits| {
            *pixel = pixel.map(|value| change(value, bits));
        });
    }
}

/// Replaces each value by a Poisson count: `clip(count / scale) * 255`, truncated.
pub(super) fn shot(scale: f32, pixels: &mut [u8], bits: &mut Bits, poisson: &mut Poisson) {
    poisson.prepare(scale);
    bits.each(pixels, |value, bits| *value = poisson.level(*value, bits));
}

/// One of the two shape parameters of the Beta distributions of a mask's cells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shapes {
    /// `exp(u)`, where `u` is uniform between the logarithms of these; drawn for each cell.
    Between([f64; 2]),
    /// A value for each cell, row by row.
    Cells(Arc<[f64]>),
}

impl Shapes {
    fn of(&self, cell: usize, rng: &mut RandomStream) -> f64 {
        match self {
            Shapes::Between([low, high]) if low == high => *low,
            Shapes::Between(ends) => {
                let [low, high] = ends.map(libm::log);
                libm::exp(rng.uniform(low, high))
            }
            Shapes::Cells(cells) => cells[cell],
        }
    }
}

/// A mask of `grid` x `grid` Beta variables that is enlarged to the image, blurred, and multiplied
/// with it.
///
/// # Example: shade an image with a random mask
///
/// ```
/// use feedmill::augment::steps::BetaMask;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
/// use feedmill::augment::steps::{Noise, Shapes};
///
/// let shapes = Shapes::Between([2.0, 5.0]);
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Noise::BetaMask(BetaMask::new(2, shapes.clone(), shapes, 7))));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BetaMask {
    /// Cells on each side.
    pub grid: u32,
    /// The first shape parameters, above 0.
    pub alpha: Shapes,
    /// The second shape parameters, above 0.
    pub beta: Shapes,
    /// The odd size in pixels and the deviation of the Gaussian that blurs the enlarged mask.
    pub blur: (u32, f32),
    /// The color that shows where the mask is 0.
    pub fill: [u8; 3],
    /// The seed of the random numbers.
    pub seed: u64,
}

impl BetaMask {
    /// Returns a mask of `grid` x `grid` cells with these shape parameters and this seed. It is not
    /// blurred (a size of 1 pixel) and shows black; both are fields.
    pub fn new(grid: u32, alpha: Shapes, beta: Shapes, seed: u64) -> BetaMask {
        BetaMask {
            grid,
            alpha,
            beta,
            blur: (1, 1.0),
            fill: [0; 3],
            seed,
        }
    }
}

impl BetaMask {
    /// The mask as it is drawn, row by row, before it is enlarged and blurred. Values are between
    /// 1e-6 and 1 - 1e-6.
    pub fn cells(&self) -> impl Iterator<Item = f64> + '_ {
        let at = Coord {
            epoch: 0,
            sample: 0,
            occurrence: 0,
            view: 0,
            op: OpKey::of("beta_mask"),
        };
        let mut rng = RandomStream::keyed(self.seed, at);
        (0..self.grid as usize * self.grid as usize).map(move |cell| {
            let alpha = self.alpha.of(cell, &mut rng);
            let beta = self.beta.of(cell, &mut rng);
            rng.beta(alpha, beta).clamp(1e-6, 1.0 - 1e-6)
        })
    }

    fn run(&self, pixels: &mut [u8], size: Size, scratch: &mut Scratch) {
        let shape = Shape::gray(size);
        let grid = self.grid as usize;
        let cells = sized(&mut scratch.field, grid * grid);
        cells
            .iter_mut()
            .zip(self.cells())
            .for_each(|(value, cell)| *value = cell as f32);
        let mask = sized(&mut scratch.plane, shape.len());
        for (y, out) in mask.chunks_exact_mut(shape.width).enumerate() {
            let row = &cells[y * grid / shape.height * grid..][..grid];
            (0..)
                .zip(out)
                .for_each(|(x, value): (usize, _)| *value = row[x * grid / shape.width]);
        }
        let (kernel, sigma) = self.blur;
        let gaussian = (f64::from(sigma), kernel as usize / 2);
        let buffers = (&mut scratch.weights, &mut scratch.middle);
        filter::gaussian_blur(mask, shape, gaussian, PadMode::Reflect, buffers);
        let fill = self.fill.map(f32::from);
        for (pixel, weight) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(mask) {
            for (value, fill) in pixel.iter_mut().zip(fill) {
                *value = rounded(fill + *weight * (f32::from(*value) - fill));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(noise: &Noise, level: u8, count: usize) -> Vec<u8> {
        let mut pixels = vec![level; count * 3];
        run(
            noise,
            &mut pixels,
            Size {
                width: count as u32,
                height: 1,
            },
            &mut Scratch::default(),
            &mut Poisson::default(),
        );
        pixels
    }

    fn additive(distribution: NoiseDistribution, mean: f32, scale: f32, seed: u64) -> Noise {
        Noise::Additive {
            distribution,
            mean,
            scale,
            per_channel: true,
            seed,
        }
    }

    fn gaussian(mean: f32, scale: f32, seed: u64) -> Noise {
        additive(NoiseDistribution::Normal, mean, scale, seed)
    }

    fn moments(values: &[u8]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
        (
            mean,
            values
                .iter()
                .map(|value| (f64::from(*value) - mean).powi(2))
                .sum::<f64>()
                / n,
        )
    }

    #[test]
    fn the_moments_are_those_of_the_distributions() {
        let seed = 3;
        // (step, level, mean, variance): truncation takes half a level from those that truncate
        // towards 0.
        for (noise, level, mean, variance) in [
            (gaussian(0.1, 0.05, seed), 100, 125.5 - 0.5, 162.6),
            (
                additive(NoiseDistribution::Laplace, 0.0, 0.05, seed),
                100,
                100.0,
                325.0,
            ),
            (
                additive(NoiseDistribution::Uniform, 0.1, 0.1, seed),
                100,
                125.0,
                216.0,
            ),
            (
                Noise::Multiplicative {
                    low: 0.5,
                    high: 1.5,
                    per_channel: true,
                    seed,
                },
                100,
                99.5,
                833.0,
            ),
            (Noise::Speckle { sigma: 0.2, seed }, 120, 119.5, 576.1),
            (Noise::Shot { scale: 25.0, seed }, 100, 99.5, 1020.0),
            (Noise::Shot { scale: 3.0, seed }, 20, 19.8, 1700.0),
            (Noise::Shot { scale: 500.0, seed }, 128, 127.5, 65.4),
        ] {
            let (found, square) = moments(&noisy(&noise, level, 100_000));
            assert!(
                (found - mean).abs() < 0.3 + 0.01 * mean,
                "{noise}: mean {found}, expected {mean}"
            );
            assert!(
                (square / variance - 1.0).abs() < 0.05,
                "{noise}: variance {square}, expected {variance}"
            );
        }
    }

    #[test]
    fn impulses_have_their_shares() {
        for (per_channel, grid) in [
            (true, None),
            (false, None),
            (true, Some((100_000, 1))),
            (false, Some((50_000, 1))),
        ] {
            let noise = Noise::Impulse {
                amount: 0.2,
                salt: 0.25,
                per_channel,
                grid,
                seed: 8,
            };
            let pixels = noisy(&noise, 77, 100_000);
            let share = |level| pixels.iter().filter(|value| **value == level).count() as f64 / 3e5;
            assert!(
                (share(255) - 0.05).abs() < 0.004 && (share(0) - 0.15).abs() < 0.006,
                "{per_channel}"
            );
            let gray = pixels
                .as_chunks::<3>()
                .0
                .iter()
                .all(|[r, g, b]| r == g && g == b);
            assert_eq!(gray, !per_channel);
            if let Some((50_000, _)) = grid {
                assert!(
                    pixels
                        .as_chunks::<6>()
                        .0
                        .iter()
                        .all(|cell| cell[..3] == cell[3..])
                );
            }
        }
    }

    #[test]
    fn neutral_parameters_change_nothing_and_seeds_change_all() {
        let ones = Arc::from(vec![1e6; 4]);
        let small: Arc<[f64]> = Arc::from(vec![1e-6; 4]);
        for level in [0, 1, 128, 255] {
            for noise in [
                gaussian(0.0, 0.0, 1),
                Noise::Multiplicative {
                    low: 1.0,
                    high: 1.0,
                    per_channel: true,
                    seed: 1,
                },
                Noise::Impulse {
                    amount: 0.0,
                    salt: 0.5,
                    per_channel: true,
                    grid: None,
                    seed: 1,
                },
                Noise::Impulse {
                    amount: 0.0,
                    salt: 0.5,
                    per_channel: true,
                    grid: Some((3, 1)),
                    seed: 1,
                },
                Noise::Speckle {
                    sigma: 0.0,
                    seed: 1,
                },
                Noise::BetaMask(BetaMask {
                    grid: 2,
                    alpha: Shapes::Cells(Arc::clone(&ones)),
                    beta: Shapes::Cells(Arc::clone(&small)),
                    blur: (13, 6.0),
                    fill: [124, 116, 104],
                    seed: 1,
                }),
            ] {
                assert!(
                    noisy(&noise, level, 50).iter().all(|value| *value == level),
                    "{noise}"
                );
            }
        }
        let one = |seed| noisy(&gaussian(0.0, 0.1, seed), 100, 50);
        assert_eq!(one(4), one(4));
        assert_ne!(one(4), one(5));
    }

    #[test]
    fn the_cells_of_a_mask_are_beta_distributed() {
        let shapes = |shape| Shapes::Between([shape; 2]);
        let mask = BetaMask {
            grid: 100,
            alpha: shapes(2.0),
            beta: shapes(3.0),
            blur: (1, 1.0),
            fill: [0; 3],
            seed: 9,
        };
        let cells: Vec<f64> = mask.cells().collect();
        let mean = cells.iter().sum::<f64>() / 1e4;
        let variance = cells.iter().map(|cell| (cell - mean).powi(2)).sum::<f64>() / 1e4;
        assert!(
            (mean - 0.4).abs() < 0.01 && (variance - 0.04).abs() < 0.003,
            "{mean} {variance}"
        );
    }
}
