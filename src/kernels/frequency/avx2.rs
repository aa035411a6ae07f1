//! The scalar code, compiled for AVX2: the compiler has registers of eight values instead of four.

use super::{Images, LowFrequencies, scalar};
use crate::cpu::Avx2;
use crate::kernels::scratch::Scratch;

pub(super) fn crop(_: Avx2, matrices: &LowFrequencies, images: Images<'_>, scratch: &mut Scratch) {
    #[target_feature(enable = "avx2")]
    fn crop(matrices: &LowFrequencies, images: Images<'_>, scratch: &mut Scratch) {
        scalar::crop(matrices, images, scratch);
    }
    // SAFETY: the token proves AVX2.
    unsafe { crop(matrices, images, scratch) }
}
