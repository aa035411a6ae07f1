//! Steps that move whole pixels: crops, mirror images, quarter turns.

use super::{Sheet, vector};
use crate::geometry::Size;
use crate::kernels::PadMode;

/// Mirrors left and right; in place by way of `line`.
pub(crate) fn mirror_columns(sheet: Sheet<'_>, frame: Size, line: &mut Vec<u8>, simd: bool) {
    let stride = frame.width as usize * 3;
    match sheet {
        Sheet::Move(from, to) => {
            from.chunks_exact(stride)
                .zip(to.chunks_exact_mut(stride))
                .for_each(|(row, out)| mirror(row, out, simd));
        }
        Sheet::Place(pixels) => {
            for row in pixels.chunks_exact_mut(stride) {
                line.clear();
                line.extend_from_slice(row);
                mirror(line, row, simd);
            }
        }
    }
}

fn mirror(row: &[u8], out: &mut [u8], simd: bool) {
    let (row, out) = (row.as_chunks().0, out.as_chunks_mut().0);
    let done = vector::mirror(simd, row, out);
    out[done..]
        .iter_mut()
        .zip(row.iter().rev().skip(done))
        .for_each(|(out, pixel)| *out = *pixel);
}

/// Mirrors top and bottom.
pub(crate) fn mirror_rows(sheet: Sheet<'_>, frame: Size) {
    let stride = frame.width as usize * 3;
    match sheet {
        Sheet::Move(from, to) => {
            let rows = to
                .chunks_exact_mut(stride)
                .zip(from.chunks_exact(stride).rev());
            rows.for_each(|(out, row)| out.copy_from_slice(row));
        }
        Sheet::Place(pixels) => {
            let (upper, lower) = pixels.split_at_mut(pixels.len() / 2 / stride * stride);
            let lower = lower.chunks_exact_mut(stride).rev();
            upper
                .chunks_exact_mut(stride)
                .zip(lower)
                .for_each(|(a, b)| a.swap_with_slice(b));
        }
    }
}

/// Turns clockwise by quarters.
pub(crate) fn turn(quarters: u8, source: &[u8], frame: Size, out: &mut [u8]) {
    let (width, height) = (frame.width as usize, frame.height as usize);
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

/// Writes rows of a turned image, a few columns at a time: their rows of the source stay in the
/// cache for all of them. `place` says which pixel of the source stands in a column and row.
fn turn_by(
    source: &[[u8; 3]],
    out: &mut [[u8; 3]],
    width: usize,
    place: impl Fn(usize, usize) -> usize,
) {
    const COLUMNS: usize = 16;
    for start in (0..width).step_by(COLUMNS) {
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            let columns = row.iter_mut().enumerate().skip(start).take(COLUMNS);
            columns.for_each(|(x, pixel)| *pixel = source[place(x, y)]);
        }
    }
}

/// Writes the transposed image, some rows at a time; `width` is that of `from`.
pub(super) fn transpose<T: Copy, const TILE: usize>(from: &[T], to: &mut [T], width: usize) {
    let (from, to) = (from.as_chunks::<3>().0, to.as_chunks_mut::<3>().0);
    let height = from.len() / width;
    for top in (0..height).step_by(TILE) {
        let rows = TILE.min(height - top);
        for (x, line) in to.chunks_exact_mut(height).enumerate() {
            for (pixel, y) in line[top..][..rows].iter_mut().zip(top..) {
                *pixel = from[y * width + x];
            }
        }
    }
}

