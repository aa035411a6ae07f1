//! Where the time of a run goes: counters that all threads add to, and the sentence that says what
//! limits the run.
//!
//! Times are sums over threads, in nanoseconds. The bottleneck is judged by which side waits: if
//! the consumer never waits, it is the consumer; if workers mostly wait, it is the reader;
//! otherwise it is the stage with the most work.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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
    /// The reader waits for the consumer to take a batch, or for a budget.
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

    /// Counts the samples of a delivered batch, given the source of each.
    pub(crate) fn count_sources(&self, sources: &[u32]) {
        for &source in sources {
            self.sources[source as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds the time since `since`.
    pub(crate) fn add(counter: &AtomicU64, since: Instant) {
        counter.fetch_add(since.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Adds the time since `since` and returns the current time, where the next lap begins.
    pub(super) fn lap(counter: &AtomicU64, since: Instant) -> Instant {
        let now = now();
        counter.fetch_add((now - since).as_nanos() as u64, Ordering::Relaxed);
        now
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

/// What a loader has done so far, and where its time went.
///
/// The counts and times are those of all iterators of the loader since it was opened. Times of
/// stages are sums over threads, so they can exceed the time on the clock. [`Stats::bottleneck`]
/// says in a sentence what limits the run; `Display` prints a table of stages.
///
/// # Example
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.batch(4))?;
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
    /// Time that the reader waited, because enough batches are prepared or a budget is used up.
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
    /// Slots with a bad sample that was skipped or replaced.
    pub bad: u64,
    /// Worker threads of the latest run.
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

    /// What limits the run, in one sentence for people, with advice.
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
