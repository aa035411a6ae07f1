//! The steps of one view of one sample: drawn before pixels exist, run when they do.

use super::{Note, OpEntry, Step, Steps};
use crate::error::{Error, Kind, Result};
use crate::geometry::{Rect, Size};
use crate::kernels::filter::Shape;
use crate::kernels::resample::Resampler;
use crate::kernels::spare::Spare;
use crate::kernels::{
    PadMode, Sheet, blur, clahe, color, convolve, corrupt, edges, elastic, erase, frequency, grain,
    jpeg, levels, place, warp,
};
use crate::rng::{Coord, RandomStream};

/// What is to be done to one view of one sample. Reused from sample to sample.
#[derive(Clone, Debug, Default)]
pub struct Program(Steps);

impl From<Steps> for Program {
    fn from(steps: Steps) -> Program {
        Program(steps)
    }
}

/// The crop that a program begins with, and how it is mirrored after.
struct Lead {
    /// The steps that it stands for.
    steps: usize,
    /// Left, top, width, height.
    place: (i64, i64),
    frame: Size,
    pad: PadMode,
    flips: [bool; 2],
}

impl Program {
    /// Draws the parameters of every op in `ops` for an image of size `frame`. `at.op` is
    /// filled in for each op; the view is the `nth` of the `count` views of its group.
    pub fn draw<'a>(
        &mut self,
        ops: impl Iterator<Item = &'a OpEntry>,
        seed: u64,
        at: Coord,
        (nth, count): (usize, usize),
        frame: Size,
    ) {
        let steps = &mut self.0;
        steps.restart(frame, nth, count);
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

    /// These steps for an image of size `frame`.
    pub fn of(steps: impl IntoIterator<Item = Step>, frame: Size) -> Program {
        let mut program = Program(Steps::new(frame));
        steps.into_iter().for_each(|step| program.0.push(step));
        program
    }

    /// The size of the image that the steps begin with.
    pub fn begin(&self) -> Size {
        self.0.whole()
    }

    /// The size that the steps end with.
    pub fn end(&self) -> Size {
        self.0.frame()
    }

    /// The numbers that an op left under a note; `None` if it was not drawn for this sample.
    pub fn note(&self, note: &Note) -> Option<&[i64]> {
        self.0.noted(note.key, note.width)
    }

    /// Refuses steps that would make an image of more than 2^28 pixels on the way: a strip of 1 x
    /// 60000 pixels whose shorter side becomes 256 asks for 12 GB.
    ///
    /// # Errors
    ///
    /// [`Kind::Limit`] that names the step.
    pub fn check_size(&self) -> Result<()> {
        let mut frame = self.0.whole();
        for step in self.steps() {
            frame = step.frame(frame);
            if step.moves() && u64::from(frame.width) * u64::from(frame.height) > 1 << 28 {
                let whole = self.0.whole();
                let text = format!(
                    "the step \"{step}\" of an image of {whole} makes more than 2^28 pixels"
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

    /// The crop that the first steps amount to, mirror images taken through it: `None` if they are
    /// no crop.
    fn lead(&self) -> Option<Lead> {
        let whole = self.0.whole();
        let mut lead = Lead {
            steps: 0,
            place: (0, 0),
            frame: whole,
            pad: PadMode::default(),
            flips: [false; 2],
        };
        let mut flips = [false; 2];
        for (number, step) in self.steps().iter().enumerate() {
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
                    let inside = lead.place.0 >= 0
                        && lead.place.1 >= 0
                        && lead.place.0 + i64::from(lead.frame.width) <= i64::from(whole.width)
                        && lead.place.1 + i64::from(lead.frame.height) <= i64::from(whole.height);
                    let reaches = left < 0
                        || top < 0
                        || left + i64::from(width) > i64::from(lead.frame.width)
                        || top + i64::from(height) > i64::from(lead.frame.height);
                    // A crop of a crop is one crop if the second stays within the first; if the
                    // first is the whole image, padding means the same.
                    if lead.steps > 0 && (!inside || reaches) {
                        break;
                    }
                    let mirrored = |start: i64, length: u32, outer: u32, flip: bool| {
                        if flip {
                            i64::from(outer) - start - i64::from(length)
                        } else {
                            start
                        }
                    };
                    lead = Lead {
                        steps: number + 1,
                        place: (
                            lead.place.0 + mirrored(left, width, lead.frame.width, flips[0]),
                            lead.place.1 + mirrored(top, height, lead.frame.height, flips[1]),
                        ),
                        frame: Size { width, height },
                        pad,
                        flips,
                    };
                }
                _ => break,
            }
        }
        (lead.steps > 0).then_some(lead)
    }

    /// The part of the image that the steps read: what the decoder has to deliver.
    pub fn wish(&self) -> Rect {
        let whole = self.0.whole();
        let Some(lead) = self.lead() else {
            return Rect::whole(whole.width, whole.height);
        };
        let inside = |start: i64, length: u32, outer: u32| {
            let first = start.clamp(0, i64::from(outer) - 1);
            let end = (start + i64::from(length)).clamp(first + 1, i64::from(outer));
            (first as u32, (end - first) as u32)
        };
        let (left, width) = inside(lead.place.0, lead.frame.width, whole.width);
        let (top, height) = inside(lead.place.1, lead.frame.height, whole.height);
        let fits =
            (i64::from(left), i64::from(top)) == lead.place && Size { width, height } == lead.frame;
        // What repeats pixels may reach any of a small image, and images that get padded are small.
        if fits || matches!(lead.pad, PadMode::Constant(_)) {
            Rect {
                left,
                top,
                width,
                height,
            }
        } else {
            Rect::whole(whole.width, whole.height)
        }
    }

    /// Runs the steps. `pixels` holds the part `region` of the image, which covers
    /// [`Program::wish`]; `out` receives a image of size `out_frame`.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the steps end with another size; [`Kind::Limit`] as in
    /// [`Program::check_size`].
    pub fn run(
        &self,
        scratch: &mut Scratch,
        pixels: &[u8],
        region: Rect,
        out: &mut [u8],
        out_frame: Size,
    ) -> Result<()> {
        self.check_size()?;
        let whole = self.0.whole();
        if self.end() != out_frame || out.len() != bytes(out_frame) {
            let text = format!(
                "the ops end with {} pixels; the recipe promises {out_frame}",
                self.end()
            );
            return Err(Error::config(text));
        }
        let Scratch {
            first,
            second,
            work,
        } = scratch;
        let mut frame = Size {
            width: region.width,
            height: region.height,
        };
        let lead = self.lead();
        if lead.is_none() && frame != whole {
            let text = format!("decoded {region:?} where all of {whole} is needed");
            return Err(Error::new(Kind::Worker, text));
        }
        let steps = &self.steps()[lead.as_ref().map_or(0, |lead| lead.steps)..];
        let mut canvas = Canvas {
            at: At::Source(pixels),
            first,
            second,
            out,
            moves_left: steps.iter().filter(|step| step.moves()).count(),
        };
        if let Some(Lead {
            place,
            frame: crop,
            pad,
            flips,
            ..
        }) = lead
        {
            let place = (
                place.0 - i64::from(region.left),
                place.1 - i64::from(region.top),
            );
            // What the decoder has cut already stays where it is.
            if place != (0, 0) || crop != frame {
                canvas.moves_left += 1;
                canvas.shift(bytes(crop), |source, target| {
                    place::crop(source, frame, place, pad, target, crop);
                });
            }
            frame = crop;
            if flips[0] {
                work.flip(&Step::HorizontalFlip, canvas.sheet(bytes(frame)), frame);
            }
            if flips[1] {
                work.flip(&Step::VerticalFlip, canvas.sheet(bytes(frame)), frame);
            }
        }
        let mut rest = steps;
        while let Some((step, tail)) = rest.split_first() {
            let next = step.frame(frame);
            rest = tail;
            if step.moves() {
                canvas.shift(bytes(next), |source, target| {
                    work.shift(step, source, frame, target, next)
                });
            } else if let Step::Levels(_) = step {
                let count = 1 + tail
                    .iter()
                    .take_while(|step| matches!(step, Step::Levels(_)))
                    .count();
                let (run, tail) = (
                    &steps[steps.len() - 1 - tail.len()..][..count],
                    &tail[count - 1..],
                );
                let run = run.iter().filter_map(|step| match step {
                    Step::Levels(levels) => Some(levels),
                    _ => None,
                });
                levels::run(run, canvas.sheet(bytes(frame)), &mut work.levels, work.simd);
                rest = tail;
            } else if let Step::Paste(paste) = step {
                paste.run(canvas.current(), frame)?;
            } else if let Step::HorizontalFlip | Step::VerticalFlip = step {
                work.flip(step, canvas.sheet(bytes(frame)), frame);
            } else {
                work.in_place(step, canvas.current(), frame);
            }
            frame = next;
        }
        canvas.finish();
        Ok(())
    }
}

/// Where the image is on its way from the decoder to the output.
struct Canvas<'a> {
    at: At<'a>,
    first: &'a mut Vec<u8>,
    second: &'a mut Vec<u8>,
    out: &'a mut [u8],
    /// The steps still to come that write another image: the last of them writes the output.
    moves_left: usize,
}

enum At<'a> {
    Source(&'a [u8]),
    First,
    Second,
    Out,
}

impl Canvas<'_> {
    /// Writes a new image of `length` bytes from the present one.
    fn shift(&mut self, length: usize, change: impl FnOnce(&[u8], &mut [u8])) {
        self.moves_left -= 1;
        let last = self.moves_left == 0;
        fn sized(buffer: &mut Vec<u8>, length: usize) -> &mut [u8] {
            buffer.resize(length, 0);
            buffer
        }
        match self.at {
            At::Source(source) => change(
                source,
                if last {
                    self.out
                } else {
                    sized(self.first, length)
                },
            ),
            At::First => change(
                self.first,
                if last {
                    self.out
                } else {
                    sized(self.second, length)
                },
            ),
            At::Second => change(
                self.second,
                if last {
                    self.out
                } else {
                    sized(self.first, length)
                },
            ),
            At::Out => unreachable!("only the last move writes the output"),
        }
        self.at = match self.at {
            _ if last => At::Out,
            At::First => At::Second,
            _ => At::First,
        };
    }

    /// The present image, to be changed in place or, if it still is where it was decoded, on its
    /// way from there.
    fn sheet(&mut self, length: usize) -> Sheet<'_> {
        let At::Source(source) = self.at else {
            return Sheet::Place(self.current());
        };
        if self.moves_left == 0 {
            self.at = At::Out;
            return Sheet::Move(source, self.out);
        }
        self.at = At::First;
        self.first.resize(length, 0);
        Sheet::Move(source, self.first)
    }

    /// The present image, to be changed in place.
    fn current(&mut self) -> &mut [u8] {
        if let At::Source(source) = self.at {
            if self.moves_left == 0 {
                self.out.copy_from_slice(source);
                self.at = At::Out;
            } else {
                self.first.clear();
                self.first.extend_from_slice(source);
                self.at = At::First;
            }
        }
        match self.at {
            At::First => self.first,
            At::Second => self.second,
            _ => self.out,
        }
    }

    fn finish(mut self) {
        // An image that no step moved is still where it was decoded.
        self.current();
    }
}

