//! A run: it starts and ends the threads, and hands finished batches to the consumer in order.
//!
//! The number of batches in flight is limited by tokens. The reader needs one to begin a batch;
//! `prefetch + 1` exist at the start, and each delivered batch makes another. So the channel of
//! finished batches needs no bound, and workers never wait for the consumer.
//!
//! Ending is the part with traps. A thread may be waiting on a channel, on a budget or in the
//! kernel, and each needs its own signal: channels are closed, budgets are stopped, and a read that
//! hangs is left behind with its runtime after a time limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select, unbounded};

use super::augmenter::{AugmentScratch, ViewInput};
use super::budget::Budget;
use super::context::DecodeScratch;
use super::decoder::SentSlot;
use super::reader::{Positions, Reader};
use super::stats::{self, Meter};
use super::{Done, ReadChunk, RunContext, Shared, Threads, Tuning};
use crate::batch::{Batch, Pool};
use crate::error::{Error, Kind, Result};
use crate::recipe::OnBad;

/// The number of a message that reports a panic, in place of the number of a batch.
const PANIC_NOTICE: u64 = u64::MAX;

/// Always allow this many bad samples: a rate over few samples is meaningless.
const ALWAYS_TOLERATED: u64 = 8;

/// Tells the consumer if a thread dies of a panic that no role caught. Without it, the consumer
/// would wait forever for a batch of that thread.
struct PanicNotice(Sender<Done>);

impl Drop for PanicNotice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let thread = std::thread::current();
            let text = format!(
                "the thread {} panicked",
                thread.name().unwrap_or("of the loader")
            );
            let _ = self
                .0
                .send((PANIC_NOTICE, Err(Error::new(Kind::Worker, text))));
        }
    }
}

/// A run: threads that make batches, and the consumer's end, which puts them in order. Dropping it
/// ends the threads.
pub(crate) struct Run {
    shared: Arc<Shared>,
    done: Receiver<Done>,
    /// Lets the reader begin batches; `None` once the run is being stopped.
    tokens: Option<Sender<()>>,
    /// Never sent to. Dropping it wakes workers that wait for a message.
    stop: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    /// Reads sources that block; `None` for others.
    runtime: Option<tokio::runtime::Runtime>,
    /// Batches that were finished before an earlier one was.
    out_of_order: BTreeMap<u64, Result<Batch>>,
    /// The number, in this run, of the next batch to deliver.
    next: u64,
    /// The number of batches of this run.
    total: u64,
    /// Slots and bad samples that were delivered, including those before the state that the run
    /// was resumed from.
    seen: u64,
    bad: u64,
    /// When the consumer got its last batch.
    last_delivery: Option<Instant>,
}

impl Run {
    /// Starts the threads. `seen` and `bad` are the counts of the state that is resumed from.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the system cannot start more threads.
    pub(crate) fn start(
        context: Arc<RunContext>,
        positions: Positions,
        (seen, bad): (u64, u64),
        tuning: &Tuning,
        meter: Arc<Meter>,
        pool: Arc<Pool>,
    ) -> Result<Run> {
        let (done_in, done) = unbounded();
        let (tokens_in, tokens) = unbounded();
        let (stop_in, stop) = bounded::<()>(0);
        let (chunks_in, chunks) = bounded::<ReadChunk>(tuning.workers + 1);
        let total = context.plan.batches_between(positions.epoch, positions.end);
        let total = total.saturating_sub(positions.index);
        let shared = Arc::new(Shared {
            context,
            meter,
            pool,
            buffers: Arc::default(),
            encoded: Budget::new(tuning.memory),
            decoded: Budget::new(tuning.memory),
            reads: Budget::new(tuning.reads as u64),
            stop: AtomicBool::new(false),
            done: done_in,
        });
        shared
            .meter
            .workers
            .store(tuning.workers as u64, Ordering::Relaxed);
        let mut run = Run {
            shared: Arc::clone(&shared),
            done,
            tokens: Some(tokens_in),
            stop: Some(stop_in),
            threads: Vec::new(),
            runtime: None,
            out_of_order: BTreeMap::new(),
            next: 0,
            total,
            seen,
            bad,
            last_delivery: None,
        };
        if !shared.reads_in_place() {
            run.runtime = Some(reading_runtime(tuning.reads)?);
        }
        for _ in 0..=tuning.prefetch {
            run.allow_batch();
        }
        let reader = Reader {
            shared,
            positions,
            tokens,
            chunks: chunks_in,
            runtime: run.runtime.as_ref().map(|runtime| runtime.handle().clone()),
            chunk: tuning.chunk,
            workers: tuning.workers,
        };
        run.spawn("feedmill-plan", move || reader.run())?;
        run.spawn_workers(tuning, &chunks, &stop)?;
        Ok(run)
    }

