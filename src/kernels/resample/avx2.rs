//! The inner loops of a convolution with AVX2.
//!
//! Both passes multiply pairs: `madd` takes two 16-bit values and two 16-bit weights to the sum of
//! their products in 32 bits, so the vertical pass interleaves two rows and the horizontal pass two
//! pixels. The sums are exact, so their order does not matter for the bytes.

use std::arch::x86_64::*;

use super::passes::{self, Buffers, Passes, clip};
use super::weights::Axis;
use super::{Filter, Source, Target};
use crate::cpu::Avx2;
use crate::kernels::simd_avx2::load;

pub(super) fn convolve(
    token: Avx2,
    buffers: &mut Buffers,
    source: Source<'_>,
    target: Target<'_>,
    filter: Filter,
) {
    passes::convolve(token, buffers, source, target, filter);
}

impl Passes for Avx2 {
    fn plan(self, axis: &mut Axis, from: u32, to: u32, filter: Filter) {
        // SAFETY: the token proves AVX2.
        unsafe { plan(axis, from, to, filter) }
    }

    fn down<'a>(
        self,
        row: impl Fn(usize) -> &'a [u8],
        weights: &[i16],
        precision: u32,
        out: &mut [u8],
    ) {
        // SAFETY: the token proves AVX2.
        unsafe { down(row, weights, precision, out) }
    }

    fn across(self, axis: &Axis, rows: [&[u8]; 2], outs: [&mut [u8]; 2]) {
        // SAFETY: the token proves AVX2.
        unsafe { across(axis, rows, outs) }
    }
}

/// The scalar plan, compiled for AVX2: rounding to an integer is an instruction instead of a call.
#[target_feature(enable = "avx2")]
fn plan(axis: &mut Axis, from: u32, to: u32, filter: Filter) {
    axis.plan_for(from, to, filter);
}

/// Two weights in every 32-bit element.
#[inline]
#[target_feature(enable = "avx2")]
fn pair(weights: &[i16; 2]) -> __m256i {
    _mm256_set1_epi32(i32::from(weights[0] as u16) | i32::from(weights[1]) << 16)
}

#[inline]
#[target_feature(enable = "avx2")]
fn down<'a>(row: impl Fn(usize) -> &'a [u8], weights: &[i16], precision: u32, out: &mut [u8]) {
    match weights {
        [_, _] => down_by([row(0), row(1)], weights, precision, out),
        [_, _, _, _] => down_by([0, 1, 2, 3].map(row), weights, precision, out),
        _ => {
            let rows: Vec<&[u8]> = (0..weights.len()).map(row).collect();
            down_by(rows, weights, precision, out);
        }
    }
}

/// [`down`] for an array of rows if there are few, so that the compiler knows their number.
#[target_feature(enable = "avx2")]
fn down_by<'a>(rows: impl AsRef<[&'a [u8]]>, weights: &[i16], precision: u32, out: &mut [u8]) {
    let (rows, width) = (rows.as_ref(), out.len());
    assert!(rows.iter().all(|row| row.len() == width));
    let (rows, weights) = (rows.as_chunks::<2>().0, weights.as_chunks::<2>().0);
    let shift = _mm_cvtsi32_si128(precision as i32);
    let half = _mm256_set1_epi32(1 << precision >> 1);
    let zero = _mm256_setzero_si256();
    let mut at = 0;
    while at < width && width >= 32 {
        // The last step overlaps the one before.
        at = at.min(width - 32);
        let mut sums = [half; 4];
        for (rows, weights) in rows.iter().zip(weights) {
            let weights = pair(weights);
            // SAFETY: the rows have `width` bytes, as asserted, and `at + 32 <= width`.
            let [a, b] = rows.map(|row| unsafe { _mm256_loadu_si256(row.as_ptr().add(at).cast()) });
            let (low, high) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
            let words = [
                _mm256_unpacklo_epi8(low, zero),
                _mm256_unpackhi_epi8(low, zero),
                _mm256_unpacklo_epi8(high, zero),
                _mm256_unpackhi_epi8(high, zero),
            ];
            for (sum, words) in sums.iter_mut().zip(words) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(words, weights));
            }
        }
        let [a, b, c, d] = sums.map(|sum| _mm256_sra_epi32(sum, shift));
        let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        // SAFETY: `out` has `width` bytes, and `at + 32 <= width`.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(at).cast(), bytes) };
        at += 32;
    }
    for (at, out) in out.iter_mut().enumerate().skip(at) {
        let terms = rows.as_flattened().iter().zip(weights.as_flattened());
        let sum: i32 = terms
            .map(|(row, weight)| i32::from(row[at]) * i32::from(*weight))
            .sum();
        *out = clip(sum + (1 << precision >> 1), precision);
    }
}