/// Buffers that a worker keeps from sample to sample.
#[derive(Debug, Default)]
pub struct Scratch {
    first: Vec<u8>,
    second: Vec<u8>,
    work: Work,
}

impl Scratch {
    /// Buffers of a worker; `simd` false keeps to plain code, which gives the same bytes.
    pub fn new(simd: bool) -> Scratch {
        let spare = Spare::new(simd);
        let work = Work {
            simd,
            resampler: Resampler::new(simd),
            spare,
            ..Work::default()
        };
        Scratch {
            work,
            ..Scratch::default()
        }
    }
}

/// What steps need besides the image.
#[derive(Debug, Default)]
struct Work {
    simd: bool,
    resampler: Resampler,
    levels: levels::Desk,
    chains: Chains,
    /// A row that is being mirrored.
    line: Vec<u8>,
    spare: Spare,
}

/// The image that chains begin with, and the sum of those that have ended.
#[derive(Debug, Default)]
struct Chains {
    base: Vec<u8>,
    sum: Vec<f32>,
}

impl Work {
    /// A step that reads one image and writes another.
    fn shift(&mut self, step: &Step, source: &[u8], frame: Size, out: &mut [u8], next: Size) {
        match step {
            Step::Crop { left, top, pad, .. } => {
                place::crop(source, frame, (*left, *top), *pad, out, next)
            }
            Step::Resize { filter, .. } if next != frame => {
                self.resampler.resize(source, frame, out, next, *filter);
            }
            Step::Resize { .. } => out.copy_from_slice(source),
            Step::Turn(quarters) => place::turn(*quarters, source, frame, out),
            Step::Warp(map) => warp::run(map, source, frame, out, self.simd),
            Step::LowFrequencies(_) => frequency::run(source, frame, out, next, &mut self.spare),
            _ => unreachable!("{step} changes an image in place"),
        }
    }

