//! Color conversion and interleaving, 32 pixels at a time.

use std::arch::x86_64::*;

use crate::kernels::avx2_rows::{STEP, load, steps, store};

/// Returns the shuffle that spreads the 16 bytes of a channel over three vectors of RGB.
///
/// Byte `j` of output vector `t` belongs to channel `c` if `16 t + j - c` is a multiple of 3; it
/// then comes from pixel `(16 t + j - c) / 3`. For each `j` and `c` exactly one `t` qualifies, so
/// one shuffle serves all three vectors, and masks select what each of them takes from it.
const fn spread(channel: usize) -> [u8; 32] {
    let mut table = [0; 32];
    let mut j = 0;
    while j < 32 {
        let byte = j % 16;
        let vector = (channel + 15 - byte) % 3;
        table[j] = ((16 * vector + byte - channel) / 3) as u8;
        j += 1;
    }
    table
}

/// Returns a mask of all ones in each byte `j` where `j + offset` is a multiple of 3.
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

/// Stores 32 pixels, given as one vector for each channel.
#[inline]
#[target_feature(enable = "avx2")]
fn store_rgb(out: &mut [u8], at: usize, rgb: [__m256i; 3]) {
    let r = _mm256_shuffle_epi8(rgb[0], load(&SPREAD[0], 0));
    let g = _mm256_shuffle_epi8(rgb[1], load(&SPREAD[1], 0));
    let b = _mm256_shuffle_epi8(rgb[2], load(&SPREAD[2], 0));
    // Since 16 is 1 modulo 3, vector `t` takes channel `c` at byte `j` if 3 divides t + j - c.
    let mut vectors = [r; 3];
    for t in 0..3 {
        let green = load(&THIRDS[(t + 2) % 3], 0);
        let blue = load(&THIRDS[(t + 1) % 3], 0);
        vectors[t] = _mm256_blendv_epi8(_mm256_blendv_epi8(r, g, green), b, blue);
    }
    let out = &mut out[at..at + 3 * STEP];
    store(
        out,
        0,
        _mm256_permute2x128_si256::<0x20>(vectors[0], vectors[1]),
    );
    store(
        out,
        32,
        _mm256_permute2x128_si256::<0x30>(vectors[2], vectors[0]),
    );
    store(
        out,
        64,
        _mm256_permute2x128_si256::<0x31>(vectors[1], vectors[2]),
    );
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn interleave(planes: [&[u8]; 3], out: &mut [u8]) {
    for at in steps(planes[0].len()) {
        let rgb = [
            load(planes[0], at),
            load(planes[1], at),
            load(planes[2], at),
        ];
        store_rgb(out, 3 * at, rgb);
    }
}

/// Converts 16 pixels to values that are not clamped yet.
///
/// The factors are those of the scalar code minus multiples of 65536, so that they fit 16 bits; the
/// multiples are added as whole chroma values. Red and blue use `vpmulhrsw`, which multiplies and
/// shifts by 15 with rounding, so their factors are halved. That is exact for blue; for red the
/// lost half changes no result, as the test of all chroma values shows.
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
pub(in crate::kernels) fn ycc_to_rgb([y, cb, cr]: [&[u8]; 3], out: &mut [u8]) {
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
