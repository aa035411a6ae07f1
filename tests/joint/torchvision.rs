//! Boxes, keypoints and masks compared with those of torchvision. `tests/goldens/joint.py` makes
//! `fixtures/goldens/joint.txt`.

use std::collections::BTreeMap;

use feedmill::augment::{Joint, KeypointOrigin, StepScratch};
use feedmill::cpu::Simd;
use feedmill::geometry::Size;
use feedmill::sample::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind};

use crate::drawn_program;

/// The annotations that joint.py gives to torchvision, for an image of `w` x `h` pixels.
fn inputs(w: u32, h: u32) -> Annotations {
    let (fw, fh) = (w as f32, h as f32);
    let boxes = [
        [2.0, 3.0, 11.0, 9.0],
        [0.0, 0.0, fw, fh],
        [fw - 9.5, fh - 8.25, fw - 1.0, fh - 2.0],
        [7.0, 5.0, 8.0, 20.0],
    ];
    let points = [
        [0.5, 0.5],
        [fw / 2.0, fh / 2.0],
        [fw - 3.25, 4.0],
        [5.0, fh - 2.5],
        [10.0, 11.0],
    ];
    let mask: Vec<u8> = (0..h)
        .flat_map(|y| (0..w).map(move |x| ((x / 5 + y / 4 * 3) % 7) as u8))
        .collect();
    let boxes = boxes.into_iter().zip(1..);
    let points = points.into_iter().zip(0..);
    Annotations::default()
        .with_boxes(boxes.map(|(edges, id)| BoxLabel::new(edges, 0, id)))
        .with_keypoints(points.map(|([x, y], id)| Keypoint::new(x, y, id).with_visible(1)))
        .with_planes([Plane::raw("mask", PlaneKind::Mask, Size::new(w, h), mask)])
}

/// Rows of numbers, as in `1,2 3,4`.
fn parse_rows(text: &str) -> Vec<Vec<f64>> {
    text.split(' ')
        .map(|row| {
            row.split(',')
                .map(|number| number.parse().unwrap())
                .collect()
        })
        .collect()
}

/// The share of pixels of a mask that differ from the expected mask, and the share of those whose
/// value the expected mask does not even have in one of the eight neighbors.
fn differing_shares(found: &Plane, expected: &str) -> (f64, f64) {
    let rows: Vec<&[u8]> = expected.split('/').map(str::as_bytes).collect();
    let (w, h) = (rows[0].len(), rows.len());
    assert_eq!(
        found.size(),
        Some(Size::new(w as u32, h as u32)),
        "{expected}"
    );
    let value = |x: usize, y: usize| {
        if rows[y][x] == b'.' {
            255
        } else {
            rows[y][x] - b'a'
        }
    };
    let (mut differing, mut unexplained) = (0, 0);
    for (at, label) in found.bytes.iter().enumerate() {
        let (x, y) = (at % w, at / w);
        let mut around = (y.saturating_sub(1)..h.min(y + 2))
            .flat_map(|y| (x.saturating_sub(1)..w.min(x + 2)).map(move |x| (x, y)));
        differing += u32::from(value(x, y) != *label);
        unexplained += u32::from(!around.any(|(x, y)| value(x, y) == *label));
    }
    let share = |count: u32| f64::from(count) / (w * h) as f64;
    (share(differing), share(unexplained))
}

/// The largest differences of an op from torchvision.
#[derive(Debug, Default, PartialEq)]
struct Difference {
    cases: usize,
    /// In pixels.
    boxes: f64,
    /// In pixels.
    keypoints: f64,
    /// The share of mask pixels that differ from torchvision's result through Pillow.
    pillow: f64,
    /// The share that differs from torchvision's result on tensors.
    tensors: f64,
    /// The share that differs from it and is not the value of a neighbor either.
    unexplained: f64,
}

#[test]
fn boxes_keypoints_and_masks_are_those_of_torchvision() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/goldens/joint.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let mut worst: BTreeMap<String, Difference> = BTreeMap::new();
    for line in text.lines() {
        let [size, op, boxes, points, tensor, pillow] = line.split(" | ").collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        let (width, height) = size.split_once(' ').unwrap();
        let frame = Size {
            width: width.parse().unwrap(),
            height: height.parse().unwrap(),
        };
        let name = op.split('"').nth(1).unwrap();
        // A flip of torchvision treats the coordinates of keypoints as indices of pixels. All other
        // ops treat them as positions between the edges of the image.
        let keypoint_origin = if name.ends_with("flip") {
            KeypointOrigin::Index
        } else {
            KeypointOrigin::Edge
        };
        let joint = Joint::new()
            .with_keypoint_origin(keypoint_origin)
            .with_min_size(0.0)
            .with_min_area(0.0);
        let program = drawn_program(&[op.to_string()], 1, frame);
        let found = joint
            .apply(
                &program,
                &inputs(frame.width, frame.height),
                &mut StepScratch::new(Simd::detect()),
            )
            .unwrap();
        let entry = worst.entry(name.to_string()).or_default();
        entry.cases += 1;
        for (expected, id) in parse_rows(boxes).into_iter().zip(1..) {
            let label = found.boxes.iter().find(|label| label.id == id);
            match label {
                Some(label) => {
                    let off = label
                        .bounds
                        .edges()
                        .into_iter()
                        .zip(&expected)
                        .map(|(a, b)| (f64::from(a) - b).abs());
                    entry.boxes = off.fold(entry.boxes, f64::max);
                }
                None => assert!(
                    expected[2] - expected[0] <= 0.0 || expected[3] - expected[1] <= 0.0,
                    "{op}: box {id} was dropped, torchvision has {expected:?}"
                ),
            }
        }
        for (point, expected) in found.keypoints.iter().zip(parse_rows(points)) {
            let off = [
                f64::from(point.x) - expected[0],
                f64::from(point.y) - expected[1],
            ];
            entry.keypoints = off
                .into_iter()
                .map(f64::abs)
                .fold(entry.keypoints, f64::max);
        }
        entry.pillow = entry
            .pillow
            .max(differing_shares(&found.planes[0], pillow).0);
        let (differing, unexplained) = differing_shares(&found.planes[0], tensor);
        entry.tensors = entry.tensors.max(differing);
        entry.unexplained = entry.unexplained.max(unexplained);
    }
    println!("{worst:#?}");
    assert_eq!(worst.values().map(|entry| entry.cases).sum::<usize>(), 40);
    for (name, entry) in &worst {
        assert!(
            entry.boxes < 2e-4 && entry.keypoints < 2e-4,
            "{name}: {entry:?}"
        );
        assert_eq!(entry.pillow, 0.0, "{name}: masks are Pillow's");
        // Where a new pixel's center meets the border between two pixels, torch's tensors and
        // Pillow take different ones.
        assert_eq!(entry.unexplained, 0.0, "{name}: {entry:?}");
        assert!(
            entry.tensors == 0.0 || ["resize", "rotate"].contains(&&name[..]),
            "{name}: {entry:?}"
        );
    }
}
