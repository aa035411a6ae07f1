//! The steps of one view of one sample: drawn before pixels exist, run when they do.
//!
//! Running fuses what can be fused. The crops and mirror images at the beginning become one crop,
//! of which the decoder delivers the pixels ([`PendingCrop`]); consecutive steps on levels become
//! one table ([`levels`]); and every other step reads the image where the last one left it
//! ([`CurrentImage`]).

use super::{Note, OpEntry, RenderSteps, Step, Steps};
use crate::cpu::Simd;
use crate::error::{Error, Kind, Result};
use crate::geometry::{Rect, Size};
use crate::kernels::blend::blend;
use crate::kernels::border::PadMode;
use crate::kernels::filter::{Shape, Tap};
use crate::kernels::frequency::LowFrequencies;
use crate::kernels::levels::{self, LutScratch};
use crate::kernels::pixel_buf::PixelBuf;
use crate::kernels::poisson::Poisson;
use crate::kernels::resample::Resampler;
use crate::kernels::scratch::Scratch;
use crate::kernels::{blur, clahe, color, convolve, corrupt, crop, edges, elastic, erase, jpeg};
use crate::kernels::{mirror, noise, turn, warp};
use crate::rng::{Coord, RandomStream};

/// The steps of one view of one sample, with every parameter drawn. Reused from sample to sample.
#[derive(Clone, Debug, Default)]
pub struct Program(Steps);

/// Runs steps on images of their own, with scratch memory that is allocated when first needed.
#[derive(Default)]
pub(super) struct Renderer(Option<ProgramScratch>);

