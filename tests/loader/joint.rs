//! Boxes, keypoints and planes on their way from a source to a batch: the same on every path, in
//! step with the pixels, and faults of their sample where they are wrong.

use feedmill::augment::Joint;
use feedmill::geometry::Size;
use feedmill::recipe::OnBad;
use feedmill::sample::{Annotations, BoxLabel, Fingerprint, Keypoint, Plane, PlaneKind, Sample};
use feedmill::source::{Access, Memory, Source};
use feedmill::{Kind, Recipe, Result};

use crate::support::*;

/// Pseudo-random annotations of an image of 12 x 10 pixels. Some are empty, and some boxes and
/// points lie outside the image.
fn annotations_of(id: u64) -> Annotations {
    if id % 5 == 4 {
        return Annotations::default();
    }
    let value = |part: u64, most: u64| (hash(id * 31 + part) % most) as f32;
    let boxes = (0..id % 4).map(|n| {
        let (x, y) = (value(n, 14) - 1.0, value(n + 10, 12) - 1.0);
        let edges = [x, y, x + 1.0 + value(n + 20, 9), y + value(n + 30, 8)];
        BoxLabel::new(edges, n as u32, n as u32 + 1)
    });
    let keypoints = (0..id % 7).map(|n| {
        let (x, y) = (value(n + 40, 16) - 2.0, value(n + 50, 14) - 2.0);
        Keypoint::new(x, y, n as u32)
            .with_visible((n % 3) as u8)
            .with_instance((n % 4) as u32)
    });
    let pixels = |count: u64, levels: u64| {
        (0..count)
            .map(|i| (hash(i + id) % levels) as u8)
            .collect::<Vec<u8>>()
    };
    let planes = vec![
        Plane::raw("mask", PlaneKind::Mask, Size::new(12, 10), pixels(120, 5)),
        Plane::raw(
            "who",
            PlaneKind::Instances,
            Size::new(12, 10),
            pixels(120, 4),
        ),
        Plane::raw("depth", PlaneKind::Depth, Size::new(6, 5), pixels(30, 256)),
        Plane::raw(
            "infrared",
            PlaneKind::Image,
            Size::new(12, 10),
            pixels(360, 256),
        ),
        Plane::raw(
            "right",
            PlaneKind::Color,
            Size::new(24, 20),
            pixels(1440, 256),
        ),
    ];
    Annotations::default()
        .with_boxes(boxes)
        .with_keypoints(keypoints)
        .with_planes(planes)
}

/// [`pixels`] with annotations that a function makes.
struct Annotated {
    inner: Memory,
    access: Access,
    annotations: fn(u64) -> Result<Option<Annotations>>,
}

impl Source for Annotated {
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn fingerprint(&self) -> Fingerprint {
        self.inner.fingerprint()
    }
    fn name(&self, id: u64) -> String {
        format!("record {id} of the test")
    }
    fn size(&self, id: u64) -> u64 {
        self.inner.size(id)
    }
    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample> {
        self.inner.read(id, buf)
    }
    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        (self.annotations)(id)
    }
    fn access(&self) -> Access {
        self.access
    }
}

fn source(access: Access, annotations: fn(u64) -> Result<Option<Annotations>>) -> Box<dyn Source> {
    Box::new(Annotated {
        inner: pixels(43),
        access,
        annotations,
    })
}

/// Three views with ops that move, cut and erase, a `[joint]` table, and the given `[mix]` table.
fn joint_recipe(mix: &str) -> Recipe {
    let text = format!(
        r#"
        seed = 11
        batch = 8
        [[view]]
        count = 2
        ops = [
          {{ op = "rotate", degrees = [-30.0, 30.0] }},
          {{ op = "random_resized_crop", size = [9, 8], scale = [0.3, 1.0] }},
          {{ op = "horizontal_flip" }},
          {{ op = "random_erasing" }},
          {{ op = "color_jitter", brightness = 0.4, hue = 0.1 }},
        ]
        [[view]]
        ops = [ {{ op = "vertical_flip" }}, {{ op = "random_resized_crop", size = 5 }} ]
        {mix}
        [joint]
        ignore = 250
        keypoint_pairs = [[1, 2], [3, 5]]
        keypoint_origin = "index"
        max_boxes = 2
        erase = "ignore"
        [target]
        classes = 7
        "#
    );
    Recipe::from_toml(&text).unwrap()
}

