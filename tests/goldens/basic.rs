//! Crops, flips, color ops and resizing (`ops.txt`, `resize.txt`), the boxes of CutMix (`mix.txt`)
//! and decoding of unusual images (`fixtures/odd`).

use std::collections::BTreeMap;
use std::fs;

use feedmill::augment::ops::{CenterCrop, ColorJitter, HorizontalFlip, Resize, VerticalFlip};
use feedmill::augment::{self, Dialect, Filter, PadMode, Steps, steps};
use feedmill::geometry::{Point, Rect, Size};
use feedmill::mix::{CutMix, Geometry};

use crate::{Difference, Row, decode, fixture, fnv1a, image, lines, run};

fn parse_all<T: std::str::FromStr>(words: &[&str]) -> Vec<T>
where
    T::Err: std::fmt::Debug,
{
    words.iter().map(|word| word.parse().unwrap()).collect()
}

/// Applies the op that a line of ops.txt names: a name and its values.
fn apply(words: &[&str], image: &(Size, Vec<u8>)) -> (Size, Vec<u8>) {
    let (frame, pixels) = image;
    let op = |op: &dyn augment::Op| augment::apply(op, 7, *frame, pixels).unwrap();
    let (name, values) = words.split_first().unwrap();
    let factor = || [values[0].parse::<f64>().unwrap(); 2];
    let size = || parse_all::<u32>(values);
    match *name {
        "brightness" => op(&ColorJitter::new().with_brightness(factor())),
        "contrast" => op(&ColorJitter::new().with_contrast(factor())),
        "saturation" => op(&ColorJitter::new().with_saturation(factor())),
        // The step is built by hand: `ColorJitter` leaves out a hue shift of 0, while the reference
        // converts to HSV and back, which changes pixels.
        "hue" => {
            let shift = factor()[0] as f32;
            let hue = steps::Color::Hue(shift, Dialect::Pil);
            run(Steps::new(*frame).with(hue), pixels)
        }
        "horizontal_flip" => op(&HorizontalFlip::new().with_p(1.0)),
        "vertical_flip" => op(&VerticalFlip::new().with_p(1.0)),
        "center_crop" => op(&CenterCrop::new(Size {
            width: size()[1],
            height: size()[0],
        })),
        "nearest" => {
            let [width, height] = size()[..] else {
                panic!("{words:?}")
            };
            op(&Resize::new(Size { width, height }).with_filter(Filter::Nearest))
        }
        "shorter" => op(&Resize::new(size()[0]).with_filter(Filter::Nearest)),
        "pad_crop" => {
            let pad = match values[0] {
                "reflect" => PadMode::Reflect,
                _ => PadMode::Constant([9, 80, 200]),
            };
            let [left, top, width, height] = parse_all::<i64>(&values[1..])[..] else {
                panic!("{words:?}")
            };
            let (width, height) = (width as u32, height as u32);
            let size = Size { width, height };
            let mut crop = steps::Crop::new(left, top, size);
            crop.pad = pad;
            run(Steps::new(*frame).with(crop), pixels)
        }
        other => panic!("unknown op {other}"),
    }
}

