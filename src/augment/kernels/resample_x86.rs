//! Both passes of a convolution at once: two rows are convolved down and then, still in the nearest cache, across.
//!
//! The arithmetic is fast_image_resize's, which stays as the twin: weights are rounded to 16 bits, with as many behind the
//! point as the largest allows, each pass sums in 32 bits, rounds and clips to bytes, the pass down comes first. Its rows
//! cost less here because weights are padded with zeros to one number for all pixels, so that no branch depends on it.

use std::arch::x86_64::*;

use super::resample::Filter;
use crate::augment::Frame;

/// The weights of one axis.
#[derive(Debug, Default)]
struct Axis {
    /// Bits of a weight behind the point.
    precision: u32,
    /// Weights of each sample: 2, or a multiple of 4; those that are not needed are 0.
    taps: usize,
    /// The first sample that each sample of the outcome is made of.
    starts: Vec<u32>,
    /// How many bytes of a row of pixels the pass across reads, or some more: 3 for each pixel, and a register.
    reach: usize,
    /// `taps` for each sample of the outcome.
    weights: Vec<i16>,
    /// The same before they are rounded, `window` for each.
    exact: Vec<f64>,
}

impl Axis {
    /// Weights to make `to` samples of `from`; `support` is the reach of `kernel`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn plan(&mut self, from: u32, to: u32, kernel: impl Fn(f64) -> f64, support: f64, antialias: bool) {
        let scale = f64::from(from) / f64::from(to);
        let stretch = if antialias { scale.max(1.0) } else { 1.0 };
        let (radius, shrink) = (support * stretch, 1.0 / stretch);
        let window = radius.ceil() as usize * 2 + 1;
        self.starts.clear();
        self.exact.clear();
        self.exact.resize(window * to as usize, 0.0);
        let (mut taps, mut most) = (0, 0.0f64);
        for (n, weights) in self.exact.chunks_exact_mut(window).enumerate() {
            let centre = (n as f64 + 0.5) * scale;
            let first = (centre - radius).floor().max(0.0) as u32;
            let end = (centre + radius).ceil().min(f64::from(from)) as u32;
            let (mut start, mut count, mut sum) = (first, 0, 0.0);
            for x in first..end {
                let weight = kernel((f64::from(x) - (centre - 0.5)) * shrink);
                if count == 0 && weight == 0.0 {
                    start = x + 1;
                } else {
                    weights[count] = weight;
                    count += 1;
                    sum += weight;
                }
            }
            if sum != 0.0 {
                weights[..count].iter_mut().for_each(|weight| *weight /= sum);
            }
            most = weights[..count].iter().copied().fold(most, f64::max);
            let used = weights[..count].iter().rposition(|weight| *weight != 0.0).map_or(0, |last| last + 1);
            taps = taps.max(used);
            self.starts.push(start);
        }
        let fits = |precision: &u32| (most * f64::from(2 << precision)).round() >= 32768.0;
        self.precision = (0..22).find(fits).unwrap_or(21);
        self.taps = if taps > 2 { taps.next_multiple_of(4) } else { 2 };
        let furthest = self.starts.iter().max().map_or(0, |start| *start as usize);
        self.reach = 3 * (furthest + self.taps) + 16;
        self.weights.clear();
        self.weights.resize(self.taps * to as usize, 0);
        let unit = f64::from(1 << self.precision);
        for (rounded, exact) in self.weights.chunks_exact_mut(self.taps).zip(self.exact.chunks_exact(window))
        {
            for (rounded, exact) in rounded.iter_mut().zip(exact) {
                *rounded = (exact * unit).round() as i16;
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn plan_for(&mut self, from: u32, to: u32, filter: Filter) {
        match filter {
            Filter::Bilinear => self.plan(from, to, triangle, 1.0, true),
            Filter::Bicubic => self.plan(from, to, catmull_rom, 2.0, true),
            Filter::Lanczos => self.plan(from, to, lanczos, 3.0, true),
            Filter::BilinearAliased => self.plan(from, to, triangle, 1.0, false),
            Filter::BicubicAliased => self.plan(from, to, catmull_rom, 2.0, false),
            Filter::Nearest => unreachable!("nearest is no convolution"),
        }
    }

    /// The weights of the `n`th sample.
    fn of(&self, n: usize) -> &[i16] {
        &self.weights[n * self.taps..][..self.taps]
    }
}

fn triangle(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

fn catmull_rom(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let x = x * std::f64::consts::PI;
        if x == 0.0 { 1.0 } else { x.sin() / x }
    };
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// A resampler for processors with AVX2; keeps its scratch memory.
#[derive(Debug, Default)]
pub(super) struct Fused {
    horizontal: Axis,
    vertical: Axis,
    /// Two rows between the passes, and one for what nobody wants.
    lines: [Vec<u8>; 3],
}

impl Fused {
    /// Resamples a picture by a filter that is a convolution.
    #[target_feature(enable = "avx2")]
    pub(super) fn resize(&mut self, source: &[u8], from: Frame, out: &mut [u8], to: Frame, filter: Filter) {
        let Fused { horizontal, vertical, lines: [a, b, spare] } = self;
        let (stride, wide) = (3 * from.width as usize, 3 * to.width as usize);
        let last = from.height as usize - 1;
        let line = |n: usize| &source[n.min(last) * stride..][..stride];
        let (moves, turns) = (from.height != to.height, from.width != to.width);
        if moves {
            vertical.plan_for(from.height, to.height, filter);
        }
        // One row of what the pass down makes.
        let pass_down = |n: usize, out: &mut [u8]| {
            if moves {
                let start = vertical.starts[n] as usize;
                down(|tap| line(start + tap), vertical.of(n), vertical.precision, out);
            } else {
                out.copy_from_slice(line(n));
            }
        };
        if !turns {
            return out.chunks_exact_mut(wide).enumerate().for_each(|(n, row)| pass_down(n, row));
        }
        horizontal.plan_for(from.width, to.width, filter);
        let room = horizontal.reach.max(stride);
        for line in [&mut *a, &mut *b] {
            line.resize(line.len().max(room), 0);
        }
        spare.resize(wide, 0);
        let mut rows = out.chunks_exact_mut(wide);
        let mut n = 0;
        while let Some(first) = rows.next() {
            pass_down(n, &mut a[..stride]);
            let second = match rows.next() {
                Some(second) => {
                    pass_down(n + 1, &mut b[..stride]);
                    second
                }
                None => &mut spare[..],
            };
            across(horizontal, [a, b], [first, second]);
            n += 2;
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn pair(weights: &[i16; 2]) -> __m256i {
    _mm256_set1_epi32(i32::from(weights[0] as u16) | i32::from(weights[1]) << 16)
}

/// One row of the pass down: the sum of the rows that `row` gives times their weights.
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
        // The last step goes over some of what the one before did.
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
        let sum: i32 = terms.map(|(row, weight)| i32::from(row[at]) * i32::from(*weight)).sum();
        *out = ((sum + (1 << precision >> 1)) >> precision).clamp(0, 255) as u8;
    }
}

/// Puts the first and the second two of four pixels side by side, channel by channel, as 16-bit words.
const PAIRS: [[i8; 16]; 2] = [
    [0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1],
    [6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1],
];
/// Drops each fourth byte.
const TRIPLES: [i8; 16] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1];

#[inline]
#[target_feature(enable = "avx2")]
fn in_both_halves(bytes: [i8; 16]) -> __m256i {
    // SAFETY: the array has 16 bytes, and the load does not ask for alignment.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}

/// Two rows of the pass across.
#[inline]
#[target_feature(enable = "avx2")]
fn across(axis: &Axis, rows: [&[u8]; 2], outs: [&mut [u8]; 2]) {
    match axis.taps {
        2 => across_by::<2>(axis, rows, outs),
        4 => across_by::<4>(axis, rows, outs),
        _ => across_by::<0>(axis, rows, outs),
    }
}

/// `TAPS` is the number of weights, or 0 if it is another multiple of 4.
#[target_feature(enable = "avx2")]
fn across_by<const TAPS: usize>(axis: &Axis, rows: [&[u8]; 2], [out_a, out_b]: [&mut [u8]; 2]) {
    assert!(rows.iter().all(|row| row.len() >= axis.reach));
    let taps = if TAPS == 0 { axis.taps } else { TAPS };
    let shift = _mm_cvtsi32_si128(axis.precision as i32);
    let half = _mm256_set1_epi32(1 << axis.precision >> 1);
    let [first, second] = PAIRS.map(|order| in_both_halves(order));
    let triples = in_both_halves(TRIPLES);
    let load = |at: usize| {
        // SAFETY: `at` is three times a start and less than the weights behind it, and rows have 16 bytes more than all of
        // that, as asserted.
        let [a, b] = rows.map(|row| unsafe { _mm_loadu_si128(row.as_ptr().add(at).cast()) });
        _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1)
    };
    // Red, green and blue of a pixel of both rows.
    let pixel = |n: usize| {
        let at = 3 * axis.starts[n] as usize;
        let weights = &axis.weights[n * taps..][..taps];
        let mut sum = half;
        if let [a, b] = weights {
            let words = _mm256_shuffle_epi8(load(at), first);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words, pair(&[*a, *b])));
        }
        for (n, [a, b, c, d]) in weights.as_chunks().0.iter().enumerate() {
            let pixels = load(at + 12 * n);
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
        // The last step goes over some of what the one before did.
        x = x.min(width - 4);
        let bytes = four(pixel(x), pixel(x + 1), pixel(x + 2), pixel(x + 3));
        put(&mut out_a[3 * x..], _mm256_castsi256_si128(bytes));
        put(&mut out_b[3 * x..], _mm256_extracti128_si256(bytes, 1));
        x += 4;
    }
    for x in x..width {
        let sums = pixel(x);
        let bytes = four(sums, sums, sums, sums);
        for (out, bytes) in
            [(&mut *out_a, _mm256_castsi256_si128(bytes)), (&mut *out_b, _mm256_extracti128_si256(bytes, 1))]
        {
            out[3 * x..][..3].copy_from_slice(&_mm_cvtsi128_si32(bytes).to_le_bytes()[..3]);
        }
    }
}
