//! Steps that mix each pixel with its neighbors, with the arithmetic of Pillow, torchvision, OpenCV
//! or imagecorruptions.

use std::fmt;

use super::border::PadMode;
use super::dialect::Dialect;
use super::filter::{self, Shape, Tap, rounded, truncated, widened};
use super::scratch::{Scratch, sized};
use super::{bilateral, box_blur, median};
use crate::geometry::Size;

/// A step that mixes each pixel with its neighbors.
///
/// # Example: blur an image
///
/// ```
/// use feedmill::augment::steps::Blur;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Blur::Box(1.0)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(out[0], 100); // the mean of equal levels
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Blur {
    /// Blend with an image smoothed over 3 x 3 pixels by a factor: 0 is the smooth image, 1 changes
    /// nothing, more sharpens.
    Sharpness(f64, Dialect),
    /// Pillow's `GaussianBlur` with this radius in pixels: three extended box filters.
    PilGaussian(f32),
    /// torchvision's `gaussian_blur`.
    Gaussian {
        /// Columns and rows of the kernel, odd.
        kernel: u32,
        /// The deviation in pixels.
        sigma: f32,
    },
    /// Pillow's `BoxBlur` with this radius in pixels.
    Box(f32),
    /// The median of a square with this many pixels on each side, an odd number.
    Median(u32),
    /// OpenCV's `bilateralFilter`: near and similar neighbors have the largest weights.
    Bilateral {
        /// The diameter of the disk of neighbors in pixels.
        diameter: u32,
        /// The deviation of differences of color, summed over the channels, in levels.
        color: f32,
        /// The deviation of distances in pixels.
        space: f32,
    },
    /// Half a Gaussian along a line.
    Motion {
        /// The line is `2 radius + 1` pixels long.
        radius: u32,
        /// The deviation in pixels.
        sigma: f32,
        /// The direction of the mixed in neighbors in degrees: 0 is to the right, 90 is below.
        angle: f32,
    },
}

impl fmt::Display for Blur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blur::Sharpness(factor, dialect) => write!(f, "sharpness factor={factor:.4}{dialect}"),
            Blur::PilGaussian(radius) => write!(f, "pil_gaussian_blur radius={radius:.4}"),
            Blur::Gaussian { kernel, sigma } => {
                write!(f, "gaussian_blur kernel={kernel} sigma={sigma:.4}")
            }
            Blur::Box(radius) => write!(f, "box_blur radius={radius:.4}"),
            Blur::Median(size) => write!(f, "median_blur size={size}"),
            Blur::Bilateral {
                diameter,
                color,
                space,
            } => {
                write!(
                    f,
                    "bilateral_blur diameter={diameter} color={color:.4} space={space:.4}"
                )
            }
            Blur::Motion {
                radius,
                sigma,
                angle,
            } => {
                write!(
                    f,
                    "motion_blur radius={radius} sigma={sigma:.4} angle={angle:.2}"
                )
            }
        }
    }
}

/// Blurs an image, rows of RGB. `taps` is memory for the weights of two-dimensional filters.
pub(crate) fn run(
    blur: Blur,
    pixels: &mut [u8],
    size: Size,
    scratch: &mut Scratch,
    taps: &mut Vec<Tap>,
) {
    let shape = Shape::rgb(size);
    match blur {
        Blur::Sharpness(factor, dialect) => sharpness(factor, dialect, pixels, shape, scratch),
        Blur::PilGaussian(radius) => {
            box_blur::run(box_blur::radius_of(radius, 3), 3, pixels, shape, scratch);
        }
        Blur::Gaussian { kernel, sigma } => {
            let plane = widened(pixels, &mut scratch.plane);
            let buffers = (&mut scratch.weights, &mut scratch.middle);
            let gaussian = (f64::from(sigma), kernel as usize / 2);
            filter::gaussian_blur(plane, shape, gaussian, PadMode::Reflect, buffers);
            pixels
                .iter_mut()
                .zip(plane)
                .for_each(|(pixel, value)| *pixel = rounded(*value));
        }
        Blur::Box(radius) => box_blur::run(radius, 1, pixels, shape, scratch),
        Blur::Median(1) => {}
        Blur::Median(size) => median::run(size as usize, pixels, shape, scratch),
        Blur::Bilateral {
            diameter,
            color,
            space,
        } => {
            bilateral::run(diameter, (color, space), pixels, shape, scratch, taps);
        }
        Blur::Motion {
            radius,
            sigma,
            angle,
        } => {
            motion_taps(radius, f64::from(sigma), f64::from(angle), shape, taps);
            let plane = widened(pixels, &mut scratch.plane);
            let out = sized(&mut scratch.field, pixels.len());
            let middle = &mut scratch.middle;
            filter::correlate(plane, shape, taps, PadMode::Edge, middle, out);
            pixels
                .iter_mut()
                .zip(out)
                .for_each(|(pixel, value)| *pixel = filter::floored(*value));
        }
    }
}

