//! Where the time of a run goes: counters that all threads add to, and the sentence that says what
//! limits the run.
//!
//! Times are sums over threads, in nanoseconds. The bottleneck is judged by which side waits: if
//! the consumer never waits, it is the consumer; if workers mostly wait, it is the reader;
//! otherwise it is the stage with the most work.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::batch::Batch;

/// Counters that all threads of all runs of a loader add to. Times are in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    // The busy time of each role.
    pub(super) reading: AtomicU64,
    pub(super) decoding: AtomicU64,
    pub(super) augmenting: AtomicU64,
    pub(super) batching: AtomicU64,
    /// Workers wait for something to do.
    pub(super) worker_idle: AtomicU64,
    /// No batch may be begun, because the consumer has not taken one.
    pub(super) reader_blocked: AtomicU64,
    /// The consumer waits for a batch.
    pub(crate) consumer_wait: AtomicU64,
    /// The consumer's own time between two batches.
    pub(crate) consumer_busy: AtomicU64,
    /// Encoded bytes that were read.
    pub(super) bytes: AtomicU64,
    pub(crate) samples: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) bad: AtomicU64,
    pub(super) workers: AtomicU64,
    pub(super) in_flight: AtomicU64,
    pub(super) decoded_peak: AtomicU64,
    /// The samples delivered from each source.
    sources: Vec<AtomicU64>,
}

/// The time, for statistics.
#[expect(clippy::disallowed_methods, reason = "no batch depends on a statistic")]
pub(super) fn now() -> Instant {
    Instant::now()
}

impl Meter {
    /// Counters at 0, for this many sources.
    pub(crate) fn for_sources(sources: usize) -> Meter {
        Meter {
            sources: (0..sources).map(|_| AtomicU64::new(0)).collect(),
            ..Meter::default()
        }
    }

    /// Counts a delivered batch.
    pub(super) fn count(&self, batch: &Batch) {
        let add = |counter: &AtomicU64, count: usize| {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        };
        add(&self.batches, 1);
        add(&self.samples, batch.len());
        add(&self.bad, batch.faults().len());
        match &self.sources[..] {
            [only] => add(only, batch.len()),
            several => batch
                .sources
                .iter()
                .for_each(|&source| add(&several[source as usize], 1)),
        }
    }

    /// Adds the time since `since`.
    pub(crate) fn add(counter: &AtomicU64, since: Instant) {
        counter.fetch_add(since.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// The counters now. `slab_peak` is the peak of the batches' pool, in bytes.
    pub(crate) fn snapshot(&self, slab_peak: u64) -> Stats {
        let time = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            reading: time(&self.reading),
            decoding: time(&self.decoding),
            augmenting: time(&self.augmenting),
            batching: time(&self.batching),
            worker_idle: time(&self.worker_idle),
            reader_blocked: time(&self.reader_blocked),
            consumer_wait: time(&self.consumer_wait),
            consumer_busy: time(&self.consumer_busy),
            bytes_read: count(&self.bytes),
            samples: count(&self.samples),
            batches: count(&self.batches),
            bad: count(&self.bad),
            workers: count(&self.workers) as usize,
            in_flight: count(&self.in_flight),
            batch_bytes_peak: slab_peak,
            decoded_bytes_peak: count(&self.decoded_peak),
            sources: self.sources.iter().map(count).collect(),
        }
    }
}

/// What a worker does with a slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Reading,
    Decoding,
    Augmenting,
    Batching,
}

/// The times of the stages of one chunk of slots, on the thread that works on it.
///
/// The clock costs as much as a tenth of a tiny image, so in a long chunk only every
/// [`Laps::STRIDE`]th slot is timed, and its shares are taken for those of the chunk.
pub(super) struct Laps {
    began: Instant,
    last: Instant,
    /// The number of slots that were started.
    slots: usize,
    stride: usize,
    /// True while the slot is one of those that are timed.
    timed: bool,
    /// Nanoseconds by stage.
    stages: [u64; 4],
}

impl Laps {
    const STRIDE: usize = 8;

    /// The times of a chunk of `slots` slots, which begins now.
    pub(super) fn new(slots: usize) -> Laps {
        let began = now();
        Laps {
            began,
            last: began,
            slots: 0,
            stride: if slots < 2 * Laps::STRIDE {
                1
            } else {
                Laps::STRIDE
            },
            timed: false,
            stages: [0; 4],
        }
    }

