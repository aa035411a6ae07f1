//! Sizes, rectangles and bounds. The whole crate has one convention: width before height, and left
//! before top.
//!
//! | type | numbers | for |
//! | --- | --- | --- |
//! | [`Size`] | whole pixels | images, views, planes |
//! | [`Rect`] | whole pixels: a corner and a size | crops, regions, mixed rectangles |
//! | [`Point`] | whole pixels: a column and a row | centers, places of pixels and of cells |
//! | [`Bounds`] | `f32`: four edges | boxes around objects |
//!
//! # Example: a region of an image
//!
//! ```
//! use feedmill::geometry::{Bounds, Rect, Size};
//!
//! let size = Size::new(640, 480);
//! let whole = Rect::whole(size.width, size.height);
//! let region = Rect::new(16, 8, 64, 48);
//! assert_eq!(whole.union(region), whole);
//! assert_eq!(size.area(), 307_200);
//!
//! let object = Bounds::new(10.5, 20.0, 110.5, 70.0);
//! assert_eq!((object.width(), object.height()), (100.0, 50.0));
//! ```

use std::fmt;

/// The rectangle of the JPEG decoder, so that crops reach it as they are.
pub use feedmill_jpeg::Rect;

/// The size of an image in pixels, or of a grid in cells.
///
/// # Example: the size of a photograph
///
/// ```
/// use feedmill::geometry::Size;
///
/// let size = Size::new(640, 480);
/// assert_eq!(size.area(), 307_200);
/// assert_eq!(size.to_string(), "640 x 480");
/// assert_eq!(Size::square(32), Size::new(32, 32));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// The number of columns.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
}

impl Size {
    /// Returns the size of `width` columns and `height` rows.
    pub const fn new(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    /// Returns the size of a square image.
    pub const fn square(side: u32) -> Size {
        Size::new(side, side)
    }

    /// Returns the number of pixels.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.width, self.height)
    }
}

/// A pixel of an image, or a cell of a grid.
///
/// # Example: the pixel in the middle
///
/// ```
/// use feedmill::geometry::{Point, Size};
///
/// let size = Size::new(640, 480);
/// assert_eq!(Point::new(size.width / 2, size.height / 2), Point { x: 320, y: 240 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// The column, from 0.
    pub x: u32,
    /// The row, from 0.
    pub y: u32,
}

impl Point {
    /// Returns the point in column `x` and row `y`.
    pub const fn new(x: u32, y: u32) -> Point {
        Point { x, y }
    }
}

/// The edges of a box around an object, in pixels.
///
/// 0 is the left or upper edge of the image, and its width or height is the opposite edge, so the
/// center of the first pixel is at 0.5. `right` and `bottom` are the ends of the box and not its
/// last pixels. The order of arrays is left, top, right, bottom, as in torchvision's `XYXY` and
/// unlike COCO's left, top, width, height.
///
/// # Example: a box of COCO
///
/// ```
/// use feedmill::geometry::Bounds;
///
/// let [left, top, width, height] = [12.0, 30.0, 40.0, 20.0];
/// let bounds = Bounds::new(left, top, left + width, top + height);
/// assert_eq!(bounds.edges(), [12.0, 30.0, 52.0, 50.0]);
/// assert_eq!(bounds, Bounds::from([12.0, 30.0, 52.0, 50.0]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The left edge, in pixels.
    pub left: f32,
    /// The upper edge, in pixels.
    pub top: f32,
    /// The right edge, which is not less than `left`, in pixels.
    pub right: f32,
    /// The lower edge, which is not less than `top`, in pixels.
    pub bottom: f32,
}

impl Bounds {
    /// Returns the bounds with these edges.
    pub const fn new(left: f32, top: f32, right: f32, bottom: f32) -> Bounds {
        Bounds {
            left,
            top,
            right,
            bottom,
        }
    }

    /// Returns the edges in the order left, top, right, bottom.
    pub const fn edges(self) -> [f32; 4] {
        [self.left, self.top, self.right, self.bottom]
    }

    /// Returns the distance from the left edge to the right one.
    pub fn width(self) -> f32 {
        self.right - self.left
    }

    /// Returns the distance from the upper edge to the lower one.
    pub fn height(self) -> f32 {
        self.bottom - self.top
    }
}

/// Edges in the order left, top, right, bottom.
impl From<[f32; 4]> for Bounds {
    fn from([left, top, right, bottom]: [f32; 4]) -> Bounds {
        Bounds::new(left, top, right, bottom)
    }
}
