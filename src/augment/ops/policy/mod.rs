//! Ops that choose other ops and their strength.
//!
//! Two families implement the same papers with different numbers. *torchvision's* policies
//! ([`RandAugment`], [`TrivialAugmentWide`], [`AutoAugment`], [`AugMix`]) choose a [`PolicyName`] and
//! one of `bins` equally spaced strengths; `space` turns that into a factor, an angle or a shift.
//! *timm's* ([`TimmAugment`]) choose a [`TimmName`] and a level from 0 to 10; `timm_space` does the
//! same for those. Published recipes are tied to one of the two, so both exist with their own tables,
//! and neither is expressed by the other.
//!
//! A policy never touches pixels. It adds the steps of the chosen ops to the list, so a chosen rotation
//! or contrast is merged and cropped like one that the recipe names itself. [`PolicyOp`] and [`TimmOp`]
//! expose single ops, which is how the tests compare each strength with the libraries
//! (docs/AUGMENTATIONS.md has the results).

mod augmix;
mod auto_augment;
mod policy_op;
mod rand_augment;
mod space;
mod tables;
mod three_augment;
mod timm_augment;
mod timm_op;
mod timm_space;
mod trivial_augment_wide;

pub use augmix::AugMix;
pub use auto_augment::{AutoAugment, LearnedPolicy};
pub use policy_op::PolicyOp;
pub use rand_augment::RandAugment;
pub use space::{Name as PolicyName, Space as PolicySpace};
pub use three_augment::ThreeAugment;
pub use timm_augment::TimmAugment;
pub use timm_op::TimmOp;
pub use timm_space::{Interpolation, TimmName};
pub use trivial_augment_wide::TrivialAugmentWide;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[
    BuiltIn::of::<AugMix>(),
    BuiltIn::of::<AutoAugment>(),
    BuiltIn::of::<PolicyOp>(),
    BuiltIn::of::<RandAugment>(),
    BuiltIn::of::<ThreeAugment>(),
    BuiltIn::of::<TimmAugment>(),
    BuiltIn::of::<TimmOp>(),
    BuiltIn::of::<TrivialAugmentWide>(),
];
