//! libjpeg's accurate integer transform of 8 x 8 values (`jfdctint.c`), bit for bit.
//!
//! The algorithm is by Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms with
//! 11 multiplications" (1989). Each function works on eight columns at once in a plain loop, which
//! the compiler vectorizes.

/// Eight rows of eight values.
pub(super) type Block = [[i32; 8]; 8];

pub(super) const CONST_BITS: u32 = 13;
pub(super) const PASS1_BITS: u32 = 2;

pub(super) const F0_298: i32 = 2446;
pub(super) const F0_390: i32 = 3196;
pub(super) const F0_541: i32 = 4433;
pub(super) const F0_765: i32 = 6270;
pub(super) const F0_899: i32 = 7373;
pub(super) const F1_175: i32 = 9633;
pub(super) const F1_501: i32 = 12299;
pub(super) const F1_847: i32 = 15137;
pub(super) const F1_961: i32 = 16069;
pub(super) const F2_053: i32 = 16819;
pub(super) const F2_562: i32 = 20995;
pub(super) const F3_072: i32 = 25172;

#[inline(always)]
fn with(mut a: [i32; 8], b: [i32; 8], op: impl Fn(i32, i32) -> i32) -> [i32; 8] {
    for i in 0..8 {
        a[i] = op(a[i], b[i]);
    }
    a
}

#[inline(always)]
fn each(mut a: [i32; 8], op: impl Fn(i32) -> i32) -> [i32; 8] {
    for value in &mut a {
        *value = op(*value);
    }
    a
}

#[inline(always)]
fn add(a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
    with(a, b, |a, b| a + b)
}

#[inline(always)]
fn sub(a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
    with(a, b, |a, b| a - b)
}

#[inline(always)]
fn times(a: [i32; 8], factor: i32) -> [i32; 8] {
    each(a, |a| a * factor)
}

#[inline(always)]
fn descale(a: [i32; 8], shift: u32) -> [i32; 8] {
    each(a, |a| (a + (1 << (shift - 1))) >> shift)
}

#[inline(always)]
fn transposed(block: Block) -> Block {
    let mut out = [[0; 8]; 8];
    for row in 0..8 {
        for column in 0..8 {
            out[row][column] = block[column][row];
        }
    }
    out
}

/// The odd coefficients of one dimension, before they are scaled back.
#[inline(always)]
fn odd_half(t: [[i32; 8]; 4]) -> [[i32; 8]; 4] {
    let [t0, t1, t2, t3] = t;
    let z5 = times(add(add(t0, t2), add(t1, t3)), F1_175);
    let z1 = times(add(t0, t3), -F0_899);
    let z2 = times(add(t1, t2), -F2_562);
    let z3 = add(times(add(t0, t2), -F1_961), z5);
    let z4 = add(times(add(t1, t3), -F0_390), z5);
    [
        add(times(t0, F0_298), add(z1, z3)),
        add(times(t1, F2_053), add(z2, z4)),
        add(times(t2, F3_072), add(z2, z3)),
        add(times(t3, F1_501), add(z1, z4)),
    ]
}

#[inline(always)]
fn forward_pass(d: Block, last: bool) -> Block {
    let t = [
        add(d[0], d[7]),
        add(d[1], d[6]),
        add(d[2], d[5]),
        add(d[3], d[4]),
        sub(d[3], d[4]),
        sub(d[2], d[5]),
        sub(d[1], d[6]),
        sub(d[0], d[7]),
    ];
    let (t10, t13) = (add(t[0], t[3]), sub(t[0], t[3]));
    let (t11, t12) = (add(t[1], t[2]), sub(t[1], t[2]));
    let shift = if last {
        CONST_BITS + PASS1_BITS
    } else {
        CONST_BITS - PASS1_BITS
    };
    let even_part = |a: [i32; 8]| {
        if last {
            descale(a, PASS1_BITS)
        } else {
            each(a, |a| a << PASS1_BITS)
        }
    };
    let z1 = times(add(t12, t13), F0_541);
    let [d7, d5, d3, d1] = odd_half([t[4], t[5], t[6], t[7]]);
    let [d7, d5, d3, d1] = [
        descale(d7, shift),
        descale(d5, shift),
        descale(d3, shift),
        descale(d1, shift),
    ];
    [
        even_part(add(t10, t11)),
        d1,
        descale(add(z1, times(t13, F0_765)), shift),
        d3,
        even_part(sub(t10, t11)),
        d5,
        descale(sub(z1, times(t12, F1_847)), shift),
        d7,
    ]
}

/// Transforms values of -128 to 127 to coefficients, scaled by 8.
#[inline(always)]
pub(super) fn forward(block: Block) -> Block {
    forward_pass(transposed(forward_pass(transposed(block), false)), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_block_is_its_mean() {
        let coefficients = forward([[100; 8]; 8]);
        assert_eq!(coefficients[0][0], 100 * 64);
        assert!(
            coefficients
                .iter()
                .flatten()
                .skip(1)
                .all(|value| *value == 0)
        );
    }
}
