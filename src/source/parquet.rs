//! Parquet: row groups that are decoded on demand.
//!
//! A Parquet file stores each column of a row group (some thousands of rows) as one chunk of
//! encoded, usually compressed pages, and its footer says where the chunks are. There is no way to
//! read one row, so reading a sample decodes the image and label columns of its whole row group;
//! the decoded groups are kept in a [`Cache`]. Decoding only the page that holds a row would need
//! the optional page index, which many writers leave out, and would still decompress a page for
//! each image.
//!
//! The crate `parquet` decodes. This file checks what the crate would trust: sizes and positions of
//! chunks are compared with the file before a group is decoded, so that a hostile footer cannot ask
//! for more memory than [`MAX_GROUP`]; and a panic of the crate on damaged bytes becomes an error.

mod cache;

use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use self::cache::Cache;
use super::arrow_columns::{Table, TableLayout, catch_panic};
use super::format::{Format, data_files};
use super::{Columns, Source};
use crate::error::{Error, Kind, Result};
use crate::sample::{Annotations, Codec, Fingerprint, FingerprintBuilder, Payload, Sample, Target};
use crate::storage::{names, positioned};

/// The largest row group that is decoded, in uncompressed bytes of the columns that are read: 4
/// GiB.
const MAX_GROUP: u64 = 4 << 30;

/// The most rows of one table in memory. A row group becomes several tables.
const TABLE_ROWS: usize = 1024;

/// Images in Parquet files. A folder stands for its `.parquet` files, sorted by the bytes of their
/// names.
///
/// # Reading in random order is slow
///
/// Parquet cannot read a single row: a row group is decoded as a whole, often some hundred
/// megabytes. Decoded groups are kept in a cache that all threads share (256 MiB by default). Each
/// group is decoded by one thread, and other threads that need it wait. That works for rows in
/// order, or in blocks; a shuffle over the whole file decodes a group for nearly every sample.
/// Shuffle in blocks, or convert the data to shards.
///
/// Memory is at most that of the cache plus one group for each thread that reads.
///
/// The fingerprint covers the size and the footer of each file. The footer lists every row group
/// and column chunk.
///
/// # Example: the names of the columns of an Parquet file
///
/// ```
/// use feedmill::source::{Parquet, Columns, Source};
///
/// # fn open() -> feedmill::Result<()> {
/// let columns = Columns::default().with_image("jpeg").with_label("category");
/// let source = Parquet::open_with("train.parquet", &columns, Parquet::CACHE)?;
/// println!("{} samples", source.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Parquet {
    files: Vec<ParquetFile>,
    groups: Vec<RowGroup>,
    rows: u64,
    classes: Vec<String>,
    fingerprint: Fingerprint,
    cache: Cache<Vec<Table>>,
}

/// One file with its footer.
#[derive(Debug)]
struct ParquetFile {
    file: Arc<positioned::PositionedFile>,
    metadata: ArrowReaderMetadata,
    layout: TableLayout,
    /// The first sample.
    first: u64,
}

/// One row group.
#[derive(Debug)]
struct RowGroup {
    /// The first sample.
    first: u64,
    rows: u64,
    /// The file, as a position in `Parquet::files`.
    file: usize,
    /// The number of the row group in its file.
    index: usize,
    /// Bytes of an image, on average.
    size: u64,
}

impl Parquet {
    /// The default size of the cache of decoded row groups in bytes: 256 MiB.
    pub const CACHE: u64 = 256 << 20;

