//! Ops that add noise to each value, or replace values at random.
//!
//! A program is drawn before pixels exist and must be small enough to print, so these ops do not
//! draw the noise itself. They draw the few numbers that shape it (a deviation, a share) and one
//! 64-bit seed; the kernel makes 16 random bits for each value from the seed, by ChaCha8. So a
//! step with the same seed leaves the same noise on every machine, with or without vector code.
//!
//! 16 bits have a price that is stated with each op: normal and Laplace numbers take 65536 values,
//! shares are multiples of 2^-16. Pixels of 256 levels cannot show the difference, and the
//! generator makes a quarter of the bits that 64-bit numbers would take.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{BetaMask, Noise, NoiseDistribution, Op, Shapes, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p, check_range, half, is_yes, one, yes};

/// Adds Gaussian noise to each value; torchvision v2 `GaussianNoise` on u8 tensors.
///
/// The noise is truncated to whole levels before it is added, and the sum is clipped. The normal
/// numbers have 65536 values, the outermost 4.3 deviations from the mean.
///
/// # Parameters
///
/// * `mean` (0; -1 to 1): the mean, on a scale where white is 1.
/// * `sigma` (0.1, a number or a range; 0 to 1): the deviation, on the same scale.
/// * `per_channel` (true): whether each channel has its own noise; false adds the same to the three
///   channels of a pixel.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianNoise {
    #[serde(default)]
    mean: f64,
    #[serde(default = "tenth")]
    sigma: ParamRange,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    per_channel: bool,
    #[serde(default = "one")]
    p: f64,
}

fn tenth() -> ParamRange {
    ParamRange::Fixed(0.1)
}

impl GaussianNoise {
    /// Noise of mean 0 with this deviation, or with one from this range.
    pub fn new(sigma: impl Into<ParamRange>) -> GaussianNoise {
        GaussianNoise {
            mean: 0.0,
            sigma: sigma.into(),
            per_channel: true,
            p: 1.0,
        }
    }

    /// Sets the mean, -1 to 1.
    #[must_use]
    pub fn mean(self, mean: f64) -> GaussianNoise {
        GaussianNoise { mean, ..self }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> GaussianNoise {
        GaussianNoise { p, ..self }
    }
}

impl Op for GaussianNoise {
    op_basics!("gaussian_noise");

    fn check(&self) -> Result<()> {
        check_range("mean", self.mean, [-1.0, 1.0])?;
        self.sigma.check("sigma", [0.0, 1.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let (mean, scale) = (self.mean as f32, self.sigma.draw(rng) as f32);
            let (distribution, per_channel) = (NoiseDistribution::Normal, self.per_channel);
            let noise = Noise::Additive {
                distribution,
                mean,
                scale,
                per_channel,
                seed: rng.bits(),
            };
            steps.push(Step::Noise(noise));
        }
    }
}

/// Adds Laplace noise to each value; imgaug `AdditiveLaplaceNoise`.
///
/// The noise is truncated to whole levels before it is added, and the sum is clipped. The Laplace
/// numbers have 65536 values.
///
/// # Parameters
///
/// * `scale` (required, a number or a range; 0 to 1): the scale of the distribution, where white is
///   1; the deviation is √2 times that.
/// * `per_channel` (true): whether each channel has its own noise, or each pixel.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaplaceNoise {
    scale: ParamRange,
    #[serde(default = "yes")]
    per_channel: bool,
    #[serde(default = "one")]
    p: f64,
}

impl Op for LaplaceNoise {
    op_basics!("laplace_noise");

    fn check(&self) -> Result<()> {
        self.scale.check("scale", [0.0, 1.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let (scale, per_channel) = (self.scale.draw(rng) as f32, self.per_channel);
            let seed = rng.bits();
            steps.push(Step::Noise(Noise::Additive {
                distribution: NoiseDistribution::Laplace,
                mean: 0.0,
                scale,
                per_channel,
                seed,
            }));
        }
    }
}

/// Adds a random number to each value, drawn for each value; imgaug `AddElementwise`.
///
/// # Parameters
///
/// * `value` (required; -255 to 255): the range `[low, high]` in levels. Each number is uniform in
///   it and truncated; the sum is clipped.
/// * `per_channel` (true): whether each channel has its own number, or each pixel.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementwiseAdd {
    value: ParamRange,
    #[serde(default = "yes")]
    per_channel: bool,
    #[serde(default = "one")]
    p: f64,
}

impl Op for ElementwiseAdd {
    op_basics!("elementwise_add");

