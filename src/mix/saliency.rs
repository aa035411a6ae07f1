//! Saliency maps that are computed from an image alone: the two static algorithms of
//! OpenCV-contrib, for 8-bit RGB.
//!
//! [`fine_grained`] compares each pixel with the mean of the square around it at six scales, and
//! adds up how much brighter or darker the pixel is. [`spectral_residual`] takes the log amplitude
//! spectrum of a small copy, keeps what differs from its local average, and transforms that back
//! with the original phase: smooth spectra are what most images have, so the residual marks the
//! unusual parts.
//!
//! The code of SaliencyMix's authors calls OpenCV, so OpenCV is the reference and not the papers.
//! Fine-grained maps equal it bit for bit: the order of rounding and truncation below is OpenCV's.
//! Spectral residuals only correlate (above 0.99), because OpenCV approximates the phase.
//!
//! Maps that need a network (gradients, attention) cannot be computed in a loader; mixers read
//! those from a plane.

use super::fourier::Fourier;
use crate::geometry::{Point, Size};

/// The gray levels of an RGB image: 0.299 R + 0.587 G + 0.114 B in 15-bit fixed point, rounded.
pub(super) fn gray(view: &[u8]) -> Vec<u8> {
    let level = |[r, g, b]: &[u8; 3]| {
        let sum = u32::from(*r) * 9798 + u32::from(*g) * 19235 + u32::from(*b) * 3735;
        ((sum + (1 << 14)) >> 15) as u8
    };
    view.as_chunks::<3>().0.iter().map(level).collect()
}

/// Maps an index beyond the ends of a line back into it, mirrored at the ends without repeating
/// them.
fn mirrored(at: i64, length: usize) -> usize {
    let last = length as i64 - 1;
    if last == 0 {
        return 0;
    }
    let at = at.rem_euclid(2 * last);
    at.min(2 * last - at) as usize
}

/// One pass of the kernel (1, 2, 1) x (1, 2, 1) / 16 on bytes, mirrored at the edges and rounded.
fn blur(gray: &[u8], size: Size) -> Vec<u8> {
    let (w, h) = (size.width as usize, size.height as usize);
    let mut across = vec![0u16; gray.len()];
    for (row, out) in gray.chunks_exact(w).zip(across.chunks_exact_mut(w)) {
        let sum = |x: usize| {
            let at = |x: i64| u16::from(row[mirrored(x, w)]);
            at(x as i64 - 1) + 2 * at(x as i64) + at(x as i64 + 1)
        };
        (out[0], out[w - 1]) = (sum(0), sum(w - 1));
        if let Some(inner) = out.get_mut(1..w - 1) {
            for (out, three) in inner.iter_mut().zip(row.windows(3)) {
                *out = u16::from(three[0]) + 2 * u16::from(three[1]) + u16::from(three[2]);
            }
        }
    }
    let row = |y: i64| &across[mirrored(y, h) * w..][..w];
    let mut out = Vec::with_capacity(gray.len());
    for y in 0..h as i64 {
        let sums = row(y - 1).iter().zip(row(y)).zip(row(y + 1));
        out.extend(sums.map(|((a, b), c)| ((a + 2 * b + c + 8) >> 4) as u8));
    }
    out
}

