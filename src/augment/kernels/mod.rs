//! What steps do to pixels: plain functions on rows of RGB, with the reference libraries' rounding.

mod bilateral;
pub(super) mod blur;
mod box_blur;
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
pub(super) mod levels;
mod median;
pub(super) mod noise;
pub(super) mod place;
mod poisson;
pub(super) mod resample;
pub(super) mod spare;
pub(super) mod threshold;
pub(super) mod warp;
