//! AugMix.

use serde::{Deserialize, Serialize};

use super::space::{Name, Space, Style, push, sign, value};
use crate::augment::params::op_basics;
use crate::augment::{Op, Step, Steps, WarpFilter};
use crate::error::Result;
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_range, is_default};

/// Weights of a Dirichlet distribution with equal parameters, a few at a time.
pub(super) fn dirichlet<const MOST: usize>(
    rng: &mut RandomStream,
    alpha: f64,
    count: usize,
) -> [f64; MOST] {
    let mut weights = [0.0; MOST];
    weights[..count]
        .iter_mut()
        .for_each(|weight| *weight = rng.gamma(alpha));
    let sum: f64 = weights.iter().sum();
    weights[..count].iter_mut().for_each(|weight| {
        // All gammas underflow for a tiny alpha: equal shares then.
        *weight = if sum > 0.0 {
            *weight / sum
        } else {
            1.0 / count as f64
        };
    });
    weights
}

/// The most chains of AugMix.
pub(super) const WIDTH: usize = 16;

/// A weighted sum of the image and several chains of ops; Hendrycks et al., 2020 (arXiv
/// 1912.02781), as torchvision `AugMix`.
///
/// `severity` (3) of 10; `width` (3) chains of `depth` (0, which draws 1 to 3) ops; `alpha` (1) of
/// the Dirichlet and Beta distributions of the weights; `all_ops` (true) adds brightness, color,
/// contrast and sharpness; `filter` (`bilinear`), `fill` (black), `dialect` (`pil`). timm's variant
/// is `timm_augment` with `config = "augmix-m3-w3"`.
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

pub(super) fn depth(fixed: u32, rng: &mut RandomStream) -> u32 {
    let drawn = 1 + rng.below(3) as u32;
    if fixed == 0 { drawn } else { fixed }
}

impl Op for AugMix {
    op_basics!("augmix");

    fn check(&self) -> Result<()> {
        ParamRange::Fixed(self.severity.into()).check("severity", [1.0, 10.0])?;
        ParamRange::Fixed(self.width.into()).check("width", [1.0, WIDTH as f64])?;
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
        let weights: [f64; WIDTH] = dirichlet(rng, self.alpha, self.width as usize);
        steps.push(Step::Fork);
        // The image itself is a chain without ops.
        steps.push(Step::Chain(own as f32));
        for weight in &weights[..self.width as usize] {
            for _ in 0..depth(self.depth, rng) {
                let name = ops[rng.below(ops.len() as u64) as usize];
                let bin = rng.below(self.severity.into()) as u32;
                let strength = value(name, Space::Augmix, 10, bin, steps.frame());
                push(name, strength * sign(name, rng), style, steps);
            }
            steps.push(Step::Chain((weight * (1.0 - own)) as f32));
        }
        steps.push(Step::Join(1.0));
    }
}
