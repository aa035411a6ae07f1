//! Steps that change values and leave every pixel where it is.

use std::fmt;

use super::{Blur, Clahe, Color, Convolve, Corrupt, Edges, Levels, Noise};
use crate::augment::step::{Merge, Step, StepImage, StepScratch};
use crate::error::Result;
use crate::kernels::filter::{Shape, Tap};
use crate::kernels::levels::LutScratch;
use crate::kernels::poisson::Poisson;
use crate::kernels::{blur, clahe, color, convolve, corrupt, edges, jpeg, levels, noise};

/// What filters and noise keep from image to image: the weights of a two-dimensional filter, and
/// the tables of Poisson counts.
#[derive(Default)]
struct Tables {
    taps: Vec<Tap>,
    poisson: Poisson,
}

impl Step for Levels {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let (state, _, simd) = scratch.parts::<LutScratch>();
        levels::run(std::iter::once(self), image.pixel_buf(), state, simd);
        Ok(())
    }

    fn merge(&self) -> Merge<'_> {
        Merge::Levels(self)
    }
}

impl Step for Color {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        color::run(*self, image.in_place(), scratch.simd());
        Ok(())
    }
}

impl Step for Clahe {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        clahe::run(self, image.in_place(), size, scratch.buffers().0);
        Ok(())
    }
}

impl Step for Blur {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        let (Tables { taps, .. }, buffers, _) = scratch.parts();
        blur::run(*self, image.in_place(), size, buffers, taps);
        Ok(())
    }
}

impl Step for Noise {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        let (Tables { poisson, .. }, buffers, _) = scratch.parts();
        noise::run(self, image.in_place(), size, buffers, poisson);
        Ok(())
    }
}

impl Step for Corrupt {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        let (Tables { taps, poisson }, buffers, simd) = scratch.parts();
        let tables = (taps, poisson);
        corrupt::run(self, image.in_place(), size, buffers, tables, simd);
        Ok(())
    }
}

impl Step for Edges {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        edges::run(self, image.in_place(), size, scratch.buffers().0);
        Ok(())
    }
}

impl Step for Convolve {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        convolve::run(self, image.in_place(), size, scratch.buffers().0);
        Ok(())
    }
}

/// Compresses the image with JPEG of this quality, 1 to 100, and decompresses it.
///
/// # Example: compress and decompress an image
///
/// ```
/// use feedmill::augment::steps::Jpeg;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Jpeg(50)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jpeg(pub u8);

impl fmt::Display for Jpeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jpeg quality={}", self.0)
    }
}

impl Step for Jpeg {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let shape = Shape::rgb(image.size());
        let (buffers, simd) = scratch.buffers();
        jpeg::run(self.0, image.in_place(), shape, buffers, simd);
        Ok(())
    }
}
