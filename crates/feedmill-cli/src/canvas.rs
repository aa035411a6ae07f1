//! An image that is drawn on: pixels and text.

use feedmill::geometry::Bounds;
use font8x8::UnicodeFonts;

/// Pixels of a character.
pub(crate) const CHARACTER: usize = 8;
/// Pixels between images.
pub(crate) const GAP: usize = 4;

/// An image that is drawn on.
pub(crate) struct Canvas {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize) -> Canvas {
        Canvas {
            width,
            height,
            rgb: vec![24; width * height * 3],
        }
    }

    pub(crate) fn row(&mut self, left: usize, top: usize, rgb: &[u8]) {
        let at = (top * self.width + left) * 3;
        self.rgb[at..at + rgb.len()].copy_from_slice(rgb);
    }

    /// Colors a pixel if it is inside `bounds`: left, top, width, height.
    fn dot(&mut self, bounds: [usize; 4], x: i64, y: i64, color: [u8; 3]) {
        let [left, top, width, height] = bounds;
        if (0..width as i64).contains(&x) && (0..height as i64).contains(&y) {
            self.row(left + x as usize, top + y as usize, &color);
        }
    }

    /// Draws the outline of a box, given in pixels from the corner of `bounds`, as far as it is
    /// inside.
    pub(crate) fn outline(&mut self, bounds: [usize; 4], object: Bounds, color: [u8; 3]) {
        let edges = object.edges();
        // Whatever the edges are, no more is walked than the bounds.
        let most = [bounds[2], bounds[3], bounds[2], bounds[3]];
        let [x0, y0, x1, y1] =
            std::array::from_fn(|i| edges[i].round().clamp(-1.0, most[i] as f32 + 1.0) as i64);
        for x in x0..x1 {
            self.dot(bounds, x, y0, color);
            self.dot(bounds, x, y1 - 1, color);
        }
        for y in y0..y1 {
            self.dot(bounds, x0, y, color);
            self.dot(bounds, x1 - 1, y, color);
        }
    }

    /// Draws a small cross.
    pub(crate) fn cross(&mut self, bounds: [usize; 4], x: f32, y: f32, color: [u8; 3]) {
        for step in -2..=2 {
            self.dot(bounds, x as i64 + step, y as i64, color);
            self.dot(bounds, x as i64, y as i64 + step, color);
        }
    }

    /// Mixes half of a color into a pixel.
    pub(crate) fn tint(&mut self, x: usize, y: usize, color: [u8; 3]) {
        let at = (y * self.width + x) * 3;
        for (value, tint) in self.rgb[at..at + 3].iter_mut().zip(color) {
            *value = value.midpoint(tint);
        }
    }

    /// Draws a line of text, cut where `width` pixels end.
    pub(crate) fn text(&mut self, left: usize, top: usize, width: usize, text: &str) {
        for (number, character) in text.chars().take(width / CHARACTER).enumerate() {
            let fonts = [
                font8x8::BASIC_FONTS.get(character),
                font8x8::LATIN_FONTS.get(character),
            ];
            let glyph = fonts
                .into_iter()
                .flatten()
                .next()
                .or_else(|| font8x8::BASIC_FONTS.get('?'));
            for (y, bits) in glyph.unwrap_or_default().into_iter().enumerate() {
                for x in (0..CHARACTER).filter(|x| bits >> x & 1 == 1) {
                    self.row(left + number * CHARACTER + x, top + y, &[230; 3]);
                }
            }
        }
    }
}
