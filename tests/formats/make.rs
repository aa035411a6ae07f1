//! Writes the data sets of the tests in every format: the photographs of `fixtures/photos`, or a
//! few tiny files.
//!
//! The crates `tar`, `arrow` and `parquet` do the writing. feedmill has no writer for these
//! formats, and a reader that is tested with its own writer would only agree with itself.

use std::fs;
use std::path::{Path, PathBuf};

/// An image and its class.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) class: u32,
}

/// The ten photographs in the order in which a folder is read: by class, then by file name.
pub(crate) fn photos() -> Vec<Sample> {
    let root = photos_path();
    let mut samples = Vec::new();
    for class in sorted(&root) {
        for file in sorted(&root.join(&class)) {
            let bytes = fs::read(root.join(&class).join(&file)).unwrap();
            samples.push(Sample {
                name: format!("{class}/{file}"),
                bytes,
                class: 0,
            });
        }
    }
    let classes = sorted(&root);
    for sample in &mut samples {
        let class = sample.name.split('/').next().unwrap();
        sample.class = classes.iter().position(|name| name == class).unwrap() as u32;
    }
    assert_eq!(samples.len(), 10, "the photographs in fixtures/photos");
    samples
}

pub(crate) fn photos_path() -> PathBuf {
    // The package that includes this file is the root of the repository or in `crates`.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("fixtures/photos"))
        .find(|photos| photos.is_dir())
        .unwrap()
}

/// Five files of 50 to 90 bytes that begin like JPEGs: so small that a mutation of a data set often
/// hits the container and not a sample.
pub(crate) fn tiny() -> Vec<Sample> {
    (0..5u8)
        .map(|n| Sample {
            name: format!("{}/{n}.jpg", ["cat", "dog"][usize::from(n % 2)]),
            bytes: [
                &[0xff, 0xd8, 0xff, n],
                &vec![n; 46 + 10 * usize::from(n)][..],
            ]
            .concat(),
            class: u32::from(n % 2),
        })
        .collect()
}

fn sorted(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A tar in the convention of webdataset: each image is followed by a member `NAME.cls` with its
/// class.
pub(crate) fn tar(samples: &[Sample]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    for sample in samples {
        add(&sample.name, &sample.bytes);
        let key = sample.name.rsplit_once('.').unwrap().0;
        add(&format!("{key}.cls"), sample.class.to_string().as_bytes());
    }
    tar.into_inner().unwrap()
}

#[cfg(feature = "arrow")]
pub(crate) use tables::*;

#[cfg(feature = "arrow")]
mod tables {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray};
    use arrow_ipc::writer::{FileWriter, StreamWriter};
    use arrow_schema::{DataType, Field, Schema};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::Compression;
    use parquet::file::properties::WriterProperties;

    use super::Sample;

    /// A table with the columns `image` (binary) and `label` (64-bit integers).
    pub(crate) fn plain(samples: &[Sample]) -> RecordBatch {
        let images: BinaryArray = samples.iter().map(|sample| Some(&sample.bytes)).collect();
        let labels: Int64Array = samples
            .iter()
            .map(|sample| Some(i64::from(sample.class)))
            .collect();
        RecordBatch::try_from_iter([
            ("image", Arc::new(images) as ArrayRef),
            ("label", Arc::new(labels) as ArrayRef),
        ])
        .unwrap()
    }

    /// A table as Hugging Face's `datasets` writes it: an image is a struct of bytes and path, a
    /// column of captions stands between label and image, and the class names are in the metadata.
    pub(crate) fn hugging_face(samples: &[Sample], names: &[&str]) -> RecordBatch {
        let bytes: BinaryArray = samples.iter().map(|sample| Some(&sample.bytes)).collect();
        let paths: StringArray = samples.iter().map(|sample| Some(&sample.name)).collect();
        let image = StructArray::from(vec![
            (
                Arc::new(Field::new("bytes", DataType::Binary, true)),
                Arc::new(bytes) as ArrayRef,
            ),
            (
                Arc::new(Field::new("path", DataType::Utf8, true)),
                Arc::new(paths.clone()) as ArrayRef,
            ),
        ]);
        let labels: Int64Array = samples
            .iter()
            .map(|sample| Some(i64::from(sample.class)))
            .collect();
        let schema = Schema::new(vec![
            Field::new("label", DataType::Int64, true),
            Field::new("caption", DataType::Utf8, true),
            Field::new("image", arrow_array::Array::data_type(&image).clone(), true),
        ]);
        let note = serde_json::json!({"info": {"features": {
            "image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}}});
        let schema = schema.with_metadata([("huggingface".to_owned(), note.to_string())]);
        RecordBatch::try_new(
            schema.into(),
            vec![Arc::new(labels), Arc::new(paths), Arc::new(image)],
        )
        .unwrap()
    }

    /// Cuts a table into slices of `rows` rows. They share buffers with the whole, so a writer must
    /// respect their offsets.
    fn slices(batch: &RecordBatch, rows: usize) -> Vec<RecordBatch> {
        let starts = (0..batch.num_rows()).step_by(rows);
        starts
            .map(|start| batch.slice(start, rows.min(batch.num_rows() - start)))
            .collect()
    }

    /// An Arrow IPC file with record batches of `rows` rows.
    pub(crate) fn arrow_file(batch: &RecordBatch, rows: usize) -> Vec<u8> {
        let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        slices(batch, rows)
            .iter()
            .for_each(|slice| writer.write(slice).unwrap());
        writer.into_inner().unwrap()
    }

    /// An Arrow IPC stream with record batches of `rows` rows.
    pub(crate) fn arrow_stream(batch: &RecordBatch, rows: usize) -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        slices(batch, rows)
            .iter()
            .for_each(|slice| writer.write(slice).unwrap());
        writer.into_inner().unwrap()
    }

    /// A Parquet file with row groups of `rows` rows.
    pub(crate) fn parquet(batch: &RecordBatch, rows: usize, compression: Compression) -> Vec<u8> {
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(rows))
            .set_compression(compression)
            .build();
        let mut bytes = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        bytes
    }
}
