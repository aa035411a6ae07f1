//! The built-in ops: what each draws, and which steps follow from it.
//!
//! An op is one file: its parameters, declared once ([`declare`](crate::declare)), what it draws,
//! and the steps that follow. The page of an op lists its parameters as a recipe has them, the
//! names that other libraries have for it, and an example in Rust and in a recipe. *Levels* are the
//! 256 values of a channel.
//!
//! | folder | ops |
//! | --- | --- |
//! | `crop` | sizes: crops, resizes, borders |
//! | `geometry` | mirror images, rotations, warps |
//! | `color` | color, levels, contrast |
//! | `blur` | blurs, sharpening, edges |
//! | `noise` | noise, dropped pixels, compression, common corruptions |
//! | `erase` | erased regions |
//! | `policy` | ops that choose other ops and their strength |
//! | `mask` | masks of patches, as notes |
//! | `tiles` | tiles of an image as views |
//! | `paste` | cut-outs of objects, masks of planes |
//!
//! Rounding is part of an op. The kernels have the bytes of the named library, and
//! docs/AUGMENTATIONS.md lists where they do not.
//!
//! The order of the draws of an op is part of it too: another order is another image for the same
//! seed. How many numbers an op draws does not matter to others, as each has its own stream.

mod blur;
mod built_in;
mod color;
mod container;
mod crop;
mod erase;
mod geometry;
mod mask;
mod noise;
mod paste;
mod policy;
#[cfg(test)]
mod testing;
mod tiles;

pub use blur::*;
pub(crate) use built_in::BuiltIn;
pub use color::*;
pub(crate) use container::CONTAINERS;
pub use container::Container;
pub use crop::*;
pub use erase::*;
pub use geometry::*;
pub use mask::*;
pub use noise::*;
pub use paste::*;
pub use policy::*;
pub use tiles::*;

/// All built-in ops except for containers.
pub(crate) fn built_in() -> impl Iterator<Item = &'static BuiltIn> {
    [
        crop::OPS,
        geometry::OPS,
        color::OPS,
        blur::OPS,
        noise::OPS,
        erase::OPS,
        policy::OPS,
        mask::OPS,
        tiles::OPS,
        paste::OPS,
    ]
    .into_iter()
    .flatten()
}
