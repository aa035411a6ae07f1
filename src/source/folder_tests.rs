use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];

fn tree(paths: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in paths {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, JPEG).unwrap();
    }
    dir
}

fn names(folder: &Folder) -> Vec<String> {
    (0..folder.len()).map(|id| folder.name(id)).collect()
}

fn targets(folder: &Folder) -> Vec<Target> {
    (0..folder.len())
        .map(|id| folder.read(id, Vec::new()).unwrap().target)
        .collect()
}

#[test]
fn classes_and_samples_are_sorted_by_bytes() {
    let dir = tree(&[
        "a/2.jpg",
        "a-b/1.JPEG",
        "a/1.png",
        "B/x/y/z.webp",
        "a/x.txt",
        "a/.hidden.jpg",
        ".git/x.jpg",
    ]);
    fs::create_dir(dir.path().join("empty")).unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    assert_eq!(folder.classes().unwrap(), ["B", "a", "a-b", "empty"]);
    assert_eq!(
        names(&folder),
        ["B/x/y/z.webp", "a-b/1.JPEG", "a/1.png", "a/2.jpg"]
    );
    assert_eq!(targets(&folder), [0, 2, 1, 1].map(Target::Class));
    let mut sorted = names(&folder);
    sorted.sort();
    assert_eq!(names(&folder), sorted);
}

#[test]
fn a_walk_gives_the_order_of_a_sort_over_whole_paths() {
    let paths = [
        "a/b.jpg",
        "a/b/c.jpg",
        "a/b-c/d.jpg",
        "a/b/c/d.jpg",
        "a/b0.jpg",
        "a!/b.jpg",
        "a0/b.jpg",
        "a/b/c-.jpg",
    ];
    let folder = Folder::open(tree(&paths).path()).unwrap();
    let mut sorted = paths.to_vec();
    sorted.sort();
    assert_eq!(names(&folder), sorted);
}

#[test]
fn a_flat_folder_has_no_classes() {
    let dir = tree(&["2.jpg", "1.jpg"]);
    fs::create_dir(dir.path().join("0")).unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    assert_eq!(
        (folder.classes(), names(&folder)),
        (None, vec!["1.jpg".into(), "2.jpg".into()])
    );
    assert_eq!(targets(&folder), [Target::None, Target::None]);
}

#[test]
fn an_image_beside_class_folders_is_an_error_that_names_it() {
    for stray in ["0.jpg", "z.jpg"] {
        let error = Folder::open(tree(&["cat/1.jpg", stray]).path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.message().contains(stray), "{error}");
    }
}

#[test]
fn a_folder_without_images_says_what_was_expected() {
    let dir = tree(&["a/readme.txt"]);
    symlink(".", dir.path().join("loop")).unwrap();
    let error = Folder::open(dir.path()).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert_eq!(
        error.message(),
        format!(
            "{}: no image found; expected class folders of .jpg, .jpeg, .png or .webp files; \
             1 symbolic links to folders were not followed",
            dir.path().display()
        )
    );
    let missing = Folder::open(dir.path().join("nowhere")).unwrap_err();
    assert_eq!(missing.kind(), Kind::Io);
    assert!(
        missing.message().contains("nowhere: cannot open"),
        "{missing}"
    );
}