#[test]
fn annotations_are_the_same_whatever_the_threads() {
    for mix in ["", MIX] {
        let open = |access| {
            load(
                source(access, |id| Ok(Some(annotations_of(id)))),
                joint_recipe(mix),
            )
            .unwrap()
        };
        let expected = reference(&open(Access::Immediate), 2);
        for (workers, chunk, access) in [
            (1, Some(1), Access::Immediate),
            (2, None, Access::Blocking),
            (4, Some(3), Access::Blocking),
            (3, Some(2), Access::Immediate),
        ] {
            let tuning = tuning(|tuning| tuning.with_workers(workers).with_chunk(chunk));
            let loader = open(access).tuning(tuning).unwrap();
            assert_eq!(threaded(&loader, 2), expected, "{workers} workers");
        }
        let other = load(
            source(Access::Immediate, |id| Ok(Some(annotations_of(id + 1)))),
            joint_recipe(mix),
        )
        .unwrap();
        assert_ne!(
            reference(&other, 2),
            expected,
            "a digest covers annotations"
        );
    }
}

#[test]
fn every_view_has_its_own_annotations_of_its_own_size() {
    let loader = load(
        source(Access::Immediate, |id| Ok(Some(annotations_of(id)))),
        joint_recipe(""),
    )
    .unwrap();
    let batch = loader.reference_batch(0, 0).unwrap();
    let mut different = 0;
    for slot in 0..batch.len() {
        let views = [
            (0, 0, Size::new(8, 9)),
            (0, 1, Size::new(8, 9)),
            (1, 0, Size::square(5)),
        ];
        for (group, k, size) in views {
            let found = batch.slot(slot).view(group, k).annotations().unwrap();
            assert!(found.planes.iter().all(|plane| plane.size() == Some(size)));
            assert!(found.boxes.len() <= 2);
            for label in &found.boxes {
                let [x0, y0, x1, y1] = label.bounds.edges();
                assert!(
                    0.0 <= x0
                        && x0 < x1
                        && x1 <= size.width as f32
                        && 0.0 <= y0
                        && y0 < y1
                        && y1 <= size.height as f32
                );
            }
        }
        different += u32::from(
            batch.slot(slot).view(0, 0).annotations() != batch.slot(slot).view(0, 1).annotations(),
        );
        assert_eq!(batch.slot(slot).views().count(), 3);
    }
    assert!(different > 3);
    let (edges, classes) = batch.padded_boxes(0).unwrap();
    assert_eq!((edges.len(), classes.len()), (2 * 8 * 2 * 4, 2 * 8 * 2));
    for slot in 0..8 {
        let boxes = &batch.slot(slot).view(0, 1).annotations().unwrap().boxes;
        let at = (8 + slot) * 2;
        for n in 0..2 {
            let expected = boxes.get(n).map_or(([0.0; 4], -1), |label| {
                (label.bounds.edges(), i64::from(label.class))
            });
            assert_eq!(
                (&edges[(at + n) * 4..][..4], classes[at + n]),
                (&expected.0[..], expected.1)
            );
        }
    }
}

#[test]
fn without_the_table_nothing_is_read() {
    fn never(_: u64) -> Result<Option<Annotations>> {
        panic!("annotations were read")
    }
    let plain = load(source(Access::Immediate, never), recipe(8, "")).unwrap();
    let batch = plain.reference_batch(0, 0).unwrap();
    assert!(batch.slot(0).view(0, 0).annotations().is_none());
    assert!(batch.padded_boxes(0).is_none());
}

#[test]
fn annotations_never_change_an_image() {
    let with = load(
        source(Access::Immediate, |id| Ok(Some(annotations_of(id)))),
        joint_recipe(""),
    )
    .unwrap();
    let without = load(pixels(43), joint_recipe("").with_joint(None)).unwrap();
    let (a, b) = (
        with.reference_batch(0, 1).unwrap(),
        without.reference_batch(0, 1).unwrap(),
    );
    assert_eq!(a.images().as_bytes(), b.images().as_bytes());
    assert_eq!(a.view(1).as_bytes(), b.view(1).as_bytes());
}

