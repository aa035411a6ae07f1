//! A blur with a Gaussian kernel. `pil_gaussian_blur` says why there are two.

use crate::augment::steps::Blur;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Blurs with a Gaussian kernel, as torchvision does on u8 tensors.
///
/// The image is mirrored at its edge, without repeating the edge, as often as the kernel needs it.
/// torchvision refuses kernels that are larger than the image.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::GaussianBlur;
/// use feedmill::testing::assert_op;
///
/// let op = GaussianBlur::new().with_kernel(9).with_sigma([0.5, 1.5]);
/// assert_op(r#"{ op = "gaussian_blur", kernel = 9, sigma = [0.5, 1.5] }"#, &op);
/// ```
#[declare(
    name = "gaussian_blur",
    families = [Blur],
    like = ["torchvision GaussianBlur", "albumentations GaussianBlur"],
    strengths = [
        "kernel = 9, sigma = 0.5", "kernel = 9, sigma = 1.2", "kernel = 23, sigma = 3.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianBlur {
    /// The columns and rows of the kernel, an odd number. If it is left out, it is 10 % of the
    /// image's height, made odd, as in SimCLR: `2 * floor(0.05 * height) + 1`.
    #[param(default, range = [1.0, 1001.0], unit = "pixels")]
    kernel: Option<u32>,
    /// The deviation.
    #[param(default = [0.1, 2.0].into(), range = [0.001, 500.0], unit = "pixels")]
    sigma: ParamRange,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for GaussianBlur {
    fn check(&self) -> Result<()> {
        self.kernel
            .map_or(Ok(()), |kernel| check_odd("kernel", kernel))
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let kernel = self
                .kernel
                .unwrap_or_else(|| (steps.size().height / 20 * 2 + 1).min(1001));
            let sigma = self.sigma.draw(rng) as f32;
            steps.push(Blur::Gaussian { kernel, sigma });
        }
    }
}

/// Checks that the size of a kernel is odd, so that it has a middle.
pub(in crate::augment::ops) fn check_odd(name: &str, size: u32) -> Result<()> {
    if size % 2 == 1 {
        return Ok(());
    }
    Err(Error::config(format!("{name} = {size}: expected an odd number")).about_key(name))
}
