//! Conversion to shards: what it keeps, what it changes, what it refuses, and how it resumes.

use feedmill::Kind;
use feedmill::convert::SOURCE_ID;
use feedmill::decode::{self, Decoder, Limits};
use feedmill::geometry::{Rect, Size};
use feedmill::sample::{Codec, Target};
use feedmill::shard::{Backing, Record, Shard, Stamp, Writer};
use feedmill::source::{Access, Memory, Shards, Source};
use feedmill::verify::{Options, verify};

use crate::util::{files, jpeg, make, mixed};

/// Decodes a whole image: its width, height and pixels.
fn decode_whole(bytes: &[u8], codec: Codec) -> (u32, u32, Vec<u8>) {
    let probe = decode::probe(bytes, codec, &Limits::default()).unwrap();
    let mut out = Vec::new();
    Decoder::new()
        .decode(
            bytes,
            &probe,
            Rect::whole(probe.width, probe.height),
            &mut out,
        )
        .unwrap();
    (probe.width, probe.height, out)
}

#[test]
fn samples_keep_their_numbers_bytes_names_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    let source = mixed(60);
    let dst = folder.path().join("set");
    let report = make(&source, &dst, |options| options).unwrap();
    assert_eq!((report.samples, report.kept), (60, 0));
    assert!(report.shards > 4 && report.skipped.is_empty());
    assert_eq!(
        report.bytes_in,
        (0..60).map(|id| source.size(id)).sum::<u64>()
    );
    for (backing, access) in [
        (Backing::Mmap, Access::Immediate),
        (Backing::Pread, Access::Blocking),
    ] {
        let shards = Shards::open(&dst, backing).unwrap();
        assert_eq!((shards.len(), shards.access()), (60, access));
        assert_eq!(shards.classes(), source.classes());
        assert_eq!(
            report.bytes_out,
            shards
                .shards()
                .iter()
                .map(|shard| shard.sealed().bytes)
                .sum::<u64>()
        );
        for id in 0..60 {
            let (was, is) = (
                source.read(id, Vec::new()).unwrap(),
                shards.read(id, Vec::new()).unwrap(),
            );
            assert_eq!(
                (&was.bytes[..], was.codec, &was.target),
                (&is.bytes[..], is.codec, &is.target)
            );
            assert_eq!(
                (source.name(id), source.size(id)),
                (shards.name(id), shards.size(id))
            );
            let probe = decode::probe(&was.bytes, was.codec, &Limits::default()).unwrap();
            assert_eq!(shards.image_size(id), Some(probe.size()));
        }
        assert_eq!(
            shards.read(60, Vec::new()).unwrap_err().kind(),
            Kind::Config
        );
        assert!((0..60).all(|id| shards.entry(id).unwrap().offset.is_multiple_of(64)));
        assert_eq!(
            (
                shards.locate(60),
                shards.entry(u64::MAX),
                shards.image_size(60)
            ),
            (None, None, None)
        );
    }
}

#[test]
fn the_outcome_does_not_depend_on_the_number_of_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let source = mixed(40);
    let mut outcomes = [1, 2, 3, 7].map(|jobs| {
        let dst = folder.path().join(format!("set-{jobs}"));
        make(&source, &dst, |options| {
            options.with_jobs(jobs).with_quality(Some(70))
        })
        .unwrap();
        files(&dst)
    });
    outcomes[1..]
        .iter()
        .for_each(|outcome| assert!(*outcome == outcomes[0]));
    assert!(outcomes[0].remove("manifest.json").is_some());
}

#[test]
fn the_fingerprint_follows_the_data_and_not_the_cut_the_place_or_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let source = mixed(12);
    let open = |name: &str, source: &dyn Source, size: u64| {
        let dst = folder.path().join(name);
        make(source, &dst, |options| options.with_shard_size(size)).unwrap();
        Shards::open(&dst, Backing::Mmap).unwrap().fingerprint()
    };
    let fingerprint = open("a", &source, 1);
    assert_eq!(open("b", &source, 1 << 30), fingerprint);
    let mut other = mixed(12);
    other.samples[3].0.push('x');
    assert_ne!(open("name", &other, 1), fingerprint);
    let mut other = mixed(12);
    other.samples[0].2 = Target::Class(2);
    assert_ne!(open("target", &other, 1), fingerprint);
    let mut other = mixed(12);
    other.samples[0].1 = jpeg(8, 11, 99);
    assert_ne!(open("bytes", &other, 1), fingerprint);
    let mut other = mixed(12);
    other.samples.swap(0, 4);
    assert_ne!(open("order", &other, 1), fingerprint);
    let mut other = mixed(12);
    other.classes = None;
    assert_ne!(open("classes", &other, 1), fingerprint);
}

