//! The tables of AutoAugment: 25 learned pairs of ops for each data set.
//!
//! The paper is Cubuk et al., "AutoAugment: learning augmentation policies from data" (2019, arXiv
//! 1805.09501). `IMAGENET`, `CIFAR10` and `SVHN` are torchvision's `AutoAugment._get_policies`,
//! `V0` is timm's `auto_augment_policy_v0`. The rows keep the order of the libraries, repeated rows
//! included, because a row is drawn by its number.
//!
//! Each entry is an op, the probability of applying it, and its strength: a bin from 0 to 9 in
//! torchvision's tables, a level from 0 to 10 in timm's. Ops without a strength have 0.

use super::space::Name::{self, *};
use super::timm_space::TimmName as T;

/// Two ops that are applied one after the other: name, probability, strength.
pub(super) type Pair<N> = [(N, f64, u8); 2];

/// The policy that was learned on ImageNet.
#[rustfmt::skip]
pub(super) const IMAGENET: [Pair<Name>; 25] = [
    [(Posterize, 0.4, 8), (Rotate, 0.6, 9)],
    [(Solarize, 0.6, 5), (AutoContrast, 0.6, 0)],
    [(Equalize, 0.8, 0), (Equalize, 0.6, 0)],
    [(Posterize, 0.6, 7), (Posterize, 0.6, 6)],
    [(Equalize, 0.4, 0), (Solarize, 0.2, 4)],
    [(Equalize, 0.4, 0), (Rotate, 0.8, 8)],
    [(Solarize, 0.6, 3), (Equalize, 0.6, 0)],
    [(Posterize, 0.8, 5), (Equalize, 1.0, 0)],
    [(Rotate, 0.2, 3), (Solarize, 0.6, 8)],
    [(Equalize, 0.6, 0), (Posterize, 0.4, 6)],
    [(Rotate, 0.8, 8), (Color, 0.4, 0)],
    [(Rotate, 0.4, 9), (Equalize, 0.6, 0)],
    [(Equalize, 0.0, 0), (Equalize, 0.8, 0)],
    [(Invert, 0.6, 0), (Equalize, 1.0, 0)],
    [(Color, 0.6, 4), (Contrast, 1.0, 8)],
    [(Rotate, 0.8, 8), (Color, 1.0, 2)],
    [(Color, 0.8, 8), (Solarize, 0.8, 7)],
    [(Sharpness, 0.4, 7), (Invert, 0.6, 0)],
    [(ShearX, 0.6, 5), (Equalize, 1.0, 0)],
    [(Color, 0.4, 0), (Equalize, 0.6, 0)],
    [(Equalize, 0.4, 0), (Solarize, 0.2, 4)],
    [(Solarize, 0.6, 5), (AutoContrast, 0.6, 0)],
    [(Invert, 0.6, 0), (Equalize, 1.0, 0)],
    [(Color, 0.6, 4), (Contrast, 1.0, 8)],
    [(Equalize, 0.8, 0), (Equalize, 0.6, 0)],
];

/// The policy that was learned on CIFAR-10.
#[rustfmt::skip]
pub(super) const CIFAR10: [Pair<Name>; 25] = [
    [(Invert, 0.1, 0), (Contrast, 0.2, 6)],
    [(Rotate, 0.7, 2), (TranslateX, 0.3, 9)],
    [(Sharpness, 0.8, 1), (Sharpness, 0.9, 3)],
    [(ShearY, 0.5, 8), (TranslateY, 0.7, 9)],
    [(AutoContrast, 0.5, 0), (Equalize, 0.9, 0)],
    [(ShearY, 0.2, 7), (Posterize, 0.3, 7)],
    [(Color, 0.4, 3), (Brightness, 0.6, 7)],
    [(Sharpness, 0.3, 9), (Brightness, 0.7, 9)],
    [(Equalize, 0.6, 0), (Equalize, 0.5, 0)],
    [(Contrast, 0.6, 7), (Sharpness, 0.6, 5)],
    [(Color, 0.7, 7), (TranslateX, 0.5, 8)],
    [(Equalize, 0.3, 0), (AutoContrast, 0.4, 0)],
    [(TranslateY, 0.4, 3), (Sharpness, 0.2, 6)],
    [(Brightness, 0.9, 6), (Color, 0.2, 8)],
    [(Solarize, 0.5, 2), (Invert, 0.0, 0)],
    [(Equalize, 0.2, 0), (AutoContrast, 0.6, 0)],
    [(Equalize, 0.2, 0), (Equalize, 0.6, 0)],
    [(Color, 0.9, 9), (Equalize, 0.6, 0)],
    [(AutoContrast, 0.8, 0), (Solarize, 0.2, 8)],
    [(Brightness, 0.1, 3), (Color, 0.7, 0)],
    [(Solarize, 0.4, 5), (AutoContrast, 0.9, 0)],
    [(TranslateY, 0.9, 9), (TranslateY, 0.7, 9)],
    [(AutoContrast, 0.9, 0), (Solarize, 0.8, 3)],
    [(Equalize, 0.8, 0), (Invert, 0.1, 0)],
    [(TranslateY, 0.7, 9), (AutoContrast, 0.9, 0)],
];

