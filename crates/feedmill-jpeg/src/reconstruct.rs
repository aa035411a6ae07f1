//! The decoder's kernels by themselves: inverse DCT, upsampling, color conversion.
//!
//! A program that computes with JPEG's coefficients or samples, for example to simulate compression
//! without writing a file, gets the same rounding as the decoder by calling its kernels. Rows and
//! blocks are plain slices, so there is nothing to set up.
//!
//! ```
//! use feedmill_jpeg::{reconstruct::Reconstruct, simd::Avx2};
//!
//! // A DC coefficient of 16 with quantization step 2 lifts every sample by 16 * 2 / 8.
//! let (mut block, quant) = ([0; 64], [2; 64]);
//! block[0] = 16;
//! let mut samples = [0; 8 * 16];
//! Reconstruct::new(Avx2::detect()).idct_pair([&block; 2], &quant, true, &mut samples, 16);
//! assert_eq!(samples, [128 + 4; 8 * 16]);
//! ```

use crate::kernels::{BlockTarget, Kernels, dispatch};
use crate::simd::Avx2;

/// The reconstruction kernels for one CPU. The bytes do not depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Reconstruct {
    simd: Option<Avx2>,
}

impl Reconstruct {
    /// Creates the kernels, with vector instructions if there is proof that the CPU has them.
    pub fn new(simd: Option<Avx2>) -> Reconstruct {
        Reconstruct { simd }
    }

    /// Dequantizes two blocks and transforms them to 8 rows of 16 samples, side by side in `out`.
    ///
    /// Coefficients and quantization steps are in natural order, that is row by row. `out` begins
    /// with the first sample of the left block, and its rows are `stride` bytes apart. `sparse`
    /// promises that all coefficients outside the top left 4 x 4 are zero; where they are not,
    /// samples are wrong and differ between CPUs.
    ///
    /// # Panics
    ///
    /// If `out` has fewer than `7 * stride + 16` bytes.
    #[inline]
    pub fn idct_pair(
        self,
        blocks: [&[i16; 64]; 2],
        quant: &[i16; 64],
        sparse: bool,
        out: &mut [u8],
        stride: usize,
    ) {
        let targets = [0, 8].map(|at| BlockTarget { quant, at, stride });
        dispatch!(self.simd, kernels => kernels.idct_pair(blocks, targets, sparse, out));
    }

    /// Doubles a row of a 4:2:0 plane across columns and filters it with a neighboring row.
    ///
    /// `near` is the row that the output row lies in, `far` the row above it (for an even output
    /// row) or below it. Both hold one extra sample at either end: the neighbors beyond the part
    /// that is expanded, or the edge samples repeated.
    ///
    /// # Panics
    ///
    /// If `near` and `far` have different lengths or fewer than 2 samples, or if `out` does not
    /// have `2 * (near.len() - 2)`.
    #[inline]
    pub fn upsample_h2v2(self, near: &[u8], far: &[u8], out: &mut [u8]) {
        assert!(near.len() >= 2 && near.len() == far.len() && out.len() == 2 * (near.len() - 2));
        dispatch!(self.simd, kernels => kernels.upsample_h2v2(near, far, out));
    }

    /// Converts a row of Y, Cb and Cr samples to interleaved RGB.
    ///
    /// # Panics
    ///
    /// If the planes have different lengths, or if `out` does not have three times as many bytes.
    #[inline]
    pub fn ycc_to_rgb(self, planes: [&[u8]; 3], out: &mut [u8]) {
        let pixels = planes[0].len();
        assert!(planes.iter().all(|plane| plane.len() == pixels) && out.len() == 3 * pixels);
        dispatch!(self.simd, kernels => kernels.ycc_to_rgb(planes, out));
    }
}
