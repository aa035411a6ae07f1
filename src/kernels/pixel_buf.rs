//! Where a kernel that keeps the size of the image reads and writes.

/// The pixels of an image that a kernel changes.
///
/// Many kernels can do both at the same cost, and the second saves a copy of an image that still
/// lies where it was decoded.
pub(crate) enum PixelBuf<'a> {
    /// Pixels to be changed in place.
    InPlace(&'a mut [u8]),
    /// Pixels to be read, and as many to be written.
    Copy(&'a [u8], &'a mut [u8]),
}

impl PixelBuf<'_> {
    /// The pixels before the change.
    pub(super) fn source(&self) -> &[u8] {
        match self {
            PixelBuf::InPlace(pixels) => pixels,
            PixelBuf::Copy(source, _) => source,
        }
    }

    /// Changes every value by a function of it.
    ///
    /// Blocks make the compiler unroll the vector loop: a tight one is up to a quarter slower where
    /// its jump happens to lie across a boundary of 32 bytes.
    pub(super) fn map(self, change: impl Fn(u8) -> u8) {
        match self {
            PixelBuf::InPlace(pixels) => {
                let (blocks, rest) = pixels.as_chunks_mut::<64>();
                for block in blocks {
                    *block = block.map(&change);
                }
                rest.iter_mut().for_each(|value| *value = change(*value));
            }
            PixelBuf::Copy(source, out) => {
                let (blocks, rest) = source.as_chunks::<64>();
                let (out_blocks, out_rest) = out.as_chunks_mut::<64>();
                for (out, block) in out_blocks.iter_mut().zip(blocks) {
                    *out = block.map(&change);
                }
                let values = out_rest.iter_mut().zip(rest);
                values.for_each(|(out, value)| *out = change(*value));
            }
        }
    }

    /// Changes every pixel by a function of it.
    pub(super) fn map_pixels(self, change: impl Fn([u8; 3]) -> [u8; 3]) {
        match self {
            PixelBuf::InPlace(pixels) => {
                let pixels = pixels.as_chunks_mut().0.iter_mut();
                pixels.for_each(|pixel| *pixel = change(*pixel));
            }
            PixelBuf::Copy(source, out) => {
                let pixels = out.as_chunks_mut().0.iter_mut().zip(source.as_chunks().0);
                pixels.for_each(|(out, pixel)| *out = change(*pixel));
            }
        }
    }
}
