//! torchvision's search space: ops by name, and what a magnitude means for each.
//!
//! A policy of torchvision names an op and the number of a bin, such as 9 of 31. The functions
//! `_augmentation_space` and `_apply_op` of `torchvision/transforms/autoaugment.py` turn the bin
//! into a magnitude and the magnitude into a change of the image. [`strength_of`] and
//! [`push_step`] are these two functions, [`random_sign`] is the draw between them.
//!
//! The magnitudes are computed as torch computes them, in f32 by `torch.linspace`, and not by the
//! plain formula in f64. The last bit matters: shifts are truncated to whole pixels, so a magnitude
//! of 31.999998 and one of 32 are different images.

use serde::{Deserialize, Serialize};

use crate::augment::ops::color::solarize::solarize;
use crate::augment::steps::{Blur, Color, Levels, Warp, rotation};
use crate::augment::{Steps, WarpFilter, matrix};
use crate::geometry::Size;
use crate::kernels::Dialect;
use crate::rng::RandomStream;
use crate::word_param;

/// The name of an op of torchvision's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the variants are torchvision's own names of its ops"
)]
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

word_param!(Name, Space);

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

    /// The ops of AugMix: first the nine of the paper, then four that overlap with the corruptions
    /// of ImageNet-C, which the paper left out so that its test stays fair.
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

    /// Whether a magnitude of this op may be negated: a turn to the other side, a darker image.
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

/// The range that an op's magnitude covers from the first bin to the last.
///
/// | op | narrow | wide | augmix |
/// | --- | --- | --- | --- |
/// | shear (tangent of the angle) | 0.3 | 0.99 | 0.3 |
/// | translation (pixels) | 150/331 of the side | 32 | 1/3 of the side |
/// | rotation (degrees) | 30 | 135 | 30 |
/// | brightness, color, contrast, sharpness (distance of the factor from 1) | 0.9 | 0.99 | 0.9 |
/// | posterize (bits that are kept, first bin to last) | 8 to 4 | 8 to 2 | 4 to 0 |
/// | solarize (threshold as a share of white, first bin to last) | 1 to 0 | 1 to 0 | 1 to 0 |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Space {
    /// The ranges of RandAugment and AutoAugment.
    #[default]
    Narrow,
    /// The ranges of TrivialAugmentWide.
    Wide,
    /// The ranges of AugMix.
    Augmix,
}

/// The parameters of a policy that all of its ops share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// How warps read between pixels.
    pub(super) filter: WarpFilter,
    /// The color that warps leave where the image has no pixel.
    pub(super) fill: [u8; 3],
    /// The library whose rounding the color ops follow.
    pub(super) dialect: Dialect,
}

/// Returns `torch.linspace(low, high, bins)[bin]`, bit for bit.
///
/// torch works in f32, counts from the nearer end of the range, and fuses the product and the sum,
/// so that they are rounded once. In f64 both are exact for at most 1000 bins, so converting the
/// sum to f32 rounds as the fused instruction does.
fn linspace(low: f32, high: f32, bins: u32, bin: u32) -> f64 {
    let step = f64::from((high - low) / (bins.max(2) - 1) as f32);
    let value = if bin < bins / 2 {
        f64::from(low) + step * f64::from(bin)
    } else {
        f64::from(high) - step * f64::from(bins - 1 - bin)
    };
    f64::from(value as f32)
}

/// The magnitude of bin number `bin` of `bins`, without a sign; 0 for ops without a magnitude.
///
/// The unit depends on the op, see [`Space`]. `size` is the size of the image, of which a
/// translation is a share.
pub(super) fn strength_of(name: Name, space: Space, bins: u32, bin: u32, size: Size) -> f64 {
    let linear = |high: f32| linspace(0.0, high, bins, bin);
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    // torch: `from - (arange(bins) / ((bins - 1) / steps)).round()`. The divisor is a Python float
    // that torch rounds to f32, and the rounding is half to even.
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

/// Draws 1 or -1 with equal chances for ops whose magnitude has a sign; returns 1 without a draw
/// for the others.
pub(super) fn random_sign(name: Name, rng: &mut RandomStream) -> f64 {
    if name.signed() && rng.unit() <= 0.5 {
        -1.0
    } else {
        1.0
    }
}

/// Adds the step of an op with a signed magnitude; adds nothing for the identity.
pub(super) fn push_step(name: Name, value: f64, style: Style, steps: &mut Steps) {
    let size = steps.size();
    let Style {
        filter,
        fill,
        dialect,
    } = style;
    let center = (f64::from(size.width) * 0.5, f64::from(size.height) * 0.5);
    // Shears keep the top left corner in place, as in the original AutoAugment code. The center
    // cancels in a shift except for the last bits, for which it has to be torchvision's.
    let shear = |shear| matrix::affine((0.0, 0.0), 0.0, (0.0, 0.0), 1.0, shear);
    let shift = |x, y| matrix::affine(center, 0.0, (x, y), 1.0, [0.0; 2]);
    let warp = |map| Warp::affine(map, filter, fill, size);
    let factor = 1.0 + value;
    match name {
        Name::Identity => {}
        // The magnitude is the tangent; torchvision's `affine` takes degrees.
        Name::ShearX => steps.push(warp(shear([libm::atan(value).to_degrees(), 0.0]))),
        Name::ShearY => steps.push(warp(shear([0.0, libm::atan(value).to_degrees()]))),
        Name::TranslateX => steps.push(warp(shift(value.trunc(), 0.0))),
        Name::TranslateY => steps.push(warp(shift(0.0, value.trunc()))),
        Name::Rotate => {
            if let Some(step) = rotation(value, size, false, filter, fill) {
                steps.push_shared(step);
            }
        }
        Name::Brightness => steps.push(Levels::Brightness(factor)),
        Name::Color => steps.push(Color::Saturation(factor, dialect)),
        Name::Contrast => steps.push(Levels::Contrast(factor, dialect)),
        Name::Sharpness => steps.push(Blur::Sharpness(factor, dialect)),
        Name::Posterize => steps.push(Levels::Posterize(value as u8)),
        Name::Solarize => steps.push(solarize(255.0 * value)),
        Name::AutoContrast => steps.push(Levels::AutoContrast(dialect)),
        Name::Equalize => steps.push(Levels::Equalize),
        Name::Invert => steps.push(Levels::Invert),
    }
}
