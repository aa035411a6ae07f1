//! Rectangles of pixels.

/// A rectangle of pixels: the columns `left..left + width` of the rows `top..top + height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// The first column.
    pub left: u32,
    /// The first row.
    pub top: u32,
    /// The number of columns.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
}

impl Rect {
    /// Returns the rectangle of a whole image.
    pub fn whole(width: u32, height: u32) -> Rect {
        Rect {
            left: 0,
            top: 0,
            width,
            height,
        }
    }
}
