use std::path::Path;
use std::sync::Arc;

use super::super::{Bank, PasteDraw};
use super::*;
use crate::augment::step::{StepScratch, step_list};
use crate::augment::steps::{Levels, Mirror, PlaneMask};
use crate::augment::{Joint, Program};
use crate::geometry::{Rect, Size};
use crate::sample::{Annotations, Keypoint};

const FRAME: Size = Size {
    width: 64,
    height: 48,
};

/// A PNG of one color; alpha is 255 inside of the rectangle.
fn png(path: &Path, (w, h): (u32, u32), color: [u8; 3], [x0, y0, x1, y1]: [u32; 4]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), w, h);
    encoder.set_color(png::ColorType::Rgba);
    let pixels = (0..w * h).flat_map(|at| {
        let inside = (x0..x1).contains(&(at % w)) && (y0..y1).contains(&(at / w));
        [color[0], color[1], color[2], if inside { 255 } else { 0 }]
    });
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&pixels.collect::<Vec<u8>>())
        .unwrap();
}

/// Two classes: 3 with a red cut-out of 10 x 8 pixels, 7 with a blue one of 20 x 20.
fn bank() -> (tempfile::TempDir, Arc<Bank>) {
    let folder = tempfile::tempdir().unwrap();
    png(
        &folder.path().join("3/a.png"),
        (16, 12),
        [255, 0, 0],
        [2, 2, 12, 10],
    );
    png(
        &folder.path().join("7/b.png"),
        (30, 30),
        [0, 0, 255],
        [5, 5, 25, 25],
    );
    let bank = Bank::open(folder.path(), true).unwrap();
    (folder, Arc::new(bank))
}

fn classes(found: &Annotations) -> Vec<u32> {
    found.boxes.iter().map(|label| label.class).collect()
}

fn gray() -> Vec<u8> {
    vec![100; 64 * 48 * 3]
}

fn annotated(boxes: &[[f32; 4]]) -> Annotations {
    let boxes: Vec<BoxLabel> = boxes
        .iter()
        .zip(1..)
        .map(|(edges, id)| BoxLabel::new(*edges, 1, id))
        .collect();
    let inside = |edges: &[f32; 4], at: usize| {
        let (x, y) = ((at % 64) as f32, (at / 64) as f32);
        edges[0] <= x && x < edges[2] && edges[1] <= y && y < edges[3]
    };
    let who = (0..64 * 48).map(|at| {
        boxes
            .iter()
            .find(|label| inside(&label.bounds.edges(), at))
            .map_or(0, |label| label.id as u8)
    });
    let planes = vec![
        Plane::raw(
            "who",
            PlaneKind::Instances,
            Size::new(64, 48),
            who.collect::<Vec<u8>>(),
        ),
        Plane::raw(
            "class",
            PlaneKind::Mask,
            Size::new(64, 48),
            vec![1; 64 * 48],
        ),
        Plane::raw(
            "depth",
            PlaneKind::Depth,
            Size::new(64, 48),
            vec![9; 64 * 48],
        ),
        Plane::raw("color", PlaneKind::Color, Size::new(64, 48), gray()),
    ];
    let keypoints = vec![Keypoint {
        x: 32.0,
        y: 24.0,
        visible: 2,
        id: 0,
        instance: 1,
    }];
    Annotations {
        boxes,
        keypoints,
        planes,
    }
}

fn run(
    bank: &Arc<Bank>,
    draws: Vec<PasteDraw>,
    joint: &Joint,
    given: &Annotations,
) -> (Vec<u8>, Annotations) {
    let step = Paste::new(Arc::clone(bank), draws, false);
    let program = Program::of(step_list![step], FRAME);
    let (mut out, scratch) = (gray(), &mut StepScratch::new(crate::cpu::Simd::detect()));
    program
        .run(scratch, &gray(), Rect::whole(64, 48), &mut out, FRAME)
        .unwrap();
    (out, joint.apply(&program, given, scratch).unwrap())
}

