//! AutoAugment, as torchvision has it.

use serde::{Deserialize, Serialize};

use super::space::{Space, Style, push_step, random_sign, strength_of};
use super::tables;
use crate::augment::{Dialect, Op, Steps, WarpFilter};
use crate::rng::RandomStream;
use crate::{declare, word_param};

/// The data set that a policy of [`AutoAugment`] was learned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LearnedPolicy {
    /// ImageNet.
    ImageNet,
    /// CIFAR-10.
    Cifar10,
    /// SVHN.
    Svhn,
}

word_param!(LearnedPolicy);

/// Applies one of 25 learned pairs of ops (Cubuk et al., 2019, arXiv 1805.09501).
///
/// Each op of the pair has its own probability and its own strength, which are part of the policy.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::{AutoAugment, LearnedPolicy};
/// use feedmill::testing::assert_op;
///
/// let op = AutoAugment::new().with_policy(LearnedPolicy::Cifar10);
/// assert_op(r#"{ op = "auto_augment", policy = "cifar10" }"#, &op);
/// ```
#[declare(
    name = "auto_augment",
    families = [Arithmetic, Color, Contrast, Convolutional, Geometric],
    like = ["torchvision AutoAugment"],
    strengths = [
        "policy = \"imagenet\"", "policy = \"cifar10\"", "policy = \"svhn\""
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct AutoAugment {
    /// The data set that the pairs were learned on.
    #[param(default = LearnedPolicy::ImageNet)]
    policy: LearnedPolicy,
    /// How warps read between pixels.
    #[param(default = WarpFilter::Nearest)]
    filter: WarpFilter,
    /// The color that warps leave where the image has no pixel.
    #[param(default = [0; 3])]
    fill: [u8; 3],
    /// The library whose rounding the color ops follow.
    #[param(default)]
    dialect: Dialect,
}

impl Op for AutoAugment {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let pairs = match self.policy {
            LearnedPolicy::ImageNet => &tables::IMAGENET,
            LearnedPolicy::Cifar10 => &tables::CIFAR10,
            LearnedPolicy::Svhn => &tables::SVHN,
        };
        for (name, p, bin) in pairs[rng.below(pairs.len() as u64) as usize] {
            if rng.unit() <= p {
                let strength = strength_of(name, Space::Narrow, 10, bin.into(), steps.size());
                push_step(name, strength * random_sign(name, rng), self.style(), steps);
            }
        }
    }
}

impl AutoAugment {
    fn style(&self) -> Style {
        Style {
            filter: self.filter,
            fill: self.fill,
            dialect: self.dialect,
        }
    }
}
