//! Erased regions.

mod cutout;
mod random_erasing;

pub use cutout::Cutout;
pub use random_erasing::{EraseValue, RandomErasing};

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[BuiltIn::of::<Cutout>(), BuiltIn::of::<RandomErasing>()];
