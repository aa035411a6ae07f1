//! Ops that choose which pixels go where: crops, resizes, flips.
//!
//! Formulas and rounding are torchvision's (which timm shares); `round` is half to even, as in Python.

use serde::{Deserialize, Serialize};

use super::{Filter, Frame, Op, Step, params_of};
use crate::draws::Draws;
use crate::error::{Error, Result};

/// What stands beyond the edge of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// A colour.
    Constant([u8; 3]),
    /// The picture mirrored at its edge, the edge not repeated: 2 1 | 0 1 2.
    Reflect,
}

impl Default for PadMode {
    fn default() -> PadMode {
        PadMode::Constant([0; 3])
    }
}

/// A size in a recipe: one number for a square, or `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Size {
    Side(u32),
    HeightWidth([u32; 2]),
}

impl Size {
    fn frame(self) -> Frame {
        match self {
            Size::Side(side) => Frame { width: side, height: side },
            Size::HeightWidth([height, width]) => Frame { width, height },
        }
    }

    /// 16384 a side is beyond any model and keeps a batch's size within u64.
    fn check(self) -> Result<()> {
        let Frame { width, height } = self.frame();
        if [width, height].iter().any(|side| !(1..=16_384).contains(side)) {
            return Err(Error::config(format!(
                "size = {height} x {width}: each side is between 1 and 16384 pixels"
            )));
        }
        Ok(())
    }
}

/// Checks a probability.
pub(super) fn check_p(p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        Ok(())
    } else {
        Err(Error::config(format!("p = {p}: a probability is between 0 and 1")))
    }
}

fn half() -> f64 {
    0.5
}

/// Resizes; torchvision `Resize`.
///
/// `size` as one number is the new length of the shorter side, the other follows (truncated); as `[height, width]` it is
/// exact. `filter` is `bilinear`, `bicubic`, `lanczos` or `nearest`. The first three are antialiased; `antialias = false`
/// switches that off for the first two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    size: Size,
    #[serde(default)]
    filter: Filter,
    #[serde(default = "yes")]
    antialias: bool,
}

fn yes() -> bool {
    true
}

impl Resize {
    /// Makes the shorter side `side` pixels long.
    pub fn shorter(side: u32) -> Resize {
        Resize { size: Size::Side(side), filter: Filter::default(), antialias: true }
    }

    /// Makes the picture exactly this large.
    pub fn exact(height: u32, width: u32) -> Resize {
        Resize { size: Size::HeightWidth([height, width]), ..Resize::shorter(1) }
    }

    /// Resamples with another filter.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Resize {
        Resize { filter, ..self }
    }

    fn target(&self, frame: Frame) -> Frame {
        match self.size {
            Size::HeightWidth(_) => self.size.frame(),
            Size::Side(side) => {
                let (short, long) = (frame.width.min(frame.height), frame.width.max(frame.height));
                let scaled = (u64::from(side) * u64::from(long) / u64::from(short)).min(1 << 24) as u32;
                if frame.width <= frame.height {
                    Frame { width: side, height: scaled }
                } else {
                    Frame { width: scaled, height: side }
                }
            }
        }
    }
}

impl Op for Resize {
    fn name(&self) -> &str {
        "resize"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        if !self.antialias && self.filter == Filter::Lanczos {
            return Err(Error::config(
                "antialias = false: filter = \"lanczos\" is always antialiased; take bilinear or bicubic",
            ));
        }
        self.size.check()
    }

    fn frame(&self, frame: Option<Frame>) -> Option<Frame> {
        match self.size {
            Size::HeightWidth(_) => Some(self.size.frame()),
            Size::Side(_) => frame.map(|frame| self.target(frame)),
        }
    }

    fn draw(&self, _draws: &mut Draws, frame: Frame, steps: &mut Vec<Step>) {
        let Frame { width, height } = self.target(frame);
        let filter = if self.antialias { self.filter } else { self.filter.without_antialias() };
        steps.push(Step::Resize { width, height, filter });
    }
}

/// Cuts the middle out; torchvision `CenterCrop`. A smaller picture is padded with black first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    size: Size,
}

impl CenterCrop {
    /// A square.
    pub fn new(side: u32) -> CenterCrop {
        CenterCrop { size: Size::Side(side) }
    }

    /// A rectangle.
    pub fn exact(height: u32, width: u32) -> CenterCrop {
        CenterCrop { size: Size::HeightWidth([height, width]) }
    }
}

