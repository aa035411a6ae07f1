//! Random erasing and cutout.
//!
//! The references erase after normalizing, with 0 or with standard normals. Here ops work on 8-bit
//! values before it, so 0 is the mean color and a normal number `n` is the level `mean + std * n`,
//! rounded and clipped. The price is that values beyond white and black are cut, which are about
//! one in twenty.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Erase, Fill, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange, check_p, one};

/// Overwrites random rectangles; timm and torchvision `RandomErasing` (Zhong et al., 2020, arXiv
/// 1708.04896).
///
/// A rectangle that does not fit into the image is drawn again, up to ten times.
///
/// # Parameters
///
/// * `p` (0.5): the probability that the op is applied.
/// * `scale` (`[0.02, 1 / 3]`; 0 to 1): the range of the area as a share of the image's, divided by
///   `count`.
/// * `ratio` (`[0.3, 1 / 0.3]`; above 0): the range of height / width, drawn uniformly in its
///   logarithm.
/// * `count` (1, an integer or a range; 1 to 100): the number of rectangles.
/// * `value` (`"mean"`): what is written: `"mean"` the color `mean`, which is 0 once pixels are
///   normalized; `"color"` one random color for each rectangle; `"pixel"` a random number for each
///   value; or a color `[r, g, b]`. Random numbers are normal, with `mean` and `std`.
/// * `mean`, `std` (ImageNet's; 0 to 1): a color and a deviation for each channel, where white is
///   1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandomErasing {
    p: f64,
    scale: [f64; 2],
    ratio: [f64; 2],
    count: IntegerRange,
    #[serde(deserialize_with = "crate::spec::read_integers")]
    value: EraseValue,
    mean: [f64; 3],
    std: [f64; 3],
}

/// What is written into a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "\"mean\", \"color\", \"pixel\" or [r, g, b]")]
enum EraseValue {
    Color([u8; 3]),
    Named(NamedValue),
}

/// An [`EraseValue`] that is written as a word.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NamedValue {
    /// The mean color.
    Mean,
    /// One random color.
    Color,
    /// A random number for each value.
    Pixel,
}

impl Default for RandomErasing {
    fn default() -> RandomErasing {
        RandomErasing {
            p: 0.5,
            scale: [0.02, 1.0 / 3.0],
            ratio: [0.3, 1.0 / 0.3],
            count: single(),
            value: EraseValue::Named(NamedValue::Mean),
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }
}

impl Op for RandomErasing {
    op_basics!("random_erasing");

