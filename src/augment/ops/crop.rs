//! Crops: centered, random, and random with a resize.
//!
//! Formulas and rounding are torchvision's, which timm shares. `round` is half to even, as in
//! Python. A crop may reach beyond the image, so padding is part of the step: an image is never
//! padded first and cut afterwards.

use serde::{Deserialize, Serialize};

use crate::augment::params::{SizeParam, op_basics};
use crate::augment::{Filter, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::kernels::PadMode;
use crate::rng::RandomStream;
use crate::spec::is_default;

/// Cuts out the center; torchvision `CenterCrop`. A smaller image is padded with black.
///
/// # Parameters
///
/// * `size` (required; 1 to 16384 pixels): a number for a square, or `[height, width]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    size: SizeParam,
}

impl CenterCrop {
    /// A square of `side` x `side` pixels.
    pub fn new(side: u32) -> CenterCrop {
        CenterCrop {
            size: SizeParam::Side(side),
        }
    }

    /// A rectangle of this size.
    pub fn exact(height: u32, width: u32) -> CenterCrop {
        CenterCrop {
            size: SizeParam::HeightWidth([height, width]),
        }
    }
}

/// The first row or column of a centered crop of length `inner` in an image of length `outer`;
/// negative if the image is shorter.
pub(super) fn center(outer: u32, inner: u32) -> i64 {
    let (outer, inner) = (i64::from(outer), i64::from(inner));
    if inner <= outer {
        let gap = outer - inner;
        // `round(gap / 2)`, half to even: of the odd gaps, 1 goes down to 0 and 3 up to 2.
        gap / 2 + i64::from(gap % 4 == 3)
    } else {
        -((inner - outer) / 2)
    }
}

impl Op for CenterCrop {
    op_basics!("center_crop");

    fn check(&self) -> Result<()> {
        self.size.check()
    }

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(self.size.frame())
    }

    fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
        let Size { width, height } = self.size.frame();
        let (left, top) = (
            center(steps.frame().width, width),
            center(steps.frame().height, height),
        );
        steps.push(Step::Crop {
            left,
            top,
            width,
            height,
            pad: PadMode::default(),
        });
    }
}

/// Cuts out a rectangle at a random position after padding all sides; torchvision `RandomCrop`.
///
/// An image that is too small even with the padding is padded on both sides by what is missing.
///
/// # Parameters
///
/// * `size` (required; 1 to 16384 pixels): a number for a square, or `[height, width]`.
/// * `padding` (0; 0 to 16384 pixels): the padding on each side.
/// * `pad` (`{ constant = [0, 0, 0] }`): what the padding holds: a color, `"reflect"`,
///   `"symmetric"` or `"edge"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    size: SizeParam,
    #[serde(default)]
    padding: u32,
    #[serde(default)]
    pad: PadMode,
}

impl RandomCrop {
    /// A square of `side` x `side` pixels, without padding.
    pub fn new(side: u32) -> RandomCrop {
        RandomCrop {
            size: SizeParam::Side(side),
            padding: 0,
            pad: PadMode::default(),
        }
    }

    /// Sets the padding in pixels, and what it holds.
    #[must_use]
    pub fn padding(self, padding: u32, pad: PadMode) -> RandomCrop {
        RandomCrop {
            padding,
            pad,
            ..self
        }
    }
}

impl Op for RandomCrop {
    op_basics!("random_crop");

    fn check(&self) -> Result<()> {
        if self.padding > 16_384 {
            return Err(Error::config(format!(
                "padding = {}: at most 16384 pixels",
                self.padding
            )));
        }
        self.size.check()
    }

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(self.size.frame())
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let Size { width, height } = self.size.frame();
        let mut start = |outer: u32, inner: u32| {
            let padded = outer + 2 * self.padding;
            let missing = inner.saturating_sub(padded);
            // The crop may begin anywhere in the padded image from which it fits.
            let last = padded + 2 * missing - inner;
            rng.below(u64::from(last) + 1) as i64 - i64::from(self.padding + missing)
        };
        let top = start(steps.frame().height, height);
        let left = start(steps.frame().width, width);
        steps.push(Step::Crop {
            left,
            top,
            width,
            height,
            pad: self.pad,
        });
    }
}