/// The policy that was learned on SVHN.
#[rustfmt::skip]
pub(super) const SVHN: [Pair<Name>; 25] = [
    [(ShearX, 0.9, 4), (Invert, 0.2, 0)],
    [(ShearY, 0.9, 8), (Invert, 0.7, 0)],
    [(Equalize, 0.6, 0), (Solarize, 0.6, 6)],
    [(Invert, 0.9, 0), (Equalize, 0.6, 0)],
    [(Equalize, 0.6, 0), (Rotate, 0.9, 3)],
    [(ShearX, 0.9, 4), (AutoContrast, 0.8, 0)],
    [(ShearY, 0.9, 8), (Invert, 0.4, 0)],
    [(ShearY, 0.9, 5), (Solarize, 0.2, 6)],
    [(Invert, 0.9, 0), (AutoContrast, 0.8, 0)],
    [(Equalize, 0.6, 0), (Rotate, 0.9, 3)],
    [(ShearX, 0.9, 4), (Solarize, 0.3, 3)],
    [(ShearY, 0.8, 8), (Invert, 0.7, 0)],
    [(Equalize, 0.9, 0), (TranslateY, 0.6, 6)],
    [(Invert, 0.9, 0), (Equalize, 0.6, 0)],
    [(Contrast, 0.3, 3), (Rotate, 0.8, 4)],
    [(Invert, 0.8, 0), (TranslateY, 0.0, 2)],
    [(ShearY, 0.7, 6), (Solarize, 0.4, 8)],
    [(Invert, 0.6, 0), (Rotate, 0.8, 4)],
    [(ShearY, 0.3, 7), (TranslateX, 0.9, 3)],
    [(ShearX, 0.1, 6), (Invert, 0.6, 0)],
    [(Solarize, 0.7, 2), (TranslateY, 0.6, 7)],
    [(ShearY, 0.8, 4), (Invert, 0.8, 0)],
    [(ShearX, 0.7, 9), (TranslateY, 0.8, 3)],
    [(ShearY, 0.8, 5), (AutoContrast, 0.7, 0)],
    [(ShearX, 0.7, 2), (Invert, 0.1, 0)],
];

/// timm's `v0`: the ImageNet policy of the EfficientNet code for TPUs.
#[rustfmt::skip]
pub(super) const V0: [Pair<T>; 25] = [
    [(T::Equalize, 0.8, 1), (T::ShearY, 0.8, 4)],
    [(T::Color, 0.4, 9), (T::Equalize, 0.6, 3)],
    [(T::Color, 0.4, 1), (T::Rotate, 0.6, 8)],
    [(T::Solarize, 0.8, 3), (T::Equalize, 0.4, 7)],
    [(T::Solarize, 0.4, 2), (T::Solarize, 0.6, 2)],
    [(T::Color, 0.2, 0), (T::Equalize, 0.8, 8)],
    [(T::Equalize, 0.4, 8), (T::SolarizeAdd, 0.8, 3)],
    [(T::ShearX, 0.2, 9), (T::Rotate, 0.6, 8)],
    [(T::Color, 0.6, 1), (T::Equalize, 1.0, 2)],
    [(T::Invert, 0.4, 9), (T::Rotate, 0.6, 0)],
    [(T::Equalize, 1.0, 9), (T::ShearY, 0.6, 3)],
    [(T::Color, 0.4, 7), (T::Equalize, 0.6, 0)],
    [(T::Posterize, 0.4, 6), (T::AutoContrast, 0.4, 7)],
    [(T::Solarize, 0.6, 8), (T::Color, 0.6, 9)],
    [(T::Solarize, 0.2, 4), (T::Rotate, 0.8, 9)],
    [(T::Rotate, 1.0, 7), (T::TranslateYRel, 0.8, 9)],
    [(T::ShearX, 0.0, 0), (T::Solarize, 0.8, 4)],
    [(T::ShearY, 0.8, 0), (T::Color, 0.6, 4)],
    [(T::Color, 1.0, 0), (T::Rotate, 0.6, 2)],
    [(T::Equalize, 0.8, 4), (T::Equalize, 0.0, 8)],
    [(T::Equalize, 1.0, 4), (T::AutoContrast, 0.6, 2)],
    [(T::ShearY, 0.4, 7), (T::SolarizeAdd, 0.6, 7)],
    [(T::Posterize, 0.8, 2), (T::Solarize, 0.6, 10)],
    [(T::Solarize, 0.6, 8), (T::Equalize, 0.6, 1)],
    [(T::Color, 0.8, 6), (T::Rotate, 0.4, 5)],
];
