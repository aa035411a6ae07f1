//! Entropy indexes beside data in every format, and inside shards.
//!
//! An index lets a decoder enter a JPEG in the middle. It makes decoding faster and never changes a
//! byte of a batch. An index that does not fit its data is refused with an error, not ignored.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use feedmill::decode::jpeg::{Index, VerifiedRows};
use feedmill::decode::{self, Decoder, IndexPolicy, Limits, ScalePolicy};
use feedmill::geometry::Rect;
use feedmill::index::{self, Report, path_of};
use feedmill::recipe::OnBad;
use feedmill::source::{self, Shards, Source};
use feedmill::{Kind, Loader, Recipe, convert, verify};

use crate::make::{self, Sample};

fn make_index(data: &Path, jobs: usize) -> Report {
    let options = index::Options::default().with_jobs(jobs);
    index::write(data, &options, &AtomicBool::new(false), &|_, _| {}).unwrap()
}

/// Six baseline JPEGs of 300 x 170 pixels, made of waves. Each has several index entries in a row
/// of blocks.
fn images() -> Vec<Sample> {
    let image = |n: u32| {
        let wave = |x: u32, y: u32, c: u32| {
            let phase =
                f64::from((x * (2 + n) + y * (5 - c)) % 300) / 300.0 * std::f64::consts::TAU;
            (128.0 + 90.0 * phase.sin() + f64::from((x / 9 + y / 7 + c) % 31)) as u8
        };
        let pixels: Vec<u8> = (0..170 * 300 * 3)
            .map(|i| wave(i / 3 % 300, i / 900, i % 3))
            .collect();
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 60 + 5 * n as u8)
            .encode(&pixels, 300, 170, image::ExtendedColorType::Rgb8)
            .unwrap();
        Sample {
            name: format!("{}/{n}.jpg", ["cat", "dog"][n as usize / 3]),
            bytes,
            class: n / 3,
        }
    };
    (0..6).map(image).collect()
}

/// Writes the images into a folder of class folders, and returns its path.
fn image_folder(root: &Path) -> PathBuf {
    let folder = root.join("data");
    for photo in images() {
        let path = folder.join(&photo.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &photo.bytes).unwrap();
    }
    folder
}

fn strict_recipe() -> Recipe {
    Recipe::preset("imagenet")
        .unwrap()
        .with_batch(3)
        .with_on_bad(OnBad::Fail)
}

/// The bytes of the batches of two epochs, or the message of the first error.
fn batches(data: &Path, recipe: Recipe) -> Result<Vec<Vec<u8>>, String> {
    let loader = Loader::builder().path(data).recipe(recipe).workers(2);
    let loader = loader.build().map_err(|e| e.to_string())?;
    let mut all = Vec::new();
    for epoch in loader.epochs(0..2) {
        for batch in epoch {
            let batch = batch.map_err(|error| error.to_string())?;
            all.push(
                batch
                    .images()
                    .as_f32()
                    .unwrap()
                    .iter()
                    .flat_map(|x| x.to_le_bytes())
                    .collect(),
            );
        }
    }
    Ok(all)
}

/// Checks that a source has for each sample the index of exactly its bytes.
fn assert_indexed(source: &dyn Source) {
    let mut decoder = Decoder::new();
    for id in 0..source.len() {
        let sample = source.read(id, Vec::new()).unwrap();
        let probe = decode::probe(&sample.bytes, sample.codec, &Limits::default()).unwrap();
        let expected = decoder.index(&sample.bytes, &probe).unwrap();
        assert!(expected.is_some(), "all files are baseline");
        assert!(
            source.jpeg_index(id).unwrap().as_deref() == expected.as_deref(),
            "sample {id}"
        );
    }
}

