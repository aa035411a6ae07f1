//! Terms, the weighted source pixels that a mixed pixel is the sum of, and the arithmetic of
//! rectangles that the blends share.

use crate::geometry::{Point, Rect, Size};

/// One term of the sum that makes an output pixel: a weight times a source pixel or a color.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Term {
    /// The factor of the pixel; the weights of an output pixel sum to 1.
    pub weight: f32,
    /// The pixel that is weighted.
    pub of: Of,
}

/// Where the value of a term comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Of {
    /// A pixel of an image: the number of the source, and the place in it.
    Source(usize, Point),
    /// A constant color, red, green and blue.
    Fill([u8; 3]),
}

/// A rectangle in an image of size `from`, scaled to an image of size `to`. Edges are rounded half
/// to even.
pub(super) fn scaled_rect(rect: Rect, from: Size, to: Size) -> Rect {
    let span = |first: u32, length: u32, from: u32, to: u32| {
        let scaled = |edge: f64| (edge * f64::from(to) / f64::from(from)).round_ties_even() as u32;
        let start = scaled(f64::from(first));
        (start, scaled(f64::from(first) + f64::from(length)) - start)
    };
    let (left, width) = span(rect.left, rect.width, from.width, to.width);
    let (top, height) = span(rect.top, rect.height, from.height, to.height);
    Rect::new(left, top, width, height)
}

/// The number of pixels of a rectangle.
pub(super) fn area(rect: Rect) -> u64 {
    u64::from(rect.width) * u64::from(rect.height)
}

/// True if a rectangle contains a pixel.
pub(super) fn contains(rect: Rect, at: Point) -> bool {
    let within = |at: u32, first: u32, length: u32| at >= first && at - first < length;
    within(at.x, rect.left, rect.width) && within(at.y, rect.top, rect.height)
}

/// True if a rectangle lies inside an image of this size.
pub(super) fn is_inside(rect: Rect, size: Size) -> bool {
    let within = |first: u32, length: u32, side: u32| {
        u64::from(first) + u64::from(length) <= u64::from(side)
    };
    within(rect.left, rect.width, size.width) && within(rect.top, rect.height, size.height)
}