#[test]
fn bad_annotations_are_bad_samples_that_name_the_field() {
    type Damage = fn(&mut Annotations);
    let cases: [(Damage, Kind, &str); 5] = [
        (
            |bad| {
                bad.keypoints.push(Keypoint::new(f32::NAN, 1.0, 0));
            },
            Kind::Corrupt,
            "keypoints[0] = [NaN, 1]",
        ),
        (
            |bad| {
                bad.boxes.push(BoxLabel::new([5.0, 1.0, 4.0, 2.0], 0, 1));
            },
            Kind::Corrupt,
            "boxes[0] = [5, 1, 4, 2]",
        ),
        (
            |bad| {
                bad.planes.push(Plane::raw(
                    "mask",
                    PlaneKind::Mask,
                    Size::new(12, 10),
                    vec![0; 119],
                ));
            },
            Kind::Corrupt,
            "plane \"mask\": 119 bytes for 12 x 10",
        ),
        (
            |bad| {
                let codec = feedmill::sample::Codec::Png;
                bad.planes.push(Plane::encoded(
                    "mask",
                    PlaneKind::Mask,
                    codec,
                    &b"no png"[..],
                ));
            },
            Kind::Truncated,
            "plane \"mask\": a PNG of 6 bytes",
        ),
        (
            |bad| {
                bad.planes.push(Plane::raw(
                    "depth",
                    PlaneKind::Depth,
                    Size::new(30, 10),
                    vec![0; 300],
                ));
            },
            Kind::Limit,
            "plane \"depth\": the image and its planes have 420 pixels",
        ),
    ];
    for (damage, kind, words) in cases {
        let annotations = (0..20).map(|id| {
            let mut annotations = Annotations::default();
            if id == 3 {
                damage(&mut annotations);
            }
            annotations
        });
        let open = |on_bad| {
            let memory = pixels(20)
                .with_annotations(annotations.clone().collect())
                .unwrap();
            let limits = feedmill::decode::Limits::default().with_pixels(300);
            load(
                memory,
                joint_recipe("")
                    .with_limits(limits)
                    .with_on_bad(on_bad)
                    .with_batch(20),
            )
            .unwrap()
        };
        let error = open(OnBad::Fail).reference_batch(0, 0).unwrap_err();
        assert_eq!((error.kind(), error.sample()), (kind, Some(3)), "{error}");
        assert!(
            error.message().contains(words) && error.message().contains("memory record 3"),
            "{error}"
        );
        let batch = open(OnBad::Skip { at_most: 1.0 })
            .reference_batch(0, 0)
            .unwrap();
        assert_eq!((batch.faults().len(), batch.faults()[0].sample), (1, 3));
        assert!(
            batch
                .slot(batch.faults()[0].slot)
                .view(0, 0)
                .annotations()
                .is_none()
        );
    }
}

#[test]
fn the_fingerprint_of_memory_covers_annotations() {
    let fingerprint_with = |annotations: Vec<Annotations>| {
        pixels(2)
            .with_annotations(annotations)
            .map(|memory| memory.fingerprint())
    };
    let empty = fingerprint_with(vec![Annotations::default(); 2]).unwrap();
    let first = fingerprint_with(vec![annotations_of(3), Annotations::default()]).unwrap();
    let second = fingerprint_with(vec![Annotations::default(), annotations_of(3)]).unwrap();
    assert!(empty != first && first != second && empty != pixels(2).fingerprint());
    let error = fingerprint_with(vec![]).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Config, "annotations of 0 images for 2 samples")
    );
}