/// Pillow's and torchvision's `adjust_sharpness`. The outermost pixels do not change, nor do images
/// with fewer than three rows or columns.
fn sharpness(
    factor: f64,
    dialect: Dialect,
    pixels: &mut [u8],
    shape: Shape,
    scratch: &mut Scratch,
) {
    if shape.width < 3 || shape.height < 3 {
        return;
    }
    let source = sized(&mut scratch.bytes, pixels.len());
    source.copy_from_slice(pixels);
    let stride = shape.stride();
    let inner = pixels
        .chunks_exact_mut(stride)
        .skip(1)
        .zip(source.windows(3 * stride).step_by(stride));
    match dialect {
        Dialect::Pil => inner.for_each(|(out, rows)| {
            let factor = factor as f32;
            smoothed(out, rows, |smooth, value| {
                truncated(smooth + factor * (value - smooth))
            });
        }),
        Dialect::Tv2 => {
            let rest = f64::from((1.0 - factor) as f32);
            inner.for_each(|(out, rows)| {
                // torch fuses the product with the sum; f64 arithmetic rounded to f32 returns the
                // same.
                smoothed(out, rows, |smooth, value| {
                    truncated((f64::from(value) + rest * f64::from(smooth - value)) as f32)
                });
            });
        }
    }
}

/// Calls `blend(smooth, value)` for the inner pixels of the middle of three rows.
fn smoothed(out: &mut [u8], rows: &[u8], blend: impl Fn(f32, f32) -> u8) {
    let stride = out.len();
    let inner = stride - 6;
    let out = &mut out[3..][..inner];
    let [a, b, c] = [0, 1, 2].map(|row| &rows[row * stride..][..stride]);
    let [a0, a1, a2] = [0, 3, 6].map(|at| &a[at..][..inner]);
    let [b0, b1, b2] = [0, 3, 6].map(|at| &b[at..][..inner]);
    let [c0, c1, c2] = [0, 3, 6].map(|at| &c[at..][..inner]);
    for i in 0..inner {
        let wide = u16::from;
        let around = wide(a0[i]) + wide(a1[i]) + wide(a2[i]) + wide(b0[i]);
        let around = around + wide(b2[i]) + wide(c0[i]) + wide(c1[i]) + wide(c2[i]);
        let sum = around + 5 * wide(b1[i]);
        // The sum divided by 13, rounded: 5042 / 65536 is close enough to 1 / 13 for sums up to
        // 13 * 255.
        let smooth = ((u32::from(sum + 6) * 5042) >> 16) as u16;
        out[i] = blend(f32::from(smooth), f32::from(b1[i]));
    }
}

