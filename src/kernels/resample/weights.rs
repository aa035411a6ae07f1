//! The weights of a convolution, as fast_image_resize computes them.
//!
//! Each output sample is a weighted mean of the input samples within the reach of a kernel, which
//! is stretched by the scale when the image shrinks: that is the antialias. The means are computed
//! in f64, normalized, and rounded to 16 bits.

use super::Filter;

/// The weights of one axis.
#[derive(Debug, Default)]
pub(super) struct Axis {
    /// The fractional bits of a weight.
    pub(super) precision: u32,
    /// The number of weights of each output sample: 2, or a multiple of 4. Unused ones are 0.
    pub(super) taps: usize,
    /// The first input sample of each output sample.
    pub(super) starts: Vec<u32>,
    /// An upper bound on the bytes that the horizontal pass reads of a row: 3 for each pixel and
    /// the 16 of a register.
    pub(super) reach: usize,
    /// `taps` weights for each output sample.
    pub(super) weights: Vec<i16>,
    /// The weights before they are rounded, `window` for each output sample.
    exact: Vec<f64>,
}

impl Axis {
    /// Computes the weights for `to` output samples from `from` input samples. `support` is the
    /// reach of `kernel`.
    ///
    /// Inlined so that vector code compiles it for its own instructions, which have rounding; the
    /// numbers are the same.
    #[inline(always)]
    fn plan(
        &mut self,
        from: u32,
        to: u32,
        kernel: impl Fn(f64) -> f64,
        support: f64,
        antialias: bool,
    ) {
        let scale = f64::from(from) / f64::from(to);
        let stretch = if antialias { scale.max(1.0) } else { 1.0 };
        let (radius, shrink) = (support * stretch, 1.0 / stretch);
        let window = radius.ceil() as usize * 2 + 1;
        self.starts.clear();
        self.exact.clear();
        self.exact.resize(window * to as usize, 0.0);
        let (mut taps, mut most) = (0, 0.0f64);
        for (n, weights) in self.exact.chunks_exact_mut(window).enumerate() {
            let center = (n as f64 + 0.5) * scale;
            let first = (center - radius).floor().max(0.0) as u32;
            let end = (center + radius).ceil().min(f64::from(from)) as u32;
            let (mut start, mut count, mut sum) = (first, 0, 0.0);
            for x in first..end {
                let weight = kernel((f64::from(x) - (center - 0.5)) * shrink);
                if count == 0 && weight == 0.0 {
                    start = x + 1;
                } else {
                    weights[count] = weight;
                    count += 1;
                    sum += weight;
                }
            }
            if sum != 0.0 {
                weights[..count]
                    .iter_mut()
                    .for_each(|weight| *weight /= sum);
            }
            most = weights[..count].iter().copied().fold(most, f64::max);
            let used = weights[..count]
                .iter()
                .rposition(|weight| *weight != 0.0)
                .map_or(0, |last| last + 1);
            taps = taps.max(used);
            self.starts.push(start);
        }
        // The most fractional bits with which the largest weight still fits 16 bits.
        let is_largest = |precision: &u32| (most * f64::from(2 << precision)).round() >= 32768.0;
        self.precision = (0..22).find(is_largest).unwrap_or(21);
        self.taps = if taps > 2 {
            taps.next_multiple_of(4)
        } else {
            2
        };
        let furthest = self.starts.iter().max().map_or(0, |start| *start as usize);
        self.reach = 3 * (furthest + self.taps) + 16;
        self.weights.clear();
        self.weights.resize(self.taps * to as usize, 0);
        let unit = f64::from(1 << self.precision);
        for (rounded, exact) in self
            .weights
            .chunks_exact_mut(self.taps)
            .zip(self.exact.chunks_exact(window))
        {
            for (rounded, exact) in rounded.iter_mut().zip(exact) {
                *rounded = (exact * unit).round() as i16;
            }
        }
    }

    /// Computes the weights of a filter for `to` output samples from `from` input samples.
    #[inline(always)]
    pub(super) fn plan_for(&mut self, from: u32, to: u32, filter: Filter) {
        match filter {
            Filter::Bilinear => self.plan(from, to, triangle, 1.0, true),
            Filter::Bicubic => self.plan(from, to, catmull_rom, 2.0, true),
            Filter::Lanczos => self.plan(from, to, lanczos, 3.0, true),
            Filter::BilinearAliased => self.plan(from, to, triangle, 1.0, false),
            Filter::BicubicAliased => self.plan(from, to, catmull_rom, 2.0, false),
            Filter::Nearest => unreachable!("nearest is not a convolution"),
        }
    }

    /// The weights of output sample `n`.
    pub(super) fn of(&self, n: usize) -> &[i16] {
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
        if x == 0.0 { 1.0 } else { libm::sin(x) / x }
    };
    if (-3.0..3.0).contains(&x) {
        sinc(x) * sinc(x / 3.0)
    } else {
        0.0
    }
}