#[test]
fn what_is_pasted_is_annotated_pixel_by_pixel() {
    let (_folder, bank) = bank();
    let draws = vec![
        PasteDraw::plain(0, [0.25, 0.5]),
        PasteDraw::plain(1, [0.75, 0.5]),
        PasteDraw::plain(0, [0.0, 0.0]),
    ];
    let (pixels, found) = run(&bank, draws, &Joint::default(), &annotated(&[]));
    let labels: Vec<_> = found
        .boxes
        .iter()
        .map(|label| (label.bounds.edges(), label.class, label.id, label.pasted))
        .collect();
    // The keypoint has taken the number 1.
    assert_eq!(labels[0], ([11.0, 20.0, 21.0, 28.0], 3, 2, Some(0)));
    assert_eq!(labels[1], ([38.0, 14.0, 58.0, 34.0], 7, 3, Some(1)));
    assert_eq!(labels[2], ([0.0, 0.0, 5.0, 4.0], 3, 4, Some(0)));
    let plane = |name: &str| found.plane(name).unwrap();
    assert_eq!(plane("color").bytes[..], pixels);
    for (at, pixel) in pixels.as_chunks::<3>().0.iter().enumerate() {
        let (id, class) = (plane("who").bytes[at], plane("class").bytes[at]);
        match pixel {
            [255, 0, 0] => assert!((id == 2 || id == 4) && class == 3, "{at}"),
            [0, 0, 255] => assert!(id == 3 && class == 7, "{at}"),
            gray => assert!(*gray == [100; 3] && id == 0 && class == 1, "{at}"),
        }
        assert_eq!(plane("depth").bytes[at], if id == 0 { 9 } else { 0 });
    }
}

#[test]
fn cut_outs_turn_and_change_their_colors() {
    let (_folder, bank) = bank();
    let color = step_list![Levels::Invert];
    let turned = PasteDraw {
        degrees: 90.0,
        color,
        ..PasteDraw::plain(0, [0.5, 0.5])
    };
    let (pixels, found) = run(&bank, vec![turned], &Joint::default(), &annotated(&[]));
    assert_eq!(
        found.boxes[0].bounds.edges(),
        [28.0, 19.0, 36.0, 29.0],
        "8 x 10 pixels instead of 10 x 8"
    );
    let cyan = pixels
        .as_chunks()
        .0
        .iter()
        .filter(|pixel| **pixel == [0, 255, 255])
        .count();
    assert_eq!(cyan, 80);
    let slanted = PasteDraw {
        degrees: 30.0,
        ..PasteDraw::plain(1, [0.5, 0.5])
    };
    let (_, found) = run(&bank, vec![slanted], &Joint::default(), &annotated(&[]));
    let [x0, y0, x1, y1] = found.boxes[0].bounds.edges();
    // A square of 20 pixels turned by 30 degrees is 20 (sin 30 + cos 30) = 27.3 wide.
    assert!(
        (26.0..=28.0).contains(&(x1 - x0)) && (26.0..=28.0).contains(&(y1 - y0)),
        "{:?}",
        found.boxes[0]
    );
    let area = found
        .plane("who")
        .unwrap()
        .bytes
        .iter()
        .filter(|id| **id > 0)
        .count();
    assert!((390..=450).contains(&area), "{area}");
}

#[test]
fn instances_lose_what_is_pasted_over_them() {
    let (_folder, bank) = bank();
    // The blue square covers columns 22 to 42 and rows 14 to 34.
    let draws = || vec![PasteDraw::plain(1, [0.5, 0.5])];
    let boxes = [
        [12.0, 14.0, 26.0, 34.0], // loses 4 columns: stays
        [24.0, 16.0, 40.0, 32.0], // is hidden
        [30.0, 20.0, 60.0, 30.0], // loses 12 of its columns, and 180 pixels are too few
        [2.0, 2.0, 62.0, 46.0],   // loses its middle
        [0.0, 0.0, 5.0, 5.0],     // is elsewhere
    ];
    for (number, edges) in boxes.into_iter().enumerate() {
        let (_, found) = run(&bank, draws(), &Joint::default(), &annotated(&[edges]));
        let own = found.boxes.iter().find(|label| label.pasted.is_none());
        let expected = match number {
            0 => Some([12.0, 14.0, 22.0, 34.0]),
            1 | 2 => None,
            _ => Some(edges),
        };
        assert_eq!(own.map(|label| label.bounds.edges()), expected, "{edges:?}");
        assert_eq!(
            found.plane("who").unwrap().bytes.contains(&1),
            expected.is_some()
        );
        assert_eq!(
            found.keypoints.len(),
            usize::from(expected.is_some()),
            "they go with their instance"
        );
        // Without a plane of instances, the box is the instance.
        let bare = Annotations {
            planes: Vec::new(),
            ..annotated(&[edges])
        };
        let (_, found) = run(&bank, draws(), &Joint::default(), &bare);
        let own = found.boxes.iter().find(|label| label.pasted.is_none());
        assert_eq!(own.map(|label| label.bounds.edges()), expected, "{edges:?}");
    }
    let joint = Joint {
        erase: EraseRule::Ignore,
        ..Joint::default()
    };
    let (_, found) = run(&bank, draws(), &joint, &annotated(&[boxes[3]]));
    assert_eq!(found.keypoints[0].visible, 0, "it is covered");
}

