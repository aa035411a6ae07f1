//! A property test of annotations against pixels.
//!
//! The test image is a ramp: the color of a pixel is its position. After any chain of ops, a color
//! therefore says where in the first image a pixel comes from. A keypoint must stand where the
//! colors show its first position, a mask must have the label of that position, and a box must
//! enclose the pixels of its instance. No op has to be implemented a second time for
//! this.
//!
//! Rounding limits what can be asked: each step that resamples moves a position by a fraction of a
//! pixel, and a later step may enlarge that. [`tolerance`] adds these up for a program.

use feedmill::augment::steps::{Elastic, Resize, Warp};
use feedmill::augment::{Joint, Program, StepScratch, WarpFilter};
use feedmill::cpu::Simd;
use feedmill::geometry::{Rect, Size};
use feedmill::sample::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind};
use proptest::prelude::*;

use crate::drawn_program;

/// The levels by which the color changes from one pixel to the next. Images are less than 64 pixels
/// wide, so that 4 levels fit into 8 bits.
const STEEP: u32 = 4;
/// The mask divides each side into this number of cells with different labels.
const CELLS: u32 = 4;

/// The test image: red and green are the column and the row of a pixel, and blue is 255 inside the
/// image, which tells it from the fill around it.
fn ramp(frame: Size) -> Vec<u8> {
    let rows = 0..frame.height;
    rows.flat_map(|y| {
        (0..frame.width).flat_map(move |x| [(x * STEEP) as u8, (y * STEEP) as u8, 255])
    })
    .collect()
}

/// The edges of a cell along a side: its first pixel and the one after its last.
fn cell(number: u32, side: u32) -> (f64, f64) {
    (
        f64::from(number * side / CELLS),
        f64::from((number + 1) * side / CELLS),
    )
}

/// The annotations of the test image: 16 keypoints, a mask of cells, three boxes that do not
/// overlap, and the instances in these boxes.
fn annotations(frame: Size) -> Annotations {
    let Size { width, height } = frame;
    let label = |at: u32, side: u32| {
        (0..CELLS)
            .find(|n| f64::from(at) < cell(*n, side).1)
            .unwrap()
    };
    let pixels = |value: &dyn Fn(u32, u32) -> u8| -> Vec<u8> {
        (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| value(x, y))
            .collect()
    };
    let mask = pixels(&|x, y| (label(x, width) + CELLS * label(y, height)) as u8);
    let boxes: Vec<BoxLabel> = [
        [0.1, 0.1, 0.4, 0.3],
        [0.5, 0.1, 0.9, 0.45],
        [0.2, 0.5, 0.7, 0.95],
    ]
    .iter()
    .zip(1..)
    .map(|(shares, id)| {
        let edges = [
            shares[0] * width as f32,
            shares[1] * height as f32,
            shares[2] * width as f32,
            shares[3] * height as f32,
        ];
        BoxLabel::new(edges.map(f32::floor), id, id)
    })
    .collect();
    let instances = pixels(&|x, y| {
        let inside = |label: &&BoxLabel| {
            let [x0, y0, x1, y1] = label.bounds.edges().map(|edge| edge as u32);
            (x0..x1).contains(&x) && (y0..y1).contains(&y)
        };
        boxes.iter().find(inside).map_or(0, |label| label.id as u8)
    });
    let keypoints = (0..16u32).map(|n| {
        let (x, y) = ((n % 4 * 2 + 1) as f32 / 8.0, (n / 4 * 2 + 1) as f32 / 8.0);
        Keypoint::new(x * width as f32, y * height as f32, n)
    });
    Annotations::default()
        .with_keypoints(keypoints)
        .with_planes([
            Plane::raw("cells", PlaneKind::Mask, frame, mask),
            Plane::raw("boxes", PlaneKind::Instances, frame, instances),
        ])
        .with_boxes(boxes)
}