    fn check(&self) -> Result<()> {
        check_p(self.p)?;
        ParamRange::Between(self.scale).check("scale", [0.0, 1.0])?;
        let [low, high] = self.ratio;
        if !(low > 0.0 && low <= high && high.is_finite()) {
            return Err(Error::config(format!(
                "ratio = [{low}, {high}]: expected 0 < low <= high"
            )));
        }
        self.count.check("count", [1.0, 100.0])?;
        for (name, values) in [("mean", self.mean), ("std", self.std)] {
            values
                .iter()
                .try_for_each(|value| ParamRange::Fixed(*value).check(name, [0.0, 1.0]))?;
        }
        Ok(())
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let count = self.count.draw(rng);
        if !applies {
            return;
        }
        let frame = steps.frame();
        let logs = self.ratio.map(libm::log);
        let (mean, std) = (self.mean.map(|m| m * 255.0), self.std.map(|s| s * 255.0));
        let level = |value: f64| value.round_ties_even() as u8;
        for _ in 0..count {
            for _ in 0..10 {
                let share = rng.uniform(self.scale[0], self.scale[1]) / count as f64;
                let area = share * f64::from(frame.width) * f64::from(frame.height);
                let aspect = libm::exp(rng.uniform(logs[0], logs[1]));
                let height = libm::sqrt(area * aspect).round_ties_even() as u32;
                let width = libm::sqrt(area / aspect).round_ties_even() as u32;
                if width >= frame.width || height >= frame.height {
                    continue;
                }
                let top = rng.below(u64::from(frame.height - height) + 1) as u32;
                let left = rng.below(u64::from(frame.width - width) + 1) as u32;
                let fill = match self.value {
                    EraseValue::Color(color) => Fill::Color(color),
                    EraseValue::Named(NamedValue::Mean) => Fill::Color(mean.map(level)),
                    EraseValue::Named(NamedValue::Color) => Fill::Color(std::array::from_fn(|c| {
                        level(mean[c] + std[c] * rng.normal())
                    })),
                    EraseValue::Named(NamedValue::Pixel) => Fill::Noise {
                        mean: mean.map(|m| m as f32),
                        std: std.map(|s| s as f32),
                        seed: rng.bits(),
                    },
                };
                if width > 0 && height > 0 {
                    steps.push(Step::Erase(Erase {
                        left,
                        top,
                        width,
                        height,
                        fill,
                    }));
                }
                break;
            }
        }
    }
}

/// Overwrites squares at random positions; the authors' `Cutout` (DeVries and Taylor, 2017, arXiv
/// 1708.04552).
///
/// The center is uniform over the image, so a square may be cut off at an edge.
///
/// # Parameters
///
/// * `size` (1 to 16384 pixels; the paper has 16 on CIFAR-10) or `share` (0 to 1, of the image's
///   shorter side, rounded), exactly one of them: the side of a square.
/// * `count` (1, an integer or a range; 1 to 100): the number of squares.
/// * `fill` (black): the color; the mean color is 0 once pixels are normalized.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutout {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(default = "single", skip_serializing_if = "is_single")]
    count: IntegerRange,
    #[serde(default)]
    fill: [u8; 3],
    #[serde(default = "one")]
    p: f64,
}

fn single() -> IntegerRange {
    IntegerRange::from(1.0)
}

fn is_single(count: &IntegerRange) -> bool {
    *count == single()
}

impl Cutout {
    /// One square of `size` x `size` pixels, filled with this color.
    pub fn new(size: u32, fill: [u8; 3]) -> Cutout {
        Cutout {
            size: Some(size),
            share: None,
            count: single(),
            fill,
            p: 1.0,
        }
    }
}

impl Op for Cutout {
    op_basics!("cutout");

    fn check(&self) -> Result<()> {
        match (self.size, self.share) {
            (Some(size), None) => ParamRange::Fixed(size.into()).check("size", [1.0, 16_384.0])?,
            (None, Some(share)) => ParamRange::Fixed(share).check("share", [0.0, 1.0])?,
            _ => {
                return Err(Error::config(
                    "expected either size (in pixels) or share (of the shorter side)",
                ));
            }
        }
        self.count.check("count", [1.0, 100.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let frame = steps.frame();
        let share = |share: f64| {
            (share * f64::from(frame.width.min(frame.height))).round_ties_even() as u32
        };
        let size = self
            .size
            .unwrap_or_else(|| share(self.share.unwrap_or_default()));
        // A fixed number takes no draw: the draws of recipes from before `count` could be a range
        // must not change.
        let squares = match self.count.fixed() {
            Some(count) => count,
            None => self.count.draw(rng),
        };
        for _ in 0..squares {
            // As in the authors' code: the square begins half a side before the center and is cut
            // at the edges.
            let mut span = |outer: u32| {
                let start = rng.below(outer.into()) as i64 - i64::from(size / 2);
                let end = (start + i64::from(size)).min(outer.into());
                (start.max(0) as u32, (end - start.max(0)) as u32)
            };
            let (top, height) = span(frame.height);
            let (left, width) = span(frame.width);
            if applies && width > 0 && height > 0 {
                steps.push(Step::Erase(Erase {
                    left,
                    top,
                    width,
                    height,
                    fill: Fill::Color(self.fill),
                }));
            }
        }
    }
}
