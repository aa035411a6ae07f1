//! timm's search space: ops by name, and what a level means for each.
//!
//! A policy of timm names an op and a level from 0 to 10, which need not be an integer. The tables
//! `LEVEL_TO_ARG` and `NAME_TO_OP` of `timm/data/auto_augment.py` turn the level into an argument
//! and the argument into a change of the image; [`TimmName::argument`] and [`TimmName::push_step`]
//! are these two tables. Signs and random radii are drawn between the two, as in timm.

use serde::{Deserialize, Serialize};

use super::space::Name;
use crate::augment::ops::color::solarize::solarize;
use crate::augment::steps::{Blur, Color as ColorStep, Levels, Warp, rotation};
use crate::augment::{Steps, WarpFilter};
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::word_param;

/// The name of an op of timm's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the variants are timm's own names of its ops")]
pub enum TimmName {
    AutoContrast,
    Equalize,
    Invert,
    Rotate,
    Posterize,
    PosterizeIncreasing,
    PosterizeOriginal,
    Solarize,
    SolarizeIncreasing,
    SolarizeAdd,
    Color,
    ColorIncreasing,
    Contrast,
    ContrastIncreasing,
    Brightness,
    BrightnessIncreasing,
    Sharpness,
    SharpnessIncreasing,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    TranslateXRel,
    TranslateYRel,
    Desaturate,
    GaussianBlur,
    GaussianBlurRand,
}

/// How the warps of timm's policies read between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Interpolation {
    /// Bilinear or bicubic with equal chances, drawn for each op.
    #[default]
    Random,
    /// The nearest pixel.
    Nearest,
    /// Linear in both directions, from 2 x 2 pixels.
    Bilinear,
    /// Cubic in both directions, from 4 x 4 pixels.
    Bicubic,
}

word_param!(TimmName, Interpolation);

/// The parameters that all ops of a policy share; timm calls them `hparams`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hparams {
    /// How warps read between pixels.
    pub(super) interpolation: Interpolation,
    /// The color that warps leave where the image has no pixel.
    pub(super) fill: [u8; 3],
    /// The largest shift of `TranslateX` and `TranslateY` in pixels.
    pub(super) translate_const: f64,
    /// The largest shift of `TranslateXRel` and `TranslateYRel` as a share of the side.
    pub(super) translate_pct: f64,
}

use TimmName::*;

/// The ops of `rand` without `inc1`: timm's `_RAND_TRANSFORMS`. A higher level does not always mean
/// a stronger change: `Solarize` and `Posterize` grow weaker, and the factors of `Color` and its
/// like pass 1 in the middle.
pub(super) const PLAIN: [TimmName; 15] = [
    AutoContrast,
    Equalize,
    Invert,
    Rotate,
    Posterize,
    Solarize,
    SolarizeAdd,
    Color,
    Contrast,
    Brightness,
    Sharpness,
    ShearX,
    ShearY,
    TranslateXRel,
    TranslateYRel,
];

/// The ops of `rand` with `inc1`, which grow stronger with the level: timm's
/// `_RAND_INCREASING_TRANSFORMS`.
pub(super) const INCREASING: [TimmName; 15] = [
    AutoContrast,
    Equalize,
    Invert,
    Rotate,
    PosterizeIncreasing,
    SolarizeIncreasing,
    SolarizeAdd,
    ColorIncreasing,
    ContrastIncreasing,
    BrightnessIncreasing,
    SharpnessIncreasing,
    ShearX,
    ShearY,
    TranslateXRel,
    TranslateYRel,
];

/// The ops of `augmix`: timm's `_AUGMIX_TRANSFORMS`.
pub(super) const AUGMIX: [TimmName; 13] = [
    AutoContrast,
    ColorIncreasing,
    ContrastIncreasing,
    BrightnessIncreasing,
    SharpnessIncreasing,
    Equalize,
    Rotate,
    PosterizeIncreasing,
    SolarizeIncreasing,
    ShearX,
    ShearY,
    TranslateXRel,
    TranslateYRel,
];

/// The ops of `t3a`: timm's `_RAND_3A`.
pub(super) const THREE: [TimmName; 3] = [SolarizeIncreasing, Desaturate, GaussianBlur];

/// The ops of `t3aw` with their weights: timm's `_RAND_WEIGHTED_3A`.
pub(super) const WEIGHTED_THREE: [(TimmName, f64); 14] = [
    (SolarizeIncreasing, 6.0),
    (Desaturate, 6.0),
    (GaussianBlur, 6.0),
    (Rotate, 3.0),
    (ShearX, 2.0),
    (ShearY, 2.0),
    (PosterizeIncreasing, 1.0),
    (AutoContrast, 1.0),
    (ColorIncreasing, 1.0),
    (SharpnessIncreasing, 1.0),
    (ContrastIncreasing, 1.0),
    (BrightnessIncreasing, 1.0),
    (Equalize, 1.0),
    (Invert, 1.0),
];

/// The ops of `tweights` with their weights: timm's `_RAND_WEIGHTED_0`.
pub(super) const WEIGHTED: [(TimmName, f64); 15] = [
    (Rotate, 3.0),
    (ShearX, 2.0),
    (ShearY, 2.0),
    (TranslateXRel, 1.0),
    (TranslateYRel, 1.0),
    (ColorIncreasing, 0.25),
    (SharpnessIncreasing, 0.25),
    (AutoContrast, 0.25),
    (SolarizeIncreasing, 0.05),
    (SolarizeAdd, 0.05),
    (ContrastIncreasing, 0.05),
    (BrightnessIncreasing, 0.05),
    (Equalize, 0.05),
    (PosterizeIncreasing, 0.05),
    (Invert, 0.05),
];

