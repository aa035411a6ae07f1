//! Single color ops, by the rules of torchvision, Pillow and timm.
//!
//! Ops that a neutral parameter can switch off (a factor of 1) have `p` = 1 by default; the others
//! have torchvision's probability. Rounding is chosen by `dialect`: `"pil"` (the default) has
//! Pillow's bytes, `"tv2"` those of torchvision v2 on u8 tensors. The two differ in the last bit,
//! and published models were trained with one or the other.
//!
//! An op whose result depends on one value alone, or on a histogram, adds [`Step::Levels`];
//! consecutive steps of that kind become one table. An op that mixes the three channels adds
//! [`Step::Color`].

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Color, Hsv, Levels, Op, Step, Steps};
use crate::error::Result;
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange, check_p, half, is_default, one};

/// Defines an op with the parameters `factor`, `p` (1) and `dialect` (`"pil"`).
macro_rules! factor_op {
    ($(#[$doc:meta])* $type:ident, $name:literal, $range:expr, $step:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            factor: ParamRange,
            #[serde(default = "one")]
            p: f64,
            #[serde(default, skip_serializing_if = "is_default")]
            dialect: Dialect,
        }

        impl $type {
            /// With this factor, or with one from this range.
            pub fn new(factor: impl Into<ParamRange>) -> $type {
                $type { factor: factor.into(), p: 1.0, dialect: Dialect::default() }
            }
        }

        impl Op for $type {
            op_basics!($name);

            fn check(&self) -> Result<()> {
                self.factor.check("factor", $range)?;
                check_p(self.p)
            }

            fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
                let applies = rng.bernoulli(self.p);
                let factor = self.factor.draw(rng);
                if applies {
                    let step: fn(f64, Dialect) -> Step = $step;
                    steps.push(step(factor, self.dialect));
                }
            }
        }
    };
}

factor_op!(
    /// Multiplies each value by a factor: 0 is black, 1 changes nothing; torchvision
    /// `adjust_brightness`.
    ///
    /// # Parameters
    ///
    /// * `factor` (required, a number or `[low, high]`; 0 to 1000).
    /// * `p` (1): the probability that the op is applied.
    /// * `dialect`: without effect, as both round alike here.
    Brightness, "brightness", [0.0, 1e3],
    |factor, _| Step::Levels(Levels::Brightness(factor))
);
factor_op!(
    /// Blends the image with its mean gray: 0 is flat gray, 1 changes nothing; torchvision
    /// `adjust_contrast`.
    ///
    /// # Parameters
    ///
    /// * `factor` (required, a number or `[low, high]`; 0 to 1000): the share of the image.
    /// * `p` (1): the probability that the op is applied.
    /// * `dialect` (`"pil"`; `"tv2"`): the library whose rounding it follows.
    Contrast, "contrast", [0.0, 1e3],
    |factor, dialect| Step::Levels(Levels::Contrast(factor, dialect))
);
factor_op!(
    /// Blends the image with its gray version: 0 is gray, 1 changes nothing; torchvision
    /// `adjust_saturation`, Pillow `ImageEnhance.Color`.
    ///
    /// # Parameters
    ///
    /// * `factor` (required, a number or `[low, high]`; 0 to 1000): the share of the image.
    /// * `p` (1): the probability that the op is applied.
    /// * `dialect` (`"pil"`; `"tv2"`): the library whose rounding it follows.
    Saturation, "saturation", [0.0, 1e3],
    |factor, dialect| Step::Color(Color::Saturation(factor, dialect))
);
factor_op!(
    /// Turns the hue of each pixel around the color circle; torchvision `adjust_hue`.
    ///
    /// # Parameters
    ///
    /// * `factor` (required, a number or `[low, high]`; -0.5 to 0.5): a share of the circle.
    /// * `p` (1): the probability that the op is applied.
    /// * `dialect` (`"pil"`; `"tv2"`): the library whose rounding it follows.
    Hue, "hue", [-0.5, 0.5],
    |shift, dialect| Step::Color(Color::Hue(shift as f32, dialect))
);

