//! Checks every sample of a data set: checksums, headers, labels, and pixels on request.
//!
//! What would be a bad sample in training is found here beforehand, and no fault ends the check:
//! each fault becomes an entry of the report, so that one run lists all of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use feedmill_macros::Accessors;

use crate::decode::{self, Decoder, Limits, plane};
use crate::error::{Error, Kind, Result, catch};
use crate::geometry::Rect;
use crate::parallel;
use crate::sample::{Payload, Target};
use crate::shard::{Backing, Manifest, Shard};
use crate::source::shards::{missing_shard, unlisted, unlisted_error};
use crate::source::{Shards, Source};

/// Samples that a thread takes at a time.
const BLOCK: u64 = 64;

/// What is checked, and how.
///
/// # Example: decode everything on four threads
///
/// ```
/// use feedmill::verify::Options;
///
/// let options = Options::default().with_pixels(true).with_jobs(4);
/// assert!(options.pixels());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Accessors)]
#[non_exhaustive]
pub struct Options {
    /// Whether every image and plane is decoded, and not only its header; false by default.
    pub(crate) pixels: bool,
    /// The number of threads. 0, the default, is one for each core.
    pub(crate) jobs: usize,
    /// The largest image that is accepted; a larger one is bad.
    pub(crate) limits: Limits,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Samples that were checked.
    pub samples: u64,
    /// Encoded bytes read.
    pub bytes: u64,
    /// The bad samples, by number.
    pub bad: Vec<BadSample>,
    /// Files that are bad as a whole; their samples are not counted in `samples`.
    pub files: Vec<BadFile>,
    /// True if `stop` ended the check early.
    pub stopped: bool,
}

impl Report {
    /// Returns true if everything was checked and nothing is bad.
    pub fn is_sound(&self) -> bool {
        self.bad.is_empty() && self.files.is_empty() && !self.stopped
    }
}

/// A bad sample.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadSample {
    /// Its number in the data set.
    pub sample: u64,
    /// Its name.
    pub name: String,
    /// Why, as a kind.
    pub kind: Kind,
    /// Why, in words.
    pub message: String,
}

/// A file that is bad as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadFile {
    /// The path of the file.
    pub path: PathBuf,
    /// Why, as a kind.
    pub kind: Kind,
    /// Why, in words.
    pub message: String,
}

/// Reads every sample of a source and checks its bytes, its header, its annotations, its entropy
/// index and its label: classes below the number of classes, finite weights. The check ends soon
/// after `stop` is set. `progress` is called with the number of samples done, from all threads.
///
/// # Example: find bad files before training
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use feedmill::source;
/// use feedmill::verify::{self, verify};
///
/// let source = source::open("fixtures/photos")?;
/// let options = verify::Options::default().with_pixels(true); // decode everything
/// let report = verify(&*source, &options, &AtomicBool::new(false), &|_| {});
/// for bad in &report.bad {
///     println!("{}: {}", bad.name, bad.message);
/// }
/// assert!(report.is_sound());
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn verify(
    source: &dyn Source,
    options: &Options,
    stop: &AtomicBool,
    progress: &(dyn Fn(u64) + Sync),
) -> Report {
    let mut report = Report::default();
    check_samples(source, 0, options, stop, progress, &mut report);
    report
}

