//! Colour ops with Pillow's 8-bit arithmetic, byte for byte.

use serde::{Deserialize, Serialize};

use super::geometry::check_p;
use super::{Frame, Op, Step, params_of};
use crate::draws::Draws;
use crate::error::{Error, Result};

/// How far a property may change: a strength around "unchanged", or the range of factors itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// Factors in `[max(0, 1 - v), 1 + v]`; for hue, shifts in `[-v, v]`.
    Strength(f64),
    /// Factors, or shifts for hue, between these two; equal ones fix it.
    Between([f64; 2]),
}

impl Default for Amount {
    fn default() -> Amount {
        Amount::Strength(0.0)
    }
}

impl From<f64> for Amount {
    fn from(strength: f64) -> Amount {
        Amount::Strength(strength)
    }
}

impl From<[f64; 2]> for Amount {
    fn from(range: [f64; 2]) -> Amount {
        Amount::Between(range)
    }
}

impl Amount {
    /// The range around `neutral`, or `None` if it holds nothing else.
    fn range(self, neutral: f64, least: f64) -> Option<[f64; 2]> {
        let range = match self {
            Amount::Strength(v) => [(neutral - v).max(least), neutral + v],
            Amount::Between(range) => range,
        };
        (range != [neutral; 2]).then_some(range)
    }

    fn check(self, name: &str, strength: f64, [least, most]: [f64; 2]) -> Result<()> {
        match self {
            Amount::Strength(v) if !(0.0..=strength).contains(&v) => {
                Err(Error::config(format!("{name} = {v}: expected 0 to {strength}, or [low, high]")))
            }
            Amount::Between([low, high]) if !(least <= low && low <= high && high <= most) => Err(
                Error::config(format!("{name} = [{low}, {high}]: expected {least} <= low <= high <= {most}")),
            ),
            _ => Ok(()),
        }
    }
}

/// Changes brightness, contrast, saturation and hue by random amounts in random order; torchvision `ColorJitter`.
///
/// Each of the four is a strength `v`, which stands for factors in `[max(0, 1 - v), 1 + v]` (for `hue` for shifts in
/// `[-v, v]`, at most 0.5), or a range `[low, high]` of factors or shifts; `brightness = [1.3, 1.3]` fixes the factor. 0
/// (the default) leaves that property alone. `p` (1) is the probability of doing anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColorJitter {
    brightness: Amount,
    contrast: Amount,
    saturation: Amount,
    hue: Amount,
    p: f64,
}

impl Default for ColorJitter {
    fn default() -> ColorJitter {
        ColorJitter::new(0.0, 0.0, 0.0, 0.0)
    }
}

impl ColorJitter {
    /// With these strengths or ranges.
    pub fn new(
        brightness: impl Into<Amount>,
        contrast: impl Into<Amount>,
        saturation: impl Into<Amount>,
        hue: impl Into<Amount>,
    ) -> ColorJitter {
        ColorJitter {
            brightness: brightness.into(),
            contrast: contrast.into(),
            saturation: saturation.into(),
            hue: hue.into(),
            p: 1.0,
        }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> ColorJitter {
        ColorJitter { p, ..self }
    }
}

impl Op for ColorJitter {
    fn name(&self) -> &str {
        "color_jitter"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        for (name, amount) in
            [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)]
        {
            amount.check(name, 1e3, [0.0, 1e3])?;
        }
        self.hue.check("hue", 0.5, [-0.5, 0.5])?;
        check_p(self.p)
    }

    fn draw(&self, draws: &mut Draws, _frame: Frame, steps: &mut Vec<Step>) {
        if !draws.chance(self.p) {
            return;
        }
        let mut order = [0, 1, 2, 3];
        draws.shuffle(&mut order);
        let mut within = |range: Option<[f64; 2]>| range.map(|[low, high]| draws.within(low, high) as f32);
        let [brightness, contrast, saturation] =
            [self.brightness, self.contrast, self.saturation].map(|amount| within(amount.range(1.0, 0.0)));
        let hue = within(self.hue.range(0.0, -0.5));
        for which in order {
            steps.extend(match which {
                0 => brightness.map(Step::Brightness),
                1 => contrast.map(Step::Contrast),
                2 => saturation.map(Step::Saturation),
                _ => hue.map(Step::Hue),
            });
        }
    }
}

