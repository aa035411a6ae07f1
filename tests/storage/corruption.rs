//! Damaged shards: flipped bits, files cut short, files that change while they are open, and
//! folders that do not fit their manifest.
//!
//! Damage is an error that names the shard and the record, and records beside the damage stay
//! readable. Both ways of reading, by mapping and by positioned reads, find the same damage.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use feedmill::Kind;
use feedmill::geometry::Size;
use feedmill::sample::{Codec, Target};
use feedmill::shard::{Backing, MANIFEST, Record, Shard, Stamp, Writer};
use feedmill::source::{Shards, Source};
use feedmill::verify::{Options, verify_shards};

use crate::craft::Craft;
use crate::util::{assert_damage, files, make, mixed};

const BACKINGS: [Backing; 2] = [Backing::Mmap, Backing::Pread];

/// Everything that a shard says about each of its records, with the payload; an error for a record
/// or for the whole shard where it is damaged.
fn read_everything(
    path: &Path,
    backing: Backing,
) -> feedmill::Result<Vec<feedmill::Result<Vec<u8>>>> {
    let shard = Shard::open(path, backing)?;
    let records = (0..shard.len())
        .map(|record| {
            let mut bytes = shard.read(record, Vec::new())?.to_vec();
            bytes.extend(
                format!(
                    "{:?}",
                    (
                        shard.entry(record),
                        shard.name(record),
                        shard.target(record)
                    )
                )
                .into_bytes(),
            );
            Ok(bytes)
        })
        .collect();
    Ok(records)
}

#[test]
fn a_flipped_bit_is_an_error_or_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let bytes = Craft::sound().bytes();
    std::fs::write(&path, &bytes).unwrap();
    let sound: Vec<_> = read_everything(&path, Backing::Pread)
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let (mut at_open, mut at_read, mut harmless) = (0, 0, 0);
    for (at, &byte) in bytes.iter().enumerate() {
        for bit in 0..8 {
            let what = format!("bit {bit} of byte {at}");
            file.write_at(&[byte ^ 1 << bit], at as u64).unwrap();
            match read_everything(&path, BACKINGS[bit % 2]) {
                Err(error) => {
                    assert_damage(error.kind(), &what);
                    // Damage in the payloads, bytes 64 to 256, does not prevent opening.
                    assert!(!(64..256).contains(&at), "{what}: {error}");
                    at_open += 1;
                }
                Ok(found) => {
                    let bad: Vec<usize> = (0..3).filter(|record| found[*record].is_err()).collect();
                    for (record, found) in found.into_iter().enumerate() {
                        match found {
                            Ok(found) => assert_eq!(found, sound[record], "{what}"),
                            Err(error) => {
                                assert_eq!(error.kind(), Kind::Corrupt);
                                assert!(
                                    error.message().contains(&format!("record {record} (")),
                                    "{error}"
                                );
                                at_read += 1;
                            }
                        }
                    }
                    // The other records stay readable.
                    assert!(bad.len() <= 1, "{what}: {bad:?}");
                    harmless += usize::from(bad.is_empty());
                }
            }
            file.write_at(&[byte], at as u64).unwrap();
        }
    }
    // Each of the three records has 8 bytes of payload and 56 bytes of padding. Everything else is
    // covered by a checksum.
    assert_eq!((at_read, harmless), (3 * 8 * 8, 3 * 56 * 8));
    assert_eq!(at_open, (bytes.len() - 192) * 8);
}

#[test]
fn a_shard_cut_at_any_byte_is_an_error_at_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let bytes = Craft::sound().bytes();
    for backing in BACKINGS {
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = Shard::open(&path, backing).expect_err("a cut shard opened");
            assert_eq!(error.kind(), Kind::Truncated, "cut to {length}: {error}");
            assert!(error.message().contains("x.mill"), "{error}");
        }
        std::fs::write(&path, [&bytes[..], b"!"].concat()).unwrap();
        assert_damage(
            Shard::open(&path, backing).unwrap_err().kind(),
            "one byte more",
        );
    }
}