/// Cuts out a rectangle of random area, shape and position, and resizes it: the Inception crop;
/// torchvision `RandomResizedCrop`.
///
/// After ten draws that do not fit into the image, the largest centered crop of an allowed shape is
/// taken.
///
/// # Parameters
///
/// * `size` (required; 1 to 16384 pixels): the size of the result, a number for a square, or
///   `[height, width]`.
/// * `scale` (`[0.08, 1]`; above 0, up to 1): the range of the area as a share of the image's.
/// * `ratio` (`[3 / 4, 4 / 3]`; above 0): the range of width / height, drawn uniformly in its
///   logarithm.
/// * `filter` (`"bilinear"`; `"bicubic"`, `"lanczos"`, `"nearest"`): the filter of the resize.
/// * `note` (false): whether the crop is left with the batch as a note.
///
/// # Notes
///
/// * `box`, if `note = true`: left, top, width, height of the crop, in pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    size: SizeParam,
    #[serde(default = "default_scale")]
    scale: [f64; 2],
    #[serde(default = "default_ratio")]
    ratio: [f64; 2],
    #[serde(default)]
    filter: Filter,
    #[serde(default, skip_serializing_if = "is_default")]
    note: bool,
}

fn default_scale() -> [f64; 2] {
    [0.08, 1.0]
}

fn default_ratio() -> [f64; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}

impl RandomResizedCrop {
    /// A result of `side` x `side` pixels with the default ranges, resized bilinearly.
    pub fn new(side: u32) -> RandomResizedCrop {
        RandomResizedCrop {
            size: SizeParam::Side(side),
            scale: default_scale(),
            ratio: default_ratio(),
            filter: Filter::default(),
            note: false,
        }
    }

    /// Sets the range of the area, as a share of the image's.
    #[must_use]
    pub fn scale(self, low: f64, high: f64) -> RandomResizedCrop {
        RandomResizedCrop {
            scale: [low, high],
            ..self
        }
    }

    /// Sets the filter of the resize.
    #[must_use]
    pub fn filter(self, filter: Filter) -> RandomResizedCrop {
        RandomResizedCrop { filter, ..self }
    }

    /// Draws a crop of an image of size `frame`: left, top, width, height.
    pub(super) fn crop(&self, rng: &mut RandomStream, frame: Size) -> [u32; 4] {
        let (w, h) = (f64::from(frame.width), f64::from(frame.height));
        let logs = self.ratio.map(libm::log);
        for _ in 0..10 {
            let area = w * h * rng.uniform(self.scale[0], self.scale[1]);
            let aspect = libm::exp(rng.uniform(logs[0], logs[1]));
            let width = libm::sqrt(area * aspect).round_ties_even() as u32;
            let height = libm::sqrt(area / aspect).round_ties_even() as u32;
            if (1..=frame.width).contains(&width) && (1..=frame.height).contains(&height) {
                let top = rng.below(u64::from(frame.height - height) + 1) as u32;
                let left = rng.below(u64::from(frame.width - width) + 1) as u32;
                return [left, top, width, height];
            }
        }
        let ratio = w / h;
        let (width, height) = if ratio < self.ratio[0] {
            (frame.width, (w / self.ratio[0]).round_ties_even() as u32)
        } else if ratio > self.ratio[1] {
            ((h * self.ratio[1]).round_ties_even() as u32, frame.height)
        } else {
            (frame.width, frame.height)
        };
        // In an image of one row or column a ratio may ask for less than a pixel.
        let (width, height) = (width.clamp(1, frame.width), height.clamp(1, frame.height));
        [
            (frame.width - width) / 2,
            (frame.height - height) / 2,
            width,
            height,
        ]
    }
}

impl Op for RandomResizedCrop {
    op_basics!("random_resized_crop");

