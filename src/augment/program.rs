//! The steps of one view of one sample: drawn before pixels exist, run when they do.

use super::colour;
use super::resize::Resampler;
use super::{Frame, PadMode, Step};
use crate::decode::Rect;
use crate::draws::{Coord, Draws};
use crate::error::{Error, Kind, Result};
use crate::recipe::View;

/// What is to be done to one view of one sample. Reused from sample to sample.
#[derive(Clone, Debug, Default)]
pub struct Program {
    frame: Option<Frame>,
    steps: Vec<Step>,
}

impl Program {
    /// Draws the parameters of every op of a view for a picture of size `frame`. `at.op` is filled in for each op.
    pub fn draw(&mut self, view: &View, seed: u64, at: Coord, frame: Frame) {
        self.steps.clear();
        self.frame = Some(frame);
        let mut size = frame;
        for entry in view.ops() {
            let mut draws = Draws::at(seed, Coord { op: entry.key(), ..at });
            let first = self.steps.len();
            entry.op().draw(&mut draws, size, &mut self.steps);
            size = self.steps[first..].iter().fold(size, |size, step| step.frame(size));
        }
    }

    /// These steps for a picture of size `frame`.
    pub fn of(steps: Vec<Step>, frame: Frame) -> Program {
        Program { frame: Some(frame), steps }
    }

    /// The size that the steps end with.
    ///
    /// # Panics
    ///
    /// If nothing was drawn yet.
    pub fn end(&self) -> Frame {
        self.steps.iter().fold(self.whole(), |frame, step| step.frame(frame))
    }

