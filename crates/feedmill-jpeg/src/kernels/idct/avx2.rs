//! The transform of two blocks at once, one in each half of the 256-bit registers.
//!
//! AVX2 does nearly everything within 128-bit halves, so two blocks side by side run the algorithm
//! of one block in SSE2 without a step across the middle. Eight registers hold the eight rows of
//! both blocks; each sum of two products is one `vpmaddwd` on interleaved rows.

use std::arch::x86_64::*;

use super::factors::*;
use super::reduced::factors::{EVEN_4, ODD_4};
use super::{CONST_BITS, PASS1_BITS};
use crate::kernels::BlockTarget;

/// Repeats a pair of factors in every 32-bit lane.
#[inline]
#[target_feature(enable = "avx2")]
fn pair(factors: [i16; 2]) -> __m256i {
    _mm256_set1_epi32(i32::from(factors[1]) << 16 | i32::from(factors[0] as u16))
}

/// 32-bit lanes: those of the low four elements of each half, and those of the high four.
type Wide = (__m256i, __m256i);

#[inline]
#[target_feature(enable = "avx2")]
fn zip(a: __m256i, b: __m256i) -> Wide {
    (_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b))
}

#[inline]
#[target_feature(enable = "avx2")]
fn dot(zipped: Wide, factors: [i16; 2]) -> Wide {
    let factors = pair(factors);
    (
        _mm256_madd_epi16(zipped.0, factors),
        _mm256_madd_epi16(zipped.1, factors),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn add(a: Wide, b: Wide) -> Wide {
    (_mm256_add_epi32(a.0, b.0), _mm256_add_epi32(a.1, b.1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sub(a: Wide, b: Wide) -> Wide {
    (_mm256_sub_epi32(a.0, b.0), _mm256_sub_epi32(a.1, b.1))
}

/// Widens with `CONST_BITS` fractional bits and adds the rounding term of the final shift.
#[inline]
#[target_feature(enable = "avx2")]
fn scale<const SHIFT: i32>(x: __m256i) -> Wide {
    let round = _mm256_set1_epi32(1 << (SHIFT - 1));
    let (low, high) = zip(_mm256_setzero_si256(), x);
    const DOWN: i32 = 16 - CONST_BITS as i32;
    (
        _mm256_add_epi32(_mm256_srai_epi32::<DOWN>(low), round),
        _mm256_add_epi32(_mm256_srai_epi32::<DOWN>(high), round),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn narrow<const SHIFT: i32>(x: Wide) -> __m256i {
    _mm256_packs_epi32(
        _mm256_srai_epi32::<SHIFT>(x.0),
        _mm256_srai_epi32::<SHIFT>(x.1),
    )
}

/// Transforms across the eight vectors. `SPARSE` takes inputs 4 to 7 as zero.
#[inline]
#[target_feature(enable = "avx2")]
fn transform<const SHIFT: i32, const SPARSE: bool>(x: [__m256i; 8]) -> [__m256i; 8] {
    let zero = _mm256_setzero_si256();
    let (tmp0, tmp1) = if SPARSE {
        let tmp = scale::<SHIFT>(x[0]);
        (tmp, tmp)
    } else {
        (
            scale::<SHIFT>(_mm256_add_epi16(x[0], x[4])),
            scale::<SHIFT>(_mm256_sub_epi16(x[0], x[4])),
        )
    };
    let zipped = zip(x[2], if SPARSE { zero } else { x[6] });
    let (tmp2, tmp3) = (dot(zipped, EVEN_2), dot(zipped, EVEN_3));
    let even = [
        add(tmp0, tmp3),
        add(tmp1, tmp2),
        sub(tmp1, tmp2),
        sub(tmp0, tmp3),
    ];

    let odd = if SPARSE {
        let zipped = zip(x[3], x[1]);
        // With inputs 5 and 7 zero, each output is one product sum of inputs 3 and 1.
        [
            dot(zipped, [Z_4[0], Z_4[1] + OUTER_3[1]]),
            dot(zipped, [Z_3[0] + INNER_2[1], Z_3[1]]),
            dot(zipped, [Z_4[0] + INNER_1[1], Z_4[1]]),
            dot(zipped, [Z_3[0], Z_3[1] + OUTER_0[1]]),
        ]
    } else {
        let sums = zip(_mm256_add_epi16(x[7], x[3]), _mm256_add_epi16(x[5], x[1]));
        let (z3, z4) = (dot(sums, Z_3), dot(sums, Z_4));
        let (outer, inner) = (zip(x[7], x[1]), zip(x[5], x[3]));
        [
            add(dot(outer, OUTER_3), z4),
            add(dot(inner, INNER_2), z3),
            add(dot(inner, INNER_1), z4),
            add(dot(outer, OUTER_0), z3),
        ]
    };
    [
        narrow::<SHIFT>(add(even[0], odd[0])),
        narrow::<SHIFT>(add(even[1], odd[1])),
        narrow::<SHIFT>(add(even[2], odd[2])),
        narrow::<SHIFT>(add(even[3], odd[3])),
        narrow::<SHIFT>(sub(even[3], odd[3])),
        narrow::<SHIFT>(sub(even[2], odd[2])),
        narrow::<SHIFT>(sub(even[1], odd[1])),
        narrow::<SHIFT>(sub(even[0], odd[0])),
    ]
}

/// Transposes the 8 x 8 matrix in each half.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(x: [__m256i; 8]) -> [__m256i; 8] {
    let (a0, a1) = zip(x[0], x[4]);
    let (a2, a3) = zip(x[1], x[5]);
    let (a4, a5) = zip(x[2], x[6]);
    let (a6, a7) = zip(x[3], x[7]);
    let (b0, b1) = zip(a0, a4);
    let (b2, b3) = zip(a1, a5);
    let (b4, b5) = zip(a2, a6);
    let (b6, b7) = zip(a3, a7);
    let (c0, c1) = zip(b0, b4);
    let (c2, c3) = zip(b1, b5);
    let (c4, c5) = zip(b2, b6);
    let (c6, c7) = zip(b3, b7);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

#[inline]
#[target_feature(enable = "avx2")]
fn row(a: &[i16; 8], b: &[i16; 8]) -> __m256i {
    // SAFETY: both arrays have 16 bytes, and the loads do not ask for alignment.
    unsafe { _mm256_loadu2_m128i(b.as_ptr().cast(), a.as_ptr().cast()) }
}

/// See [`crate::kernels::Kernels::idct_pair`].
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn idct_pair<const SPARSE: bool>(
    blocks: [&[i16; 64]; 2],
    targets: [BlockTarget<'_>; 2],
    out: &mut [u8],
) {
    let (block_a, block_b) = (blocks[0].as_chunks::<8>().0, blocks[1].as_chunks::<8>().0);
    let (quant_a, quant_b) = (
        targets[0].quant.as_chunks::<8>().0,
        targets[1].quant.as_chunks::<8>().0,
    );
    let mut x = [_mm256_setzero_si256(); 8];
    for n in 0..if SPARSE { 4 } else { 8 } {
        let coefficients = row(&block_a[n], &block_b[n]);
        x[n] = _mm256_mullo_epi16(coefficients, row(&quant_a[n], &quant_b[n]));
    }
    const FIRST: i32 = (CONST_BITS - PASS1_BITS) as i32;
    const SECOND: i32 = (CONST_BITS + PASS1_BITS + 3) as i32;
    let work = transpose(transform::<FIRST, SPARSE>(x));
    let columns = transform::<SECOND, SPARSE>(work);
    // Columns to bytes, then transposed to rows.
    let a = _mm256_packs_epi16(columns[0], columns[4]);
    let b = _mm256_packs_epi16(columns[1], columns[5]);
    let c = _mm256_packs_epi16(columns[2], columns[6]);
    let d = _mm256_packs_epi16(columns[3], columns[7]);
    // Columns 0 and 1, 4 and 5, 2 and 3, 6 and 7.
    let (ab0, ab1) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
    let (cd0, cd1) = (_mm256_unpacklo_epi8(c, d), _mm256_unpackhi_epi8(c, d));
    // Columns 0 to 3 of rows 0 to 3 and 4 to 7, then columns 4 to 7.
    let (left0, left4) = (
        _mm256_unpacklo_epi16(ab0, cd0),
        _mm256_unpackhi_epi16(ab0, cd0),
    );
    let (right0, right4) = (
        _mm256_unpacklo_epi16(ab1, cd1),
        _mm256_unpackhi_epi16(ab1, cd1),
    );
    let level = _mm256_set1_epi8(-128);
    let rows = [
        _mm256_xor_si256(_mm256_unpacklo_epi32(left0, right0), level),
        _mm256_xor_si256(_mm256_unpackhi_epi32(left0, right0), level),
        _mm256_xor_si256(_mm256_unpacklo_epi32(left4, right4), level),
        _mm256_xor_si256(_mm256_unpackhi_epi32(left4, right4), level),
    ];
    let [a, b] = targets;
    let out_a = &mut out[a.at..a.at + 7 * a.stride + 8];
    for (n, &rows) in rows.iter().enumerate() {
        put(
            out_a,
            2 * n * a.stride,
            a.stride,
            _mm256_castsi256_si128(rows),
        );
    }
    let out_b = &mut out[b.at..b.at + 7 * b.stride + 8];
    for (n, &rows) in rows.iter().enumerate() {
        put(
            out_b,
            2 * n * b.stride,
            b.stride,
            _mm256_extracti128_si256::<1>(rows),
        );
    }
}

/// Stores two rows of eight bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn put(out: &mut [u8], at: usize, stride: usize, rows: __m128i) {
    out[at..at + 8].copy_from_slice(&_mm_cvtsi128_si64(rows).to_le_bytes());
    let at = at + stride;
    out[at..at + 8].copy_from_slice(&_mm_extract_epi64::<1>(rows).to_le_bytes());
}

/// Interleaves two rows of eight, in order.
#[inline]
#[target_feature(enable = "avx2")]
fn zip_rows(a: __m128i, b: __m128i) -> __m256i {
    _mm256_set_m128i(_mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(a, b))
}

/// Transforms 8 inputs to 4 outputs in each of eight lanes: see [`super::reduced`].
#[inline]
#[target_feature(enable = "avx2")]
fn transform_to_4<const SHIFT: i32>(x: [__m128i; 8]) -> [__m256i; 4] {
    let (odd_13, odd_57) = (zip_rows(x[1], x[3]), zip_rows(x[5], x[7]));
    let odd = |factors: [i32; 4]| {
        let [f1, f3, f5, f7] = factors.map(|factor| factor as i16);
        let low = _mm256_madd_epi16(odd_13, pair([f1, f3]));
        _mm256_add_epi32(low, _mm256_madd_epi16(odd_57, pair([f5, f7])))
    };
    let (odd_0, odd_1) = (odd(ODD_4[0]), odd(ODD_4[1]));
    let even = _mm256_madd_epi16(
        zip_rows(x[2], x[6]),
        pair(EVEN_4.map(|factor| factor as i16)),
    );
    const DOWN: i32 = 16 - (CONST_BITS as i32 + 1);
    let first = _mm256_srai_epi32::<DOWN>(zip_rows(_mm_setzero_si128(), x[0]));
    let first = _mm256_add_epi32(first, _mm256_set1_epi32(1 << (SHIFT - 1)));
    let (a, b) = (_mm256_add_epi32(first, even), _mm256_sub_epi32(first, even));
    [
        _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(a, odd_0)),
        _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(b, odd_1)),
        _mm256_srai_epi32::<SHIFT>(_mm256_sub_epi32(b, odd_1)),
        _mm256_srai_epi32::<SHIFT>(_mm256_sub_epi32(a, odd_0)),
    ]
}

/// Dequantizes a block and transforms it to 4 x 4 samples: see [`super::reduced::idct_reduced`].
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn idct_to_4(block: &[i16; 64], target: BlockTarget<'_>, out: &mut [u8]) {
    let (block, quant) = (block.as_chunks::<8>().0, target.quant.as_chunks::<8>().0);
    let mut x = [_mm_setzero_si128(); 8];
    // Input 4 has no influence.
    for n in [0, 1, 2, 3, 5, 6, 7] {
        let pair = row(&block[n], &quant[n]);
        let (values, steps) = (
            _mm256_castsi256_si128(pair),
            _mm256_extracti128_si256::<1>(pair),
        );
        x[n] = _mm_mullo_epi16(values, steps);
    }
    const FIRST: i32 = (CONST_BITS - PASS1_BITS + 1) as i32;
    const SECOND: i32 = (CONST_BITS + PASS1_BITS + 3 + 1) as i32;
    let [a, b, c, d] = transform_to_4::<FIRST>(x).map(|sums| {
        _mm_packs_epi32(
            _mm256_castsi256_si128(sums),
            _mm256_extracti128_si256::<1>(sums),
        )
    });
    // Four rows of eight to eight columns of four, two in each register.
    let (ab, cd) = (_mm_unpacklo_epi16(a, b), _mm_unpacklo_epi16(c, d));
    let (columns_01, columns_23) = (_mm_unpacklo_epi32(ab, cd), _mm_unpackhi_epi32(ab, cd));
    let (ab, cd) = (_mm_unpackhi_epi16(a, b), _mm_unpackhi_epi16(c, d));
    let (columns_45, columns_67) = (_mm_unpacklo_epi32(ab, cd), _mm_unpackhi_epi32(ab, cd));
    // The high four lanes of each input are of no use, and so are those of the outputs.
    let columns = transform_to_4::<SECOND>([
        columns_01,
        _mm_srli_si128::<8>(columns_01),
        columns_23,
        _mm_srli_si128::<8>(columns_23),
        columns_45,
        _mm_srli_si128::<8>(columns_45),
        columns_67,
        _mm_srli_si128::<8>(columns_67),
    ]);
    let [a, b, c, d] = columns.map(|column| _mm256_castsi256_si128(column));
    let bytes = _mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d));
    let to_rows = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let rows = _mm_xor_si128(_mm_shuffle_epi8(bytes, to_rows), _mm_set1_epi8(-128));
    let rows = [
        _mm_extract_epi32::<0>(rows),
        _mm_extract_epi32::<1>(rows),
        _mm_extract_epi32::<2>(rows),
        _mm_extract_epi32::<3>(rows),
    ];
    for (y, row) in rows.into_iter().enumerate() {
        out[target.at + y * target.stride..][..4].copy_from_slice(&row.to_le_bytes());
    }
}
