//! Color, levels and contrast.
//!
//! Ops that a neutral parameter can switch off (a factor of 1) have `p` = 1 by default; the others have
//! torchvision's probability. Rounding is chosen by `dialect`: `"pil"` (the default) has Pillow's
//! bytes, `"tv2"` those of torchvision v2 on u8 tensors. The two differ in the last bit, and published
//! models were trained with one or the other.
//!
//! An op whose result depends on one value alone, or on a histogram, adds [`Levels`]; consecutive steps
//! of that kind become one table. An op that mixes the three channels adds [`Color`].
//!
//! [`Levels`]: crate::augment::steps::Levels
//! [`Color`]: crate::augment::steps::Color

mod add;
mod autocontrast;
mod brightness;
mod channel_dropout;
mod clahe;
mod color_jitter;
mod contrast;
mod equalize;
mod gamma;
mod grayscale;
mod hue;
mod hue_saturation_value;
mod invert;
mod linear_contrast;
mod log_contrast;
mod multiply;
mod permute_channels;
mod photometric_distort;
mod posterize;
mod quantize;
mod saturation;
mod sigmoid_contrast;
pub(super) mod solarize;
mod solarize_add;

pub use add::Add;
pub use autocontrast::AutoContrast;
pub use brightness::Brightness;
pub use channel_dropout::ChannelDropout;
pub use clahe::ClaheEqualize;
pub use color_jitter::{Amount, ColorJitter};
pub use contrast::Contrast;
pub use equalize::Equalize;
pub use gamma::Gamma;
pub use grayscale::Grayscale;
pub use hue::Hue;
pub use hue_saturation_value::HueSaturationValue;
pub use invert::Invert;
pub use linear_contrast::LinearContrast;
pub use log_contrast::LogContrast;
pub use multiply::Multiply;
pub use permute_channels::PermuteChannels;
pub use photometric_distort::PhotometricDistort;
pub use posterize::Posterize;
pub use quantize::Quantize;
pub use saturation::Saturation;
pub use sigmoid_contrast::SigmoidContrast;
pub use solarize::Solarize;
pub use solarize_add::SolarizeAdd;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[
    BuiltIn::of::<Add>(),
    BuiltIn::of::<AutoContrast>(),
    BuiltIn::of::<Brightness>(),
    BuiltIn::of::<ChannelDropout>(),
    BuiltIn::of::<ClaheEqualize>(),
    BuiltIn::of::<ColorJitter>(),
    BuiltIn::of::<Contrast>(),
    BuiltIn::of::<Equalize>(),
    BuiltIn::of::<Gamma>(),
    BuiltIn::of::<Grayscale>(),
    BuiltIn::of::<Hue>(),
    BuiltIn::of::<HueSaturationValue>(),
    BuiltIn::of::<Invert>(),
    BuiltIn::of::<LinearContrast>(),
    BuiltIn::of::<LogContrast>(),
    BuiltIn::of::<Multiply>(),
    BuiltIn::of::<PermuteChannels>(),
    BuiltIn::of::<PhotometricDistort>(),
    BuiltIn::of::<Posterize>(),
    BuiltIn::of::<Quantize>(),
    BuiltIn::of::<Saturation>(),
    BuiltIn::of::<SigmoidContrast>(),
    BuiltIn::of::<Solarize>(),
    BuiltIn::of::<SolarizeAdd>(),
];
