//! RandAugment, TrivialAugmentWide and AutoAugment in torchvision's dialect.

use serde::{Deserialize, Serialize};

use super::space::{Name, Space, Style, push, sign, value};
use super::tables;
use crate::augment::params::op_basics;
use crate::augment::{Op, Steps, WarpFilter};
use crate::error::{Error, Result};
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, is_default};

/// The parameters that policies share: `filter` (`nearest`), `fill` (black), `dialect` (`pil`).
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

/// Some ops of equal strength; Cubuk et al., 2020 (arXiv 1909.13719), as torchvision `RandAugment`.
///
/// `num_ops` (2) ops, drawn with replacement from 14; `magnitude` (9) of `bins` (31), 0 to `bins` -
/// 1; `filter` (`nearest`), `fill` (black), `dialect` (`pil`).
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
    /// So many ops of so much of 30.
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
            let strength = value(
                name,
                Space::Narrow,
                self.bins,
                self.magnitude,
                steps.frame(),
            );
            push(name, strength * sign(name, rng), style!(self), steps);
        }
    }
}

/// One op of random strength; Müller and Hutter, 2021 (arXiv 2103.10158), as torchvision
/// `TrivialAugmentWide`.
///
/// `bins` (31) strengths; `filter`, `fill`, `dialect` as in `rand_augment`.
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
        let strength = value(name, Space::Wide, self.bins, bin, steps.frame());
        push(name, strength * sign(name, rng), style!(self), steps);
    }
}

/// One of 25 learned pairs of ops; Cubuk et al., 2019 (arXiv 1805.09501), as torchvision
/// `AutoAugment`.
///
/// `policy` is `imagenet` (default), `cifar10` or `svhn`; `filter`, `fill`, `dialect` as in
/// `rand_augment`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoAugment {
    policy: Policy,
    filter: WarpFilter,
    fill: [u8; 3],
    #[serde(skip_serializing_if = "is_default")]
    dialect: Dialect,
}

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
                let strength = value(name, Space::Narrow, 10, bin.into(), steps.frame());
                push(name, strength * sign(name, rng), style!(self), steps);
            }
        }
    }
}

/// One op of these policies by name: to see it, to test it, or to build a policy of one's own with
/// `one_of`.
///
/// `name` as torchvision's (`ShearX`, `Posterize`, …); `magnitude` of `bins` (31); `space` is
/// `narrow` (RandAugment and AutoAugment, default), `wide` (TrivialAugmentWide) or `augmix`; `sign`
/// is 1, -1, or 0 for a random one (default).
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
        let drawn = sign(self.name, rng);
        let sign = if self.sign == 0 {
            drawn
        } else {
            f64::from(self.sign)
        };
        let strength = value(
            self.name,
            self.space,
            self.bins,
            self.magnitude,
            steps.frame(),
        );
        push(self.name, strength * sign, style!(self), steps);
    }
}
