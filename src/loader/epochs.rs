//! Iterators: the epochs of a loader, and the batches of an epoch.
//!
//! Consecutive epochs share one [`Run`], whose threads go on to the next epoch while the consumer
//! is still in the current one. [`Current`] is that run and where it stands. An epoch that was left
//! early is found by its position, and a new run starts.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Loader;
use crate::batch::Batch;
use crate::error::{Error, Kind, Result};
use crate::pipeline::stats::Meter;
use crate::pipeline::{Positions, Run, Stats, TimedOut, WorkerPool};

impl Loader {
    /// The batches of one epoch: from its first one, or from the state's next batch if the loader
    /// was resumed in this epoch.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the system cannot start threads.
    pub fn epoch(&self, epoch: u32) -> Result<Epoch> {
        self.epoch_from(epoch, self.begin(epoch))
    }

    /// The batches of one epoch from batch `index` on; none if the epoch has no such batch.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the system cannot start threads.
    pub fn epoch_from(&self, epoch: u32, index: u64) -> Result<Epoch> {
        let run = self.run(epoch, index, epoch.saturating_add(1))?;
        let current = Current {
            run: Some(run),
            next: (epoch, index),
            failed: false,
        };
        Ok(Epoch::new(self, epoch, Arc::new(Mutex::new(current)), None))
    }

    /// The epochs of a range, such as `0..90`, each an iterator over its batches. After
    /// [`Loader::resume`], the epochs before that of the state are skipped, and the first one
    /// begins with the state's next batch. So a training loop has the same range whether it is
    /// resumed or not.
    ///
    /// All epochs share one set of threads, which prepare the next epoch while the last batches of
    /// the current one are consumed. If an epoch is left early, the next one starts afresh.
    ///
    /// # Example: train for two epochs
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(4))?;
    /// for mut epoch in loader.epochs(0..2) {
    ///     println!("epoch {}: {} batches", epoch.number(), epoch.len());
    ///     for batch in &mut epoch {
    ///         let _images: &[f32] = batch?.images().as_f32()?;
    ///     }
    ///     println!("{}", epoch.stats());
    /// }
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn epochs(&self, epochs: Range<u32>) -> Epochs<'_> {
        Epochs {
            loader: self,
            next: epochs.start.max(self.start.epoch),
            end: epochs.end,
            current: Arc::default(),
        }
    }

    /// The batch that an epoch begins with: the state's next one in the state's epoch.
    fn begin(&self, epoch: u32) -> u64 {
        if epoch == self.start.epoch {
            self.start.next
        } else {
            0
        }
    }

    /// Starts a run over all batches from batch `index` of `epoch` up to epoch `end`, which is not
    /// included.
    fn run(&self, epoch: u32, index: u64, end: u32) -> Result<Run> {
        // The counts of a state belong to its position. A run from anywhere else begins at 0.
        let resumed = (epoch, index) == (self.start.epoch, self.start.next);
        let counts = if resumed {
            (self.start.seen, self.start.bad)
        } else {
            (0, 0)
        };
        Run::start(
            Arc::clone(&self.context),
            Positions { epoch, index, end },
            counts,
            &self.pool,
            Arc::clone(&self.meter),
        )
    }
}

/// The run that consecutive epochs share.
#[derive(Default)]
struct Current {
    run: Option<Run>,
    /// The epoch and index of the run's next batch.
    next: (u32, u64),
    /// True after an error, which ends all epochs.
    failed: bool,
}

/// An iterator over epochs, from [`Loader::epochs`]. After an error in one epoch it ends.
pub struct Epochs<'a> {
    loader: &'a Loader,
    /// The next epoch.
    next: u32,
    /// The first epoch that is not delivered.
    end: u32,
    /// Shared with the epochs that were handed out.
    current: Arc<Mutex<Current>>,
}

impl std::fmt::Debug for Epochs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Epochs({}..{})", self.next.min(self.end), self.end)
    }
}

impl Epochs<'_> {
    /// The number of epochs still to come; 0 after an error.
    fn left(&self) -> usize {
        if lock(&self.current).failed {
            return 0;
        }
        self.end.saturating_sub(self.next) as usize
    }
}

