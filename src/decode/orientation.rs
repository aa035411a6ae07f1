//! The eight EXIF orientations: how a stored image is turned to stand upright.

use crate::geometry::Rect;

/// How the stored image becomes the upright one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Orientation {
    #[default]
    Upright,
    Mirror,
    Half,
    Flip,
    Transpose,
    Right,
    Transverse,
    Left,
}

impl Orientation {
    /// The EXIF tag's value 1..=8; anything else counts as upright, as viewers do.
    pub(super) fn from_exif(value: u16) -> Orientation {
        match value {
            2 => Orientation::Mirror,
            3 => Orientation::Half,
            4 => Orientation::Flip,
            5 => Orientation::Transpose,
            6 => Orientation::Right,
            7 => Orientation::Transverse,
            8 => Orientation::Left,
            _ => Orientation::Upright,
        }
    }

    pub(super) fn swaps_sides(self) -> bool {
        matches!(
            self,
            Orientation::Transpose
                | Orientation::Right
                | Orientation::Transverse
                | Orientation::Left
        )
    }

    /// Where the stored pixel (x, y) of a `width` x `height` image goes.
    fn place(self, x: usize, y: usize, width: usize, height: usize) -> (usize, usize) {
        match self {
            Orientation::Upright => (x, y),
            Orientation::Mirror => (width - 1 - x, y),
            Orientation::Half => (width - 1 - x, height - 1 - y),
            Orientation::Flip => (x, height - 1 - y),
            Orientation::Transpose => (y, x),
            Orientation::Right => (height - 1 - y, x),
            Orientation::Transverse => (height - 1 - y, width - 1 - x),
            Orientation::Left => (y, width - 1 - x),
        }
    }

    /// The stored rectangle that becomes `region` of the upright image of `width` x `height`.
    pub(super) fn stored(self, region: Rect, width: u32, height: u32) -> Rect {
        let right = width - region.left - region.width;
        let bottom = height - region.top - region.height;
        let (left, top) = match self {
            Orientation::Upright => (region.left, region.top),
            Orientation::Mirror => (right, region.top),
            Orientation::Half => (right, bottom),
            Orientation::Flip => (region.left, bottom),
            Orientation::Transpose => (region.top, region.left),
            Orientation::Right => (region.top, right),
            Orientation::Transverse => (bottom, right),
            Orientation::Left => (bottom, region.left),
        };
        if self.swaps_sides() {
            Rect {
                left,
                top,
                width: region.height,
                height: region.width,
            }
        } else {
            Rect {
                left,
                top,
                ..region
            }
        }
    }

    /// Turns a stored image of `width` x `height` RGB pixels into `out`, which has the same number
    /// of bytes.
    pub(super) fn apply(self, stored: &[u8], width: usize, height: usize, out: &mut [u8]) {
        let out_width = if self.swaps_sides() { height } else { width };
        for (y, row) in stored.chunks_exact(width * 3).enumerate() {
            for (x, pixel) in row.chunks_exact(3).enumerate() {
                let (to_x, to_y) = self.place(x, y, width, height);
                let at = (to_y * out_width + to_x) * 3;
                out[at..at + 3].copy_from_slice(pixel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_before_turning_equals_turning_before_cutting() {
        let (width, height) = (5usize, 4usize);
        let stored: Vec<u8> = (0..width * height).flat_map(|i| [i as u8; 3]).collect();
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif);
            let (w, h) = if orientation.swaps_sides() {
                (height, width)
            } else {
                (width, height)
            };
            let mut upright = vec![0; stored.len()];
            orientation.apply(&stored, width, height, &mut upright);
            let region = Rect {
                left: 1,
                top: 2,
                width: 3,
                height: 2,
            };
            let cut = |pixels: &[u8], w: usize, r: Rect| -> Vec<u8> {
                let mut out = vec![0; (r.width * r.height * 3) as usize];
                super::super::crop(pixels, w, 3, r, &mut out);
                out
            };
            let expected = cut(&upright, w, region);
            let part = orientation.stored(region, w as u32, h as u32);
            let mut found = vec![0; expected.len()];
            let piece = cut(&stored, width, part);
            orientation.apply(
                &piece,
                part.width as usize,
                part.height as usize,
                &mut found,
            );
            assert_eq!(found, expected, "orientation {exif}");
        }
    }

    #[test]
    fn right_turns_the_first_row_into_the_last_column() {
        let stored: Vec<u8> = [1, 2, 3, 4].into_iter().flat_map(|v| [v; 3]).collect();
        let mut out = vec![0; 12];
        Orientation::Right.apply(&stored, 2, 2, &mut out);
        assert_eq!(
            out.iter().step_by(3).copied().collect::<Vec<_>>(),
            [3, 1, 4, 2]
        );
    }
}
