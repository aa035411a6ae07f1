//! Ops that blur or sharpen.
//!
//! There are two Gaussian blurs because published recipes use either: Pillow's, which approximates
//! a Gaussian by box filters (`pil_gaussian_blur`), and torchvision's, which has a true Gaussian
//! kernel (`gaussian_blur`). They also differ in the pixels that they assume beyond the edge of the
//! image, so one cannot stand for the other.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Blur, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange, check_p, is_default, one};

/// The largest radius in pixels. More would leave a flat image.
const WIDEST: f64 = 500.0;

/// Checks that the size of a kernel is odd, so that it has a middle, and at most `most`.
fn check_odd(name: &str, size: u32, most: u32) -> Result<()> {
    if size % 2 == 1 && size <= most {
        return Ok(());
    }
    Err(Error::config(format!(
        "{name} = {size}: expected an odd number from 1 to {most}"
    )))
}

/// Sharpens or smooths, by a blend of the image with one that is smoothed over 3 x 3 pixels;
/// torchvision `adjust_sharpness`, Pillow `ImageEnhance.Sharpness`.
///
/// The outermost pixels keep their values, and so do images of less than three rows or columns.
///
/// # Parameters
///
/// * `factor` (required, a number or a range; 0 to 1000): 0 is the smoothed image, 1 changes
///   nothing, more sharpens.
/// * `p` (1): the probability that the op is applied.
/// * `dialect` (`"pil"`; `"tv2"`): the library whose rounding it follows.
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
    /// With this factor, or with one from this range.
    pub fn new(factor: impl Into<ParamRange>) -> Sharpness {
        Sharpness {
            factor: factor.into(),
            p: 1.0,
            dialect: Dialect::default(),
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> Sharpness {
        Sharpness { p, ..self }
    }

    /// Sets the library whose rounding the op follows.
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

/// Blurs as Pillow's `ImageFilter.GaussianBlur` does, with three extended box filters that
/// approximate a Gaussian; the blur of DINO, SwAV and MoCo v2.
///
/// The pixel at the edge stands for all beyond it.
///
/// # Parameters
///
/// * `radius` (`[0.1, 2]`, a number or a range; 0 to 500 pixels): the deviation.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PilGaussianBlur {
    #[serde(default = "simclr")]
    radius: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

/// The range of deviations that SimCLR draws from.
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

    /// Sets the probability that the op is applied.
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

/// Blurs with a Gaussian kernel; torchvision `GaussianBlur` on u8 tensors.
///
/// The image is mirrored at its edge, without repeating the edge, as often as the kernel needs it.
/// torchvision refuses kernels that are larger than the image.
///
/// # Parameters
///
/// * `kernel` (odd, 1 to 1001): the columns and rows of the kernel. If it is left out, it is 10 %
///   of the image's height, made odd, as in SimCLR: `2 * floor(0.05 * height) + 1`.
/// * `sigma` (`[0.1, 2]`, a number or a range; 0.001 to 500 pixels): the deviation.
/// * `p` (1): the probability that the op is applied.
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

    /// Sets the number of columns and rows of the kernel, which is odd.
    #[must_use]
    pub fn kernel(self, kernel: u32) -> GaussianBlur {
        GaussianBlur {
            kernel: Some(kernel),
            ..self
        }
    }

    /// Sets the probability that the op is applied.
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

/// Replaces each value by the mean over a square of `2 * radius + 1` pixels a side; Pillow
/// `ImageFilter.BoxBlur`.
///
/// With a fractional radius, the pixels at the border of the square have a smaller weight. The
/// pixel at the edge of the image stands for all beyond it.
///
/// # Parameters
///
/// * `radius` (required, a number or a range; 0 to 500 pixels).
/// * `p` (1): the probability that the op is applied.
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

    /// Sets the probability that the op is applied.
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

/// Replaces each value by the median of its channel over a square; Pillow
/// `ImageFilter.MedianFilter`.
///
/// The pixel at the edge of the image stands for all beyond it.
///
/// # Parameters
///
/// * `size` (3; odd, 1 to 99): the side of the square in pixels.
/// * `p` (1): the probability that the op is applied.
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
    /// The median over a square of `size` x `size` pixels.
    pub fn new(size: u32) -> MedianBlur {
        MedianBlur { size, p: 1.0 }
    }

    /// Sets the probability that the op is applied.
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

/// Blurs but keeps edges: neighbors are weighted by their distance and by how similar their color
/// is; OpenCV `bilateralFilter`.
///
/// The image is mirrored at its edge, without repeating the edge.
///
/// # Parameters
///
/// * `diameter` (9, an integer or a range; 2 to 99 pixels): the diameter of the disk of neighbors.
/// * `color` (75, a number or a range; 0.001 to 1000 levels): the deviation of the Gaussian of
///   color differences, which are summed over the channels.
/// * `space` (75, a number or a range; 0.001 to 1000 pixels): the deviation of the Gaussian of
///   distances.
/// * `p` (1): the probability that the op is applied.
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

    /// Sets the probability that the op is applied.
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

/// Smears along a line, with the weights of half a Gaussian; the motion blur of the
/// imagecorruptions package.
///
/// The line begins at the pixel and ends early where it would leave the image. The pixel at the
/// edge stands for all beyond it.
///
/// # Parameters
///
/// * `radius` (required, an integer or a range; 0 to 100): the line is `2 * radius + 1` pixels
///   long.
/// * `sigma` (required, a number or a range; 0.001 to 500 pixels): the deviation along the line.
/// * `angle` (`[-180, 180]`, a number or a range, in degrees): the direction; 0 mixes in pixels to
///   the right, 90 those below.
/// * `p` (1): the probability that the op is applied.
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

    /// Sets the direction in degrees, or the range that it is drawn from.
    #[must_use]
    pub fn angle(self, angle: impl Into<ParamRange>) -> MotionBlur {
        MotionBlur {
            angle: angle.into(),
            ..self
        }
    }

    /// Sets the probability that the op is applied.
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