    /// Opens a file, or the files of a folder, with the columns `image` and `label` and a cache of
    /// [`Parquet::CACHE`] bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Parquet::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Parquet> {
        Parquet::open_with(path, &Columns::default(), Parquet::CACHE)
    }

    /// Opens a file, or the files of a folder, with columns of other names and a cache of `cache`
    /// bytes, which holds at least one row group.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if a file cannot be read, [`Kind::Truncated`] if it has no footer at its end,
    /// [`Kind::Corrupt`] if the footer is damaged, [`Kind::Unsupported`] for encryption and for
    /// compression other than Snappy, LZ4 and gzip, [`Kind::Limit`] for a row group above 4 GiB,
    /// [`Kind::Config`] if a column is missing or of another type, if there are no rows, or if
    /// files of a folder name different classes.
    pub fn open_with(path: impl AsRef<Path>, columns: &Columns, cache: u64) -> Result<Parquet> {
        let path = path.as_ref();
        let mut source = Parquet {
            files: Vec::new(),
            groups: Vec::new(),
            rows: 0,
            classes: Vec::new(),
            fingerprint: Fingerprint(0),
            cache: Cache::new(cache),
        };
        let mut sum = FingerprintBuilder::default();
        sum.push(b"parquet");
        for path in data_files(path, Format::Parquet)? {
            let file = Arc::new(positioned::PositionedFile::open(&path)?);
            source
                .add_file(file, columns, &mut sum)
                .map_err(|error| error.at(readable(&path)))?;
        }
        if source.rows == 0 {
            return Err(Error::config(format!("{}: no rows", path.display())));
        }
        source.fingerprint = sum.finish();
        Ok(source)
    }

    /// Checks the footer of a file and adds its row groups.
    fn add_file(
        &mut self,
        file: Arc<positioned::PositionedFile>,
        columns: &Columns,
        sum: &mut FingerprintBuilder,
    ) -> Result<()> {
        let footer = footer(&file)?;
        sum.push(&file.len().to_le_bytes());
        sum.push(&footer);
        let metadata = call_crate("the footer", || {
            ArrowReaderMetadata::load(
                &PositionedReader(Arc::clone(&file)),
                ArrowReaderOptions::new(),
            )
        })?;
        let layout = TableLayout::find(metadata.schema(), columns)?;
        if self.files.is_empty() {
            self.classes.clone_from(&layout.classes);
        } else if self.classes != layout.classes {
            return Err(Error::config(format!(
                "its class names differ from those of {}; open them apart",
                self.files[0].file.path().display()
            )));
        }
        let number = self.files.len();
        let file_first = self.rows;
        for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
            let place = |error: Error| error.at(format_args!("row group {index}"));
            let rows = u64::try_from(group.num_rows())
                .map_err(|_| place(Error::corrupt(format!("{} rows", group.num_rows()))))?;
            let (stored, images) =
                check_chunks(metadata.metadata(), index, &layout, file.len()).map_err(place)?;
            // The number of rows comes from the footer alone, so it is compared with the bytes: a
            // row takes at least a bit in some column, apart from an allowance of 2^20 rows.
            if rows > stored.saturating_mul(8).saturating_add(1 << 20) {
                return Err(place(Error::corrupt(format!(
                    "{rows} rows in {stored} bytes"
                ))));
            }
            if let Some(size) = images.checked_div(rows) {
                self.groups.push(RowGroup {
                    first: self.rows,
                    rows,
                    file: number,
                    index,
                    size,
                });
                self.rows = self
                    .rows
                    .checked_add(rows)
                    .ok_or_else(|| Error::corrupt("more than 2^64 rows"))?;
            }
        }
        // The file is closed and opened again for each row group, because a data set may have more
        // files than a process may have open. A group is large, so opening it costs little.
        let mut file = file;
        if let Some(file) = Arc::get_mut(&mut file) {
            file.release();
        }
        self.files.push(ParquetFile {
            file,
            metadata,
            layout,
            first: file_first,
        });
        Ok(())
    }

    /// Returns the row group that holds a sample, with its position in `groups`.
    fn find_group(&self, id: u64) -> Option<(usize, &RowGroup)> {
        if id >= self.rows {
            return None;
        }
        let number = self
            .groups
            .partition_point(|group| group.first <= id)
            .checked_sub(1)?;
        Some((number, &self.groups[number]))
    }

    /// Decodes the columns of a row group that samples need. Returns its tables and their bytes in
    /// memory.
    fn load_group(&self, group: &RowGroup) -> Result<(Vec<Table>, u64)> {
        self.load_columns(group, &self.files[group.file].layout)
    }

    /// Decodes the columns of a layout in a row group. Returns its tables and their bytes in
    /// memory.
    fn load_columns(&self, group: &RowGroup, layout: &TableLayout) -> Result<(Vec<Table>, u64)> {
        let ParquetFile { file, metadata, .. } = &self.files[group.file];
        let batches = call_crate("the row group", || {
            let mask =
                ProjectionMask::roots(metadata.parquet_schema(), layout.projection.iter().copied());
            let handle = PositionedReader(Arc::clone(file));
            ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata.clone())
                .with_projection(mask)
                .with_row_groups(vec![group.index])
                .with_batch_size(TABLE_ROWS)
                .build()?
                .map(|batch| batch.map_err(ParquetError::from))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let tables = batches
            .iter()
            .map(|batch| layout.table(batch))
            .collect::<Result<Vec<_>>>()?;
        let found: u64 = tables.iter().map(|table| table.rows() as u64).sum();
        if found != group.rows {
            return Err(Error::corrupt(format!(
                "{found} rows, expected {} by the footer",
                group.rows
            )));
        }
        let memory = tables.iter().map(Table::memory).sum();
        Ok((tables, memory))
    }

    /// Calls `read` with the table and the row in it that hold a sample, decoding the row group if
    /// it is not in the cache.
    fn read_row<T>(&self, id: u64, read: impl FnOnce(&Table, usize) -> Result<T>) -> Result<T> {
        let (number, group) = self
            .find_group(id)
            .ok_or_else(|| super::no_such_sample(id, self.rows))?;
        let ParquetFile { file, first, .. } = &self.files[group.file];
        let find_and_read = || {
            let tables = self
                .cache
                .get(number, || self.load_group(group))
                .map_err(|error| error.at(format_args!("row group {}", group.index)))?;
            let mut row = (id - group.first) as usize;
            let mut tables = tables.iter();
            let table = loop {
                let table = tables
                    .next()
                    .ok_or_else(|| Error::corrupt("the row is missing from its row group"))?;
                if row < table.rows() {
                    break table;
                }
                row -= table.rows();
            };
            read(table, row)
        };
        find_and_read().map_err(|error: Error| {
            error
                .at(format_args!(
                    "{}: row {}",
                    readable(file.path()),
                    id - first
                ))
                .with_sample(id)
        })
    }

    /// Calls `each` with every row of a row group, decoding only the columns of `layout`. It
    /// bypasses the cache, since each group is visited once.
    fn for_each_row(
        &self,
        group: &RowGroup,
        layout: &TableLayout,
        mut each: impl FnMut(u64, &Table, usize) -> Result<()>,
    ) -> Result<()> {
        let file = &self.files[group.file];
        let place = |error: Error| {
            error.at(format_args!(
                "{}: row group {}",
                readable(file.file.path()),
                group.index
            ))
        };
        let (tables, _) = self.load_columns(group, layout).map_err(place)?;
        let rows = tables
            .iter()
            .flat_map(|table| (0..table.rows()).map(move |row| (table, row)));
        for (id, (table, row)) in (group.first..).zip(rows) {
            each(id, table, row).map_err(|error| place(error).with_sample(id))?;
        }
        Ok(())
    }
}

