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

/// The factors of the transforms to 4 and to 2 samples, for inputs 1, 3, 5 and 7, and 2 and 6.
mod reduced {
    pub const ODD_4: [[i32; 4]; 2] = [[20995, 7373, -4926, -4176], [8697, -17799, 11893, -1730]];
    pub const EVEN_4: [i32; 2] = [15137, -6270];
    pub const ODD_2: [i32; 4] = [29692, -10426, 6967, -5906];
}

fn odd(x: [i16; 8], factors: [i32; 4]) -> i32 {
    let products = [x[1], x[3], x[5], x[7]].into_iter().zip(factors).map(|(x, factor)| i32::from(x) * factor);
    products.fold(0, i32::wrapping_add)
}

fn round_off(x: i32, shift: u32) -> i32 {
    x.wrapping_add(1 << (shift - 1)) >> shift
}

/// The transform of 8 inputs to 4 outputs, of which input 4 is no part, shifted right by `shift`.
fn transform_to_4(x: [i16; 8], shift: u32) -> [i32; 4] {
    let [even, odd_0, odd_1] = [
        i32::from(x[2]) * reduced::EVEN_4[0] + i32::from(x[6]) * reduced::EVEN_4[1],
        odd(x, reduced::ODD_4[0]),
        odd(x, reduced::ODD_4[1]),
    ];
    let first = i32::from(x[0]) << (CONST_BITS + 1);
    let (a, b) = (first.wrapping_add(even), first.wrapping_sub(even));
    [a.wrapping_add(odd_0), b.wrapping_add(odd_1), b.wrapping_sub(odd_1), a.wrapping_sub(odd_0)]
        .map(|x| round_off(x, shift))
}

/// The transform of 8 inputs to 2 outputs, which the even inputs but the first are no part of.
fn transform_to_2(x: [i16; 8], shift: u32) -> [i32; 2] {
    let (first, odd) = (i32::from(x[0]) << (CONST_BITS + 2), odd(x, reduced::ODD_2));
    [first.wrapping_add(odd), first.wrapping_sub(odd)].map(|x| round_off(x, shift))
}

fn narrow(x: i32) -> i16 {
    x.clamp(-32768, 32767) as i16
}

fn sample(x: i32) -> u8 {
    (x.clamp(-128, 127) + 128) as u8
}

/// Dequantises a block and transforms it to `size` x `size` samples: 4, 2 or 1, as libjpeg does for scaled pictures.
pub(super) fn shrink(block: &Block, target: Target<'_>, size: usize, out: &mut [u8]) {
    let at = |n: usize| block[n].wrapping_mul(target.quant[n]);
    let column = |n: usize| std::array::from_fn(|row| at(8 * row + n));
    let mut work = [[0i16; 8]; 4];
    match size {
        4 => {
            for n in [0, 1, 2, 3, 5, 6, 7] {
                let column = transform_to_4(column(n), CONST_BITS - PASS1_BITS + 1);
                (0..4).for_each(|row| work[row][n] = narrow(column[row]));
            }
            for (y, row) in work.into_iter().enumerate() {
                let row = transform_to_4(row, CONST_BITS + PASS1_BITS + 3 + 1).map(sample);
                out[target.at + y * target.stride..][..4].copy_from_slice(&row);
            }
        }
        2 => {
            for n in [0, 1, 3, 5, 7] {
                let column = transform_to_2(column(n), CONST_BITS - PASS1_BITS + 2);
                (0..2).for_each(|row| work[row][n] = narrow(column[row]));
            }
            for (y, row) in work.into_iter().take(2).enumerate() {
                let row = transform_to_2(row, CONST_BITS + PASS1_BITS + 3 + 2).map(sample);
                out[target.at + y * target.stride..][..2].copy_from_slice(&row);
            }
        }
        _ => out[target.at] = sample(round_off(i32::from(at(0)), 3)),
    }
}
