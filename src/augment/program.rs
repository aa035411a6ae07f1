//! The steps of one view of one sample: drawn before pixels exist, run when they do.
//!
//! The crops and mirror images at the beginning become one crop, of which the decoder delivers the
//! pixels ([`PendingCrop`]); the other steps run one after the other ([`run_steps`]).

use std::sync::Arc;

use super::OpEntry;
use super::list::{Note, Steps};
use super::step::{Merge, Step, StepImage, StepScratch, bytes, run_steps};
use super::steps::{Crop, Mirror};
use crate::error::{Error, Kind, Result};
use crate::geometry::{Rect, Size};
use crate::kernels::border::PadMode;
use crate::rng::{Coord, RandomStream};

/// The steps of one view of one sample, with every parameter drawn. Reused from sample to sample.
///
/// # Example: decode no more than a crop needs
///
/// ```
/// use feedmill::augment::steps::{Crop, Mirror};
/// use feedmill::augment::{Program, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let crop = Crop::new(0, 10, Size::new(20, 30));
/// let program = Program::from(Steps::new(Size::new(64, 48)).with(Mirror::Columns).with(crop));
/// assert_eq!(program.source_region(), Rect::new(44, 10, 20, 30)); // of the mirrored image
/// assert_eq!(program.end(), Size::new(20, 30));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Program(Steps);

impl From<Steps> for Program {
    fn from(steps: Steps) -> Program {
        Program(steps)
    }
}

impl Program {
    /// Draws the parameters of every op in `ops` for an image of this size. `at.op` is filled in
    /// for each op; the view is the `nth` of the `count` views of its group.
    pub fn draw<'a>(
        &mut self,
        ops: impl Iterator<Item = &'a OpEntry>,
        seed: u64,
        at: Coord,
        (nth, count): (usize, usize),
        size: Size,
    ) {
        let steps = &mut self.0;
        steps.restart(size, nth, count);
        for entry in ops {
            let number = if entry.shared() { 0 } else { at.view };
            let mut rng = RandomStream::keyed(
                seed,
                Coord {
                    op: entry.key(),
                    view: number,
                    ..at
                },
            );
            steps.within(entry.label(), |steps| entry.op().draw(&mut rng, steps));
        }
    }

    /// A program of these steps for an image of this size.
    pub fn of(steps: impl IntoIterator<Item = Arc<dyn Step>>, size: Size) -> Program {
        let mut program = Program(Steps::new(size));
        let steps = steps.into_iter();
        steps.for_each(|step| program.0.push_shared(step));
        program
    }

    /// The size of the image before the first step.
    pub fn begin(&self) -> Size {
        self.0.input_size()
    }

    /// The size of the image after the last step.
    pub fn end(&self) -> Size {
        self.0.size()
    }

    /// The numbers that an op left under a note; `None` if the op was not drawn for this sample.
    pub fn note(&self, note: &Note) -> Option<&[i64]> {
        self.0.noted(note.key, note.width)
    }

    /// Refuses steps that would make an image of more than 2^28 pixels on the way. A strip of
    /// 1 x 60000 pixels, resized so that its shorter side is 256, would take 12 GB.
    ///
    /// # Errors
    ///
    /// [`Kind::Limit`] that names the step.
    pub fn check_size(&self) -> Result<()> {
        let mut size = self.begin();
        for step in self.steps() {
            size = step.output_size(size);
            if step.replaces() && u64::from(size.width) * u64::from(size.height) > 1 << 28 {
                let input = self.begin();
                let text = format!(
                    "the step \"{step}\" of an image of {input} makes more than 2^28 pixels"
                );
                return Err(Error::new(Kind::Limit, text));
            }
        }
        Ok(())
    }

    pub(super) fn steps_mut(&mut self) -> &mut Steps {
        &mut self.0
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Arc<dyn Step>] {
        self.0.list()
    }

    /// The part of the image that the steps read: the decoder has to deliver no more.
    pub fn source_region(&self) -> Rect {
        let input = self.begin();
        match PendingCrop::new(input, self.steps()) {
            None => Rect::whole(input.width, input.height),
            Some(crop) => crop.source_region(input),
        }
    }

    /// Runs the steps. `pixels` is the part `region` of the image, which covers
    /// [`Program::source_region`]; `out` receives an image of size `out_size`.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the steps end with another size; [`Kind::Limit`] as in
    /// [`Program::check_size`].
    pub fn run(
        &self,
        scratch: &mut StepScratch,
        pixels: &[u8],
        region: Rect,
        out: &mut [u8],
        out_size: Size,
    ) -> Result<()> {
        self.check_size()?;
        if self.end() != out_size || out.len() != bytes(out_size) {
            let text = format!(
                "the ops end with {} pixels; the recipe promises {out_size}",
                self.end()
            );
            return Err(Error::config(text));
        }
        let input = self.begin();
        let size = Size {
            width: region.width,
            height: region.height,
        };
        let crop = PendingCrop::new(input, self.steps());
        if crop.is_none() && size != input {
            let text = format!("decoded {region:?} where all of {input} is needed");
            return Err(Error::new(Kind::Worker, text));
        }
        let steps = &self.steps()[crop.as_ref().map_or(0, |crop| crop.steps)..];
        let replacements = steps.iter().filter(|step| step.replaces()).count();
        let mut buffers = scratch.take_buffers();
        let mut image = StepImage::new(pixels, size, &mut buffers, out, replacements);
        let run = || {
            if let Some(crop) = crop {
                crop.run(&mut image, region, scratch)?;
            }
            run_steps(steps, &mut image, scratch)
        };
        let ran = run();
        let fits = image.finish();
        scratch.return_buffers(buffers);
        ran?;
        if fits {
            return Ok(());
        }
        let text = format!("the steps made another size than {out_size}, which they announced");
        Err(Error::new(Kind::Worker, text))
    }
}