/// The weights of imagecorruptions' motion blur: half a Gaussian, normalized, along a line of
/// `2 radius + 1` pixels that ends where it would leave the image.
pub(super) fn motion_taps(radius: u32, sigma: f64, angle: f64, shape: Shape, taps: &mut Vec<Tap>) {
    let length = 2 * radius + 1;
    let weight = |i: u32| libm::exp(-f64::from(i * i) / (2.0 * sigma * sigma));
    let sum: f64 = (0..length).map(weight).sum();
    let turn = angle.to_radians();
    let (down, right) = (
        f64::from(length) * libm::sin(turn),
        f64::from(length) * libm::cos(turn),
    );
    let norm = libm::hypot(down, right);
    taps.clear();
    for i in 0..length {
        let shift = |along: f64| -libm::ceil(f64::from(i) * along / norm - 0.5) as i32;
        let (dy, dx) = (shift(down), shift(right));
        if dy.unsigned_abs() as usize >= shape.height || dx.unsigned_abs() as usize >= shape.width {
            break;
        }
        taps.push(Tap {
            dx: -dx,
            dy: -dy,
            weight: (weight(i) / sum) as f32,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(blur: Blur, width: u32, height: u32) -> (Vec<u8>, Vec<u8>) {
        let before: Vec<u8> = (0..width * height * 3)
            .map(|i| (i * 7 % 251) as u8)
            .collect();
        let mut pixels = before.clone();
        run(
            blur,
            &mut pixels,
            Size { width, height },
            &mut Scratch::default(),
            &mut Vec::new(),
        );
        (before, pixels)
    }

    const SIZES: [(u32, u32); 6] = [(1, 1), (1, 9), (9, 1), (2, 3), (17, 31), (40, 4)];

    #[test]
    fn neutral_parameters_change_nothing() {
        for (width, height) in SIZES {
            for blur in [
                Blur::Sharpness(1.0, Dialect::Pil),
                Blur::Sharpness(1.0, Dialect::Tv2),
                Blur::PilGaussian(0.0),
                Blur::Gaussian {
                    kernel: 1,
                    sigma: 1.0,
                },
                Blur::Gaussian {
                    kernel: 9,
                    sigma: 1e-3,
                },
                Blur::Box(0.0),
                Blur::Median(1),
                Blur::Bilateral {
                    diameter: 5,
                    color: 1e-3,
                    space: 3.0,
                },
                Blur::Motion {
                    radius: 0,
                    sigma: 3.0,
                    angle: 20.0,
                },
                Blur::Motion {
                    radius: 4,
                    sigma: 1e-3,
                    angle: 20.0,
                },
            ] {
                let (before, after) = after(blur, width, height);
                assert_eq!(before, after, "{blur} {width} x {height}");
            }
        }
    }

    #[test]
    fn a_flat_image_stays_flat_whatever_its_size() {
        for (width, height) in SIZES {
            for level in [0, 1, 100, 255] {
                for blur in [
                    Blur::Sharpness(0.3, Dialect::Pil),
                    Blur::Sharpness(3.0, Dialect::Tv2),
                    Blur::PilGaussian(7.0),
                    Blur::Gaussian {
                        kernel: 31,
                        sigma: 9.0,
                    },
                    Blur::Box(50.3),
                    Blur::Median(3),
                    Blur::Median(15),
                    Blur::Bilateral {
                        diameter: 9,
                        color: 50.0,
                        space: 3.0,
                    },
                ] {
                    let flat = vec![level; (width * height * 3) as usize];
                    let mut pixels = flat.clone();
                    run(
                        blur,
                        &mut pixels,
                        Size { width, height },
                        &mut Scratch::default(),
                        &mut Vec::new(),
                    );
                    assert_eq!(pixels, flat, "{blur} {width} x {height}");
                }
            }
        }
    }

    #[test]
    fn the_median_is_the_middle_of_the_sorted_square() {
        for (width, height) in SIZES {
            for size in [3, 5, 9] {
                let (before, after) = after(Blur::Median(size), width, height);
                let reach = i64::from(size) / 2;
                for (at, found) in after.iter().enumerate() {
                    let (x, y) = (at as u32 / 3 % width, at as u32 / 3 / width);
                    let mut square: Vec<u8> = (-reach..=reach)
                        .flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)))
                        .map(|(dx, dy)| {
                            let x = (i64::from(x) + dx).clamp(0, i64::from(width) - 1);
                            let y = (i64::from(y) + dy).clamp(0, i64::from(height) - 1);
                            before[((y * i64::from(width) + x) * 3) as usize + at % 3]
                        })
                        .collect();
                    square.sort_unstable();
                    assert_eq!(
                        *found,
                        square[square.len() / 2],
                        "{size} {width} x {height} at {at}"
                    );
                }
            }
        }
    }

    #[test]
    fn motion_mixes_in_what_is_to_the_right_and_ends_within_the_image() {
        let shape = Shape {
            width: 4,
            height: 4,
            channels: 3,
        };
        let mut taps = Vec::new();
        motion_taps(5, 3.0, 0.0, shape, &mut taps);
        assert_eq!(
            taps.iter().map(|tap| (tap.dx, tap.dy)).collect::<Vec<_>>(),
            [(0, 0), (1, 0), (2, 0), (3, 0)]
        );
    }
}