#[test]
fn every_form_takes_an_index_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let photos = images();
    let mut forms = vec![image_folder(dir.path())];
    let mut add = |name: &str, bytes: Vec<u8>| {
        fs::write(dir.path().join(name), bytes).unwrap();
        forms.push(dir.path().join(name));
    };
    add("a.tar", make::tar(&photos));
    #[cfg(feature = "arrow")]
    {
        let batch = make::plain(&photos);
        add("a.arrow", make::arrow_file(&batch, 3));
        add(
            "a.parquet",
            make::parquet(&batch, 4, parquet::basic::Compression::SNAPPY),
        );
    }
    let plain = batches(&forms[0], strict_recipe()).unwrap();
    for data in forms {
        assert!((0..6).all(|id| {
            source::open(&data)
                .unwrap()
                .jpeg_index(id)
                .unwrap()
                .is_none()
        }));
        let report = make_index(&data, 1);
        assert_eq!(
            (report.samples, report.indexed, report.bad.len()),
            (6, 6, 0)
        );
        assert_eq!(report.path, path_of(&data).unwrap());
        let bytes = fs::read(&report.path).unwrap();
        assert_eq!(report.bytes, bytes.len() as u64);
        assert!(report.bytes * 30 < report.bytes_in, "{report:?}");
        make_index(&data, 3);
        assert!(
            fs::read(&report.path).unwrap() == bytes,
            "jobs change nothing"
        );
        let source = source::open(&data).unwrap();
        assert_indexed(&*source);
        let verified = verify::verify(
            &*source,
            &verify::Options::default(),
            &AtomicBool::new(false),
            &|_| {},
        );
        assert!(verified.is_sound(), "{verified:?}");
        let fingerprint = source::open(&data).unwrap().fingerprint();
        fs::rename(&report.path, dir.path().join("away")).unwrap();
        assert_eq!(
            source::open(&data).unwrap().fingerprint(),
            fingerprint,
            "an index is not part of the data"
        );
        fs::rename(dir.path().join("away"), &report.path).unwrap();
        for policy in [IndexPolicy::Off, IndexPolicy::Auto, IndexPolicy::Learn] {
            assert!(
                batches(&data, strict_recipe().with_index(policy)).unwrap() == plain,
                "{} {policy:?}",
                data.display()
            );
        }
    }
}

#[test]
fn shards_have_their_indexes_inside() {
    let dir = tempfile::tempdir().unwrap();
    let data = image_folder(dir.path());
    let plain = batches(&data, strict_recipe()).unwrap();
    let source = source::open(&data).unwrap();
    let sets = [true, false].map(|index| {
        let dst = dir.path().join(format!("shards-{index}"));
        let options = convert::Options::default().with_index(index);
        convert::convert(&*source, &dst, &options, &AtomicBool::new(false), &|_| {}).unwrap();
        dst
    });
    let open = |path: &Path| Shards::open(path, feedmill::shard::Backing::Pread).unwrap();
    assert_indexed(&open(&sets[0]));
    assert_indexed(&*source::open(&sets[0]).unwrap());
    assert_eq!(open(&sets[0]).fingerprint(), open(&sets[1]).fingerprint());
    assert!((0..6).all(|id| open(&sets[1]).entry(id).unwrap().jpeg_index == 0));
    for set in &sets {
        assert!(
            batches(set, strict_recipe()).unwrap() == plain,
            "{}",
            set.display()
        );
    }
    // Shards that were written without indexes can have one beside them.
    make_index(&sets[1], 2);
    assert_indexed(&*source::open(&sets[1]).unwrap());
    assert!(batches(&sets[1], strict_recipe()).unwrap() == plain);
}

#[test]
fn learning_stays_within_its_budget_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = image_folder(dir.path());
    let plain = batches(&data, strict_recipe()).unwrap();
    for bytes in [0, 600, 1 << 30] {
        let learn = strict_recipe()
            .with_index(IndexPolicy::Learn)
            .with_index_bytes(bytes);
        assert!(batches(&data, learn).unwrap() == plain, "{bytes} bytes");
    }
}

