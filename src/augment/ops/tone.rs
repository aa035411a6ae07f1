//! Ops that change the levels of values: the arithmetic and contrast families of Crafting-Shifts,
//! by the formulas of imgaug, scikit-image and OpenCV. Tests compare with scikit-image, with OpenCV
//! and with imgaug's formulas written in numpy.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Clahe, Levels, Op, Step, Steps};
use crate::error::Result;
use crate::rng::RandomStream;
use crate::spec::{IntegerRange, ParamRange, check_p, half, one};

/// Draws a number for each channel, or one for all of them. Takes three draws in any case.
fn channels(range: ParamRange, per_channel: bool, rng: &mut RandomStream) -> [f64; 3] {
    let each = [range.draw(rng), range.draw(rng), range.draw(rng)];
    if per_channel { each } else { [each[0]; 3] }
}

/// Adds one number to all values and clips; imgaug `Add`.
///
/// # Parameters
///
/// * `value` (required, a number or a range; -255 to 255): the number in levels, truncated.
/// * `per_channel` (false): whether each channel has its own number.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    value: ParamRange,
    #[serde(default)]
    per_channel: bool,
    #[serde(default = "one")]
    p: f64,
}

impl Op for Add {
    op_basics!("add");

    fn check(&self) -> Result<()> {
        self.value.check("value", [-255.0, 255.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let values = channels(self.value, self.per_channel, rng);
        if applies {
            steps.push(Step::Levels(Levels::Add(values.map(|value| value as i16))));
        }
    }
}

/// Multiplies all values by one factor, clips and truncates; imgaug `Multiply`.
///
/// # Parameters
///
/// * `factor` (required, a number or a range; 0 to 1000).
/// * `per_channel` (false): whether each channel has its own factor.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Multiply {
    factor: ParamRange,
    #[serde(default)]
    per_channel: bool,
    #[serde(default = "one")]
    p: f64,
}

impl Op for Multiply {
    op_basics!("multiply");

    fn check(&self) -> Result<()> {
        self.factor.check("factor", [0.0, 1e3])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let factors = channels(self.factor, self.per_channel, rng);
        if applies {
            steps.push(Step::Levels(Levels::Multiply(
                factors.map(|factor| factor as f32),
            )));
        }
    }
}

/// Makes random channels black, but leaves at least one; imgaug `Dropout2d`, albumentations
/// `ChannelDropout`.
///
/// # Parameters
///
/// * `drop` (0.5; 0 to 1): the probability of each channel. If all three would go, one of them,
///   drawn with equal chances, stays.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelDropout {
    #[serde(default = "half")]
    drop: f64,
    #[serde(default = "one")]
    p: f64,
}

impl Op for ChannelDropout {
    op_basics!("channel_dropout");

