//! Writes entropy indexes of JPEGs beside data sets that cannot hold them.
//!
//! With an index, a crop is decoded without the rows above it ([`crate::decode::jpeg::Index`]).
//! Shards that [`convert`](crate::convert) writes hold their indexes themselves. For folders, tars,
//! Arrow and Parquet files the indexes are in a file beside the data, which [`source::open`] finds.
//! The data are not changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use feedmill_macros::Accessors;

use crate::decode::{self, Decoder, Limits};
use crate::error::{Error, Kind, Result, catch};
use crate::parallel;
use crate::sample::Payload;
use crate::source::indexed::IndexFileWriter;
pub use crate::source::indexed::path_of;
use crate::source::{self, Format, Source};
use crate::storage::disk::System;
use crate::verify::BadSample;

/// Samples that a thread indexes between two writes.
const BLOCK: u64 = 64;

/// How an index is made.
///
/// # Example: index on two threads
///
/// ```
/// use feedmill::index::Options;
///
/// let options = Options::default().with_jobs(2);
/// assert_eq!(options.jobs(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Accessors)]
#[non_exhaustive]
pub struct Options {
    /// The format of the data; detected by default.
    #[accessor(copy)]
    pub(crate) format: Option<Format>,
    /// The number of threads. 0, the default, is one for each core.
    pub(crate) jobs: usize,
    /// The largest image that is accepted; a larger one is bad.
    pub(crate) limits: Limits,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The path of the index file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Samples of the data set.
    pub samples: u64,
    /// Samples that have an index. The others are not JPEGs, or are progressive, CMYK, very small,
    /// or bad.
    pub indexed: u64,
    /// Encoded bytes read.
    pub bytes_in: u64,
    /// Samples that cannot be read or decoded, by number.
    pub bad: Vec<BadSample>,
}

/// Writes the entropy index of the data set at `data` to the path that [`path_of`] returns,
/// replacing a file that is there.
///
/// The file is a function of the data. It appears complete or not at all. The run ends soon after
/// `stop` is set. `progress` is called with the number of samples done and the number of all
/// samples, from all threads.
///
/// # Errors
///
/// Those of [`source::open`]; [`Kind::Io`] if the file cannot be written; [`Kind::Stopped`] after
/// `stop`. Bad samples are in the report.
///
/// # Example: index a folder
///
/// ```
/// use std::fs;
/// use std::sync::atomic::AtomicBool;
///
/// use feedmill::{index, source};
///
/// let folder = tempfile::tempdir().unwrap();
/// let data = folder.path().join("photos");
/// fs::create_dir(&data).unwrap();
/// let photo = "fixtures/photos/still/Wine_by_Jakkub_Mede.jpg";
/// fs::copy(photo, data.join("1.jpg")).unwrap();
///
/// let never_stop = AtomicBool::new(false);
/// let report = index::write(&data, &index::Options::default(), &never_stop, &|_, _| {})?;
/// assert_eq!(report.path, index::path_of(&data)?); // photos.jpeg-index
/// assert_eq!((report.samples, report.bad.len()), (1, 0));
/// let indexed = source::open(&data)?; // finds the index
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn write(
    data: &Path,
    options: &Options,
    stop: &AtomicBool,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Report> {
    let format = options.format.map_or_else(|| source::detect(data), Ok)?;
    let source = source::open_bare(data, format)?;
    let path = path_of(data)?;
    let mut writer = IndexFileWriter::create(Arc::new(System), &path)?;
    let mut report = Report {
        path,
        samples: source.len(),
        ..Report::default()
    };
    let jobs = parallel::threads(options.jobs);
    let mut workers: Vec<Worker> = (0..jobs).map(|_| Worker::default()).collect();
    let done = AtomicU64::new(0);
    let mut first = 0;
    while first < source.len() {
        let end = source.len().min(first + BLOCK * jobs as u64);
        let stopped = || stop.load(Ordering::Relaxed);
        let indexes =
            parallel::for_each_ordered(first..end, &mut workers, stopped, |worker, id| {
                let index = catch(|| worker.index(&*source, id, &options.limits));
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, source.len());
                index
            });
        if stopped() {
            return Err(Error::new(
                Kind::Stopped,
                "indexing was stopped; nothing was written",
            ));
        }
        for (id, index) in indexes {
            match index {
                Ok((size, index)) => {
                    report.bytes_in = report.bytes_in.saturating_add(size);
                    report.indexed += u64::from(index.is_some());
                    writer.push(index.as_deref().unwrap_or_default())?;
                }
                Err(error) => {
                    let (kind, message) = (error.kind(), error.message().to_owned());
                    report.bad.push(BadSample {
                        sample: id,
                        name: source.name(id),
                        kind,
                        message,
                    });
                    writer.push(&[])?;
                }
            }
        }
        first = end;
    }
    report.bytes = writer.finish(&*source)?;
    Ok(report)
}

/// The buffers of one thread.
#[derive(Default)]
struct Worker {
    buf: Vec<u8>,
    decoder: Decoder,
}

impl Worker {
    /// Returns the size of a sample in bytes, and its index if it has one.
    fn index(
        &mut self,
        source: &dyn Source,
        id: u64,
        limits: &Limits,
    ) -> Result<(u64, Option<Vec<u8>>)> {
        let sample = source.read(id, std::mem::take(&mut self.buf))?;
        let indexed = decode::probe(&sample.bytes, sample.codec, limits)
            .and_then(|probe| self.decoder.index(&sample.bytes, &probe))
            .map_err(|error| error.at(source.name(id)));
        let size = sample.bytes.len() as u64;
        if let Payload::Owned(buf) = sample.bytes {
            self.buf = buf;
        }
        Ok((size, indexed?))
    }
}
