//! An independent reader of the format, `tests/format_reader.py`, sees what the library sees. It
//! was written from docs/FORMAT.md alone, so it checks the document as well. Without Python the
//! test is skipped.

use std::path::Path;
use std::process::{Command, Stdio};

use feedmill::sample::{Codec, Target};
use feedmill::shard::{Backing, Shard};
use serde_json::{Value, json};

use crate::child::run;
use crate::util::{files, make, mixed};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares every field and byte of a shard as both readers see it. Returns `false` without Python.
fn compare(path: &Path) -> bool {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format_reader.py");
    let mut command = Command::new("python3");
    command
        .arg(script)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    match Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
    {
        Ok(status) if status.success() => {}
        _ => {
            println!("skipped: no python3");
            return false;
        }
    }
    let ended = run(&mut command);
    assert!(ended.status.success(), "{ended:?}");
    let mut lines = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let shard = Shard::open(path, Backing::Pread).unwrap();
    let (stamp, sealed) = (shard.stamp(), shard.sealed());
    let head = json!({
        "conversion": stamp.conversion.to_string(),
        "part": stamp.part,
        "samples": sealed.samples,
        "footer_crc32c": sealed.footer_crc32c,
    });
    assert_eq!(lines.next(), Some(head));
    for record in 0..shard.len() {
        let found = lines.next().expect("a line for each record");
        let entry = shard.entry(record);
        let codec = match entry.codec {
            Codec::Jpeg => 1,
            Codec::Png => 2,
            Codec::WebP => 3,
            Codec::Raw { channels: 1, .. } => 4,
            Codec::Raw { .. } => 5,
            other => panic!("{other:?}"),
        };
        let (kind, words) = match shard.target(record) {
            Target::None => (0, vec![]),
            Target::Class(class) => (1, vec![class]),
            Target::Multi(classes) => (2, classes),
            Target::Soft(weights) => (3, weights.iter().map(|weight| weight.to_bits()).collect()),
            other => panic!("{other:?}"),
        };
        let mut expected = json!({
            "offset": entry.offset,
            "length": entry.length,
            "crc32c": entry.crc32c,
            "width": entry.size.width,
            "height": entry.size.height,
            "codec": codec,
            "name": shard.name(record),
            "target.kind": kind,
            "target": words,
            "bytes": hex(&shard.read(record, Vec::new()).unwrap()),
        });
        for column in shard.extras() {
            expected[column] = json!(hex(shard.extra(column, record).unwrap()));
        }
        assert_eq!(found, expected);
    }
    assert_eq!(lines.next(), None);
    true
}

#[test]
fn a_python_reader_of_forty_lines_sees_every_field_and_byte() {
    let script = include_str!("../format_reader.py");
    assert!(
        script.lines().count() <= 40,
        "{} lines",
        script.lines().count()
    );
    let folder = tempfile::tempdir().unwrap();
    for (name, raw, skip_bad) in [("encoded", false, false), ("raw", true, true)] {
        let dst = folder.path().join(name);
        make(&mixed(12), &dst, |options| {
            options
                .with_raw(raw)
                .with_skip_bad(skip_bad)
                .with_shard_size(6 << 10)
        })
        .unwrap();
        let shards: Vec<_> = files(&dst)
            .into_keys()
            .filter(|name| name.ends_with(".mill"))
            .collect();
        assert!(shards.len() > 1);
        for shard in shards {
            if !compare(&dst.join(shard)) {
                return;
            }
        }
    }
}
