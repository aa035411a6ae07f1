//! Converts any source into a folder of shards.
//!
//! The result is a function of the source and the options alone. Where one shard ends and the next
//! one begins follows from the sizes that the source states; each shard is an independent job; and
//! nothing that depends on time, on the number of threads or on an earlier interrupted run gets
//! into a file. So a conversion may be ended at any moment, by anything, and resumed: shards under
//! their final names are complete and are kept after a check, and the rest is written again.
//!
//! The obvious alternative, a journal of what has been written, would be a second truth beside the
//! files: it has to be written and synced in the right order with them, and still says nothing
//! about damage. Here the folder itself is the state. Each shard has the fingerprint of its
//! conversion and its number in its header, and its checksums tell whether it is sound.

mod lock;
mod options;
mod reencode;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Kind, Result, catch};
use crate::geometry::Size;
use crate::parallel;
use crate::sample::{Fingerprint, Payload, Plane};
use crate::shard::{
    Backing, Listed, MANIFEST, Manifest, Record, Sealed, Shard, Stamp, Writer, is_leftover,
};
use crate::source::Source;
use crate::storage::disk;
use crate::storage::disk::{Disk, System};
use lock::{LOCK, Lock};
pub use options::Options;
use reencode::Recoder;

/// The quality of new JPEGs if the options ask for none, from 1 to 100.
pub const DEFAULT_QUALITY: u8 = 92;

/// The extra column with the number of each sample in the source, as a little-endian u64. It is
/// written by conversions that may leave samples out.
pub const SOURCE_ID: &str = "source.id";

pub use crate::source::shards::{ANNOTATIONS, PLANES};
use crate::source::shards::{list_planes, read_planes};

/// How far a conversion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Samples done, including those of kept shards and those left out.
    pub samples: u64,
    /// Samples of the source.
    pub total: u64,
    /// Encoded bytes of the samples done, as the source states them.
    pub bytes: u64,
}

/// What a conversion did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Samples in the shards.
    pub samples: u64,
    /// Encoded bytes of the source, as it states them.
    pub bytes_in: u64,
    /// Size of all shards in bytes.
    pub bytes_out: u64,
    /// Shards in the folder.
    pub shards: u64,
    /// How many of these shards an earlier run had written.
    pub kept: u64,
    /// Samples that were left out, in the order of their numbers in the source.
    pub skipped: Vec<SkippedSample>,
}

/// A bad sample that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedSample {
    /// Its number in the source.
    pub sample: u64,
    /// Its name.
    pub name: String,
    /// Why, as a kind.
    pub kind: Kind,
    /// Why, in words.
    pub message: String,
}

/// Converts a source into a folder of shards with a manifest.
///
/// Samples keep their order, and so their numbers, unless bad ones are left out. The conversion
/// ends soon after `stop` is set. `progress` is called from all threads.
///
/// # Errors
///
/// [`Kind::Config`] for options that cannot work and for a `dst` that is not empty (without
/// `resume`); [`Kind::Mismatch`] if `dst` holds another conversion; [`Kind::Io`] if it cannot be
/// written or another conversion is writing there; [`Kind::Stopped`] after `stop`; the kind of a
/// bad image, with its name, unless `skip_bad`. After any error, temporary files are removed, and
/// what has its final name is complete.
///
/// # Example: a folder to shards of small images
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use feedmill::convert::{self, convert};
/// use feedmill::source;
///
/// let folder = tempfile::tempdir().unwrap();
/// let photos = source::open("fixtures/photos")?;
/// let options = convert::Options::default().with_max_side(256).with_shard_size(64 << 20);
/// let never_stop = AtomicBool::new(false);
/// let report = convert(&*photos, folder.path(), &options, &never_stop, &|progress| {
///     println!("{} of {}", progress.samples, progress.total);
/// })?;
/// assert_eq!((report.samples, report.shards), (10, 1));
/// assert_eq!(source::open(folder.path())?.len(), 10);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn convert(
    source: &dyn Source,
    dst: &Path,
    options: &Options,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report> {
    convert_on(Arc::new(System), source, dst, options, stop, progress)
}

