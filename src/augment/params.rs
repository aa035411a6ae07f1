//! Parameters that ops share, and their checks.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;

/// A size in a recipe: one number for a square, or `[height, width]`. Read it with
/// [`spec::read_integers`](crate::spec::read_integers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number of pixels or [height, width]")]
pub(super) enum SizeParam {
    Side(u32),
    HeightWidth([u32; 2]),
}

impl SizeParam {
    pub(super) fn frame(self) -> Size {
        match self {
            SizeParam::Side(side) => Size {
                width: side,
                height: side,
            },
            SizeParam::HeightWidth([height, width]) => Size { width, height },
        }
    }

    /// 16384 a side is beyond any model and keeps a batch's size within u64.
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

/// The part of [`super::Op`] that is alike for all ops whose parameters are read and written by
/// serde.
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
