//! Upsampling and colour conversion, 32 samples at a time.

use std::arch::x86_64::*;

use super::{STEP, load, steps, store};

/// `3 * a + b`, as 16-bit lanes of the low and the high eight bytes of each half.
#[inline]
#[target_feature(enable = "avx2")]
fn blend_3_1(a: __m256i, b: __m256i) -> [__m256i; 2] {
    let weights = _mm256_set1_epi16(0x0103);
    [
        _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), weights),
        _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), weights),
    ]
}

/// Stores 32 pairs of bytes, given as 16-bit lanes of even and odd outputs.
#[inline]
#[target_feature(enable = "avx2")]
fn store_pairs(out: &mut [u8], at: usize, even: [__m256i; 2], odd: [__m256i; 2]) {
    let low = _mm256_or_si256(even[0], _mm256_slli_epi16::<8>(odd[0]));
    let high = _mm256_or_si256(even[1], _mm256_slli_epi16::<8>(odd[1]));
    store(out, at, _mm256_permute2x128_si256::<0x20>(low, high));
    store(out, at + 32, _mm256_permute2x128_si256::<0x31>(low, high));
}

#[target_feature(enable = "avx2")]
pub(super) fn h2v1(input: &[u8], out: &mut [u8]) {
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
pub(super) fn h2v2(near: &[u8], far: &[u8], out: &mut [u8]) {
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
pub(super) fn h1v2(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
    let bias = _mm256_set1_epi16(i16::from(bias));
    for at in steps(near.len()) {
        let [low, high] = blend_3_1(load(near, at), load(far, at));
        let low = _mm256_srli_epi16::<2>(_mm256_add_epi16(low, bias));
        let high = _mm256_srli_epi16::<2>(_mm256_add_epi16(high, bias));
        store(out, at, _mm256_packus_epi16(low, high));
    }
}

/// Place of each channel's bytes in a 16-byte shuffle: output byte `j` of the triple of vectors
/// that shows channel `c` there holds pixel `(16 t + j - c) / 3`, where `t` is that vector.
const fn spread(channel: usize) -> [u8; 32] {
    let mut table = [0; 32];
    let mut j = 0;
    while j < 32 {
        let lane = j % 16;
        let vector = (channel + 15 - lane) % 3;
        table[j] = ((16 * vector + lane - channel) / 3) as u8;
        j += 1;
    }
    table
}

/// All ones where `(j + offset) % 3 == 0`.
const fn every_third(offset: usize) -> [u8; 32] {
    let mut table = [0; 32];
    let mut j = 0;
    while j < 32 {
        if (j % 16 + offset).is_multiple_of(3) {
            table[j] = 0xFF;
        }
        j += 1;
    }
    table
}

static SPREAD: [[u8; 32]; 3] = [spread(0), spread(1), spread(2)];
static THIRDS: [[u8; 32]; 3] = [every_third(0), every_third(1), every_third(2)];

/// Stores 32 pixels given as one vector per channel.
#[inline]
#[target_feature(enable = "avx2")]
fn store_rgb(out: &mut [u8], at: usize, rgb: [__m256i; 3]) {
    let r = _mm256_shuffle_epi8(rgb[0], load(&SPREAD[0], 0));
    let g = _mm256_shuffle_epi8(rgb[1], load(&SPREAD[1], 0));
    let b = _mm256_shuffle_epi8(rgb[2], load(&SPREAD[2], 0));
    // Vector `t` shows channel `c` at byte `j` where (t + j - c) is a multiple of 3.
    let mut vectors = [r; 3];
    for t in 0..3 {
        let green = load(&THIRDS[(t + 2) % 3], 0);
        let blue = load(&THIRDS[(t + 1) % 3], 0);
        vectors[t] = _mm256_blendv_epi8(_mm256_blendv_epi8(r, g, green), b, blue);
    }
    let out = &mut out[at..at + 3 * STEP];
    store(out, 0, _mm256_permute2x128_si256::<0x20>(vectors[0], vectors[1]));
    store(out, 32, _mm256_permute2x128_si256::<0x30>(vectors[2], vectors[0]));
    store(out, 64, _mm256_permute2x128_si256::<0x31>(vectors[1], vectors[2]));
}

#[target_feature(enable = "avx2")]
pub(super) fn interleave(planes: [&[u8]; 3], out: &mut [u8]) {
    for at in steps(planes[0].len()) {
        let rgb = [load(planes[0], at), load(planes[1], at), load(planes[2], at)];
        store_rgb(out, 3 * at, rgb);
    }
}

/// Converts 16 pixels, not yet clamped.
///
/// The factors are those of the scalar code less multiples of 65536, so that they fit 16 bits. For
/// red and blue they are halved, to suit an instruction that shifts by 15: exact for blue, and for
/// red the half that is lost changes no result.
#[inline]
#[target_feature(enable = "avx2")]
fn convert(y: __m256i, cb: __m256i, cr: __m256i) -> [__m256i; 3] {
    let center = _mm256_set1_epi16(128);
    let (cb, cr) = (_mm256_sub_epi16(cb, center), _mm256_sub_epi16(cr, center));
    let red = _mm256_mulhrs_epi16(cr, _mm256_set1_epi16(((91881 - 65536) / 2) as i16));
    let blue = _mm256_mulhrs_epi16(cb, _mm256_set1_epi16(((116130 - 2 * 65536) / 2) as i16));
    let green = _mm256_set1_epi32((65536 - 46802) << 16 | i32::from(-22554i16 as u16));
    let half = _mm256_set1_epi32(1 << 15);
    let low = _mm256_madd_epi16(_mm256_unpacklo_epi16(cb, cr), green);
    let high = _mm256_madd_epi16(_mm256_unpackhi_epi16(cb, cr), green);
    let sums = _mm256_packs_epi32(
        _mm256_srai_epi32::<16>(_mm256_add_epi32(low, half)),
        _mm256_srai_epi32::<16>(_mm256_add_epi32(high, half)),
    );
    [
        _mm256_add_epi16(_mm256_add_epi16(y, cr), red),
        _mm256_add_epi16(_mm256_sub_epi16(y, cr), sums),
        _mm256_add_epi16(_mm256_add_epi16(y, _mm256_add_epi16(cb, cb)), blue),
    ]
}

#[target_feature(enable = "avx2")]
pub(super) fn ycc_to_rgb([y, cb, cr]: [&[u8]; 3], out: &mut [u8]) {
    let zero = _mm256_setzero_si256();
    for at in steps(y.len()) {
        let (y, cb, cr) = (load(y, at), load(cb, at), load(cr, at));
        let low = convert(
            _mm256_unpacklo_epi8(y, zero),
            _mm256_unpacklo_epi8(cb, zero),
            _mm256_unpacklo_epi8(cr, zero),
        );
        let high = convert(
            _mm256_unpackhi_epi8(y, zero),
            _mm256_unpackhi_epi8(cb, zero),
            _mm256_unpackhi_epi8(cr, zero),
        );
        let rgb = [
            _mm256_packus_epi16(low[0], high[0]),
            _mm256_packus_epi16(low[1], high[1]),
            _mm256_packus_epi16(low[2], high[2]),
        ];
        store_rgb(out, 3 * at, rgb);
    }
}
