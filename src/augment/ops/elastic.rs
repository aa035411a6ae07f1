//! Elastic deformation, and the crop of low frequencies.
//!
//! Both steps carry few numbers: a field of offsets is made from a seed when the step runs, and the
//! crop of the Fourier transform is a linear map that follows from the sizes.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Elastic, Filter, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p, is_default, one};

/// How an elastic deformation reads between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ElasticFilter {
    Nearest,
    #[default]
    Bilinear,
}

/// Moves pixels by a smooth random field; torchvision v2 `ElasticTransform` on u8 tensors.
///
/// For smoothing, the field is mirrored at its edge as often as a kernel that is larger than the
/// image needs it.
///
/// # Parameters
///
/// * `alpha` (50, a number or a range; 0 to 10000): the strength. Before smoothing, a pixel moves
///   by at most half of it, in pixels.
/// * `sigma` (5, a number or a range; 0 to 100 pixels): the deviation of the Gaussian that smooths
///   the field. Its kernel is `8 * sigma + 1` pixels wide, made odd.
/// * `filter` (`"bilinear"`; `"nearest"`): how it reads between pixels.
/// * `fill` (black): the color outside of the image.
/// * `p` (1): the probability that the op is applied.
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
    /// With this strength and this deviation of the smoothing, or with ones from these ranges.
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

    /// Sets the color outside of the image.
    #[must_use]
    pub fn fill(self, fill: [u8; 3]) -> ElasticTransform {
        ElasticTransform { fill, ..self }
    }

    /// Sets the probability that the op is applied.
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

/// Shrinks the image to a square by cutting the high frequencies off its Fourier transform: the
/// curriculum of EfficientTrain (2023).
///
/// The reference works on normalized f32 pixels after all other augmentation; here values are
/// 8-bit, rounded, and clipped where the crop overshoots.
///
/// # Parameters
///
/// * `size` (required; 2 to 4096 pixels): the side of the result; an odd one is reduced by 1. An
///   image with a shorter side is first enlarged to it (bilinear).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowFrequencyCrop {
    size: u32,
}

impl LowFrequencyCrop {
    /// A result of `size` x `size` pixels.
    pub fn new(size: u32) -> LowFrequencyCrop {
        LowFrequencyCrop { size }
    }

    /// The side of the result: `size`, made even.
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
