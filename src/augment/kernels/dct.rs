//! libjpeg's accurate integer transforms of 8 x 8 values (`jfdctint.c`, `jidctint.c`), bit for bit: Loeffler, Ligtenberg and
//! Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications" (1989).

/// Eight rows of eight values.
pub(super) type Block = [[i32; 8]; 8];

const CONST_BITS: u32 = 13;
const PASS1_BITS: u32 = 2;

const F0_298: i32 = 2446;
const F0_390: i32 = 3196;
const F0_541: i32 = 4433;
const F0_765: i32 = 6270;
const F0_899: i32 = 7373;
const F1_175: i32 = 9633;
const F1_501: i32 = 12299;
const F1_847: i32 = 15137;
const F1_961: i32 = 16069;
const F2_053: i32 = 16819;
const F2_562: i32 = 20995;
const F3_072: i32 = 25172;

/// Arithmetic on eight columns at once; plain loops, which become vector code.
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

/// What both directions share of the odd half: the inputs times their factors, and the rotations to be added to them.
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
    let shift = if last { CONST_BITS + PASS1_BITS } else { CONST_BITS - PASS1_BITS };
    let whole = |a: [i32; 8]| {
        if last { descale(a, PASS1_BITS) } else { each(a, |a| a << PASS1_BITS) }
    };
    let z1 = times(add(t12, t13), F0_541);
    let [d7, d5, d3, d1] = odd_half([t[4], t[5], t[6], t[7]]);
    let [d7, d5, d3, d1] = [descale(d7, shift), descale(d5, shift), descale(d3, shift), descale(d1, shift)];
    [
        whole(add(t10, t11)),
        d1,
        descale(add(z1, times(t13, F0_765)), shift),
        d3,
        whole(sub(t10, t11)),
        d5,
        descale(sub(z1, times(t12, F1_847)), shift),
        d7,
    ]
}

#[inline(always)]
fn inverse_pass(d: Block, shift: u32) -> Block {
    let z1 = times(add(d[2], d[6]), F0_541);
    let t2 = sub(z1, times(d[6], F1_847));
    let t3 = add(z1, times(d[2], F0_765));
    let t0 = each(add(d[0], d[4]), |a| a << CONST_BITS);
    let t1 = each(sub(d[0], d[4]), |a| a << CONST_BITS);
    let even = [add(t0, t3), add(t1, t2), sub(t1, t2), sub(t0, t3)];
    let odd = odd_half([d[7], d[5], d[3], d[1]]);
    [
        descale(add(even[0], odd[3]), shift),
        descale(add(even[1], odd[2]), shift),
        descale(add(even[2], odd[1]), shift),
        descale(add(even[3], odd[0]), shift),
        descale(sub(even[3], odd[0]), shift),
        descale(sub(even[2], odd[1]), shift),
        descale(sub(even[1], odd[2]), shift),
        descale(sub(even[0], odd[3]), shift),
    ]
}

/// Values -128 to 127 to coefficients, scaled by 8.
#[inline(always)]
pub(super) fn forward(block: Block) -> Block {
    forward_pass(transposed(forward_pass(transposed(block), false)), true)
}

/// Coefficients to values around 0, not clipped.
#[inline(always)]
pub(super) fn inverse(block: Block) -> Block {
    let columns = inverse_pass(block, CONST_BITS - PASS1_BITS);
    transposed(inverse_pass(transposed(columns), CONST_BITS + PASS1_BITS + 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_transform_within_one_level() {
        let block: Block = std::array::from_fn(|y| {
            std::array::from_fn(|x| ((x * 37 + y * 101 + x * y * 13) % 256) as i32 - 128)
        });
        // The quantiser takes the factor of 8 out.
        let coefficients = forward(block).map(|row| row.map(|value| (value + 4) >> 3));
        for (found, expected) in inverse(coefficients).iter().flatten().zip(block.iter().flatten()) {
            assert!((found - expected).abs() <= 1, "{found} {expected}");
        }
    }

    #[test]
    fn a_flat_block_is_its_mean() {
        let coefficients = forward([[100; 8]; 8]);
        assert_eq!(coefficients[0][0], 100 * 64);
        assert!(coefficients.iter().flatten().skip(1).all(|value| *value == 0));
    }
}
