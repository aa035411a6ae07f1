//! Indexes that lie, each with sound checksums: errors at open, and small ones.

use std::io::{Seek, SeekFrom, Write};

use feedmill::Kind;
use feedmill::sample::{Codec, Target};
use feedmill::shard::{Backing, Shard};

use crate::allocation::largest_allocation;
use crate::craft::{Column, Craft, strings, u32s, u64s};

#[test]
fn a_shard_made_by_the_specification_alone_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    std::fs::write(&path, Craft::sound().bytes()).unwrap();
    for backing in [Backing::Mmap, Backing::Pread] {
        let shard = Shard::open(&path, backing).unwrap();
        assert_eq!(shard.len(), 3);
        for (record, (name, target)) in [
            ("x", Target::None),
            ("y", Target::Class(7)),
            ("z", Target::Multi(vec![1, 2])),
        ]
        .into_iter()
        .enumerate()
        {
            let record = record as u64;
            assert_eq!((shard.name(record), shard.target(record)), (name, target));
            assert_eq!(
                shard.entry(record).codec,
                Codec::Raw {
                    width: 4,
                    height: 2,
                    channels: 1
                }
            );
            assert_eq!(
                &shard.read(record, Vec::new()).unwrap()[..],
                &[record as u8 + 1; 8]
            );
        }
    }
}

/// What is bent, how, the kind expected and a part of the message.
type Case = (&'static str, fn(&mut Craft), Kind, &'static str);

const BIG: u64 = 1 << 63;

