//! A size as recipes write it.

use serde::{Deserialize, Deserializer};

use super::declare::{BareNumber, ParamSpec};
use super::read::read_integers;
use super::value::ParamValue;
use crate::error::Result;
use crate::geometry::Size;

/// A size in a recipe: one number, or `[height, width]`, the order of torchvision.
///
/// In Rust, `224` and `Size { width: 320, height: 240 }` convert to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SizeParam {
    /// One number: the side of a square, unless the op says otherwise.
    Side(u32),
    /// Exactly this size.
    Exact(Size),
}

impl SizeParam {
    /// The size; one number is the side of a square.
    pub fn size(self) -> Size {
        match self {
            SizeParam::Side(side) => Size {
                width: side,
                height: side,
            },
            SizeParam::Exact(size) => size,
        }
    }
}

impl From<u32> for SizeParam {
    fn from(side: u32) -> SizeParam {
        SizeParam::Side(side)
    }
}

/// For literals. A negative number becomes 0, which the check of an op refuses.
impl From<i32> for SizeParam {
    fn from(side: i32) -> SizeParam {
        SizeParam::Side(u32::try_from(side).unwrap_or(0))
    }
}

impl From<Size> for SizeParam {
    fn from(size: Size) -> SizeParam {
        SizeParam::Exact(size)
    }
}

impl<'de> Deserialize<'de> for SizeParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SizeParam, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an integer or [height, width]")]
        enum Written {
            Side(u32),
            HeightWidth([u32; 2]),
        }

        Ok(match read_integers::<D, Written>(deserializer)? {
            Written::Side(side) => SizeParam::Side(side),
            Written::HeightWidth([height, width]) => SizeParam::Exact(Size { width, height }),
        })
    }
}

impl ParamValue for SizeParam {
    const BARE_NUMBER: BareNumber = BareNumber::Sides;

    fn form() -> String {
        "an integer or `[height, width]`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match *self {
            SizeParam::Side(side) => i64::from(side).into(),
            SizeParam::Exact(Size { width, height }) => {
                vec![i64::from(height), i64::from(width)].into()
            }
        })
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        let Size { width, height } = self.size();
        let fits = |side: u32| param.check(side.into()).is_ok();
        if fits(width) && fits(height) {
            return Ok(());
        }
        match self {
            SizeParam::Side(side) => param.check((*side).into()),
            SizeParam::Exact(_) => {
                let sides = format!("[{height}, {width}]");
                Err(param.refuse(sides, format!("sides of {}", param.range_text())))
            }
        }
    }
}
