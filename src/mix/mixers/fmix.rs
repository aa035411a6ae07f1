//! FMix: masks of low frequencies.

use serde::{Deserialize, Serialize};

use super::once;
use crate::error::Result;
use crate::geometry::Size;
use crate::mix::fourier::Fourier;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, Label, Mask, MixPlan, MixResult, Mixer};
use crate::rng::{Coord, OpKey, RandomStream};
use crate::spec::{check_range, is_default, one};

/// Which frequencies a mask is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spectrum {
    /// Those of an image, as the paper states.
    #[default]
    Isotropic,
    /// Those of the released code, which has but two columns of frequencies: masks are nearly one
    /// cycle along x.
    Reference,
}

/// A mask of low frequencies, cut at the height that gives it its share; Harris et al., 2020 (arXiv
/// 2002.12047).
///
/// The share of the slot's own image is Beta(alpha, alpha) (`alpha` 1), amplitudes fall with the
/// `decay`-th power (3) of the frequency. `max_soft` (0 to 0.5, 0) makes edges soft. `reformulate`
/// draws Beta(alpha + 1, alpha) and keeps the own label alone. Note `lam_drawn`: the share before
/// rounding to pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FMix {
    #[serde(default = "one")]
    alpha: f64,
    #[serde(default = "three")]
    decay: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    max_soft: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    reformulate: bool,
    #[serde(default)]
    spectrum: Spectrum,
}

fn three() -> f64 {
    3.0
}

#[derive(Debug)]
struct FDraw {
    mixer: FMix,
    lam: f64,
    up: bool,
    noise: u64,
}

impl FMix {
    /// With Beta(alpha, alpha) shares.
    pub fn new(alpha: f64) -> FMix {
        let spectrum = Spectrum::default();
        FMix {
            alpha,
            decay: three(),
            max_soft: 0.0,
            reformulate: false,
            spectrum,
        }
    }

    /// With edges as soft as that.
    #[must_use]
    pub fn soft(self, max_soft: f64) -> FMix {
        FMix { max_soft, ..self }
    }

    /// With other frequencies.
    #[must_use]
    pub fn spectrum(self, spectrum: Spectrum) -> FMix {
        FMix { spectrum, ..self }
    }

    /// Normal numbers that [`FMix::mask`] takes, two for each frequency.
    pub fn noise_len(&self, frame: Size) -> usize {
        let half = frame.width as usize / 2 + 1;
        2 * half
            * match self.spectrum {
                Spectrum::Isotropic => frame.height as usize,
                Spectrum::Reference => 2,
            }
    }

    /// The mask of a share of A, with its number of pixels rounded up or down, from standard normal
    /// numbers: real and imaginary part of each frequency in row-major order; for
    /// [`Spectrum::Reference`] of each vertical frequency the real parts of its two horizontal
    /// ones, then their imaginary parts.
    ///
    /// # Panics
    ///
    /// If there are not [`FMix::noise_len`] numbers.
    pub fn mask(&self, lam: f64, up: bool, noise: &[f64], frame: Size) -> Mask {
        assert_eq!(
            noise.len(),
            self.noise_len(frame),
            "two numbers a frequency"
        );
        let heights = self.heights(noise, frame);
        let pixels = heights.len();
        let share = lam * pixels as f64;
        let n = if up { share.ceil() } else { share.floor() } as usize;
        let most = lam.min(1.0 - lam);
        let soft = (pixels as f64 * self.max_soft.min(most)) as usize;
        let (low, high) = (n.saturating_sub(soft), (n + soft).min(pixels));
        // The highest come first, but only those on the edge have to be in order.
        let mut order: Vec<u32> = (0..pixels as u32).collect();
        let higher = |a: &u32, b: &u32| {
            heights[*b as usize]
                .total_cmp(&heights[*a as usize])
                .then(a.cmp(b))
        };
        if low < pixels {
            order.select_nth_unstable_by(low, higher);
        }
        if high - low > 1 {
            let rest = &mut order[low..];
            if high < pixels {
                rest.select_nth_unstable_by(high - low, higher);
            }
            rest[..high - low].sort_unstable_by(higher);
        }
        // Weights of B: 0 where A is.
        let mut weights = vec![1.0f32; pixels];
        order[..low]
            .iter()
            .for_each(|at| weights[*at as usize] = 0.0);
        let steps = (high - low).saturating_sub(1).max(1) as f64;
        for (rank, at) in order[low..high].iter().enumerate() {
            weights[*at as usize] = 1.0 - (1.0 - rank as f64 / steps) as f32;
        }
        Mask::new(frame, weights)
    }

