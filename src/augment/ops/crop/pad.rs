//! Borders.

use serde::{Deserialize, Deserializer};

use crate::augment::steps::Crop;
use crate::augment::{Op, PadMode, Steps};
use crate::declare;
use crate::error::Result;
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::{BareNumber, ParamSpec, ParamValue, read_integers};

/// The widths of a border in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Padding {
    /// The same on all sides.
    All(u32),
    /// Left, top, right, bottom.
    Sides([u32; 4]),
}

impl From<u32> for Padding {
    fn from(padding: u32) -> Padding {
        Padding::All(padding)
    }
}

/// For literals. A negative number is taken for the largest one, which the check of the op refuses.
impl From<i32> for Padding {
    fn from(padding: i32) -> Padding {
        Padding::All(u32::try_from(padding).unwrap_or(u32::MAX))
    }
}

impl From<[u32; 4]> for Padding {
    fn from(sides: [u32; 4]) -> Padding {
        Padding::Sides(sides)
    }
}

impl Padding {
    /// The widths: left, top, right, bottom.
    fn sides(self) -> [u32; 4] {
        match self {
            Padding::All(side) => [side; 4],
            Padding::Sides(sides) => sides,
        }
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Padding, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an integer or [left, top, right, bottom]")]
        enum Written {
            All(u32),
            Sides([u32; 4]),
        }

        Ok(match read_integers::<D, Written>(deserializer)? {
            Written::All(side) => Padding::All(side),
            Written::Sides(sides) => Padding::Sides(sides),
        })
    }
}

impl ParamValue for Padding {
    const BARE_NUMBER: BareNumber = BareNumber::Sides;

    fn form() -> String {
        "an integer or `[left, top, right, bottom]`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match self {
            Padding::All(side) => i64::from(*side).into(),
            Padding::Sides(sides) => sides.map(i64::from).to_vec().into(),
        })
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        self.sides()
            .iter()
            .try_for_each(|side| param.check((*side).into()))
    }
}

/// Adds a border.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::PadMode;
/// use feedmill::augment::ops::Pad;
/// use feedmill::testing::assert_op;
///
/// let op = Pad::new(4).with_pad(PadMode::Edge);
/// assert_op(r#"{ op = "pad", padding = 4, pad = "edge" }"#, &op);
/// ```
#[declare(
    name = "pad",
    like = ["torchvision Pad", "Pillow ImageOps.expand"],
    strengths = [
        "padding = 4, pad = \"reflect\"",
        "padding = 12, pad = \"symmetric\"",
        "padding = 24, pad = \"edge\"",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Pad {
    /// The widths of the border.
    #[param(required, range = [0.0, 16384.0], unit = "pixels")]
    padding: Padding,
    /// What the border holds.
    #[param(default)]
    pad: PadMode,
}

impl Op for Pad {
    fn output_size(&self, size: Option<Size>) -> Option<Size> {
        let [left, top, right, bottom] = self.padding.sides();
        size.map(|size| Size {
            width: size.width + left + right,
            height: size.height + top + bottom,
        })
    }

    fn draw(&self, _: &mut RandomStream, steps: &mut Steps) {
        let [left, top, ..] = self.padding.sides().map(i64::from);
        if let Some(size) = self.output_size(Some(steps.size())) {
            steps.push(Crop {
                left: -left,
                top: -top,
                size,
                pad: self.pad,
            });
        }
    }
}
