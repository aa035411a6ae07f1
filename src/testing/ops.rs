//! Checks of ops and mixers.

use std::sync::Arc;

use super::parts::{check_parameters, extremes, without_panic};
use crate::augment::{Joint, Note, Op, OpEntry, Program, StepScratch};
use crate::geometry::{Bounds, Rect, Size};
use crate::mix::Mixer;
use crate::recipe::Registry;
use crate::rng::{Coord, OpKey};
use crate::sample::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind};

/// Checks that an op made in Rust is the one that a recipe has as this text.
///
/// # Panics
///
/// If the text is not an op, an op of another name, or one with other parameters.
///
/// # Example: an op in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::HorizontalFlip;
/// use feedmill::testing::assert_op;
///
/// let op = HorizontalFlip::new().with_p(0.2);
/// assert_op(r#"{ op = "horizontal_flip", p = 0.2 }"#, &op);
/// ```
#[track_caller]
pub fn assert_op(text: &str, op: &dyn Op) {
    let read = Registry::default()
        .read_op(text)
        .expect("the text is an op");
    op.validate().expect("the op is valid");
    assert_eq!(read.name(), op.name());
    assert_eq!(read.params(), op.params());
}

/// Checks that a mixer made in Rust is the one that a recipe has as this text.
///
/// # Panics
///
/// If the text is not a mixer, a mixer of another name, or one with other parameters.
///
/// # Example: a mixer in Rust and in a recipe
///
/// ```
/// use feedmill::mix::MixUp;
/// use feedmill::testing::assert_mixer;
///
/// assert_mixer(r#"{ mix = "mixup", alpha = 0.2 }"#, &MixUp::new(0.2));
/// ```
#[track_caller]
pub fn assert_mixer(text: &str, mixer: &dyn Mixer) {
    let read = Registry::default()
        .read_mixer(text)
        .expect("the text is a mixer");
    mixer.validate().expect("the mixer is valid");
    assert_eq!(read.name(), mixer.name());
    assert_eq!(read.params(), mixer.params());
}

/// The sizes of images that an op is tried on.
const SIZES: [Size; 6] = [
    Size::new(1, 1),
    Size::new(1, 7),
    Size::new(2, 3),
    Size::new(32, 32),
    Size::new(33, 17),
    Size::new(40, 64),
];

/// The most pixels of an image that a check makes.
const MOST_PIXELS: u64 = 1 << 20;

/// Checks that an op keeps the promises of [`Op`], for a test of a custom one. The registry has the
/// op under its name ([`Registry::register`]).
///
/// These are the promises:
///
/// * The parameters are in their ranges, can be written as a table and read back, and so can the
///   defaults. Numbers outside of the ranges are refused, and a number alone where it could be
///   misread as a range.
/// * [`Op::identity`], [`Op::families`] and [`Op::notes`] do not change.
/// * The same stream draws the same steps, and a note has as many numbers as it was announced with.
/// * [`Op::output_size`] is the size that the steps end with, for every draw.
/// * Drawing and running do not panic, for images of a single pixel too, and with each parameter at
///   the ends of its range. A step may refuse an image with an error.
/// * The steps move boxes, keypoints and planes without a panic, and leave valid ones.
///
/// # Panics
///
/// At the first broken promise, with a message that says what broke it.
///
/// # Example: a test of an op
///
/// ```
/// use feedmill::augment::ops::Rotate;
/// use feedmill::recipe::Registry;
/// use feedmill::testing::op_contract;
///
/// op_contract(&Rotate::new([-30.0, 30.0]), &Registry::default());
/// ```
pub fn op_contract(op: &dyn Op, registry: &Registry) {
    let name = op.name();
    if let Err(error) = op.validate() {
        panic!("{name} is refused: {error}");
    }
    check_parameters(op, &|params| {
        let made = registry.make(name, params)?;
        Ok(Box::new(move || made.params()))
    });
    assert_eq!(
        op.identity(),
        op.identity(),
        "{name}: two calls of identity() differ"
    );
    assert_eq!(
        op.families(),
        op.families(),
        "{name}: two calls of families() differ"
    );
    assert_eq!(
        op.notes(),
        op.notes(),
        "{name}: two calls of notes() differ"
    );
    let made = |params: &toml::Table| registry.make(name, params.clone());
    let as_given = made(&op.params()).expect("the parameters were read back");
    let mut scratch = StepScratch::default();
    for size in SIZES {
        for sample in 0..8 {
            check_draw(&as_given, sample, size, &mut scratch);
        }
    }
    for params in extremes(op, &|params| made(params).is_ok()) {
        let at_end = made(&params).expect("the parameters were accepted");
        for size in [SIZES[0], SIZES[4]] {
            check_draw(&at_end, 0, size, &mut scratch);
        }
    }
}

