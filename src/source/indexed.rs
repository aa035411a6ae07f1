//! Entropy indexes in a file beside the data, for formats that cannot hold them: `train.jpeg-index`
//! beside `train`.
//!
//! "An index beside other data" in `docs/FORMAT.md` is the layout: the cells of all samples end to
//! end, a table of their positions, a tail. The file is mapped. Opening it reads the table, and a
//! cell is read together with its sample, so a data set of any size opens quickly.
//!
//! A stale index must not be used in silence. The file names the fingerprint of its data set and is
//! refused if the data have another one; each cell has the checksum of its JPEG, which finds an
//! image that was replaced by one of the same name and size.

use std::ffi::OsString;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::{Access, Source};
use crate::error::{Error, Kind, Result};
use crate::geometry::Size;
use crate::sample::{Annotations, Fingerprint, Sample, Target};
use crate::storage::disk::{Disk, Temp};
use crate::storage::mmap::Mapping;

/// The first bytes of the file: a byte with the high bit set, a name, the version, a newline.
const MAGIC: [u8; 16] = *b"\x89feedmill.jpgi\x01\n";
/// The last bytes of the file.
const TAIL_MAGIC: [u8; 8] = *b"JPGIEND\n";
/// Length of the tail in bytes.
const TAIL: usize = 48;

/// Returns the path of the entropy index of a data set that cannot hold one itself: its own path
/// with `.jpeg-index` appended to the name.
///
/// # Errors
///
/// [`Kind::Io`] if the path has no name (such as `.`) and cannot be resolved, [`Kind::Config`] for
/// the root of a file system.
///
/// # Example: where the index of a folder is
///
/// ```
/// use std::path::Path;
///
/// use feedmill::index;
///
/// let path = index::path_of(Path::new("fixtures/photos"))?;
/// assert_eq!(path.file_name().unwrap(), "photos.jpeg-index");
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn path_of(data: &Path) -> Result<PathBuf> {
    let resolved;
    let data = if data.file_name().is_some() {
        data
    } else {
        resolved =
            std::fs::canonicalize(data).map_err(|error| Error::io("resolve", data, error))?;
        &resolved
    };
    let Some(name) = data.file_name() else {
        return Err(Error::config(format!(
            "{}: no file can lie beside it",
            data.display()
        )));
    };
    let mut name = OsString::from(name);
    name.push(".jpeg-index");
    Ok(data.with_file_name(name))
}

/// An open index file.
struct IndexFile {
    map: Mapping,
    /// Where each cell starts in the file, then where the last one ends. They never fall and lie
    /// within the file, as was checked at open.
    positions: Vec<u64>,
}

impl IndexFile {
    /// Opens the index of a data set; `None` if the file does not exist.
    fn open(path: &Path, data: &dyn Source) -> Result<Option<IndexFile>> {
        // The type is checked first, because opening a named pipe would block.
        let found = match std::fs::metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", path, error)),
        };
        if !found.is_file() {
            return Err(Error::config(format!(
                "{}: expected an entropy index, found no file",
                path.display()
            )));
        }
        let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
        let parsed = IndexFile::parse(Mapping::new(&file, path)?, data);
        parsed.map(Some).map_err(|error| error.in_file(path))
    }

    /// Checks a mapped file: magics, checksums, the data set that it belongs to, and the table of
    /// positions.
    fn parse(map: Mapping, data: &dyn Source) -> Result<IndexFile> {
        let damaged = |what: &str| {
            Error::corrupt(format!(
                "{what}: the entropy index is damaged; run `feedmill index` again or remove it"
            ))
        };
        let bytes = map.whole();
        if bytes.len() < MAGIC.len() + TAIL || bytes[..16] != MAGIC || !bytes.ends_with(&TAIL_MAGIC)
        {
            return Err(damaged("it does not begin and end like an entropy index"));
        }
        let tail = &bytes[bytes.len() - TAIL..];
        let word = |at: usize| u64::from_le_bytes(tail[at..at + 8].try_into().expect("8 bytes"));
        if crc32c::crc32c(&tail[..TAIL - 12]).to_le_bytes() != tail[TAIL - 12..TAIL - 8] {
            return Err(damaged("the tail does not have its checksum"));
        }
        let fingerprint = Fingerprint(u128::from(word(0)) | u128::from(word(8)) << 64);
        let samples = word(16);
        if fingerprint != data.fingerprint() || samples != data.len() {
            return Err(Error::new(
                Kind::Mismatch,
                format!(
                    "the entropy index is of other data \
                     ({samples} samples, fingerprint {fingerprint}) \
                     than is there now ({}, {}): run `feedmill index` again, or remove the file",
                    data.len(),
                    data.fingerprint()
                ),
            ));
        }
        // The number of samples is compared with the room for the table before the table is read,
        // so that no file makes this allocate more than its own length.
        let table_end = bytes.len() - TAIL;
        let entries = usize::try_from(samples).ok().and_then(|n| n.checked_add(1));
        let table = entries.and_then(|n| table_end.checked_sub(n.checked_mul(8)?));
        let Some(table) = table.filter(|start| *start >= MAGIC.len()) else {
            return Err(damaged(&format!(
                "no room for the table of {samples} samples"
            )));
        };
        let stored = &bytes[table..table_end];
        if crc32c::crc32c(stored).to_le_bytes() != tail[24..28] {
            return Err(damaged("the table of positions does not have its checksum"));
        }
        let positions: Vec<u64> = stored
            .as_chunks::<8>()
            .0
            .iter()
            .map(|&position| u64::from_le_bytes(position))
            .collect();
        let (first, last) = (positions[0], positions[positions.len() - 1]);
        if first != MAGIC.len() as u64 || last != table as u64 || !positions.is_sorted() {
            return Err(damaged("the table of positions contradicts itself"));
        }
        Ok(IndexFile { map, positions })
    }

    /// Returns the index of a sample; `None` if it has none.
    fn cell(&self, id: u64) -> Result<Option<Bytes>> {
        let Some([start, end, ..]) = usize::try_from(id)
            .ok()
            .and_then(|id| self.positions.get(id..))
        else {
            return Ok(None);
        };
        let range: Range<usize> = *start as usize..*end as usize;
        if range.is_empty() {
            Ok(None)
        } else {
            self.map.range(range).map(Some)
        }
    }
}

