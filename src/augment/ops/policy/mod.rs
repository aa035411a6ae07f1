//! Policies: ops that choose other ops and their strength.

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
