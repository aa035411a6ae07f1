//! Blurs, and sharpening.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Blur, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange, check_p, is_default, one};

/// The largest radius in pixels; more is a flat image.
const WIDEST: f64 = 500.0;

/// Refuses even sizes, which have no middle.
fn check_odd(name: &str, size: u32, most: u32) -> Result<()> {
    if size % 2 == 1 && size <= most {
        return Ok(());
    }
    Err(Error::config(format!(
        "{name} = {size}: expected an odd number from 1 to {most}"
    )))
}

/// Sharpens or smooths; torchvision `adjust_sharpness`, Pillow `ImageEnhance.Sharpness`.
///
/// `factor` (0 to 1000, a number or a range) is 1 for the image as it is, 0 for one smoothed over 3
/// x 3 pixels; above 1 sharpens. The outermost pixels keep their values, and so do images of less
/// than three rows or columns. `p` (1) is the probability of doing anything; `dialect` is `pil` or
/// `tv2`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sharpness {
    factor: ParamRange,
    #[serde(default = "one")]
    p: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    dialect: Dialect,
}

impl Sharpness {
    /// By this factor, or by one from this range.
    pub fn new(factor: impl Into<ParamRange>) -> Sharpness {
        Sharpness {
            factor: factor.into(),
            p: 1.0,
            dialect: Dialect::default(),
        }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> Sharpness {
        Sharpness { p, ..self }
    }

    /// With another library's rounding.
    #[must_use]
    pub fn dialect(self, dialect: Dialect) -> Sharpness {
        Sharpness { dialect, ..self }
    }
}

impl Op for Sharpness {
    op_basics!("sharpness");

    fn check(&self) -> Result<()> {
        self.factor.check("factor", [0.0, 1e3])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let factor = self.factor.draw(rng);
            steps.push(Step::Blur(Blur::Sharpness(factor, self.dialect)));
        }
    }
}

/// Blurs as Pillow's `ImageFilter.GaussianBlur` does, with three extended box filters; the blur of
/// DINO, SwAV and MoCo v2.
///
/// `radius` (0 to 500 pixels, a number or a range; 0.1 to 2 by default) is the deviation. `p` (1)
/// is the probability of doing anything. The pixel at the edge stands for all beyond it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PilGaussianBlur {
    #[serde(default = "simclr")]
    radius: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

/// SimCLR's range of deviations.
fn simclr() -> ParamRange {
    ParamRange::Between([0.1, 2.0])
}

impl PilGaussianBlur {
    /// With this radius, or one from this range.
    pub fn new(radius: impl Into<ParamRange>) -> PilGaussianBlur {
        PilGaussianBlur {
            radius: radius.into(),
            p: 1.0,
        }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> PilGaussianBlur {
        PilGaussianBlur { p, ..self }
    }
}

impl Op for PilGaussianBlur {
    op_basics!("pil_gaussian_blur");

    fn check(&self) -> Result<()> {
        self.radius.check("radius", [0.0, WIDEST])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Step::Blur(Blur::PilGaussian(self.radius.draw(rng) as f32)));
        }
    }
}

/// Blurs with a Gaussian kernel; torchvision `GaussianBlur` of u8 tensors.
///
/// `kernel` is the odd number of its columns and rows, up to 1001; left out, it is 10 % of the
/// image's height, made odd, as in SimCLR: `2 floor(0.05 height) + 1`. `sigma` (0.001 to 500
/// pixels, a number or a range; 0.1 to 2 by default) is the deviation. `p` (1) is the probability
/// of doing anything. The image is mirrored at its edge, the edge not repeated, as often as a
/// kernel larger than the image needs it (torchvision refuses those).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianBlur {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kernel: Option<u32>,
    #[serde(default = "simclr")]
    sigma: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

impl GaussianBlur {
    /// With this deviation, or one from this range, and a kernel of 10 % of the image's height.
    pub fn new(sigma: impl Into<ParamRange>) -> GaussianBlur {
        GaussianBlur {
            kernel: None,
            sigma: sigma.into(),
            p: 1.0,
        }
    }

    /// With this many columns and rows of the kernel, odd.
    #[must_use]
    pub fn kernel(self, kernel: u32) -> GaussianBlur {
        GaussianBlur {
            kernel: Some(kernel),
            ..self
        }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> GaussianBlur {
        GaussianBlur { p, ..self }
    }
}

impl Op for GaussianBlur {
    op_basics!("gaussian_blur");

    fn check(&self) -> Result<()> {
        self.kernel
            .map_or(Ok(()), |kernel| check_odd("kernel", kernel, 1001))?;
        self.sigma.check("sigma", [1e-3, WIDEST])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let kernel = self
                .kernel
                .unwrap_or_else(|| (steps.frame().height / 20 * 2 + 1).min(1001));
            let sigma = self.sigma.draw(rng) as f32;
            steps.push(Step::Blur(Blur::Gaussian { kernel, sigma }));
        }
    }
}

/// Means over a square of `2 radius + 1` pixels a side, a broken radius by shares of the pixels
/// beyond; Pillow `ImageFilter.BoxBlur`.
///
/// `radius` is 0 to 500 pixels, a number or a range. `p` (1) is the probability of doing anything.
/// The pixel at the edge stands for all beyond it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxBlur {
    radius: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

