//! What steps do to pixels: plain functions on rows of RGB that reproduce the rounding of a
//! reference library.
//!
//! A kernel is one file, or one folder if it has vector code: `mod.rs` with the idea and the entry,
//! `scalar.rs` with the code that defines the bytes, and `avx2.rs` with code for AVX2 that returns
//! the same bytes. [`crate::cpu`] chooses between them; code for other instructions is one more
//! file beside them and one more arm of `dispatch!`.
//!
//! Kernels know of each other only the small things below them: [`border`], [`blend`], [`luma`],
//! [`filter`], [`pixel_rng`] and [`scratch`]. Buffers come from the caller, and a kernel that keeps
//! a table from image to image has a type for it, which the caller owns.

mod bilateral;
pub(crate) mod blend;
pub(crate) mod blur;
pub(crate) mod border;
mod box_blur;
pub(crate) mod clahe;
pub(crate) mod color;
pub(crate) mod convolve;
pub(crate) mod corrupt;
pub(crate) mod crop;
pub(crate) mod dialect;
pub(crate) mod edges;
pub(crate) mod elastic;
pub(crate) mod erase;
pub(crate) mod filter;
pub(crate) mod frequency;
pub(crate) mod jpeg;
pub(crate) mod levels;
pub(crate) mod luma;
mod median;
pub(crate) mod mirror;
pub(crate) mod noise;
pub(crate) mod noise_distribution;
pub(crate) mod normalize;
pub(crate) mod pixel_buf;
mod pixel_rng;
pub(crate) mod poisson;
pub(crate) mod resample;
pub(crate) mod scratch;
#[cfg(target_arch = "x86_64")]
mod simd_avx2;
pub(crate) mod threshold;
pub(crate) mod turn;
pub(crate) mod warp;

pub use border::PadMode;
pub use dialect::Dialect;
