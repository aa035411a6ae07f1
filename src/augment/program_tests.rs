use super::*;
use crate::augment::Filter;
use crate::augment::step::{render, step_list};
use crate::augment::steps::{Chain, Levels, Mixture, Resize, Turn};
use crate::cpu::Simd;
use crate::kernels::blend::blend;
use crate::kernels::crop;

fn image(width: u32, height: u32) -> Vec<u8> {
    (0..width * height * 3)
        .map(|i| (i * 7 % 251) as u8)
        .collect()
}

/// Runs steps on the part of the image that they read, or on all of it.
fn run(steps: Vec<Arc<dyn Step>>, width: u32, height: u32, cut: bool) -> Vec<u8> {
    let frame = Size { width, height };
    let program = Program::of(steps, frame);
    let region = if cut {
        program.source_region()
    } else {
        Rect::whole(width, height)
    };
    let mut decoded = vec![0; (region.width * region.height * 3) as usize];
    let cut = Size {
        width: region.width,
        height: region.height,
    };
    let at = (i64::from(region.left), i64::from(region.top));
    crop::crop(
        &image(width, height),
        frame,
        at,
        PadMode::default(),
        &mut decoded,
        cut,
    );
    let mut out = vec![0; bytes(program.end())];
    program
        .run(
            &mut StepScratch::new(Simd::detect()),
            &decoded,
            region,
            &mut out,
            program.end(),
        )
        .unwrap();
    out
}

/// Runs steps one by one, each on an image of its own.
fn step_by_step(steps: &[Arc<dyn Step>], width: u32, height: u32) -> Vec<u8> {
    let (mut size, mut pixels) = (Size { width, height }, image(width, height));
    let mut scratch = StepScratch::default();
    for step in steps {
        let step = std::slice::from_ref(step);
        (size, pixels) = render(step, size, &pixels, &mut scratch).unwrap();
    }
    pixels
}

fn cut(left: i64, top: i64, width: u32, height: u32, pad: PadMode) -> Crop {
    let size = Size { width, height };
    Crop {
        left,
        top,
        size,
        pad,
    }
}

#[test]
fn decoding_only_what_is_wished_changes_nothing() {
    let resize = |width, height| Resize {
        size: Size { width, height },
        filter: Filter::Bilinear,
    };
    let pads = [
        PadMode::Constant([9, 8, 7]),
        PadMode::Reflect,
        PadMode::Symmetric,
        PadMode::Edge,
    ];
    for pad in pads {
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
                step_list![],
                step_list![resize(6, 5)],
                step_list![Mirror::Columns],
                step_list![resize(6, 5), Mirror::Rows, Turn(1)],
                step_list![
                    cut(1, 1, 2, 1, PadMode::default()),
                    Mirror::Columns,
                    cut(-1, 0, 2, 2, pad),
                ],
            ] {
                for head in [
                    step_list![],
                    step_list![Mirror::Columns],
                    step_list![Mirror::Rows, Mirror::Columns],
                ] {
                    let mut steps = head;
                    steps.push(Arc::new(cut(left, top, w, h, pad)));
                    steps.extend(tail.clone());
                    let expected = step_by_step(&steps, 10, 8);
                    assert_eq!(run(steps.clone(), 10, 8, false), expected, "{steps:?}");
                    assert_eq!(run(steps.clone(), 10, 8, true), expected, "{steps:?}");
                }
            }
        }
    }
}

#[test]
fn crops_of_crops_and_mirror_images_are_found_in_the_header() {
    let pad = PadMode::default();
    let steps = step_list![
        Mirror::Columns,
        cut(10, 20, 50, 40, pad),
        Mirror::Rows,
        cut(5, 6, 7, 8, pad),
    ];
    let program = Program::of(
        steps,
        Size {
            width: 100,
            height: 90,
        },
    );
    // Columns 10..60 of the mirror image are 40..90; 5..12 of those, mirrored, are 78..85.
    assert_eq!(
        program.source_region(),
        Rect {
            left: 78,
            top: 20 + 40 - 6 - 8,
            width: 7,
            height: 8
        }
    );
}

#[test]
fn flips_are_their_own_inverse() {
    for flip in [Mirror::Columns, Mirror::Rows] {
        for (w, h) in [(1, 1), (1, 5), (4, 3), (5, 4)] {
            assert_eq!(run(step_list![flip, flip], w, h, true), image(w, h));
        }
    }
    assert_eq!(
        run(step_list![Mirror::Columns], 2, 1, true),
        [21, 28, 35, 0, 7, 14]
    );
}

#[test]
fn chains_add_up_by_weight_and_blend_with_the_image() {
    let chain = |weight, steps| Chain { weight, steps };
    let chains = vec![
        chain(0.25, Vec::new()),
        chain(0.75, step_list![Levels::Invert]),
    ];
    let steps = step_list![Mixture::new(chains, 0.5)];
    let expected: Vec<u8> = image(5, 4)
        .iter()
        .map(|&value| {
            let mixed = (0.25 * f32::from(value) + 0.75 * f32::from(255 - value)) as u8;
            blend(value, mixed, 0.5)
        })
        .collect();
    assert_eq!(run(steps, 5, 4, true), expected);
}
