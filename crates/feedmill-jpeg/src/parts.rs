//! The reconstructing half of the decoder, for `augment`, which does to pictures what JPEG would without coding them: there
//! is one inverse transform, one upsampling and one colour conversion.

use super::entropy::Block;
use super::kernels::{Kernels, Scalar, Target};
#[cfg(target_arch = "x86_64")]
use super::x86::Avx2;

/// One block of coefficients in natural order, in the first 64 places.
pub type Coefficients = Block;

/// The kernels for this CPU.
#[derive(Clone, Copy)]
pub struct Parts(Choice);

#[derive(Clone, Copy)]
enum Choice {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Vector(Avx2),
}

macro_rules! with {
    ($parts:expr, $kernels:ident => $call:expr) => {
        match $parts.0 {
            Choice::Plain => {
                let $kernels = Scalar;
                $call
            }
            #[cfg(target_arch = "x86_64")]
            Choice::Vector($kernels) => $call,
        }
    };
}

impl Parts {
    /// With or without vector instructions; the bytes are the same.
    pub fn new(simd: bool) -> Parts {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = simd.then(Avx2::detect).flatten() {
            return Parts(Choice::Vector(avx2));
        }
        let _ = simd;
        Parts(Choice::Plain)
    }

    /// Dequantises and transforms two blocks that lie side by side in `out`, which begins with their first row. `sparse` promises
    /// that coefficients outside the top left 4 x 4 are zero.
    pub fn idct_pair(
        self,
        blocks: &[Coefficients; 2],
        quant: &[i16; 64],
        sparse: bool,
        out: &mut [u8],
        stride: usize,
    ) {
        let targets = [0, 8].map(|at| Target { quant, at, stride });
        with!(self, kernels => kernels.idct_pair(blocks, targets, sparse, out));
    }

    /// See [`Kernels::h2v2`].
    pub fn h2v2(self, near: &[u8], far: &[u8], out: &mut [u8]) {
        with!(self, kernels => kernels.h2v2(near, far, out));
    }

    /// See [`Kernels::ycc_to_rgb`].
    pub fn ycc_to_rgb(self, planes: [&[u8]; 3], out: &mut [u8]) {
        with!(self, kernels => kernels.ycc_to_rgb(planes, out));
    }
}
