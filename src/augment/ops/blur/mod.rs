//! Blurs, sharpening, edges.

mod bilateral_blur;
mod box_blur;
mod edge_detect;
mod edge_map;
mod emboss;
pub(super) mod gaussian_blur;
mod median_blur;
mod motion_blur;
mod pil_gaussian_blur;
mod sharpen;
mod sharpness;

pub use bilateral_blur::BilateralBlur;
pub use box_blur::BoxBlur;
pub use edge_detect::EdgeDetect;
pub use edge_map::EdgeMap;
pub use emboss::Emboss;
pub use gaussian_blur::GaussianBlur;
pub use median_blur::MedianBlur;
pub use motion_blur::MotionBlur;
pub use pil_gaussian_blur::PilGaussianBlur;
pub use sharpen::Sharpen;
pub use sharpness::Sharpness;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[
    BuiltIn::of::<BilateralBlur>(),
    BuiltIn::of::<BoxBlur>(),
    BuiltIn::of::<EdgeDetect>(),
    BuiltIn::of::<EdgeMap>(),
    BuiltIn::of::<Emboss>(),
    BuiltIn::of::<GaussianBlur>(),
    BuiltIn::of::<MedianBlur>(),
    BuiltIn::of::<MotionBlur>(),
    BuiltIn::of::<PilGaussianBlur>(),
    BuiltIn::of::<Sharpen>(),
    BuiltIn::of::<Sharpness>(),
];
