//! The color distortion of SSD.

use crate::augment::steps::{Color, Levels};
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::Interval;

/// Changes brightness, contrast, saturation, hue and the order of channels, each with its own
/// chance: the color distortion of SSD (Liu et al., 2016, arXiv 1512.02325).
///
/// Brightness comes first and the order of channels last. Contrast comes before saturation and hue
/// or after them, with equal chances.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::PhotometricDistort;
/// use feedmill::testing::assert_op;
///
/// let op = PhotometricDistort::new().with_hue([-0.1, 0.1]);
/// assert_op(r#"{ op = "photometric_distort", hue = [-0.1, 0.1] }"#, &op);
/// ```
#[declare(
    name = "photometric_distort",
    families = [Color, Contrast],
    like = ["torchvision RandomPhotometricDistort"],
    strengths = ["p = 0.5", "p = 1.0", "p = 1.0, hue = [0.3, 0.3]"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct PhotometricDistort {
    /// The range of the factor of brightness.
    #[param(default = Interval::new(0.875, 1.125), range = [0.0, 1000.0])]
    brightness: Interval,
    /// The range of the factor of contrast.
    #[param(default = Interval::new(0.5, 1.5), range = [0.0, 1000.0])]
    contrast: Interval,
    /// The range of the factor of saturation.
    #[param(default = Interval::new(0.5, 1.5), range = [0.0, 1000.0])]
    saturation: Interval,
    /// The range of the shift of hue, as a share of the color circle.
    #[param(default = Interval::new(-0.05, 0.05), range = [-0.5, 0.5])]
    hue: Interval,
    /// The probability of each of the five.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
    /// The library whose rounding it follows.
    #[param(default)]
    dialect: Dialect,
}

impl Op for PhotometricDistort {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let mut maybe = |range: Interval| {
            let applies = rng.bernoulli(self.p);
            let value = range.draw(rng);
            applies.then_some(value)
        };
        let brightness = maybe(self.brightness);
        let contrast = maybe(self.contrast);
        let saturation = maybe(self.saturation);
        let hue = maybe(self.hue);
        let contrast_first = rng.bernoulli(0.5);
        let permute = rng.bernoulli(self.p);
        let mut order = [0, 1, 2];
        rng.shuffle(&mut order);
        let push_contrast = |steps: &mut Steps, now: bool| {
            if let Some(factor) = contrast.filter(|_| now) {
                steps.push(Levels::Contrast(factor, self.dialect));
            }
        };
        if let Some(factor) = brightness {
            steps.push(Levels::Brightness(factor));
        }
        push_contrast(steps, contrast_first);
        if let Some(factor) = saturation {
            steps.push(Color::Saturation(factor, self.dialect));
        }
        if let Some(shift) = hue {
            steps.push(Color::Hue(shift as f32, self.dialect));
        }
        push_contrast(steps, !contrast_first);
        if permute {
            steps.push(Color::Permute(order));
        }
    }
}
