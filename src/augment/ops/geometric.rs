//! Ops that move pixels by a map: rotation, affine, perspective, padding, quarter turns.

use serde::{Deserialize, Serialize};

use crate::augment::matrix;
use crate::augment::params::op_basics;
use crate::augment::{Op, Step, Steps, Warp, WarpFilter};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::kernels::PadMode;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p, check_range, one};

/// Turns about the center; torchvision `RandomRotation`, Pillow `Image.rotate`.
///
/// `degrees` counter-clockwise, a number or `[low, high]`; `filter` (`nearest`); `fill` (black);
/// `expand` (false) makes the image large enough for its corners; `p` (1). Turns by whole quarters
/// are exact where the size allows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    degrees: ParamRange,
    #[serde(default)]
    filter: WarpFilter,
    #[serde(default)]
    fill: [u8; 3],
    #[serde(default)]
    expand: bool,
    #[serde(default = "one")]
    p: f64,
}

impl Rotate {
    /// By an angle, or one of a range.
    pub fn new(degrees: impl Into<ParamRange>) -> Rotate {
        Rotate {
            degrees: degrees.into(),
            filter: WarpFilter::Nearest,
            fill: [0; 3],
            expand: false,
            p: 1.0,
        }
    }

    /// Reads between pixels.
    #[must_use]
    pub fn filter(self, filter: WarpFilter) -> Rotate {
        Rotate { filter, ..self }
    }
}

impl Op for Rotate {
    op_basics!("rotate");

    fn check(&self) -> Result<()> {
        self.degrees.check("degrees", [-360.0, 360.0])?;
        check_p(self.p)
    }

    fn frame(&self, frame: Option<Size>) -> Option<Size> {
        if self.expand { None } else { frame }
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let degrees = self.degrees.draw(rng);
        if applies
            && let Some(step) =
                Step::rotation(degrees, steps.frame(), self.expand, self.filter, self.fill)
        {
            steps.push(step);
        }
    }
}

/// Turns, moves, scales and shears at once; torchvision `RandomAffine`.
///
/// `degrees` (0) clockwise; `translate_x`, `translate_y` (0) as shares of the width and height,
/// rounded to pixels; `scale` (1); `shear_x`, `shear_y` (0) in degrees: each a number or `[low,
/// high]`. `filter` (`nearest`), `fill` (black), `p` (1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Affine {
    degrees: ParamRange,
    translate_x: ParamRange,
    translate_y: ParamRange,
    scale: ParamRange,
    shear_x: ParamRange,
    shear_y: ParamRange,
    filter: WarpFilter,
    fill: [u8; 3],
    p: f64,
}

impl Default for Affine {
    fn default() -> Affine {
        let zero = ParamRange::Fixed(0.0);
        Affine {
            degrees: zero,
            translate_x: zero,
            translate_y: zero,
            scale: ParamRange::Fixed(1.0),
            shear_x: zero,
            shear_y: zero,
            filter: WarpFilter::Nearest,
            fill: [0; 3],
            p: 1.0,
        }
    }
}

impl Op for Affine {
    op_basics!("affine");

    fn check(&self) -> Result<()> {
        self.degrees.check("degrees", [-360.0, 360.0])?;
        self.translate_x.check("translate_x", [-1.0, 1.0])?;
        self.translate_y.check("translate_y", [-1.0, 1.0])?;
        self.scale.check("scale", [1e-3, 1e3])?;
        self.shear_x.check("shear_x", [-89.0, 89.0])?;
        self.shear_y.check("shear_y", [-89.0, 89.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let frame = steps.frame();
        let (w, h) = (f64::from(frame.width), f64::from(frame.height));
        let degrees = self.degrees.draw(rng);
        let tx = (self.translate_x.draw(rng) * w).round_ties_even();
        let ty = (self.translate_y.draw(rng) * h).round_ties_even();
        let scale = self.scale.draw(rng);
        let shear = [self.shear_x.draw(rng), self.shear_y.draw(rng)];
        if applies {
            let map = matrix::affine((w * 0.5, h * 0.5), degrees, (tx, ty), scale, shear);
            steps.push(Step::Warp(Warp::affine(map, self.filter, self.fill, frame)));
        }
    }
}

/// Sees the image from another side; torchvision `RandomPerspective`.
///
/// Each corner moves inwards by up to `distortion` (0.5) of half a side; `filter` (`bilinear`),
/// `fill` (black), `p` (0.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Perspective {
    distortion: f64,
    filter: WarpFilter,
    fill: [u8; 3],
    p: f64,
    /// Where the corners go, instead of a draw: left top, right top, right bottom, left bottom, as
    /// shares of the sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    corners: Option<[[f64; 2]; 4]>,
}

impl Default for Perspective {
    fn default() -> Perspective {
        Perspective {
            distortion: 0.5,
            filter: WarpFilter::Bilinear,
            fill: [0; 3],
            p: 0.5,
            corners: None,
        }
    }
}

impl Op for Perspective {
    op_basics!("perspective");

