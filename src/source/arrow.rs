//! Arrow IPC: files (Feather v2) and streams, read from a mapping without a copy.
//!
//! The Arrow columnar format, "Serialization and Interprocess Communication (IPC)", defines a
//! stream of messages: a schema, then dictionaries and batches of rows, each a prefix with its
//! length, metadata as a flatbuffer and a body of buffers. A file is such a stream between two
//! magics, with a footer that lists the positions of its messages. Both are read message by message
//! with the `FileDecoder` of the crate `arrow-ipc`, which makes arrays that point into the mapping;
//! the `StreamReader` of the crate reads through `std::io::Read`, which copies every buffer.
//!
//! The decoder trusts much of what a message says, and panics over some of it. So
//! [`MessageReader::message`] first checks that buffers lie inside the body and that lengths are
//! lengths; [`catch_panic`] turns the remaining panics into errors; and a cell is read with bounds
//! checks each time, because another process may change a mapped file after it was validated.

use std::path::{Path, PathBuf};

use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::{Block, MessageHeader, MetadataVersion};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use bytes::Bytes;

use super::arrow_columns::{Table, TableLayout, catch_panic};
use super::format::{Format, data_files};
use super::{Access, Columns, Source};
use crate::error::{Error, Kind, Result};
use crate::sample::{Annotations, Codec, Fingerprint, FingerprintBuilder, Payload, Sample, Target};
use crate::storage::mmap;
use crate::storage::names;

/// Images in Arrow IPC files or streams, read from a mapping without a copy.
///
/// The first bytes tell the file format (Feather v2) from the stream format, which Hugging Face's
/// `datasets` writes. A folder stands for its `.arrow` and `.feather` files, sorted by the bytes of
/// their names. Everything except the images themselves is validated when the file is opened.
/// Compressed buffers are refused.
///
/// The fingerprint covers the number of rows, the size of every image and every label. It does not
/// cover the bytes of the images, because that would need to read all of them.
///
/// # Cutting a file short
///
/// A mapped file that another process cuts short ends this process by SIGBUS, as with every
/// mapping.
///
/// # Example: the names of the columns of an Arrow file
///
/// ```
/// use feedmill::source::{ArrowFile, Columns, Source};
///
/// # fn open() -> feedmill::Result<()> {
/// let columns = Columns::default().with_image("jpeg").with_label("category");
/// let source = ArrowFile::open_with("train.arrow", &columns)?;
/// println!("{} samples", source.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ArrowFile {
    files: Vec<MappedFile>,
    batches: Vec<RowBatch>,
    rows: u64,
    classes: Vec<String>,
    fingerprint: Fingerprint,
}

/// One file.
#[derive(Debug)]
struct MappedFile {
    path: PathBuf,
    bytes: Bytes,
    /// The first sample.
    first: u64,
}

/// One batch of rows.
#[derive(Debug)]
struct RowBatch {
    /// The first sample.
    first: u64,
    /// The file, as a position in `ArrowFile::files`.
    file: usize,
    table: Table,
}

