//! Arrow and Parquet tables: columns of every type that is read, and tables with a fault.
//!
//! Each table is written as an Arrow file, an Arrow stream and a Parquet file, and every test reads
//! all three.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::types::{Float32Type, Int8Type, Int32Type, UInt64Type};
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use feedmill::sample::Target;
use feedmill::source::{ArrowFile, Columns, Parquet, Source};
use feedmill::{Error, Kind};
use parquet::basic::Compression;

use crate::make;

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];

/// One table in three files.
struct Tables(tempfile::TempDir);

impl Tables {
    /// Writes a table as an Arrow file, an Arrow stream and a Parquet file.
    fn write(batch: &RecordBatch) -> Tables {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file.arrow"), make::arrow_file(batch, 2)).unwrap();
        std::fs::write(
            dir.path().join("stream.arrow"),
            make::arrow_stream(batch, 2),
        )
        .unwrap();
        std::fs::write(
            dir.path().join("x.parquet"),
            make::parquet(batch, 2, Compression::SNAPPY),
        )
        .unwrap();
        Tables(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Opens the three files with the same columns.
    fn open(&self, columns: &Columns) -> Vec<Result<Box<dyn Source>, Error>> {
        vec![
            ArrowFile::open_with(self.path("file.arrow"), columns)
                .map(|source| Box::new(source) as _),
            ArrowFile::open_with(self.path("stream.arrow"), columns)
                .map(|source| Box::new(source) as _),
            Parquet::open_with(self.path("x.parquet"), columns, 0)
                .map(|source| Box::new(source) as _),
        ]
    }
}

/// A table of these columns, all of which may hold nulls.
fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, array)| array).collect(),
    )
    .unwrap()
}

/// A column of the same image in every row.
fn images(rows: usize) -> ArrayRef {
    Arc::new(BinaryArray::from_iter_values(vec![JPEG; rows]))
}

/// The target of each row of a table with these labels. All three files must agree on them.
fn targets(labels: ArrayRef) -> Vec<Result<Target, Error>> {
    let rows = labels.len();
    let tables = Tables::write(&batch(vec![("image", images(rows)), ("label", labels)]));
    let mut all = tables.open(&Columns::default()).into_iter().map(|source| {
        let source = source.unwrap();
        (0..source.len())
            .map(|id| source.read(id, Vec::new()).map(|sample| sample.target))
            .collect::<Vec<_>>()
    });
    let first = all.next().unwrap();
    for other in all {
        // Targets are compared as text, because NaN is not equal to itself.
        let described = |outcomes: &[Result<Target, Error>]| {
            outcomes
                .iter()
                .map(|outcome| format!("{:?}", outcome.as_ref().map_err(Error::kind)))
                .collect::<Vec<_>>()
        };
        assert_eq!(described(&first), described(&other));
    }
    first
}

/// [`targets`] where every row has one.
fn valid_targets(labels: ArrayRef) -> Vec<Target> {
    targets(labels).into_iter().map(Result::unwrap).collect()
}

#[test]
fn labels_of_every_type_are_read() {
    let classes = [Target::Class(3), Target::None, Target::Class(0)];
    macro_rules! integers {
        ($($array:ident),*) => {$(
            let labels = $array::from(vec![Some(3), None, Some(0)]);
            assert_eq!(valid_targets(Arc::new(labels)), classes);
        )*};
    }
    integers!(
        Int8Array,
        Int16Array,
        Int32Array,
        Int64Array,
        UInt8Array,
        UInt16Array,
        UInt32Array,
        UInt64Array
    );
    let dictionary = DictionaryArray::<Int8Type>::new(
        Int8Array::from(vec![Some(1), None, Some(0)]),
        Arc::new(Int64Array::from(vec![0, 3])),
    );
    assert_eq!(valid_targets(Arc::new(dictionary)), classes);
    assert_eq!(
        valid_targets(Arc::new(NullArray::new(2))),
        [Target::None, Target::None]
    );
}