    /// The image of low frequencies; only the order of its values counts.
    fn heights(&self, noise: &[f64], frame: Size) -> Vec<f64> {
        let (w, h) = (frame.width as usize, frame.height as usize);
        let half = w / 2 + 1;
        let least = 1.0 / w.max(h) as f64;
        let scale = |frequency: f64| libm::pow(frequency.max(least), -self.decay);
        let fy = |k: usize| {
            (if k < h.div_ceil(2) {
                k as f64
            } else {
                k as f64 - h as f64
            }) / h as f64
        };
        let fx = |k: usize| k as f64 / w as f64;
        let mut spectrum = vec![[0.0; 2]; h * half];
        match self.spectrum {
            Spectrum::Isotropic => {
                for (at, (value, normal)) in spectrum
                    .iter_mut()
                    .zip(noise.as_chunks::<2>().0)
                    .enumerate()
                {
                    let (y, x) = (fy(at / half), fx(at % half));
                    let scale = scale(libm::sqrt(y * y + x * x));
                    *value = normal.map(|normal| scale * normal);
                }
            }
            Spectrum::Reference => {
                for (k, normals) in noise.as_chunks::<4>().0.iter().enumerate().take(h) {
                    let (x, y) = (fx(k), 1.0 / h as f64);
                    let (re, im) = (scale(x), scale(libm::sqrt(x * x + y * y)));
                    for c in 0..half.min(2) {
                        spectrum[k * half + c] = [re * normals[c], im * normals[2 + c]];
                    }
                }
            }
        }
        inverse_real(&mut spectrum, h, w)
    }
}

/// The real plane of a half spectrum of `h` rows of `w / 2 + 1` frequencies.
fn inverse_real(spectrum: &mut [[f64; 2]], h: usize, w: usize) -> Vec<f64> {
    let half = w / 2 + 1;
    let (down, across) = (Fourier::new(h), Fourier::new(w));
    let mut column = vec![[0.0; 2]; h];
    let mut out = vec![[0.0; 2]; h.max(w)];
    for x in 0..half {
        for (y, value) in column.iter_mut().enumerate() {
            *value = spectrum[y * half + x];
        }
        down.run(&mut column, &mut out[..h], true);
        for (y, value) in out[..h].iter().enumerate() {
            spectrum[y * half + x] = *value;
        }
    }
    let mut plane = Vec::with_capacity(h * w);
    let mut row = vec![[0.0; 2]; w];
    // Two real rows are one complex one: the second is its imaginary part.
    for pair in spectrum.chunks(2 * half) {
        let (first, second) = pair.split_at(half);
        let value = |line: &[[f64; 2]], x: usize| {
            let [re, im] = line.get(x.min(w - x)).copied().unwrap_or_default();
            // What is its own conjugate has no imaginary part.
            let im = if x == 0 || 2 * x == w { 0.0 } else { im };
            [re, if x <= w - x { im } else { -im }]
        };
        for (x, out) in row.iter_mut().enumerate() {
            let ([a, b], [c, d]) = (value(first, x), value(second, x));
            *out = [a - d, b + c];
        }
        across.run(&mut row, &mut out[..w], true);
        plane.extend(out[..w].iter().map(|value| value[0]));
        if !second.is_empty() {
            plane.extend(out[..w].iter().map(|value| value[1]));
        }
    }
    plane
}

impl Mixer for FMix {
    mixer_basics!("fmix");

    fn check(&self) -> Result<()> {
        check_range("decay", self.decay, [0.0, 16.0])?;
        check_range("max_soft", self.max_soft, [0.0, 0.5])?;
        check_alpha(self.alpha)
    }

    fn draw(&self, rng: &mut RandomStream, _frame: Size) -> MixPlan {
        let first = if self.reformulate {
            self.alpha + 1.0
        } else {
            self.alpha
        };
        let lam = rng.beta(first, self.alpha);
        let up = rng.unit() > 0.5;
        once(
            FDraw {
                mixer: self.clone(),
                lam,
                up,
                noise: rng.bits(),
            },
            |draw, frame| {
                let at = Coord {
                    epoch: 0,
                    sample: 0,
                    occurrence: 0,
                    view: 0,
                    op: OpKey::of("fmix"),
                };
                let mut rng = RandomStream::keyed(draw.noise, at);
                let noise: Vec<f64> = (0..draw.mixer.noise_len(frame) / 2)
                    .flat_map(|_| rng.normals())
                    .collect();
                let mask = draw.mixer.mask(draw.lam, draw.up, &noise, frame);
                let label = if draw.mixer.reformulate {
                    Label::Own
                } else {
                    Label::Share
                };
                MixResult::from(Blend::Mask(mask.into()))
                    .label(label)
                    .note("lam_drawn", draw.lam)
            },
        )
    }
}
