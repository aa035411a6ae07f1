//! The noise mask of learned augmentation policies. `gaussian_noise` says how noise is drawn.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::augment::ops::blur::gaussian_blur::check_odd;
use crate::augment::steps::{BetaMask, Noise, Shapes};
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{ParamSpec, ParamValue};

/// A shape parameter of a Beta distribution.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a number, [low, high] or a list of grid x grid numbers"
)]
#[non_exhaustive]
pub enum BetaShape {
    /// The same for all cells.
    Fixed(f64),
    /// Each cell draws its own, uniform between the logarithms.
    Between([f64; 2]),
    /// One for each cell.
    Cells(#[serde(deserialize_with = "cells")] Arc<[f64]>),
}

/// Reads `Arc<[f64]>`, for which serde needs its feature `rc`.
fn cells<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[f64]>, D::Error> {
    Vec::deserialize(deserializer).map(Arc::from)
}

impl From<f64> for BetaShape {
    fn from(shape: f64) -> BetaShape {
        BetaShape::Fixed(shape)
    }
}

impl From<[f64; 2]> for BetaShape {
    fn from(ends: [f64; 2]) -> BetaShape {
        BetaShape::Between(ends)
    }
}

impl From<Vec<f64>> for BetaShape {
    fn from(cells: Vec<f64>) -> BetaShape {
        BetaShape::Cells(cells.into())
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
}

impl ParamValue for BetaShape {
    fn form() -> String {
        "a number, `[low, high]` to draw one for each cell, or a list of grid x grid numbers"
            .to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match self {
            BetaShape::Fixed(shape) => (*shape).into(),
            BetaShape::Between(ends) => ends.to_vec().into(),
            BetaShape::Cells(cells) => cells.to_vec().into(),
        })
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        match self {
            BetaShape::Fixed(shape) => param.check(*shape),
            BetaShape::Between(ends) => param.check_ends(*ends),
            BetaShape::Cells(cells) => cells.iter().try_for_each(|shape| param.check(*shape)),
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
/// # Notes
///
/// * `seed`: the seed of the mask, the bits of a `u64`; 0 if there is no mask. [`BetaMask::cells`]
///   of a mask with that seed is the mask as it was drawn, for training the policy.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::BetaMaskNoise;
/// use feedmill::testing::assert_op;
///
/// let op = BetaMaskNoise::new().with_grid(16).with_alpha(2.0);
/// assert_op(r#"{ op = "beta_mask", grid = 16, alpha = 2 }"#, &op);
/// ```
#[declare(
    name = "beta_mask",
    families = [Arithmetic],
    like = ["policy-gradient noise mask"],
    strengths = [
        "grid = 8, kernel = 5, sigma = 2.0, alpha = 4.0, beta = 1.0",
        "grid = 8, kernel = 5, sigma = 2.0",
        "grid = 8, kernel = 5, sigma = 2.0, alpha = 1.0, beta = 4.0",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct BetaMaskNoise {
    /// The cells in each direction.
    #[param(default = 64, range = [1.0, 1024.0])]
    grid: u32,
    /// The first shape of the Beta distribution.
    #[param(default = BetaShape::Between([1.0, std::f64::consts::E]), range = [0.001, 1000000.0])]
    alpha: BetaShape,
    /// The second shape of the Beta distribution.
    #[param(default = BetaShape::Between([1.0, std::f64::consts::E]), range = [0.001, 1000000.0])]
    beta: BetaShape,
    /// The side of the Gaussian, an odd number.
    #[param(default = 13, range = [1.0, 1001.0], unit = "pixels")]
    kernel: u32,
    /// The deviation of the Gaussian.
    #[param(default = 6.0, range = [0.001, 500.0], unit = "pixels")]
    sigma: f64,
    /// What a mask of 0 leaves; ImageNet's mean color by default.
    #[param(default = [124, 116, 104])]
    fill: [u8; 3],
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for BetaMaskNoise {
    fn check(&self) -> Result<()> {
        check_odd("kernel", self.kernel)?;
        let cells = u64::from(self.grid) * u64::from(self.grid);
        for (name, shape) in [("alpha", &self.alpha), ("beta", &self.beta)] {
            if let BetaShape::Cells(list) = shape
                && list.len() as u64 != cells
            {
                return Err(Error::config(format!(
                    "{name} has {} numbers: expected one, [low, high], or {grid} x {grid}",
                    list.len(),
                    grid = self.grid
                ))
                .about_key(name));
            }
        }
        Ok(())
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("seed".to_string(), 1)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let seed = rng.bits();
            steps.note("seed", &[seed as i64]);
            steps.push(Noise::BetaMask(self.mask(seed)));
        } else {
            steps.note("seed", &[0]);
        }
    }
}

impl BetaMaskNoise {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::ops::testing::{drawn_in_view, noted};
    use crate::geometry::Size;

    #[test]
    fn the_noted_seed_gives_the_mask_again() {
        let op = BetaMaskNoise::new()
            .with_grid(4)
            .with_alpha(2.0)
            .with_beta(0.5);
        let seed = noted(&op, 0, "seed")[0] as u64;
        let size = Size {
            width: 8,
            height: 8,
        };
        let steps = drawn_in_view(&op, size, (0, 1));
        let Some(Noise::BetaMask(mask)) = steps[0].downcast_ref() else {
            panic!("a mask")
        };
        assert_eq!(seed, mask.seed);
        let again = op.mask(seed);
        assert!(mask.cells().eq(again.cells()) && mask.cells().count() == 16);
    }
}