#[test]
fn lists_are_several_classes_or_weights() {
    let multi = vec![Some(vec![Some(3), Some(1)]), None, Some(vec![])];
    let expected = [
        Target::Multi(vec![3, 1]),
        Target::None,
        Target::Multi(vec![]),
    ];
    assert_eq!(
        valid_targets(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(
            multi.clone()
        ))),
        expected
    );
    let large = multi.iter().map(|row| {
        row.as_ref()
            .map(|row| row.iter().map(|v| v.map(|v| v as u64)).collect::<Vec<_>>())
    });
    assert_eq!(
        valid_targets(Arc::new(LargeListArray::from_iter_primitive::<
            UInt64Type,
            _,
            _,
        >(large))),
        expected
    );
    let soft = vec![
        Some(vec![Some(0.25f32), Some(0.75)]),
        Some(vec![Some(f32::INFINITY), Some(-1.0)]),
    ];
    let expected = [
        Target::Soft(vec![0.25, 0.75]),
        Target::Soft(vec![f32::INFINITY, -1.0]),
    ];
    assert_eq!(
        valid_targets(Arc::new(
            ListArray::from_iter_primitive::<Float32Type, _, _>(soft.clone())
        )),
        expected
    );
    let fixed = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(soft, 2);
    assert_eq!(valid_targets(Arc::new(fixed)), expected);
    // A source does not judge weights; the pipeline does, so NaN is passed on as it is.
    let nan =
        FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>([Some([Some(f32::NAN)])], 1);
    assert!(
        matches!(&valid_targets(Arc::new(nan))[..], [Target::Soft(weights)] if weights[0].is_nan())
    );
}

#[test]
fn labels_that_are_not_classes_are_errors_of_their_rows() {
    let outcomes = targets(Arc::new(Int64Array::from(vec![1, -1, 1 << 32, 2])));
    assert!(outcomes[0].is_ok() && outcomes[3].is_ok());
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.sample()), (Kind::Corrupt, Some(1)));
    assert!(
        error
            .message()
            .ends_with("file.arrow: row 1: the label -1 is not a class; expected 0 to 4294967295"),
        "{error}"
    );
    assert!(outcomes[2].is_err());
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        Some(vec![Some(-7)]),
    ]);
    for outcome in targets(Arc::new(list)) {
        assert_eq!(outcome.unwrap_err().kind(), Kind::Corrupt);
    }
}

#[test]
fn images_of_every_binary_type_are_read_from_slices() {
    let values = || (0..7u8).map(|n| [JPEG, &vec![n; usize::from(n) * 3]].concat());
    let columns: [ArrayRef; 3] = [
        Arc::new(BinaryArray::from_iter_values(values())),
        Arc::new(LargeBinaryArray::from_iter_values(values())),
        Arc::new(BinaryViewArray::from_iter_values(values())),
    ];
    for column in columns {
        let whole = batch(vec![("image", column)]);
        for source in Tables::write(&whole.slice(2, 5)).open(&Columns::default()) {
            let source = source.unwrap();
            let found: Vec<_> = (0..source.len())
                .map(|id| source.read(id, Vec::new()).unwrap().bytes.to_vec())
                .collect();
            assert_eq!(found, values().skip(2).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_null_image_is_an_error_of_its_row() {
    let plain = Arc::new(BinaryArray::from(vec![Some(JPEG), None]));
    for source in Tables::write(&batch(vec![("image", plain)])).open(&Columns::default()) {
        let source = source.unwrap();
        assert!(source.read(0, Vec::new()).is_ok());
        let error = source.read(1, Vec::new()).unwrap_err();
        assert_eq!((error.kind(), error.sample()), (Kind::Corrupt, Some(1)));
        assert!(
            error.message().ends_with("row 1: the image is null"),
            "{error}"
        );
    }
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(JPEG), None]));
    let paths: ArrayRef = Arc::new(StringArray::from(vec![None, Some("photos/1.jpg")]));
    let nested = StructArray::from(vec![
        (Arc::new(Field::new("bytes", DataType::Binary, true)), bytes),
        (Arc::new(Field::new("path", DataType::Utf8, true)), paths),
    ]);
    for source in Tables::write(&batch(vec![("image", Arc::new(nested))])).open(&Columns::default())
    {
        let error = source.unwrap().read(1, Vec::new()).unwrap_err();
        assert!(
            error
                .message()
                .contains("only its path \"photos/1.jpg\" was stored"),
            "{error}"
        );
    }
}

#[test]
fn columns_are_found_by_name_and_checked_by_type() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![4]));
    let tables = Tables::write(&batch(vec![
        ("txt", text),
        ("fine_label", labels),
        ("img", images(1)),
    ]));
    let columns =
        |image: &str, label: Option<&str>| Columns::default().with_image(image).with_label(label);
    for source in tables.open(&columns("img", Some("fine_label"))) {
        assert_eq!(
            source.unwrap().read(0, Vec::new()).unwrap().target,
            Target::Class(4)
        );
    }
    for label in [None, Some("label")] {
        for source in tables.open(&columns("img", label)) {
            assert_eq!(
                source.unwrap().read(0, Vec::new()).unwrap().target,
                Target::None
            );
        }
    }
    for (wanted, text) in [
        (
            columns("scan", None),
            "no column \"scan\" for the images; the columns are [\"txt\", \"fine_label\", \"img\"]",
        ),
        (
            columns("img", Some("coarse")),
            "no column \"coarse\" for the labels",
        ),
        (
            columns("txt", None),
            "the column \"txt\" has type Utf8; expected binary",
        ),
        (
            columns("img", Some("txt")),
            "the column \"txt\" has type Utf8; expected integers",
        ),
        (
            columns("img", Some("img")),
            "is named for images and labels",
        ),
    ] {
        for source in tables.open(&wanted) {
            let error = source.err().expect("an error");
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.message().contains(text), "{error}");
        }
    }
}