impl Source for Parquet {
    fn len(&self) -> u64 {
        self.rows
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    fn name(&self, id: u64) -> String {
        let Some((_, group)) = self.find_group(id) else {
            return format!("sample {id}");
        };
        let ParquetFile { file, first, .. } = &self.files[group.file];
        let name = file.path().file_name().unwrap_or_default();
        format!(
            "{}: row {}",
            names::readable(name.as_encoded_bytes()),
            id - first
        )
    }

    /// Returns the average of the row group: the size of one image is known only after decoding the
    /// group.
    fn size(&self, id: u64) -> u64 {
        self.find_group(id).map_or(0, |(_, group)| group.size)
    }

    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample> {
        self.read_row(id, |table, row| {
            let cell = table.cell(row)?;
            let codec = Codec::sniff(cell)?;
            // The image is copied, because a slice would keep its whole row group in memory for as
            // long as the sample is in the pipeline.
            let mut bytes = positioned::sized(buf, cell.len() as u64)?;
            bytes.copy_from_slice(cell);
            Ok(Sample {
                bytes: Payload::Owned(bytes),
                codec,
                target: table.target(row)?,
            })
        })
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        for group in &self.groups {
            match self.files[group.file].layout.labels() {
                Some(layout) => self.for_each_row(group, &layout, |id, table, row| {
                    each(id, table.target(row)?)
                })?,
                None => (group.first..group.first + group.rows)
                    .try_for_each(|id| each(id, Target::None))?,
            }
        }
        Ok(())
    }

    fn column(&self, name: &str, each: &mut dyn FnMut(u64, &str) -> Result<()>) -> Result<bool> {
        for group in &self.groups {
            let ParquetFile { file, metadata, .. } = &self.files[group.file];
            let place = |error: Error| error.at(readable(file.path()));
            let Some(layout) = TableLayout::single_value(metadata.schema(), name).map_err(place)?
            else {
                return Ok(false);
            };
            check_chunks(metadata.metadata(), group.index, &layout, file.len()).map_err(place)?;
            self.for_each_row(group, &layout, |id, table, row| each(id, &table.text(row)?))?;
        }
        Ok(true)
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        self.read_row(id, Table::annotations)
    }

    fn classes(&self) -> Option<&[String]> {
        (!self.classes.is_empty()).then_some(&self.classes)
    }
}

fn readable(path: &Path) -> String {
    names::readable(path.as_os_str().as_encoded_bytes())
}

/// Reads the bytes of the footer: the file ends with the footer, its length as a u32, and `PAR1`.
fn footer(file: &positioned::PositionedFile) -> Result<Vec<u8>> {
    let cut = || {
        Error::new(
            Kind::Truncated,
            format!(
                "the file of {} bytes does not end with a footer and \"PAR1\": it was cut",
                file.len()
            ),
        )
    };
    let tail_at = file.len().checked_sub(8).ok_or_else(cut)?;
    let mut tail = [0; 8];
    if file.read(tail_at, &mut tail)? < tail.len() {
        return Err(cut());
    }
    let [a, b, c, d, magic @ ..] = tail;
    match &magic {
        b"PAR1" => {}
        b"PARE" => {
            return Err(Error::new(
                Kind::Unsupported,
                "the file is encrypted; decrypt it",
            ));
        }
        _ => return Err(cut()),
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let start = tail_at
        .checked_sub(length)
        .filter(|&start| start >= 4)
        .ok_or_else(|| {
            Error::corrupt(format!(
                "a footer of {length} bytes in a file of {}",
                file.len()
            ))
        })?;
    let mut footer = positioned::sized(Vec::new(), length)?;
    let found = file.read(start, &mut footer)?;
    if found < footer.len() {
        return Err(cut());
    }
    Ok(footer)
}

/// Checks the chunks of the columns that are read. Returns the bytes of these columns (stored or
/// decoded, whichever is more) and the decoded bytes of the image column.
fn check_chunks(
    metadata: &ParquetMetaData,
    group: usize,
    layout: &TableLayout,
    len: u64,
) -> Result<(u64, u64)> {
    let group = metadata.row_group(group);
    let descr = metadata.file_metadata().schema_descr();
    let (mut stored, mut decoded, mut images) = (0u64, 0u64, 0u64);
    for (leaf, chunk) in group.columns().iter().enumerate() {
        let root = descr.get_column_root_idx(leaf);
        if !layout.projection.contains(&root) {
            continue;
        }
        let name = chunk.column_path();
        match chunk.compression() {
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::GZIP(_)
            | Compression::LZ4
            | Compression::LZ4_RAW => {}
            other => {
                let other = other.to_string();
                // The crate writes `ZSTD(ZstdLevel(1))`; people know it as `ZSTD`.
                let other = other.split('(').next().unwrap_or_default();
                return Err(Error::new(
                    Kind::Unsupported,
                    format!(
                        "the column {name} is compressed with {other}, which is not built in; \
                         write it with snappy, or without compression, \
                         which gains nothing for images"
                    ),
                ));
            }
        }
        let sizes = u64::try_from(chunk.compressed_size())
            .ok()
            .zip(u64::try_from(chunk.uncompressed_size()).ok());
        // A chunk starts with its dictionary page, if it has one.
        let start = chunk
            .dictionary_page_offset()
            .unwrap_or(chunk.data_page_offset())
            .min(chunk.data_page_offset());
        let start = u64::try_from(start).ok();
        let (compressed, uncompressed) =
            sizes.ok_or_else(|| Error::corrupt(format!("{name}: a negative size")))?;
        let end = start.and_then(|start| start.checked_add(compressed));
        if end.is_none_or(|end| end > len) {
            return Err(Error::new(
                Kind::Truncated,
                format!("{name}: {compressed} bytes at {start:?} of a file of {len} bytes"),
            ));
        }
        stored = stored.saturating_add(compressed);
        decoded = decoded.saturating_add(uncompressed);
        if Some(&root) == layout.projection.first() {
            images = images.saturating_add(uncompressed);
        }
    }
    if decoded > MAX_GROUP {
        return Err(Error::new(
            Kind::Limit,
            format!("{decoded} bytes; the limit is {MAX_GROUP}: write smaller row groups"),
        ));
    }
    Ok((stored.max(decoded), images))
}

/// Calls the Parquet crate and turns its errors and panics into ours.
fn call_crate<T>(what: &str, read: impl FnOnce() -> parquet::errors::Result<T>) -> Result<T> {
    match catch_panic(what, read)? {
        Ok(value) => Ok(value),
        Err(ParquetError::External(cause)) => match cause.downcast::<Error>() {
            // One of our errors, from `PositionedReader`, that went through the crate.
            Ok(error) => Err(*error),
            Err(cause) => Err(Error::corrupt(format!("{what} is damaged: {cause}"))),
        },
        Err(error) => {
            let kind = if matches!(error, ParquetError::EOF(_)) {
                Kind::Truncated
            } else {
                Kind::Corrupt
            };
            Err(Error::new(kind, format!("{what} is damaged: {error}")))
        }
    }
}

/// A file for the Parquet crate. The reader of the crate for `std::fs::File` moves the position of
/// the file, which all threads share; this one reads by position.
struct PositionedReader(Arc<positioned::PositionedFile>);

impl Length for PositionedReader {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for PositionedReader {
    type T = BufReader<SequentialReader>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(SequentialReader {
            file: Arc::clone(&self.0),
            at: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let external = |error: Error| ParquetError::External(Box::new(error));
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > self.0.len())
        {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} of a file of {} bytes",
                self.0.len()
            )));
        }
        let mut bytes = positioned::sized(Vec::new(), length as u64).map_err(external)?;
        let found = self.0.read(start, &mut bytes).map_err(external)?;
        if found < length {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start}: the file ends after {found}"
            )));
        }
        Ok(bytes.into())
    }
}

/// Reads on from a position.
struct SequentialReader {
    file: Arc<positioned::PositionedFile>,
    at: u64,
}

impl io::Read for SequentialReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let found = self.file.read(self.at, buf).map_err(io::Error::other)?;
        self.at = self.at.saturating_add(found as u64);
        Ok(found)
    }
}