impl Iterator for Epochs<'_> {
    type Item = Epoch;

    fn next(&mut self) -> Option<Epoch> {
        if self.left() == 0 {
            return None;
        }
        let epoch = self.next;
        self.next += 1;
        let begin = (epoch, self.loader.begin(epoch));
        let mut current = lock(&self.current);
        let mut problem = None;
        // Start a run unless that of the last epoch continues right here. It does not if that epoch
        // was left early.
        if current.run.is_none() || current.next != begin {
            current.run = None;
            match self.loader.run(begin.0, begin.1, self.end) {
                Ok(run) => current.run = Some(run),
                Err(error) => {
                    current.failed = true;
                    problem = Some(error);
                }
            }
            current.next = begin;
        }
        drop(current);
        let current = Arc::clone(&self.current);
        Some(Epoch::new(self.loader, epoch, current, problem))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left(), Some(self.left()))
    }
}

/// The number of epochs is known, and is 0 after an error.
impl ExactSizeIterator for Epochs<'_> {}

/// An iterator over the batches of one epoch, from [`Loader::epochs`] or [`Loader::epoch`].
///
/// `len()` is the number of batches still to come, for a progress bar. After an error the iterator
/// ends, and `len()` is 0. Dropping it lets the threads finish the samples that they work on, at
/// most a tenth of a second; they end with the last iterator.
///
/// The epochs of one [`Loader::epochs`] share their threads, so an epoch that is still held when
/// the next one is requested delivers no more batches.
///
/// # Asynchronous programs
///
/// `next()` waits for a batch, so an asynchronous task should not call it where others have to go
/// on. An epoch is `Send` and owns all that it needs: give it a blocking thread, and let it send
/// batches through a channel. Creating and dropping epochs is allowed anywhere, also inside a
/// runtime.
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// #[tokio::main]
/// async fn main() -> feedmill::Result<()> {
///     let recipe = Recipe::preset("imagenet")?.with_batch(4);
///     let loader = Loader::open("fixtures/photos", recipe)?;
///     let epoch = loader.epoch(0)?;
///     // A small channel, because batches that wait in it are held in memory.
///     let (sender, mut batches) = tokio::sync::mpsc::channel(1);
///     tokio::task::spawn_blocking(move || {
///         for batch in epoch {
///             if sender.blocking_send(batch).is_err() {
///                 break; // The receiver is gone: stop.
///             }
///         }
///     });
///     let mut count = 0;
///     while let Some(batch) = batches.recv().await {
///         count += batch?.len();
///     }
///     assert_eq!(count, 12);
///     Ok(())
/// }
/// ```
///
/// The receiver is a stream: `tokio_stream::wrappers::ReceiverStream::new(batches)` implements
/// `futures::Stream<Item = Result<Batch>>`.
pub struct Epoch {
    number: u32,
    /// The number of batches of the epoch.
    batches: u64,
    current: Arc<Mutex<Current>>,
    /// Why the threads could not be started, to be returned as the first item.
    problem: Option<Error>,
    stats: EpochStats,
}

impl Epoch {
    fn new(
        loader: &Loader,
        number: u32,
        current: Arc<Mutex<Current>>,
        problem: Option<Error>,
    ) -> Epoch {
        Epoch {
            number,
            batches: loader.batches_at(number),
            current,
            problem,
            stats: EpochStats::begin(loader),
        }
    }

    /// The number of this epoch, from 0.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What was delivered of this epoch so far, and where the time went since it began. Totals over
    /// all epochs are in [`Loader::stats`].
    ///
    /// Batches, samples and bad samples are those of this epoch. Times are those of all iterators
    /// of the loader while this epoch was consumed: the threads may have prepared its first batches
    /// before, and prepare those of the next epoch near its end.
    pub fn stats(&self) -> Stats {
        self.stats.now()
    }