/// Writes the index file of a data set, cell by cell in the order of samples. The file gets its
/// name when it is finished.
pub(crate) struct IndexFileWriter {
    temp: Temp,
    positions: Vec<u8>,
    /// The position in the file at which the next cell goes.
    at: u64,
}

impl IndexFileWriter {
    /// Starts the index file that will be at `path`.
    pub(crate) fn create(disk: Arc<dyn Disk>, path: &Path) -> Result<IndexFileWriter> {
        let mut temp = Temp::create(disk, path)?;
        temp.write(&MAGIC)?;
        Ok(IndexFileWriter {
            temp,
            positions: Vec::new(),
            at: MAGIC.len() as u64,
        })
    }

    /// Adds the cell of the next sample; an empty one means that the sample has no index.
    pub(crate) fn push(&mut self, cell: &[u8]) -> Result<()> {
        self.temp.write(cell)?;
        self.positions.extend(self.at.to_le_bytes());
        self.at += cell.len() as u64;
        Ok(())
    }

    /// Writes table and tail, makes the file durable under its name, and returns its size in bytes.
    pub(crate) fn finish(mut self, data: &dyn Source) -> Result<u64> {
        self.positions.extend(self.at.to_le_bytes());
        let mut tail = Vec::with_capacity(TAIL);
        tail.extend(data.fingerprint().0.to_le_bytes());
        tail.extend(data.len().to_le_bytes());
        tail.extend(crc32c::crc32c(&self.positions).to_le_bytes());
        tail.extend([0; 8]);
        tail.extend(crc32c::crc32c(&tail).to_le_bytes());
        tail.extend(TAIL_MAGIC);
        self.temp.write(&self.positions)?;
        self.temp.write(&tail)?;
        self.temp.seal()?;
        Ok(self.at + self.positions.len() as u64 + TAIL as u64)
    }
}

/// A source together with the index file beside its data.
struct IndexedSource {
    source: Box<dyn Source>,
    index: IndexFile,
}

/// Returns the source with the entropy index that lies beside its data, or the source itself if
/// there is none.
///
/// # Errors
///
/// [`Kind::Mismatch`] for the index of other data, [`Kind::Corrupt`] for a damaged one,
/// [`Kind::Io`] if it cannot be read.
pub(super) fn attach(data: &Path, source: Box<dyn Source>) -> Result<Box<dyn Source>> {
    let Ok(path) = path_of(data) else {
        return Ok(source);
    };
    Ok(match IndexFile::open(&path, &*source)? {
        Some(index) => Box::new(IndexedSource { source, index }),
        None => source,
    })
}

// Every method is passed on: one that is missing here would fall back to its default in silence.
#[deny(clippy::missing_trait_methods)]
impl Source for IndexedSource {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.source.fingerprint()
    }

    fn name(&self, id: u64) -> String {
        self.source.name(id)
    }

    fn size(&self, id: u64) -> u64 {
        self.source.size(id)
    }

    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample> {
        self.source.read(id, buf)
    }

    fn read_ahead(&self, id: u64) {
        self.source.read_ahead(id);
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        self.source.annotations(id)
    }

    fn jpeg_index(&self, id: u64) -> Result<Option<Bytes>> {
        match self.index.cell(id)? {
            Some(cell) => Ok(Some(cell)),
            None => self.source.jpeg_index(id),
        }
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        self.source.labels(each)
    }

    fn column(&self, name: &str, each: &mut dyn FnMut(u64, &str) -> Result<()>) -> Result<bool> {
        self.source.column(name, each)
    }

    fn access(&self) -> Access {
        self.source.access()
    }

    fn classes(&self) -> Option<&[String]> {
        self.source.classes()
    }

    fn class_count(&self) -> Option<u32> {
        self.source.class_count()
    }

    fn image_size(&self, id: u64) -> Option<Size> {
        self.source.image_size(id)
    }

    fn uniform_size(&self) -> Option<Size> {
        self.source.uniform_size()
    }
}
