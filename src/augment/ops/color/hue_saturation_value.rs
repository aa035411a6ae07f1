//! Changes of hue, saturation and value by factors and sums.

use crate::augment::steps::{Color, Hsv};
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, SymmetricRange};

/// Multiplies and shifts hue, saturation and value on Pillow's 8-bit scales.
///
/// Each of the three becomes `multiply * x + add`, truncated. The hue wraps around a circle of 256,
/// the other two are clipped to 0 to 255.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::HueSaturationValue;
/// use feedmill::spec::SymmetricRange;
/// use feedmill::testing::assert_op;
///
/// let op = HueSaturationValue::new().with_add([[-20.0, 20.0].into(), [-30.0, 30.0].into(), SymmetricRange::fixed(0.0)]);
/// assert_op(r#"{ op = "hue_saturation_value", add = [[-20, 20], [-30, 30], { fixed = 0 }] }"#, &op);
/// ```
#[declare(
    name = "hue_saturation_value",
    families = [Color],
    like = [
        "albumentations HueSaturationValue",
        "imgaug MultiplyHueAndSaturation",
        "imgaug AddToHueAndSaturation",
    ],
    strengths = [
        "add = [{ fixed = 20 }, { fixed = 20 }, { fixed = 20 }]",
        "multiply = [1.0, 1.6, 0.8]",
        "add = [{ fixed = 90 }, { fixed = 60 }, { fixed = -40 }]",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct HueSaturationValue {
    /// A factor for each of the three.
    #[param(default = [ParamRange::Fixed(1.0); 3], range = [0.0, 100.0])]
    multiply: [ParamRange; 3],
    /// A number to add to each of the three.
    #[param(default = [SymmetricRange::fixed(0.0); 3], range = [-255.0, 255.0], unit = "levels")]
    add: [SymmetricRange; 3],
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for HueSaturationValue {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let multiply = self.multiply.map(|factor| factor.draw(rng) as f32);
        let add = self.add.map(|value| value.draw(rng) as f32);
        if applies {
            steps.push(Color::Hsv(Hsv { multiply, add }));
        }
    }
}