/// How far a position may be off after a program, in pixels of the first image and in pixels of the
/// last one. Each step that resamples adds its own rounding: one pixel with the nearest neighbor,
/// three quarters with a filter, whose colors are rounded to levels.
fn tolerance(program: &Program) -> (f64, f64) {
    let mut frame = program.begin();
    // `scale` is the number of pixels of the first image that one pixel of the present image
    // covers, at most: the rounding of a step counts that often.
    let (mut scale, mut first): (f64, f64) = (1.0, 0.5);
    let mut last = 1.0;
    for step in program.steps() {
        let next = step.output_size(frame);
        let (factor, own) = match (step.downcast_ref::<Warp>(), step) {
            (None, step) if step.downcast_ref::<Resize>().is_some() => {
                let ratio = |old: u32, new: u32| f64::from(old) / f64::from(new);
                (
                    ratio(frame.width, next.width).max(ratio(frame.height, next.height)),
                    0.75,
                )
            }
            (Some(warp), _) => {
                // The largest change of the source position from one pixel to the next. A
                // perspective map changes most in a corner.
                let step_length = |x: f64, y: f64| {
                    let [a, b, c, d, e, f, g, h] = warp.matrix;
                    let at = |x: f64, y: f64| {
                        let w = g * x + h * y + 1.0;
                        ((a * x + b * y + c) / w, (d * x + e * y + f) / w)
                    };
                    let (p, q, r) = (at(x, y), at(x + 0.1, y), at(x, y + 0.1));
                    10.0 * [q.0 - p.0, q.1 - p.1, r.0 - p.0, r.1 - p.1]
                        .into_iter()
                        .map(f64::abs)
                        .fold(0.0, f64::max)
                };
                let (w, h) = (f64::from(next.width), f64::from(next.height));
                let most = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)]
                    .into_iter()
                    .map(|(x, y)| step_length(x, y));
                (
                    1.5 * most.fold(0.0, f64::max),
                    if warp.filter == WarpFilter::Nearest {
                        1.0
                    } else {
                        0.75
                    },
                )
            }
            (None, step) if step.downcast_ref::<Elastic>().is_some() => (1.3, 1.0),
            _ => (1.0, 0.0),
        };
        scale *= factor.max(0.25);
        if own > 0.0 {
            first += own * scale.max(0.5);
            last = last * (1.0 / factor).max(1.0) + own;
        }
        frame = next;
    }
    (first, last)
}

/// The image after a program.
struct Output {
    frame: Size,
    pixels: Vec<u8>,
}

impl Output {
    /// The color of a pixel, `None` outside the image.
    fn at(&self, x: i64, y: i64) -> Option<[f64; 3]> {
        let (w, h) = (i64::from(self.frame.width), i64::from(self.frame.height));
        if x < 0 || y < 0 || x >= w || y >= h {
            return None;
        }
        let at = (y * w + x) as usize * 3;
        Some([0, 1, 2].map(|c| f64::from(self.pixels[at + c])))
    }

    /// Red and green at a position between pixels, by bilinear interpolation. `None` unless all
    /// four pixels come from the test image alone.
    fn between(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        let (x, y) = (x - 0.5, y - 0.5);
        let (x0, y0) = (x.floor(), y.floor());
        let (dx, dy) = (x - x0, y - y0);
        let mut sum = [0.0; 2];
        for (i, j, weight) in [
            (0, 0, (1.0 - dx) * (1.0 - dy)),
            (1, 0, dx * (1.0 - dy)),
            (0, 1, (1.0 - dx) * dy),
            (1, 1, dx * dy),
        ] {
            let [red, green, blue] = self.at(x0 as i64 + i, y0 as i64 + j)?;
            if blue < 255.0 {
                return None;
            }
            sum = [sum[0] + weight * red, sum[1] + weight * green];
        }
        Some(sum)
    }

    /// The position in the first image that a pixel shows. `None` if it shows fill.
    fn origin(&self, x: i64, y: i64) -> Option<[f64; 2]> {
        let [red, green, blue] = self.at(x, y)?;
        (blue == 255.0).then(|| [red, green].map(|level| level / f64::from(STEEP) + 0.5))
    }
}

/// The bounds of the pixels of an instance: left, top, right, bottom. `None` if it has none.
fn bounds(plane: &Plane, id: u32) -> Option<[f64; 4]> {
    let Size { width, .. } = plane.size().unwrap();
    let mut bounds: Option<[f64; 4]> = None;
    for (at, _) in plane
        .bytes
        .iter()
        .enumerate()
        .filter(|(_, value)| u32::from(**value) == id)
    {
        let (x, y) = (f64::from(at as u32 % width), f64::from(at as u32 / width));
        let [x0, y0, x1, y1] = bounds.unwrap_or([x, y, x, y]);
        bounds = Some([x0.min(x), y0.min(y), x1.max(x + 1.0), y1.max(y + 1.0)]);
    }
    bounds
}

