//! The kernels of every CPU: plain Rust.

use super::{BlockTarget, Kernels, color, idct, upsample};

/// The set of kernels without vector instructions.
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

impl Kernels for Scalar {
    fn idct_pair(
        self,
        blocks: [&[i16; 64]; 2],
        targets: [BlockTarget<'_>; 2],
        _sparse: bool,
        out: &mut [u8],
    ) {
        for (block, target) in blocks.into_iter().zip(targets) {
            idct::scalar::idct(block, target, out);
        }
    }

    fn idct_reduced(self, block: &[i16; 64], target: BlockTarget<'_>, size: usize, out: &mut [u8]) {
        idct::reduced::idct_reduced(block, target, size, out);
    }

    fn upsample_h2v1(self, input: &[u8], out: &mut [u8]) {
        upsample::scalar::h2v1(input, out);
    }

    fn upsample_h2v2(self, near: &[u8], far: &[u8], out: &mut [u8]) {
        upsample::scalar::h2v2(near, far, out);
    }

    fn upsample_h1v2(self, near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
        upsample::scalar::h1v2(near, far, bias, out);
    }

    fn ycc_to_rgb(self, planes: [&[u8]; 3], out: &mut [u8]) {
        color::scalar::ycc_to_rgb(planes, out);
    }

    fn interleave(self, planes: [&[u8]; 3], out: &mut [u8]) {
        color::scalar::interleave(planes, out);
    }
}