#[test]
fn what_is_not_a_shard_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    std::fs::write(&path, vec![b'x'; 500]).unwrap();
    let error = Shard::open(&path, Backing::Mmap).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(error.message().contains("not a shard"), "{error}");
    assert_eq!(
        Shard::open(folder.path(), Backing::Mmap)
            .unwrap_err()
            .kind(),
        Kind::Config
    );
    assert_eq!(
        Shard::open(&folder.path().join("none"), Backing::Mmap)
            .unwrap_err()
            .kind(),
        Kind::Io
    );
}

#[test]
fn a_fifo_is_refused_and_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo");
        return;
    }
    assert_eq!(
        Shard::open(&path, Backing::Mmap).unwrap_err().kind(),
        Kind::Config
    );
}

/// Writes a shard of `records` gray images of `side * side` pixels, which are all the record's
/// number.
fn write_shard(path: &Path, records: u8, side: u32) {
    let mut writer = Writer::create(path, Stamp::default()).unwrap();
    for number in 0..records {
        let bytes = vec![number; (side * side) as usize];
        let (size, target) = (Size::square(side), Target::Class(number.into()));
        let record = Record::new("n", &bytes, Codec::raw(size, 1), size).with_target(&target);
        writer.append(&record).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_large_record_that_was_cut_off_while_open_is_truncated_with_both_backings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    for backing in BACKINGS {
        write_shard(&path, 4, 256);
        let shard = Shard::open(&path, backing).unwrap();
        assert_eq!(shard.read(3, Vec::new()).unwrap()[0], 3);
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(64 + (1 << 16) + 4096).unwrap();
        assert_eq!(
            shard.read(0, Vec::new()).unwrap()[0],
            0,
            "records in front of the cut stay readable"
        );
        for record in 1..4 {
            let error = shard.read(record, Vec::new()).unwrap_err();
            assert_eq!(error.kind(), Kind::Truncated, "{backing:?}: {error}");
            assert!(
                error
                    .message()
                    .contains(&format!("x.mill: record {record} (n)")),
                "{error}"
            );
        }
    }
}

#[test]
fn a_shard_replaced_while_open_stays_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    for backing in BACKINGS {
        write_shard(&path, 2, 64);
        let shard = Shard::open(&path, backing).unwrap();
        write_shard(&path, 1, 8);
        assert_eq!(&shard.read(1, Vec::new()).unwrap()[..], &[1; 4096]);
        assert_eq!(Shard::open(&path, backing).unwrap().len(), 1);
    }
}

#[test]
fn a_shard_edited_while_open_is_corrupt_at_that_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    for backing in BACKINGS {
        write_shard(&path, 3, 64);
        let shard = Shard::open(&path, backing).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_at(b"!", shard.entry(1).offset + 100).unwrap();
        assert_eq!(shard.read(1, Vec::new()).unwrap_err().kind(), Kind::Corrupt);
        assert!(shard.read(0, Vec::new()).is_ok() && shard.read(2, Vec::new()).is_ok());
    }
}

#[test]
fn pread_fills_the_buffer_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    write_shard(&path, 2, 64);
    let shard = Shard::open(&path, Backing::Pread).unwrap();
    let buf = Vec::with_capacity(10_000);
    let address = buf.as_ptr();
    let read = shard.read(1, buf).unwrap();
    assert_eq!(read.as_ptr(), address);
    assert_eq!(&read[..], &[1; 4096]);
}

/// Converts 40 samples to several shards and damages their folder. Returns the error of
/// `Shards::open` and the report of `verify_shards`.
fn after_damage(damage: impl FnOnce(&Path)) -> (feedmill::Error, feedmill::verify::Report) {
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("set");
    make(&mixed(40), &dst, |options| options).unwrap();
    assert!(files(&dst).len() > 4, "several shards");
    damage(&dst);
    let report =
        verify_shards(&dst, &Options::default(), &AtomicBool::new(false), &|_| {}).unwrap();
    assert!(!report.is_sound());
    (Shards::open(&dst, Backing::Mmap).unwrap_err(), report)
}

