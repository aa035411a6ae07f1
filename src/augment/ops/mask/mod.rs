//! Masks of patches, as notes.

mod block_mask;
mod keep_by_score;
mod token_mask;

pub use block_mask::BlockMask;
pub use keep_by_score::keep_by_score;
pub use token_mask::TokenMask;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[BuiltIn::of::<BlockMask>(), BuiltIn::of::<TokenMask>()];