impl ArrowFile {
    /// Opens a file, or the files of a folder, with the columns `image` and `label`.
    ///
    /// # Errors
    ///
    /// Those of [`ArrowFile::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<ArrowFile> {
        ArrowFile::open_with(path, &Columns::default())
    }

    /// Opens a file, or the files of a folder, with columns of other names.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if a file cannot be read, [`Kind::Truncated`] if it ends too early,
    /// [`Kind::Corrupt`] if it contradicts itself, [`Kind::Unsupported`] for compressed buffers or
    /// big-endian data, [`Kind::Config`] if a column is missing or of another type, if there are no
    /// rows, or if files of a folder name different classes.
    #[expect(clippy::missing_panics_doc, reason = "a file has a layout or an error")]
    pub fn open_with(path: impl AsRef<Path>, columns: &Columns) -> Result<ArrowFile> {
        let path = path.as_ref();
        let mut source = ArrowFile {
            files: Vec::new(),
            batches: Vec::new(),
            rows: 0,
            classes: Vec::new(),
            fingerprint: Fingerprint(0),
        };
        for (index, path) in data_files(path, Format::Arrow)?.into_iter().enumerate() {
            let bytes = mmap::map(&path)?;
            let place = names::readable(path.as_os_str().as_encoded_bytes());
            let found = read_tables(&bytes, &|schema| {
                TableLayout::find(schema, columns).map(Some)
            });
            let (layout, tables) = found
                .map_err(|error| error.at(&place))?
                .expect("a layout or an error");
            if index == 0 {
                source.classes = layout.classes;
            } else if source.classes != layout.classes {
                return Err(Error::config(format!(
                    "{place}: its class names differ from those of {}; open them apart",
                    source.files[0].path.display()
                )));
            }
            let file = source.files.len();
            source.files.push(MappedFile {
                path,
                bytes,
                first: source.rows,
            });
            for table in tables {
                let first = source.rows;
                source.rows = first
                    .checked_add(table.rows() as u64)
                    .ok_or_else(|| Error::corrupt(format!("{place}: more than 2^64 rows")))?;
                source.batches.push(RowBatch { first, file, table });
            }
        }
        if source.rows == 0 {
            return Err(Error::config(format!("{}: no rows", path.display())));
        }
        let mut sum = FingerprintBuilder::default();
        sum.push(b"arrow");
        source
            .classes
            .iter()
            .for_each(|class| sum.push(class.as_bytes()));
        source
            .batches
            .iter()
            .for_each(|batch| batch.table.hash_into(&mut sum));
        source.fingerprint = sum.finish();
        Ok(source)
    }

    /// Returns the batch that holds a sample, and the row in it.
    fn find(&self, id: u64) -> Option<(&RowBatch, usize)> {
        if id >= self.rows {
            return None;
        }
        let after = self.batches.partition_point(|batch| batch.first <= id);
        let batch = &self.batches[after.checked_sub(1)?];
        Some((batch, (id - batch.first) as usize))
    }
}