impl TimmName {
    /// The op that timm uses for a name in the paper's table, which this module shares with
    /// torchvision's; `posterize` says which of timm's three variants of posterize it is.
    pub(super) fn original(name: Name, posterize: TimmName) -> TimmName {
        match name {
            Name::ShearX => ShearX,
            Name::ShearY => ShearY,
            Name::TranslateX => TranslateX,
            Name::TranslateY => TranslateY,
            Name::Rotate => Rotate,
            Name::Brightness => Brightness,
            Name::Color => Color,
            Name::Contrast => Contrast,
            Name::Sharpness => Sharpness,
            Name::Posterize => posterize,
            Name::Solarize => Solarize,
            Name::AutoContrast => AutoContrast,
            Name::Equalize => Equalize,
            // The paper's tables have no identity.
            Name::Invert | Name::Identity => Invert,
        }
    }

    /// The argument of a level from 0 to 10, with the sign or radius that timm draws along with it;
    /// 0 for ops without an argument.
    ///
    /// Units: degrees for `Rotate`; a tangent for shears; pixels for absolute shifts, a share of
    /// the side for relative ones; bits that are kept for posterize; a threshold from 0 to 256 for
    /// solarize; a factor for colors; a radius in pixels for blurs. Where timm calls `int`, the
    /// value is truncated here too.
    pub(super) fn argument(self, level: f64, hparams: &Hparams, rng: &mut RandomStream) -> f64 {
        let share = level / 10.0;
        let mut negate = |value: f64| if rng.unit() > 0.5 { -value } else { value };
        let minmax = |min: f64, max: f64| (min + (max - min) * share).clamp(min, max);
        match self {
            Rotate => negate(share * 30.0),
            ShearX | ShearY => negate(share * 0.3),
            TranslateX | TranslateY => negate(share * hparams.translate_const),
            TranslateXRel | TranslateYRel => negate(share * hparams.translate_pct),
            Posterize => (share * 4.0).trunc(),
            PosterizeIncreasing => 4.0 - (share * 4.0).trunc(),
            PosterizeOriginal => (share * 4.0).trunc() + 4.0,
            Solarize => (share * 256.0).trunc().min(256.0),
            SolarizeIncreasing => 256.0 - (share * 256.0).trunc().min(256.0),
            SolarizeAdd => (share * 110.0).trunc().min(128.0),
            Color | Contrast | Brightness | Sharpness => share * 1.8 + 0.1,
            ColorIncreasing | ContrastIncreasing | BrightnessIncreasing | SharpnessIncreasing => {
                (1.0 + negate(share * 0.9)).max(0.1)
            }
            Desaturate => minmax(0.5, 1.0),
            GaussianBlur => minmax(0.1, 2.0),
            GaussianBlurRand => rng.uniform(0.1, 2.0 * minmax(0.0, 1.0)),
            AutoContrast | Equalize | Invert => 0.0,
        }
    }

    /// Adds the step of an op with an argument.
    ///
    /// The filter is drawn for every op, whether it warps or not.
    pub(super) fn push_step(
        self,
        argument: f64,
        hparams: &Hparams,
        rng: &mut RandomStream,
        steps: &mut Steps,
    ) {
        let size = steps.size();
        let filter = match hparams.interpolation {
            Interpolation::Nearest => WarpFilter::Nearest,
            Interpolation::Bilinear => WarpFilter::Bilinear,
            Interpolation::Bicubic => WarpFilter::Bicubic,
            Interpolation::Random if rng.below(2) == 0 => WarpFilter::Bilinear,
            Interpolation::Random => WarpFilter::Bicubic,
        };
        let mut warp = |map| steps.push(Warp::affine(map, filter, hparams.fill, size));
        let factor = argument;
        let pil = Dialect::Pil;
        match self {
            AutoContrast => steps.push(Levels::AutoContrast(pil)),
            Equalize => steps.push(Levels::Equalize),
            Invert => steps.push(Levels::Invert),
            Rotate => {
                if let Some(step) = rotation(argument, size, false, filter, hparams.fill) {
                    steps.push_shared(step);
                }
            }
            ShearX => warp([1.0, argument, 0.0, 0.0, 1.0, 0.0]),
            ShearY => warp([1.0, 0.0, 0.0, argument, 1.0, 0.0]),
            TranslateX => warp([1.0, 0.0, argument, 0.0, 1.0, 0.0]),
            TranslateY => warp([1.0, 0.0, 0.0, 0.0, 1.0, argument]),
            TranslateXRel => warp([1.0, 0.0, argument * f64::from(size.width), 0.0, 1.0, 0.0]),
            TranslateYRel => warp([1.0, 0.0, 0.0, 0.0, 1.0, argument * f64::from(size.height)]),
            // 8 bits are the whole value: nothing to do.
            Posterize | PosterizeIncreasing | PosterizeOriginal => {
                if argument < 8.0 {
                    steps.push(Levels::Posterize(argument as u8));
                }
            }
            Solarize | SolarizeIncreasing => steps.push(solarize(argument)),
            SolarizeAdd => steps.push(Levels::SolarizeAdd {
                add: argument as i16,
                threshold: 128,
            }),
            Color | ColorIncreasing => steps.push(ColorStep::Saturation(factor, pil)),
            Contrast | ContrastIncreasing => steps.push(Levels::Contrast(factor, pil)),
            Brightness | BrightnessIncreasing => steps.push(Levels::Brightness(factor)),
            Sharpness | SharpnessIncreasing => steps.push(Blur::Sharpness(factor, pil)),
            Desaturate => {
                let factor = (1.0 - argument).clamp(0.0, 1.0);
                steps.push(ColorStep::Saturation(factor, pil));
            }
            GaussianBlur | GaussianBlurRand => steps.push(Blur::PilGaussian(factor as f32)),
        }
    }
}