/// Copies the rectangle of size `out_frame` at (left, top) of an image, filling what lies outside
/// it.
pub(crate) fn crop(
    source: &[u8],
    frame: Size,
    (left, top): (i64, i64),
    pad: PadMode,
    out: &mut [u8],
    out_frame: Size,
) {
    let (width, height) = (i64::from(frame.width), i64::from(frame.height));
    let columns = i64::from(out_frame.width);
    // The columns of the output that come from the image itself.
    let first = (-left).clamp(0, columns);
    let end = (width - left).clamp(first, columns);
    let stride = frame.width as usize * 3;
    for (y, row) in out
        .chunks_exact_mut(out_frame.width as usize * 3)
        .enumerate()
    {
        let y = top + y as i64;
        let Some(y) = beyond(y, height, pad) else {
            if let PadMode::Constant(color) = pad {
                row.as_chunks_mut().0.fill(color);
            }
            continue;
        };
        let line = &source[y as usize * stride..][..stride];
        if first < end {
            let from = (left + first) as usize * 3;
            let length = (end - first) as usize * 3;
            row[first as usize * 3..][..length].copy_from_slice(&line[from..from + length]);
        }
        for x in (0..first).chain(end..columns) {
            let color = match (beyond(left + x, width, pad), pad) {
                (Some(at), _) => line.as_chunks::<3>().0[at as usize],
                (None, PadMode::Constant(color)) => color,
                (None, _) => unreachable!("only a constant has places without a pixel"),
            };
            row[x as usize * 3..][..3].copy_from_slice(&color);
        }
    }
}

/// The index inside `0..n` whose pixel stands at `i`; `None` if it is the constant.
pub(super) fn beyond(i: i64, n: i64, pad: PadMode) -> Option<i64> {
    if (0..n).contains(&i) {
        return Some(i);
    }
    match pad {
        PadMode::Constant(_) => None,
        PadMode::Edge => Some(i.clamp(0, n - 1)),
        PadMode::Reflect if n == 1 => Some(0),
        // Bouncing as often as needed.
        PadMode::Reflect => {
            let i = i.rem_euclid(2 * (n - 1));
            Some(if i < n { i } else { 2 * (n - 1) - i })
        }
        PadMode::Symmetric => {
            let i = i.rem_euclid(2 * n);
            Some(if i < n { i } else { 2 * n - 1 - i })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_bounces_as_often_as_needed() {
        let around = |pad| [-3, -2, -1, 0, 1, 2, 3, 4, 5].map(|i| beyond(i, 3, pad).unwrap());
        assert_eq!(around(PadMode::Reflect), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(around(PadMode::Symmetric), [2, 1, 0, 0, 1, 2, 2, 1, 0]);
        assert_eq!(around(PadMode::Edge), [0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(beyond(-5, 1, PadMode::Reflect), Some(0));
    }

    #[test]
    fn mirror_images_are_the_same_by_vector_code_and_in_place() {
        for (width, height) in [(1, 1), (2, 3), (5, 1), (6, 2), (11, 2), (37, 3), (224, 2)] {
            let frame = Size { width, height };
            let image: Vec<u8> = (0..width * height * 3)
                .map(|i| (i * 7 % 251) as u8)
                .collect();
            let mirrored = |simd: bool| {
                let (mut moved, mut placed) = (vec![0; image.len()], image.clone());
                mirror_columns(
                    Sheet::Move(&image, &mut moved),
                    frame,
                    &mut Vec::new(),
                    simd,
                );
                mirror_columns(Sheet::Place(&mut placed), frame, &mut Vec::new(), simd);
                assert_eq!(moved, placed, "{frame}");
                moved
            };
            assert_eq!(mirrored(true), mirrored(false), "{frame}");
            let (mut placed, mut moved) = (image.clone(), image.clone());
            mirror_rows(Sheet::Place(&mut placed), frame);
            mirror_rows(Sheet::Move(&image, &mut moved), frame);
            assert_eq!(placed, moved);
        }
    }

    #[test]
    fn four_quarters_make_a_whole_turn() {
        let image: Vec<u8> = (0..2 * 3 * 3).collect();
        let frame = Size {
            width: 2,
            height: 3,
        };
        let mut out = vec![0; 18];
        turn(1, &image, frame, &mut out);
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
        turn(2, &image, frame, &mut back);
        assert_eq!(half, back);
    }
}
