//! Triangle filters, 32 samples at a time.

use std::arch::x86_64::*;

use crate::kernels::avx2_rows::{load, steps, store};

/// Returns `3 * a + b` in 16-bit lanes: of the low eight bytes of each half, and of the high.
#[inline]
#[target_feature(enable = "avx2")]
fn blend_3_1(a: __m256i, b: __m256i) -> [__m256i; 2] {
    let weights = _mm256_set1_epi16(0x0103);
    [
        _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), weights),
        _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), weights),
    ]
}

/// Stores 32 pairs of bytes, given as 16-bit lanes of the even and of the odd outputs.
#[inline]
#[target_feature(enable = "avx2")]
fn store_pairs(out: &mut [u8], at: usize, even: [__m256i; 2], odd: [__m256i; 2]) {
    let low = _mm256_or_si256(even[0], _mm256_slli_epi16::<8>(odd[0]));
    let high = _mm256_or_si256(even[1], _mm256_slli_epi16::<8>(odd[1]));
    store(out, at, _mm256_permute2x128_si256::<0x20>(low, high));
    store(out, at + 32, _mm256_permute2x128_si256::<0x31>(low, high));
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn h2v1(input: &[u8], out: &mut [u8]) {
    let (one, two) = (_mm256_set1_epi16(1), _mm256_set1_epi16(2));
    for at in steps(input.len() - 2) {
        let (last, this, next) = (load(input, at), load(input, at + 1), load(input, at + 2));
        let (mut even, mut odd) = (blend_3_1(this, last), blend_3_1(this, next));
        for n in 0..2 {
            even[n] = _mm256_srli_epi16::<2>(_mm256_add_epi16(even[n], one));
            odd[n] = _mm256_srli_epi16::<2>(_mm256_add_epi16(odd[n], two));
        }
        store_pairs(out, 2 * at, even, odd);
    }
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn h2v2(near: &[u8], far: &[u8], out: &mut [u8]) {
    let (seven, eight) = (_mm256_set1_epi16(7), _mm256_set1_epi16(8));
    for at in steps(near.len() - 2) {
        let last = blend_3_1(load(near, at), load(far, at));
        let this = blend_3_1(load(near, at + 1), load(far, at + 1));
        let next = blend_3_1(load(near, at + 2), load(far, at + 2));
        let mut even = this;
        let mut odd = this;
        for n in 0..2 {
            let triple = _mm256_add_epi16(this[n], _mm256_add_epi16(this[n], this[n]));
            let left = _mm256_add_epi16(_mm256_add_epi16(triple, last[n]), eight);
            let right = _mm256_add_epi16(_mm256_add_epi16(triple, next[n]), seven);
            even[n] = _mm256_srli_epi16::<4>(left);
            odd[n] = _mm256_srli_epi16::<4>(right);
        }
        store_pairs(out, 2 * at, even, odd);
    }
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn h1v2(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
    let bias = _mm256_set1_epi16(i16::from(bias));
    for at in steps(near.len()) {
        let [low, high] = blend_3_1(load(near, at), load(far, at));
        let low = _mm256_srli_epi16::<2>(_mm256_add_epi16(low, bias));
        let high = _mm256_srli_epi16::<2>(_mm256_add_epi16(high, bias));
        store(out, at, _mm256_packus_epi16(low, high));
    }
}
