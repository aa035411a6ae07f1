//! The two libraries whose rounding color steps reproduce.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The library whose rounding a color step reproduces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dialect {
    /// Pillow's 8-bit rules, which torchvision and timm follow for PIL images.
    #[default]
    Pil,
    /// The rules of torchvision v2 for u8 tensors.
    Tv2,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::Pil => "",
            Dialect::Tv2 => " dialect=tv2",
        })
    }
}
