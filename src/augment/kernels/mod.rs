//! What steps do to pixels: plain functions on rows of RGB, with the reference libraries' rounding.

mod bilateral;
pub(super) mod blur;
mod box_blur;
pub(super) mod clahe;
pub(super) mod colour;
pub(super) mod convolve;
pub(super) mod corrupt;
mod dct;
pub(super) mod edges;
pub(super) mod elastic;
pub(super) mod erase;
pub(super) mod filter;
pub(super) mod frequency;
pub(super) mod grain;
pub(super) mod jpeg;
#[cfg(target_arch = "x86_64")]
mod jpeg_x86;
pub(super) mod levels;
mod median;
pub(super) mod noise;
pub(super) mod place;
mod poisson;
pub(super) mod resample;
#[cfg(target_arch = "x86_64")]
mod resample_x86;
pub(super) mod spare;
pub(super) mod threshold;
mod vector;
pub(super) mod warp;
#[cfg(target_arch = "x86_64")]
mod warp_x86;
mod weights;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

/// A picture: to be changed in place, or to be read in one place and written to another of the same size.
pub(super) enum Sheet<'a> {
    Place(&'a mut [u8]),
    Move(&'a [u8], &'a mut [u8]),
}
