//! Elastic fields, and the crop of low frequencies.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Elastic, Filter, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p, is_default, one};

/// How an elastic field reads between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ElasticFilter {
    Nearest,
    #[default]
    Bilinear,
}

/// Moves pixels by a smooth random field; torchvision v2 `ElasticTransform` of u8 tensors.
///
/// `alpha` (50; 0 to 10000) is the strength, half of it the furthest move in pixels before
/// smoothing; `sigma` (5; 0 to 100 pixels) the deviation of the Gaussian that smooths the field,
/// whose kernel is `8 sigma + 1` pixels, made odd. Both are numbers or ranges. `filter` is
/// `bilinear` or `nearest`, `fill` (black) the color outside, `p` (1) the probability of
/// doing anything. The field is mirrored at its edge as often as a kernel larger than the image
/// needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElasticTransform {
    #[serde(default = "fifty")]
    alpha: ParamRange,
    #[serde(default = "five")]
    sigma: ParamRange,
    #[serde(default, skip_serializing_if = "is_default")]
    filter: ElasticFilter,
    #[serde(default)]
    fill: [u8; 3],
    #[serde(default = "one")]
    p: f64,
}

fn fifty() -> ParamRange {
    ParamRange::Fixed(50.0)
}

fn five() -> ParamRange {
    ParamRange::Fixed(5.0)
}

impl ElasticTransform {
    /// With this strength and smoothness, or ones from these ranges.
    pub fn new(alpha: impl Into<ParamRange>, sigma: impl Into<ParamRange>) -> ElasticTransform {
        let filter = ElasticFilter::default();
        ElasticTransform {
            alpha: alpha.into(),
            sigma: sigma.into(),
            filter,
            fill: [0; 3],
            p: 1.0,
        }
    }

    /// With this color outside the image.
    #[must_use]
    pub fn fill(self, fill: [u8; 3]) -> ElasticTransform {
        ElasticTransform { fill, ..self }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> ElasticTransform {
        ElasticTransform { p, ..self }
    }
}

impl Op for ElasticTransform {
    op_basics!("elastic");

    fn check(&self) -> Result<()> {
        self.alpha.check("alpha", [0.0, 1e4])?;
        self.sigma.check("sigma", [0.0, 100.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let [alpha, sigma] = [self.alpha, self.sigma].map(|range| range.draw(rng) as f32);
            let (nearest, fill) = (self.filter == ElasticFilter::Nearest, self.fill);
            steps.push(Step::Elastic(Elastic {
                alpha,
                sigma,
                nearest,
                fill,
                seed: rng.bits(),
            }));
        }
    }
}

/// Shrinks an image by cutting the high frequencies off its Fourier transform: the curriculum of
/// EfficientTrain (2023).
///
/// `size` (2 to 4096) is the side that comes out; an odd one is made even, `2 floor(size / 2)`. An
/// image with a side shorter than that is first enlarged to it (bilinear). The reference works on
/// normalized f32 pixels after all other augmentation; here values are 8-bit, rounded, and clipped
/// where the crop overshoots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowFrequencyCrop {
    size: u32,
}

impl LowFrequencyCrop {
    /// To this many pixels a side.
    pub fn new(size: u32) -> LowFrequencyCrop {
        LowFrequencyCrop { size }
    }

    fn side(&self) -> u32 {
        self.size / 2 * 2
    }
}

impl Op for LowFrequencyCrop {
    op_basics!("low_frequency_crop");

    fn check(&self) -> Result<()> {
        if (2..=4096).contains(&self.size) {
            return Ok(());
        }
        Err(Error::config(format!(
            "size = {}: expected 2 to 4096 pixels",
            self.size
        )))
    }

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.side(),
            height: self.side(),
        })
    }

    fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
        let (side, Size { width, height }) = (self.side(), steps.frame());
        if width < side || height < side {
            let (width, height) = (width.max(side), height.max(side));
            steps.push(Step::Resize {
                width,
                height,
                filter: Filter::Bilinear,
            });
        }
        steps.push(Step::LowFrequencies(side));
    }
}