#[test]
fn scaled_decoding_is_the_same_on_every_path_and_another_recipe() {
    let dir = tempfile::tempdir().unwrap();
    let data = image_folder(dir.path());
    let small = || {
        let text = r#"
            batch = 3
            [[view]]
            ops = [
              { op = "random_resized_crop", size = 32, scale = [0.2, 1.0] },
              { op = "horizontal_flip" },
            ]
        "#;
        Recipe::from_toml(text).unwrap().with_on_bad(OnBad::Fail)
    };
    let fast = || small().with_scale(ScalePolicy::Fast);
    let exact = batches(&data, small()).unwrap();
    let plain = batches(&data, fast()).unwrap();
    assert!(plain.iter().zip(&exact).all(|(fast, exact)| fast != exact));
    let loader = Loader::open(&data, fast()).unwrap();
    let reference = loader.reference_batch(1, 1).unwrap();
    let reference: Vec<u8> = reference
        .images()
        .as_f32()
        .unwrap()
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    assert!(plain[3] == reference, "the reference path");
    let divisors: Vec<u32> = (0..6)
        .map(|id| loader.explain(0, id).unwrap().divisor)
        .collect();
    assert!(
        divisors.iter().all(|divisor| [1, 2, 4].contains(divisor)) && divisors.contains(&2),
        "{divisors:?}"
    );
    make_index(&data, 1);
    assert!(batches(&data, fast()).unwrap() == plain, "with an index");
    // The decoder does a part of the reduction, with another filter: pixels differ a little.
    let values = |bytes: &[u8]| -> Vec<f32> {
        bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&four| f32::from_le_bytes(four))
            .collect()
    };
    for (fast, exact) in plain.iter().zip(&exact) {
        let (fast, exact) = (values(fast), values(exact));
        let error: f32 = fast
            .iter()
            .zip(&exact)
            .map(|(a, b)| (a - b).abs())
            .sum::<f32>()
            / fast.len() as f32;
        assert!(error < 0.04, "{error} of 1 on average");
    }
}

#[test]
fn the_index_of_other_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = image_folder(dir.path());
    let path = make_index(&data, 1).path;
    let extra = data.join("cat/more.jpg");
    fs::write(&extra, &images()[0].bytes).unwrap();
    let error = Loader::open(&data, strict_recipe()).unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch);
    for words in [
        path.to_str().unwrap(),
        "6 samples",
        "now (7",
        "`feedmill index` again",
        "remove",
    ] {
        assert!(error.message().contains(words), "{words}: {error}");
    }
    make_index(&data, 1);
    assert_indexed(&*source::open(&data).unwrap());
    // A folder's fingerprint covers names and sizes of files. An image replaced by another of its
    // size passes, and is found when it is read.
    fs::remove_file(&extra).unwrap();
    make_index(&data, 1);
    let victim = data.join(&images()[4].name);
    let mut bytes = fs::read(&victim).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&victim, bytes).unwrap();
    let error = batches(&data, strict_recipe()).unwrap_err();
    assert!(
        error.contains("of other bytes") && error.contains("make it again"),
        "{error}"
    );
    assert!(error.contains(&images()[4].name), "{error}");
}

