//! Ops that move pixels by a map: rotation, affine and perspective maps, padding, quarter turns.
//!
//! The bytes are those of Pillow's `Image.transform` and `Image.rotate`, on which torchvision's and
//! timm's results on PIL images rest. torchvision samples tensors in another way (`grid_sample`),
//! which is not followed. Matrices are in [`crate::augment::matrix`].

use serde::{Deserialize, Serialize};

use crate::augment::matrix;
use crate::augment::params::op_basics;
use crate::augment::{Op, Step, Steps, Warp, WarpFilter};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::kernels::PadMode;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p, check_range, one};

/// Turns the image about its center; torchvision `RandomRotation`, Pillow `Image.rotate`.
///
/// Turns by whole quarters copy pixels exactly where the size allows it.
///
/// # Parameters
///
/// * `degrees` (required, a number or a range; -360 to 360): the angle, counter-clockwise.
/// * `filter` (`"nearest"`; `"bilinear"`, `"bicubic"`): how it reads between pixels.
/// * `fill` (black): the color outside of the image.
/// * `expand` (false): whether the result is large enough for the whole turned image.
/// * `p` (1): the probability that the op is applied.
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
    /// By this angle in degrees, or by one from this range; nearest neighbors, black outside.
    pub fn new(degrees: impl Into<ParamRange>) -> Rotate {
        Rotate {
            degrees: degrees.into(),
            filter: WarpFilter::Nearest,
            fill: [0; 3],
            expand: false,
            p: 1.0,
        }
    }

    /// Sets how the op reads between pixels.
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

/// Turns, shifts, scales and shears the image about its center in one map; torchvision
/// `RandomAffine`.
///
/// # Parameters
///
/// All but the last three are numbers or ranges.
///
/// * `degrees` (0; -360 to 360): the angle, clockwise.
/// * `translate_x`, `translate_y` (0; -1 to 1): the shift as a share of the width and the height,
///   rounded to pixels.
/// * `scale` (1; 0.001 to 1000): the factor.
/// * `shear_x`, `shear_y` (0; -89 to 89 degrees): the angles of the shears.
/// * `filter` (`"nearest"`; `"bilinear"`, `"bicubic"`): how it reads between pixels.
/// * `fill` (black): the color outside of the image.
/// * `p` (1): the probability that the op is applied.
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

/// Shows the image as if seen from another side, by moving its corners inwards; torchvision
/// `RandomPerspective`.
///
/// # Parameters
///
/// * `distortion` (0.5; 0 to 1): how far each corner may move inwards, as a share of half a side.
/// * `corners` (none; -1 to 2): the places of the corners, instead of a draw: top left, top right,
///   bottom right, bottom left, each `[x, y]` as shares of the sides.
/// * `filter` (`"bilinear"`; `"nearest"`, `"bicubic"`): how it reads between pixels.
/// * `fill` (black): the color outside of the image.
/// * `p` (0.5): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Perspective {
    distortion: f64,
    filter: WarpFilter,
    fill: [u8; 3],
    p: f64,
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
        // As torchvision's `randint`, whose upper end is not included.
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
        // The corners of an image of one row or column are on a line, so there is no such map, and
        // the image stays as it is.
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
/// # Parameters
///
/// * `padding` (required; 0 to 16384 pixels): a number for all sides, or `[left, top, right,
///   bottom]`.
/// * `pad` (`{ constant = [0, 0, 0] }`): what the border holds: a color, `"reflect"`, `"symmetric"`
///   or `"edge"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    padding: Padding,
    #[serde(default)]
    pad: PadMode,
}

/// The widths of a border in a recipe.
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
    /// A border of `padding` pixels on all sides.
    pub fn new(padding: u32, pad: PadMode) -> Pad {
        Pad {
            padding: Padding::All(padding),
            pad,
        }
    }

    /// The widths of the border: left, top, right, bottom.
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

/// Turns the image by quarters, and leaves their number with the batch: the rotation pretext task
/// (Gidaris et al., 2018, arXiv 1803.07728).
///
/// # Parameters
///
/// * `turns` (`"random"`): the number of clockwise quarters, 0 to 3; `"random"` draws it with equal
///   chances, `"view"` turns view k of the group k times.
/// * `p` (1): the probability that the op is applied.
///
/// # Notes
///
/// * `turns`: the number of quarters, 0 to 3; 0 if the op was not applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rotate90 {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    turns: Turns,
    p: f64,
}

/// How the number of quarters is found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "0 to 3, \"random\" or \"view\"")]
enum Turns {
    Fixed(u8),
    Rule(TurnRule),
}

/// A rule for [`Turns`] that is written as a word.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TurnRule {
    /// Drawn with equal chances.
    Random,
    /// The number of the view in its group, modulo 4.
    View,
}

impl Default for Rotate90 {
    fn default() -> Rotate90 {
        Rotate90 {
            turns: Turns::Rule(TurnRule::Random),
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
            Turns::Rule(TurnRule::Random) => drawn,
            Turns::Rule(TurnRule::View) => (steps.view().0 % 4) as u8,
        };
        let turns = if applies { turns } else { 0 };
        steps.note("turns", &[i64::from(turns)]);
        if turns > 0 {
            steps.push(Step::Turn(turns));
        }
    }
}