    /// Refuses steps that would make a picture of more than 2^28 pixels on the way: a strip of 1 x 60000 pixels whose
    /// shorter side becomes 256 asks for 12 GB.
    ///
    /// # Errors
    ///
    /// [`Kind::Limit`] that names the step.
    pub fn check_size(&self) -> Result<()> {
        for step in &self.steps {
            let frame = step.frame(Frame { width: 1, height: 1 });
            if u64::from(frame.width) * u64::from(frame.height) > 1 << 28 {
                return Err(Error::new(
                    Kind::Limit,
                    format!(
                        "the step \"{step}\" of a picture of {} makes more than 2^28 pixels",
                        self.whole()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn whole(&self) -> Frame {
        self.frame.expect("a program is drawn before it is used")
    }

    /// The part of the picture that the steps read: what the decoder has to deliver.
    pub fn wish(&self) -> Rect {
        let frame = self.whole();
        let whole = Rect::whole(frame.width, frame.height);
        match self.steps.first() {
            // Reflection may reach any pixel of a small picture, and pictures that get padded are small.
            Some(&Step::Crop { left, top, width, height, pad }) => {
                let inside = |start: i64, length: u32, outer: u32| {
                    let first = start.clamp(0, i64::from(outer) - 1);
                    let end = (start + i64::from(length)).clamp(first + 1, i64::from(outer));
                    (first as u32, (end - first) as u32)
                };
                let (x, w) = inside(left, width, frame.width);
                let (y, h) = inside(top, height, frame.height);
                let fits = i64::from(x) == left && w == width && i64::from(y) == top && h == height;
                if fits || matches!(pad, PadMode::Constant(_)) {
                    Rect { left: x, top: y, width: w, height: h }
                } else {
                    whole
                }
            }
            _ => whole,
        }
    }

    /// Runs the steps. `pixels` are those of `region`, which covers [`Program::wish`] and may be larger; `out` receives a
    /// picture of size `out_frame`.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the steps end with another size; [`Kind::Limit`] as in [`Program::check_size`].
    pub fn run(
        &self,
        scratch: &mut Scratch,
        pixels: &[u8],
        region: Rect,
        out: &mut [u8],
        out_frame: Frame,
    ) -> Result<()> {
        self.check_size()?;
        let mut steps = &self.steps[..];
        let whole = self.whole();
        let mut frame = Frame { width: region.width, height: region.height };
        // A crop counts from the corner of the whole picture, the pixels begin at the region's.
        let mut corner = (i64::from(region.left), i64::from(region.top));
        if let Some(&Step::Crop { left, top, width, height, .. }) = steps.first() {
            // A first crop that the decoder has done already is left out.
            if (left, top) == corner && (width, height) == (region.width, region.height) {
                steps = &steps[1..];
            }
        } else if region != Rect::whole(whole.width, whole.height) {
            return Err(Error::new(
                Kind::Worker,
                format!("decoded {region:?} where all of {whole} is needed"),
            ));
        }
        let end = steps.iter().fold(frame, |frame, step| step.frame(frame));
        if end != out_frame || out.len() != bytes(out_frame) {
            return Err(Error::config(format!(
                "the ops end with {end} pixels; the recipe promises {out_frame}"
            )));
        }
        let Scratch { front, back, resampler } = scratch;
        // The last step that changes the size writes where the result belongs; what follows works there in place.
        let last = steps.iter().rposition(|step| matches!(step, Step::Crop { .. } | Step::Resize { .. }));
        let mut place = Place::Input;
        for (number, step) in steps.iter().enumerate() {
            let next = step.frame(frame);
            if matches!(step, Step::Crop { .. } | Step::Resize { .. }) {
                let source = if place == Place::Input { pixels } else { &front[..] };
                let target = if Some(number) == last {
                    &mut *out
                } else {
                    back.resize(bytes(next), 0);
                    &mut back[..]
                };
                match *step {
                    Step::Crop { left, top, pad, .. } => {
                        crop(source, frame, (left - corner.0, top - corner.1), pad, target, next);
                    }
                    Step::Resize { filter, .. } if next != frame => {
                        resampler.resize(source, frame, target, next, filter);
                    }
                    _ => target.copy_from_slice(source),
                }
                if Some(number) == last {
                    place = Place::Out;
                } else {
                    std::mem::swap(front, back);
                    place = Place::Front;
                }
                corner = (0, 0);
            } else {
                if place == Place::Input && last.is_some() {
                    front.clear();
                    front.extend_from_slice(pixels);
                    place = Place::Front;
                } else if place == Place::Input {
                    out.copy_from_slice(pixels);
                    place = Place::Out;
                }
                in_place(step, if place == Place::Out { &mut *out } else { &mut front[..] }, frame);
            }
            frame = next;
        }
        if place == Place::Input {
            out.copy_from_slice(pixels);
        }
        Ok(())
    }
}

/// Where the picture is between two steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Input,
    Front,
    Out,
}

/// Buffers that a worker keeps from sample to sample.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The picture between two steps, and the next one.
    front: Vec<u8>,
    back: Vec<u8>,
    resampler: Resampler,
}

impl Scratch {
    /// Buffers of a worker; `simd` false keeps resampling to plain code, which gives the same bytes.
    pub fn new(simd: bool) -> Scratch {
        Scratch { resampler: Resampler::new(simd), ..Scratch::default() }
    }
}

fn bytes(frame: Frame) -> usize {
    frame.width as usize * frame.height as usize * 3
}

fn in_place(step: &Step, pixels: &mut [u8], frame: Frame) {
    let stride = frame.width as usize * 3;
    match step {
        Step::HorizontalFlip => pixels.chunks_exact_mut(stride).for_each(|row| mirror(row.as_chunks_mut().0)),
        Step::VerticalFlip => {
            let (upper, lower) = pixels.split_at_mut(pixels.len() / 2 / stride * stride);
            let lower = lower.chunks_exact_mut(stride).rev();
            upper.chunks_exact_mut(stride).zip(lower).for_each(|(a, b)| a.swap_with_slice(b));
        }
        Step::Brightness(factor) => colour::brightness(pixels, *factor),
        Step::Contrast(factor) => colour::contrast(pixels, *factor),
        Step::Saturation(factor) => colour::saturation(pixels, *factor),
        Step::Hue(shift) => colour::hue(pixels, *shift),
        Step::Custom(kernel) => kernel.apply(pixels, frame),
        Step::Crop { .. } | Step::Resize { .. } => unreachable!("these change the size"),
    }
}

fn mirror(row: &mut [[u8; 3]]) {
    row.reverse();
}

/// Copies the rectangle of size `out_frame` at (left, top) of a picture, filling what lies outside it.
fn crop(
    source: &[u8],
    frame: Frame,
    (left, top): (i64, i64),
    pad: PadMode,
    out: &mut [u8],
    out_frame: Frame,
) {
    let (width, height) = (i64::from(frame.width), i64::from(frame.height));
    let columns = i64::from(out_frame.width);
    // The columns of the output that come from the picture itself.
    let first = (-left).clamp(0, columns);
    let end = (width - left).clamp(first, columns);
    let stride = frame.width as usize * 3;
    for (y, row) in out.chunks_exact_mut(out_frame.width as usize * 3).enumerate() {
        let y = top + y as i64;
        let y = match pad {
            PadMode::Reflect => reflect(y, height),
            PadMode::Constant(colour) if y < 0 || y >= height => {
                row.as_chunks_mut().0.fill(colour);
                continue;
            }
            PadMode::Constant(_) => y,
        };
        let line = &source[y as usize * stride..][..stride];
        if first < end {
            let from = (left + first) as usize * 3;
            let length = (end - first) as usize * 3;
            row[first as usize * 3..][..length].copy_from_slice(&line[from..from + length]);
        }
        for x in (0..first).chain(end..columns) {
            let colour = match pad {
                PadMode::Constant(colour) => colour,
                PadMode::Reflect => {
                    let at = reflect(left + x, width) as usize * 3;
                    [line[at], line[at + 1], line[at + 2]]
                }
            };
            row[x as usize * 3..][..3].copy_from_slice(&colour);
        }
    }
}

/// The index inside `0..n` that `i` mirrors to, the edges not repeated, bouncing as often as needed.
fn reflect(i: i64, n: i64) -> i64 {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n - 1);
    let i = i.rem_euclid(period);
    if i < n { i } else { period - i }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Filter;

    fn picture(width: u32, height: u32) -> Vec<u8> {
        (0..width * height * 3).map(|i| (i * 7 % 251) as u8).collect()
    }

    /// `region` chooses what is decoded, given what is wished.
    fn run(steps: Vec<Step>, width: u32, height: u32, region: impl Fn(Rect) -> Rect) -> Vec<u8> {
        let frame = Frame { width, height };
        let end = steps.iter().fold(frame, |frame, step| step.frame(frame));
        let program = Program { frame: Some(frame), steps };
        let region = region(program.wish());
        let mut decoded = vec![0; (region.width * region.height * 3) as usize];
        let cut = Frame { width: region.width, height: region.height };
        let place = (i64::from(region.left), i64::from(region.top));
        crop(&picture(width, height), frame, place, PadMode::default(), &mut decoded, cut);
        let mut out = vec![0; bytes(end)];
        program.run(&mut Scratch::new(true), &decoded, region, &mut out, end).unwrap();
        out
    }

    fn cut(left: i64, top: i64, width: u32, height: u32, pad: PadMode) -> Step {
        Step::Crop { left, top, width, height, pad }
    }

    #[test]
    fn decoding_only_what_is_wished_changes_nothing() {
        let resize = |width, height| Step::Resize { width, height, filter: Filter::Bilinear };
        for pad in [PadMode::Constant([9, 8, 7]), PadMode::Reflect] {
            for (left, top, w, h) in [
                (2, 3, 5, 4),
                (-2, -1, 12, 12),
                (0, 0, 10, 8),
                (-4, 2, 5, 5),
                (8, 7, 6, 6),
                (-9, -9, 3, 3),
                (30, 2, 2, 2),
            ] {
                for tail in [
                    vec![],
                    vec![resize(6, 5)],
                    vec![Step::HorizontalFlip],
                    vec![resize(6, 5), Step::VerticalFlip],
                ] {
                    let steps: Vec<Step> = [cut(left, top, w, h, pad)].into_iter().chain(tail).collect();
                    let whole = run(steps.clone(), 10, 8, |_| Rect::whole(10, 8));
                    let some = |wish: Rect| wish.union(Rect { left: 4, top: 3, width: 3, height: 2 });
                    assert_eq!(run(steps.clone(), 10, 8, |wish| wish), whole, "{left} {top} {w} {h}");
                    assert_eq!(run(steps, 10, 8, some), whole, "a larger region: {left} {top} {w} {h}");
                }
            }
        }
    }

    #[test]
    fn reflection_bounces_without_repeating_the_edge() {
        assert_eq!([-3, -2, -1, 0, 1, 2, 3, 4, 5].map(|i| reflect(i, 3)), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(reflect(-5, 1), 0);
    }

    #[test]
    fn flips_are_their_own_inverse() {
        for flip in [Step::HorizontalFlip, Step::VerticalFlip] {
            for (w, h) in [(1, 1), (1, 5), (4, 3), (5, 4)] {
                assert_eq!(run(vec![flip.clone(), flip.clone()], w, h, |wish| wish), picture(w, h));
            }
        }
        assert_eq!(run(vec![Step::HorizontalFlip], 2, 1, |wish| wish), [21, 28, 35, 0, 7, 14]);
    }

    #[test]
    fn plain_code_gives_the_same_bytes_as_simd() {
        let frame = Frame { width: 61, height: 47 };
        for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
            for (width, height) in [(32, 32), (224, 3), (61, 90), (1, 1)] {
                let out = Frame { width, height };
                let pixels = [true, false].map(|simd| {
                    let mut pixels = vec![0; bytes(out)];
                    Resampler::new(simd).resize(&picture(61, 47), frame, &mut pixels, out, filter);
                    pixels
                });
                assert_eq!(pixels[0], pixels[1], "{filter} to {out}");
            }
        }
    }
}