#[test]
fn a_table_without_rows_is_an_error() {
    for source in Tables::write(&batch(vec![("image", images(0))])).open(&Columns::default()) {
        assert!(
            source
                .err()
                .expect("an error")
                .message()
                .ends_with("no rows")
        );
    }
}

#[test]
fn files_that_name_other_classes_are_not_mixed() {
    let tables = Tables::write(&make::hugging_face(&make::tiny(), &["cat", "dog"]));
    let other = make::hugging_face(&make::tiny(), &["dog", "cat"]);
    std::fs::write(tables.path("y.arrow"), make::arrow_stream(&other, 2)).unwrap();
    let error = ArrowFile::open(tables.0.path()).unwrap_err();
    assert!(
        error
            .message()
            .contains("y.arrow: its class names differ from those of"),
        "{error}"
    );
}

#[test]
fn what_pyarrow_wrote_is_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/pyarrow");
    for name in [
        "hf.arrow",
        "view.arrow",
        "uncompressed.arrow",
        "snappy.parquet",
        "lz4.parquet",
        "gzip.parquet",
    ] {
        let source = feedmill::source::open(folder.join(name)).unwrap();
        assert_eq!(source.len(), 3, "{name}");
        let rows: Vec<_> = (0..3)
            .map(|id| source.read(id, Vec::new()).unwrap())
            .collect();
        let targets: Vec<_> = rows.iter().map(|row| row.target.clone()).collect();
        assert_eq!(targets, [2, 0, 1].map(Target::Class), "{name}");
        let last = if name.starts_with("hf") || name.ends_with("parquet") {
            204
        } else {
            205
        };
        assert_eq!(
            rows.iter().map(|row| row.bytes.len()).collect::<Vec<_>>(),
            [204, 204, last],
            "{name}"
        );
    }
    for (name, said) in [
        ("lz4.arrow", "the buffers are compressed (LZ4_FRAME)"),
        (
            "zstd.parquet",
            "row group 0: the column \"image.bytes\" is compressed with ZSTD, \
             which is not built in",
        ),
    ] {
        let error = feedmill::source::open(folder.join(name))
            .err()
            .expect("an error");
        assert_eq!(error.kind(), Kind::Unsupported);
        assert!(error.message().contains(said), "{error}");
    }
}

