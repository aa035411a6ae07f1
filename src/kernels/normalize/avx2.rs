//! The final pass with AVX2 and F16C: weighted sums of normalized images, with divisions.
//!
//! A copy is a sum of one term with weight 1, which changes no bit of a value.

use std::arch::x86_64::*;
use std::ops::Range;

use super::{Element, Normalization, Normalizer, Order, scalar};
use crate::cpu::{Avx2, Avx2F16c};
use crate::geometry::Rect;
use crate::kernels::simd_avx2::{load, split, widen};

/// See [`Normalizer::copy`].
pub(super) fn copy<T: Element, const C: usize>(
    avx2: Avx2,
    normalizer: &Normalizer,
    own: &[[u8; C]],
    partner: &[[u8; C]],
    rect: Rect,
    out: &mut [T],
) {
    let Some(token) = Avx2F16c::detect(avx2) else {
        return scalar::copy(normalizer, own, partner, rect, out);
    };
    let all = 0..own.len();
    let [own, partner] = [own, partner].map(|pixels| {
        [Term {
            pixels,
            weight: 1.0,
        }]
    });
    sums(token, normalizer, &own, all, out);
    for span in normalizer.spans(rect) {
        sums(token, normalizer, &partner, span, out);
    }
}

/// See [`Normalizer::weighted_sum`].
pub(super) fn weighted_sum<T: Element, const C: usize>(
    avx2: Avx2,
    normalizer: &Normalizer,
    sources: &[&[[u8; C]]],
    weights: &[f32],
    out: &mut [T],
) {
    let Some(token) = Avx2F16c::detect(avx2) else {
        return scalar::weighted_sum(normalizer, sources, weights, out);
    };
    let terms = sources.iter().zip(weights);
    let terms: Vec<Term<'_, C>> = terms
        .map(|(pixels, weight)| Term {
            pixels,
            weight: *weight,
        })
        .collect();
    let all = 0..normalizer.size.width as usize * normalizer.size.height as usize;
    sums(token, normalizer, &terms, all, out);
}

/// Writes the sums of the terms for a span of pixels.
fn sums<T: Element, const C: usize>(
    _: Avx2F16c,
    normalizer: &Normalizer,
    terms: &[Term<'_, C>],
    span: Range<usize>,
    out: &mut [T],
) {
    let rule = &normalizer.normalization;
    // SAFETY: the token proves AVX2 and F16C.
    unsafe {
        match normalizer.order {
            _ if C == 1 => gray(rule, terms, span, out),
            Order::Planar => planar(rule, terms, span, out),
            Order::Interleaved => interleaved(rule, terms, span, out),
        }
    }
}

/// An image and its weight in a sum.
#[derive(Clone, Copy)]
struct Term<'a, const C: usize> {
    pixels: &'a [[u8; C]],
    weight: f32,
}

