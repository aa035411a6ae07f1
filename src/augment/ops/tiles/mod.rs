//! Tiles of an image as views.

mod any_res;
mod jigsaw;
mod merge;
mod quadrants;

pub use any_res::{AnyRes, Grids};
pub use jigsaw::Jigsaw;
pub use merge::{MergedTile, merge_similar};
pub use quadrants::Quadrants;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[
    BuiltIn::of::<AnyRes>(),
    BuiltIn::of::<Jigsaw>(),
    BuiltIn::of::<Quadrants>(),
];
