//! AugMix, as torchvision has it.
//!
//! The image and several chains of random ops that start from it are added with random weights
//! (Hendrycks et al., "AugMix: a simple data processing method to improve robustness and uncertainty",
//! 2020, arXiv 1912.02781). The chains are one step, [`Mixture`].

use super::space::{Name, Space, Style, push_step, random_sign, strength_of};
use crate::augment::steps::{Chain, Mixture};
use crate::augment::{Dialect, Op, Steps, WarpFilter};
use crate::declare;
use crate::rng::RandomStream;

/// Replaces the image by a weighted sum of itself and of several chains of random ops (Hendrycks et
/// al., 2020, arXiv 1912.02781).
///
/// Each chain is rounded to 8 bits; the sum is made in f32 and truncated, as torchvision does it.
/// timm's variant is `timm_augment` with `config = "augmix-m3-w3"`.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::AugMix;
/// use feedmill::testing::assert_op;
///
/// let op = AugMix::new().with_severity(5).with_all_ops(false);
/// assert_op(r#"{ op = "augmix", severity = 5, all_ops = false }"#, &op);
/// ```
#[declare(
    name = "augmix",
    families = [Arithmetic, Color, Contrast, Convolutional, Geometric],
    like = ["torchvision AugMix"],
    strengths = [
        "severity = 1", "severity = 3", "severity = 10"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct AugMix {
    /// Each op draws one of the first `severity` of 10 bins of its magnitude
    /// ([`PolicySpace::Augmix`](crate::augment::PolicySpace)).
    #[param(default = 3, range = [1.0, 10.0])]
    severity: u32,
    /// The number of chains.
    #[param(default = 3, range = [1.0, 16.0])]
    width: u32,
    /// The number of ops in each chain; 0 draws 1, 2 or 3 for each chain.
    #[param(default = 0, range = [0.0, 100.0])]
    depth: u32,
    /// The parameter of the Dirichlet distribution of the chains' weights and of the Beta
    /// distribution of the image's own weight.
    #[param(default = 1.0, range = [0.001, 1000.0])]
    alpha: f64,
    /// Whether to draw brightness, color, contrast and sharpness too.
    #[param(default = true)]
    all_ops: bool,
    /// How warps read between pixels.
    #[param(default = WarpFilter::Bilinear)]
    filter: WarpFilter,
    /// The color that warps leave where the image has no pixel.
    #[param(default = [0; 3])]
    fill: [u8; 3],
    /// The library whose rounding the color ops follow.
    #[param(default)]
    dialect: Dialect,
}

impl Op for AugMix {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let ops = if self.all_ops {
            &Name::AUGMIX[..]
        } else {
            &Name::AUGMIX[..9]
        };
        let own = rng.beta(self.alpha, self.alpha);
        let weights: [f64; MAX_WIDTH] = dirichlet(rng, self.alpha, self.width as usize);
        // The image itself is a chain without ops.
        let mut chains = vec![Chain {
            weight: own as f32,
            steps: Vec::new(),
        }];
        for weight in &weights[..self.width as usize] {
            let drawn = steps.aside(|steps| {
                for _ in 0..depth(self.depth, rng) {
                    let name = ops[rng.below(ops.len() as u64) as usize];
                    let bin = rng.below(self.severity.into()) as u32;
                    let strength = strength_of(name, Space::Augmix, 10, bin, steps.size());
                    push_step(name, strength * random_sign(name, rng), self.style(), steps);
                }
            });
            chains.push(Chain {
                weight: (weight * (1.0 - own)) as f32,
                steps: drawn,
            });
        }
        steps.push(Mixture::new(chains, 1.0));
    }
}

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

/// The number of ops in a chain: `fixed`, or 1, 2 or 3 if that is 0.
pub(super) fn depth(fixed: u32, rng: &mut RandomStream) -> u32 {
    // Drawn in any case, so that setting a depth does not change which ops come first.
    let drawn = 1 + rng.below(3) as u32;
    if fixed == 0 { drawn } else { fixed }
}

impl AugMix {
    fn style(&self) -> Style {
        Style {
            filter: self.filter,
            fill: self.fill,
            dialect: self.dialect,
        }
    }
}
