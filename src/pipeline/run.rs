//! A run: the consumer's side of a stretch of batches.
//!
//! The number of batches in flight is limited by the consumer: `prefetch + 1` may be begun at the
//! start, and one more for each that is delivered. So finished batches need no bound, and workers
//! never wait for the consumer.
//!
//! Everything that depends on the order of batches happens here: bad samples are counted, reported,
//! and held against the recipe's limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use super::delivery::Deliveries;
use super::reader::Positions;
use super::schedule::RunId;
use super::stats::{self, Meter};
use super::workers::{Crew, WorkerPool};
use super::{RunContext, Shared};
use crate::batch::Batch;
use crate::error::{Error, Fault, Kind, Result};
use crate::recipe::OnBad;
use crate::source::Access;

/// Always allow this many bad samples: a rate over few samples is meaningless.
const ALWAYS_TOLERATED: u64 = 8;

/// Batches that the threads of a worker pool make, in order. Dropping it ends their work for it.
pub(crate) struct Run {
    shared: Arc<Shared>,
    /// The threads; `None` once the run has ended.
    crew: Option<(Arc<Crew>, RunId)>,
    /// The number, in this run, of the next batch to deliver.
    next: u64,
    /// The number of batches of this run.
    total: u64,
    /// Slots and bad samples that were delivered, including those before the state that the run
    /// was resumed from.
    seen: u64,
    bad: u64,
    /// Slots and bad samples of the current epoch that this run has delivered.
    in_epoch: (u64, u64),
    /// When the consumer got its last batch.
    last_delivery: Option<Instant>,
}

/// No batch was ready at the deadline.
#[derive(Debug)]
pub(crate) struct TimedOut;

impl Run {
    /// Starts a run on the threads of a pool. `seen` and `bad` are the counts of the state that is
    /// resumed from.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the system cannot start more threads.
    pub(crate) fn start(
        context: Arc<RunContext>,
        positions: Positions,
        (seen, bad): (u64, u64),
        pool: &WorkerPool,
        meter: Arc<Meter>,
    ) -> Result<Run> {
        let total = context.plan.batches_between(positions.epoch, positions.end);
        let total = total.saturating_sub(positions.index);
        let tuning = &pool.tuning;
        let crew = pool.crew(context.source.access() == Access::Blocking)?;
        meter
            .workers
            .store(tuning.workers as u64, Ordering::Relaxed);
        let shared = Arc::new(Shared {
            context,
            meter,
            memory: Arc::clone(&pool.memory),
            buffers: Arc::default(),
            budgets: crew.budgets.clone(),
            chunk: tuning.chunk,
            workers: tuning.workers,
            stop: AtomicBool::new(false),
            slow_reads: AtomicU32::new(0),
            deliveries: Deliveries::default(),
        });
        let allowed = tuning.prefetch as u64 + 1;
        let id = crew.join(Arc::clone(&shared), positions, allowed);
        Ok(Run {
            shared,
            crew: Some((crew, id)),
            next: 0,
            total,
            seen,
            bad,
            in_epoch: (0, 0),
            last_delivery: None,
        })
    }

    /// The next batch in the order of the run; `None` after the last one, and after an error.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] if no batch is ready at `deadline`. The run goes on.
    pub(crate) fn next(
        &mut self,
        deadline: Option<Instant>,
    ) -> std::result::Result<Option<Result<Batch>>, TimedOut> {
        let (Some((crew, id)), true) = (&self.crew, self.next < self.total) else {
            return Ok(None);
        };
        let meter = &self.shared.meter;
        let waiting = stats::now();
        if let Some(last_delivery) = self.last_delivery.take() {
            let own = (waiting - last_delivery).as_nanos() as u64;
            meter.consumer_busy.fetch_add(own, Ordering::Relaxed);
        }
        let batch = self.shared.deliveries.take(deadline).ok_or(TimedOut)?;
        let now = stats::now();
        let waited = (now - waiting).as_nanos() as u64;
        meter.consumer_wait.fetch_add(waited, Ordering::Relaxed);
        self.last_delivery = Some(now);
        self.next += 1;
        // First of all, so that a worker can go on while this batch is counted.
        if batch.is_ok() {
            crew.allow(*id);
        }
        meter.in_flight.fetch_sub(1, Ordering::Relaxed);
        let peak = self.shared.budgets.decoded.peak();
        meter.decoded_peak.fetch_max(peak, Ordering::Relaxed);
        let batch = batch.and_then(|batch| self.count(batch));
        match &batch {
            Ok(batch) => self.shared.meter.count(batch),
            Err(_) => self.end(),
        }
        Ok(Some(batch))
    }

    /// Counts the bad samples of a batch and checks the limit. This happens in the order of
    /// batches, so the outcome does not depend on which thread was faster.
    fn count(&mut self, mut batch: Batch) -> Result<Batch> {
        let (slots, faults) = (batch.len() as u64, batch.faults().len() as u64);
        self.seen += slots;
        self.bad += faults;
        self.in_epoch.0 += slots;
        self.in_epoch.1 += faults;
        batch.faults().iter().for_each(|fault| self.report(fault));
        self.report_epoch(&batch);
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

    /// Logs a bad sample.
    fn report(&self, fault: &Fault) {
        let source = &self.shared.context.source;
        let name = source.name(fault.sample);
        match fault.replaced_by {
            Some(sample) => tracing::warn!(
                sample = fault.sample,
                name,
                reason = fault.message,
                replacement = sample,
                replacement_name = source.name(sample),
                "bad sample, replaced by another one"
            ),
            None => tracing::warn!(
                sample = fault.sample,
                name,
                reason = fault.message,
                "bad sample, skipped"
            ),
        }
    }

    /// Logs how many bad samples an epoch had, after its last batch, if there were any.
    fn report_epoch(&mut self, batch: &Batch) {
        let (epoch, index) = (batch.epoch(), batch.index());
        if index + 1 < self.shared.context.plan.batches_at(epoch) {
            return;
        }
        let (samples, bad) = std::mem::take(&mut self.in_epoch);
        if bad > 0 {
            tracing::warn!(epoch, bad, samples, "the epoch is over; it had bad samples");
        }
    }

    /// Ends the work of the threads. They finish the sample that they work on, and nothing after
    /// it.
    fn end(&mut self) {
        let Some((crew, id)) = self.crew.take() else {
            return;
        };
        crew.leave(id, &self.shared);
        self.shared.deliveries.close();
        self.shared.meter.in_flight.store(0, Ordering::Relaxed);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end();
    }
}
