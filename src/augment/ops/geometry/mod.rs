//! Mirror images, rotations, warps.

mod affine;
mod elastic;
mod horizontal_flip;
mod perspective;
mod rotate;
mod rotate90;
mod vertical_flip;

pub use affine::Affine;
pub use elastic::{ElasticFilter, ElasticTransform};
pub use horizontal_flip::HorizontalFlip;
pub use perspective::Perspective;
pub use rotate::Rotate;
pub use rotate90::{Rotate90, Turns};
pub use vertical_flip::VerticalFlip;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[
    BuiltIn::of::<Affine>(),
    BuiltIn::of::<ElasticTransform>(),
    BuiltIn::of::<HorizontalFlip>(),
    BuiltIn::of::<Perspective>(),
    BuiltIn::of::<Rotate>(),
    BuiltIn::of::<Rotate90>(),
    BuiltIn::of::<VerticalFlip>(),
];