    fn check(&self) -> Result<()> {
        self.value.check("value", [-255.0, 255.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            // Uniform in [low, high] is mean + scale * n for n uniform in [-1, 1]; the kernel wants
            // both where white is 1, hence 2 * 255.
            let [low, high] = self.value.ends().map(|end| end / 510.0);
            let (mean, scale) = ((high + low) as f32, (high - low) as f32);
            let (distribution, per_channel) = (NoiseDistribution::Uniform, self.per_channel);
            let noise = Noise::Additive {
                distribution,
                mean,
                scale,
                per_channel,
                seed: rng.bits(),
            };
            steps.push(Step::Noise(noise));
        }
    }
}

/// Multiplies each value by a random number, drawn for each value; imgaug `MultiplyElementwise`.
///
/// # Parameters
///
/// * `factor` (required; 0 to 1000): the range `[low, high]`. Each number is uniform in it; the
///   product is clipped and truncated.
/// * `per_channel` (true): whether each channel has its own number, or each pixel.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementwiseMultiply {
    factor: ParamRange,
    #[serde(default = "yes")]
    per_channel: bool,
    #[serde(default = "one")]
    p: f64,
}

impl Op for ElementwiseMultiply {
    op_basics!("elementwise_multiply");

    fn check(&self) -> Result<()> {
        self.factor.check("factor", [0.0, 1e3])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let [low, high] = self.factor.ends().map(|end| end as f32);
            let (per_channel, seed) = (self.per_channel, rng.bits());
            steps.push(Step::Noise(Noise::Multiplicative {
                low,
                high,
                per_channel,
                seed,
            }));
        }
    }
}

/// Turns random values black or white: salt-and-pepper noise; scikit-image `random_noise` with mode
/// `s&p`, imgaug `CoarseSaltAndPepper`.
///
/// # Parameters
///
/// * `amount` (required, a number or a range; 0 to 1): the share of values that change, rounded to
///   a multiple of 2^-16.
/// * `salt` (0.5; 0 to 1): the share of these that become white; 1 is salt noise, 0 pepper noise.
/// * `per_channel` (true): whether each channel is decided by itself; false changes whole pixels.
/// * `size` (none, a number or a range; 0.0001 to 1): with it, all pixels of a cell of a coarse
///   grid change together. It is the side of a cell as a share of the image's side.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImpulseNoise {
    amount: ParamRange,
    #[serde(default = "half")]
    salt: f64,
    #[serde(default = "yes")]
    per_channel: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<ParamRange>,
    #[serde(default = "one")]
    p: f64,
}

/// Draws a grid: the columns and rows of cells whose sides are about `size` times the image's.
/// `None` if there is no `size`.
fn grid(size: Option<ParamRange>, rng: &mut RandomStream, frame: Size) -> Option<(u32, u32)> {
    let size = size?.draw(rng);
    let cells = |side: u32| ((1.0 / size).round_ties_even() as u32).clamp(1, side);
    Some((cells(frame.width), cells(frame.height)))
}

fn check_size(size: Option<ParamRange>) -> Result<()> {
    size.map_or(Ok(()), |size| size.check("size", [1e-4, 1.0]))
}

impl ImpulseNoise {
    /// Noise on this share of values, or on a share from this range; half of them become white.
    pub fn new(amount: impl Into<ParamRange>) -> ImpulseNoise {
        ImpulseNoise {
            amount: amount.into(),
            salt: 0.5,
            per_channel: true,
            size: None,
            p: 1.0,
        }
    }

    /// Sets the share of white among the values that change.
    #[must_use]
    pub fn salt(self, salt: f64) -> ImpulseNoise {
        ImpulseNoise { salt, ..self }
    }

