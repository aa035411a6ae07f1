//! Sizes: crops, resizes, borders.

pub(super) mod center_crop;
mod enclosing_crop;
mod five_crop;
mod low_frequency_crop;
mod pad;
mod random_crop;
mod random_resized_crop;
mod resize;

pub use center_crop::CenterCrop;
pub use enclosing_crop::EnclosingCrop;
pub use five_crop::FiveCrop;
pub use low_frequency_crop::LowFrequencyCrop;
pub use pad::{Pad, Padding};
pub use random_crop::RandomCrop;
pub use random_resized_crop::RandomResizedCrop;
pub use resize::Resize;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[
    BuiltIn::of::<CenterCrop>(),
    BuiltIn::of::<EnclosingCrop>(),
    BuiltIn::of::<FiveCrop>(),
    BuiltIn::of::<LowFrequencyCrop>(),
    BuiltIn::of::<Pad>(),
    BuiltIn::of::<RandomCrop>(),
    BuiltIn::of::<RandomResizedCrop>(),
    BuiltIn::of::<Resize>(),
];
