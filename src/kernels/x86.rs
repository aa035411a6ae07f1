//! The kernels that pay for AVX2 by hand: pixels of three bytes are no shape that the compiler
//! vectorizes. Each has a plain twin beside the step it belongs to, which gives the same bytes;
//! nothing here fuses multiplications and additions.

use std::arch::x86_64::*;

/// Sixteen pixels: three registers of 16 bytes.
pub(crate) type Block = [[u8; 3]; 16];

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 bytes, and the load does not ask for alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn store(bytes: &mut [u8; 16], vector: __m128i) {
    // SAFETY: the reference is to 16 bytes, and the store does not ask for alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), vector) }
}

/// Which byte of the `register`th register goes to each pixel of a channel's plane; -1 (a zero) if
/// it is in another one.
const fn to_plane(channel: usize, register: usize) -> [u8; 16] {
    let mut order = [0x80; 16];
    let mut pixel = 0;
    while pixel < 16 {
        let at = pixel * 3 + channel;
        if at / 16 == register {
            order[pixel] = (at % 16) as u8;
        }
        pixel += 1;
    }
    order
}

/// Which pixel of a channel's plane goes to each byte of the `register`th register.
const fn from_plane(channel: usize, register: usize) -> [u8; 16] {
    let mut order = [0x80; 16];
    let mut byte = 0;
    while byte < 16 {
        let at = register * 16 + byte;
        if at % 3 == channel {
            order[byte] = (at / 3) as u8;
        }
        byte += 1;
    }
    order
}

const TO_PLANE: [[[u8; 16]; 3]; 3] = [
    [to_plane(0, 0), to_plane(0, 1), to_plane(0, 2)],
    [to_plane(1, 0), to_plane(1, 1), to_plane(1, 2)],
    [to_plane(2, 0), to_plane(2, 1), to_plane(2, 2)],
];

const FROM_PLANE: [[[u8; 16]; 3]; 3] = [
    [from_plane(0, 0), from_plane(1, 0), from_plane(2, 0)],
    [from_plane(0, 1), from_plane(1, 1), from_plane(2, 1)],
    [from_plane(0, 2), from_plane(1, 2), from_plane(2, 2)],
];

/// The five pixels behind a first byte in the opposite order, before a last byte that counts for
/// nothing.
const MIRRORED: [u8; 16] = [13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0x80];

/// Three registers shuffled and put together.
#[inline]
#[target_feature(enable = "avx2")]
fn gather([a, b, c]: [__m128i; 3], [x, y, z]: &[[u8; 16]; 3]) -> __m128i {
    let (a, b, c) = (
        _mm_shuffle_epi8(a, load(x)),
        _mm_shuffle_epi8(b, load(y)),
        _mm_shuffle_epi8(c, load(z)),
    );
    _mm_or_si128(_mm_or_si128(a, b), c)
}