#[test]
fn columns_that_annotate_images_are_read_by_name_and_type() {
    let json = StringArray::from(vec![
        Some("before the slice"),
        Some(r#"{"boxes": [[1, 2, 3, 4, 5]]}"#),
        None,
        Some(r#"{"boxes": [[1, 2]]}"#),
    ]);
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n of a mask";
    let mask = LargeBinaryArray::from(vec![None, Some(PNG), None, None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("annotations", Arc::new(json)),
        ("image", images(4)),
        ("seg.mask", Arc::new(mask)),
    ];
    let whole = batch(columns);
    let (tables, plain) = (
        Tables::write(&whole.slice(1, 3)),
        Tables::write(&batch(vec![("image", images(3))])),
    );
    let sources = tables
        .open(&Columns::default())
        .into_iter()
        .zip(plain.open(&Columns::default()));
    for (source, plain) in sources {
        let (source, plain) = (source.unwrap(), plain.unwrap());
        let first = source.annotations(0).unwrap().unwrap();
        assert_eq!((first.boxes.len(), first.boxes[0].class), (1, 5));
        assert_eq!(
            (&first.planes[0].name[..], &first.planes[0].bytes[..]),
            ("seg", PNG)
        );
        assert!(
            source.annotations(1).unwrap().is_none() && plain.annotations(0).unwrap().is_none()
        );
        let error = source.annotations(2).unwrap_err();
        assert_eq!((error.kind(), error.sample()), (Kind::Corrupt, Some(2)));
        assert!(
            error
                .message()
                .contains("row 2: column \"annotations\": boxes[0] = [1,2]"),
            "{error}"
        );
        assert_ne!(source.fingerprint(), plain.fingerprint());
    }
    // Columns with these names and other types are not annotations.
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let others = vec![
        ("image", images(3)),
        ("annotations", Arc::clone(&numbers)),
        ("seg.mask", numbers),
    ];
    for source in Tables::write(&batch(others)).open(&Columns::default()) {
        assert!(source.unwrap().annotations(0).unwrap().is_none());
    }
}

#[test]
fn labels_and_columns_are_read_without_images() {
    let labels = Int32Array::from(vec![Some(3), None, Some(0), Some(7)]);
    let words: DictionaryArray<Int8Type> = vec![Some("b"), Some("a"), None, Some("b")]
        .into_iter()
        .collect();
    let tables = Tables::write(&batch(vec![
        (
            "name",
            Arc::new(StringArray::from(vec!["x", "ä", "", "x"])) as ArrayRef,
        ),
        ("image", images(4)),
        (
            "score",
            Arc::new(Float64Array::from(vec![
                Some(0.5),
                Some(-1.0),
                None,
                Some(1e300),
            ])),
        ),
        ("label", Arc::new(labels)),
        (
            "flag",
            Arc::new(BooleanArray::from(vec![true, false, true, false])),
        ),
        ("word", Arc::new(words)),
    ]));
    for source in tables.open(&Columns::default()) {
        let source = source.unwrap();
        let mut targets = Vec::new();
        let mut each = |id: u64, target| {
            assert_eq!(id, targets.len() as u64);
            targets.push(target);
            Ok(())
        };
        source.labels(&mut each).unwrap();
        assert_eq!(
            targets,
            [
                Target::Class(3),
                Target::None,
                Target::Class(0),
                Target::Class(7)
            ]
        );
        let column = |name: &str| {
            let mut texts = Vec::new();
            let found = source.column(name, &mut |id, text| {
                assert_eq!(id, texts.len() as u64);
                texts.push(text.to_owned());
                Ok(())
            });
            found.map(|found| found.then_some(texts))
        };
        let texts = |name: &str| column(name).unwrap().unwrap();
        assert_eq!(texts("name"), ["x", "ä", "", "x"]);
        assert_eq!(texts("score")[..3], ["0.5", "-1", ""]);
        assert_eq!(texts("score")[3].parse::<f64>().unwrap(), 1e300);
        assert_eq!(texts("flag"), ["true", "false", "true", "false"]);
        assert_eq!(texts("word"), ["b", "a", "", "b"]);
        assert_eq!(column("other").unwrap(), None);
        let error = column("image").unwrap_err();
        assert!(
            error.kind() == Kind::Config && error.to_string().contains("expected numbers"),
            "{error}"
        );
    }
}

#[test]
fn batches_go_by_a_column_of_the_table() {
    use feedmill::{Loader, Recipe};
    let photos = make::photos();
    let images: BinaryArray = photos.iter().map(|photo| Some(&photo.bytes)).collect();
    let groups: Int32Array = (0..10).map(|row| Some(row % 3)).collect();
    let tables = Tables::write(&batch(vec![
        ("image", Arc::new(images) as ArrayRef),
        ("cluster", Arc::new(groups)),
    ]));
    let recipe = r#"
        batch = 2
        [sampler]
        kind = "grouped"
        by = "cluster"
        [[view]]
        ops = [{ op = "resize", size = [8, 8] }]
    "#;
    for source in tables.open(&Columns::default()) {
        let loader = Loader::builder()
            .source(source.unwrap())
            .recipe(Recipe::from_toml(recipe).unwrap())
            .build()
            .unwrap();
        assert_eq!(loader.batches(), 6);
        for index in 0..6 {
            let batch = loader.reference_batch(0, index).unwrap();
            let groups: Vec<u32> = batch
                .samples()
                .iter()
                .map(|sample| (sample % 3) as u32)
                .collect();
            assert!(groups[0] == groups[1] && batch.groups() == Some(&groups));
        }
    }
}
