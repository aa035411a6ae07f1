//! The types of a batch's values.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use half::{bf16, f16};

#[cfg(target_arch = "x86_64")]
use crate::kernels::simd_avx2::store;

/// A value of a batch.
pub(crate) trait Element: Copy + Send {
    /// The nearest value, ties to even.
    fn from_f32(value: f32) -> Self;

    /// The levels themselves, if the type holds levels.
    fn from_levels(_levels: &[u8]) -> Option<&[Self]> {
        None
    }

    /// [`Element::from_f32`] of eight values.
    ///
    /// # Safety
    ///
    /// The processor has AVX2 and F16C. A method of a trait cannot be safe and have target features
    /// at once.
    #[cfg(target_arch = "x86_64")]
    unsafe fn store_avx2(values: __m256, out: &mut [Self; 8]);
}

impl Element for u8 {
    fn from_f32(value: f32) -> u8 {
        value.round_ties_even() as u8
    }

    fn from_levels(levels: &[u8]) -> Option<&[u8]> {
        Some(levels)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn store_avx2(values: __m256, out: &mut [u8; 8]) {
        let values = _mm256_cvtps_epi32(values);
        let words = _mm_packs_epi32(
            _mm256_castsi256_si128(values),
            _mm256_extracti128_si256(values, 1),
        );
        *out = _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes();
    }
}

impl Element for f16 {
    fn from_f32(value: f32) -> f16 {
        f16::from_f32(value)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn store_avx2(values: __m256, out: &mut [f16; 8]) {
        let halves = _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT);
        store(bytemuck::cast_mut(out), halves);
    }
}

impl Element for bf16 {
    fn from_f32(value: f32) -> bf16 {
        bf16::from_f32(value)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn store_avx2(values: __m256, out: &mut [bf16; 8]) {
        // Rounds to even by adding half a unit of the last bit that stays, minus one bit if it is
        // even. No value here is a NaN.
        let bits = _mm256_castps_si256(values);
        let odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
        let up = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
        let high = _mm256_srli_epi32(_mm256_add_epi32(bits, up), 16);
        let words = _mm_packus_epi32(
            _mm256_castsi256_si128(high),
            _mm256_extracti128_si256(high, 1),
        );
        store(bytemuck::cast_mut(out), words);
    }
}

impl Element for f32 {
    fn from_f32(value: f32) -> f32 {
        value
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn store_avx2(values: __m256, out: &mut [f32; 8]) {
        // SAFETY: the array has 32 bytes, and the store does not ask for alignment.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), values) };
    }
}
