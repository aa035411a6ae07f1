//! The common corruptions of Hendrycks and Dietterich, "Benchmarking neural network robustness to
//! common corruptions and perturbations" (2019): ImageNet-C and CIFAR-C, and the four of their
//! validation set.
//!
//! Formulas are those of the imagecorruptions package, which needs no ImageMagick. Arithmetic is
//! f32 where that package has f64; a value less than 1/1024 below a level
//! becomes that level, so that the error of f32 does not show.

mod blurs;
mod digital;
mod spatter;
mod tables;
mod weather;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::filter::{Shape, Tap, truncated};
use super::pixel_rng::{Bits, Normals};
use super::poisson::Poisson;
use super::scratch::Scratch;
use super::{blur, jpeg, noise};
use crate::cpu::Simd;
use crate::geometry::Size;

/// The published parameters that a severity stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CorruptionSet {
    /// Those for photographs of 224 pixels a side.
    #[default]
    ImagenetC,
    /// Those for images of 32 pixels a side.
    CifarC,
}

/// A kind of corruption. The order is that of the published tables, and the position there is the
/// number that is noted with a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Corruption {
    /// Gaussian noise on each value.
    GaussianNoise,
    /// Poisson noise.
    ShotNoise,
    /// Salt and pepper.
    ImpulseNoise,
    /// A disk as the point spread function.
    DefocusBlur,
    /// Pixels swapped with their neighbors between two blurs.
    GlassBlur,
    /// Half a Gaussian along a line.
    MotionBlur,
    /// The mean of the image and of enlargements of it.
    ZoomBlur,
    /// Streaks of white.
    Snow,
    /// A texture of ice over the image. The texture is synthetic, because the photographs of the
    /// reference are not part of this library.
    Frost,
    /// A plasma fractal over the image.
    Fog,
    /// A higher value in HSV.
    Brightness,
    /// Less contrast.
    Contrast,
    /// Pixels moved by a smooth field.
    ElasticTransform,
    /// Fewer, larger pixels.
    Pixelate,
    /// JPEG with a low quality.
    JpegCompression,
    /// Gaussian noise in proportion to each value.
    SpeckleNoise,
    /// A Gaussian blur.
    GaussianBlur,
    /// Splashes of water or mud.
    Spatter,
    /// Less or more saturation in HSV.
    Saturate,
}

impl Corruption {
    /// All kinds in order: the 15 of the benchmark, then the 4 of its validation set.
    pub const ALL: [Corruption; 19] = [
        Corruption::GaussianNoise,
        Corruption::ShotNoise,
        Corruption::ImpulseNoise,
        Corruption::DefocusBlur,
        Corruption::GlassBlur,
        Corruption::MotionBlur,
        Corruption::ZoomBlur,
        Corruption::Snow,
        Corruption::Frost,
        Corruption::Fog,
        Corruption::Brightness,
        Corruption::Contrast,
        Corruption::ElasticTransform,
        Corruption::Pixelate,
        Corruption::JpegCompression,
        Corruption::SpeckleNoise,
        Corruption::GaussianBlur,
        Corruption::Spatter,
        Corruption::Saturate,
    ];

    /// The 15 of the benchmark.
    pub fn benchmark() -> &'static [Corruption] {
        &Corruption::ALL[..15]
    }

    /// The name in recipes and in tables of results.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 19] = [
            "gaussian_noise",
            "shot_noise",
            "impulse_noise",
            "defocus_blur",
            "glass_blur",
            "motion_blur",
            "zoom_blur",
            "snow",
            "frost",
            "fog",
            "brightness",
            "contrast",
            "elastic_transform",
            "pixelate",
            "jpeg_compression",
            "speckle_noise",
            "gaussian_blur",
            "spatter",
            "saturate",
        ];
        NAMES[self as usize]
    }
}

/// A corruption with all its parameters.
///
/// # Example: corrupt an image as ImageNet-C does
///
/// ```
/// use feedmill::augment::steps::Corrupt;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
/// use feedmill::augment::Corruption;
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Corrupt::new(Corruption::Contrast, 3, 7)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Corrupt {
    /// The kind.
    pub kind: Corruption,
    /// The severity, 1 to 5.
    pub severity: u8,
    /// The parameters that the severity stands for.
    pub set: CorruptionSet,
    /// The direction in degrees of motion blur and of falling snow; other kinds ignore it.
    pub angle: f32,
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Corrupt {
    /// Returns the corruption of ImageNet-C with this severity, 1 to 5, and this seed. The angle is
    /// 0; it and the set are fields.
    pub fn new(kind: Corruption, severity: u8, seed: u64) -> Corrupt {
        Corrupt {
            kind,
            severity,
            set: CorruptionSet::ImagenetC,
            angle: 0.0,
            seed,
        }
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "corrupt name={} severity={}",
            self.kind.name(),
            self.severity
        )?;
        match self.set {
            CorruptionSet::ImagenetC => Ok(()),
            CorruptionSet::CifarC => f.write_str(" set=cifar_c"),
        }
    }
}