/// Fine-grained saliency, 0 to 255 for each pixel, equal to that of OpenCV's
/// `StaticSaliencyFineGrained` (Montabone and Soto, "Human detection using a mobile platform and
/// novel features derived from a visual saliency mechanism", 2010).
///
/// # Panics
///
/// If the length of `view` is not that of an RGB image of this size.
///
/// # Example: a dot is salient
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::mix::saliency;
///
/// let mut view = [0; 9 * 9 * 3];
/// view[4 * 9 * 3 + 4 * 3..][..3].fill(255);
/// let levels = saliency::fine_grained(Size::square(9), &view);
/// assert!(levels.iter().any(|level| *level != levels[0]));
/// ```
pub fn fine_grained(size: Size, view: &[u8]) -> Vec<u8> {
    assert_eq!(
        view.len(),
        size.width as usize * size.height as usize * 3,
        "RGB of {size}"
    );
    let (w, h) = (size.width as usize, size.height as usize);
    // A single pixel has no surround to compare with, and the division below would be by 0.
    if w * h <= 1 {
        return vec![0; w * h];
    }
    let gray = blur(&blur(&gray(view), size), size);
    // The integral image: sums over all pixels above and to the left. Sums of huge images wrap
    // around, which cancels in differences, because a window has at most 224 x 224 pixels.
    let mut integral = vec![0u32; (w + 1) * (h + 1)];
    for y in 0..h {
        let (above, below) = integral[y * (w + 1)..].split_at_mut(w + 1);
        let mut sum = 0u32;
        for (x, level) in gray[y * w..][..w].iter().enumerate() {
            sum = sum.wrapping_add(u32::from(*level));
            below[x + 1] = above[x + 1].wrapping_add(sum);
        }
    }
    let (mut on, mut off) = (vec![0i32; w * h], vec![0i32; w * h]);
    // Sums of the rows of a window up to each column. The first and the last value are repeated
    // beyond the edges, so that the sum of any window is the difference of two values that are 2 n
    // apart, and the inner loop needs no test for edges.
    let mut columns = Vec::new();
    for n in [12usize, 24, 48, 28, 56, 112] {
        let widths: Vec<f32> = (0..w)
            .map(|x| ((x + n + 1).min(w) - (x + 1).saturating_sub(n)) as f32)
            .collect();
        for y in 0..h {
            let (y1, y2) = ((y + 1).saturating_sub(n), (y + n + 1).min(h));
            let (top, bottom) = (
                &integral[y1 * (w + 1)..][..w + 1],
                &integral[y2 * (w + 1)..][..w + 1],
            );
            columns.clear();
            columns.resize(n - 1, 0u32);
            columns.extend(
                bottom
                    .iter()
                    .zip(top)
                    .map(|(bottom, top)| bottom.wrapping_sub(*top)),
            );
            columns.resize(w + 2 * n, columns[w + n - 1]);
            let rows = (y2 - y1) as f32;
            let (left, right) = (&columns[..w], &columns[2 * n..][..w]);
            let (gray, widths) = (&gray[y * w..][..w], &widths[..w]);
            let (on, off) = (&mut on[y * w..][..w], &mut off[y * w..][..w]);
            #[allow(
                clippy::needless_range_loop,
                reason = "the body reads and writes six slices of one length; indices vectorize"
            )]
            for x in 0..w {
                // As in OpenCV, the surround excludes the center and the difference is truncated.
                let center = i32::from(gray[x]);
                let others = (right[x].wrapping_sub(left[x]) as i32 - center) as f32;
                let difference = (center as f32 - others / (widths[x] * rows - 1.0)) as i32;
                on[x] += difference.max(0);
                off[x] += (-difference).max(0);
            }
        }
    }
    // The integers are small enough for the f32 quotient to truncate to the exact result.
    let share = |sum: i32, most: i32| ((255 * sum) as f32 / most as f32) as i32;
    let scaled = |sums: Vec<i32>| {
        let most = sums.iter().copied().max().unwrap_or(0).max(1);
        sums.into_iter()
            .map(|sum| share(sum, most))
            .collect::<Vec<i32>>()
    };
    let (on, off) = (scaled(on), scaled(off));
    let most = on.iter().chain(&off).copied().max().unwrap_or(0).max(1);
    on.iter()
        .zip(&off)
        .map(|(on, off)| share(on + off, most).min(255) as u8)
        .collect()
}

/// The side of the small copy that the spectral residual is computed on, in pixels.
const SIDE: usize = 64;

