//! Sizes and rectangles, in pixels. The whole crate has one convention: width before height, and
//! left before top.

use std::fmt;

/// The rectangle of the JPEG decoder, so that crops reach it as they are.
pub use feedmill_jpeg::Rect;

/// The size of an image in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// The number of columns.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.width, self.height)
    }
}