    /// Sets whether each channel is decided by itself, or each pixel.
    #[must_use]
    pub fn per_channel(self, per_channel: bool) -> ImpulseNoise {
        ImpulseNoise {
            per_channel,
            ..self
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> ImpulseNoise {
        ImpulseNoise { p, ..self }
    }
}

impl Op for ImpulseNoise {
    op_basics!("impulse_noise");

    fn check(&self) -> Result<()> {
        self.amount.check("amount", [0.0, 1.0])?;
        check_range("salt", self.salt, [0.0, 1.0])?;
        check_size(self.size)?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let amount = self.amount.draw(rng) as f32;
            let (salt, per_channel) = (self.salt as f32, self.per_channel);
            let seed = rng.bits();
            let grid = grid(self.size, rng, steps.frame());
            steps.push(Step::Noise(Noise::Impulse {
                amount,
                salt,
                per_channel,
                grid,
                seed,
            }));
        }
    }
}

/// Turns random pixels black; imgaug `Dropout` and `CoarseDropout`.
///
/// # Parameters
///
/// * `amount` (required, a number or a range; 0 to 1): the share of pixels, rounded to a multiple
///   of 2^-16.
/// * `per_channel` (false): whether each channel is decided by itself.
/// * `size` (none, a number or a range; 0.0001 to 1): with it, all pixels of a cell of a coarse
///   grid change together. It is the side of a cell as a share of the image's side.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    amount: ParamRange,
    #[serde(default)]
    per_channel: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<ParamRange>,
    #[serde(default = "one")]
    p: f64,
}

impl Op for Dropout {
    op_basics!("dropout");

    fn check(&self) -> Result<()> {
        self.amount.check("amount", [0.0, 1.0])?;
        check_size(self.size)?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let (amount, per_channel) = (self.amount.draw(rng) as f32, self.per_channel);
            let seed = rng.bits();
            let grid = grid(self.size, rng, steps.frame());
            steps.push(Step::Noise(Noise::Impulse {
                amount,
                salt: 0.0,
                per_channel,
                grid,
                seed,
            }));
        }
    }
}

/// Replaces each value `v` by a Poisson count of mean `scale * v / 255`, scaled back: the noise of
/// light on a sensor, as in ImageNet-C.
///
/// The result is `min(count / scale, 1) * 255`, truncated. Counts of probability below 2^-17 do not
/// occur.
///
/// # Parameters
///
/// * `scale` (required, a number or a range; 1 to 10000): the mean count at white. The smaller it
///   is, the less light and the more noise there is.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShotNoise {
    scale: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

impl ShotNoise {
    /// Noise with this mean count at white, or with one from this range.
    pub fn new(scale: impl Into<ParamRange>) -> ShotNoise {
        ShotNoise {
            scale: scale.into(),
            p: 1.0,
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> ShotNoise {
        ShotNoise { p, ..self }
    }
}

impl Op for ShotNoise {
    op_basics!("shot_noise");

    fn check(&self) -> Result<()> {
        self.scale.check("scale", [1.0, 1e4])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let scale = self.scale.draw(rng) as f32;
            steps.push(Step::Noise(Noise::Shot {
                scale,
                seed: rng.bits(),
            }));
        }
    }
}

/// Adds Gaussian noise in proportion to each value, as in ImageNet-C: `v + v * sigma * n` with a
/// standard normal `n`, clipped and truncated.
///
/// # Parameters
///
/// * `sigma` (required, a number or a range; 0 to 10): the deviation as a share of the value.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeckleNoise {
    sigma: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

impl SpeckleNoise {
    /// Noise with this deviation, or with one from this range.
    pub fn new(sigma: impl Into<ParamRange>) -> SpeckleNoise {
        SpeckleNoise {
            sigma: sigma.into(),
            p: 1.0,
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> SpeckleNoise {
        SpeckleNoise { p, ..self }
    }
}

impl Op for SpeckleNoise {
    op_basics!("speckle_noise");

    fn check(&self) -> Result<()> {
        self.sigma.check("sigma", [0.0, 10.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let sigma = self.sigma.draw(rng) as f32;
            steps.push(Step::Noise(Noise::Speckle {
                sigma,
                seed: rng.bits(),
            }));
        }
    }
}

/// A shape parameter of a Beta distribution in a recipe: one for all cells, a range, or a list with
/// one for each cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number, [low, high] or a list of grid x grid numbers"
)]
enum BetaShape {
    Fixed(f64),
    Between([f64; 2]),
    Cells(#[serde(with = "cells")] Arc<[f64]>),
}

/// Reads and writes `Arc<[f64]>`, for which serde needs its feature `rc`.
mod cells {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        cells: &Arc<[f64]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        cells[..].serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<[f64]>, D::Error> {
        Vec::deserialize(deserializer).map(Arc::from)
    }
}

impl BetaShape {
    /// The same as the kernel takes it.
    fn shapes(&self) -> Shapes {
        match self {
            BetaShape::Fixed(shape) => Shapes::Between([*shape; 2]),
            BetaShape::Between(ends) => Shapes::Between(*ends),
            BetaShape::Cells(cells) => Shapes::Cells(Arc::clone(cells)),
        }
    }

