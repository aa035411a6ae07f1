//! Terms, the weighted source pixels that a mixed pixel is the sum of, and the arithmetic of
//! rectangles that the blends share.
//!
//! A rectangle is `[first row, first column, end row, end column]`, half-open.

use crate::geometry::Size;

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
    /// A pixel of an image: the number of the source, the row and the column.
    Source(usize, u32, u32),
    /// A constant color, red, green and blue.
    Fill([u8; 3]),
}

/// An edge of a rectangle, scaled from a side of length `from` to one of length `to` and rounded
/// half to even.
pub(super) fn scaled_edge(edge: u32, from: u32, to: u32) -> u32 {
    ((u64::from(edge) * u64::from(to)) as f64 / f64::from(from)).round_ties_even() as u32
}

/// A rectangle in an image of size `from`, scaled to an image of size `to`.
pub(super) fn scaled_rect([y0, x0, y1, x1]: [u32; 4], from: Size, to: Size) -> [u32; 4] {
    let row = |y| scaled_edge(y, from.height, to.height);
    let column = |x| scaled_edge(x, from.width, to.width);
    [row(y0), column(x0), row(y1), column(x1)]
}

/// The number of pixels of an image.
pub(super) fn pixels(frame: Size) -> u64 {
    u64::from(frame.width) * u64::from(frame.height)
}

/// The number of pixels of a rectangle; 0 if an end lies before its start.
pub(super) fn area([y0, x0, y1, x1]: [u32; 4]) -> u64 {
    u64::from(y1.saturating_sub(y0)) * u64::from(x1.saturating_sub(x0))
}
