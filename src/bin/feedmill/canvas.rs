//! A picture that is drawn on: pixels and text.

use font8x8::UnicodeFonts;

/// Pixels of a character.
pub const CHARACTER: usize = 8;
/// Pixels between pictures.
pub const GAP: usize = 4;

/// A picture that is drawn on.
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, rgb: vec![24; width * height * 3] }
    }

    pub fn row(&mut self, left: usize, top: usize, rgb: &[u8]) {
        let at = (top * self.width + left) * 3;
        self.rgb[at..at + rgb.len()].copy_from_slice(rgb);
    }

    /// Draws a line of text, cut where `width` pixels end.
    pub fn text(&mut self, left: usize, top: usize, width: usize, text: &str) {
        for (number, character) in text.chars().take(width / CHARACTER).enumerate() {
            let fonts = [font8x8::BASIC_FONTS.get(character), font8x8::LATIN_FONTS.get(character)];
            let glyph = fonts.into_iter().flatten().next().or_else(|| font8x8::BASIC_FONTS.get('?'));
            for (y, bits) in glyph.unwrap_or_default().into_iter().enumerate() {
                for x in (0..CHARACTER).filter(|x| bits >> x & 1 == 1) {
                    self.row(left + number * CHARACTER + x, top + y, &[230; 3]);
                }
            }
        }
    }
}
