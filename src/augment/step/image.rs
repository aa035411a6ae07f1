//! The image on its way through the steps.

use std::fmt;

use crate::geometry::Size;
use crate::kernels::pixel_buf::PixelBuf;

/// The image on its way from the decoder to the output: 8-bit RGB, rows from the top without gaps.
///
/// Steps that cannot work in place write the other one of two buffers. The last of them writes the
/// output directly, so that no image is copied for its own sake.
///
/// # Example: write an image of another size
///
/// ```
/// use std::fmt;
///
/// use feedmill::augment::{Step, StepImage, StepScratch};
/// use feedmill::geometry::Size;
///
/// /// Keeps every second row.
/// #[derive(Debug)]
/// struct Halve;
///
/// impl fmt::Display for Halve {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("halve")
///     }
/// }
///
/// impl Step for Halve {
///     fn output_size(&self, size: Size) -> Size {
///         Size::new(size.width, size.height.div_ceil(2))
///     }
///     fn replaces(&self) -> bool {
///         true
///     }
///     fn run(&self, image: &mut StepImage<'_>, _: &mut StepScratch) -> feedmill::Result<()> {
///         let size = image.size();
///         let row = size.width as usize * 3;
///         image.replace(self.output_size(size), |old, new| {
///             for (new, old) in new.chunks_exact_mut(row).zip(old.chunks_exact(row).step_by(2)) {
///                 new.copy_from_slice(old);
///             }
///         });
///         Ok(())
///     }
/// }
/// ```
pub struct StepImage<'a> {
    location: Location<'a>,
    buffers: &'a mut [Vec<u8>; 2],
    out: &'a mut [u8],
    /// The number of steps to come that write another image. The last of them writes the output.
    replacements: usize,
    size: Size,
}

enum Location<'a> {
    /// Where it was decoded, to be read only.
    Source(&'a [u8]),
    /// In one of the two buffers.
    Buffer(usize),
    Out,
}

/// The number of bytes of an RGB image.
pub(in crate::augment) fn bytes(size: Size) -> usize {
    size.width as usize * size.height as usize * 3
}

impl fmt::Debug for StepImage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepImage({})", self.size)
    }
}

impl<'a> StepImage<'a> {
    /// An image that lies in `source` and ends in `out`, after so many steps that write another
    /// image.
    pub(in crate::augment) fn new(
        source: &'a [u8],
        size: Size,
        buffers: &'a mut [Vec<u8>; 2],
        out: &'a mut [u8],
        replacements: usize,
    ) -> StepImage<'a> {
        StepImage {
            location: Location::Source(source),
            buffers,
            out,
            replacements,
            size,
        }
    }

    /// The size of the image at present.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Writes a new image of this size: `change` reads the pixels of the present image and fills
    /// those of the new one, which may hold anything before.
    ///
    /// Only steps for which [`Step::replaces`](super::Step::replaces) is true may call it, and they
    /// call it once.
    pub fn replace(&mut self, size: Size, change: impl FnOnce(&[u8], &mut [u8])) {
        let last = self.replacements <= 1;
        self.replacements = self.replacements.saturating_sub(1);
        self.size = size;
        // Only a step that replaces more often than it said finds the image in the output.
        if let Location::Out = self.location {
            self.buffers[0].clear();
            self.buffers[0].extend_from_slice(self.out);
            self.location = Location::Buffer(0);
        }
        let [first, second] = &mut *self.buffers;
        let (source, buffer, next) = match self.location {
            Location::Source(source) => (source, first, 0),
            Location::Buffer(0) => (&first[..], second, 1),
            _ => (&second[..], first, 0),
        };
        if last && self.out.len() == bytes(size) {
            change(source, self.out);
            self.location = Location::Out;
        } else {
            buffer.resize(bytes(size), 0);
            change(source, buffer);
            self.location = Location::Buffer(next);
        }
    }

    /// The pixels, to be changed in place: `width * height * 3` bytes.
    pub fn in_place(&mut self) -> &mut [u8] {
        if let Location::Source(source) = self.location {
            if self.replacements == 0 {
                self.out.copy_from_slice(source);
                self.location = Location::Out;
            } else {
                self.buffers[0].clear();
                self.buffers[0].extend_from_slice(source);
                self.location = Location::Buffer(0);
            }
        }
        match self.location {
            Location::Buffer(number) => &mut self.buffers[number],
            _ => self.out,
        }
    }

    /// The pixels, to be changed in place or, if they still are where they were decoded, on their
    /// way from there.
    pub(in crate::augment) fn pixel_buf(&mut self) -> PixelBuf<'_> {
        let Location::Source(source) = self.location else {
            return PixelBuf::InPlace(self.in_place());
        };
        if self.replacements == 0 {
            self.location = Location::Out;
            return PixelBuf::Copy(source, self.out);
        }
        self.location = Location::Buffer(0);
        self.buffers[0].resize(bytes(self.size), 0);
        PixelBuf::Copy(source, &mut self.buffers[0])
    }

    /// One more step than was announced will write another image.
    pub(in crate::augment) fn expect_replacement(&mut self) {
        self.replacements += 1;
    }

    /// Makes sure that the image is in the output. Returns false if its size is another one.
    pub(in crate::augment) fn finish(mut self) -> bool {
        if let Location::Source(_) = self.location {
            self.replacements = 0;
            if bytes(self.size) == self.out.len() {
                self.in_place();
            }
        }
        if let Location::Buffer(number) = self.location
            && self.buffers[number].len() == self.out.len()
        {
            self.out.copy_from_slice(&self.buffers[number]);
        }
        bytes(self.size) == self.out.len()
    }
}