/// [`convert`] on a disk that tests can replace.
fn convert_on(
    disk: Arc<dyn Disk>,
    source: &dyn Source,
    dst: &Path,
    options: &Options,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report> {
    options.check()?;
    if source.is_empty() {
        return Err(Error::config("the source has no samples"));
    }
    if !dst.exists() {
        std::fs::create_dir_all(dst).map_err(|error| Error::io("create", dst, error))?;
        disk::sync_parent(&*disk, dst)?;
    }
    let lock = Lock::take(dst)?;
    let parts = split_into_shards(source, options.shard_size);
    let job = Job {
        disk,
        source,
        dst,
        options,
        conversion: options.fingerprint(source.fingerprint()),
        parts: &parts,
        stop,
        halt: AtomicBool::new(false),
        samples: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        progress,
    };
    let present = job.list_present()?;
    let done = job.run(&present)?;
    let report = job.finish(done)?;
    drop(lock);
    Ok(report)
}

/// Returns the samples of each shard: as many as have `shard_size` bytes together by the sizes that
/// the source states, and at least one.
fn split_into_shards(source: &dyn Source, shard_size: u64) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0u64);
    for id in 0..source.len() {
        let with = bytes.saturating_add(source.size(id));
        if with > shard_size && id > start {
            parts.push(start..id);
            (start, bytes) = (id, source.size(id));
        } else {
            bytes = with;
        }
    }
    parts.push(start..source.len());
    parts
}

/// Returns the file name of a shard.
fn shard_name(part: usize) -> String {
    format!("shard-{part:05}.mill")
}

/// A conversion that is running.
struct Job<'a> {
    disk: Arc<dyn Disk>,
    source: &'a dyn Source,
    dst: &'a Path,
    options: &'a Options,
    conversion: Fingerprint,
    parts: &'a [Range<u64>],
    stop: &'a AtomicBool,
    /// Set when one part has failed, so that the other threads end.
    halt: AtomicBool,
    samples: AtomicU64,
    bytes: AtomicU64,
    progress: &'a (dyn Fn(Progress) + Sync),
}

/// A shard that is finished.
struct Done {
    sealed: Sealed,
    kept: bool,
    skipped: Vec<SkippedSample>,
}

