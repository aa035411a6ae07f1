//! The transform of one block in plain Rust.

use super::factors::*;
use super::{CONST_BITS, PASS1_BITS};
use crate::kernels::BlockTarget;

fn dot(a: i16, b: i16, factors: [i16; 2]) -> i32 {
    // Cannot overflow: the factors of a pair add up to less than 2^16.
    i32::from(a) * i32::from(factors[0]) + i32::from(b) * i32::from(factors[1])
}

/// Transforms eight values, and shifts the results right by `shift` with rounding.
fn transform(x: [i16; 8], shift: u32) -> [i16; 8] {
    let round = 1 << (shift - 1);
    let tmp0 = (i32::from(x[0].wrapping_add(x[4])) << CONST_BITS) + round;
    let tmp1 = (i32::from(x[0].wrapping_sub(x[4])) << CONST_BITS) + round;
    let tmp2 = dot(x[2], x[6], EVEN_2);
    let tmp3 = dot(x[2], x[6], EVEN_3);
    let even = [
        tmp0.wrapping_add(tmp3),
        tmp1.wrapping_add(tmp2),
        tmp1.wrapping_sub(tmp2),
        tmp0.wrapping_sub(tmp3),
    ];
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

/// Dequantizes and transforms one block: columns first, then rows.
pub(crate) fn idct(block: &[i16; 64], target: BlockTarget<'_>, out: &mut [u8]) {
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