    fn check(&self, name: &str, grid: u32) -> Result<()> {
        const RANGE: [f64; 2] = [1e-3, 1e6];
        match self {
            BetaShape::Fixed(shape) => ParamRange::Fixed(*shape).check(name, RANGE),
            BetaShape::Between(ends) => ParamRange::Between(*ends).check(name, RANGE),
            BetaShape::Cells(cells) if cells.len() as u64 != u64::from(grid) * u64::from(grid) => {
                Err(Error::config(format!(
                    "{name} has {} numbers: expected one, [low, high], or {grid} x {grid}",
                    cells.len()
                )))
            }
            BetaShape::Cells(cells) => cells
                .iter()
                .try_for_each(|shape| check_range(name, *shape, RANGE)),
        }
    }
}

/// Fades the image to a color by a random mask: the noise of learned augmentation policies.
///
/// The mask has `grid * grid` cells, each drawn from a Beta distribution. It is enlarged to the
/// image (nearest), blurred with a Gaussian, and multiplies the image's distance from `fill`. The
/// reference multiplies normalized f32 pixels, whose mean is 0; so the result is the same if `fill`
/// is the mean color.
///
/// # Parameters
///
/// * `grid` (64; 1 to 1024): the cells in each direction.
/// * `alpha`, `beta` (`[1, e]`; 0.001 to 1000000): the two shapes of the Beta distribution. A
///   number is for all cells; a list of `grid * grid` numbers has one for each cell; from `[low,
///   high]` each cell draws its own, uniform between the logarithms.
/// * `kernel` (13; odd, 1 to 1001), `sigma` (6; 0.001 to 500): side and deviation of the Gaussian,
///   in pixels.
/// * `fill` (`[124, 116, 104]`, ImageNet's mean color): what a mask of 0 leaves.
/// * `p` (1): the probability that the op is applied.
///
/// # Notes
///
/// * `seed`: the seed of the mask, the bits of a `u64`; 0 if there is no mask. [`BetaMask::cells`]
///   of a mask with that seed is the mask as it was drawn, for training the policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BetaMaskNoise {
    grid: u32,
    alpha: BetaShape,
    beta: BetaShape,
    kernel: u32,
    sigma: f64,
    fill: [u8; 3],
    p: f64,
}

impl Default for BetaMaskNoise {
    fn default() -> BetaMaskNoise {
        let shape = BetaShape::Between([1.0, std::f64::consts::E]);
        let (alpha, beta) = (shape.clone(), shape);
        BetaMaskNoise {
            grid: 64,
            alpha,
            beta,
            kernel: 13,
            sigma: 6.0,
            fill: [124, 116, 104],
            p: 1.0,
        }
    }
}

impl BetaMaskNoise {
    /// A mask of `grid` x `grid` cells with these shapes: one number for all cells, or `grid *
    /// grid` numbers.
    pub fn new(grid: u32, alpha: &[f64], beta: &[f64]) -> BetaMaskNoise {
        let shape = |cells: &[f64]| match cells {
            [shape] => BetaShape::Fixed(*shape),
            cells => BetaShape::Cells(cells.into()),
        };
        BetaMaskNoise {
            grid,
            alpha: shape(alpha),
            beta: shape(beta),
            ..BetaMaskNoise::default()
        }
    }

    /// Sets the color where the mask is 0.
    #[must_use]
    pub fn fill(self, fill: [u8; 3]) -> BetaMaskNoise {
        BetaMaskNoise { fill, ..self }
    }

