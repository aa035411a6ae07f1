//! Steps that move pixels by whole rows and columns, or resample them.

use std::fmt;

use crate::augment::step::{Merge, OnPlane, Placement, PlaneValues, Step, StepImage, StepScratch};
use crate::error::Result;
use crate::geometry::{Rect, Size};
use crate::kernels::border::PadMode;
use crate::kernels::frequency::LowFrequencies as FrequencyCrop;
use crate::kernels::resample::{Filter, Resampler};
use crate::kernels::{crop, mirror, turn};

/// Cuts out a rectangle, which may reach beyond the image on any side.
///
/// # Example: cut out a rectangle
///
/// ```
/// use feedmill::augment::steps::Crop;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Crop::new(2, 3, Size::new(4, 5))));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, Size::new(4, 5));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Crop {
    /// The first column; negative if padding comes first.
    pub left: i64,
    /// The first row; negative if padding comes first.
    pub top: i64,
    /// The size of the rectangle.
    pub size: Size,
    /// The pixels outside the image.
    pub pad: PadMode,
}

impl Crop {
    /// A rectangle with this corner and this size, with black outside of the image.
    pub fn new(left: i64, top: i64, size: Size) -> Crop {
        Crop {
            left,
            top,
            size,
            pad: PadMode::default(),
        }
    }

    /// This rectangle of the image.
    pub fn of(rect: Rect) -> Crop {
        let Rect {
            left,
            top,
            width,
            height,
        } = rect;
        Crop::new(left.into(), top.into(), Size { width, height })
    }
}

impl fmt::Display for Crop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Crop {
            left,
            top,
            size: Size { width, height },
            ..
        } = self;
        write!(
            f,
            "crop left={left} top={top} width={width} height={height}"
        )
    }
}

impl Step for Crop {
    fn run(&self, image: &mut StepImage<'_>, _: &mut StepScratch) -> Result<()> {
        let size = image.size();
        image.replace(self.size, |source, out| {
            crop::crop(
                source,
                size,
                (self.left, self.top),
                self.pad,
                out,
                self.size,
            );
        });
        Ok(())
    }

    fn output_size(&self, _: Size) -> Size {
        self.size
    }

    fn replaces(&self) -> bool {
        true
    }

    fn placement(&self, _: Size) -> Placement {
        Placement::Shift([-self.left as f64, -self.top as f64])
    }

    fn on_plane(&self, plane: PlaneValues) -> OnPlane {
        if plane.are_labels() && matches!(self.pad, PadMode::Constant(_)) {
            OnPlane::instead(Crop {
                pad: PadMode::Constant([plane.fill; 3]),
                ..*self
            })
        } else {
            OnPlane::Run
        }
    }

    fn merge(&self) -> Merge<'_> {
        let Crop {
            left,
            top,
            size,
            pad,
        } = *self;
        Merge::Crop {
            left,
            top,
            size,
            pad,
        }
    }
}

/// Resamples the image to a size.
///
/// # Example: enlarge an image
///
/// ```
/// use feedmill::augment::steps::Resize;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
/// use feedmill::augment::Filter;
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Resize::new(Size::square(16), Filter::Bilinear)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, Size::square(16));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Resize {
    /// The new size.
    pub size: Size,
    /// The filter.
    pub filter: Filter,
}

impl Resize {
    /// Returns the step that resamples to this size with this filter.
    pub fn new(size: Size, filter: Filter) -> Resize {
        Resize { size, filter }
    }
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size { width, height } = self.size;
        write!(
            f,
            "resize width={width} height={height} filter={}",
            self.filter
        )
    }
}

impl Step for Resize {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let (size, simd) = (image.size(), scratch.simd());
        let resampler = scratch.state::<Option<Resampler>>();
        let resampler = resampler.get_or_insert_with(|| Resampler::new(simd));
        image.replace(self.size, |source, out| {
            if size == self.size {
                out.copy_from_slice(source);
            } else {
                resampler.resize(source, size, out, self.size, self.filter);
            }
        });
        Ok(())
    }

    fn output_size(&self, _: Size) -> Size {
        self.size
    }

    fn replaces(&self) -> bool {
        true
    }

    fn placement(&self, size: Size) -> Placement {
        scale(size, self.size)
    }

    fn on_plane(&self, plane: PlaneValues) -> OnPlane {
        if plane.are_labels() {
            OnPlane::instead(Resize {
                filter: Filter::Nearest,
                ..*self
            })
        } else {
            OnPlane::Run
        }
    }

    fn merge(&self) -> Merge<'_> {
        match self.filter {
            Filter::Bilinear | Filter::Bicubic | Filter::Lanczos => Merge::Mean,
            _ => Merge::No,
        }
    }
}