/// Where a centred crop of `inner` begins in `outer`, which may be shorter.
fn centre(outer: u32, inner: u32) -> i64 {
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
    fn name(&self) -> &str {
        "center_crop"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        self.size.check()
    }

    fn frame(&self, _frame: Option<Frame>) -> Option<Frame> {
        Some(self.size.frame())
    }

    fn draw(&self, _draws: &mut Draws, frame: Frame, steps: &mut Vec<Step>) {
        let Frame { width, height } = self.size.frame();
        let (left, top) = (centre(frame.width, width), centre(frame.height, height));
        steps.push(Step::Crop { left, top, width, height, pad: PadMode::default() });
    }
}

/// Cuts a random rectangle after padding all sides; torchvision `RandomCrop`.
///
/// `padding` pixels (0) on each side; `pad` is `"reflect"` or `{ constant = [r, g, b] }` (black). A picture that is too
/// small even so is padded on both sides by what it lacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    size: Size,
    #[serde(default)]
    padding: u32,
    #[serde(default)]
    pad: PadMode,
}

impl RandomCrop {
    /// A square, without padding.
    pub fn new(side: u32) -> RandomCrop {
        RandomCrop { size: Size::Side(side), padding: 0, pad: PadMode::default() }
    }

    /// Pads all sides first.
    #[must_use]
    pub fn padding(self, padding: u32, pad: PadMode) -> RandomCrop {
        RandomCrop { padding, pad, ..self }
    }
}

impl Op for RandomCrop {
    fn name(&self) -> &str {
        "random_crop"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        if self.padding > 16_384 {
            return Err(Error::config(format!("padding = {}: at most 16384 pixels", self.padding)));
        }
        self.size.check()
    }

    fn frame(&self, _frame: Option<Frame>) -> Option<Frame> {
        Some(self.size.frame())
    }

    fn draw(&self, draws: &mut Draws, frame: Frame, steps: &mut Vec<Step>) {
        let Frame { width, height } = self.size.frame();
        let mut start = |outer: u32, inner: u32| {
            let padded = outer + 2 * self.padding;
            let lack = inner.saturating_sub(padded);
            let room = padded + 2 * lack - inner;
            draws.below(u64::from(room) + 1) as i64 - i64::from(self.padding + lack)
        };
        let top = start(frame.height, height);
        let left = start(frame.width, width);
        steps.push(Step::Crop { left, top, width, height, pad: self.pad });
    }
}

/// Cuts a random share of random shape and resizes it: the Inception crop; torchvision `RandomResizedCrop`.
///
/// `scale` is the range of the share of the area (0.08, 1), `ratio` that of width / height (3/4, 4/3), drawn uniformly in
/// its logarithm. After ten tries that do not fit, the largest centred crop of an allowed ratio is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    size: Size,
    #[serde(default = "default_scale")]
    scale: [f64; 2],
    #[serde(default = "default_ratio")]
    ratio: [f64; 2],
    #[serde(default)]
    filter: Filter,
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
            size: Size::Side(side),
            scale: default_scale(),
            ratio: default_ratio(),
            filter: Filter::default(),
        }
    }

    /// Another range of the share of the area.
    #[must_use]
    pub fn scale(self, low: f64, high: f64) -> RandomResizedCrop {
        RandomResizedCrop { scale: [low, high], ..self }
    }

    /// Another filter.
    #[must_use]
    pub fn filter(self, filter: Filter) -> RandomResizedCrop {
        RandomResizedCrop { filter, ..self }
    }

    /// The crop: left, top, width, height.
    fn crop(&self, draws: &mut Draws, frame: Frame) -> [u32; 4] {
        let (w, h) = (f64::from(frame.width), f64::from(frame.height));
        let logs = self.ratio.map(libm::log);
        for _ in 0..10 {
            let area = w * h * draws.within(self.scale[0], self.scale[1]);
            let aspect = libm::exp(draws.within(logs[0], logs[1]));
            let width = libm::sqrt(area * aspect).round_ties_even() as u32;
            let height = libm::sqrt(area / aspect).round_ties_even() as u32;
            if (1..=frame.width).contains(&width) && (1..=frame.height).contains(&height) {
                let top = draws.below(u64::from(frame.height - height) + 1) as u32;
                let left = draws.below(u64::from(frame.width - width) + 1) as u32;
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
        // A picture of one row has no height to give to a ratio.
        let (width, height) = (width.clamp(1, frame.width), height.clamp(1, frame.height));
        [(frame.width - width) / 2, (frame.height - height) / 2, width, height]
    }
}

impl Op for RandomResizedCrop {
    fn name(&self) -> &str {
        "random_resized_crop"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        let [low, high] = self.scale;
        if !(low > 0.0 && low <= high && high <= 1.0) {
            return Err(Error::config(format!("scale = [{low}, {high}]: expected 0 < low <= high <= 1")));
        }
        let [low, high] = self.ratio;
        if !(low > 0.0 && low <= high && high.is_finite()) {
            return Err(Error::config(format!("ratio = [{low}, {high}]: expected 0 < low <= high")));
        }
        self.size.check()
    }

    fn frame(&self, _frame: Option<Frame>) -> Option<Frame> {
        Some(self.size.frame())
    }

    fn draw(&self, draws: &mut Draws, frame: Frame, steps: &mut Vec<Step>) {
        let [left, top, width, height] = self.crop(draws, frame);
        let (left, top) = (i64::from(left), i64::from(top));
        steps.push(Step::Crop { left, top, width, height, pad: PadMode::default() });
        let Frame { width, height } = self.size.frame();
        steps.push(Step::Resize { width, height, filter: self.filter });
    }
}

/// Mirrors left and right with probability `p` (0.5); torchvision `RandomHorizontalFlip`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HorizontalFlip {
    #[serde(default = "half")]
    p: f64,
}