/// Corrupts an image, rows of RGB. `taps` is memory for the weights of filters, and `poisson` keeps
/// the tables of the last shot noise.
pub(crate) fn run(
    corrupt: &Corrupt,
    pixels: &mut [u8],
    size: Size,
    scratch: &mut Scratch,
    (taps, poisson): (&mut Vec<Tap>, &mut Poisson),
    simd: Simd,
) {
    let shape = Shape::rgb(size);
    let level = usize::from(corrupt.severity.clamp(1, 5)) - 1 + 5 * corrupt.set as usize;
    let seed = corrupt.seed;
    match corrupt.kind {
        Corruption::GaussianNoise => {
            let sigma = tables::GAUSSIAN_NOISE[level] * 255.0;
            Normals::new(seed).each(pixels, |value, normal| {
                *value = truncated(f32::from(*value) + sigma * normal)
            });
        }
        Corruption::ShotNoise => {
            let scale = tables::SHOT_NOISE[level];
            noise::shot(scale, pixels, &mut Bits::new(seed), poisson);
        }
        Corruption::ImpulseNoise => {
            let amount = tables::IMPULSE_NOISE[level];
            noise::impulse((amount, 0.5), true, pixels, &mut Bits::new(seed));
        }
        Corruption::SpeckleNoise => {
            let sigma = tables::SPECKLE_NOISE[level];
            Normals::new(seed).each(pixels, |value, normal| {
                let level = f32::from(*value);
                *value = truncated(level + level * (sigma * normal));
            });
        }
        Corruption::DefocusBlur => {
            blurs::defocus(tables::DEFOCUS_BLUR[level], pixels, shape, scratch, taps)
        }
        Corruption::GlassBlur => {
            blurs::glass(tables::GLASS_BLUR[level], seed, pixels, shape, scratch)
        }
        Corruption::MotionBlur => {
            let (radius, sigma) = tables::MOTION_BLUR[level];
            let motion = blur::Blur::Motion {
                radius,
                sigma,
                angle: corrupt.angle,
            };
            blur::run(motion, pixels, size, scratch, taps);
        }
        Corruption::ZoomBlur => blurs::zoom(tables::ZOOM_BLUR[level], pixels, shape, scratch),
        Corruption::GaussianBlur => {
            let sigma = tables::GAUSSIAN_BLUR[level];
            blurs::smooth(sigma, pixels, shape, scratch);
        }
        Corruption::Snow => {
            let draw = (corrupt.angle, seed);
            weather::snow(&tables::SNOW[level], draw, pixels, shape, scratch, taps);
        }
        Corruption::Frost => weather::frost(tables::FROST[level], seed, pixels, shape, scratch),
        Corruption::Fog => weather::fog(tables::FOG[level], seed, pixels, shape, scratch),
        Corruption::Spatter => spatter::run(&tables::SPATTER[level], seed, pixels, shape, scratch),
        Corruption::Brightness => digital::brightness(tables::BRIGHTNESS[level], pixels),
        Corruption::Contrast => digital::contrast(tables::CONTRAST[level], pixels),
        Corruption::Saturate => digital::saturate(tables::SATURATE[level], pixels),
        Corruption::ElasticTransform => {
            digital::elastic(
                tables::ELASTIC_TRANSFORM[level],
                seed,
                pixels,
                shape,
                scratch,
            );
        }
        Corruption::Pixelate => digital::pixelate(tables::PIXELATE[level], pixels, shape, scratch),
        Corruption::JpegCompression => {
            jpeg::run(
                tables::JPEG_COMPRESSION[level],
                pixels,
                shape,
                scratch,
                simd,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32) -> Vec<u8> {
        // Smooth shades, edges and some texture.
        let value = |x: u32, y: u32, c: u32| {
            let shade = 60 + (x * 2 + y) % 120 + 20 * c;
            let edge = if (x / 9 + y / 7).is_multiple_of(3) {
                60
            } else {
                0
            };
            (shade + edge + (x * 13 + y * 7) % 9).min(255) as u8
        };
        (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| value(x, y, c))))
            .collect()
    }

    fn corrupted(
        kind: Corruption,
        severity: u8,
        set: CorruptionSet,
        seed: u64,
        size: Size,
    ) -> Vec<u8> {
        let mut pixels = image(size.width, size.height);
        let corrupt = Corrupt {
            kind,
            severity,
            set,
            angle: -70.0,
            seed,
        };
        run(
            &corrupt,
            &mut pixels,
            size,
            &mut Scratch::default(),
            (&mut Vec::new(), &mut Poisson::default()),
            Simd::detect(),
        );
        pixels
    }

    #[test]
    fn every_corruption_takes_images_of_any_size_and_repeats_itself() {
        for (width, height) in [(1, 1), (1, 9), (23, 1), (2, 2), (17, 31)] {
            let size = Size { width, height };
            for kind in Corruption::ALL {
                for set in [CorruptionSet::ImagenetC, CorruptionSet::CifarC] {
                    for severity in [1, 5] {
                        let one = corrupted(kind, severity, set, 3, size);
                        assert_eq!(
                            one,
                            corrupted(kind, severity, set, 3, size),
                            "{} {size}",
                            kind.name()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn an_image_is_further_away_the_more_severe_the_corruption() {
        let size = Size {
            width: 64,
            height: 64,
        };
        let original = image(64, 64);
        for kind in Corruption::ALL {
            let errors = [1, 3, 5].map(|severity| {
                (0..3)
                    .map(|seed| {
                        let after = corrupted(kind, severity, CorruptionSet::ImagenetC, seed, size);
                        let square = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
                        original.iter().zip(&after).map(square).sum::<f64>() / original.len() as f64
                    })
                    .sum::<f64>()
            });
            // The published tables are not monotone for these two: the first severities of the
            // elastic transform move whole regions, saturation first falls and then
            // rises.
            if !matches!(kind, Corruption::ElasticTransform | Corruption::Saturate) {
                assert!(errors.is_sorted(), "{}: {errors:?}", kind.name());
            }
            assert!(errors[0] > 0.0, "{}", kind.name());
        }
    }
}