    /// Starts the next slot.
    pub(super) fn start(&mut self) {
        self.timed = self.slots.is_multiple_of(self.stride);
        self.slots += 1;
        if self.timed && self.stride > 1 {
            self.last = now();
        }
    }

    /// Counts the time since the last lap for a stage.
    pub(super) fn lap(&mut self, stage: Stage) {
        if self.timed {
            let now = now();
            self.stages[stage as usize] += (now - self.last).as_nanos() as u64;
            self.last = now;
        }
    }

    /// Adds the time of the chunk to the counters of its stages.
    pub(super) fn finish(self, meter: &Meter) {
        let whole = self.began.elapsed().as_nanos() as f64;
        let timed: u64 = self.stages.iter().sum();
        let counters = [
            &meter.reading,
            &meter.decoding,
            &meter.augmenting,
            &meter.batching,
        ];
        for (counter, stage) in counters.into_iter().zip(self.stages) {
            let time = whole * stage as f64 / timed.max(1) as f64;
            counter.fetch_add(time as u64, Ordering::Relaxed);
        }
    }
}

/// What a loader has done so far ([`Loader::stats`](crate::Loader::stats)), or in one epoch
/// ([`Epoch::stats`](crate::Epoch::stats)), and where its time went.
///
/// The counts and times of a loader are those of all its iterators since it was opened. Times of
/// stages are sums over threads, so they can exceed the time on the clock. [`Stats::bottleneck`]
/// says in a sentence what limits the run; `Display` prints a table of stages.
///
/// # Example: what limits a run
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(4))?;
/// for batch in loader.epoch(0)? {
///     batch?;
/// }
/// let stats = loader.stats();
/// assert_eq!(stats.batches, loader.batches());
/// println!("{stats}\n{}", stats.bottleneck());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Time spent on reading stored bytes.
    pub reading: Duration,
    /// Time spent on decoding: headers, drawing parameters, and pixels.
    pub decoding: Duration,
    /// Time spent on running ops on pixels.
    pub augmenting: Duration,
    /// Time spent on the final pass (mixing, normalizing, converting, laying out) and on closing
    /// batches.
    pub batching: Duration,
    /// Time that workers had nothing to do, because reading is too slow or the consumer takes no
    /// batches.
    pub worker_idle: Duration,
    /// Time in which no batch was begun, because enough of them were prepared.
    pub reader_blocked: Duration,
    /// Time that the consumer waited in `next()`.
    pub consumer_wait: Duration,
    /// Time that the consumer spent between two calls of `next()`.
    pub consumer_busy: Duration,
    /// Encoded bytes that were read.
    pub bytes_read: u64,
    /// Samples that were delivered, which is the sum of the lengths of the batches.
    pub samples: u64,
    /// Batches that were delivered.
    pub batches: u64,
    /// Bad samples that were skipped or replaced in the batches that were delivered.
    pub bad: u64,
    /// Worker threads, of which the loaders of one split share one set.
    pub workers: usize,
    /// Batches in preparation or waiting for the consumer now.
    pub in_flight: u64,
    /// The most bytes of pixels that batches had at once, in preparation or held by the consumer:
    /// compare with [`Tuning::held`](super::Tuning::held).
    pub batch_bytes_peak: u64,
    /// The most bytes that decoded images had at once: compare with
    /// [`Tuning::memory`](super::Tuning::memory).
    pub decoded_bytes_peak: u64,
    /// Samples that were delivered from each source, in the order of the sources.
    pub sources: Vec<u64>,
}