/// The crops and mirror images that a program begins with, as one crop of the original image that
/// is mirrored afterwards.
///
/// The decoder delivers only the pixels of that crop, so it is known before there are pixels.
struct PendingCrop {
    /// The number of steps that it replaces.
    steps: usize,
    /// The column and the row where it begins in the original image.
    origin: (i64, i64),
    size: Size,
    pad: PadMode,
    /// Whether it is mirrored left and right, and top and bottom.
    flips: [bool; 2],
}

impl PendingCrop {
    /// `None` if the steps do not begin with a crop, or with mirror images and a crop.
    fn new(input: Size, steps: &[Arc<dyn Step>]) -> Option<PendingCrop> {
        let mut crop = PendingCrop {
            steps: 0,
            origin: (0, 0),
            size: input,
            pad: PadMode::default(),
            flips: [false; 2],
        };
        let mut flips = [false; 2];
        for (number, step) in steps.iter().enumerate() {
            match step.merge() {
                Merge::MirrorColumns => flips[0] ^= true,
                Merge::MirrorRows => flips[1] ^= true,
                Merge::Crop {
                    left,
                    top,
                    size,
                    pad,
                } => {
                    let nested = crop.is_inside(input) && crop.contains((left, top), size);
                    // A crop of a crop is one crop if both stay inside. The first crop may reach
                    // beyond: before it there is the whole image, so padding means the same.
                    if crop.steps > 0 && !nested {
                        break;
                    }
                    crop = PendingCrop {
                        steps: number + 1,
                        origin: crop.origin_of((left, top), size, flips),
                        size,
                        pad,
                        flips,
                    };
                }
                _ => break,
            }
        }
        (crop.steps > 0).then_some(crop)
    }

    /// True if the crop does not reach beyond an image of this size.
    fn is_inside(&self, input: Size) -> bool {
        let (left, top) = self.origin;
        left >= 0
            && top >= 0
            && left + i64::from(self.size.width) <= i64::from(input.width)
            && top + i64::from(self.size.height) <= i64::from(input.height)
    }

    /// True if a crop of this crop does not reach beyond it.
    fn contains(&self, (left, top): (i64, i64), size: Size) -> bool {
        left >= 0
            && top >= 0
            && left + i64::from(size.width) <= i64::from(self.size.width)
            && top + i64::from(size.height) <= i64::from(self.size.height)
    }

    /// Where a crop of this crop, mirrored by `flips`, begins in the original image.
    fn origin_of(&self, (left, top): (i64, i64), size: Size, flips: [bool; 2]) -> (i64, i64) {
        let mirrored = |start: i64, length: u32, outer: u32, flip: bool| {
            if flip {
                i64::from(outer) - start - i64::from(length)
            } else {
                start
            }
        };
        (
            self.origin.0 + mirrored(left, size.width, self.size.width, flips[0]),
            self.origin.1 + mirrored(top, size.height, self.size.height, flips[1]),
        )
    }

    /// The part of an image of size `input` that the crop reads.
    fn source_region(&self, input: Size) -> Rect {
        let inside = |start: i64, length: u32, outer: u32| {
            let first = start.clamp(0, i64::from(outer) - 1);
            let end = (start + i64::from(length)).clamp(first + 1, i64::from(outer));
            (first as u32, (end - first) as u32)
        };
        // Repeated pixels may come from anywhere in a small image, and images that are padded are
        // small.
        if !self.is_inside(input) && !matches!(self.pad, PadMode::Constant(_)) {
            return Rect::whole(input.width, input.height);
        }
        let (left, width) = inside(self.origin.0, self.size.width, input.width);
        let (top, height) = inside(self.origin.1, self.size.height, input.height);
        Rect {
            left,
            top,
            width,
            height,
        }
    }

    /// Crops and mirrors the image, which is the part `region` of the original one.
    ///
    /// # Errors
    ///
    /// None: the steps of a crop cannot fail.
    fn run(
        &self,
        image: &mut StepImage<'_>,
        region: Rect,
        scratch: &mut StepScratch,
    ) -> Result<()> {
        let crop = Crop {
            left: self.origin.0 - i64::from(region.left),
            top: self.origin.1 - i64::from(region.top),
            size: self.size,
            pad: self.pad,
        };
        // Pixels that the decoder has cut already stay where they are.
        if (crop.left, crop.top) != (0, 0) || crop.size != image.size() {
            image.expect_replacement();
            crop.run(image, scratch)?;
        }
        if self.flips[0] {
            Mirror::Columns.run(image, scratch)?;
        }
        if self.flips[1] {
            Mirror::Rows.run(image, scratch)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "program_tests.rs"]
mod tests;
