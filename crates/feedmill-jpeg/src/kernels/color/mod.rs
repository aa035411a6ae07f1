//! From rows of samples to interleaved RGB pixels.
//!
//! The conversion from YCbCr is JFIF's (ITU-R BT.601, full range), in the 16.16 fixed point of
//! libjpeg's `jdcolor.c`. The scalar twin multiplies where libjpeg looks up; the rounding is equal.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
pub(super) mod scalar;
