//! Policies: ops that choose other ops and their strength.
//!
//! Two families implement the same papers with different numbers. *torchvision's* policies
//! ([`RandAugment`], [`TrivialAugmentWide`], [`AutoAugment`], [`AugMix`]) choose a [`PolicyName`]
//! and one of `bins` equally spaced strengths; `space` turns that into a factor, an angle or a
//! shift. *timm's* ([`TimmAugment`]) choose a [`TimmName`] and a level from 0 to 10; `timm_space`
//! does the same for those. Published recipes are tied to one of the two, so both exist with their
//! own tables, and neither is expressed by the other.
//!
//! A policy never touches pixels. It adds the steps of the chosen ops to the list, so a chosen
//! rotation or contrast is fused and cropped like one that the recipe names itself. [`PolicyOp`]
//! and [`TimmOp`] expose single ops, which is how the tests compare each strength with the
//! libraries (docs/AUGMENTATIONS.md has the results).

mod augmix;
mod rand;
mod space;
mod tables;
mod timm;
mod timm_space;

pub use augmix::AugMix;
pub use rand::{AutoAugment, PolicyOp, RandAugment, TrivialAugmentWide};
pub use space::{Name as PolicyName, Space as PolicySpace};
pub use timm::{ThreeAugment, TimmAugment, TimmOp};
pub use timm_space::TimmName;
