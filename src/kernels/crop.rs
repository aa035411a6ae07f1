//! Crops that may reach beyond the image.

use super::border::PadMode;
use crate::geometry::Size;

/// Copies the rectangle of size `out_size` at column `left` and row `top` of an image. The
/// rectangle may reach beyond the image, whose surroundings are `pad`.
pub(crate) fn crop(
    source: &[u8],
    size: Size,
    (left, top): (i64, i64),
    pad: PadMode,
    out: &mut [u8],
    out_size: Size,
) {
    let (width, height) = (i64::from(size.width), i64::from(size.height));
    let columns = i64::from(out_size.width);
    // The columns of the output that lie within the image.
    let first = (-left).clamp(0, columns);
    let end = (width - left).clamp(first, columns);
    let stride = size.width as usize * 3;
    for (y, row) in out
        .chunks_exact_mut(out_size.width as usize * 3)
        .enumerate()
    {
        let y = top + y as i64;
        let Some(y) = pad.index(y, height) else {
            if let PadMode::Constant(color) = pad {
                row.as_chunks_mut().0.fill(color);
            }
            continue;
        };
        let from = &source[y as usize * stride..][..stride];
        if first < end {
            let start = (left + first) as usize * 3;
            let length = (end - first) as usize * 3;
            row[first as usize * 3..][..length].copy_from_slice(&from[start..][..length]);
        }
        for x in (0..first).chain(end..columns) {
            let color = match (pad.index(left + x, width), pad) {
                (Some(at), _) => from.as_chunks::<3>().0[at as usize],
                (None, PadMode::Constant(color)) => color,
                (None, _) => unreachable!("only the constant border has no pixel"),
            };
            row[x as usize * 3..][..3].copy_from_slice(&color);
        }
    }
}