/// Defines an op with the parameters `p` and `dialect` (`"pil"`) only.
macro_rules! plain_op {
    ($(#[$doc:meta])* $type:ident, $name:literal, $p:literal, $step:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $type {
            p: f64,
            #[serde(skip_serializing_if = "is_default")]
            dialect: Dialect,
        }

        impl Default for $type {
            fn default() -> $type {
                $type { p: $p, dialect: Dialect::default() }
            }
        }

        impl $type {
            /// The op, applied with probability `p`.
            pub fn new(p: f64) -> $type {
                $type { p, ..$type::default() }
            }
        }

        impl Op for $type {
            op_basics!($name);

            fn check(&self) -> Result<()> {
                check_p(self.p)
            }

            fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
                if rng.bernoulli(self.p) {
                    let step: fn(Dialect) -> Step = $step;
                    steps.push(step(self.dialect));
                }
            }
        }
    };
}

plain_op!(
    /// Makes the image gray, with three equal channels; torchvision `RandomGrayscale`.
    ///
    /// # Parameters
    ///
    /// * `p` (0.1): the probability that the op is applied.
    /// * `dialect` (`"pil"`; `"tv2"`): the library whose rounding it follows.
    Grayscale, "grayscale", 0.1,
    |dialect| Step::Color(Color::Gray(dialect))
);
plain_op!(
    /// Flattens the histogram of each channel; torchvision `RandomEqualize`, Pillow
    /// `ImageOps.equalize`.
    ///
    /// # Parameters
    ///
    /// * `p` (0.5): the probability that the op is applied.
    /// * `dialect`: without effect, as both have the same bytes here.
    Equalize, "equalize", 0.5,
    |_| Step::Levels(Levels::Equalize)
);
plain_op!(
    /// Stretches each channel so that it reaches from 0 to 255; torchvision `RandomAutocontrast`,
    /// Pillow `ImageOps.autocontrast`.
    ///
    /// # Parameters
    ///
    /// * `p` (0.5): the probability that the op is applied.
    /// * `dialect` (`"pil"`; `"tv2"`): the library whose rounding it follows.
    AutoContrast, "autocontrast", 0.5,
    |dialect| Step::Levels(Levels::AutoContrast(dialect))
);

/// Replaces each value by 255 minus the value; torchvision `RandomInvert`, imgaug `Invert`.
///
/// # Parameters
///
/// * `p` (0.5): the probability that the op is applied.
/// * `per_channel` (false): whether each channel is decided by itself, as imgaug can do it.
/// * `dialect`: without effect, as both have the same bytes here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Invert {
    p: f64,
    #[serde(skip_serializing_if = "is_default")]
    dialect: Dialect,
    #[serde(skip_serializing_if = "is_default")]
    per_channel: bool,
}

impl Default for Invert {
    fn default() -> Invert {
        Invert {
            p: 0.5,
            dialect: Dialect::default(),
            per_channel: false,
        }
    }
}

impl Invert {
    /// The op on all channels, applied with probability `p`.
    pub fn new(p: f64) -> Invert {
        Invert {
            p,
            ..Invert::default()
        }
    }
}

impl Op for Invert {
    op_basics!("invert");

    fn check(&self) -> Result<()> {
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let which = if self.per_channel {
            [0; 3].map(|_| rng.bernoulli(self.p))
        } else {
            [rng.bernoulli(self.p); 3]
        };
        match which {
            [false, false, false] => {}
            [true, true, true] => steps.push(Step::Levels(Levels::Invert)),
            channels => steps.push(Step::Levels(Levels::InvertChannels(channels))),
        }
    }
}

/// Inverts the values that are at or above a threshold; torchvision `RandomSolarize`.
///
/// # Parameters
///
/// * `threshold` (required, a number or `[low, high]`; 0 to 256): 0 inverts everything, 256
///   nothing.
/// * `p` (0.5): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solarize {
    threshold: ParamRange,
    #[serde(default = "half")]
    p: f64,
}

impl Solarize {
    /// With this threshold, or with one from this range, applied with probability `p`.
    pub fn new(threshold: impl Into<ParamRange>, p: f64) -> Solarize {
        Solarize {
            threshold: threshold.into(),
            p,
        }
    }
}

