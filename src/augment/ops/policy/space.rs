//! torchvision's search space: ops by name, and what a magnitude means for each.

use serde::{Deserialize, Serialize};

use super::super::color::solarize;
use super::super::geometric::rotation;
use super::super::matrix;
use crate::augment::{Blur, Color, Levels, Step, Steps, Warp, WarpFilter};
use crate::geometry::Size;
use crate::kernels::Dialect;
use crate::rng::RandomStream;

/// An op of torchvision's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Name {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
    Invert,
}

impl Name {
    /// The ops of RandAugment and TrivialAugmentWide.
    pub(super) const FOURTEEN: [Name; 14] = [
        Name::Identity,
        Name::ShearX,
        Name::ShearY,
        Name::TranslateX,
        Name::TranslateY,
        Name::Rotate,
        Name::Brightness,
        Name::Color,
        Name::Contrast,
        Name::Sharpness,
        Name::Posterize,
        Name::Solarize,
        Name::AutoContrast,
        Name::Equalize,
    ];

    /// Those of AugMix: the nine of the paper, and four that change what its corruptions change
    /// too.
    pub(super) const AUGMIX: [Name; 13] = [
        Name::ShearX,
        Name::ShearY,
        Name::TranslateX,
        Name::TranslateY,
        Name::Rotate,
        Name::Posterize,
        Name::Solarize,
        Name::AutoContrast,
        Name::Equalize,
        Name::Brightness,
        Name::Color,
        Name::Contrast,
        Name::Sharpness,
    ];

    fn signed(self) -> bool {
        use Name::*;
        matches!(
            self,
            ShearX
                | ShearY
                | TranslateX
                | TranslateY
                | Rotate
                | Brightness
                | Color
                | Contrast
                | Sharpness
        )
    }
}

/// Which ranges magnitudes span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// RandAugment's and AutoAugment's.
    #[default]
    Narrow,
    /// TrivialAugmentWide's.
    Wide,
    /// AugMix's.
    Augmix,
}

/// How policies move and color pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Style {
    pub(super) filter: WarpFilter,
    pub(super) fill: [u8; 3],
    pub(super) dialect: Dialect,
}

/// `torch.linspace(low, high, bins)[bin]`: f32, from the nearer end, product and sum rounded once
/// (torch fuses them).
fn linspace(low: f32, high: f32, bins: u32, bin: u32) -> f64 {
    let step = f64::from((high - low) / (bins.max(2) - 1) as f32);
    let value = if bin < bins / 2 {
        f64::from(low) + step * f64::from(bin)
    } else {
        f64::from(high) - step * f64::from(bins - 1 - bin)
    };
    f64::from(value as f32)
}

/// The value of a magnitude, without sign; 0 for ops without one.
pub(super) fn value(name: Name, space: Space, bins: u32, bin: u32, frame: Size) -> f64 {
    let linear = |high: f32| linspace(0.0, high, bins, bin);
    let (width, height) = (f64::from(frame.width), f64::from(frame.height));
    // Steps of bits: 8 - round(bin / ((bins - 1) / steps)), half to even, in f32.
    let bits = |from: f32, steps: f64| {
        f64::from(
            (from - bin as f32 / (f64::from(bins.max(2) - 1) / steps) as f32).round_ties_even(),
        )
    };
    let shift = |side: f64| match space {
        Space::Narrow => linear((150.0 / 331.0 * side) as f32),
        Space::Wide => linear(32.0),
        Space::Augmix => linear((side / 3.0) as f32),
    };
    let wide = |narrow: f32, wide: f32| linear(if space == Space::Wide { wide } else { narrow });
    match name {
        Name::ShearX | Name::ShearY => wide(0.3, 0.99),
        Name::TranslateX => shift(width),
        Name::TranslateY => shift(height),
        Name::Rotate => wide(30.0, 135.0),
        Name::Brightness | Name::Color | Name::Contrast | Name::Sharpness => wide(0.9, 0.99),
        Name::Posterize => match space {
            Space::Narrow => bits(8.0, 4.0),
            Space::Wide => bits(8.0, 6.0),
            Space::Augmix => bits(4.0, 4.0),
        },
        Name::Solarize => linspace(1.0, 0.0, bins, bin),
        Name::Identity | Name::AutoContrast | Name::Equalize | Name::Invert => 0.0,
    }
}

/// Draws the sign of an op's magnitude: negative half of the time, for ops that have one.
pub(super) fn sign(name: Name, rng: &mut RandomStream) -> f64 {
    if name.signed() && rng.unit() <= 0.5 {
        -1.0
    } else {
        1.0
    }
}

/// The step of an op with a signed value; none for the identity.
pub(super) fn push(name: Name, value: f64, style: Style, steps: &mut Steps) {
    let frame = steps.frame();
    let Style {
        filter,
        fill,
        dialect,
    } = style;
    let warp = |map| Some(Step::Warp(Warp::affine(map, filter, fill, frame)));
    let center = (f64::from(frame.width) * 0.5, f64::from(frame.height) * 0.5);
    let shear = |shear| matrix::affine((0.0, 0.0), 0.0, (0.0, 0.0), 1.0, shear);
    let shift = |x, y| matrix::affine(center, 0.0, (x, y), 1.0, [0.0; 2]);
    let factor = 1.0 + value;
    let step = match name {
        Name::Identity => None,
        Name::ShearX => warp(shear([libm::atan(value).to_degrees(), 0.0])),
        Name::ShearY => warp(shear([0.0, libm::atan(value).to_degrees()])),
        Name::TranslateX => warp(shift(value.trunc(), 0.0)),
        Name::TranslateY => warp(shift(0.0, value.trunc())),
        Name::Rotate => rotation(value, frame, false, filter, fill),
        Name::Brightness => Some(Step::Levels(Levels::Brightness(factor))),
        Name::Color => Some(Step::Color(Color::Saturation(factor, dialect))),
        Name::Contrast => Some(Step::Levels(Levels::Contrast(factor, dialect))),
        Name::Sharpness => Some(Step::Blur(Blur::Sharpness(factor, dialect))),
        Name::Posterize => Some(Step::Levels(Levels::Posterize(value as u8))),
        Name::Solarize => Some(solarize(255.0 * value)),
        Name::AutoContrast => Some(Step::Levels(Levels::AutoContrast(dialect))),
        Name::Equalize => Some(Step::Levels(Levels::Equalize)),
        Name::Invert => Some(Step::Levels(Levels::Invert)),
    };
    step.into_iter().for_each(|step| steps.push(step));
}
