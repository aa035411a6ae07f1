//! Crops.
//!
//! Formulas and rounding are torchvision's (which timm shares); `round` is half to even, as in
//! Python.

use serde::{Deserialize, Serialize};

use crate::augment::params::{SizeParam, op_basics};
use crate::augment::{Filter, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::kernels::PadMode;
use crate::rng::RandomStream;
use crate::spec::is_default;

/// Cuts the middle out; torchvision `CenterCrop`. A smaller image is padded with black first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    size: SizeParam,
}

impl CenterCrop {
    /// A square.
    pub fn new(side: u32) -> CenterCrop {
        CenterCrop {
            size: SizeParam::Side(side),
        }
    }

    /// A rectangle.
    pub fn exact(height: u32, width: u32) -> CenterCrop {
        CenterCrop {
            size: SizeParam::HeightWidth([height, width]),
        }
    }
}

/// Where a centerd crop of `inner` begins in `outer`, which may be shorter.
pub(super) fn center(outer: u32, inner: u32) -> i64 {
    let (outer, inner) = (i64::from(outer), i64::from(inner));
    if inner <= outer {
        let gap = outer - inner;
        // Half to even.
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

/// Cuts a random rectangle after padding all sides; torchvision `RandomCrop`.
///
/// `padding` pixels (0) on each side; `pad` is `"reflect"` or `{ constant = [r, g, b] }` (black).
/// An image that is too small even so is padded on both sides by what it lacks.
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
    /// A square, without padding.
    pub fn new(side: u32) -> RandomCrop {
        RandomCrop {
            size: SizeParam::Side(side),
            padding: 0,
            pad: PadMode::default(),
        }
    }

    /// Pads all sides first.
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
            let lack = inner.saturating_sub(padded);
            let room = padded + 2 * lack - inner;
            rng.below(u64::from(room) + 1) as i64 - i64::from(self.padding + lack)
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

/// Cuts a random share of random shape and resizes it: the Inception crop; torchvision
/// `RandomResizedCrop`.
///
/// `scale` is the range of the share of the area (0.08, 1), `ratio` that of width / height (3/4,
/// 4/3), drawn uniformly in its logarithm. After ten tries that do not fit, the largest centerd
/// crop of an allowed ratio is taken. `note = true` leaves the crop's left, top, width and height
/// with the batch as the note `box`.
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
    /// A square output with the usual ranges, bilinear.
    pub fn new(side: u32) -> RandomResizedCrop {
        RandomResizedCrop {
            size: SizeParam::Side(side),
            scale: default_scale(),
            ratio: default_ratio(),
            filter: Filter::default(),
            note: false,
        }
    }

    /// Another range of the share of the area.
    #[must_use]
    pub fn scale(self, low: f64, high: f64) -> RandomResizedCrop {
        RandomResizedCrop {
            scale: [low, high],
            ..self
        }
    }

    /// Another filter.
    #[must_use]
    pub fn filter(self, filter: Filter) -> RandomResizedCrop {
        RandomResizedCrop { filter, ..self }
    }

    /// The crop: left, top, width, height.
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
        // An image of one row has no height to give to a ratio.
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
        fn a_padded_crop_stays_within_the_padding(width in 1u32..60, height in 1u32..60, padding in 0u32..9, sample: u64) {
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