const CASES: &[Case] = &[
    (
        "offset past the end",
        |c| c.column("offset").data = u64s(&[64, 128, 1 << 20]),
        Kind::Corrupt,
        "record 2: 8 bytes at offset 1048576",
    ),
    (
        "offset 2^63",
        |c| c.column("offset").data = u64s(&[64, 128, BIG]),
        Kind::Corrupt,
        "record 2",
    ),
    (
        "offset plus length overflows",
        |c| {
            c.column("offset").data = u64s(&[64, 128, u64::MAX - 63]);
            c.column("length").data = u64s(&[8, 8, 100]);
        },
        Kind::Corrupt,
        "record 2: 100 bytes at offset",
    ),
    (
        "length 2^63",
        |c| c.column("length").data = u64s(&[8, 8, BIG]),
        Kind::Corrupt,
        "record 2",
    ),
    (
        "length 2^64 - 1",
        |c| c.column("length").data = u64s(&[8, u64::MAX, 8]),
        Kind::Corrupt,
        "record 1",
    ),
    (
        "length zero",
        |c| c.column("length").data = u64s(&[0, 8, 8]),
        Kind::Corrupt,
        "record 0: a record of 0 bytes",
    ),
    (
        "record inside the footer",
        |c| c.column("length").data = u64s(&[8, 8, 65]),
        Kind::Corrupt,
        "where the footer starts",
    ),
    (
        "offset inside the header",
        |c| c.column("offset").data = u64s(&[0, 128, 192]),
        Kind::Corrupt,
        "record 0: offset 0 lies before byte 64",
    ),
    (
        "not aligned",
        |c| c.column("offset").data = u64s(&[64, 130, 192]),
        Kind::Corrupt,
        "record 1: offset 130 is not a multiple of 64",
    ),
    (
        "the same place twice",
        |c| c.column("offset").data = u64s(&[64, 64, 192]),
        Kind::Corrupt,
        "record 1: offset 64 lies before byte 72",
    ),
    (
        "overlap",
        |c| c.column("length").data = u64s(&[65, 8, 8]),
        Kind::Corrupt,
        "record 0: raw pixels",
    ),
    (
        "overlap of encoded records",
        |c| {
            c.column("length").data = u64s(&[65, 8, 8]);
            c.column("codec").data = vec![1, 1, 1];
        },
        Kind::Corrupt,
        "record 1: offset 128 lies before byte 129",
    ),
    (
        "not in order",
        |c| c.column("offset").data = u64s(&[128, 64, 192]),
        Kind::Corrupt,
        "record 1: offset 64 lies before byte 136",
    ),
    (
        "2^63 samples",
        |c| c.samples = BIG,
        Kind::Corrupt,
        "9223372036854775808 samples",
    ),
    (
        "samples times eight overflows",
        |c| c.samples = BIG / 4 + 1,
        Kind::Corrupt,
        "samples",
    ),
    (
        "one sample more than cells",
        |c| c.samples = 4,
        Kind::Corrupt,
        "\"offset\" has 24 bytes, expected 8 for each of 4",
    ),
    (
        "one sample less than cells",
        |c| c.samples = 2,
        Kind::Corrupt,
        "\"offset\" has 24 bytes",
    ),
    (
        "2^32 - 1 columns",
        |c| c.count = Some(u32::MAX),
        Kind::Corrupt,
        "4294967295 columns",
    ),
    (
        "more columns than the footer has room for",
        |c| c.count = Some(1000),
        Kind::Corrupt,
        "1000 columns",
    ),
    (
        "a column is missing",
        |c| c.columns.retain(|c| c.name != b"crc32c"),
        Kind::Corrupt,
        "\"crc32c\" is missing",
    ),
    (
        "a column twice",
        |c| c.columns.push(c.columns[0].clone()),
        Kind::Corrupt,
        "two columns are named \"offset\"",
    ),
    (
        "a column past the footer",
        |c| c.column("target").claim = Some((1 << 40, 8)),
        Kind::Corrupt,
        "\"target\" has 8 bytes at 1099511627776",
    ),
    (
        "a column that ends at 2^64",
        |c| c.column("width").claim = Some((u64::MAX - 7, 16)),
        Kind::Corrupt,
        "\"width\"",
    ),
    (
        "a column over the directory",
        |c| c.column("offset").claim = Some((0, 24)),
        Kind::Corrupt,
        "\"offset\" has 24 bytes at 0",
    ),
    (
        "two columns in one place",
        |c| {
            let start = 16 + 48 * 9;
            c.column("length").claim = Some((start, 24));
        },
        Kind::Corrupt,
        "\"length\"",
    ),
    (
        "a column of another type",
        |c| c.column("width").cell = 3,
        Kind::Corrupt,
        "\"width\" has type 3, expected 2",
    ),
    (
        "a string column of another type",
        |c| c.column("name").cell = 1,
        Kind::Corrupt,
        "\"name\" has type 1, expected 4",
    ),
    (
        "positions that fall",
        |c| c.column("name").data[8..16].copy_from_slice(&3u64.to_le_bytes()),
        Kind::Corrupt,
        "position 2 for sample 2: expected 3 to 3",
    ),
    (
        "a position of 2^63",
        |c| c.column("name").data[16..24].copy_from_slice(&BIG.to_le_bytes()),
        Kind::Corrupt,
        "\"name\" has position",
    ),
    (
        "positions that start late",
        |c| c.column("name").data[0] = 1,
        Kind::Corrupt,
        "position 1 for sample 0",
    ),
    (
        "positions that end early",
        |c| c.column("name").data.push(b'!'),
        Kind::Corrupt,
        "its positions end at 3",
    ),
    (
        "too few positions",
        |c| c.column("name").data.truncate(24),
        Kind::Corrupt,
        "too few for the positions",
    ),
    (
        "a name that is not UTF-8",
        |c| c.column("name").data = strings(&[b"x", b"\xff", b"z"]),
        Kind::Corrupt,
        "record 1: its name is not UTF-8",
    ),
    (
        "an unknown codec",
        |c| c.column("codec").data = vec![4, 0, 4],
        Kind::Corrupt,
        "record 1: codec 0",
    ),
    (
        "no width",
        |c| c.column("width").data = u32s(&[4, 4, 0]),
        Kind::Corrupt,
        "record 2: an image of 0 x 2",
    ),
    (
        "raw pixels of 2^32 sides",
        |c| c.column("width").data = u32s(&[u32::MAX; 3]),
        Kind::Corrupt,
        "record 0: raw pixels",
    ),
    (
        "an unknown target kind",
        |c| c.column("target.kind").data = vec![0, 1, 9],
        Kind::Corrupt,
        "record 2: target kind 9",
    ),
    (
        "a class of eight bytes",
        |c| c.column("target.kind").data = vec![0, 1, 1],
        Kind::Corrupt,
        "record 2: a target of kind 1 with 8 bytes",
    ),
    (
        "half a word",
        |c| c.column("target").data = strings(&[b"", &[0; 4], &[0; 6]]),
        Kind::Corrupt,
        "record 2: a target of kind 2 with 6 bytes",
    ),
    (
        "a required column of a later version",
        |c| {
            c.columns.push(Column {
                name: b"later".to_vec(),
                cell: 9,
                flags: 1,
                data: vec![],
                claim: None,
            });
        },
        Kind::Unsupported,
        "\"later\" is required",
    ),
    (
        "a column without a name",
        |c| {
            c.columns.push(Column {
                name: vec![],
                cell: 4,
                flags: 0,
                data: vec![],
                claim: None,
            });
        },
        Kind::Corrupt,
        "column 9 is named \"\"",
    ),
    (
        "a later version",
        |c| c.version = 2,
        Kind::Unsupported,
        "format version 2",
    ),
    ("version 0", |c| c.version = 0, Kind::Corrupt, "version 0"),
    (
        "a longer header",
        |c| c.header_length = 128,
        Kind::Corrupt,
        "header of 128 bytes",
    ),
    (
        "a footer at 2^63",
        |c| c.tail = |_, length| (BIG, length),
        Kind::Corrupt,
        "at byte 9223372036854775808",
    ),
    (
        "a footer of 2^64 - 1 bytes",
        |c| c.tail = |offset, _| (offset, u64::MAX),
        Kind::Corrupt,
        "a footer of 18446744073709551615 bytes",
    ),
    (
        "a footer in the header",
        |c| c.tail = |offset, length| (0, length + offset),
        Kind::Corrupt,
        "at byte 0",
    ),
    (
        "a footer that begins later",
        |c| c.tail = |offset, length| (offset + 64, length - 64),
        Kind::Corrupt,
        "index checksum",
    ),
    (
        "a footer that is not aligned",
        |c| c.tail = |offset, length| (offset + 8, length - 8),
        Kind::Corrupt,
        "expected a multiple of 64",
    ),
];