impl RenderSteps for Renderer {
    fn render(&mut self, steps: Vec<Step>, size: Size, pixels: &[u8]) -> Result<(Size, Vec<u8>)> {
        let scratch = self
            .0
            .get_or_insert_with(|| ProgramScratch::new(Simd::detect()));
        let program = Program::of(steps, size);
        let end = program.end();
        let mut out = vec![0; bytes(end)];
        let whole = Rect::whole(size.width, size.height);
        program.run(scratch, pixels, whole, &mut out, end)?;
        Ok((end, out))
    }
}

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
    pub fn of(steps: impl IntoIterator<Item = Step>, size: Size) -> Program {
        let mut program = Program(Steps::new(size));
        steps.into_iter().for_each(|step| program.0.push(step));
        program
    }

    /// The size of the image before the first step.
    pub fn begin(&self) -> Size {
        self.0.input_size()
    }

    /// The size of the image after the last step.
    pub fn end(&self) -> Size {
        self.0.frame()
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
            size = step.frame(size);
            if step.moves() && u64::from(size.width) * u64::from(size.height) > 1 << 28 {
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
    pub fn steps(&self) -> &[Step] {
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
        scratch: &mut ProgramScratch,
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
        let mut steps = &self.steps()[crop.as_ref().map_or(0, |crop| crop.steps)..];
        let ProgramScratch {
            first,
            second,
            work,
        } = scratch;
        let mut image = CurrentImage {
            location: Location::Source(pixels),
            first,
            second,
            out,
            moves_left: steps.iter().filter(|step| step.moves()).count(),
            size,
        };
        if let Some(crop) = crop {
            crop.run(&mut image, region, work);
        }
        while let [step, rest @ ..] = steps {
            let levels = steps
                .iter()
                .take_while(|step| matches!(step, Step::Levels(_)))
                .count();
            if levels > 0 {
                work.levels(&steps[..levels], image.pixel_buf());
                steps = &steps[levels..];
            } else {
                work.step(step, &mut image)?;
                steps = rest;
            }
        }
        image.finish();
        Ok(())
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
    fn new(input: Size, steps: &[Step]) -> Option<PendingCrop> {
        let mut crop = PendingCrop {
            steps: 0,
            origin: (0, 0),
            size: input,
            pad: PadMode::default(),
            flips: [false; 2],
        };
        let mut flips = [false; 2];
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Step::HorizontalFlip => flips[0] ^= true,
                Step::VerticalFlip => flips[1] ^= true,
                Step::Crop {
                    left,
                    top,
                    width,
                    height,
                    pad,
                } => {
                    let size = Size { width, height };
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

    /// Crops and mirrors the current image, which is the part `region` of the original one.
    fn run(&self, image: &mut CurrentImage<'_>, region: Rect, work: &mut Work) {
        let (size, out_size) = (image.size, self.size);
        let origin = (
            self.origin.0 - i64::from(region.left),
            self.origin.1 - i64::from(region.top),
        );
        // Pixels that the decoder has cut already stay where they are.
        if origin != (0, 0) || out_size != size {
            image.moves_left += 1;
            image.replace(out_size, |source, target| {
                crop::crop(source, size, origin, self.pad, target, out_size);
            });
        }
        if self.flips[0] {
            work.flip(&Step::HorizontalFlip, image.pixel_buf(), out_size);
        }
        if self.flips[1] {
            work.flip(&Step::VerticalFlip, image.pixel_buf(), out_size);
        }
    }
}

/// The image on its way from the decoder to the output.
///
/// Steps that cannot work in place write the other one of two buffers. The last of them writes the
/// output directly, so that no image is copied for its own sake.
struct CurrentImage<'a> {
    location: Location<'a>,
    first: &'a mut Vec<u8>,
    second: &'a mut Vec<u8>,
    out: &'a mut [u8],
    /// The number of steps to come that write another image. The last of them writes the output.
    moves_left: usize,
    size: Size,
}

enum Location<'a> {
    /// Where it was decoded, to be read only.
    Source(&'a [u8]),
    First,
    Second,
    Out,
}

impl CurrentImage<'_> {
    /// Writes a new image of this size from the current one.
    fn replace(&mut self, size: Size, change: impl FnOnce(&[u8], &mut [u8])) {
        self.moves_left -= 1;
        self.size = size;
        let (length, last) = (bytes(size), self.moves_left == 0);
        let (source, buffer, next) = match self.location {
            Location::Source(source) => (source, &mut *self.first, Location::First),
            Location::First => (&self.first[..], &mut *self.second, Location::Second),
            Location::Second => (&self.second[..], &mut *self.first, Location::First),
            Location::Out => unreachable!("only the last move writes the output"),
        };
        if last {
            change(source, self.out);
            self.location = Location::Out;
        } else {
            buffer.resize(length, 0);
            change(source, buffer);
            self.location = next;
        }
    }

    /// The current image, to be changed in place or, if it is still where it was decoded, on its
    /// way from there.
    fn pixel_buf(&mut self) -> PixelBuf<'_> {
        let Location::Source(source) = self.location else {
            return PixelBuf::InPlace(self.in_place());
        };
        if self.moves_left == 0 {
            self.location = Location::Out;
            return PixelBuf::Copy(source, self.out);
        }
        self.location = Location::First;
        self.first.resize(bytes(self.size), 0);
        PixelBuf::Copy(source, self.first)
    }

    /// The current image, to be changed in place.
    fn in_place(&mut self) -> &mut [u8] {
        if let Location::Source(source) = self.location {
            if self.moves_left == 0 {
                self.out.copy_from_slice(source);
                self.location = Location::Out;
            } else {
                self.first.clear();
                self.first.extend_from_slice(source);
                self.location = Location::First;
            }
        }
        match self.location {
            Location::First => self.first,
            Location::Second => self.second,
            _ => self.out,
        }
    }

    fn finish(mut self) {
        // An image that no step replaced is still where it was decoded.
        self.in_place();
    }
}

/// The memory of a worker that runs programs, kept from sample to sample.
#[derive(Debug, Default)]
pub struct ProgramScratch {
    first: Vec<u8>,
    second: Vec<u8>,
    work: Work,
}

impl ProgramScratch {
    /// Memory for a worker that uses these vector instructions.
    pub fn new(simd: Simd) -> ProgramScratch {
        ProgramScratch {
            work: Work {
                simd,
                resampler: Resampler::new(simd),
                ..Work::default()
            },
            ..ProgramScratch::default()
        }
    }
}

/// The memory and the tables of all kernels.
#[derive(Debug, Default)]
struct Work {
    simd: Simd,
    scratch: Scratch,
    resampler: Resampler,
    levels: LutScratch,
    low_frequencies: LowFrequencies,
    poisson: Poisson,
    /// The weights of a two-dimensional filter.
    taps: Vec<Tap>,
    /// A row that is being mirrored.
    row: Vec<u8>,
    chains: Chains,
}

/// The image that AugMix chains begin with, and the weighted sum of those that have ended.
#[derive(Debug, Default)]
struct Chains {
    base: Vec<u8>,
    sum: Vec<f32>,
}

impl Work {
    /// Runs any step except [`Step::Levels`].
    fn step(&mut self, step: &Step, image: &mut CurrentImage<'_>) -> Result<()> {
        let (size, next) = (image.size, step.frame(image.size));
        if step.moves() {
            image.replace(next, |source, target| {
                self.replace(step, source, size, target, next);
            });
        } else if let Step::Paste(paste) = step {
            paste.run(image.in_place(), size, &mut Renderer::default())?;
        } else if let Step::HorizontalFlip | Step::VerticalFlip = step {
            self.flip(step, image.pixel_buf(), size);
        } else {
            self.in_place(step, image.in_place(), size);
        }
        Ok(())
    }

    /// Runs consecutive [`Step::Levels`] as one table.
    fn levels(&mut self, steps: &[Step], pixels: PixelBuf<'_>) {
        let steps = steps.iter().filter_map(|step| match step {
            Step::Levels(levels) => Some(levels),
            _ => None,
        });
        levels::run(steps, pixels, &mut self.levels, self.simd);
    }

    /// Runs a step that reads one image and writes another.
    fn replace(&mut self, step: &Step, source: &[u8], size: Size, out: &mut [u8], next: Size) {
        match step {
            Step::Crop { left, top, pad, .. } => {
                crop::crop(source, size, (*left, *top), *pad, out, next)
            }
            Step::Resize { filter, .. } if next != size => {
                self.resampler.resize(source, size, out, next, *filter);
            }
            Step::Resize { .. } => out.copy_from_slice(source),
            Step::Turn(quarters) => turn::turn(*quarters, source, size, out),
            Step::Warp(map) => warp::run(map, source, size, out, self.simd),
            Step::LowFrequencies(_) => {
                let (source, target) = ((source, size), (out, next));
                self.low_frequencies
                    .crop(source, target, &mut self.scratch, self.simd);
            }
            _ => unreachable!("{step} changes an image in place"),
        }
    }

    fn flip(&mut self, step: &Step, pixels: PixelBuf<'_>, size: Size) {
        match step {
            Step::VerticalFlip => mirror::rows(pixels, size),
            _ => mirror::columns(pixels, size, &mut self.row, self.simd),
        }
    }

    /// Runs a step that keeps the size.
    fn in_place(&mut self, step: &Step, pixels: &mut [u8], size: Size) {
        let Work {
            simd,
            scratch,
            taps,
            poisson,
            ..
        } = self;
        let simd = *simd;
        match step {
            Step::Clahe(step) => clahe::run(step, pixels, size, scratch),
            Step::Color(step) => color::run(*step, pixels, simd),
            Step::Erase(step) => erase::run(step, pixels, size),
            Step::Blur(step) => blur::run(*step, pixels, size, scratch, taps),
            Step::Noise(step) => noise::run(step, pixels, size, scratch, poisson),
            Step::Corrupt(step) => {
                corrupt::run(step, pixels, size, scratch, (taps, poisson), simd);
            }
            Step::Jpeg(quality) => jpeg::run(*quality, pixels, Shape::rgb(size), scratch, simd),
            Step::Elastic(step) => elastic::run(step, pixels, size, scratch),
            Step::Edges(step) => edges::run(step, pixels, size, scratch),
            Step::Convolve(step) => convolve::run(step, pixels, size, scratch),
            Step::Fork => self.chains.begin(pixels),
            Step::Chain(weight) => self.chains.end_one(*weight, pixels),
            Step::Join(weight) => self.chains.join(*weight, pixels),
            Step::Blank => pixels.fill(0),
            Step::Custom(kernel) => kernel.apply(pixels, size),
            Step::PlaneMask(_) => {}
            Step::Levels(_) => self.levels(std::slice::from_ref(step), PixelBuf::InPlace(pixels)),
            Step::HorizontalFlip | Step::VerticalFlip => {
                self.flip(step, PixelBuf::InPlace(pixels), size);
            }
            Step::Paste(_) => unreachable!("pasting may fail, and has its own branch"),
            Step::Crop { .. }
            | Step::Resize { .. }
            | Step::Turn(_)
            | Step::Warp(_)
            | Step::LowFrequencies(_) => unreachable!("{step} writes another image"),
        }
    }
}

impl Chains {
    /// Remembers the image that chains begin with.
    fn begin(&mut self, pixels: &[u8]) {
        self.base.clear();
        self.base.extend_from_slice(pixels);
        self.sum.clear();
        self.sum.resize(pixels.len(), 0.0);
    }

    /// Adds the result of a chain and restores the image that chains begin with.
    fn end_one(&mut self, weight: f32, pixels: &mut [u8]) {
        let sums = self.sum.iter_mut().zip(&*pixels);
        sums.for_each(|(sum, value)| *sum += weight * f32::from(*value));
        pixels.copy_from_slice(&self.base);
    }

    /// Blends the image with the sum of the chains, which has this weight.
    fn join(&self, weight: f32, pixels: &mut [u8]) {
        let mixed = self.sum.iter().map(|sum| *sum as u8);
        let values = pixels.iter_mut().zip(mixed);
        values.for_each(|(value, mixed)| *value = blend(*value, mixed, weight));
    }
}

fn bytes(size: Size) -> usize {
    size.width as usize * size.height as usize * 3
}

#[cfg(test)]
#[path = "program_tests.rs"]
mod tests;
