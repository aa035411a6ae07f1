//! RGB pixels in AVX2 registers: the loads, shuffles and conversions that kernels share.
//!
//! Kernels on pixels are written by hand because the compiler does not vectorize loops over pixels
//! of three bytes. Nothing in this folder fuses multiplications with additions, which would round
//! once where the scalar code rounds twice.

use std::arch::x86_64::*;

/// Sixteen pixels, which are three registers of 16 bytes.
pub(super) type Block = [[u8; 3]; 16];

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 bytes, and the load does not ask for alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(bytes: &mut [u8; 16], vector: __m128i) {
    // SAFETY: the reference is to 16 bytes, and the store does not ask for alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), vector) }
}

/// For each of 16 pixels, the byte of register `register` that holds its value of `channel`; 0x80,
/// which a shuffle turns into 0, if another register holds it.
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

/// For each byte of register `register`, the pixel that it belongs to; 0x80 if it is of another
/// channel.
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

/// Shuffles three registers and merges them.
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

/// The red, the green and the blue values of 16 pixels.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn split(block: &Block) -> [__m128i; 3] {
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

/// Writes 16 pixels from their red, green and blue values.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn join(block: &mut Block, planes: [__m128i; 3]) {
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

/// Sixteen bytes as two registers of eight 32-bit integers.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn widen(bytes: __m128i) -> [__m256i; 2] {
    [
        _mm256_cvtepu8_epi32(bytes),
        _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)),
    ]
}

/// Sixteen 32-bit integers as bytes, clipped; the inverse of [`widen`].
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn narrow([low, high]: [__m256i; 2]) -> __m128i {
    let words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0b11_01_10_00);
    _mm_packus_epi16(
        _mm256_castsi256_si128(words),
        _mm256_extracti128_si256(words, 1),
    )
}
