//! What a convolution multiplies pixels by.

use super::resample::Filter;

/// The weights of one axis.
#[derive(Debug, Default)]
pub(super) struct Axis {
    /// Bits of a weight behind the point.
    pub(super) precision: u32,
    /// Weights of each sample: 2, or a multiple of 4; those that are not needed are 0.
    pub(super) taps: usize,
    /// The first sample that each sample of the outcome is made of.
    pub(super) starts: Vec<u32>,
    /// How many bytes of a row of pixels the pass across reads, or some more: 3 for each pixel,
    /// and a register.
    pub(super) reach: usize,
    /// `taps` for each sample of the outcome.
    pub(super) weights: Vec<i16>,
    /// The same before they are rounded, `window` for each.
    exact: Vec<f64>,
}

impl Axis {
    /// Weights to make `to` samples of `from`; `support` is the reach of `kernel`.
    ///
    /// Inlined, as rounding is an instruction for some processors and a call for others; the
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
        let fits = |precision: &u32| (most * f64::from(2 << precision)).round() >= 32768.0;
        self.precision = (0..22).find(fits).unwrap_or(21);
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

    /// Weights to make `to` samples of `from` by a filter that is a convolution.
    #[inline(always)]
    pub(super) fn plan_for(&mut self, from: u32, to: u32, filter: Filter) {
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