    /// The next batch if one is ready within `wait`, or `Ok(None)` at the end. The inner result is
    /// what [`Iterator::next`] would return.
    ///
    /// # Errors
    ///
    /// [`Kind::Stopped`] if no batch is ready in time. Nothing is lost: call it again.
    #[expect(
        clippy::disallowed_methods,
        reason = "a deadline decides when to give up, never which batch comes next"
    )]
    pub fn next_timeout(&mut self, wait: Duration) -> Result<Option<Result<Batch>>> {
        self.advance(Instant::now().checked_add(wait))
            .map_err(|TimedOut| {
                Error::new(Kind::Stopped, format!("no batch was ready within {wait:?}"))
            })
    }

    /// The next batch; `None` at the end.
    fn advance(
        &mut self,
        deadline: Option<Instant>,
    ) -> std::result::Result<Option<Result<Batch>>, TimedOut> {
        if let Some(problem) = self.problem.take() {
            return Ok(Some(Err(problem)));
        }
        let mut current = lock(&self.current);
        // The run has gone on to another epoch: either this one is complete, or it was left.
        if current.next.0 != self.number || current.next.1 >= self.batches {
            return Ok(None);
        }
        let Some(run) = &mut current.run else {
            return Ok(None);
        };
        let batch = run.next(deadline)?;
        match &batch {
            None => {}
            Some(Err(_)) => {
                current.run = None;
                current.failed = true;
                self.stats.end();
            }
            Some(Ok(batch)) => {
                current.next.1 += 1;
                self.stats.count(batch);
                if current.next.1 == self.batches {
                    current.next = (self.number + 1, 0);
                    self.stats.end();
                }
            }
        }
        Ok(batch)
    }

    /// The number of items still to come.
    fn left(&self) -> usize {
        if self.problem.is_some() {
            return 1;
        }
        let current = lock(&self.current);
        if current.next.0 != self.number || current.run.is_none() {
            return 0;
        }
        self.batches.saturating_sub(current.next.1) as usize
    }
}

impl std::fmt::Debug for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (number, left, all) = (self.number, self.left(), self.batches);
        write!(f, "Epoch({number}, {left} of {all} batches left)")
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        self.advance(None).unwrap_or(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left(), Some(self.left()))
    }
}

/// The number of batches is known. After an error, which comes in place of a batch, it is 0.
impl ExactSizeIterator for Epoch {}

impl std::iter::FusedIterator for Epoch {}

fn lock(current: &Mutex<Current>) -> MutexGuard<'_, Current> {
    current.lock().expect("no panic inside")
}

/// The statistics of one epoch: the difference between two looks at the counters of its loader,
/// with the counts of the epoch's own batches.
struct EpochStats {
    meter: Arc<Meter>,
    pool: Arc<WorkerPool>,
    /// The counters when the epoch began.
    begin: Stats,
    /// The counters when the epoch was over.
    end: Option<Stats>,
    batches: u64,
    samples: u64,
    bad: u64,
    sources: Vec<u64>,
}

impl EpochStats {
    fn begin(loader: &Loader) -> EpochStats {
        let begin = loader.stats();
        EpochStats {
            meter: Arc::clone(&loader.meter),
            pool: Arc::clone(&loader.pool),
            end: None,
            batches: 0,
            samples: 0,
            bad: 0,
            sources: vec![0; begin.sources.len()],
            begin,
        }
    }

    fn count(&mut self, batch: &Batch) {
        self.batches += 1;
        self.samples += batch.len() as u64;
        self.bad += batch.faults().len() as u64;
        match &mut self.sources[..] {
            [only] => *only += batch.len() as u64,
            several => {
                for source in &batch.sources {
                    several[*source as usize] += 1;
                }
            }
        }
    }

    fn snapshot(&self) -> Stats {
        self.meter.snapshot(self.pool.memory.peak())
    }

    /// Ends the time of the epoch.
    fn end(&mut self) {
        self.end = Some(self.snapshot());
    }

    fn now(&self) -> Stats {
        let now = self.end.clone().unwrap_or_else(|| self.snapshot());
        Stats {
            batches: self.batches,
            samples: self.samples,
            bad: self.bad,
            sources: self.sources.clone(),
            ..now.since(&self.begin)
        }
    }
}
