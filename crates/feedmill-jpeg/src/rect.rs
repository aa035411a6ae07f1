//! Rectangles of pixels.

/// A rectangle of pixels: the columns `left..left + width` of the rows `top..top + height`.
///
/// # Example: the rectangle around two
///
/// ```
/// use feedmill_jpeg::Rect;
///
/// let both = Rect::new(0, 0, 10, 10).union(Rect::new(20, 5, 10, 10));
/// assert_eq!(both, Rect::new(0, 0, 30, 15));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// The first column, from 0.
    pub left: u32,
    /// The first row, from 0.
    pub top: u32,
    /// The number of columns.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
}

impl Rect {
    /// Returns the rectangle of `width` x `height` pixels whose first column is `left` and whose
    /// first row is `top`.
    pub const fn new(left: u32, top: u32, width: u32, height: u32) -> Rect {
        Rect {
            left,
            top,
            width,
            height,
        }
    }

    /// Returns the rectangle of a whole image.
    pub const fn whole(width: u32, height: u32) -> Rect {
        Rect::new(0, 0, width, height)
    }

    /// Returns the smallest rectangle that contains both.
    #[must_use]
    pub fn union(self, other: Rect) -> Rect {
        let (left, top) = (self.left.min(other.left), self.top.min(other.top));
        let right = (self.left + self.width).max(other.left + other.width);
        let bottom = (self.top + self.height).max(other.top + other.height);
        Rect {
            left,
            top,
            width: right - left,
            height: bottom - top,
        }
    }
}
