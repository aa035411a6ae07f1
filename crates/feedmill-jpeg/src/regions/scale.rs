//! Decoding at a fraction of the size.

/// How much smaller than stored an image is decoded. Sides are divided and rounded up.
///
/// A block of 8 x 8 coefficients is transformed to fewer samples ("DCT scaling"), so high
/// frequencies are never computed. The pixels are those of libjpeg-turbo with the same
/// `scale_denom`. They are not those of the full image resized, since the low-pass filter is a
/// different one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scale {
    /// The stored size.
    #[default]
    Full,
    /// Half of the stored width and height.
    Half,
    /// A quarter of the stored width and height.
    Quarter,
    /// An eighth of the stored width and height: one pixel for each block.
    Eighth,
}

impl Scale {
    /// All scales, from the largest image to the smallest.
    pub const ALL: [Scale; 4] = [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth];

    /// Returns what sides are divided by: 1, 2, 4 or 8.
    pub fn divisor(self) -> u32 {
        1 << self as u32
    }

    /// Returns the scaled length of a side of `length` pixels.
    pub fn side(self, length: u32) -> u32 {
        length.div_ceil(self.divisor())
    }

    /// Returns the samples of a scaled block across: 8, 4, 2 or 1.
    pub(crate) fn block_size(self) -> usize {
        8 >> self as usize
    }
}
