//! The encoding half of JPEG with AVX2; returns the numbers of `scalar.rs` and `dct.rs`.
//!
//! The transform works on 16 bits where libjpeg uses 32, as libjpeg-turbo's own vector code does:
//! sums of the second pass fit because the input is 8-bit, and products are 32-bit sums of pairs
//! (`madd`), so a rotation by two factors is one instruction.

use std::arch::x86_64::*;

use super::{Coefficients, Quantizer, scalar};
use crate::cpu::Avx2;
use crate::kernels::simd_avx2::{load, split, store};

/// See [`scalar::to_ycc`].
pub(super) fn to_ycc(_: Avx2, rgb: &[[u8; 3]], [luma, cb, cr]: [&mut [u8]; 3]) {
    // SAFETY: the token proves AVX2.
    let done = unsafe { to_ycc_blocks(rgb, [&mut *luma, &mut *cb, &mut *cr]) };
    let rest = [&mut luma[done..], &mut cb[done..], &mut cr[done..]];
    scalar::to_ycc(&rgb[done..], rest);
}

/// See [`scalar::halve`]. The length of `out` is a multiple of 16.
pub(super) fn halve(_: Avx2, above: &[u8], below: &[u8], out: &mut [u8]) {
    // SAFETY: the token proves AVX2.
    unsafe { halve_blocks(above, below, out) }
}

/// See [`scalar::quantize_pair`].
pub(super) fn quantize_pair(
    _: Avx2,
    values: &[u8],
    stride: usize,
    quantizer: &Quantizer,
    blocks: &mut [Coefficients; 2],
) -> bool {
    // SAFETY: the token proves AVX2.
    unsafe { quantize(values, stride, quantizer, blocks) }
}

/// Two factors in every 32-bit element.
#[inline]
#[target_feature(enable = "avx2")]
fn pair(first: i32, second: i32) -> __m256i {
    _mm256_set1_epi32(second << 16 | first & 0xFFFF)
}

/// 32-bit elements: of the low four values of each half, and of the high four.
type Wide = [__m256i; 2];

/// Pairs of 16-bit values from two registers.
#[inline]
#[target_feature(enable = "avx2")]
fn zip(a: __m256i, b: __m256i) -> Wide {
    [_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)]
}