#[test]
fn the_table_is_checked_with_lines_and_read_back() {
    let read = |table: &str| Recipe::from_toml(&format!("batch = 8\n[joint]\n{table}"));
    for (table, words) in [
        ("ignored = 3", "line 3: unknown field `ignored`"),
        (
            "min_size = 2\nmin_kept = 1.5",
            "line 4: joint.min_kept = 1.5: expected 0 to 1",
        ),
        (
            "keypoint_pairs = [[1, 2], [2, 3]]",
            "line 3: joint.keypoint_pairs: 2 stands twice",
        ),
        ("max_boxes = 0", "line 3: joint.max_boxes = 0"),
        ("min_area = -1", "line 3: joint.min_area = -1"),
    ] {
        let error = read(table).unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
    let recipe = read("erase = \"ignore\"\nmax_boxes = 5\nkeypoint_pairs = [[1, 2]]").unwrap();
    assert_eq!(
        Recipe::from_toml(&recipe.to_toml()).unwrap().fingerprint(),
        recipe.fingerprint()
    );
    let plain = Recipe::from_toml("batch = 8").unwrap();
    assert!(!plain.to_toml().contains("joint"));
    assert_ne!(
        plain.with_joint(Joint::default()).fingerprint(),
        recipe.fingerprint()
    );
}

/// A folder of cut-outs for `copy_paste`: two classes with two images each, whose first two columns
/// are transparent.
fn bank() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, size, level) in [
        ("cup", 9u32, 10u8),
        ("cup", 7, 60),
        ("dog", 8, 120),
        ("dog", 12, 200),
    ] {
        let path = folder.path().join(class);
        std::fs::create_dir_all(&path).unwrap();
        let file = std::fs::File::create(path.join(format!("{level}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, size, size);
        encoder.set_color(png::ColorType::Rgba);
        let pixels = (0..size * size)
            .flat_map(|at| [level, at as u8, 7, if at % size > 1 { 255 } else { 0 }]);
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&pixels.collect::<Vec<u8>>())
            .unwrap();
    }
    folder
}

/// A recipe that pastes from a bank, and then crops, masks and flips.
fn pasting(bank: &std::path::Path) -> String {
    let options = r#"blend = ["basic", "alpha", "gaussian"], degrees = [-30.0, 30.0]"#;
    format!(
        r#"
        seed = 11
        batch = 8
        [[view]]
        ops = [
          {{ op = "resize", size = [40, 48] }},
          {{ op = "copy_paste", bank = "{}", {options}, jitter = true }},
          {{ op = "random_resized_crop", size = 32, scale = [0.5, 1.0] }},
          {{ op = "plane_mask", plane = "depth", patch = 8, ratio = 0.25 }},
          {{ op = "horizontal_flip" }},
        ]
        [joint]
        [target]
        classes = 7
        "#,
        bank.display()
    )
}

#[test]
fn what_is_pasted_is_the_same_whatever_the_threads() {
    let folder = bank();
    let recipe = Recipe::from_toml(&pasting(folder.path())).unwrap();
    // Ids are multiplied by 5, because `annotations_of` makes no planes for ids 4, 9, 14 and so on.
    let open = || {
        load(
            source(Access::Immediate, |id| Ok(Some(annotations_of(id * 5)))),
            recipe.clone(),
        )
        .unwrap()
    };
    let expected = reference(&open(), 1);
    for workers in [1, 4] {
        let tuning = tuning(|tuning| tuning.with_workers(workers));
        assert_eq!(threaded(&open().tuning(tuning).unwrap(), 1), expected);
    }
    let plain = load(source(Access::Immediate, |_| Ok(None)), recipe.clone()).unwrap();
    let error = plain.reference_batch(0, 0).unwrap_err();
    assert!(
        error.kind() == Kind::Config && error.message().contains("no plane \"depth\""),
        "{error}"
    );
    let batch = open().reference_batch(0, 0).unwrap();
    let (mut pasted, mut masked) = (0, 0);
    for slot in 0..8 {
        let found = batch.slot(slot).view(0, 0).annotations().unwrap();
        pasted += found
            .boxes
            .iter()
            .filter(|label| label.pasted.is_some())
            .count();
        masked += found
            .plane("depth.masked")
            .map_or(0, |plane| plane.bytes.iter().filter(|v| **v == 0).count());
        for label in found.boxes.iter().filter(|label| label.pasted.is_some()) {
            assert!(label.class < 2 && label.pasted.unwrap() < 4);
        }
    }
    assert!(pasted > 8 && masked >= 8 * 4 * 64, "{pasted} {masked}");
}

#[test]
fn a_bank_is_part_of_the_recipe() {
    let folder = bank();
    let recipe = Recipe::from_toml(&pasting(folder.path())).unwrap();
    let written = recipe.to_toml();
    assert_eq!(
        Recipe::from_toml(&written).unwrap().fingerprint(),
        recipe.fingerprint()
    );
    std::fs::write(folder.path().join("dog/new.png"), "").unwrap();
    assert_ne!(
        Recipe::from_toml(&pasting(folder.path()))
            .unwrap()
            .fingerprint(),
        recipe.fingerprint()
    );
    let error = Recipe::from_toml(&written).unwrap_err();
    assert!(
        error.kind() == Kind::Mismatch && error.message().contains("its files are others"),
        "{error}"
    );
    let gone = folder.path().join("nowhere");
    let error = Recipe::from_toml(&pasting(&gone)).unwrap_err();
    assert!(
        error.kind() == Kind::Config && error.message().contains("recipe line 7"),
        "{error}"
    );
    assert!(
        error
            .message()
            .contains("nowhere: cannot list the bank's folder"),
        "{error}"
    );
}

/// Writes a PNG. An indexed one gets a palette of 256 equal colors: its indices are the data.
fn write_png(
    path: &std::path::Path,
    (width, height): (u32, u32),
    color: png::ColorType,
    data: &[u8],
) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), width, height);
    encoder.set_color(color);
    if color == png::ColorType::Indexed {
        encoder.set_palette(vec![9; 768]);
    }
    encoder
        .write_header()
        .unwrap()
        .write_image_data(data)
        .unwrap();
}