impl HorizontalFlip {
    /// With probability `p`.
    pub fn new(p: f64) -> HorizontalFlip {
        HorizontalFlip { p }
    }
}

/// Mirrors top and bottom with probability `p` (0.5); torchvision `RandomVerticalFlip`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerticalFlip {
    #[serde(default = "half")]
    p: f64,
}

impl VerticalFlip {
    /// With probability `p`.
    pub fn new(p: f64) -> VerticalFlip {
        VerticalFlip { p }
    }
}

impl Op for HorizontalFlip {
    fn name(&self) -> &str {
        "horizontal_flip"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        check_p(self.p)
    }

    fn draw(&self, draws: &mut Draws, _frame: Frame, steps: &mut Vec<Step>) {
        if draws.chance(self.p) {
            steps.push(Step::HorizontalFlip);
        }
    }
}

impl Op for VerticalFlip {
    fn name(&self) -> &str {
        "vertical_flip"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        check_p(self.p)
    }

    fn draw(&self, draws: &mut Draws, _frame: Frame, steps: &mut Vec<Step>) {
        if draws.chance(self.p) {
            steps.push(Step::VerticalFlip);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draws::{Coord, OpKey};

    fn draws(sample: u64) -> Draws {
        Draws::at(7, Coord { epoch: 0, sample, occurrence: 0, view: 0, op: OpKey(1) })
    }

    fn crop_of(op: &dyn Op, sample: u64, width: u32, height: u32) -> (i64, i64, u32, u32) {
        let mut steps = Vec::new();
        op.draw(&mut draws(sample), Frame { width, height }, &mut steps);
        match steps[0] {
            Step::Crop { left, top, width, height, .. } => (left, top, width, height),
            ref other => panic!("{other}"),
        }
    }

    #[test]
    fn the_centre_rounds_half_to_even_and_pads_what_is_missing() {
        // torchvision: round((H - h) / 2) by Python's rule.
        assert_eq!([7, 6, 5, 4, 3].map(|n| centre(n, 2)), [2, 2, 2, 1, 0]);
        // Padding (w - W) // 2 on the left.
        assert_eq!([1, 2].map(|n| centre(n, 4)), [-1, -1]);
    }

    #[test]
    fn the_shorter_side_sets_the_size_and_the_longer_is_truncated() {
        let resize = Resize::shorter(256);
        let size = |width, height| resize.target(Frame { width, height });
        assert_eq!(size(500, 375), Frame { width: 341, height: 256 });
        assert_eq!(size(375, 500), Frame { width: 256, height: 341 });
        assert_eq!(size(1, 1), Frame { width: 256, height: 256 });
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
        // Two million draws of the same rule in numpy: mean 0.4783, deviation 0.2337; four sigmas of this mean are 0.0148.
        assert!((share - 0.4783).abs() < 0.0148, "{share}");
    }
}
