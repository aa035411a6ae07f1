//! Entropy indexes in a file beside the data, for forms that have no room for them:
//! `train.jpeg-index` beside `train`.
//!
//! docs/FORMAT.md has the layout. The file is mapped; opening it reads its table of positions, a
//! cell is looked at when its sample is read. Each cell has a checksum and says of which bytes it
//! is, and the file says of which data set.

use std::ffi::OsString;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::{Access, Source};
use crate::error::{Error, Kind, Result};
use crate::sample::{Annotations, Fingerprint, Sample, Target};
use crate::storage::disk::{Disk, Temp};
use crate::storage::mmap::Mapping;

const MAGIC: [u8; 16] = *b"\x89feedmill.jpgi\x01\n";
const TAIL_MAGIC: [u8; 8] = *b"JPGIEND\n";
const TAIL: usize = 48;

/// Where the entropy index of a data set is, if it is not in the data: the path with `.jpeg-index`
/// behind its name.
///
/// # Errors
///
/// [`Kind::Io`] if the path has no name of its own (`.`) and cannot be resolved, [`Kind::Config`]
/// for a root.
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

/// An open index.
struct Sidecar {
    map: Mapping,
    /// Where each cell starts in the file, then the end of the last: rising, within the file.
    positions: Vec<u64>,
}

impl Sidecar {
    /// Opens the index of a data set; `None` if there is no such file.
    fn open(path: &Path, data: &dyn Source) -> Result<Option<Sidecar>> {
        // A look before the open, which would wait at a pipe.
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
        let parsed = Sidecar::parse(Mapping::new(&file, path)?, data);
        parsed.map(Some).map_err(|error| error.in_file(path))
    }

    fn parse(map: Mapping, data: &dyn Source) -> Result<Sidecar> {
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
                    "the entropy index is of other data ({samples} samples, fingerprint {fingerprint}) than is there \
                     now ({}, {}): run `feedmill index` again, or remove the file",
                    data.len(),
                    data.fingerprint()
                ),
            ));
        }
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
        Ok(Sidecar { map, positions })
    }

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

/// Writes the index of a data set, cell by cell in the order of samples, under its name at the end.
pub(crate) struct SidecarWriter {
    temp: Temp,
    positions: Vec<u8>,
    at: u64,
}

impl SidecarWriter {
    pub(crate) fn create(disk: Arc<dyn Disk>, path: &Path) -> Result<SidecarWriter> {
        let mut temp = Temp::create(disk, path)?;
        temp.write(&MAGIC)?;
        Ok(SidecarWriter {
            temp,
            positions: Vec::new(),
            at: MAGIC.len() as u64,
        })
    }

    /// The cell of the next sample; empty for none.
    pub(crate) fn push(&mut self, cell: &[u8]) -> Result<()> {
        self.temp.write(cell)?;
        self.positions.extend(self.at.to_le_bytes());
        self.at += cell.len() as u64;
        Ok(())
    }

    /// Makes the file durable under its name; gives its size.
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

/// A source with an entropy index beside it.
struct Indexed {
    source: Box<dyn Source>,
    sidecar: Sidecar,
}

/// The source with the entropy index that lies beside its data, if one does.
///
/// # Errors
///
/// [`Kind::Mismatch`] for the index of other data, [`Kind::Corrupt`] for a damaged one,
/// [`Kind::Io`].
pub(super) fn attach(data: &Path, source: Box<dyn Source>) -> Result<Box<dyn Source>> {
    let Ok(path) = path_of(data) else {
        return Ok(source);
    };
    Ok(match Sidecar::open(&path, &*source)? {
        Some(sidecar) => Box::new(Indexed { source, sidecar }),
        None => source,
    })
}

// A method that is not passed on would fall back to its default in silence.
#[deny(clippy::missing_trait_methods)]
impl Source for Indexed {
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

    fn read(&self, id: u64, spare: Vec<u8>) -> Result<Sample> {
        self.source.read(id, spare)
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        self.source.annotations(id)
    }

    fn jpeg_index(&self, id: u64) -> Result<Option<Bytes>> {
        match self.sidecar.cell(id)? {
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

    fn frame(&self, id: u64) -> Option<(u32, u32)> {
        self.source.frame(id)
    }

    fn uniform_frame(&self) -> Option<(u32, u32)> {
        self.source.uniform_frame()
    }
}
