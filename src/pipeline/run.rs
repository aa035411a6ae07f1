//! A run: the threads, and the consumer's end of the line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select, unbounded};

use super::augmenter::AugmentScratch;
use super::budget::Budget;
use super::context::DecodeScratch;
use super::decoder::DecodedSlot;
use super::reader::{Positions, Reader};
use super::stats::{self, Meter};
use super::{Done, ReadChunk, RunContext, Shared, Threads, Tuning};
use crate::batch::{Batch, Pool};
use crate::error::{Error, Kind, Result};
use crate::recipe::OnBad;

/// The place in the run of a message that is no batch.
const PANIC_NOTICE: u64 = u64::MAX;

/// Bad samples that are always tolerated: a share of few samples means nothing.
const ALWAYS_TOLERATED: u64 = 8;

/// Tells the consumer if a thread dies of a panic that no role caught: without it, a batch would be
/// waited for in vain.
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

/// Batches in order, made by threads that end when it is dropped.
pub(crate) struct Run {
    shared: Arc<Shared>,
    done: Receiver<Done>,
    /// Gone when the run is being stopped.
    tokens: Option<Sender<()>>,
    stop: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    runtime: Option<tokio::runtime::Runtime>,
    /// Batches that came before their turn.
    out_of_order: BTreeMap<u64, Result<Batch>>,
    next: u64,
    total: u64,
    seen: u64,
    bad: u64,
    last_delivery: Option<Instant>,
}

impl Run {
    /// Starts the threads. `seen` and `bad` are the counts of the state that is resumed from.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the system gives no more threads.
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
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .max_blocking_threads(tuning.reads)
                .thread_name("feedmill-read")
                .build()
                .map_err(|error| {
                    Error::new(
                        Kind::Io,
                        format!("cannot start the reader's threads: {error}"),
                    )
                })?;
            run.runtime = Some(runtime);
        }
        for _ in 0..=tuning.prefetch {
            run.allow_batch();
        }
        let reader = Reader {
            shared: Arc::clone(&shared),
            positions,
            tokens,
            chunks: chunks_in,
            runtime: run.runtime.as_ref().map(|runtime| runtime.handle().clone()),
            chunk: tuning.chunk,
            workers: tuning.workers,
        };
        run.spawn("feedmill-plan", move || reader.run())?;
        let threads = tuning.threads.unwrap_or_default();
        if threads == Threads::Fused || tuning.workers == 1 {
            for _ in 0..tuning.workers {
                let (shared, chunks, stop) = (Arc::clone(&shared), chunks.clone(), stop.clone());
                run.spawn("feedmill-work", move || fused(&shared, &chunks, &stop))?;
            }
        } else {
            let decoders = (tuning.workers * 2 / 3).max(1);
            let (decoded_in, decoded) = bounded(tuning.workers + 1);
            for _ in 0..decoders {
                let (shared, chunks, stop) = (Arc::clone(&shared), chunks.clone(), stop.clone());
                let decoded_in = decoded_in.clone();
                run.spawn("feedmill-decode", move || {
                    decode(&shared, &chunks, &stop, &decoded_in)
                })?;
            }
            for _ in decoders..tuning.workers {
                let (shared, decoded, stop) = (Arc::clone(&shared), decoded.clone(), stop.clone());
                run.spawn("feedmill-augment", move || {
                    augment(&shared, &decoded, &stop)
                })?;
            }
        }
        Ok(run)
    }

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

    /// Lets one more batch be begun.
    fn allow_batch(&self) {
        if let Some(tokens) = &self.tokens {
            let _ = tokens.send(());
        }
    }

    /// The number of batches still to come.
    pub(crate) fn left(&self) -> u64 {
        self.total - self.next
    }

    /// The next batch; `None` after the last one, and after an error. Waits at most until
    /// `deadline`.
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
                // `shared` holds a sender, so this cannot come; an error is better than a wait for
                // ever.
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

    /// Counts bad samples in the order of batches, which no thread has a say in.
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
                    "{} of {} samples were bad, more than on_bad at_most = {at_most}; in epoch {}, batch {}:\n{}",
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

    /// Ends all threads, within one sample's work.
    fn end(&mut self) {
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
            // Roles catch panics; one that slips through has nobody left to tell.
            let _ = thread.join();
        }
        // A read that hangs in the kernel must not hang the trainer too.
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

/// The next message, or `None` when there will be none.
fn receive<T>(shared: &Shared, messages: &Receiver<T>, stop: &Receiver<()>) -> Option<T> {
    let waiting = stats::now();
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

fn fused(shared: &Shared, chunks: &Receiver<ReadChunk>, stop: &Receiver<()>) {
    let (mut decode_scratch, mut augment_scratch) = (DecodeScratch::new(), AugmentScratch::new());
    while let Some(chunk) = receive(shared, chunks, stop) {
        shared.decode_chunk(
            chunk,
            &mut decode_scratch,
            |decode_scratch, work, slot, slot_sample, permit| {
                shared.augment(
                    work,
                    slot,
                    slot_sample,
                    &decode_scratch.programs,
                    &decode_scratch.pixels,
                    &mut augment_scratch,
                );
                drop(permit);
            },
        );
    }
}

fn decode(
    shared: &Shared,
    chunks: &Receiver<ReadChunk>,
    stop: &Receiver<()>,
    next: &Sender<DecodedSlot>,
) {
    let mut decode_scratch = DecodeScratch::new();
    while let Some(chunk) = receive(shared, chunks, stop) {
        shared.decode_chunk(
            chunk,
            &mut decode_scratch,
            |decode_scratch, work, slot, slot_sample, permit| {
                let decoded = DecodedSlot {
                    work: Arc::clone(work),
                    slot,
                    slot_sample,
                    programs: std::mem::take(&mut decode_scratch.programs),
                    pixels: std::mem::take(&mut decode_scratch.pixels),
                    permit,
                };
                // Fails only when the augmenters are gone.
                let _ = next.send(decoded);
            },
        );
    }
}

fn augment(shared: &Shared, decoded: &Receiver<DecodedSlot>, stop: &Receiver<()>) {
    let mut augment_scratch = AugmentScratch::new();
    while let Some(message) = receive(shared, decoded, stop) {
        let DecodedSlot {
            work,
            slot,
            slot_sample,
            programs,
            pixels,
            permit,
        } = message;
        shared.augment(
            &work,
            slot,
            slot_sample,
            &programs,
            &pixels,
            &mut augment_scratch,
        );
        drop(permit);
    }
}
