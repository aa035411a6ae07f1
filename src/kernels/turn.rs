//! Quarter turns and transposition.

use crate::geometry::Size;

/// Turns an image clockwise by this many quarters; `out` has the size that comes out.
pub(crate) fn turn(quarters: u8, source: &[u8], size: Size, out: &mut [u8]) {
    let (width, height) = (size.width as usize, size.height as usize);
    let source = source.as_chunks::<3>().0;
    let out = out.as_chunks_mut::<3>().0;
    match quarters % 4 {
        0 => out.copy_from_slice(source),
        2 => out
            .iter_mut()
            .zip(source.iter().rev())
            .for_each(|(new, old)| *new = *old),
        1 => turn_by(source, out, height, |x, y| (height - 1 - x) * width + y),
        _ => turn_by(source, out, height, |x, y| x * width + width - 1 - y),
    }
}

/// Writes a turned image 16 columns at a time, so that the source rows they come from stay in the
/// cache. `index(x, y)` is the index of the source pixel that goes to column `x` and row `y`.
fn turn_by(
    source: &[[u8; 3]],
    out: &mut [[u8; 3]],
    width: usize,
    index: impl Fn(usize, usize) -> usize,
) {
    const COLUMNS: usize = 16;
    for start in (0..width).step_by(COLUMNS) {
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            let columns = row.iter_mut().enumerate().skip(start).take(COLUMNS);
            columns.for_each(|(x, pixel)| *pixel = source[index(x, y)]);
        }
    }
}

/// Writes the transposed image of `from`, which is `width` pixels wide, `TILE` rows at a time, so
/// that they stay in the cache.
pub(super) fn transpose<T: Copy, const TILE: usize>(from: &[T], to: &mut [T], width: usize) {
    let (from, to) = (from.as_chunks::<3>().0, to.as_chunks_mut::<3>().0);
    let height = from.len() / width;
    for top in (0..height).step_by(TILE) {
        let rows = TILE.min(height - top);
        for (x, row) in to.chunks_exact_mut(height).enumerate() {
            for (pixel, y) in row[top..][..rows].iter_mut().zip(top..) {
                *pixel = from[y * width + x];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_quarters_make_a_whole_turn() {
        let image: Vec<u8> = (0..2 * 3 * 3).collect();
        let size = Size {
            width: 2,
            height: 3,
        };
        let mut out = vec![0; 18];
        turn(1, &image, size, &mut out);
        // The left column, read upwards, is the first row.
        assert_eq!(out[..9], [12, 13, 14, 6, 7, 8, 0, 1, 2]);
        let (mut back, mut half) = (vec![0; 18], vec![0; 18]);
        turn(
            3,
            &out,
            Size {
                width: 3,
                height: 2,
            },
            &mut back,
        );
        assert_eq!(back, image);
        turn(
            1,
            &out,
            Size {
                width: 3,
                height: 2,
            },
            &mut half,
        );
        turn(2, &image, size, &mut back);
        assert_eq!(half, back);
    }
}
