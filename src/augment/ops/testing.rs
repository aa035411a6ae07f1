//! What the tests of ops share.

use std::sync::Arc;

use crate::augment::list::Note;
use crate::augment::step::{Step, StepScratch};
use crate::augment::steps::Crop;
use crate::augment::{Op, Program, Steps};
use crate::cpu::Simd;
use crate::geometry::{Rect, Size};
use crate::rng::{Coord, OpKey, RandomStream};

fn stream(sample: u64, view: u8) -> RandomStream {
    let at = Coord {
        epoch: 0,
        sample,
        occurrence: 0,
        view,
        op: OpKey(1),
    };
    RandomStream::keyed(7, at)
}

/// The list that an op draws for a sample, as view `nth` of `count`.
fn drawn(op: &dyn Op, sample: u64, size: Size, (nth, count): (usize, usize)) -> Steps {
    let mut steps = Steps::new(size);
    steps.restart(size, nth, count);
    steps.within("op", |steps| {
        op.draw(&mut stream(sample, nth as u8), steps);
    });
    steps
}

/// The steps that an op draws for sample 0, as view `nth` of `count`.
pub(in crate::augment) fn drawn_in_view(
    op: &dyn Op,
    size: Size,
    view: (usize, usize),
) -> Vec<Arc<dyn Step>> {
    drawn(op, 0, size, view).list().to_vec()
}

/// The crop that an op begins with for a sample.
pub(in crate::augment) fn drawn_crop(op: &dyn Op, sample: u64, size: Size) -> Crop {
    let steps = drawn(op, sample, size, (0, 1));
    let crop = steps.list()[0].downcast_ref::<Crop>();
    *crop.expect("the first step is a crop")
}

/// What an op notes under a name for a sample.
pub(in crate::augment) fn noted(op: &dyn Op, sample: u64, name: &str) -> Vec<i64> {
    let size = Size {
        width: 8,
        height: 8,
    };
    let notes = op.notes();
    let (_, width) = notes.iter().find(|(noted, _)| noted == name).unwrap();
    let program = Program::from(drawn(op, sample, size, (0, 1)));
    let note = Note::new("op", name, *width);
    program.note(&note).unwrap().to_vec()
}

/// The pixels that an op makes of an image, as view `nth` of `count`.
pub(in crate::augment) fn run_in_view(
    op: &dyn Op,
    size: Size,
    pixels: &[u8],
    view: (usize, usize),
) -> Vec<u8> {
    let program = Program::from(drawn(op, 0, size, view));
    let end = program.end();
    let mut out = vec![0; end.width as usize * end.height as usize * 3];
    let mut scratch = StepScratch::new(Simd::detect());
    let whole = Rect::whole(size.width, size.height);
    program
        .run(&mut scratch, pixels, whole, &mut out, end)
        .unwrap();
    out
}