/// The placement of an image that is brought to another size.
fn scale(from: Size, to: Size) -> Placement {
    let factor = |to: u32, from: u32| f64::from(to) / f64::from(from);
    Placement::Scale([factor(to.width, from.width), factor(to.height, from.height)])
}

/// Mirrors the image.
///
/// # Example: swap left and right
///
/// ```
/// use feedmill::augment::steps::Mirror;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Mirror::Columns));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mirror {
    /// Left and right.
    Columns,
    /// Top and bottom.
    Rows,
}

/// The row that is being mirrored.
#[derive(Default)]
struct Row(Vec<u8>);

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mirror::Columns => "horizontal_flip",
            Mirror::Rows => "vertical_flip",
        })
    }
}

impl Step for Mirror {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        let (Row(row), _, simd) = scratch.parts();
        match self {
            Mirror::Columns => mirror::columns(image.pixel_buf(), size, row, simd),
            Mirror::Rows => mirror::rows(image.pixel_buf(), size),
        }
        Ok(())
    }

    fn placement(&self, _: Size) -> Placement {
        match self {
            Mirror::Columns => Placement::MirrorColumns,
            Mirror::Rows => Placement::MirrorRows,
        }
    }

    fn merge(&self) -> Merge<'_> {
        match self {
            Mirror::Columns => Merge::MirrorColumns,
            Mirror::Rows => Merge::MirrorRows,
        }
    }
}

/// Turns the image clockwise by this many quarters, 1 to 3.
///
/// # Example: turn an image upside down
///
/// ```
/// use feedmill::augment::steps::Turn;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Turn(2)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(pub u8);

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "turn degrees={}", u32::from(self.0) * 90)
    }
}

impl Step for Turn {
    fn run(&self, image: &mut StepImage<'_>, _: &mut StepScratch) -> Result<()> {
        let size = image.size();
        image.replace(self.output_size(size), |source, out| {
            turn::turn(self.0, source, size, out);
        });
        Ok(())
    }

    fn output_size(&self, size: Size) -> Size {
        if self.0 % 2 == 1 {
            Size {
                width: size.height,
                height: size.width,
            }
        } else {
            size
        }
    }

    fn replaces(&self) -> bool {
        true
    }

    fn placement(&self, _: Size) -> Placement {
        Placement::Turn(self.0)
    }
}

/// Shrinks the image to this many pixels on each side, an even number, by cutting off high
/// frequencies.
///
/// # Example: keep the coarse content of an image
///
/// ```
/// use feedmill::augment::steps::LowFrequencies;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(LowFrequencies(4)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, Size::square(4));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowFrequencies(pub u32);

impl LowFrequencies {
    fn size(self) -> Size {
        Size {
            width: self.0,
            height: self.0,
        }
    }
}

impl fmt::Display for LowFrequencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "low_frequency_crop size={}", self.0)
    }
}

impl Step for LowFrequencies {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let (size, next) = (image.size(), self.size());
        let (state, buffers, simd) = scratch.parts::<FrequencyCrop>();
        image.replace(next, |source, out| {
            state.crop((source, size), (out, next), buffers, simd);
        });
        Ok(())
    }

    fn output_size(&self, _: Size) -> Size {
        self.size()
    }

    fn replaces(&self) -> bool {
        true
    }

    fn placement(&self, size: Size) -> Placement {
        scale(size, self.size())
    }

    fn on_plane(&self, plane: PlaneValues) -> OnPlane {
        if plane.are_labels() {
            OnPlane::instead(Resize {
                size: self.size(),
                filter: Filter::Nearest,
            })
        } else {
            OnPlane::Run
        }
    }
}