    /// Starts the threads that decode and augment, as [`Threads`] says.
    fn spawn_workers(
        &mut self,
        tuning: &Tuning,
        chunks: &Receiver<ReadChunk>,
        stop: &Receiver<()>,
    ) -> Result<()> {
        let threads = tuning.threads.unwrap_or_default();
        if threads == Threads::Fused || tuning.workers == 1 {
            for _ in 0..tuning.workers {
                let (shared, chunks, stop) = self.for_worker(chunks, stop);
                self.spawn("feedmill-work", move || fused(&shared, &chunks, &stop))?;
            }
            return Ok(());
        }
        let decoders = (tuning.workers * 2 / 3).max(1);
        let (decoded_in, decoded) = bounded(tuning.workers + 1);
        for _ in 0..decoders {
            let (shared, chunks, stop) = self.for_worker(chunks, stop);
            let decoded_in = decoded_in.clone();
            self.spawn("feedmill-decode", move || {
                decode(&shared, &chunks, &stop, &decoded_in)
            })?;
        }
        for _ in decoders..tuning.workers {
            let (shared, decoded, stop) = self.for_worker(&decoded, stop);
            self.spawn("feedmill-augment", move || {
                augment(&shared, &decoded, &stop)
            })?;
        }
        Ok(())
    }

    /// Handles for a worker that receives `messages`.
    fn for_worker<T>(
        &self,
        messages: &Receiver<T>,
        stop: &Receiver<()>,
    ) -> (Arc<Shared>, Receiver<T>, Receiver<()>) {
        (Arc::clone(&self.shared), messages.clone(), stop.clone())
    }

    /// Starts a thread that tells the consumer if it panics.
    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let done = self.shared.done.clone();
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                let _alarm = PanicNotice(done);
                work();
            });
        let thread = thread.map_err(|error| {
            Error::new(Kind::Io, format!("cannot start the thread {name}: {error}"))
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Lets the reader begin one more batch.
    fn allow_batch(&self) {
        if let Some(tokens) = &self.tokens {
            let _ = tokens.send(());
        }
    }

    /// The number of batches still to come.
    pub(crate) fn left(&self) -> u64 {
        self.total - self.next
    }

    /// The next batch in the order of the run; `None` after the last one, and after an error.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError::Timeout`] if no batch is ready at `deadline`. The run goes on.
    pub(crate) fn next(
        &mut self,
        deadline: Option<Instant>,
    ) -> std::result::Result<Option<Result<Batch>>, RecvTimeoutError> {
        if self.next >= self.total || self.tokens.is_none() {
            return Ok(None);
        }
        let waiting = stats::now();
        if let Some(last_delivery) = self.last_delivery.take() {
            let own = (waiting - last_delivery).as_nanos() as u64;
            self.shared
                .meter
                .consumer_busy
                .fetch_add(own, Ordering::Relaxed);
        }
        let batch = loop {
            if let Some(batch) = self.out_of_order.remove(&self.next) {
                break batch;
            }
            let received = match deadline {
                None => self.done.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(deadline) => self.done.recv_deadline(deadline),
            };
            match received {
                Ok((PANIC_NOTICE, error)) => break error,
                Ok((number, batch)) => drop(self.out_of_order.insert(number, batch)),
                Err(RecvTimeoutError::Timeout) => return Err(RecvTimeoutError::Timeout),
                // `shared` holds a sender, so this cannot happen. An error is still better than
                // waiting forever.
                Err(RecvTimeoutError::Disconnected) => {
                    break Err(Error::new(Kind::Stopped, "the loader's threads are gone"));
                }
            }
        };
        Meter::add(&self.shared.meter.consumer_wait, waiting);
        let meter = Arc::clone(&self.shared.meter);
        meter.in_flight.fetch_sub(1, Ordering::Relaxed);
        meter
            .decoded_peak
            .fetch_max(self.shared.decoded.peak(), Ordering::Relaxed);
        self.next += 1;
        let batch = batch.and_then(|batch| self.count(batch));
        match &batch {
            Ok(batch) => {
                meter
                    .samples
                    .fetch_add(batch.len() as u64, Ordering::Relaxed);
                meter.count_sources(&batch.sources);
                meter.batches.fetch_add(1, Ordering::Relaxed);
                self.allow_batch();
            }
            Err(_) => self.end(),
        }
        self.last_delivery = Some(stats::now());
        Ok(Some(batch))
    }

    /// Counts the bad samples of a batch and checks the limit. This happens in the order of
    /// batches, so the outcome does not depend on which thread was faster.
    fn count(&mut self, mut batch: Batch) -> Result<Batch> {
        self.seen += batch.len() as u64;
        self.bad += batch.faults().len() as u64;
        batch.state.seen = self.seen;
        batch.state.bad = self.bad;
        if let OnBad::Skip { at_most } | OnBad::Replace { at_most } =
            self.shared.context.recipe.on_bad
            && self.bad > ALWAYS_TOLERATED
            && self.bad as f64 > at_most * self.seen as f64
        {
            let listed: Vec<String> = batch
                .faults()
                .iter()
                .take(10)
                .map(|fault| format!("  {}", fault.message))
                .collect();
            return Err(Error::new(
                batch
                    .faults()
                    .first()
                    .map_or(Kind::Corrupt, |fault| fault.kind),
                format!(
                    "{} of {} samples were bad, more than on_bad at_most = {at_most}; \
                     in epoch {}, batch {}:\n{}",
                    self.bad,
                    self.seen,
                    batch.epoch(),
                    batch.index(),
                    listed.join("\n")
                ),
            ));
        }
        Ok(batch)
    }

    /// Ends all threads. They finish the sample that they work on, and nothing after it.
    fn end(&mut self) {
        // First the reader, then the budgets that threads may wait for, then idle workers.
        self.tokens = None;
        self.shared.stop.store(true, Ordering::Relaxed);
        for budget in [
            &self.shared.encoded,
            &self.shared.decoded,
            &self.shared.reads,
        ] {
            budget.stop();
        }
        self.stop = None;
        for thread in self.threads.drain(..) {
            // Roles catch panics. If one slipped through, there is no consumer left to report it
            // to.
            let _ = thread.join();
        }
        // A read that hangs in the kernel must not hang the consumer too.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(100));
        }
        while let Ok(batch) = self.done.try_recv() {
            drop(batch);
        }
        self.shared.meter.in_flight.store(0, Ordering::Relaxed);
        self.out_of_order.clear();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end();
    }
}