/// `first` times the first value of each pair plus `second` times the second.
#[inline]
#[target_feature(enable = "avx2")]
fn dot([low, high]: Wide, first: i32, second: i32) -> Wide {
    let factors = pair(first, second);
    [
        _mm256_madd_epi16(low, factors),
        _mm256_madd_epi16(high, factors),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn add(a: Wide, b: Wide) -> Wide {
    [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
}

/// The high halves of `sum + round`, which fit 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn high(sum: Wide, round: i32) -> __m256i {
    let [low, high] = add(sum, [_mm256_set1_epi32(round); 2]);
    _mm256_packs_epi32(_mm256_srai_epi32(low, 16), _mm256_srai_epi32(high, 16))
}

/// Sixteen 16-bit values as bytes, clipped.
#[inline]
#[target_feature(enable = "avx2")]
fn narrow(words: __m256i) -> __m128i {
    _mm_packus_epi16(
        _mm256_castsi256_si128(words),
        _mm256_extracti128_si256(words, 1),
    )
}

/// Converts the whole blocks of 16 pixels of a row and returns the number of pixels.
#[target_feature(enable = "avx2")]
fn to_ycc_blocks(rgb: &[[u8; 3]], [luma, cb, cr]: [&mut [u8]; 3]) -> usize {
    let blocks = rgb.as_chunks::<16>().0;
    let outs = luma
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip(cb.as_chunks_mut().0)
        .zip(cr.as_chunks_mut().0);
    for (block, ((luma, cb), cr)) in blocks.iter().zip(outs) {
        let [r, g, b] = split(block);
        let (r, g, b) = (
            _mm256_cvtepu8_epi16(r),
            _mm256_cvtepu8_epi16(g),
            _mm256_cvtepu8_epi16(b),
        );
        let (rg, bg) = (zip(r, g), zip(b, g));
        // Times 32768: the value moved to the high half, then back by one bit.
        let half = |x| {
            let [low, high] = zip(_mm256_setzero_si256(), x);
            [_mm256_srli_epi32(low, 1), _mm256_srli_epi32(high, 1)]
        };
        // 38470 does not fit 16 bits, so both pairs have a part of it.
        let y = add(dot(rg, 19595, 38470 - 16384), dot(bg, 7471, 16384));
        let center = (128 << 16) + 32767;
        store(luma, narrow(high(y, 32768)));
        store(
            cb,
            narrow(high(add(dot(rg, -11059, -21709), half(b)), center)),
        );
        store(
            cr,
            narrow(high(add(dot(bg, -5329, -27439), half(r)), center)),
        );
    }
    blocks.len() * 16
}

#[target_feature(enable = "avx2")]
fn halve_blocks(above: &[u8], below: &[u8], out: &mut [u8]) {
    let (above, below) = (above.as_chunks().0, below.as_chunks().0);
    let (ones, bias) = (_mm_set1_epi8(1), _mm_set1_epi32(2 << 16 | 1));
    for (n, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let sums = |n: usize| {
            let [a, b] = [load(&above[n]), load(&below[n])].map(|row| _mm_maddubs_epi16(row, ones));
            _mm_srli_epi16(_mm_add_epi16(_mm_add_epi16(a, b), bias), 2)
        };
        store(out, _mm_packus_epi16(sums(2 * n), sums(2 * n + 1)));
    }
}

/// One pass of [`dct::forward`](super::dct::forward) on sixteen columns at once; `LAST` is the
/// second pass.
#[inline]
#[target_feature(enable = "avx2")]
fn pass<const LAST: bool>(d: [__m256i; 8]) -> [__m256i; 8] {
    use super::dct::*;
    let sum = |a: usize, b: usize| _mm256_add_epi16(d[a], d[b]);
    let difference = |a: usize, b: usize| _mm256_sub_epi16(d[a], d[b]);
    let (t0, t1, t2, t3) = (sum(0, 7), sum(1, 6), sum(2, 5), sum(3, 4));
    let (t4, t5, t6, t7) = (
        difference(3, 4),
        difference(2, 5),
        difference(1, 6),
        difference(0, 7),
    );
    let (t10, t13) = (_mm256_add_epi16(t0, t3), _mm256_sub_epi16(t0, t3));
    let (t11, t12) = (_mm256_add_epi16(t1, t2), _mm256_sub_epi16(t1, t2));
    const BITS: i32 = PASS1_BITS as i32;
    let even_part = |a: __m256i| {
        if LAST {
            _mm256_srai_epi16::<BITS>(_mm256_add_epi16(a, _mm256_set1_epi16(1 << (BITS - 1))))
        } else {
            _mm256_slli_epi16::<BITS>(a)
        }
    };
    let descale = |a: Wide| {
        const FIRST: i32 = (CONST_BITS - PASS1_BITS) as i32;
        const SECOND: i32 = (CONST_BITS + PASS1_BITS) as i32;
        let round = if LAST {
            1 << (SECOND - 1)
        } else {
            1 << (FIRST - 1)
        };
        let [low, high] = add(a, [_mm256_set1_epi32(round); 2]);
        if LAST {
            _mm256_packs_epi32(
                _mm256_srai_epi32::<SECOND>(low),
                _mm256_srai_epi32::<SECOND>(high),
            )
        } else {
            _mm256_packs_epi32(
                _mm256_srai_epi32::<FIRST>(low),
                _mm256_srai_epi32::<FIRST>(high),
            )
        }
    };
    let even = zip(t12, t13);
    let sums = zip(_mm256_add_epi16(t4, t6), _mm256_add_epi16(t5, t7));
    let z3 = dot(sums, F1_175 - F1_961, F1_175);
    let z4 = dot(sums, F1_175, F1_175 - F0_390);
    let (outer, inner) = (zip(t4, t7), zip(t5, t6));
    [
        even_part(_mm256_add_epi16(t10, t11)),
        descale(add(dot(outer, -F0_899, F1_501 - F0_899), z4)),
        descale(dot(even, F0_541, F0_541 + F0_765)),
        descale(add(dot(inner, -F2_562, F3_072 - F2_562), z3)),
        even_part(_mm256_sub_epi16(t10, t11)),
        descale(add(dot(inner, F2_053 - F2_562, -F2_562), z4)),
        descale(dot(even, F0_541 - F1_847, F0_541)),
        descale(add(dot(outer, F0_298 - F0_899, -F0_899), z3)),
    ]
}

/// Transposes the 8 x 8 values of each half.
#[inline]
#[target_feature(enable = "avx2")]
fn transposed(x: [__m256i; 8]) -> [__m256i; 8] {
    let mut x = x;
    for _ in 0..3 {
        let [a, b, c, d] = [
            zip(x[0], x[4]),
            zip(x[1], x[5]),
            zip(x[2], x[6]),
            zip(x[3], x[7]),
        ];
        x = [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]];
    }
    x
}

#[target_feature(enable = "avx2")]
fn quantize(
    values: &[u8],
    stride: usize,
    quantizer: &Quantizer,
    blocks: &mut [Coefficients; 2],
) -> bool {
    let mut rows = [_mm256_setzero_si256(); 8];
    for (y, row) in rows.iter_mut().enumerate() {
        let bytes = load(
            values[y * stride..]
                .first_chunk()
                .expect("two blocks have rows of 16"),
        );
        *row = _mm256_sub_epi16(_mm256_cvtepu8_epi16(bytes), _mm256_set1_epi16(128));
    }
    let rows = pass::<true>(transposed(pass::<false>(transposed(rows))));
    let (division, [first, second]) = (&quantizer.division, blocks);
    let mut beyond = _mm256_setzero_si256();
    // The last four columns of each block.
    let right = _mm256_set_epi32(-1, -1, 0, 0, -1, -1, 0, 0);
    for (y, row) in rows.into_iter().enumerate() {
        let words = |row: &[u16; 8]| {
            // SAFETY: the array has 16 bytes, and the load does not ask for alignment.
            _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(row.as_ptr().cast()) })
        };
        // Dividing by 8 steps is dropping three bits and dividing by the step. Only one bit is
        // shifted out and two are cleared, so that a step of one has a reciprocal of 16 bits.
        let sum = _mm256_add_epi16(_mm256_abs_epi16(row), words(&division.half[y]));
        let eighth = _mm256_andnot_si256(_mm256_set1_epi16(3), _mm256_srli_epi16(sum, 1));
        let level = _mm256_mulhi_epu16(eighth, words(&division.reciprocal[y]));
        let level = _mm256_sign_epi16(_mm256_mulhi_epu16(level, words(&division.scale[y])), row);
        let outside = if y < 4 {
            _mm256_and_si256(level, right)
        } else {
            level
        };
        beyond = _mm256_or_si256(beyond, outside);
        let put = |block: &mut Coefficients, half: __m128i| {
            let row: &mut [i16; 8] = block[8 * y..]
                .first_chunk_mut()
                .expect("eight rows of eight");
            // SAFETY: the array has 16 bytes, and the store does not ask for alignment.
            unsafe { _mm_storeu_si128(row.as_mut_ptr().cast(), half) };
        };
        put(first, _mm256_castsi256_si128(level));
        put(second, _mm256_extracti128_si256(level, 1));
    }
    _mm256_testz_si256(beyond, beyond) == 1
}