#[test]
fn a_folder_that_differs_from_its_manifest_is_a_mismatch_that_names_the_shard() {
    let (error, _) =
        after_damage(|dst| std::fs::remove_file(dst.join("shard-00001.mill")).unwrap());
    assert_eq!(error.kind(), Kind::Mismatch);
    assert!(error.message().contains("shard-00001.mill"), "{error}");

    let (error, _) = after_damage(|dst| {
        std::fs::copy(dst.join("shard-00000.mill"), dst.join("shard-00001.mill")).unwrap();
    });
    assert_eq!(error.kind(), Kind::Mismatch);
    assert!(error.message().contains("shard-00001.mill"), "{error}");

    let (error, _) = after_damage(|dst| {
        std::fs::copy(dst.join("shard-00000.mill"), dst.join("stray.mill")).unwrap();
    });
    assert_eq!(error.kind(), Kind::Mismatch);
    assert!(error.message().contains("stray.mill"), "{error}");

    let (error, report) = after_damage(|dst| std::fs::remove_file(dst.join(MANIFEST)).unwrap());
    assert_eq!(error.kind(), Kind::Truncated);
    assert!(error.message().contains("--resume"), "{error}");
    assert_eq!(report.samples, 40, "shards are verified without a manifest");
}

#[test]
fn a_damaged_manifest_is_refused() {
    let replaced = |from: &'static str, to: &'static str| {
        let (error, _) = after_damage(move |dst| {
            let path = dst.join(MANIFEST);
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{text}");
            std::fs::write(path, text.replacen(from, to, 1)).unwrap();
        });
        (error.kind(), error.message().to_owned())
    };
    for (from, to, kind, text) in [
        (
            "\"version\": 1",
            "\"version\": 2",
            Kind::Unsupported,
            "version 2",
        ),
        ("feedmill shards", "other", Kind::Corrupt, "\"other\""),
        (
            "\"samples\": 40",
            "\"samples\": 41",
            Kind::Corrupt,
            "40 samples",
        ),
        (
            "shard-00001.mill",
            "../shard-00001.mill",
            Kind::Corrupt,
            "not the plain name",
        ),
        (
            "shard-00001.mill",
            "/etc/passwd",
            Kind::Corrupt,
            "not the plain name",
        ),
        (
            "shard-00001.mill",
            "a\\u0000b",
            Kind::Corrupt,
            "not the plain name",
        ),
        (
            "shard-00001.mill",
            "shard-00000.mill",
            Kind::Corrupt,
            "listed twice",
        ),
        (
            "\"footer_crc32c\": ",
            "\"footer_crc32c\": 1",
            Kind::Corrupt,
            "manifest",
        ),
        ("}", "", Kind::Corrupt, "manifest"),
        (
            "\"shards\": [",
            "\"shards\": [7, ",
            Kind::Corrupt,
            "manifest",
        ),
    ] {
        let (found, message) = replaced(from, to);
        // A checksum with one digit more may still fit 32 bits: then the manifest is sound, and
        // does not fit its shard.
        assert!(
            found == kind || (from.contains("crc") && found == Kind::Mismatch),
            "{to}: {message}"
        );
        assert!(message.contains(text), "{to}: {message}");
        assert!(message.contains(MANIFEST), "{message}");
    }
    let (error, _) = after_damage(|dst| {
        let path = dst.join(MANIFEST);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(path, &text[..text.len() / 2]).unwrap();
    });
    assert_eq!(error.kind(), Kind::Truncated, "{error}");
}

#[test]
fn verify_goes_on_past_a_bad_shard_and_lists_all_that_is_bad() {
    let (_, report) = after_damage(|dst| {
        let flip = |name: &str, at: i64| {
            let path = dst.join(name);
            let mut bytes = std::fs::read(&path).unwrap();
            let at = if at < 0 { bytes.len() as i64 + at } else { at } as usize;
            bytes[at] ^= 1;
            std::fs::write(path, bytes).unwrap();
        };
        flip("shard-00000.mill", 100);
        flip("shard-00001.mill", -100);
        flip("shard-00002.mill", 70);
    });
    assert_eq!(report.files.len(), 1, "{report:?}");
    assert!(report.files[0].path.ends_with("shard-00001.mill"));
    assert_eq!(report.bad.len(), 2, "{report:?}");
    assert_eq!(report.bad[0].sample, 0);
    assert!(
        report.bad[1].message.contains("shard-00002.mill: record 0"),
        "{report:?}"
    );
    let source = mixed(40);
    assert_eq!(
        report.bad[1].name,
        source.name(report.bad[1].sample),
        "numbered as in the data set"
    );
}