/// A private runtime with at most `reads` blocking threads, which read sources that block.
///
/// Plain threads would do as well, except for the end of a run: a runtime can be left behind after
/// a time limit, so a read that hangs in the kernel does not hang the consumer.
fn reading_runtime(reads: usize) -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(reads)
        .thread_name("feedmill-read")
        .build()
        .map_err(|error| {
            Error::new(
                Kind::Io,
                format!("cannot start the reader's threads: {error}"),
            )
        })
}

/// The next message; `None` when the run is stopped or there are no more messages.
fn receive<T>(shared: &Shared, messages: &Receiver<T>, stop: &Receiver<()>) -> Option<T> {
    let waiting = stats::now();
    // `try_recv` first, because `select!` costs more and is needed only to wait.
    let message = match messages.try_recv() {
        Ok(message) => Some(message),
        Err(_) => select! {
            recv(messages) -> message => message.ok(),
            recv(stop) -> _ => None,
        },
    };
    Meter::add(&shared.meter.worker_idle, waiting);
    message.filter(|_| !shared.stop.load(Ordering::Relaxed))
}

/// A worker that decodes and augments each slot while its pixels are in cache.
fn fused(shared: &Shared, chunks: &Receiver<ReadChunk>, stop: &Receiver<()>) {
    let (mut decode_scratch, mut augment_scratch) = (DecodeScratch::new(), AugmentScratch::new());
    while let Some(chunk) = receive(shared, chunks, stop) {
        shared.decode_chunk(chunk, &mut decode_scratch, |scratch, decoded| {
            let input = ViewInput {
                programs: &scratch.programs,
                pixels: &scratch.pixels,
            };
            shared.augment(decoded, input, &mut augment_scratch);
        });
    }
}

/// A worker that decodes only.
fn decode(
    shared: &Shared,
    chunks: &Receiver<ReadChunk>,
    stop: &Receiver<()>,
    next: &Sender<SentSlot>,
) {
    let mut scratch = DecodeScratch::new();
    while let Some(chunk) = receive(shared, chunks, stop) {
        shared.decode_chunk(chunk, &mut scratch, |scratch, decoded| {
            let sent = SentSlot {
                decoded,
                programs: std::mem::take(&mut scratch.programs),
                pixels: std::mem::take(&mut scratch.pixels),
            };
            // Fails only when the augmenters are gone.
            let _ = next.send(sent);
        });
    }
}

/// A worker that augments only.
fn augment(shared: &Shared, decoded: &Receiver<SentSlot>, stop: &Receiver<()>) {
    let mut scratch = AugmentScratch::new();
    while let Some(sent) = receive(shared, decoded, stop) {
        let input = ViewInput {
            programs: &sent.programs,
            pixels: &sent.pixels,
        };
        shared.augment(sent.decoded, input, &mut scratch);
    }
}
