//! Which form a path has.

use std::fs;
use std::path::Path;

use feedmill::Kind;
use feedmill::source::{self, Format};

use crate::make;

fn error(path: &Path) -> feedmill::Error {
    source::open(path).err().expect("an error")
}

#[test]
fn a_form_is_known_by_its_name() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
    }
    let error = "zip".parse::<Format>().unwrap_err();
    assert_eq!(
        error.message(),
        "\"zip\" is not a format of stored data; expected one of folder, shards, tar, arrow, parquet"
    );
}

#[test]
fn files_without_an_extension_are_told_by_their_first_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let tiny = make::tiny();
    #[allow(unused_mut, reason = "without the feature arrow there are no more")]
    let mut forms = vec![make::tar(&tiny)];
    #[cfg(feature = "arrow")]
    {
        let batch = make::plain(&tiny);
        forms.push(make::arrow_file(&batch, 2));
        forms.push(make::arrow_stream(&batch, 2));
        forms.push(make::parquet(
            &batch,
            2,
            parquet::basic::Compression::SNAPPY,
        ));
    }
    for (index, bytes) in forms.into_iter().enumerate() {
        let path = dir.path().join(format!("data{index}"));
        fs::write(&path, bytes).unwrap();
        assert_eq!(source::open(&path).unwrap().len(), 5);
    }
    let zipped = dir.path().join("x.tar.gz");
    fs::write(&zipped, [0x1f, 0x8b, 8, 0]).unwrap();
    assert_eq!(error(&zipped).kind(), Kind::Unsupported);
}

#[test]
fn what_is_no_data_set_is_told_with_what_was_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let missing = error(&dir.path().join("nowhere"));
    assert_eq!(missing.kind(), Kind::Io);
    assert!(
        missing
            .message()
            .contains("nowhere: cannot open: No such file"),
        "{missing}"
    );

    let empty = error(dir.path());
    assert_eq!(empty.kind(), Kind::Config);
    assert!(
        empty
            .message()
            .contains("looked for class folders or images"),
        "{empty}"
    );

    let text = dir.path().join("letter.txt");
    fs::write(&text, "Dear reader").unwrap();
    assert!(
        error(&text)
            .message()
            .contains("not a data set; expected a .mill, .tar"),
        "{}",
        error(&text)
    );

    let image = dir.path().join("1.jpg");
    fs::write(&image, &make::tiny()[0].bytes).unwrap();
    assert!(
        error(&image)
            .message()
            .contains("one image; give the folder"),
        "{}",
        error(&image)
    );
}

#[test]
fn a_folder_of_two_forms_is_ambiguous_until_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.tar"), make::tar(&make::tiny())).unwrap();
    assert_eq!(source::open(dir.path()).unwrap().len(), 5);
    fs::write(dir.path().join("1.jpg"), &make::tiny()[0].bytes).unwrap();
    let ambiguous = error(dir.path());
    assert_eq!(ambiguous.kind(), Kind::Config);
    assert!(
        ambiguous
            .message()
            .contains("holds tar and images; say which"),
        "{ambiguous}"
    );
    assert_eq!(source::open_as(dir.path(), Format::Tar).unwrap().len(), 5);
    assert_eq!(
        source::open_as(dir.path(), Format::Folder).unwrap().len(),
        1
    );
}

#[test]
fn a_text_file_named_like_a_image_is_found_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("1.jpg"), "Dear reader").unwrap();
    let source = source::open(dir.path()).unwrap();
    let error = source.read(0, Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(
        error.message().ends_with(
            "1.jpg: not an image: expected JPEG, PNG or WebP, found bytes \"Dear reader\""
        )
    );
}