    fn check(&self) -> Result<()> {
        ParamRange::Fixed(self.drop).check("drop", [0.0, 1.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let mut kept = [0; 3].map(|_| !rng.bernoulli(self.drop));
        let last = rng.below(3) as usize;
        if kept == [false; 3] {
            kept[last] = true;
        }
        if applies {
            let factors = kept.map(|kept| f32::from(u8::from(kept)));
            steps.push(Step::Levels(Levels::Multiply(factors)));
        }
    }
}

/// Stretches values away from the middle of the scale: `127 + factor * (v - 127)`, clipped and
/// truncated; imgaug `LinearContrast`.
///
/// # Parameters
///
/// * `factor` (required, a number or a range; 0 to 1000): 1 changes nothing, 0 is flat gray.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearContrast {
    factor: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

impl Op for LinearContrast {
    op_basics!("linear_contrast");

    fn check(&self) -> Result<()> {
        self.factor.check("factor", [0.0, 1e3])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let factor = self.factor.draw(rng);
        if applies {
            steps.push(Step::Levels(Levels::Linear(factor)));
        }
    }
}

/// Maps values through a logistic curve: `255 / (1 + exp(gain * (cutoff - v / 255)))`, truncated;
/// scikit-image `adjust_sigmoid`, imgaug `SigmoidContrast`.
///
/// # Parameters
///
/// * `gain` (10, a number or a range; 0 to 1000): the steepness.
/// * `cutoff` (0.5, a number or a range; 0 to 1): the value, where white is 1, that becomes a half.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigmoidContrast {
    #[serde(default = "ten")]
    gain: ParamRange,
    #[serde(default = "middle")]
    cutoff: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

fn ten() -> ParamRange {
    ParamRange::Fixed(10.0)
}

fn middle() -> ParamRange {
    ParamRange::Fixed(0.5)
}

impl Op for SigmoidContrast {
    op_basics!("sigmoid_contrast");

    fn check(&self) -> Result<()> {
        self.gain.check("gain", [0.0, 1e3])?;
        self.cutoff.check("cutoff", [0.0, 1.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let (gain, cutoff) = (self.gain.draw(rng), self.cutoff.draw(rng));
        if applies {
            steps.push(Step::Levels(Levels::Sigmoid { gain, cutoff }));
        }
    }
}

/// Brightens dark values more than bright ones: `255 * gain * log2(1 + v / 255)`, clipped and
/// truncated; scikit-image `adjust_log`, imgaug `LogContrast`.
///
/// # Parameters
///
/// * `gain` (1, a number or a range; 0 to 1000): a factor.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogContrast {
    #[serde(default = "unit")]
    gain: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

fn unit() -> ParamRange {
    ParamRange::Fixed(1.0)
}

impl Op for LogContrast {
    op_basics!("log_contrast");

    fn check(&self) -> Result<()> {
        self.gain.check("gain", [0.0, 1e3])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let gain = self.gain.draw(rng);
        if applies {
            steps.push(Step::Levels(Levels::Log(gain)));
        }
    }
}

/// Reduces each channel to a number of equally spaced values: the scale is cut into equal
/// intervals, and each value becomes the middle of its interval, truncated; imgaug
/// `UniformColorQuantization`.
///
/// # Parameters
///
/// * `levels` (required, an integer or a range, both ends included; 2 to 256): the number of
///   intervals.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantize {
    levels: IntegerRange,
    #[serde(default = "one")]
    p: f64,
}

impl Op for Quantize {
    op_basics!("quantize");

    fn check(&self) -> Result<()> {
        self.levels.check("levels", [2.0, 256.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let levels = self.levels.draw(rng) as u16;
        if applies {
            steps.push(Step::Levels(Levels::Quantize(levels)));
        }
    }
}

/// Equalizes the histogram of each channel tile by tile, with limited counts: CLAHE, contrast
/// limited adaptive histogram equalization; OpenCV `createCLAHE` on each channel, imgaug
/// `AllChannelsCLAHE`.
///
/// # Parameters
///
/// * `clip_limit` (2, a number or a range; 0 to 1000): how many times the mean a count of a
///   histogram may be; 0 does not limit.
/// * `tile` (64, an integer or a range; 1 to 16384 pixels): the side of a tile. There are at least
///   one and at most 64 tiles in each direction.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaheOp {
    #[serde(default = "two")]
    clip_limit: ParamRange,
    #[serde(default = "tile")]
    tile: IntegerRange,
    #[serde(default = "one")]
    p: f64,
}

fn two() -> ParamRange {
    ParamRange::Fixed(2.0)
}

fn tile() -> IntegerRange {
    IntegerRange::from(64.0)
}

impl Op for ClaheOp {
    op_basics!("clahe");

    fn check(&self) -> Result<()> {
        self.clip_limit.check("clip_limit", [0.0, 1e3])?;
        self.tile.check("tile", [1.0, 16_384.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let clip_limit = self.clip_limit.draw(rng);
        let tile = self.tile.draw(rng) as u32;
        if applies {
            let frame = steps.frame();
            let tiles = |side: u32| (side / tile).clamp(1, 64);
            let grid = (tiles(frame.width), tiles(frame.height));
            steps.push(Step::Clahe(Clahe { clip_limit, grid }));
        }
    }
}