/// Pillow's luma: ITU-R 601-2 in 16.16 fixed point, rounded.
fn luma(rgb: &[u8]) -> u8 {
    ((19595 * u32::from(rgb[0]) + 38470 * u32::from(rgb[1]) + 7471 * u32::from(rgb[2]) + 0x8000) >> 16) as u8
}

/// Pillow's blend of a degenerate value with the picture's: truncated inside [0, 1], clipped outside.
fn blend(degenerate: u8, value: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(degenerate), f32::from(value));
    // `as` truncates and saturates, which is both rules at once.
    (from + factor * (to - from)) as u8
}

pub(super) fn brightness(pixels: &mut [u8], factor: f32) {
    let table: [u8; 256] = std::array::from_fn(|value| blend(0, value as u8, factor));
    pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

pub(super) fn contrast(pixels: &mut [u8], factor: f32) {
    let sum: u64 = pixels.chunks_exact(3).map(|rgb| u64::from(luma(rgb))).sum();
    let count = (pixels.len() / 3).max(1) as f64;
    let mean = (sum as f64 / count + 0.5) as u8;
    let table: [u8; 256] = std::array::from_fn(|value| blend(mean, value as u8, factor));
    pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

pub(super) fn saturation(pixels: &mut [u8], factor: f32) {
    for rgb in pixels.chunks_exact_mut(3) {
        let grey = luma(rgb);
        rgb.iter_mut().for_each(|value| *value = blend(grey, *value, factor));
    }
}

pub(super) fn hue(pixels: &mut [u8], shift: f32) {
    // Truncated toward zero, then taken modulo 256 as the 8-bit channel does.
    let shift = (f64::from(shift) * 255.0) as i32 as u8;
    for rgb in pixels.chunks_exact_mut(3) {
        let [h, s, v] = to_hsv(rgb[0], rgb[1], rgb[2]);
        rgb.copy_from_slice(&to_rgb(h.wrapping_add(shift), s, v));
    }
}

/// Pillow's 8-bit RGB to HSV.
fn to_hsv(r: u8, g: u8, b: u8) -> [u8; 3] {
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    if most == least {
        return [0, 0, most];
    }
    let range = f32::from(most - least);
    let saturation = range / f32::from(most);
    let [rc, gc, bc] = [r, g, b].map(|value| f32::from(most - value) / range);
    // Pillow's constants are doubles and its variables floats: each assignment rounds once.
    let [rd, gd, bd] = [rc, gc, bc].map(f64::from);
    let hue = if r == most {
        bc - gc
    } else if g == most {
        (2.0 + rd - bd) as f32
    } else {
        (4.0 + gd - rd) as f32
    };
    let hue = ((f64::from(hue) / 6.0 + 1.0) % 1.0) as f32;
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, most]
}

/// Pillow's 8-bit HSV to RGB.
fn to_rgb(h: u8, s: u8, v: u8) -> [u8; 3] {
    if s == 0 {
        return [v; 3];
    }
    let sector = f64::from(h) * 6.0 / 255.0;
    let i = sector as i32;
    let f = (sector - f64::from(i)) as f32;
    let fs = (f64::from(s) / 255.0) as f32;
    let value = f64::from(v);
    let round = |x: f64| x.round() as u8;
    let p = round(value * (1.0 - f64::from(fs)));
    // A product of two floats, where the others are of doubles.
    let q = round(value * (1.0 - f64::from(fs * f)));
    let t = round(value * (1.0 - f64::from(fs) * (1.0 - f64::from(f))));
    match i % 6 {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factor_one_changes_nothing_and_zero_gives_the_degenerate_picture() {
        let picture: Vec<u8> = (0..=255u8).flat_map(|v| [v, v.wrapping_mul(7), 255 - v]).collect();
        for f in [brightness, contrast, saturation] {
            let mut same = picture.clone();
            f(&mut same, 1.0);
            assert_eq!(same, picture);
        }
        let mut black = picture.clone();
        brightness(&mut black, 0.0);
        assert!(black.iter().all(|&v| v == 0));
        let mut grey = picture.clone();
        saturation(&mut grey, 0.0);
        assert!(grey.chunks_exact(3).all(|rgb| rgb[0] == rgb[1] && rgb[1] == rgb[2]));
    }

    #[test]
    fn factors_beyond_one_clip() {
        let mut pixels = [10, 200, 255];
        brightness(&mut pixels, 1.5);
        assert_eq!(pixels, [15, 255, 255]);
    }
}
