//! 3-Augment.

use crate::augment::ops::color::solarize::solarize;
use crate::augment::steps::{Blur, Color};
use crate::augment::{Dialect, Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Applies exactly one of grayscale, solarize (values from 128 on) and Gaussian blur, with equal
/// chances: 3-Augment of DeiT III (Touvron et al., 2022, arXiv 2204.07118).
///
/// The published recipe has a crop and a flip before it and a color jitter of 0.3 after it.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::ThreeAugment;
/// use feedmill::testing::assert_op;
///
/// let op = ThreeAugment::new().with_radius([0.1, 1.0]);
/// assert_op(r#"{ op = "three_augment", radius = [0.1, 1.0] }"#, &op);
/// ```
#[declare(
    name = "three_augment",
    families = [Arithmetic, Blur, Color],
    like = ["DeiT III new_data_aug_generator"],
    strengths = [
        "radius = 0.5", "radius = 1.0", "radius = 2.0"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ThreeAugment {
    /// The radius of the blur, which is Pillow's `GaussianBlur`.
    #[param(default = [0.1, 2.0].into(), range = [0.0, 100.0], unit = "pixels")]
    radius: ParamRange,
}

impl Op for ThreeAugment {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let which = rng.below(3);
        let radius = self.radius.draw(rng) as f32;
        match which {
            0 => steps.push(Color::Gray(Dialect::Pil)),
            1 => steps.push(solarize(128.0)),
            _ => steps.push(Blur::PilGaussian(radius)),
        }
    }
}
