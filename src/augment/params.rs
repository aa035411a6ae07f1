//! What ops share: the parameter `size`, and the part of [`super::Op`] that all ops have alike.
//!
//! Ranges, defaults and checks of single numbers are in [`crate::spec`], because mixers and the
//! recipe use them too.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;

/// A size in a recipe: one number for a square, or `[height, width]`, the order of torchvision.
///
/// A field of this type needs `#[serde(deserialize_with = "crate::spec::read_integers")]`: an
/// untagged enum finds out its variant by trial, so a curve over epochs would not see that its
/// values are integers, which have to be rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number of pixels or [height, width]")]
pub(super) enum SizeParam {
    Side(u32),
    HeightWidth([u32; 2]),
}

impl SizeParam {
    /// The size; one number is the side of a square.
    pub(super) fn frame(self) -> Size {
        match self {
            SizeParam::Side(side) => Size {
                width: side,
                height: side,
            },
            SizeParam::HeightWidth([height, width]) => Size { width, height },
        }
    }

    /// Checks that each side is between 1 and 16384 pixels. The limit is beyond any model, and
    /// keeps the number of bytes of a batch within `u64`.
    pub(super) fn check(self) -> Result<()> {
        let Size { width, height } = self.frame();
        if [width, height]
            .iter()
            .any(|side| !(1..=16_384).contains(side))
        {
            return Err(Error::config(format!(
                "size = {height} x {width}: each side is between 1 and 16384 pixels"
            )));
        }
        Ok(())
    }
}

/// Implements [`super::Op::name`] and [`super::Op::params`] for an op with serde's `Serialize`.
macro_rules! op_basics {
    ($name:literal) => {
        fn name(&self) -> &str {
            $name
        }

        fn params(&self) -> toml::Table {
            $crate::spec::params_of(self)
        }
    };
}
pub(super) use op_basics;
