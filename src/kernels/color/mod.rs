//! Steps that change each pixel by a function of its three values.
//!
//! The arithmetic is Pillow's of 8-bit images (`ImageEnhance.Color`, `Image.convert`), or that of
//! torchvision's u8 tensors (`_functional_tensor.py`), byte for byte.
//!
//! Hue has no vector code: its branches on the sector of the color circle take most of the time,
//! and a vector would compute all six sectors for each pixel.

use std::fmt;

#[cfg(target_arch = "x86_64")]
mod avx2;
mod scalar;

use super::blend::blend_tv2;
use super::dialect::Dialect;
use super::luma::{self, luma_truncated};
use crate::cpu::{Simd, dispatch};

/// A change of each pixel by a function of its three values.
///
/// # Example: turn an image gray
///
/// ```
/// use feedmill::augment::steps::Color;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
/// use feedmill::augment::Dialect;
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Color::Gray(Dialect::default())));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Color {
    /// Blend with the gray image by a factor, 0 is gray.
    Saturation(f64, Dialect),
    /// Turn the hue by a fraction of the color circle, -0.5 to 0.5.
    Hue(f32, Dialect),
    /// Scale and shift hue, saturation and value on Pillow's 8-bit scales.
    Hsv(Hsv),
    /// Three equal channels.
    Gray(Dialect),
    /// Channel i becomes channel `order[i]`.
    Permute([u8; 3]),
}

/// A change of Pillow's 8-bit hue, saturation and value: each is multiplied, then added to, and
/// truncated. The hue goes around, the others are clipped.
///
/// # Example: make an image darker
///
/// ```
/// use feedmill::augment::steps::Hsv;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
/// use feedmill::augment::steps::Color;
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Color::Hsv(Hsv::new([1.0, 1.0, 0.5], [0.0; 3]))));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert!(out[0] < 60);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Hsv {
    /// The factors.
    pub multiply: [f32; 3],
    /// The summands in levels, 0 to 255 once around for the hue.
    pub add: [f32; 3],
}

impl Hsv {
    /// Returns the change with these factors and these summands of hue, saturation and value.
    pub fn new(multiply: [f32; 3], add: [f32; 3]) -> Hsv {
        Hsv { multiply, add }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Color::Saturation(factor, dialect) => {
                write!(f, "saturation factor={factor:.4}{dialect}")
            }
            Color::Hue(shift, dialect) => write!(f, "hue shift={shift:.4}{dialect}"),
            Color::Hsv(Hsv { multiply, add }) => {
                write!(f, "hsv multiply={multiply:.4?} add={add:.2?}")
            }
            Color::Gray(dialect) => write!(f, "grayscale{dialect}"),
            Color::Permute(order) => write!(f, "permute_channels order={order:?}"),
        }
    }
}

/// Changes the pixels of an image, rows of RGB.
pub(crate) fn run(step: Color, pixels: &mut [u8], simd: Simd) {
    let pixels = pixels.as_chunks_mut::<3>().0;
    match step {
        Color::Saturation(factor, Dialect::Pil) => {
            dispatch!(simd, saturation(pixels, factor as f32));
        }
        Color::Saturation(factor, Dialect::Tv2) => {
            for rgb in pixels {
                let gray = f32::from(luma_truncated(rgb));
                *rgb = rgb.map(|value| blend_tv2(gray, value, factor));
            }
        }
        Color::Hue(shift, Dialect::Pil) => hue(pixels, shift),
        Color::Hue(shift, Dialect::Tv2) => {
            pixels
                .iter_mut()
                .for_each(|rgb| *rgb = turn_hue_tv2(*rgb, shift));
        }
        Color::Hsv(Hsv { multiply, add }) => {
            for rgb in pixels {
                let hsv = to_hsv(rgb[0], rgb[1], rgb[2]);
                let moved: [f32; 3] =
                    std::array::from_fn(|c| f32::from(hsv[c]) * multiply[c] + add[c]);
                *rgb = to_rgb(
                    moved[0].floor().rem_euclid(256.0) as u8,
                    moved[1] as u8,
                    moved[2] as u8,
                );
            }
        }
        Color::Gray(dialect) => luma::gray(pixels, dialect, simd),
        Color::Permute(order) => permute(pixels, order),
    }
}

/// One loop for each permutation: indices known to the compiler take a third of the time of those
/// that are looked up.
fn permute(pixels: &mut [[u8; 3]], order: [u8; 3]) {
    fn each(pixels: &mut [[u8; 3]], change: impl Fn([u8; 3]) -> [u8; 3]) {
        pixels.iter_mut().for_each(|rgb| *rgb = change(*rgb));
    }
    match order {
        [0, 1, 2] => {}
        [0, 2, 1] => each(pixels, |[r, g, b]| [r, b, g]),
        [1, 0, 2] => each(pixels, |[r, g, b]| [g, r, b]),
        [1, 2, 0] => each(pixels, |[r, g, b]| [g, b, r]),
        [2, 0, 1] => each(pixels, |[r, g, b]| [b, r, g]),
        [2, 1, 0] => each(pixels, |[r, g, b]| [b, g, r]),
        order => each(pixels, |rgb| order.map(|channel| rgb[usize::from(channel)])),
    }
}

fn hue(pixels: &mut [[u8; 3]], shift: f32) {
    // Truncated toward zero, then taken modulo 256 as the 8-bit channel does.
    let shift = (f64::from(shift) * 255.0) as i32 as u8;
    for rgb in pixels {
        let [h, s, v] = to_hsv(rgb[0], rgb[1], rgb[2]);
        *rgb = to_rgb(h.wrapping_add(shift), s, v);
    }
}

