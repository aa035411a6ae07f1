//! The final pass for processors with AVX2: weighted sums of normalized images, with divisions
//! instead of a table. A table takes a load for each value; divisions keep up with the memory that
//! is written, and are as exact.

use std::arch::x86_64::*;
use std::ops::Range;

use super::Element;
use super::finish::{Rule, Term};
use crate::kernels::x86::{load, split, widen};

/// The numbers of a rule, for eight values.
#[derive(Clone, Copy)]
struct Lanes {
    plain: bool,
    unit: __m256,
    mean: __m256,
    std: __m256,
}

impl Lanes {
    /// `channel` gives the channel of each value.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn new(rule: &Rule, channel: impl Fn(usize) -> usize) -> Lanes {
        let lanes = |of: &[f32; 3]| {
            let [a, b, c, d, e, f, g, h] = std::array::from_fn(|lane| of[channel(lane)]);
            _mm256_setr_ps(a, b, c, d, e, f, g, h)
        };
        Lanes {
            plain: rule.is_plain(),
            unit: _mm256_set1_ps(rule.unit),
            mean: lanes(&rule.mean),
            std: lanes(&rule.std),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn apply(self, levels: __m256i, weight: __m256) -> __m256 {
        let mut values = _mm256_cvtepi32_ps(levels);
        if !self.plain {
            values = _mm256_sub_ps(_mm256_div_ps(values, self.unit), self.mean);
            values = _mm256_div_ps(values, self.std);
        }
        _mm256_mul_ps(weight, values)
    }
}

/// Adds what `terms` are at each place: `values` gives those of a term with its weight.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn sum<const N: usize>(
    terms: &[Term<'_>],
    values: impl Fn(&[[u8; 3]], __m256) -> [__m256; N],
) -> [__m256; N] {
    let (first, rest) = terms.split_first().expect("a slot has a source");
    let of = |term: &Term<'_>| values(term.pixels, _mm256_set1_ps(term.weight));
    rest.iter().fold(of(first), |sums, term| {
        let values = of(term);
        std::array::from_fn(|n| _mm256_add_ps(sums[n], values[n]))
    })
}

/// Pixels of three planes, one behind the other in `out`.
#[target_feature(enable = "avx2,f16c")]
pub(super) fn planar<T: Element>(
    rule: &Rule,
    terms: &[Term<'_>],
    span: Range<usize>,
    out: &mut [T],
) {
    const STEP: usize = 16;
    let lanes: [Lanes; 3] = std::array::from_fn(|channel| Lanes::new(rule, |_| channel));
    let plane = out.len() / 3;
    let mut at = span.start;
    while at < span.end && span.len() >= STEP {
        // The last step goes over some of what the one before did.
        at = at.min(span.end - STEP);
        let sums: [__m256; 6] = sum(terms, |pixels, weight| {
            let planes = split(pixels[at..].first_chunk().expect("sixteen pixels"));
            let halves = planes.map(|plane| widen(plane));
            std::array::from_fn(|n| lanes[n / 2].apply(halves[n / 2][n % 2], weight))
        });
        for (n, sum) in sums.into_iter().enumerate() {
            let out = &mut out[n / 2 * plane + at + n % 2 * 8..];
            // SAFETY: this function is for processors that have both.
            unsafe { T::put(sum, out.first_chunk_mut().expect("eight values")) };
        }
        at += STEP;
    }
    for (at, channel) in (at..span.end).flat_map(|at| (0..3).map(move |channel| (at, channel))) {
        out[channel * plane + at] = T::from_f32(rule.sum(terms, at, channel));
    }
}

/// Pixels with their channels side by side.
#[target_feature(enable = "avx2,f16c")]
pub(super) fn interleaved<T: Element>(
    rule: &Rule,
    terms: &[Term<'_>],
    span: Range<usize>,
    out: &mut [T],
) {
    const STEP: usize = 8;
    let lanes: [Lanes; 3] = std::array::from_fn(|n| Lanes::new(rule, |lane| (8 * n + lane) % 3));
    let mut at = span.start;
    while at < span.end && span.len() >= STEP {
        at = at.min(span.end - STEP);
        let sums: [__m256; 3] = sum(terms, |pixels, weight| {
            let levels = pixels[at..at + STEP].as_flattened();
            let [first, second] = widen(load(levels.first_chunk().expect("24 bytes")));
            let [_, third] = widen(load(levels.last_chunk().expect("24 bytes")));
            [
                lanes[0].apply(first, weight),
                lanes[1].apply(second, weight),
                lanes[2].apply(third, weight),
            ]
        });
        for (sum, out) in sums.into_iter().zip(out[3 * at..].as_chunks_mut().0) {
            // SAFETY: this function is for processors that have both.
            unsafe { T::put(sum, out) };
        }
        at += STEP;
    }
    for (at, channel) in (at..span.end).flat_map(|at| (0..3).map(move |channel| (at, channel))) {
        out[3 * at + channel] = T::from_f32(rule.sum(terms, at, channel));
    }
}
