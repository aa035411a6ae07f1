//! Elastic deformation.
//!
//! The step carries few numbers: the field of offsets is made from a seed when the step runs.

use serde::{Deserialize, Serialize};

use crate::augment::steps::Elastic;
use crate::augment::{Op, Steps};
use crate::rng::RandomStream;
use crate::spec::ParamRange;
use crate::{declare, word_param};

/// How [`ElasticTransform`] reads between pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ElasticFilter {
    /// The nearest pixel.
    Nearest,
    /// Two by two pixels.
    Bilinear,
}

word_param!(ElasticFilter);

/// Moves pixels by a smooth random field, as torchvision does on u8 tensors.
///
/// For smoothing, the field is mirrored at its edge as often as a kernel that is larger than the
/// image needs it.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ElasticTransform;
/// use feedmill::testing::assert_op;
///
/// let op = ElasticTransform::new().with_alpha([20.0, 60.0]);
/// assert_op(r#"{ op = "elastic", alpha = [20, 60] }"#, &op);
/// ```
#[declare(
    name = "elastic",
    families = [Geometric],
    like = ["torchvision ElasticTransform", "albumentations ElasticTransform"],
    strengths = [
        "alpha = 20.0, sigma = 4.0",
        "alpha = 60.0, sigma = 4.0",
        "alpha = 150.0, sigma = 4.0",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ElasticTransform {
    /// The strength. Before smoothing, a pixel moves by at most half of it.
    #[param(default = ParamRange::Fixed(50.0), range = [0.0, 10000.0], unit = "pixels")]
    alpha: ParamRange,
    /// The deviation of the Gaussian that smooths the field. Its kernel is `8 * sigma + 1` pixels
    /// wide, made odd.
    #[param(default = ParamRange::Fixed(5.0), range = [0.0, 100.0], unit = "pixels")]
    sigma: ParamRange,
    /// How it reads between pixels.
    #[param(default = ElasticFilter::Bilinear)]
    filter: ElasticFilter,
    /// The color outside of the image.
    #[param(default = [0; 3])]
    fill: [u8; 3],
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for ElasticTransform {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let [alpha, sigma] = [self.alpha, self.sigma].map(|range| range.draw(rng) as f32);
            steps.push(Elastic {
                alpha,
                sigma,
                nearest: self.filter == ElasticFilter::Nearest,
                fill: self.fill,
                seed: rng.bits(),
            });
        }
    }
}
