//! The inner loops, each in plain Rust and in vector code that returns the same bytes.
//!
//! Every kernel has a folder: `mod.rs` says what it computes, `scalar.rs` is its definition and the
//! oracle of its tests, `avx2.rs` is the fast twin. The functions of one instruction set are
//! collected by an implementation of [`Kernels`]: [`Scalar`] and [`Avx2`](crate::simd::Avx2).
//! [`dispatch!`] picks one of them, once for each call of the decoder, and everything below is
//! compiled once for each implementation. A dispatch for each row or block was rejected: the
//! transform of two blocks takes about 50 ns, and an indirect call keeps it from being inlined.
//!
//! To support another instruction set, add a token to [`crate::simd`], a file (`neon.rs`) beside
//! each `avx2.rs`, an implementation of both traits, and an arm to [`dispatch!`].

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls of functions with CPU features")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads and stores")]
mod avx2_rows;
pub(crate) mod color;
pub(crate) mod entropy;
pub(crate) mod idct;
mod scalar;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
pub(crate) mod upsample;

pub(crate) use scalar::Scalar;

/// Where the samples of a reconstructed block go, and what its coefficients are multiplied by.
#[derive(Clone, Copy)]
pub(crate) struct BlockTarget<'a> {
    /// Quantization table in natural order.
    pub quant: &'a [i16; 64],
    /// Offset of the top left sample in the buffer of samples.
    pub at: usize,
    /// Samples from one row to the next.
    pub stride: usize,
}

/// The operations on samples. All implementations return the same bytes.
///
/// Upsampling across columns reads one sample beyond each end of a row, so its inputs carry one
/// extra sample on either side: `input[1]` is the first sample that is expanded.
pub(crate) trait Kernels: Copy {
    /// Dequantizes and transforms two blocks into `out`: see [`idct`].
    ///
    /// `sparse` promises that all coefficients outside the top left 4 x 4 are zero.
    fn idct_pair(
        self,
        blocks: [&[i16; 64]; 2],
        targets: [BlockTarget<'_>; 2],
        sparse: bool,
        out: &mut [u8],
    );

    /// Dequantizes and transforms a block to `size` x `size` samples: see [`idct::reduced`].
    fn idct_reduced(self, block: &[i16; 64], target: BlockTarget<'_>, size: usize, out: &mut [u8]);

    /// Doubles a row across columns; `out.len()` is `2 * (input.len() - 2)`.
    fn upsample_h2v1(self, input: &[u8], out: &mut [u8]);

    /// Doubles a row across columns and filters it with `far`, the row above or below it.
    fn upsample_h2v2(self, near: &[u8], far: &[u8], out: &mut [u8]);

    /// Filters `near` with the row above (`bias` 1) or below it (`bias` 2). No extra samples.
    fn upsample_h1v2(self, near: &[u8], far: &[u8], bias: u8, out: &mut [u8]);

    /// Converts a row of Y, Cb and Cr samples to interleaved RGB.
    fn ycc_to_rgb(self, planes: [&[u8]; 3], out: &mut [u8]);

    /// Interleaves a row of R, G and B samples.
    fn interleave(self, planes: [&[u8]; 3], out: &mut [u8]);
}

/// Evaluates an expression with the kernels that an `Option<Avx2>` allows.
///
/// The expression is compiled once for each set of kernels, so functions that it calls are generic
/// over [`Kernels`]. This is the crate's only switch between scalar and vector code.
macro_rules! dispatch {
    ($simd:expr, $kernels:ident => $call:expr) => {
        match $simd {
            #[cfg(target_arch = "x86_64")]
            Some($kernels) => $call,
            _ => {
                let $kernels = $crate::kernels::Scalar;
                $call
            }
        }
    };
}
pub(crate) use dispatch;
