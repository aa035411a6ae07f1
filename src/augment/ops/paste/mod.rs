//! Cut-outs of objects, and masks of planes.

mod copy_paste;
mod plane_mask;

pub use copy_paste::{CopyPaste, Select};
pub use plane_mask::PlaneMasking;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[BuiltIn::of::<CopyPaste>(), BuiltIn::of::<PlaneMasking>()];