impl BoxBlur {
    /// With this radius, or one from this range.
    pub fn new(radius: impl Into<ParamRange>) -> BoxBlur {
        BoxBlur {
            radius: radius.into(),
            p: 1.0,
        }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> BoxBlur {
        BoxBlur { p, ..self }
    }
}

impl Op for BoxBlur {
    op_basics!("box_blur");

    fn check(&self) -> Result<()> {
        self.radius.check("radius", [0.0, WIDEST])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Step::Blur(Blur::Box(self.radius.draw(rng) as f32)));
        }
    }
}

/// The median of each channel over a square; Pillow `ImageFilter.MedianFilter`.
///
/// `size` (3) is the odd number of pixels a side, up to 99. `p` (1) is the probability of doing
/// anything. The pixel at the edge stands for all beyond it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MedianBlur {
    #[serde(default = "three")]
    size: u32,
    #[serde(default = "one")]
    p: f64,
}

fn three() -> u32 {
    3
}

impl MedianBlur {
    /// Over a square of this many pixels a side.
    pub fn new(size: u32) -> MedianBlur {
        MedianBlur { size, p: 1.0 }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> MedianBlur {
        MedianBlur { p, ..self }
    }
}

impl Op for MedianBlur {
    op_basics!("median_blur");

    fn check(&self) -> Result<()> {
        check_odd("size", self.size, 99)?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Step::Blur(Blur::Median(self.size)));
        }
    }
}

/// Blurs and keeps edges: neighbors count by their distance and by how alike they are; OpenCV
/// `bilateralFilter`.
///
/// `diameter` (9; 2 to 99 pixels, whole) is that of the disk of neighbors; `color` (75; 0.001 to
/// 1000 levels) the deviation of differences of color, summed over the channels; `space` (75; 0.001
/// to 1000 pixels) that of distances. All are numbers or ranges. `p` (1) is the probability of
/// doing anything. The image is mirrored at its edge, the edge not repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BilateralBlur {
    diameter: IntegerRange,
    color: ParamRange,
    space: ParamRange,
    p: f64,
}

impl Default for BilateralBlur {
    fn default() -> BilateralBlur {
        BilateralBlur::new(9.0, 75.0, 75.0)
    }
}

impl BilateralBlur {
    /// With this diameter and these deviations, or ones from these ranges.
    pub fn new(
        diameter: impl Into<IntegerRange>,
        color: impl Into<ParamRange>,
        space: impl Into<ParamRange>,
    ) -> BilateralBlur {
        BilateralBlur {
            diameter: diameter.into(),
            color: color.into(),
            space: space.into(),
            p: 1.0,
        }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> BilateralBlur {
        BilateralBlur { p, ..self }
    }
}

impl Op for BilateralBlur {
    op_basics!("bilateral_blur");

    fn check(&self) -> Result<()> {
        self.diameter.check("diameter", [2.0, 99.0])?;
        self.color.check("color", [1e-3, 1e3])?;
        self.space.check("space", [1e-3, 1e3])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let diameter = self.diameter.draw(rng) as u32;
            let [color, space] = [self.color, self.space].map(|range| range.draw(rng) as f32);
            steps.push(Step::Blur(Blur::Bilateral {
                diameter,
                color,
                space,
            }));
        }
    }
}

/// Smears along a line with half a Gaussian; the motion blur of the imagecorruptions package.
///
/// The line is `2 radius + 1` pixels long (`radius` 0 to 100), or as long as the image allows;
/// `sigma` (0.001 to 500 pixels) is the deviation along it and `angle` (-180 to 180 degrees, the
/// default draws any) its direction: 0 mixes in what is to the right, 90 what is below. All three
/// are numbers or ranges. `p` (1) is the probability of doing anything. The pixel at the edge
/// stands for all beyond it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionBlur {
    radius: IntegerRange,
    sigma: ParamRange,
    #[serde(default = "any_angle")]
    angle: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

fn any_angle() -> ParamRange {
    ParamRange::Between([-180.0, 180.0])
}

impl MotionBlur {
    /// With this radius and deviation, or ones from these ranges, in any direction.
    pub fn new(radius: impl Into<IntegerRange>, sigma: impl Into<ParamRange>) -> MotionBlur {
        MotionBlur {
            radius: radius.into(),
            sigma: sigma.into(),
            angle: any_angle(),
            p: 1.0,
        }
    }

    /// In this direction in degrees, or in one from this range.
    #[must_use]
    pub fn angle(self, angle: impl Into<ParamRange>) -> MotionBlur {
        MotionBlur {
            angle: angle.into(),
            ..self
        }
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> MotionBlur {
        MotionBlur { p, ..self }
    }
}

impl Op for MotionBlur {
    op_basics!("motion_blur");

    fn check(&self) -> Result<()> {
        self.radius.check("radius", [0.0, 100.0])?;
        self.sigma.check("sigma", [1e-3, WIDEST])?;
        self.angle.check("angle", [-180.0, 180.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let radius = self.radius.draw(rng) as u32;
            let [sigma, angle] = [self.sigma, self.angle].map(|range| range.draw(rng) as f32);
            steps.push(Step::Blur(Blur::Motion {
                radius,
                sigma,
                angle,
            }));
        }
    }
}
