//! Noise, dropped pixels, compression, common corruptions.

mod beta_mask;
mod corrupt;
mod dropout;
mod elementwise_add;
mod elementwise_multiply;
mod gaussian_noise;
mod impulse_noise;
mod jpeg;
mod laplace_noise;
mod shot_noise;
mod speckle_noise;

pub use beta_mask::{BetaMaskNoise, BetaShape};
pub use corrupt::{CommonCorruption, CorruptionNames};
pub use dropout::Dropout;
pub use elementwise_add::ElementwiseAdd;
pub use elementwise_multiply::ElementwiseMultiply;
pub use gaussian_noise::GaussianNoise;
pub use impulse_noise::ImpulseNoise;
pub use jpeg::Jpeg;
pub use laplace_noise::LaplaceNoise;
pub use shot_noise::ShotNoise;
pub use speckle_noise::SpeckleNoise;

use super::built_in::BuiltIn;

/// The ops of this folder.
pub(super) const OPS: &[BuiltIn] = &[
    BuiltIn::of::<BetaMaskNoise>(),
    BuiltIn::of::<CommonCorruption>(),
    BuiltIn::of::<Dropout>(),
    BuiltIn::of::<ElementwiseAdd>(),
    BuiltIn::of::<ElementwiseMultiply>(),
    BuiltIn::of::<GaussianNoise>(),
    BuiltIn::of::<ImpulseNoise>(),
    BuiltIn::of::<Jpeg>(),
    BuiltIn::of::<LaplaceNoise>(),
    BuiltIn::of::<ShotNoise>(),
    BuiltIn::of::<SpeckleNoise>(),
];