/// Spectral-residual saliency, 0 to 1 for each pixel, by the steps of OpenCV's
/// `StaticSaliencySpectralResidual` (Hou and Zhang, "Saliency detection: a spectral residual
/// approach", 2007).
///
/// # Panics
///
/// If the length of `view` is not that of an RGB image of this size.
///
/// # Example: a number for each pixel
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::mix::saliency;
///
/// let view: Vec<u8> = (0..16 * 16 * 3).map(|at| (at * at % 251) as u8).collect();
/// let levels = saliency::spectral_residual(Size::square(16), &view);
/// assert_eq!(levels.len(), 16 * 16);
/// ```
pub fn spectral_residual(size: Size, view: &[u8]) -> Vec<f32> {
    assert_eq!(
        view.len(),
        size.width as usize * size.height as usize * 3,
        "RGB of {size}"
    );
    let gray: Vec<f64> = gray(view).into_iter().map(f64::from).collect();
    let small_size = Size::square(SIDE as u32);
    let small = resized(&gray, size, small_size);
    let fourier = [Fourier::new(SIDE), Fourier::new(SIDE)];
    let mut spectrum: Vec<[f64; 2]> = small.into_iter().map(|level| [level, 0.0]).collect();
    Fourier::transform_2d(&fourier, &mut spectrum, false);
    let amplitude: Vec<f64> = spectrum
        .iter()
        .map(|[re, im]| libm::log(libm::sqrt(re * re + im * im).max(1e-12)))
        .collect();
    let smooth = filtered(&amplitude, &[1.0 / 3.0; 3]);
    for ((value, log), smooth) in spectrum.iter_mut().zip(&amplitude).zip(smooth) {
        let phase = libm::atan2(value[1], value[0]);
        let residual = libm::exp(log - smooth);
        *value = [residual * libm::cos(phase), residual * libm::sin(phase)];
    }
    Fourier::transform_2d(&fourier, &mut spectrum, true);
    let map: Vec<f64> = spectrum
        .iter()
        .map(|[re, im]| libm::sqrt(re * re + im * im))
        .collect();
    let taps: Vec<f64> = (-2i32..=2)
        .map(|x| libm::exp(-f64::from(x * x) / (2.0 * 8.0 * 8.0)))
        .collect();
    let sum: f64 = taps.iter().sum();
    let taps: Vec<f64> = taps.into_iter().map(|tap| tap / sum).collect();
    let map: Vec<f64> = filtered(&map, &taps)
        .into_iter()
        .map(|value| value * value)
        .collect();
    let most = map.iter().fold(0.0f64, |most, value| most.max(*value));
    let most = if most > 0.0 { most } else { 1.0 };
    let map: Vec<f64> = map.into_iter().map(|value| value / most).collect();
    resized(&map, small_size, size)
        .into_iter()
        .map(|value| value as f32)
        .collect()
}

/// Applies a separable filter to [`SIDE`] x [`SIDE`] values, mirrored at the edges.
fn filtered(values: &[f64], taps: &[f64]) -> Vec<f64> {
    let reach = (taps.len() / 2) as i64;
    let at = |y: i64, x: i64| values[mirrored(y, SIDE) * SIDE + mirrored(x, SIDE)];
    let sum = |value: &dyn Fn(i64) -> f64| {
        (-reach..=reach)
            .zip(taps)
            .map(|(d, tap)| tap * value(d))
            .sum::<f64>()
    };
    let side = SIDE as i64;
    let all = (0..side).flat_map(|y| (0..side).map(move |x| (y, x)));
    let across: Vec<f64> = all.clone().map(|(y, x)| sum(&|d| at(y, x + d))).collect();
    all.map(|(y, x)| sum(&|d| across[mirrored(y + d, SIDE) * SIDE + x as usize]))
        .collect()
}

/// Resizes a plane of size `from` to size `to` by bilinear interpolation with half-pixel centers,
/// without antialiasing.
fn resized(values: &[f64], from: Size, to: Size) -> Vec<f64> {
    let place = |at: u32, from: u32, to: u32| {
        let center = ((f64::from(at) + 0.5) * f64::from(from) / f64::from(to) - 0.5)
            .clamp(0.0, f64::from(from - 1));
        let first = center as u32;
        let second = (first + 1).min(from - 1);
        (first as usize, second as usize, center - f64::from(first))
    };
    let width = from.width as usize;
    let mut out = Vec::with_capacity(to.area() as usize);
    for y in 0..to.height {
        let (top, bottom, down) = place(y, from.height, to.height);
        for x in 0..to.width {
            let (left, right, across) = place(x, from.width, to.width);
            let line = |y: usize| {
                values[y * width + left] * (1.0 - across) + values[y * width + right] * across
            };
            out.push(line(top) * (1.0 - down) + line(bottom) * down);
        }
    }
    out
}

/// The pixel with the largest level, the first one in row-major order; the middle of the image if
/// all levels are equal.
///
/// # Example: the most salient pixel
///
/// ```
/// use feedmill::geometry::{Point, Size};
/// use feedmill::mix::saliency;
///
/// let mut levels = [0; 16];
/// levels[5] = 9;
/// assert_eq!(saliency::peak(Size::square(4), &levels), Point::new(1, 1));
/// ```
pub fn peak(size: Size, levels: &[u8]) -> Point {
    let most = levels.iter().copied().max().unwrap_or(0);
    if levels.iter().all(|level| *level == most) {
        return Point::new(size.width / 2, size.height / 2);
    }
    let at = levels.iter().position(|level| *level == most).unwrap_or(0) as u32;
    Point::new(at % size.width, at / size.width)
}