    fn check(&self) -> Result<()> {
        check_range("distortion", self.distortion, [0.0, 1.0])?;
        if let Some(corners) = self.corners {
            corners
                .as_flattened()
                .iter()
                .try_for_each(|share| check_range("corners", *share, [-1.0, 2.0]))?;
        }
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let frame = steps.frame();
        let (w, h) = (i64::from(frame.width), i64::from(frame.height));
        let reach = |side: i64| (self.distortion * (side / 2) as f64) as i64 + 1;
        let (bw, bh) = (reach(w), reach(h));
        // As torchvision's randint, whose end is not included.
        let mut between =
            |low: i64, high: i64| (low + rng.below((high - low).max(1) as u64) as i64) as f64;
        let mut corner = |right: bool, low: bool| {
            let x = if right {
                between(w - bw, w)
            } else {
                between(0, bw)
            };
            let y = if low {
                between(h - bh, h)
            } else {
                between(0, bh)
            };
            (x, y)
        };
        let drawn = [
            corner(false, false),
            corner(true, false),
            corner(true, true),
            corner(false, true),
        ];
        let (w, h) = ((w - 1) as f64, (h - 1) as f64);
        let starts = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)];
        let ends = self
            .corners
            .map_or(drawn, |corners| corners.map(|[x, y]| (x * w, y * h)));
        // An image of one row has no such map and stays as it is.
        if applies && let Some(matrix) = matrix::perspective(starts, ends) {
            steps.push(Step::Warp(Warp {
                matrix,
                filter: self.filter,
                fill: self.fill,
                size: frame,
            }));
        }
    }
}

/// Adds a border; torchvision `Pad`.
///
/// `padding` on all sides, or `[left, top, right, bottom]`; `pad` as in `random_crop`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    padding: Padding,
    #[serde(default)]
    pad: PadMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number of pixels or [left, top, right, bottom]"
)]
enum Padding {
    All(u32),
    Sides([u32; 4]),
}

impl Pad {
    /// The same border on all sides.
    pub fn new(padding: u32, pad: PadMode) -> Pad {
        Pad {
            padding: Padding::All(padding),
            pad,
        }
    }

    fn sides(&self) -> [u32; 4] {
        match self.padding {
            Padding::All(side) => [side; 4],
            Padding::Sides(sides) => sides,
        }
    }
}

impl Op for Pad {
    op_basics!("pad");

    fn check(&self) -> Result<()> {
        match self.sides().iter().find(|side| **side > 16_384) {
            Some(side) => Err(Error::config(format!(
                "padding = {side}: at most 16384 pixels"
            ))),
            None => Ok(()),
        }
    }

    fn frame(&self, frame: Option<Size>) -> Option<Size> {
        let [left, top, right, bottom] = self.sides();
        frame.map(|frame| Size {
            width: frame.width + left + right,
            height: frame.height + top + bottom,
        })
    }

    fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
        let [left, top, ..] = self.sides().map(i64::from);
        if let Some(Size { width, height }) = self.frame(Some(steps.frame())) {
            steps.push(Step::Crop {
                left: -left,
                top: -top,
                width,
                height,
                pad: self.pad,
            });
        }
    }
}

/// Turns by quarters, and leaves the number of quarters with the batch: the rotation pretext task
/// (Gidaris et al., 2018, arXiv 1803.07728).
///
/// `turns` is a number of clockwise quarters, or `"random"`, or `"view"`: the k-th view of its
/// group is turned k times. The note `turns` is the label. `p` (1) is the probability of turning at
/// all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rotate90 {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    turns: Turns,
    p: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "0 to 3, \"random\" or \"view\"")]
enum Turns {
    Fixed(u8),
    By(By),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Random,
    View,
}

impl Default for Rotate90 {
    fn default() -> Rotate90 {
        Rotate90 {
            turns: Turns::By(By::Random),
            p: 1.0,
        }
    }
}

impl Op for Rotate90 {
    op_basics!("rotate90");

    fn check(&self) -> Result<()> {
        if let Turns::Fixed(turns) = self.turns
            && turns > 3
        {
            return Err(Error::config(format!(
                "turns = {turns}: expected 0 to 3, \"random\" or \"view\""
            )));
        }
        check_p(self.p)
    }

    fn frame(&self, frame: Option<Size>) -> Option<Size> {
        match self.turns {
            Turns::Fixed(0 | 2) => frame,
            Turns::Fixed(_) if self.p == 1.0 => frame.map(|f| Size {
                width: f.height,
                height: f.width,
            }),
            _ => frame.filter(|frame| frame.width == frame.height),
        }
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("turns".into(), 1)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let drawn = rng.below(4) as u8;
        let turns = match self.turns {
            Turns::Fixed(turns) => turns,
            Turns::By(By::Random) => drawn,
            Turns::By(By::View) => (steps.view().0 % 4) as u8,
        };
        let turns = if applies { turns } else { 0 };
        steps.note("turns", &[i64::from(turns)]);
        if turns > 0 {
            steps.push(Step::Turn(turns));
        }
    }
}