/// A byte of a shuffle that becomes 0.
const NONE: u8 = 0x80;
/// Shuffles the first two, or the last two, of four pixels into pairs of the same channel as 16-bit
/// words.
const PAIRS: [[u8; 16]; 2] = [
    [
        0, NONE, 3, NONE, 1, NONE, 4, NONE, 2, NONE, 5, NONE, NONE, NONE, NONE, NONE,
    ],
    [
        6, NONE, 9, NONE, 7, NONE, 10, NONE, 8, NONE, 11, NONE, NONE, NONE, NONE, NONE,
    ],
];
/// Drops every fourth byte.
const TRIPLES: [u8; 16] = [
    0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, NONE, NONE, NONE, NONE,
];

#[inline]
#[target_feature(enable = "avx2")]
fn across(axis: &Axis, rows: [&[u8]; 2], outs: [&mut [u8]; 2]) {
    match axis.taps {
        2 => across_by::<2>(axis, rows, outs),
        4 => across_by::<4>(axis, rows, outs),
        _ => across_by::<0>(axis, rows, outs),
    }
}

/// `TAPS` is the number of weights of a pixel, or 0 if the compiler cannot know it; it is then a
/// multiple of 4.
#[target_feature(enable = "avx2")]
fn across_by<const TAPS: usize>(axis: &Axis, rows: [&[u8]; 2], [out_a, out_b]: [&mut [u8]; 2]) {
    assert!(rows.iter().all(|row| row.len() >= axis.reach));
    let taps = if TAPS == 0 { axis.taps } else { TAPS };
    let shift = _mm_cvtsi32_si128(axis.precision as i32);
    let half = _mm256_set1_epi32(1 << axis.precision >> 1);
    let in_both_halves = |order: &[u8; 16]| _mm256_broadcastsi128_si256(load(order));
    let [first, second, triples] = [&PAIRS[0], &PAIRS[1], &TRIPLES].map(in_both_halves);
    // 16 bytes of each row.
    let load_both = |at: usize| {
        // SAFETY: `at` is less than three times the last pixel that a weight belongs to, and rows
        // have 16 bytes more than that, as asserted: that is what `reach` means.
        let [a, b] = rows.map(|row| unsafe { _mm_loadu_si128(row.as_ptr().add(at).cast()) });
        _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1)
    };
    // The sums of red, green and blue for pixel `n` of both rows.
    let pixel = |n: usize| {
        let at = 3 * axis.starts[n] as usize;
        let weights = &axis.weights[n * taps..][..taps];
        let mut sum = half;
        if let [a, b] = weights {
            let words = _mm256_shuffle_epi8(load_both(at), first);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words, pair(&[*a, *b])));
        }
        for (n, [a, b, c, d]) in weights.as_chunks().0.iter().enumerate() {
            let pixels = load_both(at + 12 * n);
            for (order, weights) in [(first, [*a, *b]), (second, [*c, *d])] {
                let words = _mm256_shuffle_epi8(pixels, order);
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words, pair(&weights)));
            }
        }
        _mm256_sra_epi32(sum, shift)
    };
    let four = |a, b, c, d| {
        let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        _mm256_shuffle_epi8(bytes, triples)
    };
    let put = |out: &mut [u8], bytes: __m128i| {
        let out: &mut [u8; 12] = out.first_chunk_mut().expect("room for four pixels");
        out[..8].copy_from_slice(&_mm_cvtsi128_si64(bytes).to_le_bytes());
        out[8..].copy_from_slice(&_mm_extract_epi32(bytes, 2).to_le_bytes());
    };
    let width = axis.starts.len();
    let mut x = 0;
    while x < width && width >= 4 {
        // The last step overlaps the one before.
        x = x.min(width - 4);
        let bytes = four(pixel(x), pixel(x + 1), pixel(x + 2), pixel(x + 3));
        put(&mut out_a[3 * x..], _mm256_castsi256_si128(bytes));
        put(&mut out_b[3 * x..], _mm256_extracti128_si256(bytes, 1));
        x += 4;
    }
    for x in x..width {
        let sums = pixel(x);
        let bytes = four(sums, sums, sums, sums);
        for (out, bytes) in [
            (&mut *out_a, _mm256_castsi256_si128(bytes)),
            (&mut *out_b, _mm256_extracti128_si256(bytes, 1)),
        ] {
            out[3 * x..][..3].copy_from_slice(&_mm_cvtsi128_si32(bytes).to_le_bytes()[..3]);
        }
    }
}