    /// The parameters of the step with this seed.
    fn mask(&self, seed: u64) -> BetaMask {
        BetaMask {
            grid: self.grid,
            alpha: self.alpha.shapes(),
            beta: self.beta.shapes(),
            blur: (self.kernel, self.sigma as f32),
            fill: self.fill,
            seed,
        }
    }
}

impl Op for BetaMaskNoise {
    op_basics!("beta_mask");

    fn check(&self) -> Result<()> {
        if !(1..=1024).contains(&self.grid) {
            return Err(Error::config(format!(
                "grid = {}: expected 1 to 1024",
                self.grid
            )));
        }
        self.alpha.check("alpha", self.grid)?;
        self.beta.check("beta", self.grid)?;
        if self.kernel.is_multiple_of(2) || self.kernel > 1001 {
            let text = format!(
                "kernel = {}: expected an odd number from 1 to 1001",
                self.kernel
            );
            return Err(Error::config(text));
        }
        check_range("sigma", self.sigma, [1e-3, 500.0])?;
        check_p(self.p)
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("seed".to_string(), 1)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let seed = rng.bits();
            steps.note("seed", &[seed as i64]);
            steps.push(Step::Noise(Noise::BetaMask(self.mask(seed))));
        } else {
            steps.note("seed", &[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Program;
    use crate::recipe::Registry;
    use crate::rng::{Coord, OpKey};

    #[test]
    fn the_noted_seed_gives_the_mask_again() {
        let op = BetaMaskNoise::new(4, &[2.0], &[0.5]);
        let at = Coord {
            epoch: 0,
            sample: 3,
            occurrence: 0,
            view: 0,
            op: OpKey(1),
        };
        let mut steps = Steps::new(Size {
            width: 8,
            height: 8,
        });
        op.draw(&mut RandomStream::keyed(7, at), &mut steps);
        let noted = steps
            .noted(crate::augment::steps::note_key(OpKey::default(), "seed"), 1)
            .unwrap()
            .to_vec();
        let program = Program::from(steps);
        let [Step::Noise(Noise::BetaMask(mask))] = program.steps() else {
            panic!("one step")
        };
        assert_eq!(noted, [mask.seed as i64]);
        let again = op.mask(noted[0] as u64);
        assert!(mask.cells().eq(again.cells()) && mask.cells().count() == 16);
    }

    #[test]
    fn parameters_survive_a_recipe_and_wrong_ones_are_refused_by_name() {
        let make =
            |name: &str, params: &str| Registry::default().make(name, params.parse().unwrap());
        let cells = make(
            "beta_mask",
            "grid = 2\nalpha = [1.0, 2.0, 3.0, 4.0]\nbeta = 2.0",
        )
        .unwrap();
        assert_eq!(cells.params()["alpha"].as_array().unwrap().len(), 4);
        for (name, params, expected) in [
            (
                "beta_mask",
                "grid = 2\nalpha = [1.0, 2.0, 3.0]",
                "alpha has 3 numbers",
            ),
            ("beta_mask", "grid = 0", "grid = 0"),
            ("beta_mask", "kernel = 4", "kernel = 4"),
            ("beta_mask", "beta = 0.0", "beta = 0"),
            ("gaussian_noise", "sigma = 2.0", "sigma = 2"),
            ("gaussian_noise", "sigma = 0.1\nmean = -2.0", "mean = -2"),
            ("impulse_noise", "amount = 1.5", "amount = 1.5"),
            ("shot_noise", "scale = 0.0", "scale = 0"),
            ("speckle_noise", "sigma = [0.3, 0.1]", "low <= high"),
            ("gaussian_blur", "kernel = 4", "kernel = 4"),
            ("median_blur", "size = 101", "size = 101"),
            ("sharpness", "factor = -1.0", "factor = -1"),
            ("motion_blur", "radius = 1.5\nsigma = 1.0", "whole"),
            ("low_frequency_crop", "size = 1", "size = 1"),
            ("elastic", "alpha = -1.0", "alpha = -1"),
            ("edge_map", "sigma = []", "sigma = []"),
            ("edge_map", "threshold = [\"triangle\"]", "triangle"),
            ("jpeg", "quality = 0", "quality = 0"),
        ] {
            let error = make(name, params).unwrap_err().to_string();
            assert!(error.contains(expected), "{name} {params}: {error}");
        }
    }
}