impl Stats {
    /// The four stages by name, each with its busy time summed over threads.
    pub fn stages(&self) -> [(&'static str, Duration); 4] {
        [
            ("reader", self.reading),
            ("decoder", self.decoding),
            ("augmenter", self.augmenting),
            ("batcher", self.batching),
        ]
    }

    /// Times and counts since an earlier look. The peaks, and what is in flight, are those of now.
    pub(crate) fn since(&self, earlier: &Stats) -> Stats {
        let since = |now: Duration, before: Duration| now.saturating_sub(before);
        let sources = self.sources.iter().zip(&earlier.sources);
        Stats {
            reading: since(self.reading, earlier.reading),
            decoding: since(self.decoding, earlier.decoding),
            augmenting: since(self.augmenting, earlier.augmenting),
            batching: since(self.batching, earlier.batching),
            worker_idle: since(self.worker_idle, earlier.worker_idle),
            reader_blocked: since(self.reader_blocked, earlier.reader_blocked),
            consumer_wait: since(self.consumer_wait, earlier.consumer_wait),
            consumer_busy: since(self.consumer_busy, earlier.consumer_busy),
            bytes_read: self.bytes_read - earlier.bytes_read,
            samples: self.samples - earlier.samples,
            batches: self.batches - earlier.batches,
            bad: self.bad - earlier.bad,
            sources: sources.map(|(now, before)| now - before).collect(),
            ..self.clone()
        }
    }

    /// What limits the run, in one sentence for people, with advice.
    #[expect(clippy::missing_panics_doc, reason = "there are four stages")]
    pub fn bottleneck(&self) -> String {
        let both = (self.consumer_wait + self.consumer_busy).as_secs_f64();
        if self.batches == 0 || both == 0.0 {
            return "Nothing has been delivered yet.".into();
        }
        let consumer_wait = self.consumer_wait.as_secs_f64() / both;
        if consumer_wait < 0.05 {
            return format!(
                "The trainer is the bottleneck: it waits for data {:.1} % of the time.",
                consumer_wait * 100.0
            );
        }
        let total: f64 = self
            .stages()
            .iter()
            .map(|(_, busy)| busy.as_secs_f64())
            .sum();
        let worker_idle = self.worker_idle.as_secs_f64();
        let busy = (self.decoding + self.augmenting + self.batching).as_secs_f64();
        if worker_idle > busy {
            return format!(
                "The reader is the bottleneck: workers were without data {:.0} % of their time. \
                 More reads in flight, larger files (feedmill convert) or a faster disk \
                 would help.",
                worker_idle / (worker_idle + busy) * 100.0
            );
        }
        let (stage, longest) = self
            .stages()
            .into_iter()
            .max_by_key(|(_, busy)| *busy)
            .expect("four stages");
        format!(
            "The {stage} is the bottleneck: {:.0} % of the work is there, \
             and the trainer waits {:.0} % of the time. {}",
            longest.as_secs_f64() / total.max(1e-9) * 100.0,
            consumer_wait * 100.0,
            match stage {
                "decoder" =>
                    "More cores, smaller stored images (feedmill convert --max-side) \
                     or raw pixels would help.",
                "augmenter" => "More cores, or fewer and cheaper ops, would help.",
                "batcher" => "More cores, u8 or f16 output would help.",
                _ => "Larger files (feedmill convert) or a faster disk would help.",
            }
        )
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: f64 = self
            .stages()
            .iter()
            .map(|(_, busy)| busy.as_secs_f64())
            .sum();
        writeln!(
            f,
            "{:<10} {:>10} {:>7} {:>12}",
            "stage", "busy", "share", "µs/sample"
        )?;
        for (stage, busy) in self.stages() {
            writeln!(
                f,
                "{stage:<10} {:>8.2} s {:>5.1} % {:>12.1}",
                busy.as_secs_f64(),
                busy.as_secs_f64() / total.max(1e-9) * 100.0,
                busy.as_secs_f64() * 1e6 / self.samples.max(1) as f64,
            )?;
        }
        writeln!(
            f,
            "{:<10} {:>8.2} s without work, over {} threads",
            "workers",
            self.worker_idle.as_secs_f64(),
            self.workers
        )?;
        write!(
            f,
            "{:<10} {:>8.2} s waiting for batches",
            "trainer",
            self.consumer_wait.as_secs_f64()
        )?;
        if self.sources.len() > 1 {
            let total: u64 = self.sources.iter().sum();
            for (source, count) in self.sources.iter().enumerate() {
                let share = *count as f64 / total.max(1) as f64 * 100.0;
                write!(
                    f,
                    "\n{:<10} {count:>10} samples, {share:.2} %",
                    format!("source {source}")
                )?;
            }
        }
        Ok(())
    }
}
