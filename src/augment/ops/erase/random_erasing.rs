//! Random erasing.
//!
//! The references erase after normalizing, with 0 or with standard normals. Here ops work on 8-bit
//! values before it, so 0 is the mean color and a normal number `n` is the level `mean + std * n`,
//! rounded and clipped. The price is that values beyond white and black are cut, which are about one
//! in twenty.

use serde::{Deserialize, Deserializer};

use crate::augment::steps::{Erase, Fill};
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::Result;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, Interval, ParamValue, read_integers};

/// What [`RandomErasing`] writes into a rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum EraseValue {
    /// The mean color, which is 0 once pixels are normalized: `"mean"`.
    Mean,
    /// One random color for each rectangle: `"color"`.
    RandomColor,
    /// A random number for each value: `"pixel"`.
    Pixel,
    /// This color: `[r, g, b]`.
    Color([u8; 3]),
}

impl<'de> Deserialize<'de> for EraseValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EraseValue, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "\"mean\", \"color\", \"pixel\" or [r, g, b]")]
        enum Written {
            Color([u8; 3]),
            Named(Named),
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Named {
            Mean,
            Color,
            Pixel,
        }

        Ok(match read_integers::<D, Written>(deserializer)? {
            Written::Color(color) => EraseValue::Color(color),
            Written::Named(Named::Mean) => EraseValue::Mean,
            Written::Named(Named::Color) => EraseValue::RandomColor,
            Written::Named(Named::Pixel) => EraseValue::Pixel,
        })
    }
}

impl ParamValue for EraseValue {
    fn form() -> String {
        "`\"mean\"`, `\"color\"` (a random one), `\"pixel\"` (random values) or `[r, g, b]`"
            .to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match self {
            EraseValue::Mean => "mean".into(),
            EraseValue::RandomColor => "color".into(),
            EraseValue::Pixel => "pixel".into(),
            EraseValue::Color(color) => color.map(i64::from).to_vec().into(),
        })
    }
}

/// Overwrites random rectangles (Zhong et al., 2020, arXiv 1708.04896).
///
/// A rectangle that does not fit into the image is drawn again, up to ten times. Random numbers are
/// normal, with `mean` and `std`.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::{EraseValue, RandomErasing};
/// use feedmill::testing::assert_op;
///
/// let op = RandomErasing::new().with_p(0.25).with_value(EraseValue::Pixel);
/// assert_op(r#"{ op = "random_erasing", p = 0.25, value = "pixel" }"#, &op);
/// ```
#[declare(
    name = "random_erasing",
    families = [Arithmetic],
    like = ["torchvision RandomErasing", "timm RandomErasing", "albumentations Erasing"],
    strengths = [
        "p = 1.0, scale = [0.05, 0.05]",
        "p = 1.0, scale = [0.15, 0.15], value = \"color\"",
        "p = 1.0, scale = [0.3, 0.3], value = \"pixel\"",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct RandomErasing {
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
    /// The range of the area as a share of the image's, divided by `count`.
    #[param(default = Interval::new(0.02, 1.0 / 3.0), range = [0.0, 1.0])]
    scale: Interval,
    /// The range of height / width, above 0, drawn uniformly in its logarithm.
    #[param(default = Interval::new(0.3, 1.0 / 0.3))]
    ratio: Interval,
    /// The number of rectangles.
    #[param(default = 1.into(), range = [1.0, 100.0])]
    count: IntegerRange,
    /// What is written.
    #[param(default = EraseValue::Mean)]
    value: EraseValue,
    /// The mean color, where white is 1; ImageNet's by default.
    #[param(default = [0.485, 0.456, 0.406], range = [0.0, 1.0])]
    mean: [f64; 3],
    /// The deviation of each channel, where white is 1; ImageNet's by default.
    #[param(default = [0.229, 0.224, 0.225], range = [0.0, 1.0])]
    std: [f64; 3],
}

impl Op for RandomErasing {
    fn check(&self) -> Result<()> {
        self.ratio.check_positive("ratio")
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let count = self.count.draw(rng);
        if !applies {
            return;
        }
        let size = steps.size();
        for _ in 0..count {
            for _ in 0..10 {
                let share = self.scale.draw(rng) / count as f64;
                let area = share * f64::from(size.width) * f64::from(size.height);
                let aspect = self.ratio.draw_log(rng);
                let height = libm::sqrt(area * aspect).round_ties_even() as u32;
                let width = libm::sqrt(area / aspect).round_ties_even() as u32;
                if width >= size.width || height >= size.height {
                    continue;
                }
                let top = rng.below(u64::from(size.height - height) + 1) as u32;
                let left = rng.below(u64::from(size.width - width) + 1) as u32;
                let fill = self.fill(rng);
                if width > 0 && height > 0 {
                    steps.push(Erase {
                        left,
                        top,
                        width,
                        height,
                        fill,
                    });
                }
                break;
            }
        }
    }
}

impl RandomErasing {
    /// Draws what is written into one rectangle.
    fn fill(&self, rng: &mut RandomStream) -> Fill {
        let (mean, std) = (self.mean.map(|m| m * 255.0), self.std.map(|s| s * 255.0));
        let level = |value: f64| value.round_ties_even().clamp(0.0, 255.0) as u8;
        match self.value {
            EraseValue::Color(color) => Fill::Color(color),
            EraseValue::Mean => Fill::Color(mean.map(level)),
            EraseValue::RandomColor => Fill::Color(std::array::from_fn(|channel| {
                level(mean[channel] + std[channel] * rng.normal())
            })),
            EraseValue::Pixel => Fill::Noise {
                mean: mean.map(|m| m as f32),
                std: std.map(|s| s as f32),
                seed: rng.bits(),
            },
        }
    }
}
