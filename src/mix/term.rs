//! Terms of the weighted sum that a mixed pixel is, and the arithmetic of rectangles.

use crate::geometry::Size;

/// A pixel that a pixel is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// Its share.
    pub weight: f32,
    /// Whose it is.
    pub of: Of,
}

/// Where a pixel is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Row and column of a source.
    Source(usize, u32, u32),
    /// A color.
    Fill([u8; 3]),
}

/// The edge of a rectangle at another size, rounded half to even.
pub(super) fn scaled_edge(edge: u32, from: u32, to: u32) -> u32 {
    ((u64::from(edge) * u64::from(to)) as f64 / f64::from(from)).round_ties_even() as u32
}

pub(super) fn scaled_rect([y0, x0, y1, x1]: [u32; 4], from: Size, to: Size) -> [u32; 4] {
    let row = |y| scaled_edge(y, from.height, to.height);
    let column = |x| scaled_edge(x, from.width, to.width);
    [row(y0), column(x0), row(y1), column(x1)]
}

pub(super) fn pixels(frame: Size) -> u64 {
    u64::from(frame.width) * u64::from(frame.height)
}

pub(super) fn area([y0, x0, y1, x1]: [u32; 4]) -> u64 {
    u64::from(y1.saturating_sub(y0)) * u64::from(x1.saturating_sub(x0))
}