/// Checks a folder of shards or one shard as [`verify`] does, and goes on after a shard that cannot
/// be opened. So the report lists everything that is bad, including missing, unlisted and damaged
/// shards. Files are read by position, never mapped.
///
/// # Errors
///
/// [`Kind::Io`] if there is nothing at the path. Every other fault is in the report.
///
/// # Example: check shards before training
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use feedmill::convert::{self, convert};
/// use feedmill::{source, verify};
///
/// let folder = tempfile::tempdir().unwrap();
/// let photos = source::open("fixtures/photos")?;
/// let never_stop = AtomicBool::new(false);
/// convert(&*photos, folder.path(), &convert::Options::default(), &never_stop, &|_| {})?;
/// let options = verify::Options::default();
/// let report = verify::verify_shards(folder.path(), &options, &never_stop, &|_| {})?;
/// assert!(report.is_sound());
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn verify_shards(
    path: &Path,
    options: &Options,
    stop: &AtomicBool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Report> {
    let status = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
    let mut report = Report::default();
    // For each shard: its first sample, its path, and what the manifest says about it.
    let mut files = Vec::new();
    let mut classes = None;
    if status.is_dir() {
        match Manifest::read(path) {
            Ok(manifest) => {
                for extra in unlisted(path, &manifest)? {
                    report.add_file(&extra, &unlisted_error(&extra));
                }
                classes = manifest.classes;
                let mut start = 0u64;
                for listed in manifest.shards {
                    let samples = listed.samples;
                    files.push((start, path.join(&listed.name), Some(listed)));
                    // The sum does not overflow: it was checked when the manifest was read.
                    start += samples;
                }
            }
            Err(error) => {
                report.add_file(path, &error);
                // Without a manifest no shard is listed, so all are checked on their own, each with
                // samples numbered from 0.
                let none = Manifest {
                    conversion: crate::sample::Fingerprint(0),
                    classes: None,
                    samples: 0,
                    shards: Vec::new(),
                };
                files.extend(
                    unlisted(path, &none)?
                        .into_iter()
                        .map(|path| (0, path, None)),
                );
            }
        }
    } else {
        files.push((0, path.to_owned(), None));
    }
    for (start, path, listed) in files {
        let opened = Shard::open(&path, Backing::Pread);
        let opened = match &listed {
            Some(listed) => opened
                .map_err(missing_shard)
                .and_then(|shard| listed.check(&shard).map(|()| shard)),
            None => opened,
        };
        match opened {
            Ok(shard) => {
                let before = report.samples;
                let source = Shards::of(vec![shard], classes.clone(), Backing::Pread);
                let progress = |samples| progress(before + samples);
                check_samples(&source, start, options, stop, &progress, &mut report);
            }
            Err(error) => report.add_file(&path, &error),
        }
        if report.stopped {
            break;
        }
    }
    Ok(report)
}

impl Report {
    /// Adds a bad file.
    fn add_file(&mut self, path: &Path, error: &Error) {
        let (kind, message) = (error.kind(), error.message().to_owned());
        self.files.push(BadFile {
            path: path.to_owned(),
            kind,
            message,
        });
    }
}

/// Checks the samples of a source, whose first sample has the number `start` in the data set, and
/// adds what it finds to the report.
fn check_samples(
    source: &dyn Source,
    start: u64,
    options: &Options,
    stop: &AtomicBool,
    progress: &(dyn Fn(u64) + Sync),
    report: &mut Report,
) {
    let total = source.len();
    let blocks = total.div_ceil(BLOCK);
    let jobs = (parallel::threads(options.jobs) as u64).min(blocks);
    let mut checkers: Vec<Checker> = (0..jobs).map(|_| Checker::default()).collect();
    let stopped = || stop.load(Ordering::Relaxed);
    let done = AtomicU64::new(0);
    let tallies =
        parallel::for_each_ordered(0..blocks, &mut checkers, stopped, |checker, block| {
            let first = block * BLOCK;
            let mut tally = Tally::default();
            for id in first..total.min(first.saturating_add(BLOCK)) {
                if stopped() {
                    break;
                }
                match catch(|| checker.check(source, id, options)) {
                    Ok(size) => tally.bytes = tally.bytes.saturating_add(size),
                    Err(error) => tally.bad.push(BadSample {
                        sample: start + id,
                        name: source.name(id),
                        kind: error.kind(),
                        message: error.message().to_owned(),
                    }),
                }
                tally.samples += 1;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            }
            tally
        });
    let before = report.samples;
    for (_, mut tally) in tallies {
        report.samples += tally.samples;
        report.bytes = report.bytes.saturating_add(tally.bytes);
        report.bad.append(&mut tally.bad);
    }
    report.stopped |= report.samples - before < total;
}

/// What was found in the samples of one block.
#[derive(Default)]
struct Tally {
    samples: u64,
    bytes: u64,
    bad: Vec<BadSample>,
}

/// The buffers of one thread.
#[derive(Default)]
struct Checker {
    buf: Vec<u8>,
    pixels: Vec<u8>,
    decoder: Decoder,
}

impl Checker {
    /// Checks one sample and returns its size in bytes.
    fn check(&mut self, source: &dyn Source, id: u64, options: &Options) -> Result<u64> {
        let sample = source.read(id, std::mem::take(&mut self.buf))?;
        let named = |error: Error| error.at(source.name(id));
        let probe = decode::probe(&sample.bytes, sample.codec, &options.limits).map_err(named)?;
        if let Some(size) = source.image_size(id)
            && size != probe.size()
        {
            return Err(named(Error::new(
                Kind::Mismatch,
                format!(
                    "the image has {} pixels, the index says {size}",
                    probe.size()
                ),
            )));
        }
        check_target(&sample.target, source.classes()).map_err(named)?;
        let mut annotations = source.annotations(id)?.unwrap_or_default();
        let planes = plane::probe_all(&annotations, &options.limits, &probe).map_err(named)?;
        if let Some(index) = source.jpeg_index(id).map_err(named)?
            && self
                .decoder
                .index(&sample.bytes, &probe)
                .map_err(named)?
                .as_deref()
                != Some(&index[..])
        {
            let what =
                "the entropy index is not that of the image: run `feedmill index` or convert again";
            return Err(named(Error::corrupt(what)));
        }
        if options.pixels {
            let whole = Rect::whole(probe.width, probe.height);
            self.decoder
                .decode(&sample.bytes, &probe, whole, &mut self.pixels)
                .map_err(named)?;
            plane::decode_all(&mut self.decoder, &mut annotations, &planes).map_err(named)?;
        }
        let size = sample.bytes.len() as u64;
        if let Payload::Owned(buf) = sample.bytes {
            self.buf = buf;
        }
        Ok(size)
    }
}

/// Checks that a label fits the class names, if there are any.
fn check_target(target: &Target, classes: Option<&[String]>) -> Result<()> {
    let known = |class: &u32| classes.is_none_or(|classes| (*class as usize) < classes.len());
    let count = classes.map_or(0, <[String]>::len);
    let stray = match target {
        Target::None => None,
        Target::Class(class) => Some(class).filter(|class| !known(class)),
        Target::Multi(list) => list.iter().find(|class| !known(class)),
        Target::Soft(weights) => {
            if let Some(position) = weights.iter().position(|weight| !weight.is_finite()) {
                return Err(Error::corrupt(format!(
                    "weight {position} of its label is {}",
                    weights[position]
                )));
            }
            if classes.is_some() && weights.len() != count {
                return Err(Error::new(
                    Kind::Mismatch,
                    format!(
                        "its label has {} weights, expected {count}, one for each class",
                        weights.len()
                    ),
                ));
            }
            None
        }
    };
    match stray {
        Some(class) => Err(Error::new(
            Kind::Mismatch,
            format!("its class is {class}, expected one below {count}, the number of classes"),
        )),
        None => Ok(()),
    }
}
