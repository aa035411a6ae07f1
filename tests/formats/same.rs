//! One data set in every format: a sample id has the same bytes and the same target in all of them.

use feedmill::sample::Target;
use feedmill::source::{self, Access, Source};

use crate::make;

/// Checks that a source holds the photographs: bytes, targets, labels and sizes. Three threads read
/// at once, in different orders, since a source is shared by all workers.
fn assert_is_photos(source: &dyn Source, photos: &[make::Sample]) {
    assert_eq!(source.len(), photos.len() as u64);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                let mut buf = vec![1; 100];
                for step in 0..photos.len() {
                    let id = (step * 7 + thread * 3) % photos.len();
                    let sample = source.read(id as u64, std::mem::take(&mut buf)).unwrap();
                    assert!(
                        *sample.bytes == photos[id].bytes[..],
                        "{} differs",
                        source.name(id as u64)
                    );
                    assert_eq!(sample.target, Target::Class(photos[id].class));
                }
            });
        }
    });
    let mut labels = Vec::new();
    let mut each = |id: u64, target| {
        assert_eq!(id, labels.len() as u64);
        labels.push(target);
        Ok(())
    };
    source.labels(&mut each).unwrap();
    assert_eq!(
        labels,
        photos
            .iter()
            .map(|photo| Target::Class(photo.class))
            .collect::<Vec<_>>()
    );
    let total: u64 = (0..source.len()).map(|id| source.size(id)).sum();
    let expected: u64 = photos.iter().map(|photo| photo.bytes.len() as u64).sum();
    assert!(
        total.abs_diff(expected) <= expected / 20,
        "sizes are {total}, expected about {expected}"
    );
    assert_eq!(
        source.read(source.len(), Vec::new()).unwrap_err().kind(),
        feedmill::Kind::Config
    );
}

#[test]
fn every_form_gives_the_same_bytes_and_targets() {
    let photos = make::photos();
    let names = ["nature", "places", "still"];
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);

    let folder = source::open(make::photos_path()).unwrap();
    assert_is_photos(&*folder, &photos);
    assert_eq!(folder.classes().unwrap(), names);
    assert_eq!(folder.name(0), photos[0].name);

    std::fs::write(path("a.tar"), make::tar(&photos)).unwrap();
    let tar = source::open(path("a.tar")).unwrap();
    assert_is_photos(&*tar, &photos);
    assert_eq!(
        (tar.access(), tar.name(0)),
        (Access::Blocking, photos[0].name.clone())
    );

    #[cfg(feature = "arrow")]
    for (batch, classes) in [
        (make::plain(&photos), None),
        (
            make::hugging_face(&photos, &names),
            Some(names.map(str::to_owned).to_vec()),
        ),
    ] {
        use parquet::basic::{Compression, GzipLevel};
        std::fs::write(path("a.arrow"), make::arrow_file(&batch, 3)).unwrap();
        std::fs::write(path("b.arrow"), make::arrow_stream(&batch, 4)).unwrap();
        let file = source::open(path("a.arrow")).unwrap();
        let stream = source::open(path("b.arrow")).unwrap();
        assert_eq!(
            file.fingerprint(),
            stream.fingerprint(),
            "the cut into record batches is not part of the data"
        );
        for source in [file, stream] {
            assert_is_photos(&*source, &photos);
            assert_eq!(
                (source.access(), source.classes()),
                (Access::Immediate, classes.as_deref())
            );
        }
        let compressions = [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::LZ4_RAW,
            Compression::GZIP(GzipLevel::default()),
        ];
        for compression in compressions {
            std::fs::write(path("a.parquet"), make::parquet(&batch, 4, compression)).unwrap();
            let parquet = source::open(path("a.parquet")).unwrap();
            assert_is_photos(&*parquet, &photos);
            assert_eq!(
                (parquet.access(), parquet.classes()),
                (Access::Blocking, classes.as_deref())
            );
        }
        // A cache of 0 bytes is slow, and every sample is still read.
        let uncached =
            source::Parquet::open_with(path("a.parquet"), &source::Columns::default(), 0).unwrap();
        assert_is_photos(&uncached, &photos);
        assert_eq!(uncached.name(9), "a.parquet: row 9");
    }
}

#[cfg(feature = "arrow")]
#[test]
fn a_folder_of_tables_is_its_files_in_order() {
    let photos = make::photos();
    let batch = make::plain(&photos);
    let arrows = tempfile::tempdir().unwrap();
    let parquets = tempfile::tempdir().unwrap();
    for (part, start) in [(2, 6), (0, 0), (1, 3)] {
        let rows = batch.slice(start, if part == 2 { 4 } else { 3 });
        let name = format!("data-{part:05}-of-00003");
        std::fs::write(
            arrows.path().join(format!("{name}.arrow")),
            make::arrow_stream(&rows, 2),
        )
        .unwrap();
        let parquet = make::parquet(&rows, 2, parquet::basic::Compression::SNAPPY);
        std::fs::write(parquets.path().join(format!("{name}.parquet")), parquet).unwrap();
    }
    // Hugging Face puts this file beside the tables; it is not data.
    std::fs::write(arrows.path().join("dataset_info.json"), "{}").unwrap();
    for folder in [arrows.path(), parquets.path()] {
        let source = source::open(folder).unwrap();
        assert_is_photos(&*source, &photos);
        assert!(
            source.name(7).starts_with("data-00002-of-00003."),
            "{}",
            source.name(7)
        );
        assert!(source.name(7).ends_with(": row 1"), "{}", source.name(7));
    }
}

#[cfg(feature = "arrow")]
#[test]
fn cells_of_arrow_are_slices_of_the_mapping() {
    let photos = make::photos();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.arrow");
    std::fs::write(&path, make::arrow_file(&make::plain(&photos), 10)).unwrap();
    let source = source::open(&path).unwrap();
    let read = |id| match source.read(id, Vec::new()).unwrap().bytes {
        feedmill::sample::Payload::Shared(bytes) => bytes,
        other => panic!("a copy: {other:?}"),
    };
    let (a, b, again) = (read(0), read(1), read(0));
    assert_eq!(a.as_ptr(), again.as_ptr());
    assert_eq!(a.as_ptr_range().end, b.as_ptr(), "neighbors in one buffer");
    // The bytes keep the mapping alive.
    drop(source);
    assert!(*b == photos[1].bytes);
}

#[test]
fn a_fingerprint_is_of_the_data_and_not_of_its_place() {
    let photos = make::photos();
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    #[allow(unused_mut, reason = "only the feature `arrow` adds to it")]
    let mut forms = vec![("x.tar", make::tar(&photos))];
    #[cfg(feature = "arrow")]
    {
        let batch = make::plain(&photos);
        forms.push(("x.arrow", make::arrow_file(&batch, 4)));
        forms.push((
            "x.parquet",
            make::parquet(&batch, 4, parquet::basic::Compression::SNAPPY),
        ));
    }
    for (name, bytes) in forms {
        let (a, b) = (
            one.path().join(name),
            two.path().join(format!("other-{name}")),
        );
        std::fs::write(&a, &bytes).unwrap();
        std::fs::write(&b, &bytes).unwrap();
        assert_eq!(
            source::open(a).unwrap().fingerprint(),
            source::open(b).unwrap().fingerprint(),
            "{name}"
        );
    }
}
