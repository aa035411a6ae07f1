//! The inverse discrete cosine transform (T.81 A.3.3), from coefficients to samples.
//!
//! Blocks are transformed by the 1-D algorithm of Loeffler, Ligtenberg and Moschytz ("Practical
//! fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989), columns first and then rows. The
//! arithmetic is that of libjpeg-turbo's default, the accurate integer transform (`jidctint.c` and
//! `simd/x86_64/jidctint-avx2.asm`): constants have 13 fractional bits and the first pass keeps 2.
//!
//! The standard leaves the rounding of the transform to the decoder, so "the same pixels" means the
//! same intermediate widths as well: sums wrap and results saturate at 16 bits wherever
//! libjpeg-turbo's vector code does that. It matters for absurd coefficients only, which fuzzers
//! and damaged files have.
//!
//! Where most coefficients are zero there are shortcuts with the same result: a block with a DC
//! coefficient only is one value ([`idct_dc_only`]), and `sparse` blocks leave out half of the
//! products.

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "vector loads and stores, and calls of functions with CPU features"
)]
pub(super) mod avx2;
pub(crate) mod reduced;
pub(super) mod scalar;

use super::BlockTarget;

/// Fractional bits of the constants.
const CONST_BITS: u32 = 13;
/// Fractional bits that the first pass keeps.
const PASS1_BITS: u32 = 2;

/// The constants of the transform, as pairs for a sum of two products (one `pmaddwd`).
///
/// They are named after their inputs: `EVEN_x` takes inputs 2 and 6, `Z_x` the sums 7+3 and 5+1,
/// `OUTER_x` inputs 7 and 1, `INNER_x` inputs 5 and 3. `F_1_175` is 1.175 in fixed point.
mod factors {
    const F_0_298: i16 = 2446;
    const F_0_390: i16 = 3196;
    const F_0_541: i16 = 4433;
    const F_0_765: i16 = 6270;
    const F_0_899: i16 = 7373;
    const F_1_175: i16 = 9633;
    const F_1_501: i16 = 12299;
    const F_1_847: i16 = 15137;
    const F_1_961: i16 = 16069;
    const F_2_053: i16 = 16819;
    const F_2_562: i16 = 20995;
    const F_3_072: i16 = 25172;

    pub(super) const EVEN_2: [i16; 2] = [F_0_541, F_0_541 - F_1_847];
    pub(super) const EVEN_3: [i16; 2] = [F_0_541 + F_0_765, F_0_541];
    pub(super) const Z_3: [i16; 2] = [F_1_175 - F_1_961, F_1_175];
    pub(super) const Z_4: [i16; 2] = [F_1_175, F_1_175 - F_0_390];
    pub(super) const OUTER_0: [i16; 2] = [F_0_298 - F_0_899, -F_0_899];
    pub(super) const OUTER_3: [i16; 2] = [-F_0_899, F_1_501 - F_0_899];
    pub(super) const INNER_1: [i16; 2] = [F_2_053 - F_2_562, -F_2_562];
    pub(super) const INNER_2: [i16; 2] = [-F_2_562, F_3_072 - F_2_562];
}

/// Writes a block of 8 x 8 samples that has a DC coefficient only, for which all of them are equal.
#[inline(always)]
pub(crate) fn idct_dc_only(dc: i16, target: BlockTarget<'_>, out: &mut [u8]) {
    let scaled = i32::from(dc.wrapping_mul(target.quant[0]) << PASS1_BITS);
    let shift = PASS1_BITS + 3;
    let sample = (((scaled + (1 << (shift - 1))) >> shift).clamp(-128, 127) + 128) as u8;
    for y in 0..8 {
        let at = target.at + y * target.stride;
        out[at..at + 8].copy_from_slice(&[sample; 8]);
    }
}