#[test]
fn shards_of_shards_are_the_same_samples() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a"), folder.path().join("b"));
    make(&mixed(20), &first, |options| options).unwrap();
    let shards = Shards::open(&first, Backing::Mmap).unwrap();
    make(&shards, &second, |options| options.with_shard_size(1 << 20)).unwrap();
    assert_eq!(
        Shards::open(&second, Backing::Pread).unwrap().fingerprint(),
        shards.fingerprint()
    );
}

#[test]
fn images_above_max_side_become_smaller_jpegs_and_others_are_copied() {
    let folder = tempfile::tempdir().unwrap();
    let source = mixed(20);
    let dst = folder.path().join("set");
    make(&source, &dst, |options| options.with_max_side(20)).unwrap();
    let shards = Shards::open(&dst, Backing::Mmap).unwrap();
    let (mut small, mut large) = (0, 0);
    for id in 0..20 {
        let (was, is) = (
            source.read(id, Vec::new()).unwrap(),
            shards.read(id, Vec::new()).unwrap(),
        );
        let probe = decode::probe(&was.bytes, was.codec, &Limits::default()).unwrap();
        let (width, height, _) = decode_whole(&is.bytes, is.codec);
        assert_eq!(shards.image_size(id), Some(Size { width, height }));
        if probe.width.max(probe.height) > 20 {
            assert_eq!((width.max(height), is.codec), (20, Codec::Jpeg));
            let aspect = f64::from(probe.width) / f64::from(probe.height);
            assert!((f64::from(width) / f64::from(height) - aspect).abs() < 0.1 * aspect);
            large += 1;
        } else {
            assert_eq!(&was.bytes[..], &is.bytes[..]);
            small += 1;
        }
    }
    assert!(small > 3 && large > 3);
}

#[test]
fn quality_alone_encodes_every_image_anew() {
    let folder = tempfile::tempdir().unwrap();
    let source = mixed(8);
    let size = |quality: u8| {
        let dst = folder.path().join(format!("set-{quality}"));
        make(&source, &dst, |options| options.with_quality(quality)).unwrap();
        let shards = Shards::open(&dst, Backing::Mmap).unwrap();
        assert!((0..8).all(|id| shards.entry(id).unwrap().codec == Codec::Jpeg));
        assert!((0..8).all(|id| {
            let was = source.read(id, Vec::new()).unwrap();
            let probe = decode::probe(&was.bytes, was.codec, &Limits::default()).unwrap();
            shards.image_size(id) == Some(probe.size())
        }));
        (0..8).map(|id| shards.size(id)).sum::<u64>()
    };
    assert!(size(20) < size(95));
}

#[test]
fn raw_stores_the_pixels_that_decoding_gives() {
    let folder = tempfile::tempdir().unwrap();
    let source = mixed(12);
    let dst = folder.path().join("set");
    make(&source, &dst, |options| options.with_raw(true)).unwrap();
    let shards = Shards::open(&dst, Backing::Mmap).unwrap();
    assert_eq!(shards.uniform_size(), None);
    for id in 0..12 {
        let (was, is) = (
            source.read(id, Vec::new()).unwrap(),
            shards.read(id, Vec::new()).unwrap(),
        );
        let (width, height, decoded) = decode_whole(&was.bytes, was.codec);
        assert_eq!(
            is.codec,
            Codec::Raw {
                width,
                height,
                channels: 3
            }
        );
        assert_eq!(&is.bytes[..], &decoded[..]);
    }
}

#[test]
fn raw_pixels_of_one_size_have_a_uniform_size() {
    let folder = tempfile::tempdir().unwrap();
    for channels in [1, 3] {
        let pixels: Vec<u8> = (0..5 * 4 * 6 * u32::from(channels))
            .map(|i| i as u8)
            .collect();
        let source =
            Memory::pixels(pixels, Size::new(6, 4), channels, vec![0, 1, 2, 3, 4]).unwrap();
        let dst = folder.path().join(format!("set-{channels}"));
        make(&source, &dst, |options| options).unwrap();
        let shards = Shards::open(&dst, Backing::Mmap).unwrap();
        assert_eq!(shards.uniform_size(), Some(Size::new(6, 4)));
        assert_eq!(shards.uniform_size(), source.uniform_size());
        for id in 0..5 {
            assert_eq!(
                &shards.read(id, Vec::new()).unwrap().bytes[..],
                &source.read(id, Vec::new()).unwrap().bytes[..]
            );
        }
    }
}

