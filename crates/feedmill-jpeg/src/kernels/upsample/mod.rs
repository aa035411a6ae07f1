//! Upsampling of chroma planes by the triangle filter ("fancy upsampling", libjpeg's `jdsample.c`).
//!
//! A plane with half as many samples as the image has pixels is doubled by linear interpolation:
//! the centers of the new samples lie 1/4 and 3/4 of the way between old ones, so each is 3/4 of
//! the nearer and 1/4 of the farther sample. The rounding constants differ between even and odd
//! samples, which avoids a drift to one side, and are libjpeg-turbo's.
//!
//! The names give the factors across and down: `h2v1` is 4:2:2, `h2v2` is 4:2:0, `h1v2` is 4:4:0.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
pub(super) mod scalar;
