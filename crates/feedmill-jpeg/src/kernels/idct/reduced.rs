//! The transforms to fewer samples, for images that are decoded at 1/2, 1/4 or 1/8.
//!
//! A block of 8 x 8 coefficients becomes 4 x 4, 2 x 2 or 1 x 1 samples, by the algorithm of
//! libjpeg-turbo's `jidctred.c`: the 8-point transform in which the outputs of a half, and the
//! inputs that only those depend on, are left out.
//!
//! This is the scalar version. Vector code exists for 4 x 4, which half-size images consist of and
//! quarter-size ones take their subsampled chroma from; it made decoding at half size 1.7 times as
//! fast. The smaller transforms have too little work for it.

use super::{CONST_BITS, PASS1_BITS};
use crate::kernels::BlockTarget;

/// Factors with 13 fractional bits: `ODD_x` for inputs 1, 3, 5 and 7, `EVEN_4` for 2 and 6.
pub(super) mod factors {
    pub(crate) const ODD_4: [[i32; 4]; 2] =
        [[20995, 7373, -4926, -4176], [8697, -17799, 11893, -1730]];
    pub(crate) const EVEN_4: [i32; 2] = [15137, -6270];
    pub(crate) const ODD_2: [i32; 4] = [29692, -10426, 6967, -5906];
}

fn odd(x: [i16; 8], factors: [i32; 4]) -> i32 {
    let products = [x[1], x[3], x[5], x[7]]
        .into_iter()
        .zip(factors)
        .map(|(x, factor)| i32::from(x) * factor);
    products.fold(0, i32::wrapping_add)
}

fn round_off(x: i32, shift: u32) -> i32 {
    x.wrapping_add(1 << (shift - 1)) >> shift
}

/// Transforms 8 inputs to 4 outputs, shifted right by `shift`. Input 4 has no influence.
fn transform_to_4(x: [i16; 8], shift: u32) -> [i32; 4] {
    let [even, odd_0, odd_1] = [
        i32::from(x[2]) * factors::EVEN_4[0] + i32::from(x[6]) * factors::EVEN_4[1],
        odd(x, factors::ODD_4[0]),
        odd(x, factors::ODD_4[1]),
    ];
    let first = i32::from(x[0]) << (CONST_BITS + 1);
    let (a, b) = (first.wrapping_add(even), first.wrapping_sub(even));
    [
        a.wrapping_add(odd_0),
        b.wrapping_add(odd_1),
        b.wrapping_sub(odd_1),
        a.wrapping_sub(odd_0),
    ]
    .map(|x| round_off(x, shift))
}

/// Transforms 8 inputs to 2 outputs. The even inputs except the first have no influence.
fn transform_to_2(x: [i16; 8], shift: u32) -> [i32; 2] {
    let (first, odd) = (i32::from(x[0]) << (CONST_BITS + 2), odd(x, factors::ODD_2));
    [first.wrapping_add(odd), first.wrapping_sub(odd)].map(|x| round_off(x, shift))
}

fn narrow(x: i32) -> i16 {
    x.clamp(-32768, 32767) as i16
}

fn sample(x: i32) -> u8 {
    (x.clamp(-128, 127) + 128) as u8
}

/// Dequantizes a block and transforms it to `size` x `size` samples; `size` is 4, 2 or 1.
pub(crate) fn idct_reduced(
    block: &[i16; 64],
    target: BlockTarget<'_>,
    size: usize,
    out: &mut [u8],
) {
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