#[test]
fn a_bad_image_fails_the_conversion_by_name_or_is_left_out_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = mixed(20);
    source.samples[5].1 = b"not an image at all".to_vec();
    source.samples[9].1.truncate(40);
    source.samples[13].1.clear();
    let name = source.samples[5].0.clone();
    let error = make(&source, &folder.path().join("a"), |options| {
        options.with_jobs(1)
    })
    .unwrap_err();
    assert!(error.message().contains(&name), "{error}");
    assert_eq!((error.kind(), error.sample()), (Kind::Corrupt, Some(5)));
    let report = make(&source, &folder.path().join("b"), |options| {
        options.with_skip_bad(true)
    })
    .unwrap();
    let left: Vec<_> = report
        .skipped
        .iter()
        .map(|bad| (bad.sample, bad.kind, bad.name.clone()))
        .collect();
    let kinds = [
        (5, Kind::Corrupt),
        (9, Kind::Truncated),
        (13, Kind::Truncated),
    ];
    assert_eq!(left, kinds.map(|(id, kind)| (id, kind, source.name(id))));
    let shards = Shards::open(folder.path().join("b"), Backing::Mmap).unwrap();
    assert_eq!(shards.len(), 17);
    for id in 0..17 {
        let (shard, record) = shards.locate(id).unwrap();
        let cell = shards.shards()[shard].extra(SOURCE_ID, record).unwrap();
        let was = u64::from_le_bytes(cell.try_into().unwrap());
        assert_eq!(shards.name(id), source.name(was));
    }
}

#[test]
fn an_image_whose_pixels_are_damaged_is_bad_where_it_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = mixed(4);
    // A PNG whose header is sound and whose pixels are not.
    let damaged = &mut source.samples[3].1;
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xff);
    let copied = make(&source, &folder.path().join("a"), |options| options).unwrap();
    assert_eq!(copied.samples, 4);
    let shards = Shards::open(folder.path().join("a"), Backing::Mmap).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let options = Options::default();
    assert!(verify(&shards, &options, &stop, &|_| {}).is_sound());
    let options = options.with_pixels(true);
    let report = verify(&shards, &options, &stop, &|_| {});
    assert_eq!(
        report.bad.iter().map(|bad| bad.sample).collect::<Vec<_>>(),
        [3]
    );
    let error = make(&source, &folder.path().join("b"), |options| {
        options.with_raw(true)
    })
    .unwrap_err();
    assert!(error.message().contains("bild-3"), "{error}");
}

#[test]
fn verify_finds_labels_outside_the_classes() {
    let mut source = mixed(6);
    source.samples[0].2 = Target::Class(3);
    source.samples[1].2 = Target::Multi(vec![0, 9]);
    source.samples[2].2 = Target::Soft(vec![0.5, f32::NAN, 0.5]);
    source.samples[3].2 = Target::Soft(vec![1.0]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let report = verify(&source, &Options::default(), &stop, &|_| {});
    let found: Vec<_> = report
        .bad
        .iter()
        .map(|bad| (bad.sample, bad.kind))
        .collect();
    let (mismatch, corrupt) = (Kind::Mismatch, Kind::Corrupt);
    assert_eq!(
        found,
        [(0, mismatch), (1, mismatch), (2, corrupt), (3, mismatch)]
    );
    assert_eq!(report.samples, 6);
}

#[test]
fn every_kind_of_label_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let soft = vec![
        0.1,
        f32::MIN_POSITIVE / 2.0,
        -0.0,
        f32::INFINITY,
        f32::from_bits(0x7fc0_1234),
    ];
    let targets = [
        Target::None,
        Target::Class(u32::MAX),
        Target::Multi(vec![]),
        Target::Multi(vec![3, 1, 2]),
        Target::Soft(vec![]),
        Target::Soft(soft.clone()),
    ];
    let mut writer = Writer::create(&path, Stamp::default()).unwrap();
    for target in &targets {
        let size = Size::square(1);
        let record = Record::new("", &[0], Codec::raw(size, 1), size).with_target(target);
        writer.append(&record).unwrap();
    }
    writer.finish().unwrap();
    let shard = Shard::open(&path, Backing::Mmap).unwrap();
    for (record, target) in targets.iter().enumerate().take(5) {
        assert_eq!(shard.target(record as u64), *target);
    }
    let Target::Soft(found) = shard.target(5) else {
        panic!("{:?}", shard.target(5))
    };
    let bits = |weights: &[f32]| {
        weights
            .iter()
            .map(|weight| weight.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(bits(&found), bits(&soft));
}

#[test]
fn another_conversion_is_a_mismatch_and_a_filled_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("set");
    let source = mixed(20);
    make(&source, &dst, |options| options).unwrap();
    let before = files(&dst);
    let error = make(&source, &dst, |options| options).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(
        error.message().contains("not empty") && error.message().contains("--resume"),
        "{error}"
    );
    for change in [
        (|options| options.with_raw(true))
            as fn(feedmill::convert::Options) -> feedmill::convert::Options,
        |options| options.with_quality(92),
        |options| options.with_max_side(10),
        |options| options.with_shard_size(4096),
        |options| options.with_skip_bad(true),
    ] {
        let changed = |options: feedmill::convert::Options| change(options.with_resume(true));
        let error = make(&source, &dst, changed).unwrap_err();
        assert_eq!(error.kind(), Kind::Mismatch, "{error}");
    }
    let error = make(&mixed(21), &dst, |options| options.with_resume(true)).unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch, "{error}");
    // A complete conversion is kept as it is.
    let report = make(&source, &dst, |options| options.with_resume(true)).unwrap();
    assert_eq!(report.kept, report.shards);
    assert_eq!(files(&dst), before);
}

