//! Every built-in source keeps the promises that a custom one has to keep.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use feedmill::augment::ops::Resize;
use feedmill::geometry::Size;
use feedmill::sample::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind, Target};
use feedmill::shard::Backing;
use feedmill::source::{self, Memory, Shards, Source};
use feedmill::testing::source_contract;
use feedmill::{Loader, Recipe};

use crate::make;

/// Opens a data set, checks it, writes an entropy index beside it, and checks it again.
fn check_with_and_without_index(path: &Path) {
    source_contract(&*source::open(path).unwrap());
    let stop = AtomicBool::new(false);
    let report = feedmill::index::write(path, &Default::default(), &stop, &|_, _| {}).unwrap();
    assert!(report.indexed > 0, "{}", path.display());
    let indexed = source::open(path).unwrap();
    assert!(indexed.jpeg_index(0).unwrap().is_some() || report.indexed < report.samples);
    source_contract(&*indexed);
}

/// A folder of class folders with annotations beside the first image.
fn folder(root: &Path) -> PathBuf {
    let folder = root.join("photos");
    for photo in make::photos() {
        let path = folder.join(&photo.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &photo.bytes).unwrap();
    }
    let first = folder.join(&make::photos()[0].name);
    let boxes = r#"{"boxes": [[1, 2, 30, 40, 5]], "keypoints": [[3, 4, 2, 0, 1]]}"#;
    fs::write(first.with_extension("json"), boxes).unwrap();
    folder
}

fn annotations(id: u32) -> Annotations {
    let mask = Plane::raw("mask", PlaneKind::Mask, Size::new(3, 2), vec![1; 6]);
    Annotations::default()
        .with_boxes([BoxLabel::new([0.0, 0.0, 2.0, 1.5], id, 1)])
        .with_keypoints([Keypoint::new(1.5, 0.5, id).with_instance(1)])
        .with_planes([mask])
}

/// Samples in memory of all kinds.
fn in_memory() -> Vec<Memory> {
    let pixels = |channels: u8| {
        let bytes: Vec<u8> = (0..4 * 6 * channels).collect();
        Memory::pixels(bytes, Size::new(3, 2), channels, vec![0, 1, 1, 0]).unwrap()
    };
    let photos = make::photos().into_iter();
    let targets = [
        Target::None,
        Target::Class(3),
        Target::Multi(vec![0, 2]),
        Target::Soft(vec![0.5, 0.25, 0.25]),
    ];
    let encoded = photos
        .zip(targets)
        .map(|(photo, target)| (photo.bytes, target));
    vec![
        pixels(1),
        pixels(3).with_classes(["cat", "dog"]).unwrap(),
        pixels(3)
            .with_annotations((0..4).map(annotations).collect())
            .unwrap(),
        Memory::encoded(encoded),
        Memory::encoded([]),
    ]
}

#[test]
fn folders_keep_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    check_with_and_without_index(&folder(dir.path()));
}

#[test]
fn tars_keep_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let photos = make::photos();
    let one = dir.path().join("one.tar");
    fs::write(&one, make::tar(&photos)).unwrap();
    check_with_and_without_index(&one);
    let several = dir.path().join("several");
    fs::create_dir(&several).unwrap();
    fs::write(several.join("0.tar"), make::tar(&photos[..4])).unwrap();
    fs::write(several.join("1.tar"), make::tar(&photos[4..])).unwrap();
    check_with_and_without_index(&several);
}

#[cfg(feature = "arrow")]
#[test]
fn tables_keep_the_contract() {
    use feedmill::testing::column_contract;
    use parquet::basic::Compression;

    let dir = tempfile::tempdir().unwrap();
    let photos = make::photos();
    let plain = make::plain(&photos);
    let hugging_face = make::hugging_face(&photos, &["nature", "places", "still"]);
    for (name, table) in [("plain", plain), ("hf", hugging_face)] {
        let files = [
            ("file.arrow", make::arrow_file(&table, 3)),
            ("stream.arrow", make::arrow_stream(&table, 3)),
            (
                "table.parquet",
                make::parquet(&table, 3, Compression::SNAPPY),
            ),
        ];
        for (end, bytes) in files {
            let path = dir.path().join(format!("{name}-{end}"));
            fs::write(&path, bytes).unwrap();
            check_with_and_without_index(&path);
            if name == "hf" {
                column_contract(&*source::open(&path).unwrap(), "caption");
            }
        }
    }
}

#[test]
fn shards_keep_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let mut sources: Vec<Box<dyn Source>> = vec![source::open(folder(dir.path())).unwrap()];
    for memory in in_memory() {
        if !memory.is_empty() {
            sources.push(Box::new(memory));
        }
    }
    for (number, source) in sources.iter().enumerate() {
        let path = dir.path().join(format!("shards-{number}"));
        let options = feedmill::convert::Options::default().with_shard_size(64 << 10);
        let stop = AtomicBool::new(false);
        feedmill::convert::convert(&**source, &path, &options, &stop, &|_| {}).unwrap();
        for backing in [Backing::Mmap, Backing::Pread] {
            source_contract(&Shards::open(&path, backing).unwrap());
        }
    }
}

#[test]
fn samples_in_memory_keep_the_contract() {
    in_memory()
        .iter()
        .for_each(|memory| source_contract(memory));
}

#[test]
fn joined_sources_keep_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let mut memory = in_memory();
    let joined = Loader::builder()
        .source(memory.swap_remove(0))
        .path(folder(dir.path()))
        .source(memory.swap_remove(1))
        .recipe(Recipe::new().with_batch(2).op(Resize::new(Size::square(4))));
    source_contract(&**joined.build().unwrap().source());
}