#[test]
fn every_hostile_index_is_an_error_at_open_that_says_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    for (what, bend, kind, text) in CASES {
        let mut craft = Craft::sound();
        bend(&mut craft);
        let bytes = craft.bytes();
        std::fs::write(&path, &bytes).unwrap();
        let (opened, largest) =
            largest_allocation(|| Shard::open(&path, Backing::Pread).map(|_| ()));
        let error = opened.expect_err(what);
        assert_eq!(error.kind(), *kind, "{what}: {error}");
        assert!(error.message().contains(text), "{what}: {error}");
        assert!(error.message().contains("x.mill: "), "{what}: {error}");
        // Messages and the list of columns take a little more than a file of 1 KiB has.
        assert!(
            largest <= bytes.len().max(4096),
            "{what}: allocated {largest} bytes at once"
        );
    }
    assert!(CASES.len() >= 30);
}

#[test]
fn columns_that_are_not_known_and_not_required_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let mut craft = Craft::sound();
    let extra = |name: &[u8], cell, data| Column {
        name: name.to_vec(),
        cell,
        flags: 0,
        data,
        claim: None,
    };
    craft.columns.push(extra(b"later.type", 200, vec![1, 2, 3]));
    craft
        .columns
        .push(extra(b"later.index", 4, strings(&[b"", b"abc", b""])));
    std::fs::write(&path, craft.bytes()).unwrap();
    let shard = Shard::open(&path, Backing::Mmap).unwrap();
    assert_eq!(shard.extras().collect::<Vec<_>>(), ["later.index"]);
    assert_eq!(shard.extra("later.index", 1), Some(&b"abc"[..]));
}

#[test]
fn an_extra_column_is_checked_like_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let mut craft = Craft::sound();
    let data = u64s(&[0, 5, 2, 9]);
    craft.columns.push(Column {
        name: b"extra".to_vec(),
        cell: 4,
        flags: 0,
        data,
        claim: None,
    });
    std::fs::write(&path, craft.bytes()).unwrap();
    assert_eq!(
        Shard::open(&path, Backing::Mmap).unwrap_err().kind(),
        Kind::Corrupt
    );
}

#[test]
fn entropy_indexes_lie_between_their_record_and_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let open = |lengths: [u32; 3], cell: u8| {
        let mut craft = Craft::sound();
        let data = lengths
            .iter()
            .flat_map(|length| length.to_le_bytes())
            .collect();
        craft.columns.push(Column {
            name: b"jpeg.index.1".to_vec(),
            cell,
            flags: 0,
            data,
            claim: None,
        });
        std::fs::write(&path, craft.bytes()).unwrap();
        Shard::open(&path, Backing::Pread)
    };
    let shard = open([56, 0, 3], 2).unwrap();
    assert_eq!(shard.jpeg_index(0).unwrap().unwrap().len(), 56);
    assert_eq!(
        (shard.jpeg_index(1).unwrap(), shard.entry(2).jpeg_index),
        (None, 3)
    );
    for (lengths, cell, text) in [
        ([57, 0, 0], 2, "record 1: offset 128 lies before byte 129"),
        (
            [0, 0, u32::MAX],
            2,
            "an entropy index of 4294967295 go past byte",
        ),
        (
            [0, 0, 0],
            3,
            "the column \"jpeg.index.1\" has type 3, expected 2",
        ),
    ] {
        let error = open(lengths, cell).unwrap_err();
        assert!(
            error.kind() == Kind::Corrupt && error.message().contains(text),
            "{error}"
        );
    }
}

#[test]
fn a_record_beyond_four_gibibytes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.mill");
    let mut craft = Craft::sound();
    let far = 5u64 << 30;
    craft.column("offset").data = u64s(&[64, 128, far]);
    let footer = craft.footer();
    let footer_at = far + 64;
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&craft.header()).unwrap();
    file.write_all(&craft.payload[..128]).unwrap();
    file.set_len(footer_at).unwrap();
    file.seek(SeekFrom::Start(far)).unwrap();
    file.write_all(&craft.payload[128..]).unwrap();
    file.write_all(&footer).unwrap();
    file.write_all(&craft.tail_for(footer_at, &footer)).unwrap();
    for backing in [Backing::Mmap, Backing::Pread] {
        let (shard, largest) = largest_allocation(|| Shard::open(&path, backing).unwrap());
        assert!(largest < 64 << 10, "{largest}");
        assert_eq!(shard.entry(2).offset, far);
        assert_eq!(&shard.read(2, Vec::new()).unwrap()[..], &[3; 8]);
        assert_eq!(&shard.read(0, Vec::new()).unwrap()[..], &[1; 8]);
    }
}