/// The step that inverts integers `v >= threshold`, for a threshold between two integers as well.
pub(super) fn solarize(threshold: f64) -> Step {
    Step::Levels(Levels::Solarize(threshold.ceil() as u16))
}

impl Op for Solarize {
    op_basics!("solarize");

    fn check(&self) -> Result<()> {
        self.threshold.check("threshold", [0.0, 256.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let threshold = self.threshold.draw(rng);
        if applies {
            steps.push(solarize(threshold));
        }
    }
}

/// Adds a number to the values below a threshold and clips; timm `SolarizeAdd`.
///
/// # Parameters
///
/// * `add` (required, a number or `[low, high]`; -255 to 255): the number in levels, truncated.
/// * `threshold` (128; 0 to 256): the first value that stays as it is.
/// * `p` (0.5): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolarizeAdd {
    add: ParamRange,
    #[serde(default = "middle")]
    threshold: u16,
    #[serde(default = "half")]
    p: f64,
}

fn middle() -> u16 {
    128
}

impl Op for SolarizeAdd {
    op_basics!("solarize_add");

    fn check(&self) -> Result<()> {
        self.add.check("add", [-255.0, 255.0])?;
        ParamRange::Fixed(self.threshold.into()).check("threshold", [0.0, 256.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let add = self.add.draw(rng) as i16;
        if applies {
            steps.push(Step::Levels(Levels::SolarizeAdd {
                add,
                threshold: self.threshold,
            }));
        }
    }
}

/// Keeps the high bits of each value and clears the others; torchvision `RandomPosterize`.
///
/// # Parameters
///
/// * `bits` (required, an integer or `[low, high]`, both included; 0 to 8): how many are kept; 0 is
///   black, 8 changes nothing.
/// * `p` (0.5): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posterize {
    bits: IntegerRange,
    #[serde(default = "half")]
    p: f64,
}

impl Op for Posterize {
    op_basics!("posterize");

    fn check(&self) -> Result<()> {
        self.bits.check("bits", [0.0, 8.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let bits = self.bits.draw(rng) as u8;
        if applies {
            steps.push(Step::Levels(Levels::Posterize(bits)));
        }
    }
}

/// Replaces each value `v` by `255.999 * gain * (v / 255)^gamma`, truncated; torchvision
/// `adjust_gamma` on PIL images.
///
/// # Parameters
///
/// * `gamma` (required, a number or `[low, high]`; 0 to 100): above 1 darkens the middle of the
///   scale, below 1 brightens it.
/// * `gain` (1, a number or `[low, high]`; 0 to 1000): a factor.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gamma {
    gamma: ParamRange,
    #[serde(default = "unit")]
    gain: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

fn unit() -> ParamRange {
    ParamRange::Fixed(1.0)
}

impl Op for Gamma {
    op_basics!("gamma");

    fn check(&self) -> Result<()> {
        self.gamma.check("gamma", [0.0, 100.0])?;
        self.gain.check("gain", [0.0, 1e3])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let (gamma, gain) = (self.gamma.draw(rng) as f32, self.gain.draw(rng) as f32);
        if applies {
            steps.push(Step::Levels(Levels::Gamma { gamma, gain }));
        }
    }
}

/// Multiplies and shifts hue, saturation and value on Pillow's 8-bit scales; imgaug
/// `MultiplyHueAndSaturation` and `AddToHueAndSaturation`, albumentations `HueSaturationValue`.
///
/// Each of the three becomes `multiply * x + add`, truncated. The hue wraps around a circle of 256,
/// the other two are clipped to 0 to 255.
///
/// # Parameters
///
/// * `multiply` (`[1, 1, 1]`; 0 to 100): three factors, each a number or `[low, high]`.
/// * `add` (`[0, 0, 0]`; -255 to 255): three numbers to add, each a number or `[low, high]`.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HueSaturationValue {
    #[serde(default = "units")]
    multiply: [ParamRange; 3],
    #[serde(default = "zeros")]
    add: [ParamRange; 3],
    #[serde(default = "one")]
    p: f64,
}

fn units() -> [ParamRange; 3] {
    [ParamRange::Fixed(1.0); 3]
}

fn zeros() -> [ParamRange; 3] {
    [ParamRange::Fixed(0.0); 3]
}

impl Op for HueSaturationValue {
    op_basics!("hue_saturation_value");

