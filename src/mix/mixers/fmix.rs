//! FMix (Harris et al., 2020, arXiv 2002.12047): binary masks of irregular shape with smooth
//! borders.
//!
//! A plane of random numbers is filtered in the frequency domain so that low frequencies dominate,
//! and its highest values become the pixels of A. The filter needs the transform of a whole plane,
//! so a mask is computed once for all slots that share a draw, after the draw.
//!
//! The paper and the released code differ. The code takes two rows of its noise for the real and
//! the imaginary parts of the spectrum, which leaves only two columns of frequencies.
//! [`Spectrum::Isotropic`] follows the paper and is the default; [`Spectrum::Reference`] reproduces
//! the masks of the code.

use serde::{Deserialize, Serialize};

use super::compute_later;
use crate::declare;
use crate::geometry::Size;
use crate::mix::fourier::Fourier;
use crate::mix::{Blend, Label, Mask, MixPlan, MixResult, Mixer};
use crate::rng::{Coord, OpKey, RandomStream};
use crate::word_param;

/// The frequencies that a mask is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Spectrum {
    /// All frequencies of an image of the mask's size, as the paper states.
    #[default]
    Isotropic,
    /// The frequencies of the released code, which has only two columns of them, so masks vary in
    /// nearly one cycle along x.
    Reference,
}

word_param!(Spectrum);

/// Mixes two images by a mask of low frequencies, cut at the height that leaves A its share; Harris
/// et al., 2020 (arXiv 2002.12047).
///
/// The note `lam_drawn` is the share of A before it is rounded to pixels.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::FMix;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = FMix::new().with_max_soft(0.1);
/// assert_mixer(r#"{ mix = "fmix", max_soft = 0.1 }"#, &mixer);
/// ```
#[declare(name = "fmix", like = ["FMix", "OpenMixup fmix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct FMix {
    /// The share of A is Beta(alpha, alpha).
    #[param(default = 1.0, range = [1e-9, 1e9])]
    alpha: f64,
    /// Amplitudes fall with this power of the frequency.
    #[param(default = 3.0, range = [0.0, 16.0])]
    decay: f64,
    /// The share of pixels on each side of the border that the mask fades over.
    #[param(default = 0.0, range = [0.0, 0.5])]
    max_soft: f64,
    /// Draws the share from Beta(alpha + 1, alpha) and keeps the label of A alone.
    #[param(default)]
    reformulate: bool,
    /// The frequencies that a mask is made of.
    #[param(default = Spectrum::Isotropic)]
    spectrum: Spectrum,
}

/// The random values of one mask.
#[derive(Debug)]
struct FMixDraw {
    mixer: FMix,
    lam: f64,
    /// True if the number of pixels of A is rounded up.
    up: bool,
    /// The seed of the normal numbers.
    noise: u64,
}

impl FMix {
    /// The number of normal numbers that [`FMix::mask`] needs: two for each frequency.
    pub(crate) fn noise_len(&self, size: Size) -> usize {
        let half = size.width as usize / 2 + 1;
        2 * half
            * match self.spectrum {
                Spectrum::Isotropic => size.height as usize,
                Spectrum::Reference => 2,
            }
    }

    /// The mask in which A has the share `lam`; `up` tells whether its number of pixels is rounded
    /// up or down.
    ///
    /// `noise` holds standard normal numbers: the real and the imaginary part of each frequency in
    /// row-major order. For [`Spectrum::Reference`] it holds four numbers for each vertical
    /// frequency: the real parts of its two horizontal frequencies, then their imaginary parts.
    ///
    /// # Panics
    ///
    /// If `noise` has not [`FMix::noise_len`] numbers.
    pub(crate) fn mask(&self, lam: f64, up: bool, noise: &[f64], size: Size) -> Mask {
        assert_eq!(noise.len(), self.noise_len(size), "two numbers a frequency");
        let heights = self.heights(noise, size);
        let pixels = heights.len();
        let share = lam * pixels as f64;
        let n = if up { share.ceil() } else { share.floor() } as usize;
        let most = lam.min(1.0 - lam);
        let soft = (pixels as f64 * self.max_soft.min(most)) as usize;
        let (low, high) = (n.saturating_sub(soft), (n + soft).min(pixels));
        // Pixels by decreasing height, ties by position. Only those of the soft border need an
        // exact order: a selection finds the rest in linear time.
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
        // The weight of B is 0 above the border, 1 below it, and rises by rank in between.
        let mut weights = vec![1.0f32; pixels];
        order[..low]
            .iter()
            .for_each(|at| weights[*at as usize] = 0.0);
        let steps = (high - low).saturating_sub(1).max(1) as f64;
        for (rank, at) in order[low..high].iter().enumerate() {
            weights[*at as usize] = 1.0 - (1.0 - rank as f64 / steps) as f32;
        }
        Mask::new(size, weights)
    }

    /// The plane of low frequencies. Only the order of its values matters, so it is not normalized.
    fn heights(&self, noise: &[f64], size: Size) -> Vec<f64> {
        let (w, h) = (size.width as usize, size.height as usize);
        let half = w / 2 + 1;
        let least = 1.0 / w.max(h) as f64;
        let scale = |frequency: f64| libm::pow(frequency.max(least), -self.decay);
        // Frequencies in cycles per pixel: those of rows beyond the middle are negative.
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
        inverse_real(&mut spectrum, size)
    }
}

/// The inverse transform of a half spectrum: a real plane of this size. Each row of the spectrum
/// has `size.width / 2 + 1` frequencies; the other half is implied by conjugate symmetry.
fn inverse_real(spectrum: &mut [[f64; 2]], size: Size) -> Vec<f64> {
    let (w, h) = (size.width as usize, size.height as usize);
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
    // One complex transform yields two real rows: the second row is the imaginary part.
    for pair in spectrum.chunks(2 * half) {
        let (first, second) = pair.split_at(half);
        let value = |line: &[[f64; 2]], x: usize| {
            let [re, im] = line.get(x.min(w - x)).copied().unwrap_or_default();
            // The first and the middle frequency are their own conjugates, so they are real.
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
    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        let first = if self.reformulate {
            self.alpha + 1.0
        } else {
            self.alpha
        };
        let lam = rng.beta(first, self.alpha);
        let up = rng.unit() > 0.5;
        compute_later(
            FMixDraw {
                mixer: self.clone(),
                lam,
                up,
                noise: rng.bits(),
            },
            |draw, size| {
                let at = Coord {
                    epoch: 0,
                    sample: 0,
                    occurrence: 0,
                    view: 0,
                    op: OpKey::of("fmix"),
                };
                let mut rng = RandomStream::keyed(draw.noise, at);
                let noise: Vec<f64> = (0..draw.mixer.noise_len(size) / 2)
                    .flat_map(|_| rng.normals())
                    .collect();
                let mask = draw.mixer.mask(draw.lam, draw.up, &noise, size);
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