impl Source for ArrowFile {
    fn len(&self) -> u64 {
        self.rows
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    fn name(&self, id: u64) -> String {
        let Some((batch, _)) = self.find(id) else {
            return format!("sample {id}");
        };
        let file = &self.files[batch.file];
        let name = file.path.file_name().unwrap_or_default();
        format!(
            "{}: row {}",
            names::readable(name.as_encoded_bytes()),
            id - file.first
        )
    }

    fn size(&self, id: u64) -> u64 {
        self.find(id)
            .and_then(|(batch, row)| batch.table.cell(row).ok())
            .map_or(0, |cell| cell.len() as u64)
    }

    fn read(&self, id: u64, _buf: Vec<u8>) -> Result<Sample> {
        let (batch, row) = self
            .find(id)
            .ok_or_else(|| super::no_such_sample(id, self.rows))?;
        let file = &self.files[batch.file];
        let read = || {
            let cell = batch.table.cell(row)?;
            let codec = Codec::sniff(cell)?;
            let inside = file.bytes.as_ptr_range().contains(&cell.as_ptr());
            // A cell lies outside of the mapping if the decoder had to copy its buffer to align it.
            let bytes = if inside {
                file.bytes.slice_ref(cell)
            } else {
                Bytes::copy_from_slice(cell)
            };
            Ok(Sample {
                bytes: Payload::Shared(bytes),
                codec,
                target: batch.table.target(row)?,
            })
        };
        read().map_err(|error: Error| {
            let path = names::readable(file.path.as_os_str().as_encoded_bytes());
            error
                .at(format_args!("{path}: row {}", id - file.first))
                .with_sample(id)
        })
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        for batch in &self.batches {
            for row in 0..batch.table.rows() {
                let id = batch.first + row as u64;
                let target = batch
                    .table
                    .target(row)
                    .map_err(|error| error.at(self.name(id)).with_sample(id))?;
                each(id, target)?;
            }
        }
        Ok(())
    }

    fn column(&self, name: &str, each: &mut dyn FnMut(u64, &str) -> Result<()>) -> Result<bool> {
        for file in &self.files {
            let place = || names::readable(file.path.as_os_str().as_encoded_bytes());
            let found = read_tables(&file.bytes, &|schema| {
                TableLayout::single_value(schema, name)
            });
            let Some((_, tables)) = found.map_err(|error| error.at(place()))? else {
                return Ok(false);
            };
            let rows = tables
                .iter()
                .flat_map(|table| (0..table.rows()).map(move |row| (table, row)));
            for (id, (table, row)) in (file.first..).zip(rows) {
                each(
                    id,
                    &table
                        .text(row)
                        .map_err(|error| error.at(place()).with_sample(id))?,
                )?;
            }
        }
        Ok(true)
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        let (batch, row) = self
            .find(id)
            .ok_or_else(|| super::no_such_sample(id, self.rows))?;
        batch.table.annotations(row).map_err(|error| {
            let file = &self.files[batch.file];
            let path = names::readable(file.path.as_os_str().as_encoded_bytes());
            error
                .at(format_args!("{path}: row {}", id - file.first))
                .with_sample(id)
        })
    }

    fn access(&self) -> Access {
        Access::Immediate
    }

    fn classes(&self) -> Option<&[String]> {
        (!self.classes.is_empty()).then_some(&self.classes)
    }
}

/// The first and last bytes of a file. At the start, 2 bytes of padding follow.
const MAGIC: &[u8; 6] = b"ARROW1";
/// The first 4 bytes of every message since Arrow 0.15. Before that, a message starts with its
/// length.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// A function that chooses the columns to read from a schema; `None` if the schema has none of
/// them.
type ChooseColumns<'a> = &'a dyn Fn(&Schema) -> Result<Option<TableLayout>>;

/// A layout with its tables; `None` if the function chose no column of the schema.
type TablesResult = Result<Option<(TableLayout, Vec<Table>)>>;

/// Reads all tables of a file or stream.
fn read_tables(bytes: &Bytes, choose: ChooseColumns<'_>) -> TablesResult {
    match bytes.starts_with(MAGIC) {
        true => read_file(bytes, choose),
        false => read_stream(bytes, choose),
    }
}

/// Reads the tables of a file, in the order in which its footer lists the messages.
fn read_file(bytes: &Bytes, choose: ChooseColumns<'_>) -> TablesResult {
    let len = bytes.len();
    let cut = || {
        Error::new(
            Kind::Truncated,
            format!(
                "the file of {len} bytes does not end with a footer and \"ARROW1\": \
                 it was cut or not finished"
            ),
        )
    };
    let tail = bytes
        .last_chunk::<10>()
        .filter(|_| len >= 8 + 10)
        .ok_or_else(cut)?;
    if !tail.ends_with(MAGIC) {
        return Err(cut());
    }
    let damaged =
        |what: String| Error::corrupt(format!("the footer before byte {}: {what}", len - 10));
    let footer_len = read_footer_length(*tail).map_err(|error| damaged(error.to_string()))?;
    let footer_at = (len - 10).checked_sub(footer_len).filter(|&at| at >= 8);
    let footer_at = footer_at
        .ok_or_else(|| damaged(format!("it has {footer_len} bytes, the file has {len}")))?;
    // The footer is copied, because a flatbuffer has to be aligned and the file does not align it.
    let footer = bytes[footer_at..len - 10].to_vec();
    let footer = arrow_ipc::root_as_footer(&footer).map_err(|error| damaged(error.to_string()))?;
    let schema = convert_schema(footer.schema().ok_or_else(|| damaged("no schema".into()))?)?;
    let Some(layout) = choose(&schema)? else {
        return Ok(None);
    };
    let mut reader = MessageReader::new(bytes, schema, footer.version(), layout);
    // Dictionaries first, because batches refer to them.
    let blocks = footer
        .dictionaries()
        .into_iter()
        .flatten()
        .chain(footer.recordBatches().into_iter().flatten());
    for block in blocks {
        let at = usize::try_from(block.offset()).ok();
        let meta = usize::try_from(block.metaDataLength()).ok();
        let body = usize::try_from(block.bodyLength()).ok();
        match (at, meta, body) {
            (Some(at), Some(meta), Some(body)) => reader.message(at, meta, body)?,
            _ => {
                return Err(damaged(format!(
                    "a block with a negative place or length: {block:?}"
                )));
            }
        }
    }
    Ok(Some((reader.layout, reader.tables)))
}

/// Reads the tables of a stream, message after message.
fn read_stream(bytes: &Bytes, choose: ChooseColumns<'_>) -> TablesResult {
    let mut at = 0;
    let mut reader: Option<MessageReader<'_>> = None;
    loop {
        let Some((prefix, size)) = message_size(&bytes[at..]) else {
            if at == bytes.len() && reader.is_some() {
                // A stream may also end without a mark. A file that was cut between two messages
                // looks the same, so this is worth a warning.
                tracing::warn!(
                    rows = reader.as_ref().map_or(0, MessageReader::rows),
                    "an Arrow stream without an end mark"
                );
                break;
            }
            return Err(truncated_message(at, bytes.len()));
        };
        if size == 0 {
            break;
        }
        let meta = prefix
            .checked_add(size)
            .filter(|&meta| meta <= bytes.len() - at);
        let meta = match meta {
            Some(meta) => meta,
            // A first word that is neither the mark nor a length that fits: these bytes are not
            // Arrow.
            None if reader.is_none() && prefix == 4 => {
                return Err(Error::corrupt(format!(
                    "not an Arrow IPC file or stream: its {} bytes begin neither with \"ARROW1\" \
                     nor with a message",
                    bytes.len()
                )));
            }
            None => return Err(truncated_message(at, bytes.len())),
        };
        let message = arrow_ipc::root_as_message(&bytes[at + prefix..at + meta])
            .map_err(|error| Error::corrupt(format!("byte {at}: not an Arrow message: {error}")))?;
        let body = usize::try_from(message.bodyLength()).map_err(|_| {
            Error::corrupt(format!(
                "byte {at}: a body of {} bytes",
                message.bodyLength()
            ))
        })?;
        // The first message has to be the schema; every later one is decoded with it.
        match (&mut reader, message.header_as_schema()) {
            (None, Some(found)) => {
                let schema = convert_schema(found)?;
                let Some(layout) = choose(&schema)? else {
                    return Ok(None);
                };
                reader = Some(MessageReader::new(bytes, schema, message.version(), layout));
            }
            (None, None) => {
                return Err(Error::corrupt(format!(
                    "byte {at}: the stream begins with a message of type {:?}, expected a schema",
                    message.header_type()
                )));
            }
            (Some(reader), _) => reader.message(at, meta, body)?,
        }
        let next = at
            .checked_add(meta)
            .and_then(|end| end.checked_add(body))
            .filter(|&next| next <= bytes.len());
        at = next.ok_or_else(|| truncated_message(at, bytes.len()))?;
    }
    match reader {
        Some(reader) => Ok(Some((reader.layout, reader.tables))),
        None => Err(Error::new(
            Kind::Truncated,
            "an Arrow stream without a schema",
        )),
    }
}

/// The error for a message that does not fit into the file.
fn truncated_message(at: usize, len: usize) -> Error {
    Error::new(
        Kind::Truncated,
        format!(
            "the message at byte {at} reaches beyond the end of the file at byte {len}: \
             the file was cut"
        ),
    )
}

/// Returns the lengths of the prefix of a message and of its metadata; `None` if the bytes end
/// before them. A length of 0 ends a stream.
fn message_size(bytes: &[u8]) -> Option<(usize, usize)> {
    let word = |at: usize| {
        bytes
            .get(at..at + 4)
            .and_then(|word| <[u8; 4]>::try_from(word).ok())
    };
    match word(0)? {
        CONTINUATION => Some((8, u32::from_le_bytes(word(4)?) as usize)),
        legacy => Some((4, u32::from_le_bytes(legacy) as usize)),
    }
}

/// Converts a schema, and refuses other byte orders than that of this machine.
fn convert_schema(schema: arrow_ipc::Schema<'_>) -> Result<SchemaRef> {
    if !schema.endianness().equals_to_target_endianness() {
        return Err(Error::new(
            Kind::Unsupported,
            "the file was written with another byte order than this machine's; write it anew here",
        ));
    }
    let schema =
        try_fb_to_schema(schema).map_err(|error| Error::corrupt(format!("the schema: {error}")))?;
    Ok(schema.into())
}

/// Decodes messages, after checking what the decoder would trust or panic about.
struct MessageReader<'a> {
    bytes: &'a Bytes,
    buffer: Buffer,
    decoder: FileDecoder,
    layout: TableLayout,
    tables: Vec<Table>,
}