/// Draws and runs an op for one sample.
fn check_draw(op: &Arc<dyn Op>, sample: u64, size: Size, scratch: &mut StepScratch) {
    let name = op.name();
    let params = op.params().to_string().replace('\n', ", ");
    let of = format!("with {params} for an image of {size}, sample {sample}");
    let entry = OpEntry::new(name.to_string(), Arc::clone(op), false);
    let draw = || {
        let at = Coord {
            epoch: 0,
            sample,
            occurrence: 0,
            view: 0,
            op: OpKey::default(),
        };
        let mut program = Program::default();
        program.draw([&entry].into_iter(), 7, at, (0, 1), size);
        program
    };
    let program = without_panic(name, &of, draw);
    assert_eq!(
        format!("{program:?}"),
        format!("{:?}", draw()),
        "{name} {of}: the same stream draws different steps"
    );
    for (note, width) in op.notes() {
        let values = without_panic(name, &of, || {
            program
                .note(&Note::new(name, &note, width))
                .map(<[i64]>::len)
        });
        assert!(
            values.is_none_or(|values| values == width),
            "{name} {of}: the note {note} has {values:?} numbers, not {width}"
        );
    }
    let announced = [op.output_size(Some(size)), op.output_size(None)];
    for announced in announced.into_iter().flatten() {
        let end = program.end();
        assert_eq!(
            end, announced,
            "{name} {of}: output_size() says {announced}, it is {end}"
        );
    }
    let mut largest = size;
    let sizes = program.steps().iter().scan(size, |size, step| {
        *size = step.output_size(*size);
        Some(*size)
    });
    for size in sizes {
        if size.area() > largest.area() {
            largest = size;
        }
    }
    if largest.area() > MOST_PIXELS {
        return;
    }
    let bytes = |size: Size| size.area() as usize * 3;
    let pixels: Vec<u8> = (0..bytes(size)).map(|at| (at * 31 % 251) as u8).collect();
    let region = Rect::whole(size.width, size.height);
    let end = program.end();
    let mut run = || {
        let mut out = vec![0; bytes(end)];
        let done = program.run(scratch, &pixels, region, &mut out, end);
        done.ok().map(|()| out)
    };
    let first = without_panic(name, &of, &mut run);
    let again = without_panic(name, &of, &mut run);
    assert!(
        first == again,
        "{name} {of}: two runs of the same steps differ"
    );
    let moved = without_panic(name, &of, || {
        Joint::new().apply(&program, &annotations(size), scratch)
    });
    if let Some(Err(error)) = moved.ok().map(|moved| moved.check()) {
        panic!("{name} {of}: the annotations are not valid: {error}");
    }
}

/// A box, a keypoint and a mask of an image.
fn annotations(size: Size) -> Annotations {
    let (width, height) = (size.width as f32, size.height as f32);
    let mask = (0..size.area())
        .map(|at| (at % 3) as u8)
        .collect::<Vec<_>>();
    Annotations::default()
        .with_boxes([BoxLabel::new(Bounds::new(0.0, 0.0, width, height), 1, 1)])
        .with_keypoints([Keypoint::new(width / 2.0, height / 2.0, 0)])
        .with_planes([Plane::raw("mask", PlaneKind::Mask, size, mask)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Steps;
    use crate::augment::steps::Crop;
    use crate::declare;
    use crate::rng::RandomStream;

    /// Cuts out a corner, and says that it does not.
    #[declare(name = "liar")]
    #[derive(Clone, Debug, PartialEq)]
    struct Liar {
        /// The side of the corner.
        #[param(default = 1, range = [1.0, 8.0], unit = "pixels")]
        side: u32,
    }

    impl Op for Liar {
        fn draw(&self, _: &mut RandomStream, steps: &mut Steps) {
            steps.push(Crop::new(0, 0, Size::square(self.side)));
        }
    }

    #[test]
    #[should_panic(expected = "output_size() says 1 x 7, it is 1 x 1")]
    fn a_wrong_size_is_named() {
        let mut registry = Registry::default();
        registry.register::<Liar>();
        op_contract(&Liar::new(), &registry);
    }

    #[test]
    #[should_panic(expected = "liar: the parameters cannot be read back")]
    fn an_op_that_is_not_registered_is_named() {
        op_contract(&Liar::new(), &Registry::default());
    }
}