/// The planes of red, green and blue.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn split(block: &Block) -> [__m128i; 3] {
    let [a, b, c] = block.as_flattened().as_chunks().0 else {
        unreachable!("48 bytes are three registers")
    };
    let registers = [load(a), load(b), load(c)];
    [
        gather(registers, &TO_PLANE[0]),
        gather(registers, &TO_PLANE[1]),
        gather(registers, &TO_PLANE[2]),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn join(block: &mut Block, planes: [__m128i; 3]) {
    for (part, order) in block
        .as_flattened_mut()
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip(&FROM_PLANE)
    {
        store(part, gather(planes, order));
    }
}

/// Sixteen bytes as two times eight numbers.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn widen(bytes: __m128i) -> [__m256i; 2] {
    [
        _mm256_cvtepu8_epi32(bytes),
        _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn narrow([low, high]: [__m256i; 2]) -> __m128i {
    let words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0b11_01_10_00);
    _mm_packus_epi16(
        _mm256_castsi256_si128(words),
        _mm256_extracti128_si256(words, 1),
    )
}

/// Pillow's luma of eight pixels.
#[inline]
#[target_feature(enable = "avx2")]
fn luma(r: __m256i, g: __m256i, b: __m256i) -> __m256i {
    let times = |values, by| _mm256_mullo_epi32(values, _mm256_set1_epi32(by));
    let sum = _mm256_add_epi32(times(r, 19595), times(g, 38470));
    let sum = _mm256_add_epi32(
        sum,
        _mm256_add_epi32(times(b, 7471), _mm256_set1_epi32(0x8000)),
    );
    _mm256_srli_epi32(sum, 16)
}

#[inline]
#[target_feature(enable = "avx2")]
fn luma_bytes(block: &Block) -> __m128i {
    let [r, g, b] = split(block);
    let ([r0, r1], [g0, g1], [b0, b1]) = (widen(r), widen(g), widen(b));
    narrow([luma(r0, g0, b0), luma(r1, g1, b1)])
}

#[target_feature(enable = "avx2")]
pub(super) fn gray(blocks: &mut [Block]) {
    for block in blocks {
        let gray = luma_bytes(block);
        join(block, [gray; 3]);
    }
}

/// The sum of Pillow's lumas.
#[target_feature(enable = "avx2")]
pub(super) fn luma_sum(blocks: &[Block]) -> u64 {
    let mut sums = _mm_setzero_si128();
    for block in blocks {
        sums = _mm_add_epi64(sums, _mm_sad_epu8(luma_bytes(block), _mm_setzero_si128()));
    }
    (_mm_extract_epi64(sums, 0) + _mm_extract_epi64(sums, 1)) as u64
}

#[target_feature(enable = "avx2")]
pub(super) fn saturation(blocks: &mut [Block], factor: f32) {
    let factor = _mm256_set1_ps(factor);
    for block in blocks {
        let planes = split(block);
        let planes = [widen(planes[0]), widen(planes[1]), widen(planes[2])];
        let mut out = planes;
        for half in 0..2 {
            let gray = _mm256_cvtepi32_ps(luma(planes[0][half], planes[1][half], planes[2][half]));
            for channel in 0..3 {
                let value = _mm256_cvtepi32_ps(planes[channel][half]);
                let value = _mm256_add_ps(gray, _mm256_mul_ps(factor, _mm256_sub_ps(value, gray)));
                let value = _mm256_min_ps(
                    _mm256_max_ps(value, _mm256_setzero_ps()),
                    _mm256_set1_ps(255.0),
                );
                out[channel][half] = _mm256_cvttps_epi32(value);
            }
        }
        join(block, [narrow(out[0]), narrow(out[1]), narrow(out[2])]);
    }
}

/// Writes the mirror image of a row's end to its beginning; returns how many pixels that are.
///
/// A register of 16 bytes takes five pixels; the byte that it has too many is stored behind them,
/// where the next ones go. Written forwards: stores that overlap the one before from below take
/// twice the time.
#[target_feature(enable = "avx2")]
pub(super) fn mirror(source: &[[u8; 3]], out: &mut [[u8; 3]]) -> usize {
    const GROUPS: usize = 4;
    const STEP: usize = 15 * GROUPS;
    let (source, out) = (source.as_flattened(), out.as_flattened_mut());
    let steps = source.len().saturating_sub(1) / STEP;
    let order = load(&MIRRORED);
    for step in 0..steps {
        let from = source[source.len() - (step + 1) * STEP - 1..].first_chunk::<{ STEP + 1 }>();
        let to = out[step * STEP..].first_chunk_mut::<{ STEP + 1 }>();
        let (from, to) = (
            from.expect("a byte before each step"),
            to.expect("a byte behind each step"),
        );
        for group in 0..GROUPS {
            let pixels = load(
                from[15 * (GROUPS - 1 - group)..]
                    .first_chunk()
                    .expect("16 bytes"),
            );
            store(
                to[15 * group..].first_chunk_mut().expect("16 bytes"),
                _mm_shuffle_epi8(pixels, order),
            );
        }
    }
    steps * STEP / 3
}