impl<'a> MessageReader<'a> {
    fn new(
        bytes: &'a Bytes,
        schema: SchemaRef,
        version: MetadataVersion,
        layout: TableLayout,
    ) -> MessageReader<'a> {
        let decoder = FileDecoder::new(schema, version).with_projection(layout.projection.clone());
        MessageReader {
            bytes,
            buffer: Buffer::from(bytes.clone()),
            decoder,
            layout,
            tables: Vec::new(),
        }
    }

    fn rows(&self) -> usize {
        self.tables.iter().map(Table::rows).sum()
    }

    /// Decodes the message at position `at`: `meta` bytes of prefix and metadata, then `body` bytes
    /// of buffers.
    fn message(&mut self, at: usize, meta: usize, body: usize) -> Result<()> {
        let place = |error: Error| error.at(format_args!("byte {at}"));
        let end = at.checked_add(meta).and_then(|end| end.checked_add(body));
        if end.is_none_or(|end| end > self.bytes.len()) {
            return Err(truncated_message(at, self.bytes.len()));
        }
        let header = self.bytes.slice(at..at + meta);
        let prefix = message_size(&header)
            .map(|(prefix, _)| prefix)
            .filter(|&prefix| prefix <= meta);
        let prefix = prefix.ok_or_else(|| place(Error::corrupt("a message without a length")))?;
        let message = arrow_ipc::root_as_message(&header[prefix..])
            .map_err(|error| place(Error::corrupt(format!("not an Arrow message: {error}"))))?;
        let batch = match message.header_type() {
            MessageHeader::RecordBatch => message.header_as_record_batch(),
            MessageHeader::DictionaryBatch => message
                .header_as_dictionary_batch()
                .and_then(|batch| batch.data()),
            MessageHeader::NONE => return Ok(()),
            other => {
                return Err(place(Error::corrupt(format!(
                    "a message of type {other:?}, expected a batch of rows"
                ))));
            }
        };
        let batch = batch.ok_or_else(|| place(Error::corrupt("a message without its batch")))?;
        check_batch(&batch, body as u64).map_err(place)?;
        let block = Block::new(
            at as i64,
            i32::try_from(meta).map_err(|_| truncated_message(at, self.bytes.len()))?,
            body as i64,
        );
        let data = self.buffer.slice_with_length(at, meta + body);
        let damaged =
            |error: ArrowError| place(Error::corrupt(format!("a damaged batch: {error}")));
        if message.header_type() == MessageHeader::DictionaryBatch {
            let read = || self.decoder.read_dictionary(&block, &data);
            return catch_panic("the dictionary", read)
                .map_err(place)?
                .map_err(damaged);
        }
        let read = || self.decoder.read_record_batch(&block, &data);
        if let Some(batch) = catch_panic("the batch", read)
            .map_err(place)?
            .map_err(damaged)?
        {
            let table = self.layout.table(&batch).map_err(place)?;
            self.tables.push(table);
        }
        Ok(())
    }
}