/// torchvision's hue on a u8 tensor: through HSV in f32.
fn turn_hue_tv2(rgb: [u8; 3], shift: f32) -> [u8; 3] {
    let [r, g, b] = rgb.map(|value| f32::from(value) * (1.0 / 255.0));
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let range = most - least;
    let flat = range == 0.0;
    let saturation = range / if flat { 1.0 } else { most };
    let divisor = if flat { 1.0 } else { range };
    let [rc, gc, bc] = [r, g, b].map(|value| (most - value) / divisor);
    let hue = if most == r {
        bc - gc
    } else if most == g {
        2.0 + rc - bc
    } else {
        4.0 + gc - rc
    };
    let hue = (hue * (1.0 / 6.0) + 1.0) % 1.0;
    let hue = (hue + shift).rem_euclid(1.0);
    let h6 = hue * 6.0;
    let i = h6.floor();
    let f = h6 - i;
    let sxf = saturation * f;
    let clamp = |value: f32| value.clamp(0.0, 1.0);
    let p = clamp((1.0 - saturation) * most);
    let q = clamp((1.0 - sxf) * most);
    let t = clamp((sxf + (1.0 - saturation)) * most);
    in_sector(i as i32, [most, p, q, t]).map(|value| (value * (255.0 + 1.0 - 1e-3)) as u8)
}

/// Pillow's 8-bit RGB to HSV.
#[inline(always)]
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
    // The remainder by 1 of a number between 5/6 and 2, which is exact.
    let turned = f64::from(hue) / 6.0 + 1.0;
    let hue = (if turned >= 1.0 { turned - 1.0 } else { turned }) as f32;
    [
        (f64::from(hue) * 255.0) as u8,
        (f64::from(saturation) * 255.0) as u8,
        most,
    ]
}

/// Pillow's 8-bit HSV to RGB.
#[inline(always)]
fn to_rgb(h: u8, s: u8, v: u8) -> [u8; 3] {
    if s == 0 {
        return [v; 3];
    }
    let sector = f64::from(h) * 6.0 / 255.0;
    let i = sector as i32;
    let f = (sector - f64::from(i)) as f32;
    let fs = (f64::from(s) / 255.0) as f32;
    let value = f64::from(v);
    // Half up. Numbers here are never negative, and a test shows that none is among those for which
    // adding a half rounds wrongly.
    let round = |x: f64| (x + 0.5) as u8;
    let p = round(value * (1.0 - f64::from(fs)));
    // A product of two floats, where the others are of doubles.
    let q = round(value * (1.0 - f64::from(fs * f)));
    let t = round(value * (1.0 - f64::from(fs) * (1.0 - f64::from(f))));
    in_sector(i, [v, p, q, t])
}

/// Red, green and blue in a sector of the color circle.
#[inline(always)]
fn in_sector<T: Copy>(sector: i32, [v, p, q, t]: [T; 4]) -> [T; 3] {
    match sector % 6 {
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
    fn neutral_parameters_change_nothing_and_zero_gives_gray() {
        let image: Vec<u8> = (0..=255u8)
            .flat_map(|v| [v, v.wrapping_mul(7), 255 - v])
            .collect();
        let after = |step| {
            let mut pixels = image.clone();
            run(step, &mut pixels, Simd::detect());
            pixels
        };
        for dialect in [Dialect::Pil, Dialect::Tv2] {
            assert_eq!(after(Color::Saturation(1.0, dialect)), image);
            assert_eq!(
                after(Color::Saturation(0.0, dialect)),
                after(Color::Gray(dialect))
            );
        }
        assert_eq!(after(Color::Permute([0, 1, 2])), image);
        for order in [
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
            [2, 2, 0],
        ] {
            let expected: Vec<u8> = image
                .as_chunks::<3>()
                .0
                .iter()
                .flat_map(|rgb| order.map(|channel| rgb[usize::from(channel)]))
                .collect();
            assert_eq!(after(Color::Permute(order)), expected, "{order:?}");
        }
    }

    #[test]
    fn plain_code_gives_the_same_bytes_as_simd() {
        for pixels in [0, 1, 15, 16, 17, 100] {
            let image: Vec<u8> = (0..pixels * 3u32)
                .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect();
            let factors =
                [0.0, 0.3, 1.0, 1.7, 900.0].map(|factor| Color::Saturation(factor, Dialect::Pil));
            for step in factors.into_iter().chain([Color::Gray(Dialect::Pil)]) {
                let both = [Simd::detect(), Simd::scalar()].map(|simd| {
                    let mut pixels = image.clone();
                    run(step, &mut pixels, simd);
                    pixels
                });
                assert_eq!(both[0], both[1], "{step}");
            }
        }
    }

    #[test]
    fn rounding_by_adding_a_half_is_rounding() {
        for h in (0..=255).step_by(5) {
            for (s, v) in (1..=255).flat_map(|s| (0..=255).map(move |v| (s, v))) {
                let sector = f64::from(h) * 6.0 / 255.0;
                let f = (sector - f64::from(sector as i32)) as f32;
                let fs = (f64::from(s) / 255.0) as f32;
                let value = f64::from(v);
                for x in [
                    1.0 - f64::from(fs),
                    1.0 - f64::from(fs * f),
                    1.0 - f64::from(fs) * (1.0 - f64::from(f)),
                ] {
                    assert_eq!((value * x + 0.5) as u8, (value * x).round() as u8);
                }
            }
        }
    }
}
