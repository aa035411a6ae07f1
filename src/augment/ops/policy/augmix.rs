//! AugMix, as torchvision has it.
//!
//! The image and several chains of random ops that start from it are added with random weights
//! (Hendrycks et al., "AugMix: a simple data processing method to improve robustness and
//! uncertainty", 2020, arXiv 1912.02781). A list of steps has no branches, so three steps stand for
//! the branching: `Fork` remembers the image, `Chain` adds the present image to the sum with a
//! weight and goes back to the remembered one, `Join` puts the sum in place of the image. The
//! alternative, a step that holds lists of steps, would have made every pass over a program (crops,
//! joint annotations, `explain`) recursive.

use serde::{Deserialize, Serialize};

use super::space::{Name, Space, Style, push_step, random_sign, strength_of};
use crate::augment::params::op_basics;
use crate::augment::{Op, Step, Steps, WarpFilter};
use crate::error::Result;
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_range, is_default};

/// Draws `count` weights of sum 1 from the symmetric Dirichlet distribution of parameter `alpha`.
///
/// The weights are normalized gamma variables. They come in an array of fixed length, filled up
/// with zeros, so that a draw allocates nothing.
pub(super) fn dirichlet<const MAX: usize>(
    rng: &mut RandomStream,
    alpha: f64,
    count: usize,
) -> [f64; MAX] {
    let mut weights = [0.0; MAX];
    weights[..count]
        .iter_mut()
        .for_each(|weight| *weight = rng.gamma(alpha));
    let sum: f64 = weights.iter().sum();
    weights[..count].iter_mut().for_each(|weight| {
        // With a tiny alpha all gammas can underflow to 0; the shares are equal then.
        *weight = if sum > 0.0 {
            *weight / sum
        } else {
            1.0 / count as f64
        };
    });
    weights
}

/// The largest number of chains of AugMix.
pub(super) const MAX_WIDTH: usize = 16;

/// Replaces the image by a weighted sum of itself and of several chains of random ops; torchvision
/// `AugMix` (Hendrycks et al., 2020, arXiv 1912.02781).
///
/// # Parameters
///
/// * `severity` (3; 1 to 10): each op draws one of the first `severity` of 10 bins of its magnitude
///   ([`PolicySpace::Augmix`](crate::augment::PolicySpace)).
/// * `width` (3; 1 to 16): the number of chains.
/// * `depth` (0; 0 to 100): the number of ops in each chain; 0 draws 1, 2 or 3 for each chain.
/// * `alpha` (1; 0.001 to 1000): the parameter of the Dirichlet distribution of the chains' weights
///   and of the Beta distribution of the image's own weight.
/// * `all_ops` (true): also draws brightness, color, contrast and sharpness.
/// * `filter` (`"bilinear"`), `fill` (black): how warps read between pixels, and the color outside.
/// * `dialect` (`"pil"`): the library whose rounding the color ops follow.
///
/// Each chain is rounded to 8 bits; the sum is made in f32 and truncated, as torchvision does it.
/// timm's variant is `timm_augment` with `config = "augmix-m3-w3"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugMix {
    severity: u32,
    width: u32,
    depth: u32,
    alpha: f64,
    all_ops: bool,
    filter: WarpFilter,
    fill: [u8; 3],
    #[serde(skip_serializing_if = "is_default")]
    dialect: Dialect,
}

impl Default for AugMix {
    fn default() -> AugMix {
        AugMix {
            severity: 3,
            width: 3,
            depth: 0,
            alpha: 1.0,
            all_ops: true,
            filter: WarpFilter::Bilinear,
            fill: [0; 3],
            dialect: Dialect::default(),
        }
    }
}

/// The number of ops in a chain: `fixed`, or 1, 2 or 3 if that is 0.
pub(super) fn depth(fixed: u32, rng: &mut RandomStream) -> u32 {
    // Drawn in any case, so that setting a depth does not change which ops come first.
    let drawn = 1 + rng.below(3) as u32;
    if fixed == 0 { drawn } else { fixed }
}

impl Op for AugMix {
    op_basics!("augmix");

    fn check(&self) -> Result<()> {
        ParamRange::Fixed(self.severity.into()).check("severity", [1.0, 10.0])?;
        ParamRange::Fixed(self.width.into()).check("width", [1.0, MAX_WIDTH as f64])?;
        ParamRange::Fixed(self.depth.into()).check("depth", [0.0, 100.0])?;
        check_range("alpha", self.alpha, [1e-3, 1e3])
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let ops = if self.all_ops {
            &Name::AUGMIX[..]
        } else {
            &Name::AUGMIX[..9]
        };
        let style = Style {
            filter: self.filter,
            fill: self.fill,
            dialect: self.dialect,
        };
        let own = rng.beta(self.alpha, self.alpha);
        let weights: [f64; MAX_WIDTH] = dirichlet(rng, self.alpha, self.width as usize);
        steps.push(Step::Fork);
        // The image itself is a chain without ops.
        steps.push(Step::Chain(own as f32));
        for weight in &weights[..self.width as usize] {
            for _ in 0..depth(self.depth, rng) {
                let name = ops[rng.below(ops.len() as u64) as usize];
                let bin = rng.below(self.severity.into()) as u32;
                let strength = strength_of(name, Space::Augmix, 10, bin, steps.frame());
                push_step(name, strength * random_sign(name, rng), style, steps);
            }
            steps.push(Step::Chain((weight * (1.0 - own)) as f32));
        }
        steps.push(Step::Join(1.0));
    }
}