#[test]
fn resume_keeps_sound_shards_writes_the_rest_and_removes_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("set");
    let source = mixed(40);
    make(&source, &dst, |options| options).unwrap();
    let whole = files(&dst);
    std::fs::remove_file(dst.join("manifest.json")).unwrap();
    std::fs::remove_file(dst.join("shard-00000.mill")).unwrap();
    let mut damaged = whole["shard-00002.mill"].clone();
    damaged[70] ^= 1;
    std::fs::write(dst.join("shard-00002.mill"), damaged).unwrap();
    let cut = &whole["shard-00003.mill"];
    std::fs::write(dst.join("shard-00003.mill"), &cut[..cut.len() - 10]).unwrap();
    for leftover in ["shard-00000.mill.tmp-12345", "manifest.json.tmp-1"] {
        std::fs::write(dst.join(leftover), "half").unwrap();
    }
    let report = make(&source, &dst, |options| options.with_resume(true)).unwrap();
    assert_eq!(report.kept, report.shards - 3);
    assert_eq!(files(&dst), whole);
}

#[test]
fn a_shard_under_the_name_of_another_part_is_a_mismatch() {
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("set");
    let source = mixed(40);
    make(&source, &dst, |options| options).unwrap();
    std::fs::rename(dst.join("shard-00001.mill"), dst.join("shard-00002.mill")).unwrap();
    let error = make(&source, &dst, |options| options.with_resume(true)).unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch);
    assert!(error.message().contains("part 1"), "{error}");
}

#[test]
fn a_single_shard_opens_as_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("set");
    make(&mixed(6), &dst, |options| options.with_shard_size(1 << 20)).unwrap();
    let one = feedmill::source::open(dst.join("shard-00000.mill")).unwrap();
    let all = feedmill::source::open(&dst).unwrap();
    assert_eq!((one.len(), all.len()), (6, 6));
    assert_eq!(one.classes(), None);
    assert_eq!(one.name(3), all.name(3));
    let empty = folder.path().join("empty.mill");
    Writer::create(&empty, Stamp::default())
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(Shard::open(&empty, Backing::Mmap).unwrap().len(), 0);
    assert_eq!(
        Shards::open(&empty, Backing::Mmap).unwrap_err().kind(),
        Kind::Config
    );
}

#[test]
fn an_upright_image_is_what_the_index_describes() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = mixed(1);
    // An Exif segment with orientation 6: the image is rotated by a quarter turn.
    let mut turned = jpeg(30, 20, 1);
    let mut exif =
        b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
            .to_vec();
    exif[3] = (exif.len() - 2) as u8;
    turned.splice(2..2, exif);
    source.samples[0].1 = turned.clone();
    let dst = folder.path().join("a");
    make(&source, &dst, |options| options).unwrap();
    let shards = Shards::open(&dst, Backing::Mmap).unwrap();
    assert_eq!(shards.image_size(0), Some(Size::new(20, 30)));
    assert_eq!(&shards.read(0, Vec::new()).unwrap().bytes[..], &turned[..]);
    let dst = folder.path().join("b");
    make(&source, &dst, |options| options.with_max_side(15)).unwrap();
    let shards = Shards::open(&dst, Backing::Mmap).unwrap();
    let raw = shards.read(0, Vec::new()).unwrap();
    let (width, height, _) = decode_whole(&raw.bytes, raw.codec);
    assert_eq!(
        (width, height, shards.image_size(0)),
        (10, 15, Some(Size::new(10, 15)))
    );
}