/// The sum of the terms for one value, in plain code.
fn sum_at<const C: usize>(
    rule: &Normalization,
    terms: &[Term<'_, C>],
    at: usize,
    channel: usize,
) -> f32 {
    let mut values = terms
        .iter()
        .map(|term| term.weight * rule.apply(term.pixels[at][channel], channel));
    let first = values.next().unwrap_or(0.0);
    values.fold(first, |sum, value| sum + value)
}

/// A [`Normalization`] of eight values.
#[derive(Clone, Copy)]
struct Eight {
    identity: bool,
    unit: __m256,
    mean: __m256,
    std: __m256,
}

impl Eight {
    /// Value `n` belongs to channel `channel(n)`.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn new(rule: &Normalization, channel: impl Fn(usize) -> usize) -> Eight {
        let eight = |of: &[f32; 3]| {
            let [a, b, c, d, e, f, g, h] = std::array::from_fn(|n| of[channel(n)]);
            _mm256_setr_ps(a, b, c, d, e, f, g, h)
        };
        Eight {
            identity: rule.unit == 1.0,
            unit: _mm256_set1_ps(rule.unit),
            mean: eight(&rule.mean),
            std: eight(&rule.std),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn apply(self, levels: __m256i, weight: __m256) -> __m256 {
        let mut values = _mm256_cvtepi32_ps(levels);
        if !self.identity {
            values = _mm256_sub_ps(_mm256_div_ps(values, self.unit), self.mean);
            values = _mm256_div_ps(values, self.std);
        }
        _mm256_mul_ps(weight, values)
    }
}

/// Adds up the terms; `values(pixels, weight)` returns the weighted values of one of them.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn sum<const C: usize, const N: usize>(
    terms: &[Term<'_, C>],
    values: impl Fn(&[[u8; C]], __m256) -> [__m256; N],
) -> [__m256; N] {
    let (first, rest) = terms.split_first().expect("a slot has a source");
    let of = |term: &Term<'_, C>| values(term.pixels, _mm256_set1_ps(term.weight));
    rest.iter().fold(of(first), |sums, term| {
        let values = of(term);
        std::array::from_fn(|n| _mm256_add_ps(sums[n], values[n]))
    })
}

/// Writes one plane.
#[target_feature(enable = "avx2,f16c")]
fn gray<T: Element, const C: usize>(
    rule: &Normalization,
    terms: &[Term<'_, C>],
    span: Range<usize>,
    out: &mut [T],
) {
    const STEP: usize = 16;
    let eight = Eight::new(rule, |_| 0);
    let mut at = span.start;
    while at < span.end && span.len() >= STEP {
        // The last step overlaps the one before.
        at = at.min(span.end - STEP);
        let sums: [__m256; 2] = sum(terms, |pixels, weight| {
            let levels = pixels[at..].as_flattened();
            let halves = widen(load(levels.first_chunk().expect("sixteen pixels")));
            halves.map(|half| eight.apply(half, weight))
        });
        for (sum, out) in sums.into_iter().zip(out[at..].as_chunks_mut().0) {
            // SAFETY: this function has AVX2 and F16C.
            unsafe { T::store_avx2(sum, out) };
        }
        at += STEP;
    }
    let rest = at..span.end;
    for (at, out) in rest.clone().zip(&mut out[rest]) {
        *out = T::from_f32(sum_at(rule, terms, at, 0));
    }
}

/// Writes three planes.
#[target_feature(enable = "avx2,f16c")]
fn planar<T: Element, const C: usize>(
    rule: &Normalization,
    terms: &[Term<'_, C>],
    span: Range<usize>,
    out: &mut [T],
) {
    const STEP: usize = 16;
    let rules: [Eight; 3] = std::array::from_fn(|channel| Eight::new(rule, |_| channel));
    let plane = out.len() / 3;
    let mut at = span.start;
    while at < span.end && span.len() >= STEP {
        // The last step overlaps the one before.
        at = at.min(span.end - STEP);
        let sums: [__m256; 6] = sum(terms, |pixels, weight| {
            let (pixels, _) = pixels[at..].as_flattened().as_chunks();
            let planes = split(pixels.first_chunk().expect("sixteen pixels"));
            let halves = planes.map(|plane| widen(plane));
            std::array::from_fn(|n| rules[n / 2].apply(halves[n / 2][n % 2], weight))
        });
        for (n, sum) in sums.into_iter().enumerate() {
            let out = &mut out[n / 2 * plane + at + n % 2 * 8..];
            // SAFETY: this function has AVX2 and F16C.
            unsafe { T::store_avx2(sum, out.first_chunk_mut().expect("eight values")) };
        }
        at += STEP;
    }
    for (at, channel) in (at..span.end).flat_map(|at| (0..3).map(move |channel| (at, channel))) {
        out[channel * plane + at] = T::from_f32(sum_at(rule, terms, at, channel));
    }
}

/// Writes pixels with their channels side by side.
#[target_feature(enable = "avx2,f16c")]
fn interleaved<T: Element, const C: usize>(
    rule: &Normalization,
    terms: &[Term<'_, C>],
    span: Range<usize>,
    out: &mut [T],
) {
    const STEP: usize = 8;
    let rules: [Eight; 3] = std::array::from_fn(|n| Eight::new(rule, |i| (8 * n + i) % 3));
    let mut at = span.start;
    while at < span.end && span.len() >= STEP {
        at = at.min(span.end - STEP);
        let sums: [__m256; 3] = sum(terms, |pixels, weight| {
            let levels = pixels[at..at + STEP].as_flattened();
            let [first, second] = widen(load(levels.first_chunk().expect("24 bytes")));
            let [_, third] = widen(load(levels.last_chunk().expect("24 bytes")));
            [
                rules[0].apply(first, weight),
                rules[1].apply(second, weight),
                rules[2].apply(third, weight),
            ]
        });
        for (sum, out) in sums.into_iter().zip(out[3 * at..].as_chunks_mut().0) {
            // SAFETY: this function has AVX2 and F16C.
            unsafe { T::store_avx2(sum, out) };
        }
        at += STEP;
    }
    for (at, channel) in (at..span.end).flat_map(|at| (0..3).map(move |channel| (at, channel))) {
        out[3 * at + channel] = T::from_f32(sum_at(rule, terms, at, channel));
    }
}