impl Job<'_> {
    /// Looks at what is in the folder: removes leftovers, refuses files of another conversion, and
    /// returns the shards that are there by part.
    fn list_present(&self) -> Result<BTreeMap<usize, PathBuf>> {
        let list = || -> std::io::Result<Vec<_>> {
            std::fs::read_dir(self.dst)?
                .map(|entry| Ok(entry?.file_name()))
                .collect()
        };
        let mut names = list().map_err(|error| Error::io("list", self.dst, error))?;
        names.retain(|name| name != LOCK);
        names.sort();
        if !self.options.resume {
            if let Some(first) = names.first() {
                return Err(Error::config(format!(
                    "{}: the folder is not empty (it holds \"{}\"): \
                     choose another, or add --resume to end a conversion that was broken off",
                    self.dst.display(),
                    first.display()
                )));
            }
            return Ok(BTreeMap::new());
        }
        let expected: BTreeMap<String, usize> = (0..self.parts.len())
            .map(|part| (shard_name(part), part))
            .collect();
        let mut present = BTreeMap::new();
        let mut leftovers = Vec::new();
        for name in names {
            let path = self.dst.join(&name);
            let name = name.to_string_lossy();
            if is_leftover(&name) {
                leftovers.push(path);
            } else if name == MANIFEST {
                let found = Manifest::read(self.dst)?.conversion;
                self.expect_conversion(&path, found)?;
            } else if path
                .extension()
                .is_some_and(|extension| extension == "mill")
            {
                let stamp = Shard::stamp_of(&path)?;
                self.expect_conversion(&path, stamp.conversion)?;
                match expected.get(&*name) {
                    Some(part) if *part as u64 == stamp.part => present.insert(*part, path),
                    _ => {
                        return Err(Error::new(
                            Kind::Mismatch,
                            format!(
                                "{}: this is part {} of the conversion under another name: \
                                 remove it",
                                path.display(),
                                stamp.part
                            ),
                        ));
                    }
                };
            }
        }
        // Nothing is removed before everything else was found to belong to this conversion.
        for path in leftovers {
            std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
        }
        Ok(present)
    }

    /// Fails if a file belongs to another conversion.
    fn expect_conversion(&self, path: &Path, found: Fingerprint) -> Result<()> {
        if found == self.conversion {
            return Ok(());
        }
        Err(Error::new(
            Kind::Mismatch,
            format!(
                "{}: it belongs to conversion {found}, this one is {}: \
                 the source or an option differs; choose another folder",
                path.display(),
                self.conversion
            ),
        ))
    }

    /// Runs all parts. Fails with the error of the first part that failed, by number and not by
    /// time, so that the same data give the same error.
    fn run(&self, present: &BTreeMap<usize, PathBuf>) -> Result<Vec<Done>> {
        let jobs = parallel::threads(self.options.jobs).min(self.parts.len());
        let mut workers: Vec<Worker> = (0..jobs).map(|_| Worker::new()).collect();
        let halted = || self.halt.load(Ordering::Relaxed);
        let parts = 0..self.parts.len() as u64;
        let results = parallel::for_each_ordered(parts, &mut workers, halted, |worker, part| {
            let part = part as usize;
            let done = self.part(part, present.get(&part), worker);
            if done.is_err() {
                self.halt.store(true, Ordering::Relaxed);
            }
            done
        });
        // A part that ended because another failed says so last.
        let (mut done, mut stopped) = (Vec::new(), None);
        for (_, result) in results {
            match result {
                Ok(part) => done.push(part),
                Err(error) if error.kind() == Kind::Stopped => stopped = Some(error),
                Err(error) => return Err(error),
            }
        }
        match stopped {
            Some(error) => Err(error),
            None => Ok(done),
        }
    }

    /// Writes the shard of a part, or keeps the one that is there.
    fn part(&self, part: usize, present: Option<&PathBuf>, worker: &mut Worker) -> Result<Done> {
        let ids = self.parts[part].clone();
        if let Some(path) = present
            && let Some(done) = self.keep_shard(path, ids.clone(), worker)?
        {
            return Ok(done);
        }
        let path = self.dst.join(shard_name(part));
        let stamp = Stamp {
            conversion: self.conversion,
            part: part as u64,
        };
        let mut writer = Writer::create_on(self.disk.clone(), &path, stamp)?;
        let mut skipped = Vec::new();
        for id in ids {
            self.check_stop()?;
            if let Err(bad) = self.sample(id, worker, |record, index, planes| {
                let mut planes = planes.iter().map(|plane| &plane.bytes[..]);
                writer.append_with(record, index, &mut planes).map(|_| ())
            })? {
                skipped.push(bad);
            }
            self.advance(id);
        }
        Ok(Done {
            sealed: writer.finish()?,
            kept: false,
            skipped,
        })
    }

    /// Makes a record of one sample and calls `write` with it, its entropy index and its planes.
    /// The inner error is a bad sample to leave out; the outer one ends the conversion.
    fn sample(
        &self,
        id: u64,
        worker: &mut Worker,
        mut write: impl FnMut(&Record<'_>, &[u8], &[Plane]) -> Result<()>,
    ) -> Result<std::result::Result<(), SkippedSample>> {
        let skip_or_fail = |error: Error| {
            if !self.options.skip_bad {
                return Err(error);
            }
            let (kind, message) = (error.kind(), error.message().to_owned());
            Ok(Err(SkippedSample {
                sample: id,
                name: self.source.name(id),
                kind,
                message,
            }))
        };
        let buf = std::mem::take(&mut worker.encoded);
        let sample = match catch(|| self.source.read(id, buf)) {
            Ok(sample) => sample,
            Err(error) => return skip_or_fail(error.with_sample(id)),
        };
        let name = self.source.name(id);
        let number = id.to_le_bytes();
        let mut extra: Vec<(&str, &[u8])> = Vec::new();
        if self.options.skip_bad {
            extra.push((SOURCE_ID, &number));
        }
        let (json, list);
        let recoded = catch(|| {
            let annotations = self.source.annotations(id)?;
            let stored = worker
                .recoder
                .run(&sample.bytes, sample.codec, self.options)?;
            Ok((stored, annotations))
        });
        let done = match recoded {
            Ok((stored, annotations)) => {
                // Boxes and keypoints are in pixels of the stored image; planes keep their own
                // resolution.
                let annotations = annotations.unwrap_or_default().scaled(stored.scale);
                if !annotations.boxes.is_empty() || !annotations.keypoints.is_empty() {
                    json = annotations.to_json();
                    extra.push((ANNOTATIONS, json.as_bytes()));
                }
                if !annotations.planes.is_empty() {
                    list = list_planes(&annotations.planes);
                    extra.push((PLANES, list.as_bytes()));
                }
                let record = Record {
                    bytes: stored.bytes.unwrap_or(&sample.bytes),
                    codec: stored.codec,
                    size: Size::new(stored.width, stored.height),
                    name: &name,
                    target: &sample.target,
                    extra: &extra,
                };
                Ok(write(&record, stored.index, &annotations.planes)?)
            }
            Err(error) => Err(error.at(&name).with_sample(id)),
        };
        if let Payload::Owned(buf) = sample.bytes {
            worker.encoded = buf;
        }
        match done {
            Ok(()) => Ok(Ok(())),
            Err(error) => skip_or_fail(error),
        }
    }

    /// Returns what a manifest needs to know about a shard of an earlier run if it is sound; `None`
    /// if it must be written again.
    fn keep_shard(
        &self,
        path: &Path,
        ids: Range<u64>,
        worker: &mut Worker,
    ) -> Result<Option<Done>> {
        // Read by position, because touching a mapped file that was cut short ends the process.
        let Ok(shard) = Shard::open(path, Backing::Pread) else {
            return Ok(None);
        };
        for record in 0..shard.len() {
            self.check_stop()?;
            match shard.read(record, std::mem::take(&mut worker.encoded)) {
                Ok(Payload::Owned(buf)) => worker.encoded = buf,
                Ok(Payload::Shared(_)) => {}
                Err(_) => return Ok(None),
            }
            if read_planes(&shard, record).is_err() {
                return Ok(None);
            }
        }
        let mut skipped = Vec::new();
        let total = ids.end - ids.start;
        if shard.len() != total {
            // The shard does not record why samples were left out, so they are tried again.
            let mut kept = std::collections::BTreeSet::new();
            for record in 0..shard.len() {
                let Some(id) = shard
                    .extra(SOURCE_ID, record)
                    .and_then(|cell| cell.try_into().ok())
                else {
                    return Ok(None);
                };
                kept.insert(u64::from_le_bytes(id));
            }
            for id in ids.clone().filter(|id| !kept.contains(id)) {
                match self.sample(id, worker, |_, _, _| Ok(()))? {
                    // The sample can be read now, so the shard has to be written with it.
                    Ok(()) => return Ok(None),
                    Err(bad) => skipped.push(bad),
                }
            }
        }
        for id in ids {
            self.advance(id);
        }
        Ok(Some(Done {
            sealed: shard.sealed(),
            kept: true,
            skipped,
        }))
    }

    /// Fails if the conversion was stopped or another part failed.
    fn check_stop(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) || self.halt.load(Ordering::Relaxed) {
            return Err(Error::new(
                Kind::Stopped,
                "the conversion was stopped; --resume takes it up again",
            ));
        }
        Ok(())
    }

    /// Counts a sample as done and reports the progress.
    fn advance(&self, id: u64) {
        let size = self.source.size(id);
        let samples = self.samples.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self
            .bytes
            .fetch_add(size, Ordering::Relaxed)
            .saturating_add(size);
        (self.progress)(Progress {
            samples,
            total: self.source.len(),
            bytes,
        });
    }

    /// Writes the manifest, whose presence says that the folder is complete.
    fn finish(&self, done: Vec<Done>) -> Result<Report> {
        self.check_stop()?;
        let shards: Vec<Listed> = done
            .iter()
            .enumerate()
            .map(|(part, done)| Listed::new(shard_name(part), done.sealed))
            .collect();
        let manifest = Manifest {
            conversion: self.conversion,
            classes: self.source.classes().map(<[String]>::to_vec),
            samples: shards.iter().map(|shard| shard.samples).sum(),
            shards,
        };
        if manifest.samples == 0 {
            return Err(Error::corrupt(format!(
                "all {} samples of the source are bad",
                self.source.len()
            )));
        }
        manifest.write(self.disk.clone(), self.dst)?;
        Ok(Report {
            samples: manifest.samples,
            bytes_in: self.bytes.load(Ordering::Relaxed),
            bytes_out: manifest.shards.iter().map(|shard| shard.bytes).sum(),
            shards: done.len() as u64,
            kept: done.iter().filter(|done| done.kept).count() as u64,
            skipped: done.into_iter().flat_map(|done| done.skipped).collect(),
        })
    }
}

/// The buffers of one thread.
struct Worker {
    /// The buffer that samples are read into, while no sample is using it.
    encoded: Vec<u8>,
    recoder: Recoder,
}

impl Worker {
    fn new() -> Worker {
        Worker {
            encoded: Vec::new(),
            recoder: Recoder::new(),
        }
    }
}