#[test]
fn a_folder_with_annotations_is_read_to_the_batch() {
    let dir = tempfile::tempdir().unwrap();
    let class = dir.path().join("cat");
    std::fs::create_dir(&class).unwrap();
    let rgb: Vec<u8> = (0..8 * 6 * 3).map(|i| i as u8).collect();
    write_png(&class.join("1.png"), (8, 6), png::ColorType::Rgb, &rgb);
    write_png(&class.join("2.png"), (8, 6), png::ColorType::Rgb, &rgb);
    let mask: Vec<u8> = (0..48).collect();
    write_png(
        &class.join("1.seg.mask.png"),
        (8, 6),
        png::ColorType::Indexed,
        &mask,
    );
    write_png(
        &class.join("1.right.color.png"),
        (8, 6),
        png::ColorType::Rgb,
        &rgb,
    );
    std::fs::write(
        class.join("1.json"),
        r#"{"boxes": [[1, 2, 5, 6, 3]], "keypoints": [[6, 1, 2, 4]]}"#,
    )
    .unwrap();
    let recipe = |table: &str| {
        let text = format!(
            r#"
            batch = 2
            order = "sequential"
            on_bad = "fail"
            [[view]]
            ops = [
              {{ op = "horizontal_flip", p = 1.0 }},
              {{ op = "center_crop", size = [6, 4] }},
              {{ op = "invert", p = 1.0 }},
            ]
            {table}
            [output]
            dtype = "u8"
            layout = "nhwc"
            "#
        );
        Recipe::from_toml(&text).unwrap()
    };
    let open =
        |table: &str| load(feedmill::source::open(dir.path()).unwrap(), recipe(table)).unwrap();
    let batch = open("[joint]").reference_batch(0, 0).unwrap();
    let found = batch.slot(0).view(0, 0).annotations().unwrap();
    assert_eq!(
        found.boxes[0].bounds.edges(),
        [1.0, 2.0, 4.0, 6.0],
        "columns 3 to 7 of the mirror image, cut at 2 and 6"
    );
    assert_eq!(
        (
            found.keypoints[0].x,
            found.keypoints[0].y,
            found.keypoints[0].visible
        ),
        (0.0, 1.0, 2)
    );
    let expected: Vec<u8> = (0..6u8)
        .flat_map(|y| (0..4).map(move |x| y * 8 + 5 - x))
        .collect();
    assert_eq!(found.plane("seg").unwrap().bytes[..], expected);
    let image = &batch.images().as_bytes()[..6 * 4 * 3];
    assert_eq!(
        found.plane("right").unwrap().bytes[..],
        *image,
        "a color plane takes every step that the image takes"
    );
    assert_eq!(
        batch.slot(1).view(0, 0).annotations(),
        Some(&Annotations::default())
    );

    std::fs::write(class.join("2.json"), "{").unwrap();
    assert!(open("").reference_batch(0, 0).is_ok());
    let error = open("[joint]").reference_batch(0, 0).unwrap_err();
    assert!(
        error.kind() == Kind::Corrupt && error.sample() == Some(1),
        "{error}"
    );
    assert!(error.message().contains("cat/2.json: not JSON"), "{error}");
}