/// Checks what a batch says about itself: buffers lie inside the body, lengths and counts are
/// possible, nothing is compressed.
fn check_batch(batch: &arrow_ipc::RecordBatch<'_>, body: u64) -> Result<()> {
    if let Some(compression) = batch.compression() {
        return Err(Error::new(
            Kind::Unsupported,
            format!(
                "the buffers are compressed ({:?}), which gains nothing for images; \
                 write the file without compression",
                compression.codec()
            ),
        ));
    }
    for (index, buffer) in batch.buffers().into_iter().flatten().enumerate() {
        let (start, length) = (
            u64::try_from(buffer.offset()).ok(),
            u64::try_from(buffer.length()).ok(),
        );
        let end = start
            .zip(length)
            .and_then(|(start, length)| start.checked_add(length));
        if end.is_none_or(|end| end > body) {
            return Err(Error::corrupt(format!(
                "buffer {index} has {} bytes at {} of a body of {body}",
                buffer.length(),
                buffer.offset()
            )));
        }
    }
    // Rows of null columns take no bytes, so the number of rows cannot be compared with the body.
    // This bound only keeps sums of lengths from overflowing.
    let rows = 0..=(1i64 << 40);
    if !rows.contains(&batch.length()) {
        return Err(Error::corrupt(format!(
            "a batch of {} rows",
            batch.length()
        )));
    }
    for (index, node) in batch.nodes().into_iter().flatten().enumerate() {
        if !rows.contains(&node.length()) || !(0..=node.length()).contains(&node.null_count()) {
            return Err(Error::corrupt(format!(
                "array {index} has {} rows, {} of them null",
                node.length(),
                node.null_count()
            )));
        }
    }
    Ok(())
}