#[test]
fn the_listing_order_and_time_stamps_change_nothing() {
    let mut paths: Vec<String> = (0..60)
        .map(|n| format!("{}/{}/{n}.jpg", n % 7, n % 3))
        .collect();
    let reference =
        Folder::open(tree(&paths.iter().map(String::as_str).collect::<Vec<_>>()).path()).unwrap();
    paths.sort_by_key(|path| Fingerprint::of([path.as_bytes()]));
    let dir = tree(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    for rotation in 0..5 {
        let listing = |folder: &Path| {
            let mut entries = list(folder)?;
            entries.sort_by_key(|entry| Fingerprint::of([entry.name.as_bytes(), &[rotation]]));
            Ok(entries)
        };
        let folder = Folder::open_with(dir.path(), &listing).unwrap();
        assert_eq!(
            (names(&folder), folder.fingerprint()),
            (names(&reference), reference.fingerprint())
        );
    }
    let file = File::open(dir.path().join("3/0/3.jpg")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(
        Folder::open(dir.path()).unwrap().fingerprint(),
        reference.fingerprint()
    );
}

#[test]
fn the_fingerprint_sees_names_and_sizes() {
    let dir = tree(&["a/1.jpg", "b/1.jpg"]);
    let before = Folder::open(dir.path()).unwrap().fingerprint();
    fs::rename(dir.path().join("a/1.jpg"), dir.path().join("a/2.jpg")).unwrap();
    let renamed = Folder::open(dir.path()).unwrap().fingerprint();
    assert_ne!(before, renamed);
    fs::write(dir.path().join("a/2.jpg"), b"longer than it was").unwrap();
    assert_ne!(renamed, Folder::open(dir.path()).unwrap().fingerprint());
}

#[test]
fn a_symlink_loop_ends_and_linked_files_are_followed() {
    let dir = tree(&["cat/1.jpg"]);
    symlink(".", dir.path().join("cat/loop")).unwrap();
    symlink("..", dir.path().join("cat/up.jpg")).unwrap();
    symlink("self.jpg", dir.path().join("cat/self.jpg")).unwrap();
    symlink("1.jpg", dir.path().join("cat/two.jpg")).unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    assert_eq!(names(&folder), ["cat/1.jpg", "cat/self.jpg", "cat/two.jpg"]);
    assert_eq!(&*folder.read(2, Vec::new()).unwrap().bytes, JPEG);
    let broken = folder.read(1, Vec::new()).unwrap_err();
    assert_eq!((broken.kind(), broken.sample()), (Kind::Io, Some(1)));
    assert!(
        broken.message().contains("cat/self.jpg: cannot open"),
        "{broken}"
    );
}

#[test]
fn a_folder_that_contains_itself_is_found_by_its_inode() {
    // Making a mount that leads back needs rights that tests do not have. This replacement lists
    // the link of a folder to itself as a folder.
    let dir = tree(&["cat/1.jpg"]);
    symlink(".", dir.path().join("cat/loop")).unwrap();
    let listing = |folder: &Path| {
        let mut entries = list(folder)?;
        for entry in entries.iter_mut().filter(|entry| entry.name == "loop") {
            entry.kind = fs::metadata(folder)?.file_type();
        }
        Ok(entries)
    };
    let error = Folder::open_with(dir.path(), &listing).unwrap_err();
    assert!(
        error.message().contains("loop: the folder contains itself"),
        "{error}"
    );
}

#[test]
fn an_unreadable_folder_is_named() {
    let dir = tree(&["cat/1.jpg", "dog/1.jpg"]);
    let listing = |folder: &Path| match folder.ends_with("dog") {
        true => Err(io::ErrorKind::PermissionDenied.into()),
        false => list(folder),
    };
    let error = Folder::open_with(dir.path(), &listing).unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert!(
        error
            .message()
            .contains("dog: cannot list the folder: permission denied"),
        "{error}"
    );
    // The same on the real file system, unless the tests run with rights to read everything.
    fs::set_permissions(dir.path().join("dog"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(dir.path().join("dog")).is_err() {
        assert!(
            Folder::open(dir.path())
                .unwrap_err()
                .message()
                .contains("dog")
        );
    }
    fs::set_permissions(dir.path().join("dog"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_depth_of_300_is_read() {
    let path = format!("cat/{}1.jpg", "d/".repeat(300));
    let dir = tree(&[&path]);
    let folder = Folder::open(dir.path()).unwrap();
    assert_eq!(names(&folder), [path]);
    assert_eq!(&*folder.read(0, Vec::new()).unwrap().bytes, JPEG);
}

#[test]
fn names_that_are_not_unicode_are_read_and_shown_escaped() {
    let dir = tree(&["cat/1.jpg"]);
    let class = dir.path().join(os_string(b"d\xf6g".to_vec()));
    fs::create_dir(&class).unwrap();
    fs::write(class.join(os_string(b"\xff\n.jpg".to_vec())), JPEG).unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    assert_eq!(names(&folder), ["cat/1.jpg", "d\\xf6g/\\xff\\n.jpg"]);
    assert_eq!(folder.classes().unwrap(), ["cat", "d\\xf6g"]);
    assert_eq!(folder.read(1, Vec::new()).unwrap().target, Target::Class(1));
    fs::remove_file(class.join(os_string(b"\xff\n.jpg".to_vec()))).unwrap();
    let gone = folder.read(1, Vec::new()).unwrap_err();
    assert!(
        gone.message()
            .ends_with("d\\xf6g/\\xff\\n.jpg: cannot open: No such file or directory (os error 2)"),
        "{gone}"
    );
}

#[test]
fn a_file_that_changed_since_the_listing_is_an_error_and_its_neighbor_is_not() {
    let dir = tree(&["cat/1.jpg", "cat/2.jpg", "cat/3.jpg"]);
    let folder = Folder::open(dir.path()).unwrap();
    fs::write(dir.path().join("cat/1.jpg"), &JPEG[..4]).unwrap();
    fs::write(dir.path().join("cat/2.jpg"), [JPEG, JPEG].concat()).unwrap();
    let shrunk = folder.read(0, Vec::new()).unwrap_err();
    assert_eq!(shrunk.kind(), Kind::Truncated);
    assert!(
        shrunk
            .message()
            .ends_with("cat/1.jpg: the file has 4 bytes; it had 7 when the folder was opened"),
        "{shrunk}"
    );
    assert_eq!(
        folder.read(1, Vec::new()).unwrap_err().kind(),
        Kind::Mismatch
    );
    assert_eq!(&*folder.read(2, vec![9; 100]).unwrap().bytes, JPEG);
}

#[test]
fn the_codec_is_told_by_the_bytes() {
    let dir = tree(&["cat/1.png", "cat/2.jpg", "cat/3.jpg"]);
    fs::write(dir.path().join("cat/2.jpg"), "a letter").unwrap();
    fs::write(dir.path().join("cat/3.jpg"), "").unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    assert_eq!(folder.read(0, Vec::new()).unwrap().codec, Codec::Jpeg);
    let text = folder.read(1, Vec::new()).unwrap_err();
    assert_eq!(text.kind(), Kind::Corrupt);
    assert!(text.message().contains("cat/2.jpg: not an image"), "{text}");
    assert_eq!(
        folder.read(2, Vec::new()).unwrap_err().kind(),
        Kind::Truncated
    );
    assert_eq!(folder.read(3, Vec::new()).unwrap_err().kind(), Kind::Config);
}

#[test]
fn files_beside_an_image_annotate_it() {
    let dir = tree(&[
        "a/1.jpg",
        "a/2.v2.png",
        "b/3.jpg",
        "b/4.seg.mask.png",
        "b/5.json",
    ]);
    let plain = Folder::open(dir.path()).unwrap();
    assert_eq!(
        names(&plain),
        ["a/1.jpg", "a/2.v2.png", "b/3.jpg", "b/4.seg.mask.png"]
    );
    assert!((0..4).all(|id| plain.annotations(id).unwrap().is_none()));
    let png = b"\x89PNG\r\n\x1a\n";
    fs::write(
        dir.path().join("a/1.json"),
        r#"{"boxes": [[1, 2, 3, 4, 5]]}"#,
    )
    .unwrap();
    fs::write(dir.path().join("a/1.seg.mask.png"), png).unwrap();
    fs::write(dir.path().join("a/2.v2.near.depth.png"), png).unwrap();
    fs::write(dir.path().join("b/3.json"), "no json").unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    assert_eq!(names(&folder), names(&plain));
    assert_ne!(folder.fingerprint(), plain.fingerprint());
    let first = folder.annotations(0).unwrap().unwrap();
    assert_eq!((first.boxes.len(), first.boxes[0].class), (1, 5));
    assert_eq!(
        (&first.planes[0].name[..], first.planes[0].kind),
        ("seg", crate::sample::PlaneKind::Mask)
    );
    assert_eq!(
        folder.annotations(1).unwrap().unwrap().planes[0].name,
        "near"
    );
    let error = folder.annotations(2).unwrap_err();
    assert!(
        error.message().contains("b/3.json: not JSON") && error.sample() == Some(2),
        "{error}"
    );
    assert!(folder.annotations(3).unwrap().is_none());
    fs::write(
        dir.path().join("a/1.seg.mask.png"),
        [&png[..], b"1"].concat(),
    )
    .unwrap();
    assert_eq!(folder.annotations(0).unwrap_err().kind(), Kind::Mismatch);
    assert_ne!(
        Folder::open(dir.path()).unwrap().fingerprint(),
        folder.fingerprint()
    );
}