/// The number of results for each op in ops.txt. Panics if one of them is not equal.
fn count_equal_results() -> BTreeMap<String, usize> {
    let mut images = BTreeMap::new();
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in lines("goldens/ops.txt") {
        let (left, right) = line.split_once(" = ").unwrap();
        let words: Vec<&str> = left.split(' ').collect();
        let image = images
            .entry(words[0].to_string())
            .or_insert_with(|| image(words[0]));
        let (frame, pixels) = apply(&words[1..], image);
        let found = format!("{} {} {:016x}", frame.width, frame.height, fnv1a(&pixels));
        if found != right {
            wrong.push(format!("{left}: found {found}, expected {right}"));
        }
        *counts.entry(words[1].to_string()).or_default() += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    counts
}

#[test]
fn crops_flips_color_and_nearest_give_the_bytes_of_pillow_and_torchvision() {
    assert_eq!(count_equal_results().values().sum::<usize>(), 423);
}

/// The difference of each filter from Pillow over all results of resize.bin.
fn resize_differences() -> BTreeMap<String, Difference> {
    let mut differences: BTreeMap<String, Difference> = BTreeMap::new();
    let mut images = BTreeMap::new();
    let expected = fs::read(fixture("goldens/resize.bin")).unwrap();
    let mut rest = &expected[..];
    for line in lines("goldens/resize.txt") {
        let words: Vec<&str> = line.split(' ').collect();
        let image = images
            .entry(words[0].to_string())
            .or_insert_with(|| image(words[0]));
        let [left, top, width, height, to_width, to_height] = parse_all::<u32>(&words[2..])[..]
        else {
            panic!("{line}")
        };
        let filter = match words[1] {
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            _ => Filter::Lanczos,
        };
        let size = Size { width, height };
        let crop = steps::Crop::new(i64::from(left), i64::from(top), size);
        let size = Size {
            width: to_width,
            height: to_height,
        };
        let list = Steps::new(image.0).with(crop);
        let (_, found) = run(list.with(steps::Resize::new(size, filter)), &image.1);
        let (golden, tail) = rest.split_at(found.len());
        rest = tail;
        let mut difference = Difference::default();
        difference.add(&found, golden);
        if difference.most > 1 {
            println!(
                "{line}: at most {}, mean {:.4}",
                difference.most,
                difference.mean()
            );
        }
        differences
            .entry(words[1].to_string())
            .or_default()
            .add(&found, golden);
    }
    assert!(rest.is_empty());
    differences
}

#[test]
fn resizes_are_within_one_level_of_pillow() {
    for (filter, difference) in resize_differences() {
        assert!(difference.most <= 1, "{filter}: {difference:?}");
    }
}

#[test]
fn cut_boxes_are_those_of_timm_torchvision_and_the_authors() {
    let mut count = 0;
    for line in lines("goldens/mix.txt")
        .iter()
        .filter(|line| line.starts_with("box "))
    {
        let (left, right) = line.split_once(" = ").unwrap();
        let words: Vec<&str> = left.split(' ').collect();
        let geometry = match words[1] {
            "official" => Geometry::Official,
            "timm" => Geometry::Timm,
            _ => Geometry::Torchvision,
        };
        let [height, width] = parse_all::<u32>(&words[2..4])[..] else {
            panic!("{line}")
        };
        let [cy, cx] = parse_all::<u32>(&words[5..7])[..] else {
            panic!("{line}")
        };
        let cutmix = CutMix::new().with_alpha(1.0).with_geometry(geometry);
        let [y0, x0, y1, x1] = parse_all::<u32>(&right.split(' ').collect::<Vec<_>>())[..] else {
            panic!("{line}")
        };
        let (center, size) = (Point::new(cx, cy), Size::new(width, height));
        let rect = cutmix.rect(words[4].parse().unwrap(), center, size);
        assert_eq!(rect, Rect::new(x0, y0, x1 - x0, y1 - y0), "{left}");
        count += 1;
    }
    assert_eq!(count, 420);
}

/// The odd images whose expected pixels are stored, each with its difference from them. Panics if
/// an image with a hash is not equal.
fn odd_differences() -> Vec<(String, Difference)> {
    let one = |line: &String| {
        let words: Vec<&str> = line.split(' ').collect();
        let name = words[0];
        let (frame, pixels) = decode(&format!("odd/{name}"));
        assert_eq!(
            [frame.width, frame.height][..],
            parse_all::<u32>(&words[1..3])[..],
            "{name}"
        );
        let mut difference = Difference::default();
        if words[3] == "equal" {
            assert_eq!(format!("{:016x}", fnv1a(&pixels)), words[4], "{name}");
            return None;
        }
        let (_, expected) = decode(&format!("odd/expected/{}.png", name.replace('.', "_")));
        difference.add(&pixels, &expected);
        println!(
            "{name}: at most {}, mean {:.4}",
            difference.most,
            difference.mean()
        );
        Some((name.to_string(), difference))
    };
    lines("odd/golden.txt").iter().filter_map(one).collect()
}

#[test]
fn odd_images_decode_by_the_rules_of_pillow() {
    for (name, difference) in odd_differences() {
        let (most, mean) = tolerance(&name);
        assert!(
            difference.most <= most && difference.mean() <= mean,
            "{name}: {difference:?}"
        );
    }
    let mut listed: Vec<String> = lines("odd/golden.txt")
        .iter()
        .map(|line| line.split(' ').next().unwrap().to_string())
        .collect();
    // Every file must be listed: one that is not would be tested by nothing.
    let mut present: Vec<String> = fs::read_dir(fixture("odd"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["golden.txt", "README.md", "expected"].contains(&name.as_str()))
        .collect();
    present.sort();
    listed.sort();
    assert_eq!(present, listed);
}

/// The largest and the mean difference that an odd image may have. zune-jpeg, which decodes CMYK,
/// has another inverse transform than libjpeg-turbo; all others must be equal.
fn tolerance(name: &str) -> (u8, f64) {
    match name {
        _ if name.ends_with(".webp") || name.starts_with("progressive_") => (0, 0.0),
        _ => (3, 0.02),
    }
}

/// The rows of these ops in the table of docs/AUGMENTATIONS.md.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |op: &str, reference: &str, cases: usize, difference: &str| {
        rows.push([
            op.to_string(),
            reference.to_string(),
            cases.to_string(),
            difference.to_string(),
        ]);
    };
    let equal = count_equal_results();
    for (op, key, reference) in [
        (
            "brightness",
            "brightness",
            "torchvision 0.29 on PIL (Pillow 13.0 ImageEnhance)",
        ),
        (
            "contrast",
            "contrast",
            "torchvision 0.29 on PIL (Pillow 13.0 ImageEnhance)",
        ),
        (
            "saturation",
            "saturation",
            "torchvision 0.29 on PIL (Pillow 13.0 ImageEnhance)",
        ),
        ("hue", "hue", "torchvision 0.29 on PIL"),
        ("horizontal flip", "horizontal_flip", "torchvision 0.29"),
        ("vertical flip", "vertical_flip", "torchvision 0.29"),
        ("center crop", "center_crop", "torchvision 0.29"),
        (
            "crop with padding, constant or reflected",
            "pad_crop",
            "torchvision 0.29",
        ),
        (
            "resize to the shorter side, its size",
            "shorter",
            "torchvision 0.29",
        ),
        ("resize, nearest", "nearest", "Pillow 13.0"),
    ] {
        row(op, reference, equal[key], "equal");
    }
    for (filter, difference) in resize_differences() {
        let name = format!("resize and crop + resize, {filter}");
        row(
            &name,
            "Pillow 13.0",
            difference.cases,
            &difference.to_string(),
        );
    }
    let tested = |prefix: &str| {
        lines("goldens/mix.txt")
            .iter()
            .filter(|line| line.starts_with(prefix))
            .count()
    };
    row(
        "normalize",
        "torchvision 0.29",
        lines("goldens/normalize.txt").len(),
        "equal",
    );
    row(
        "MixUp of f32 pixels, lam a float32",
        "torch 2.15",
        tested("blend f32"),
        "equal",
    );
    row(
        "MixUp of u8 pixels",
        "timm 1.0.31 FastCollateMixup",
        tested("blend u8"),
        "equal",
    );
    row(
        "CutMix box, official",
        "CutMix-PyTorch",
        tested("box official"),
        "equal",
    );
    row(
        "CutMix box, timm",
        "timm 1.0.31",
        tested("box timm"),
        "equal",
    );
    row(
        "CutMix box, torchvision",
        "torchvision 0.29",
        tested("box torchvision"),
        "equal",
    );
    row(
        "smoothed and mixed targets",
        "timm 1.0.31 mixup_target",
        tested("target"),
        "1e-6",
    );
    let golden = lines("odd/golden.txt");
    let decoded = |ending: &str| {
        golden
            .iter()
            .filter(|line| line.split(' ').next().unwrap().ends_with(ending))
            .count()
    };
    row(
        "PNG (16-bit gray by its own rule)",
        "Pillow 13.0",
        decoded(".png"),
        "equal",
    );
    row(
        "WebP",
        "Pillow 13.0, libwebp 1.6",
        decoded(".webp"),
        "equal",
    );
    let jpeg = lines("jpeg/golden.txt")
        .iter()
        .filter(|line| !line.ends_with("refused"))
        .count();
    let exif = golden
        .iter()
        .filter(|line| line.starts_with("exif_"))
        .count();
    row(
        "JPEG, baseline and extended, one scan",
        "Pillow 13.0, libjpeg-turbo 3.2",
        jpeg + exif,
        "equal",
    );
    let (progressive, other): (Vec<_>, Vec<_>) = odd_differences()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".jpg"))
        .partition(|(name, _)| name.starts_with("progressive_"));
    row(
        "JPEG, progressive",
        "Pillow 13.0, libjpeg-turbo 3.2",
        progressive.len(),
        "equal",
    );
    let mut others = Difference::default();
    for (_, difference) in other {
        others.most = others.most.max(difference.most);
        others.sum += difference.sum;
        others.values += difference.values;
        others.cases += 1;
    }
    row(
        "JPEG, CMYK and YCCK",
        "Pillow 13.0, libjpeg-turbo 3.2",
        others.cases,
        &others.to_string(),
    );
    rows
}
