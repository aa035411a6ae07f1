//! Single color ops. `p` is 1 for those with a parameter that may be neutral, and torchvision's
//! default for the others.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Color, Hsv, Levels, Op, Step, Steps};
use crate::error::Result;
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange, check_p, half, is_default, one};

/// Ops with one factor: `factor` (a number or `[low, high]`), `p` (1), `dialect` (`pil`).
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
            /// By a factor, or one of a range.
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
                let go = rng.bernoulli(self.p);
                let factor = self.factor.draw(rng);
                if go {
                    let step: fn(f64, Dialect) -> Step = $step;
                    steps.push(step(factor, self.dialect));
                }
            }
        }
    };
}

factor_op!(
    /// Scales values, 0 is black; torchvision `adjust_brightness`. Both dialects round alike.
    Brightness, "brightness", [0.0, 1e3],
    |factor, _| Step::Levels(Levels::Brightness(factor))
);
factor_op!(
    /// Blends with the mean gray, 0 is flat gray; torchvision `adjust_contrast`.
    Contrast, "contrast", [0.0, 1e3],
    |factor, dialect| Step::Levels(Levels::Contrast(factor, dialect))
);
factor_op!(
    /// Blends with the gray image, 0 is gray; torchvision `adjust_saturation`, Pillow's `Color`.
    Saturation, "saturation", [0.0, 1e3],
    |factor, dialect| Step::Color(Color::Saturation(factor, dialect))
);
factor_op!(
    /// Turns the hue by a share of the color circle, -0.5 to 0.5; torchvision `adjust_hue`.
    Hue, "hue", [-0.5, 0.5],
    |shift, dialect| Step::Color(Color::Hue(shift as f32, dialect))
);

/// Ops without a parameter but `p`.
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
            /// With probability `p`.
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
    /// Three equal channels of gray, with probability `p` (0.1); torchvision `RandomGrayscale`.
    Grayscale, "grayscale", 0.1,
    |dialect| Step::Color(Color::Gray(dialect))
);
plain_op!(
    /// Flattens the histogram of each channel, with probability `p` (0.5); torchvision `RandomEqualize`.
    Equalize, "equalize", 0.5,
    |_| Step::Levels(Levels::Equalize)
);
plain_op!(
    /// Stretches each channel to the whole range, with probability `p` (0.5); torchvision `RandomAutocontrast`.
    AutoContrast, "autocontrast", 0.5,
    |dialect| Step::Levels(Levels::AutoContrast(dialect))
);

/// 255 minus the value, with probability `p` (0.5); torchvision `RandomInvert`. `per_channel`
/// (false) decides for each channel by itself, as imgaug's `Invert` can.
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
    /// With probability `p`.
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
            some => steps.push(Step::Levels(Levels::InvertChannels(some))),
        }
    }
}

/// Inverts values from a threshold on; torchvision `RandomSolarize`.
///
/// `threshold` 0 to 256, a number or `[low, high]`; `p` (0.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solarize {
    threshold: ParamRange,
    #[serde(default = "half")]
    p: f64,
}

impl Solarize {
    /// From a threshold on, with probability `p`.
    pub fn new(threshold: impl Into<ParamRange>, p: f64) -> Solarize {
        Solarize {
            threshold: threshold.into(),
            p,
        }
    }
}

/// The step for a threshold that may lie between two values.
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
        let go = rng.bernoulli(self.p);
        let threshold = self.threshold.draw(rng);
        if go {
            steps.push(solarize(threshold));
        }
    }
}

/// Adds to values below a threshold; timm `SolarizeAdd`.
///
/// `add` -255 to 255, a number or `[low, high]`, truncated; `threshold` (128); `p` (0.5).
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
        let go = rng.bernoulli(self.p);
        let add = self.add.draw(rng) as i16;
        if go {
            steps.push(Step::Levels(Levels::SolarizeAdd {
                add,
                threshold: self.threshold,
            }));
        }
    }
}

/// Keeps the high bits of each value; torchvision `RandomPosterize`.
///
/// `bits` 0 to 8, a whole number or `[low, high]`, both included; `p` (0.5). 0 bits are black, 8
/// change nothing.
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
        let go = rng.bernoulli(self.p);
        let bits = self.bits.draw(rng) as u8;
        if go {
            steps.push(Step::Levels(Levels::Posterize(bits)));
        }
    }
}

/// Bends the scale of values: `255.999 gain (v / 255)^gamma`, truncated; torchvision `adjust_gamma`
/// on PIL.
///
/// `gamma`, a number or `[low, high]`; `gain` (1); `p` (1).
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
        let go = rng.bernoulli(self.p);
        let (gamma, gain) = (self.gamma.draw(rng) as f32, self.gain.draw(rng) as f32);
        if go {
            steps.push(Step::Levels(Levels::Gamma { gamma, gain }));
        }
    }
}

/// Scales and shifts hue, saturation and value on Pillow's 8-bit scales; imgaug
/// `MultiplyHueAndSaturation`, `AddToHueAndSaturation`, albumentations `HueSaturationValue`.
///
/// `multiply` (`[1, 1, 1]`; 0 to 100) and `add` (`[0, 0, 0]`; -255 to 255) have a number or `[low,
/// high]` for each of the three: the product is taken first, the sum truncated. The hue goes around
/// a circle of 256, the others are clipped. `p` (1).
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
        let go = rng.bernoulli(self.p);
        let multiply = self.multiply.map(|factor| factor.draw(rng) as f32);
        let add = self.add.map(|value| value.draw(rng) as f32);
        if go {
            steps.push(Step::Color(Color::Hsv(Hsv { multiply, add })));
        }
    }
}

/// Puts the channels in random order, with probability `p` (0.5); torchvision
/// `RandomChannelPermutation`.
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
        let go = rng.bernoulli(self.p);
        let mut order = [0, 1, 2];
        rng.shuffle(&mut order);
        if go {
            steps.push(Step::Color(Color::Permute(order)));
        }
    }
}

/// The color distortion of SSD (Liu et al., 2016, arXiv 1512.02325); torchvision
/// `RandomPhotometricDistort`.
///
/// Each of brightness, contrast, saturation, hue and a permutation of channels comes with
/// probability `p` (0.5); contrast comes before saturation and hue or after them, with equal
/// chance.
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
            let go = rng.bernoulli(self.p);
            let value = rng.uniform(low, high);
            go.then_some(value)
        };
        let brightness = maybe(self.brightness)
            .map(Levels::Brightness)
            .map(Step::Levels);
        let contrast =
            maybe(self.contrast).map(|factor| Step::Levels(Levels::Contrast(factor, self.dialect)));
        let saturation =
            maybe(self.saturation).map(|by| Step::Color(Color::Saturation(by, self.dialect)));
        let hue = maybe(self.hue).map(|shift| Step::Color(Color::Hue(shift as f32, self.dialect)));
        let before = rng.bernoulli(0.5);
        let permute = rng.bernoulli(self.p);
        let mut order = [0, 1, 2];
        rng.shuffle(&mut order);
        let permutation = permute.then_some(Step::Color(Color::Permute(order)));
        let (early, late) = if before {
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
