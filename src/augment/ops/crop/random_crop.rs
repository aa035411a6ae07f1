//! The crop at a random position. `center_crop` says whose rounding crops have.

use crate::augment::steps::{Crop, Refuse};
use crate::augment::{Op, PadMode, Steps};
use crate::declare;
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::SizeParam;

/// Cuts out a rectangle at a random position after padding all sides.
///
/// An image that is too small even with the padding is a bad sample, unless `pad_if_needed` is set:
/// then it is padded on both sides by what is missing.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::PadMode;
/// use feedmill::augment::ops::RandomCrop;
/// use feedmill::testing::assert_op;
///
/// let op = RandomCrop::new(32).with_padding(4).with_pad(PadMode::Reflect);
/// assert_op(r#"{ op = "random_crop", size = 32, padding = 4, pad = "reflect" }"#, &op);
/// ```
#[declare(
    name = "random_crop",
    like = ["torchvision RandomCrop", "albumentations RandomCrop"],
    strengths = [
        "size = 80, pad_if_needed = true", "size = 56, pad_if_needed = true",
        "size = 32, pad_if_needed = true"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct RandomCrop {
    /// The size of the result; a number is the side of a square.
    #[param(required, range = [1.0, 16384.0], unit = "pixels")]
    size: SizeParam,
    /// The padding on each side.
    #[param(default = 0, range = [0.0, 16384.0], unit = "pixels")]
    padding: u32,
    /// What the padding holds.
    #[param(default)]
    pad: PadMode,
    /// Whether an image that is too small is padded further.
    #[param(default)]
    pad_if_needed: bool,
}

impl Op for RandomCrop {
    fn output_size(&self, _: Option<Size>) -> Option<Size> {
        Some(self.size.size())
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let (inner, outer) = (self.size.size(), steps.size());
        let most = |side: u32| u64::from(side) + 2 * u64::from(self.padding);
        let fits = u64::from(inner.width) <= most(outer.width)
            && u64::from(inner.height) <= most(outer.height);
        if !fits && !self.pad_if_needed {
            steps.push(Refuse::new(
                inner,
                format!(
                    "random_crop: an image of {outer} with a padding of {} is smaller than {inner}: \
                     set pad_if_needed = true to pad it further",
                    self.padding
                ),
            ));
            return;
        }
        let mut start = |outer: u32, inner: u32| {
            let padded = outer + 2 * self.padding;
            let missing = inner.saturating_sub(padded);
            // The crop may begin anywhere in the padded image from which it fits.
            let last = padded + 2 * missing - inner;
            rng.below(u64::from(last) + 1) as i64 - i64::from(self.padding + missing)
        };
        let top = start(outer.height, inner.height);
        let left = start(outer.width, inner.width);
        steps.push(Crop {
            left,
            top,
            size: inner,
            pad: self.pad,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::augment::ops::testing::drawn_crop;

    proptest! {
        #[test]
        fn a_padded_crop_stays_within_the_padding(
            width in 1u32..60,
            height in 1u32..60,
            padding in 0u32..9,
            sample: u64,
        ) {
            let op = RandomCrop::new(32).with_padding(padding).with_pad(PadMode::Reflect)
                .with_pad_if_needed(true);
            let crop = drawn_crop(&op, sample, Size { width, height });
            prop_assert_eq!((crop.size.width, crop.size.height), (32, 32));
            for (start, outer) in [(crop.left, width), (crop.top, height)] {
                let (outer, padding) = (i64::from(outer), i64::from(padding));
                let lack = (32 - outer - 2 * padding).max(0);
                prop_assert!(start >= -padding - lack && start + 32 <= outer + padding + lack);
            }
        }
    }
}