#[test]
fn a_damaged_index_is_refused_or_a_fault_of_its_sample() {
    let dir = tempfile::tempdir().unwrap();
    let data = image_folder(dir.path());
    let plain = batches(&data, strict_recipe()).unwrap();
    let path = make_index(&data, 1).path;
    let good = fs::read(&path).unwrap();
    let mut faults = 0;
    let ends = (0..40).chain(good.len() - 110..good.len());
    for at in ends.chain((40..good.len()).step_by(good.len() / 60)) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, bytes).unwrap();
        match source::open(&data) {
            Err(error) => {
                assert!(
                    matches!(error.kind(), Kind::Corrupt | Kind::Mismatch),
                    "byte {at}: {error}"
                );
            }
            Ok(source) => {
                let bad = (0..6).filter(|&id| {
                    let sample = source.read(id, Vec::new()).unwrap();
                    let probe =
                        decode::probe(&sample.bytes, sample.codec, &Limits::default()).unwrap();
                    let index = source.jpeg_index(id).unwrap().unwrap();
                    let corner = Rect {
                        left: 9,
                        top: 3,
                        width: 5,
                        height: 5,
                    };
                    let out = &mut Vec::new();
                    let use_index = Index::Use(&index, &mut VerifiedRows::default());
                    let decoded =
                        Decoder::new().decode_with(&sample.bytes, &probe, corner, use_index, out);
                    decoded.is_err_and(|error| error.kind() == Kind::Corrupt)
                });
                assert_eq!(bad.count(), 1, "byte {at}");
                faults += 1;
            }
        }
    }
    assert!(faults > 50, "{faults}");
    for length in [0, 1, 15, 16, 63, 64, good.len() / 2, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        assert_eq!(
            source::open(&data).err().unwrap().kind(),
            Kind::Corrupt,
            "cut at {length}"
        );
    }
    // A damaged index of one sample is a fault of that sample, unless the recipe turns indexes off.
    // `verify` finds it too.
    let mut bytes = good.clone();
    bytes[60] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = batches(&data, strict_recipe()).unwrap_err();
    assert!(error.contains("entropy index"), "{error}");
    let source = source::open(&data).unwrap();
    let report = verify::verify(
        &*source,
        &verify::Options::default(),
        &AtomicBool::new(false),
        &|_| {},
    );
    assert_eq!((report.bad.len(), report.bad[0].kind), (1, Kind::Corrupt));
    let replace = strict_recipe().with_on_bad(OnBad::Replace { at_most: 1.0 });
    assert!(batches(&data, replace).is_ok());
    assert!(batches(&data, strict_recipe().with_index(IndexPolicy::Off)).unwrap() == plain);
}

#[test]
fn conversion_makes_progressive_files_baseline_if_asked() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let odd = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/odd");
    for name in ["progressive_420.jpg", "progressive_exif_6.jpg", "cmyk.jpg"] {
        fs::copy(odd.join(name), data.join(name)).unwrap();
    }
    fs::write(data.join("a.jpg"), &images()[0].bytes).unwrap();
    let source = source::open(&data).unwrap();
    let convert = |baseline: bool| {
        let options = convert::Options::default().with_baseline(baseline);
        let dst = dir.path().join(format!("shards-{baseline}"));
        convert::convert(&*source, &dst, &options, &AtomicBool::new(false), &|_| {}).unwrap();
        source::open(&dst).unwrap()
    };
    let (plain, baseline) = (convert(false), convert(true));
    let bytes = |source: &dyn Source, id| source.read(id, Vec::new()).unwrap().bytes.to_vec();
    for id in 0..4 {
        let (was, is) = (bytes(&*source, id), bytes(&*baseline, id));
        assert!(bytes(&*plain, id) == was);
        let header = feedmill::decode::jpeg::header(&was).unwrap();
        assert_eq!(was != is, header.progressive(), "{}", source.name(id));
        assert!(!feedmill::decode::jpeg::header(&is).unwrap().progressive());
        // The size of the upright image is unchanged, so the orientation was kept.
        assert_eq!(plain.image_size(id), baseline.image_size(id));
    }
}

#[test]
fn bad_and_odd_samples_have_no_index_and_bad_ones_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let data = image_folder(dir.path());
    let odd = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/odd/progressive_420.jpg");
    fs::copy(odd, data.join("cat/a-progressive.jpg")).unwrap();
    let photo = &images()[0].bytes;
    let mut cut = photo[..photo.len() / 2].to_vec();
    cut.extend([0xff, 0xd9]);
    fs::write(data.join("cat/b-cut.jpg"), cut).unwrap();
    let report = make_index(&data, 2);
    assert_eq!(
        (report.samples, report.indexed, report.bad.len()),
        (8, 6, 1)
    );
    assert!(report.bad[0].name.ends_with("b-cut.jpg") && report.bad[0].kind == Kind::Truncated);
    let source = source::open(&data).unwrap();
    assert_eq!(
        (0..8)
            .filter(|&id| source.jpeg_index(id).unwrap().is_some())
            .count(),
        6
    );
}

#[test]
fn a_stopped_run_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let data = image_folder(dir.path());
    let (options, stop) = (index::Options::default(), AtomicBool::new(true));
    let error = index::write(&data, &options, &stop, &|_, _| {}).unwrap_err();
    assert_eq!(error.kind(), Kind::Stopped);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "the data alone"
    );
}
