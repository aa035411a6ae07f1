use std::io::Write as _;

use super::*;

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];

/// Returns a header block of v7 with the right checksum.
fn header(name: &[u8], kind: u8, size: &[u8; 12]) -> Vec<u8> {
    let mut block = vec![0; 512];
    let n = name.len().min(100);
    block[..n].copy_from_slice(&name[..n]);
    block[124..136].copy_from_slice(size);
    block[156] = kind;
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn member(name: &[u8], kind: u8, content: &[u8]) -> Vec<u8> {
    let size: [u8; 12] = format!("{:011o}\0", content.len())
        .into_bytes()
        .try_into()
        .unwrap();
    let mut bytes = [&header(name, kind, &size), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    member(name.as_bytes(), b'0', content)
}

fn open(members: &[Vec<u8>]) -> Result<Tar> {
    open_bytes(&[&members.concat()[..], &[0; 1024]].concat())
}

fn open_bytes(bytes: &[u8]) -> Result<Tar> {
    let mut file = tempfile::Builder::new().suffix(".tar").tempfile().unwrap();
    file.write_all(bytes).unwrap();
    // The file is held open, so its name may go.
    Tar::open(file.path())
}

fn names(tar: &Tar) -> Vec<String> {
    (0..tar.len()).map(|id| tar.name(id)).collect()
}

fn targets(tar: &Tar) -> Vec<Target> {
    (0..tar.len())
        .map(|id| tar.read(id, Vec::new()).unwrap().target)
        .collect()
}

#[test]
fn members_with_one_key_are_one_sample_neighbors_or_not() {
    let tar = open(&[
        file("s/2.jpg", JPEG),
        file("s/1.cls", b" 7\n"),
        file("s/1.txt", b"a caption"),
        file("s/2.json", br#"{"label": 9, "caption": "x"}"#),
        file("s/1.JPEG", JPEG),
        file("s/1.json", br#"{"label": 8}"#),
        file("s/1.seg.png", b"a mask"),
    ])
    .unwrap();
    assert_eq!(names(&tar), ["s/2.jpg", "s/1.JPEG"]);
    assert_eq!(targets(&tar), [9, 7].map(Target::Class));
    assert_eq!(
        (tar.classes(), tar.skipped()),
        (None, SkippedMembers::default())
    );
    assert_eq!(&*tar.read(0, vec![0; 99]).unwrap().bytes, JPEG);
}

#[test]
fn without_a_class_member_the_first_folder_is_the_class() {
    let tar = open(&[
        file("./dog/x/1.jpg", JPEG),
        file("cat/1.jpg", JPEG),
        file("dog/2.jpg", JPEG),
    ])
    .unwrap();
    assert_eq!(tar.classes().unwrap(), ["cat", "dog"]);
    assert_eq!(targets(&tar), [1, 0, 1].map(Target::Class));
    let flat = open(&[file("1.jpg", JPEG), file("./2.jpg", JPEG)]).unwrap();
    assert_eq!(
        (flat.classes(), targets(&flat)),
        (None, vec![Target::None, Target::None])
    );
    let mixed = open(&[file("cat/1.jpg", JPEG), file("2.jpg", JPEG)]).unwrap_err();
    assert!(
        mixed.kind() == Kind::Config && mixed.message().contains("2.jpg"),
        "{mixed}"
    );
}

#[test]
fn a_bad_or_missing_class_is_an_error_of_its_sample_alone() {
    let tar = open(&[
        file("1.jpg", JPEG),
        file("1.cls", b"-1"),
        file("2.jpg", JPEG),
        file("3.jpg", JPEG),
        file("3.cls", b"3"),
        file("4.jpg", JPEG),
        file("4.json", br#"{"label": 4294967296}"#),
        file("5.jpg", JPEG),
        file("5.json", b"{"),
        file("6.jpg", JPEG),
        file("6.cls", &vec![b'1'; (1 << 20) + 1]),
    ])
    .unwrap();
    let error = |id| tar.read(id, Vec::new()).unwrap_err();
    for (id, why) in [
        (0, "the member 1.cls: expected a class number, found \"-1\""),
        (1, "no class: expected a cls member"),
        (3, "expected a class number as \"label\", found 4294967296"),
        (4, "the member 5.json: not JSON"),
        (
            5,
            "the member 6.cls: it has 1048577 bytes; the limit is 1048576",
        ),
    ] {
        let error = error(id);
        assert_eq!((error.kind(), error.sample()), (Kind::Corrupt, Some(id)));
        assert!(error.message().contains(why), "{error}");
    }
    assert_eq!(tar.read(2, Vec::new()).unwrap().target, Target::Class(3));
}

#[test]
fn members_that_do_not_become_samples_are_counted() {
    let tar = open(&[
        member(b"a/", b'5', b""),
        header(b"a/link.jpg", b'2', b"00000000007\0"),
        header(b"a/hard.jpg", b'1', b"77777777777\0"),
        header(b"a/null.jpg", b'3', b"00000000000\0"),
        header(b"a/pipe.jpg", b'6', b"00000000000\0"),
        member(b"a/sparse.jpg", b'S', JPEG),
        file("a/1.jpg", JPEG),
        file("a/1.png", JPEG),
        file("a/2.cls", b"2"),
        file("a/._1.jpg", JPEG),
        file(".hidden/1.jpg", JPEG),
        file("a/1.cls", b"1"),
    ])
    .unwrap();
    assert_eq!(names(&tar), ["a/1.jpg"]);
    let expected = SkippedMembers {
        links: 2,
        devices: 2,
        others: 1,
        without_image: 1,
        duplicates: 1,
    };
    assert_eq!(tar.skipped(), expected);
}

#[test]
fn hostile_names_are_labels_and_nothing_is_extracted() {
    let long = "x".repeat(10_000) + ".jpg";
    let pax = format!("{} path={long}\n", 5 + 1 + 5 + long.len() + 1);
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("in/x.tar");
    std::fs::create_dir(parent.path().join("in")).unwrap();
    let members = [
        file("../../escape.jpg", JPEG),
        file("/etc/absolute.jpg", JPEG),
        file("C:\\windows.jpg", JPEG),
        member(b"not\xffunicode\n.jpg", b'0', JPEG),
        member(b"long", b'x', pax.as_bytes()),
        file("short", JPEG),
        member(b"zero", b'x', b"18 path=nul\0in.jpg\n".get(..19).unwrap()),
        file("short", JPEG),
    ];
    std::fs::write(&path, [&members.concat()[..], &[0; 1024]].concat()).unwrap();
    let listing = |dir: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let temp = |_| [listing(parent.path()), listing(&parent.path().join("in"))];
    let before = temp(());
    let error = Tar::open(&path).unwrap_err();
    assert!(
        error.kind() == Kind::Corrupt && error.message().contains("pax record"),
        "19 is one too many: {error}"
    );
    let members = [
        &members[..6],
        &[
            member(b"zero", b'x', b"19 path=nul\0in.jpg\n"),
            file("short", JPEG),
        ],
    ]
    .concat();
    std::fs::write(&path, [&members.concat()[..], &[0; 1024]].concat()).unwrap();
    // Some of these names have no folder, and a `cls` member for one sample turns classes by folder
    // off.
    let cls = file("C:\\windows.cls", b"0");
    std::fs::write(&path, [&members.concat()[..], &cls, &[0; 1024]].concat()).unwrap();
    let tar = Tar::open(&path).unwrap();
    assert_eq!(
        names(&tar),
        [
            "../../escape.jpg",
            "/etc/absolute.jpg",
            "C:\\windows.jpg",
            "not\\xffunicode\\n.jpg",
            &long,
            "nul\\u{0}in.jpg"
        ]
    );
    assert!(
        tar.read(0, Vec::new())
            .is_err_and(|error| error.message().contains("no class"))
    );
    assert_eq!(tar.read(2, Vec::new()).unwrap().target, Target::Class(0));
    assert_eq!(temp(()), before);
}

#[test]
fn long_names_of_gnu_and_ustar_and_pax_are_read() {
    let long = format!("{}/{}.jpg", "folder".repeat(20), "name".repeat(20));
    for ustar in [false, true] {
        let mut builder = ::tar::Builder::new(Vec::new());
        let mut header = if ustar {
            ::tar::Header::new_ustar()
        } else {
            ::tar::Header::new_gnu()
        };
        header.set_size(JPEG.len() as u64);
        header.set_mode(0o644);
        if ustar {
            builder
                .append_pax_extensions([("comment", &b"x"[..])])
                .unwrap();
        }
        builder.append_data(&mut header, &long, JPEG).unwrap();
        let tar = open_bytes(&builder.into_inner().unwrap()).unwrap();
        assert_eq!(names(&tar), [long.as_str()]);
        assert_eq!(&*tar.read(0, Vec::new()).unwrap().bytes, JPEG);
    }
}

#[test]
fn absurd_sizes_are_told_with_the_member_and_the_byte() {
    let first = file("1.jpg", JPEG);
    let cases: [(&[u8; 12], Kind, &str); 4] = [
        (
            b"77777777777\0",
            Kind::Truncated,
            "byte 1024: the member 2.jpg has 8589934591 bytes by its header; \
             1024 are left, the file ends at byte 2560",
        ),
        (
            b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
            Kind::Truncated,
            "has 9223372036854775807 bytes",
        ),
        (
            b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
            Kind::Truncated,
            "has 18446744073709551615 bytes",
        ),
        (
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            Kind::Corrupt,
            "byte 1024: a size of",
        ),
    ];
    for (size, kind, text) in cases {
        let error = open(&[first.clone(), header(b"2.jpg", b'0', size)]).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(text), "{error}");
    }
    let pax = |size: &str| {
        let record = format!("{} size={size}\n", size.len() + 9);
        open(&[member(b"p", b'x', record.as_bytes()), file("2.jpg", JPEG)]).unwrap_err()
    };
    assert_eq!(pax("99999999999999999999999").kind(), Kind::Limit);
    assert_eq!(pax("18446744073709551615").kind(), Kind::Truncated);
    let endless = open(&[member(b"p", b'x', &vec![b'1'; 2 << 20])]).unwrap_err();
    assert_eq!(endless.kind(), Kind::Limit);
    assert!(
        endless
            .message()
            .contains("byte 0: an extended header of 2097152 bytes"),
        "{endless}"
    );
}

#[test]
fn a_bad_checksum_is_told_with_its_byte() {
    let mut bad = file("2.jpg", JPEG);
    bad[0] ^= 1;
    let error = open(&[file("1.jpg", JPEG), bad]).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(
        error
            .message()
            .contains("byte 1024: not a tar header: its checksum field is"),
        "{error}"
    );
    assert_eq!(open_bytes(&[b'a'; 2000]).unwrap_err().kind(), Kind::Corrupt);
}

#[test]
fn a_tar_without_its_end_mark_was_cut() {
    let error = open_bytes(&file("1.jpg", JPEG)).unwrap_err();
    assert_eq!(error.kind(), Kind::Truncated);
    assert!(
        error
            .message()
            .contains("ends at byte 1024 without its end mark"),
        "{error}"
    );
    assert_eq!(open_bytes(b"").unwrap_err().kind(), Kind::Truncated);
}

#[test]
fn compressed_tars_and_pipes_are_unsupported() {
    for (head, tool) in [
        (&[0x1f, 0x8b, 8, 0][..], "gzip"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    ] {
        let error = open_bytes(&[head, &[0; 600]].concat()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
        assert!(
            error.message().contains(tool) && error.message().contains("unpack"),
            "{error}"
        );
    }
    let error = Tar::open("/dev/null").unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
}

#[test]
fn several_tars_are_sorted_by_name_and_held_open_up_to_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let count = MAX_OPEN_FILES + 3;
    for n in (0..count).rev() {
        let name = format!("{n:03}.jpg");
        let bytes = [
            &file(&name, &[JPEG, name.as_bytes()].concat())[..],
            &[0; 512],
        ]
        .concat();
        std::fs::write(dir.path().join(format!("{n:03}.tar")), bytes).unwrap();
    }
    let tar = Tar::open(dir.path()).unwrap();
    assert_eq!(tar.len(), count as u64);
    for id in 0..tar.len() {
        assert_eq!(tar.name(id), format!("{id:03}.tar: {id:03}.jpg"));
        assert_eq!(
            *tar.read(id, Vec::new()).unwrap().bytes,
            [JPEG, format!("{id:03}.jpg").as_bytes()].concat()
        );
    }
    let last = dir.path().join(format!("{:03}.tar", count - 1));
    std::fs::write(&last, b"replaced").unwrap();
    let error = tar.read(tar.len() - 1, Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch, "{error}");
}

#[test]
fn the_fingerprint_covers_names_sizes_and_classes() {
    let sum = |members: &[Vec<u8>]| open(members).unwrap().fingerprint();
    let base = sum(&[file("1.jpg", JPEG), file("1.cls", b"1")]);
    assert_eq!(base, sum(&[file("1.cls", b"1"), file("1.jpg", JPEG)]));
    assert_ne!(base, sum(&[file("1.jpg", JPEG), file("1.cls", b"2")]));
    assert_ne!(base, sum(&[file("2.jpg", JPEG), file("2.cls", b"1")]));
    assert_ne!(base, sum(&[file("1.jpg", &JPEG[1..]), file("1.cls", b"1")]));
}

#[test]
fn members_that_annotate_an_image_are_found_by_its_key() {
    let png = b"\x89PNG\r\n\x1a\n";
    let members = |json: &[u8]| {
        vec![
            member(b"s/2.who.instances.png", b'0', png),
            file("s/2.jpg", JPEG),
            file("s/1.jpg", JPEG),
            member(b"s/1.json", b'0', json),
            file("s/2.json", br#"{"label": 9, "caption": "x"}"#),
            file("s/1.cls", b"3"),
            file("s/3.seg.mask.png", png),
        ]
    };
    let tar = open(&members(
        br#"{"boxes": [[1, 2, 3, 4, 5]], "keypoints": [[1, 1, 2, 7]]}"#,
    ))
    .unwrap();
    assert_eq!(names(&tar), ["s/2.jpg", "s/1.jpg"]);
    assert_eq!(targets(&tar), [9, 3].map(Target::Class));
    let (first, second) = (
        tar.annotations(0).unwrap().unwrap(),
        tar.annotations(1).unwrap().unwrap(),
    );
    assert_eq!(
        (&first.planes[0].name[..], first.planes[0].kind),
        ("who", crate::sample::PlaneKind::Instances)
    );
    assert_eq!((second.boxes[0].class, second.keypoints[0].id), (5, 7));
    let bad = open(&members(br#"{"boxes": [[1, 2, 3]]}"#)).unwrap();
    assert_ne!(bad.fingerprint(), tar.fingerprint());
    let error = bad.annotations(1).unwrap_err();
    assert!(
        error.message().contains("json of s/1.jpg") && error.message().contains("boxes[0]"),
        "{error}"
    );
    let plain = open(&[file("s/1.jpg", JPEG), file("s/1.json", br#"{"label": 9}"#)]).unwrap();
    assert!(plain.annotations(0).unwrap().is_none());
}
