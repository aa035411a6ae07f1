//! What steps do to pixels: plain functions on rows of RGB, with the reference libraries' rounding.

pub(super) mod colour;
pub(super) mod erase;
pub(super) mod levels;
pub(super) mod noise;
pub(super) mod place;
pub(super) mod resample;
pub(super) mod warp;