    fn check(&self) -> Result<()> {
        self.multiply
            .iter()
            .try_for_each(|factor| factor.check("multiply", [0.0, 100.0]))?;
        self.add
            .iter()
            .try_for_each(|value| value.check("add", [-255.0, 255.0]))?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let multiply = self.multiply.map(|factor| factor.draw(rng) as f32);
        let add = self.add.map(|value| value.draw(rng) as f32);
        if applies {
            steps.push(Step::Color(Color::Hsv(Hsv { multiply, add })));
        }
    }
}

/// Puts the three channels in random order; torchvision `RandomChannelPermutation`.
///
/// # Parameters
///
/// * `p` (0.5): the probability that the op is applied. The order may be the one that was there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermuteChannels {
    #[serde(default = "half")]
    p: f64,
}

impl Op for PermuteChannels {
    op_basics!("permute_channels");

    fn check(&self) -> Result<()> {
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let mut order = [0, 1, 2];
        rng.shuffle(&mut order);
        if applies {
            steps.push(Step::Color(Color::Permute(order)));
        }
    }
}

/// Changes brightness, contrast, saturation, hue and the order of channels, each with its own
/// chance: the color distortion of SSD (Liu et al., 2016, arXiv 1512.02325); torchvision
/// `RandomPhotometricDistort`.
///
/// Brightness comes first and the order of channels last. Contrast comes before saturation and hue
/// or after them, with equal chances.
///
/// # Parameters
///
/// * `brightness` (`[0.875, 1.125]`; 0 to 1000): the range of the factor.
/// * `contrast`, `saturation` (`[0.5, 1.5]`; 0 to 1000): the ranges of these factors.
/// * `hue` (`[-0.05, 0.05]`; -0.5 to 0.5): the range of the shift, a share of the color circle.
/// * `p` (0.5): the probability of each of the five.
/// * `dialect` (`"pil"`; `"tv2"`): the library whose rounding it follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhotometricDistort {
    brightness: [f64; 2],
    contrast: [f64; 2],
    saturation: [f64; 2],
    hue: [f64; 2],
    p: f64,
    #[serde(skip_serializing_if = "is_default")]
    dialect: Dialect,
}

impl Default for PhotometricDistort {
    fn default() -> PhotometricDistort {
        PhotometricDistort {
            brightness: [0.875, 1.125],
            contrast: [0.5, 1.5],
            saturation: [0.5, 1.5],
            hue: [-0.05, 0.05],
            p: 0.5,
            dialect: Dialect::default(),
        }
    }
}

impl Op for PhotometricDistort {
    op_basics!("photometric_distort");

    fn check(&self) -> Result<()> {
        for (name, range) in [
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
        ] {
            ParamRange::Between(range).check(name, [0.0, 1e3])?;
        }
        ParamRange::Between(self.hue).check("hue", [-0.5, 0.5])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let mut maybe = |[low, high]: [f64; 2]| {
            let applies = rng.bernoulli(self.p);
            let value = rng.uniform(low, high);
            applies.then_some(value)
        };
        let brightness = maybe(self.brightness)
            .map(Levels::Brightness)
            .map(Step::Levels);
        let contrast =
            maybe(self.contrast).map(|factor| Step::Levels(Levels::Contrast(factor, self.dialect)));
        let saturation =
            maybe(self.saturation).map(|by| Step::Color(Color::Saturation(by, self.dialect)));
        let hue = maybe(self.hue).map(|shift| Step::Color(Color::Hue(shift as f32, self.dialect)));
        let contrast_first = rng.bernoulli(0.5);
        let permute = rng.bernoulli(self.p);
        let mut order = [0, 1, 2];
        rng.shuffle(&mut order);
        let permutation = permute.then_some(Step::Color(Color::Permute(order)));
        let (early, late) = if contrast_first {
            (contrast, None)
        } else {
            (None, contrast)
        };
        for step in [brightness, early, saturation, hue, late, permutation]
            .into_iter()
            .flatten()
        {
            steps.push(step);
        }
    }
}
