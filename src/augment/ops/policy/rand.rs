//! RandAugment, TrivialAugmentWide and AutoAugment, as torchvision has them.
//!
//! The three differ in how ops and strengths are chosen: a number of ops of one strength, one op of
//! a random strength, or a learned pair. What an op of some strength does is shared, see
//! [`super::space`]. Choices, probabilities and signs are drawn in torchvision's order.

use serde::{Deserialize, Serialize};

use super::space::{Name, Space, Style, push_step, random_sign, strength_of};
use super::tables;
use crate::augment::params::op_basics;
use crate::augment::{Op, Steps, WarpFilter};
use crate::error::{Error, Result};
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, is_default};

/// The [`Style`] of an op with the fields `filter`, `fill` and `dialect`.
macro_rules! style {
    ($op:expr) => {
        Style {
            filter: $op.filter,
            fill: $op.fill,
            dialect: $op.dialect,
        }
    };
}

fn check_bins(bins: u32) -> Result<()> {
    ParamRange::Fixed(bins.into()).check("bins", [2.0, 1000.0])
}

/// Applies `num_ops` random ops of one strength, one after the other; torchvision `RandAugment`
/// (Cubuk et al., 2020, arXiv 1909.13719).
///
/// The ops are drawn with replacement from 14: identity, shears, translations, rotation,
/// brightness, color, contrast, sharpness, posterize, solarize, autocontrast and equalize.
///
/// # Parameters
///
/// * `num_ops` (2; 0 to 100): how many ops are applied.
/// * `magnitude` (9; 0 to `bins - 1`): the strength, as the number of a bin.
/// * `bins` (31; 2 to 1000): into how many strengths the range of each op is divided.
/// * `filter` (`"nearest"`): how warps read between pixels.
/// * `fill` (black): the color that warps leave where the image has no pixel.
/// * `dialect` (`"pil"`): the library whose rounding the color ops follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandAugment {
    num_ops: u32,
    magnitude: u32,
    bins: u32,
    filter: WarpFilter,
    fill: [u8; 3],
    #[serde(skip_serializing_if = "is_default")]
    dialect: Dialect,
}

impl Default for RandAugment {
    fn default() -> RandAugment {
        RandAugment::new(2, 9)
    }
}

impl RandAugment {
    /// `num_ops` ops of magnitude `magnitude` out of 30, with nearest neighbors and black outside.
    pub fn new(num_ops: u32, magnitude: u32) -> RandAugment {
        RandAugment {
            num_ops,
            magnitude,
            bins: 31,
            filter: WarpFilter::Nearest,
            fill: [0; 3],
            dialect: Dialect::default(),
        }
    }
}

impl Op for RandAugment {
    op_basics!("rand_augment");

    fn check(&self) -> Result<()> {
        ParamRange::Fixed(self.num_ops.into()).check("num_ops", [0.0, 100.0])?;
        check_bins(self.bins)?;
        ParamRange::Fixed(self.magnitude.into())
            .check("magnitude", [0.0, f64::from(self.bins) - 1.0])
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        for _ in 0..self.num_ops {
            let name = Name::FOURTEEN[rng.below(14) as usize];
            let strength = strength_of(
                name,
                Space::Narrow,
                self.bins,
                self.magnitude,
                steps.frame(),
            );
            push_step(name, strength * random_sign(name, rng), style!(self), steps);
        }
    }
}

/// Applies one random op of random strength; torchvision `TrivialAugmentWide` (Müller and Hutter,
/// 2021, arXiv 2103.10158).
///
/// The op is one of the 14 of `rand_augment`; its strength covers a wider range
/// ([`PolicySpace::Wide`](crate::augment::PolicySpace)).
///
/// # Parameters
///
/// * `bins` (31; 2 to 1000): into how many strengths the range of each op is divided; all of them
///   are equally likely.
/// * `filter` (`"nearest"`), `fill` (black), `dialect` (`"pil"`): as in `rand_augment`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrivialAugmentWide {
    bins: u32,
    filter: WarpFilter,
    fill: [u8; 3],
    #[serde(skip_serializing_if = "is_default")]
    dialect: Dialect,
}

