//! The inverse DCT: the accurate integer transform after Loeffler, Ligtenberg and Moschytz.
//!
//! Constants have 13 fractional bits, the first pass leaves 2. Sums and products wrap and saturate
//! at 16 bits where libjpeg-turbo's vector code does, so that even absurd coefficients agree.

use super::entropy::Block;
use super::kernels::Target;

pub(super) const CONST_BITS: u32 = 13;
pub(super) const PASS1_BITS: u32 = 2;

/// The transform's constants as pairs of factors, each pair for one two-term product sum.
///
/// Named after what is computed: `EVEN_x` from inputs 2 and 6, `Z_x` from the sums 7+3 and 5+1,
/// `OUTER_x` from inputs 7 and 1, `INNER_x` from inputs 5 and 3.
pub(super) mod factors {
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

    pub const EVEN_2: [i16; 2] = [F_0_541, F_0_541 - F_1_847];
    pub const EVEN_3: [i16; 2] = [F_0_541 + F_0_765, F_0_541];
    pub const Z_3: [i16; 2] = [F_1_175 - F_1_961, F_1_175];
    pub const Z_4: [i16; 2] = [F_1_175, F_1_175 - F_0_390];
    pub const OUTER_0: [i16; 2] = [F_0_298 - F_0_899, -F_0_899];
    pub const OUTER_3: [i16; 2] = [-F_0_899, F_1_501 - F_0_899];
    pub const INNER_1: [i16; 2] = [F_2_053 - F_2_562, -F_2_562];
    pub const INNER_2: [i16; 2] = [-F_2_562, F_3_072 - F_2_562];
}

use factors::*;

fn dot(a: i16, b: i16, factors: [i16; 2]) -> i32 {
    // No pair of factors is large enough for an overflow.
    i32::from(a) * i32::from(factors[0]) + i32::from(b) * i32::from(factors[1])
}

/// One-dimensional transform, shifted right by `shift` with rounding.
fn transform(x: [i16; 8], shift: u32) -> [i16; 8] {
    let round = 1 << (shift - 1);
    let tmp0 = (i32::from(x[0].wrapping_add(x[4])) << CONST_BITS) + round;
    let tmp1 = (i32::from(x[0].wrapping_sub(x[4])) << CONST_BITS) + round;
    let tmp2 = dot(x[2], x[6], EVEN_2);
    let tmp3 = dot(x[2], x[6], EVEN_3);
    let even =
        [tmp0.wrapping_add(tmp3), tmp1.wrapping_add(tmp2), tmp1.wrapping_sub(tmp2), tmp0.wrapping_sub(tmp3)];
    let (sum3, sum4) = (x[7].wrapping_add(x[3]), x[5].wrapping_add(x[1]));
    let (z3, z4) = (dot(sum3, sum4, Z_3), dot(sum3, sum4, Z_4));
    let odd = [
        dot(x[7], x[1], OUTER_3).wrapping_add(z4),
        dot(x[5], x[3], INNER_2).wrapping_add(z3),
        dot(x[5], x[3], INNER_1).wrapping_add(z4),
        dot(x[7], x[1], OUTER_0).wrapping_add(z3),
    ];
    let narrow = |x: i32| (x >> shift).clamp(-32768, 32767) as i16;
    let mut out = [0; 8];
    for n in 0..4 {
        out[n] = narrow(even[n].wrapping_add(odd[n]));
        out[7 - n] = narrow(even[n].wrapping_sub(odd[n]));
    }
    out
}

/// Dequantises and transforms one block.
pub(super) fn idct(block: &Block, target: Target<'_>, out: &mut [u8]) {
    let mut work = [[0i16; 8]; 8];
    for column in 0..8 {
        let at = |row: usize| block[8 * row + column].wrapping_mul(target.quant[8 * row + column]);
        let x = [at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)];
        for (row, value) in work.iter_mut().zip(transform(x, CONST_BITS - PASS1_BITS)) {
            row[column] = value;
        }
    }
    for (y, row) in work.into_iter().enumerate() {
        let samples = transform(row, CONST_BITS + PASS1_BITS + 3);
        let at = target.at + y * target.stride;
        for (out, sample) in out[at..at + 8].iter_mut().zip(samples) {
            *out = (sample.clamp(-128, 127) + 128) as u8;
        }
    }
}

/// Every sample of a block that has a DC coefficient only.
#[inline(always)]
pub(super) fn flat(dc: i16, quant: i16) -> u8 {
    let scaled = i32::from(dc.wrapping_mul(quant) << PASS1_BITS);
    let shift = PASS1_BITS + 3;
    (((scaled + (1 << (shift - 1))) >> shift).clamp(-128, 127) + 128) as u8
}