    fn check(&self) -> Result<()> {
        let [low, high] = self.scale;
        if !(low > 0.0 && low <= high && high <= 1.0) {
            return Err(Error::config(format!(
                "scale = [{low}, {high}]: expected 0 < low <= high <= 1"
            )));
        }
        let [low, high] = self.ratio;
        if !(low > 0.0 && low <= high && high.is_finite()) {
            return Err(Error::config(format!(
                "ratio = [{low}, {high}]: expected 0 < low <= high"
            )));
        }
        self.size.check()
    }

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(self.size.frame())
    }

    fn notes(&self) -> Vec<(String, usize)> {
        if self.note {
            vec![("box".into(), 4)]
        } else {
            Vec::new()
        }
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let [left, top, width, height] = self.crop(rng, steps.frame());
        if self.note {
            steps.note("box", &[left, top, width, height].map(i64::from));
        }
        let (left, top) = (i64::from(left), i64::from(top));
        steps.push(Step::Crop {
            left,
            top,
            width,
            height,
            pad: PadMode::default(),
        });
        let Size { width, height } = self.size.frame();
        steps.push(Step::Resize {
            width,
            height,
            filter: self.filter,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::{Coord, OpKey};

    fn rng(sample: u64) -> RandomStream {
        RandomStream::keyed(
            7,
            Coord {
                epoch: 0,
                sample,
                occurrence: 0,
                view: 0,
                op: OpKey(1),
            },
        )
    }

    fn crop_of(op: &dyn Op, sample: u64, width: u32, height: u32) -> (i64, i64, u32, u32) {
        let mut steps = Steps::new(Size { width, height });
        op.draw(&mut rng(sample), &mut steps);
        match steps.list()[0] {
            Step::Crop {
                left,
                top,
                width,
                height,
                ..
            } => (left, top, width, height),
            ref other => panic!("{other}"),
        }
    }

    #[test]
    fn the_center_rounds_half_to_even_and_pads_what_is_missing() {
        // torchvision: round((H - h) / 2) by Python's rule.
        assert_eq!([7, 6, 5, 4, 3].map(|n| center(n, 2)), [2, 2, 2, 1, 0]);
        // Padding (w - W) // 2 on the left.
        assert_eq!([1, 2].map(|n| center(n, 4)), [-1, -1]);
    }

    proptest! {
        #[test]
        fn a_resized_crop_lies_inside(width in 1u32..3000, height in 1u32..3000, sample: u64) {
            let (left, top, w, h) = crop_of(&RandomResizedCrop::new(224), sample, width, height);
            prop_assert!(left >= 0 && top >= 0 && w > 0 && h > 0);
            prop_assert!(left as u32 + w <= width && top as u32 + h <= height);
        }

        #[test]
        fn a_padded_crop_stays_within_the_padding(
            width in 1u32..60,
            height in 1u32..60,
            padding in 0u32..9,
            sample: u64,
        ) {
            let op = RandomCrop::new(32).padding(padding, PadMode::Reflect);
            let (left, top, w, h) = crop_of(&op, sample, width, height);
            prop_assert_eq!((w, h), (32, 32));
            for (start, outer) in [(left, width), (top, height)] {
                let (outer, padding) = (i64::from(outer), i64::from(padding));
                let lack = (32 - outer - 2 * padding).max(0);
                prop_assert!(start >= -padding - lack && start + 32 <= outer + padding + lack);
            }
        }
    }

    #[test]
    fn resized_crops_have_the_mean_area_of_torchvisions_rule() {
        let op = RandomResizedCrop::new(224);
        let share = (0..4000)
            .map(|sample| {
                let (_, _, w, h) = crop_of(&op, sample, 1000, 1000);
                f64::from(w) * f64::from(h) / 1e6
            })
            .sum::<f64>()
            / 4000.0;
        // Two million draws of the same rule in numpy: mean 0.4783, deviation 0.2337; four sigmas
        // of this mean are 0.0148.
        assert!((share - 0.4783).abs() < 0.0148, "{share}");
    }
}
