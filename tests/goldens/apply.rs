//! Ops as a recipe writes them (`apply.txt`). All results must be equal to those of the references.

use std::collections::BTreeMap;

use feedmill::augment;
use feedmill::geometry::Size;
use feedmill::recipe::Registry;
use feedmill::toml;

use crate::{Row, fnv1a, image, lines};

/// Applies the op of a text such as `op = "rotate", degrees = 15.0` to an image. Returns the op's
/// name, and the size and hash of the result.
fn apply(text: &str, (frame, pixels): &(Size, Vec<u8>)) -> (String, String) {
    let mut table: toml::Table = toml::from_str(&format!("op = {{ {text} }}")).unwrap();
    let Some(toml::Value::Table(mut params)) = table.remove("op") else {
        panic!("{text}")
    };
    let name = params.remove("op").unwrap().as_str().unwrap().to_string();
    let op = Registry::default()
        .make_for_one_image(&name, params)
        .unwrap();
    let (frame, pixels) = augment::apply(&*op, 7, *frame, pixels).unwrap();
    (
        name,
        format!("{} {} {:016x}", frame.width, frame.height, fnv1a(&pixels)),
    )
}

/// The number of results for each op and reference. Panics if one of them is not equal.
fn count_equal_results() -> BTreeMap<(String, String), usize> {
    let mut images = BTreeMap::new();
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in lines("goldens/apply.txt") {
        let [name, reference, op, expected] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let image = images
            .entry(name.to_string())
            .or_insert_with(|| image(name));
        let (op, found) = apply(op, image);
        if found != expected {
            wrong.push(format!("{line}: found {found}"));
        }
        *counts.entry((op, reference.to_string())).or_default() += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    counts
}

/// The rows of these ops in the table of docs/AUGMENTATIONS.md.
pub(crate) fn rows() -> Vec<Row> {
    let version = |reference: &str| match reference {
        "Pillow" => "Pillow 13.0".to_string(),
        "timm" => "timm 1.0.31 (Pillow 13.0)".to_string(),
        "numpy.pad" => "numpy 2.4 pad".to_string(),
        "OpenCV" => "OpenCV 5.0, each channel".to_string(),
        "scikit-image" => "scikit-image 0.26".to_string(),
        other => other
            .replace("torchvision", "torchvision 0.29")
            .replace("PIL", "PIL (Pillow 13.0)"),
    };
    let row = |((op, reference), cases): ((String, String), usize)| {
        [
            op,
            version(&reference),
            cases.to_string(),
            "equal".to_string(),
        ]
    };
    count_equal_results().into_iter().map(row).collect()
}

#[test]
fn ops_give_the_bytes_of_their_references() {
    assert_eq!(count_equal_results().values().sum::<usize>(), 2713);
}