#[test]
fn cut_outs_hide_each_other_in_order() {
    let (_folder, bank) = bank();
    let (pixels, found) = run(
        &bank,
        vec![
            PasteDraw::plain(0, [0.5, 0.5]),
            PasteDraw::plain(1, [0.5, 0.5]),
        ],
        &Joint::default(),
        &annotated(&[]),
    );
    assert_eq!(classes(&found), [7]);
    assert!(!pixels.as_chunks().0.contains(&[255, 0, 0]));
    let (_, found) = run(
        &bank,
        vec![
            PasteDraw::plain(1, [0.5, 0.5]),
            PasteDraw::plain(0, [0.5, 0.5]),
        ],
        &Joint::default(),
        &annotated(&[]),
    );
    assert_eq!(classes(&found), [7, 3]);
}

#[test]
fn a_bank_is_folders_by_class() {
    let (folder, bank) = bank();
    assert_eq!((bank.len(), bank.class(0), bank.class(1)), (2, 3, 7));
    let digest = bank.digest();
    let statistics = |text: &str| {
        std::fs::write(folder.path().join("statistics.json"), text).unwrap();
        Bank::open(folder.path(), true)
    };
    let with = statistics(r#"{"7": [0.2, 0.1]}"#).unwrap();
    assert_eq!(
        (with.statistics(0), with.statistics(1)),
        (None, Some([0.2, 0.1]))
    );
    assert_ne!(with.digest(), digest);
    for (text, words) in [
        (r#"{"8": [0.2, 0.1]}"#, "no class folder \"8\""),
        (
            r#"{"7": [0.2]}"#,
            "expected {\"class folder\": [mean, std], …}",
        ),
        (r#"{"7": [0.2, -1]}"#, "numbers of at least 0"),
    ] {
        let error = statistics(text).unwrap_err();
        assert!(
            error.message().contains(words) && error.message().contains("statistics.json"),
            "{error}"
        );
    }
    png(
        &folder.path().join("cat/c.png"),
        (16, 12),
        [1; 3],
        [2, 2, 12, 10],
    );
    std::fs::remove_file(folder.path().join("statistics.json")).unwrap();
    let named = Bank::open(folder.path(), true).unwrap();
    assert_eq!((named.class(0), named.class(1), named.class(2)), (0, 1, 2));
    std::fs::write(folder.path().join("cat/c.png"), "no image").unwrap();
    let broken = Bank::open(folder.path(), true).unwrap();
    let error = broken.cutout(2).unwrap_err();
    assert!(
        error.kind() == crate::Kind::Config && error.message().contains("cat/c.png"),
        "{error}"
    );
}

#[test]
fn patches_are_masked_in_a_copy() {
    let given = Annotations {
        planes: vec![Plane::raw(
            "depth",
            PlaneKind::Depth,
            Size::new(64, 48),
            vec![9; 64 * 48],
        )],
        ..Annotations::default()
    };
    let apply = |plane: &str, patch: u32, cells: Vec<u32>| {
        let step = PlaneMask {
            plane: plane.into(),
            patch,
            cells,
        };
        let program = Program::of(step_list![step, Mirror::Columns], FRAME);
        Joint::default().apply(
            &program,
            &given,
            &mut StepScratch::new(crate::cpu::Simd::detect()),
        )
    };
    let found = apply("depth", 16, vec![0, 6]).unwrap();
    assert_eq!(found.plane("depth").unwrap(), &given.planes[0]);
    let masked = found.plane("depth.masked").unwrap();
    for at in 0..64 * 48u32 {
        let (x, y) = (63 - at % 64, at / 64);
        let hidden = (x < 16 && y < 16) || ((32..48).contains(&x) && (16..32).contains(&y));
        assert_eq!(masked.value(at % 64, y), Some(if hidden { 0 } else { 9 }));
    }
    for (plane, patch, words) in [
        ("depth", 20, "multiples of patch = 20"),
        ("far", 16, "no plane \"far\" (there are: depth)"),
    ] {
        let error = apply(plane, patch, vec![]).unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
}