/// A random op as a recipe writes it. Sizes stay large enough for the ramp to be read.
fn any_op() -> impl Strategy<Value = String> {
    let filter = prop_oneof![Just("nearest"), Just("bilinear")];
    prop_oneof![
        3 => Just(r#"op = "horizontal_flip", p = 1.0"#.to_string()),
        3 => Just(r#"op = "vertical_flip", p = 1.0"#.to_string()),
        3 => (0..4u8).prop_map(|turns| format!(r#"op = "rotate90", turns = {turns}"#)),
        3 => (24..60u32, 24..60u32)
            .prop_map(|(h, w)| format!(r#"op = "center_crop", size = [{h}, {w}]"#)),
        3 => (24..60u32, 0..6u32).prop_map(|(side, pad)| {
            format!(r#"op = "random_crop", size = {side}, padding = {pad}, pad_if_needed = true"#)
        }),
        3 => (0..9u32, 0..9u32, 0..9u32, 0..9u32)
            .prop_map(|(a, b, c, d)| format!(r#"op = "pad", padding = [{a}, {b}, {c}, {d}]"#)),
        3 => (24..80u32, 24..80u32)
            .prop_map(|(h, w)| format!(r#"op = "resize", size = [{h}, {w}]"#)),
        3 => (24..64u32, 24..64u32).prop_map(|(h, w)| {
            format!(r#"op = "random_resized_crop", size = [{h}, {w}], scale = [0.4, 1.0]"#)
        }),
        3 => (-180..180i32, filter.clone(), any::<bool>()).prop_map(|(degrees, filter, expand)| {
            format!(
                r#"op = "rotate", degrees = {degrees}.0, filter = "{filter}", expand = {expand}"#
            )
        }),
        3 => (-40..40i32, -20..20i32, 8..14u32, filter.clone()).prop_map(
            |(degrees, shear, scale, filter)| {
                let scale = f64::from(scale) / 10.0;
                let translate = "translate_x = [-0.2, 0.2], translate_y = [-0.2, 0.2]";
                let map = format!("scale = {scale}, shear_x = {shear}");
                format!(
                    r#"op = "affine", degrees = {degrees}, {translate}, {map}, filter = "{filter}""#
                )
            }
        ),
        1 => (10..50u32, 5..8u32).prop_map(|(alpha, sigma)| {
            format!(r#"op = "elastic", alpha = {alpha}.0, sigma = {sigma}.0"#)
        }),
        3 => (1..5u32, filter).prop_map(|(distortion, filter)| {
            let distortion = f64::from(distortion) / 10.0;
            format!(
                r#"op = "perspective", distortion = {distortion}, filter = "{filter}", p = 1.0"#
            )
        }),
    ]
}

/// Runs ops on the test image and checks its annotations. Returns how many keypoints, mask pixels
/// and boxes could be checked, so that a test can tell that they were not all skipped.
fn check(ops: &[String], seed: u64, frame: Size) -> [usize; 3] {
    let program = drawn_program(ops, seed, frame);
    let end = program.end();
    let mut output = Output {
        frame: end,
        pixels: vec![0; (end.width * end.height * 3) as usize],
    };
    let scratch = &mut StepScratch::new(Simd::detect());
    program
        .run(
            scratch,
            &ramp(frame),
            Rect::whole(frame.width, frame.height),
            &mut output.pixels,
            end,
        )
        .unwrap();
    let joint = Joint::new().with_min_size(0.0).with_min_area(0.0);
    let found = joint.apply(&program, &annotations(frame), scratch).unwrap();
    let (first, last) = tolerance(&program);
    let mut checked = [0; 3];

    for (point, given) in found.keypoints.iter().zip(&annotations(frame).keypoints) {
        let at = [f64::from(point.x), f64::from(point.y)];
        let inside = (0.0..=f64::from(end.width)).contains(&at[0])
            && (0.0..=f64::from(end.height)).contains(&at[1]);
        assert!(
            inside || point.visible == 0,
            "{ops:?} seed {seed}: {point:?} is seen outside of {end}"
        );
        if point.visible == 0 {
            continue;
        }
        if let Some(levels) = output.between(at[0], at[1]) {
            checked[0] += 1;
            let [x, y] = levels.map(|level| level / f64::from(STEEP) + 0.5);
            let off = (x - f64::from(given.x))
                .abs()
                .max((y - f64::from(given.y)).abs());
            assert!(
                off <= first,
                "{ops:?} seed {seed}: {given:?} at {at:?} shows {x}, {y}: off by {off} > {first}"
            );
        }
    }

    let cells = found.plane("cells").unwrap();
    assert_eq!(cells.size(), Some(end));
    for y in 0..i64::from(end.height) {
        for x in 0..i64::from(end.width) {
            let label = u32::from(cells.value(x as u32, y as u32).unwrap());
            let around = || (-1..=1).flat_map(move |j| (-1..=1).map(move |i| (x + i, y + j)));
            if label == 255 {
                let whole =
                    around().all(|(x, y)| output.at(x, y).is_some_and(|[.., blue]| blue == 255.0));
                assert!(
                    !whole,
                    "{ops:?} seed {seed}: {x}, {y} is ignored, and image"
                );
            } else if let Some([sx, sy]) = output.origin(x, y) {
                checked[1] += 1;
                let (left, right) = cell(label % CELLS, frame.width);
                let (top, bottom) = cell(label / CELLS, frame.height);
                let off = [left - sx, sx - right, top - sy, sy - bottom]
                    .into_iter()
                    .fold(0.0, f64::max);
                assert!(
                    off <= first,
                    "{ops:?} seed {seed}: {x}, {y} shows {sx}, {sy} and has {label}: \
                     {off} > {first}"
                );
            } else {
                let outside =
                    around().all(|(x, y)| output.at(x, y).is_none_or(|[.., blue]| blue == 0.0));
                assert!(
                    !outside,
                    "{ops:?} seed {seed}: {x}, {y} has {label} outside of the image"
                );
            }
        }
    }

    // A step that is not aligned with the axes turns a box into the hull of its corners, which is
    // larger than its content, so only the other direction is checked.
    let aligned = !program.steps().iter().any(|step| {
        step.downcast_ref::<Warp>().is_some() || step.downcast_ref::<Elastic>().is_some()
    });
    let instances = found.plane("boxes").unwrap();
    for id in 1..=3 {
        let label = found.boxes.iter().find(|label| label.id == id);
        match (label, bounds(instances, id)) {
            (None, pixels) => assert_eq!(
                pixels, None,
                "{ops:?} seed {seed}: a dropped box has pixels"
            ),
            (Some(label), None) => {
                // The box lies outside the image, or is thinner than the pixels that the nearest
                // neighbor skipped. After a warp the box is a hull, which may be larger than its
                // content.
                let [x0, y0, x1, y1] = label.bounds.edges().map(f64::from);
                assert!(
                    !aligned || (x1 - x0).min(y1 - y0) <= last,
                    "{ops:?} seed {seed}: {label:?} has no pixel"
                );
            }
            (Some(label), Some(pixels)) => {
                checked[2] += 1;
                let edges = label.bounds.edges().map(f64::from);
                for side in 0..4 {
                    let beyond = if side < 2 {
                        edges[side] - pixels[side]
                    } else {
                        pixels[side] - edges[side]
                    };
                    assert!(
                        beyond <= last,
                        "{ops:?} seed {seed}: {label:?} lacks pixels to {pixels:?}: \
                         {beyond} > {last}"
                    );
                    assert!(
                        !aligned || beyond >= -last,
                        "{ops:?} seed {seed}: {label:?} around {pixels:?}"
                    );
                }
            }
        }
    }
    checked
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_annotated_stays_on_what_it_annotates(
        ops in prop::collection::vec(any_op(), 1..5),
        seed in 0..1000u64,
        width in 24..63u32,
        height in 24..63u32,
    ) {
        check(&ops, seed, Size { width, height });
    }
}

#[test]
fn the_ramp_checks_points_labels_and_boxes() {
    let ops = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let frame = Size {
        width: 60,
        height: 40,
    };
    let [points, labels, boxes] = check(&ops(&[r#"op = "horizontal_flip", p = 1.0"#]), 1, frame);
    assert_eq!((points, labels, boxes), (16, 2400, 3));
    let chain = [
        r#"op = "affine", degrees = { fixed = 20 }, filter = "bilinear""#,
        r#"op = "resize", size = [40, 50]"#,
    ];
    let [points, labels, boxes] = check(&ops(&chain), 1, frame);
    assert!(
        points >= 10 && labels > 1000 && boxes == 3,
        "{points} {labels} {boxes}"
    );
}
