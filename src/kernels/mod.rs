//! What steps do to pixels: plain functions on rows of RGB, with the reference libraries' rounding.

use serde::{Deserialize, Serialize};

mod bilateral;
pub(crate) mod blur;
mod box_blur;
pub(crate) mod clahe;
pub(crate) mod color;
pub(crate) mod convolve;
pub(crate) mod corrupt;
mod dct;
pub(crate) mod edges;
pub(crate) mod elastic;
pub(crate) mod erase;
pub(crate) mod filter;
pub(crate) mod frequency;
pub(crate) mod grain;
pub(crate) mod jpeg;
#[cfg(target_arch = "x86_64")]
mod jpeg_x86;
pub(crate) mod levels;
mod median;
pub(crate) mod noise;
pub(crate) mod place;
mod poisson;
pub(crate) mod resample;
#[cfg(target_arch = "x86_64")]
mod resample_x86;
pub(crate) mod spare;
pub(crate) mod threshold;
mod vector;
pub(crate) mod warp;
#[cfg(target_arch = "x86_64")]
mod warp_x86;
mod weights;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

/// An image: to be changed in place, or to be read in one place and written to another of the same
/// size.
pub(super) enum Sheet<'a> {
    Place(&'a mut [u8]),
    Move(&'a [u8], &'a mut [u8]),
}

/// What stands beyond the edge of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// A color.
    Constant([u8; 3]),
    /// The image mirrored at its edge, the edge not repeated: 2 1 | 0 1 2.
    Reflect,
    /// The image mirrored at its edge, the edge repeated: 1 0 | 0 1 2.
    Symmetric,
    /// The pixel at the edge: 0 0 | 0 1 2.
    Edge,
}

impl Default for PadMode {
    fn default() -> PadMode {
        PadMode::Constant([0; 3])
    }
}

/// Which library's rounding a color op has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Pillow's 8-bit rules, which torchvision and timm have when they are given PIL images.
    #[default]
    Pil,
    /// torchvision v2's rules for u8 tensors.
    Tv2,
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Dialect::Pil => "",
            Dialect::Tv2 => " dialect=tv2",
        })
    }
}
