//! The built-in ops: what each draws, and which steps follow from it.
//!
//! The comment of an op says what happens to pixels, which library or paper it follows, and then
//! lists its parameters as a recipe has them: the default, or "required", then the range that
//! `check` accepts. "A number or a range" is a [`ParamRange`](crate::spec::ParamRange): a number
//! fixes the parameter, `[low, high]` draws it uniformly for each view. *Levels* are the 256 values
//! of a channel.
//!
//! Rounding is part of an op. The kernels have the bytes of the named library, and
//! docs/AUGMENTATIONS.md lists where they do not.
//!
//! The order of the draws of an op is part of it too: another order is another image for the same
//! seed. How many numbers an op draws does not matter to others, as each has its own stream.
//!
//! To add an op: write its struct with serde and [`Op`](crate::augment::Op), name it in
//! [`Registry`](crate::recipe::Registry), and compare it with its reference in `tests/goldens`.

mod blur;
mod color;
mod container;
mod convolve;
mod copy_paste;
mod corrupt;
mod crop;
mod edges;
mod elastic;
mod enclosing;
mod erase;
mod five_crop;
mod flip;
pub(super) mod geometric;
mod jitter;
mod merge;
mod noise;
mod policy;
mod resize;
mod tiles;
mod tokens;
mod tone;

pub use blur::{
    BilateralBlur, BoxBlur, GaussianBlur, MedianBlur, MotionBlur, PilGaussianBlur, Sharpness,
};
pub use color::{
    AutoContrast, Brightness, Contrast, Equalize, Gamma, Grayscale, Hue, HueSaturationValue,
    Invert, PermuteChannels, PhotometricDistort, Posterize, Saturation, Solarize, SolarizeAdd,
};
pub use container::Container;
pub use convolve::{EdgeDetect, Emboss, Sharpen};
pub use copy_paste::{CopyPaste, MaskPlane};
pub use corrupt::{CommonCorruption, Jpeg};
pub use crop::{CenterCrop, RandomCrop, RandomResizedCrop};
pub use edges::EdgeMap;
pub use elastic::{ElasticTransform, LowFrequencyCrop};
pub use enclosing::EnclosingCrop;
pub use erase::{Cutout, RandomErasing};
pub use five_crop::FiveCrop;
pub use flip::{HorizontalFlip, VerticalFlip};
pub use geometric::{Affine, Pad, Perspective, Rotate, Rotate90};
pub use jitter::{Amount, ColorJitter};
pub use merge::{MergedTile, merge_similar};
pub use noise::{
    BetaMaskNoise, Dropout, ElementwiseAdd, ElementwiseMultiply, GaussianNoise, ImpulseNoise,
    LaplaceNoise, ShotNoise, SpeckleNoise,
};
pub use policy::{
    AugMix, AutoAugment, PolicyName, PolicyOp, PolicySpace, RandAugment, ThreeAugment, TimmAugment,
    TimmName, TimmOp, TrivialAugmentWide,
};
pub use resize::Resize;
pub use tiles::{AnyRes, Jigsaw, Quadrants};
pub use tokens::{BlockMask, TokenMask, Window, keep_by_score};
pub use tone::{
    Add, ChannelDropout, ClaheOp, LinearContrast, LogContrast, Multiply, Quantize, SigmoidContrast,
};