    fn flip(&mut self, step: &Step, sheet: Sheet<'_>, frame: Size) {
        match step {
            Step::VerticalFlip => place::mirror_rows(sheet, frame),
            _ => place::mirror_columns(sheet, frame, &mut self.line, self.simd),
        }
    }

    fn in_place(&mut self, step: &Step, pixels: &mut [u8], frame: Size) {
        match step {
            Step::HorizontalFlip | Step::VerticalFlip => {
                self.flip(step, Sheet::Place(pixels), frame)
            }
            Step::Levels(step) => {
                levels::run(
                    std::iter::once(step),
                    Sheet::Place(pixels),
                    &mut self.levels,
                    self.simd,
                );
            }
            Step::Clahe(step) => clahe::run(step, pixels, frame, &mut self.spare),
            Step::Color(step) => color::run(*step, pixels, self.simd),
            Step::Erase(step) => erase::run(step, pixels, frame),
            Step::Blur(step) => blur::run(*step, pixels, frame, &mut self.spare),
            Step::Noise(step) => grain::run(step, pixels, frame, &mut self.spare),
            Step::Corrupt(step) => corrupt::run(step, pixels, frame, &mut self.spare),
            Step::Jpeg(quality) => jpeg::run(*quality, pixels, Shape::rgb(frame), &mut self.spare),
            Step::Elastic(step) => elastic::run(step, pixels, frame, &mut self.spare),
            Step::LowFrequencies(_) => unreachable!("{step} writes another image"),
            Step::Edges(step) => edges::run(step, pixels, frame, &mut self.spare),
            Step::Convolve(step) => convolve::run(step, pixels, frame, &mut self.spare),
            Step::Fork => {
                self.chains.base.clear();
                self.chains.base.extend_from_slice(pixels);
                self.chains.sum.clear();
                self.chains.sum.resize(pixels.len(), 0.0);
            }
            Step::Chain(weight) => {
                let sums = self.chains.sum.iter_mut().zip(&*pixels);
                sums.for_each(|(sum, value)| *sum += weight * f32::from(*value));
                pixels.copy_from_slice(&self.chains.base);
            }
            Step::Join(weight) => {
                let mixed = self.chains.sum.iter().map(|sum| *sum as u8);
                pixels
                    .iter_mut()
                    .zip(mixed)
                    .for_each(|(value, mixed)| *value = color::blend(*value, mixed, *weight));
            }
            Step::Blank => pixels.fill(0),
            Step::Custom(kernel) => kernel.apply(pixels, frame),
            Step::PlaneMask(_) => {}
            Step::Paste(_) => unreachable!("pasting may fail, and is run apart"),
            Step::Crop { .. } | Step::Resize { .. } | Step::Turn(_) | Step::Warp(_) => {
                unreachable!("{step} writes another image")
            }
        }
    }
}

fn bytes(frame: Size) -> usize {
    frame.width as usize * frame.height as usize * 3
}

#[cfg(test)]
#[path = "program_tests.rs"]
mod tests;