impl Default for TrivialAugmentWide {
    fn default() -> TrivialAugmentWide {
        let RandAugment {
            bins,
            filter,
            fill,
            dialect,
            ..
        } = RandAugment::default();
        TrivialAugmentWide {
            bins,
            filter,
            fill,
            dialect,
        }
    }
}

impl Op for TrivialAugmentWide {
    op_basics!("trivial_augment_wide");

    fn check(&self) -> Result<()> {
        check_bins(self.bins)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let name = Name::FOURTEEN[rng.below(14) as usize];
        let bin = rng.below(self.bins.into()) as u32;
        let strength = strength_of(name, Space::Wide, self.bins, bin, steps.frame());
        push_step(name, strength * random_sign(name, rng), style!(self), steps);
    }
}

/// Applies one of 25 learned pairs of ops; torchvision `AutoAugment` (Cubuk et al., 2019, arXiv
/// 1805.09501).
///
/// Each op of the pair has its own probability and its own strength, which are part of the policy.
///
/// # Parameters
///
/// * `policy` (`"imagenet"`; `"cifar10"`, `"svhn"`): the data set that the pairs were learned on.
/// * `filter` (`"nearest"`), `fill` (black), `dialect` (`"pil"`): as in `rand_augment`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoAugment {
    policy: Policy,
    filter: WarpFilter,
    fill: [u8; 3],
    #[serde(skip_serializing_if = "is_default")]
    dialect: Dialect,
}

/// The data set that a policy of AutoAugment was learned on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    #[default]
    ImageNet,
    Cifar10,
    Svhn,
}

impl Op for AutoAugment {
    op_basics!("auto_augment");

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let pairs = match self.policy {
            Policy::ImageNet => &tables::IMAGENET,
            Policy::Cifar10 => &tables::CIFAR10,
            Policy::Svhn => &tables::SVHN,
        };
        for (name, p, bin) in pairs[rng.below(pairs.len() as u64) as usize] {
            if rng.unit() <= p {
                let strength = strength_of(name, Space::Narrow, 10, bin.into(), steps.frame());
                push_step(name, strength * random_sign(name, rng), style!(self), steps);
            }
        }
    }
}

/// Applies one op of torchvision's policies by name: to look at it, to test it, or to build a
/// custom policy with `one_of`.
///
/// # Parameters
///
/// * `name` (required): torchvision's name of the op, such as `"ShearX"` or `"Posterize"`
///   ([`PolicyName`](crate::augment::PolicyName)).
/// * `magnitude` (0; 0 to `bins - 1`): the strength, as the number of a bin.
/// * `bins` (31; 2 to 1000): into how many strengths the range of the op is divided.
/// * `space` (`"narrow"`; `"wide"`, `"augmix"`): the range; `narrow` is that of RandAugment and
///   AutoAugment, `wide` that of TrivialAugmentWide.
/// * `sign` (0): 1 or -1 fixes the sign of the magnitude, 0 draws it for ops that have one.
/// * `filter` (`"nearest"`), `fill` (black), `dialect` (`"pil"`): as in `rand_augment`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyOp {
    name: Name,
    #[serde(default)]
    magnitude: u32,
    #[serde(default = "bins")]
    bins: u32,
    #[serde(default)]
    space: Space,
    #[serde(default)]
    sign: i8,
    #[serde(default)]
    filter: WarpFilter,
    #[serde(default)]
    fill: [u8; 3],
    #[serde(default, skip_serializing_if = "is_default")]
    dialect: Dialect,
}

fn bins() -> u32 {
    31
}

impl Op for PolicyOp {
    op_basics!("policy_op");

    fn check(&self) -> Result<()> {
        check_bins(self.bins)?;
        if !(-1..=1).contains(&self.sign) {
            return Err(Error::config(format!(
                "sign = {}: expected -1, 0 or 1",
                self.sign
            )));
        }
        ParamRange::Fixed(self.magnitude.into())
            .check("magnitude", [0.0, f64::from(self.bins) - 1.0])
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let drawn = random_sign(self.name, rng);
        let sign = if self.sign == 0 {
            drawn
        } else {
            f64::from(self.sign)
        };
        let strength = strength_of(
            self.name,
            self.space,
            self.bins,
            self.magnitude,
            steps.frame(),
        );
        push_step(self.name, strength * sign, style!(self), steps);
    }
}
