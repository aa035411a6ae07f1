//! The ops of recipes: what is drawn, and which steps follow.

mod blur;
mod convolve;
mod corrupt;
mod crop;
mod edges;
mod elastic;
mod flip;
mod jitter;
mod noise;
mod resize;

pub use blur::{BilateralBlur, BoxBlur, GaussianBlur, MedianBlur, MotionBlur, PilGaussianBlur, Sharpness};
pub use convolve::{EdgeDetect, Emboss, Sharpen};
pub use corrupt::{CommonCorruption, Jpeg};
pub use crop::{CenterCrop, RandomCrop, RandomResizedCrop};
pub use edges::EdgeMap;
pub use elastic::{ElasticTransform, LowFrequencyCrop};
pub use flip::{HorizontalFlip, VerticalFlip};
pub use jitter::{Amount, ColorJitter};
pub use noise::{BetaMaskNoise, GaussianNoise, ImpulseNoise, ShotNoise, SpeckleNoise};
pub use resize::Resize;
