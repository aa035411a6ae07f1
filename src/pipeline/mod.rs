//! The threads that make batches: reader, decoder, augmenter and batcher.
//!
//! The four are roles. Any thread of the [worker pool](workers) plays any of them, which changes
//! the speed and never a byte:
//!
//! * [`reader`] plans batches in order, cuts them into chunks of slots, and gets the stored bytes;
//! * [`decoder`] turns bytes into pixels, and [`augmenter`] turns pixels into views. One worker
//!   does both for a sample while the sample is in its cache;
//! * [`batcher`] turns views into a batch. It runs on the worker that finished the last slot of a
//!   mixing group.
//!
//! ```text
//! schedule: begin a batch --> read its chunks (sources that block) --> work on its chunks
//!    ^                                                                         |
//!    +---- the consumer allows one batch for each that it takes <---- deliveries, in order
//! ```
//!
//! A thread takes a chunk of slots and not one slot, because handing over costs as much as a small
//! image. Batches are finished in any order; [`delivery`] puts them in order for the consumer, and
//! everything that depends on an order (counting bad samples) is done there, in [`run`].
//!
//! [`worker`] is what a thread does with a chunk. The other files are what the roles share:
//! [`context`] says how one sample becomes pixels, without threads; [`views`] has the views of an
//! epoch; [`mixing`] draws and resolves mixing groups; [`schedule`] says what a thread does next;
//! [`budget`] limits what is in flight; [`stats`] measures; [`index_cache`] and [`verified_rows`]
//! remember what is known about entropy indexes.

mod augmenter;
pub(crate) mod batcher;
mod budget;
pub(crate) mod context;
mod decoder;
mod delivery;
pub(crate) mod index_cache;
pub(crate) mod mixing;
mod reader;
mod run;
mod schedule;
pub(crate) mod stats;
mod tuning;
pub(crate) mod verified_rows;
pub(crate) mod views;
mod worker;
mod workers;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};

pub(crate) use context::RunContext;
pub(crate) use reader::Positions;
pub(crate) use run::{Run, TimedOut};
pub use stats::Stats;
pub use tuning::Tuning;
pub(crate) use workers::WorkerPool;

use crate::batch::{Batch, Pool};
use crate::error::{Kind, Result};
use crate::source::Access;
use batcher::{BatchWork, Buffers, Staged};
use budget::Permit;
use delivery::Deliveries;
use stats::Meter;
use workers::Budgets;

/// What all threads of a run share. The roles are methods of it, each in its own file.
pub(crate) struct Shared {
    context: Arc<RunContext>,
    meter: Arc<Meter>,
    /// The memory of batches.
    memory: Arc<Pool>,
    /// The memory of views that wait for their mixing group.
    buffers: Arc<Buffers>,
    /// The limits on bytes in flight, which all runs of a worker pool share.
    budgets: Budgets,
    /// `Tuning::chunk`.
    chunk: Option<usize>,
    /// The number of workers, from which [`reader`] computes a fair share of a batch.
    workers: usize,
    /// True once the run is to end. Every thread looks at it between two samples.
    stop: AtomicBool,
    /// Positive while reads wait for the device, so that it is worth telling the system what is
    /// read next: for how many chunks more.
    slow_reads: AtomicU32,
    /// Where finished batches go. A worker never waits for the consumer; the number of batches in
    /// flight is limited by what the consumer allows.
    deliveries: Deliveries<Result<Batch>>,
}

/// Neighboring slots of a batch, for a worker.
struct ReadChunk {
    work: Arc<BatchWork>,
    slots: Range<usize>,
    /// What was read for each slot; empty if the worker reads for itself.
    raw: Vec<Result<context::ReadSample>>,
    /// The encoded bytes that the chunk holds of the budget.
    _permit: Option<Permit>,
}

impl ReadChunk {
    /// A chunk that the worker reads for itself.
    fn unread(work: Arc<BatchWork>, slots: Range<usize>) -> ReadChunk {
        ReadChunk {
            work,
            slots,
            raw: Vec::new(),
            _permit: None,
        }
    }
}

impl Shared {
    /// Stages a finished slot, and sends the batch to the consumer if it was the last one.
    fn stage(&self, work: &BatchWork, slot: usize, staged: Result<Staged>) {
        if let Some(batch) = work.stage(&self.context, slot, staged) {
            self.deliveries.put(work.number, batch);
        }
    }

    /// True if reading does not block, so that reading ahead of the workers gains nothing.
    fn reads_in_place(&self) -> bool {
        self.context.source.access() == Access::Immediate
    }

    /// Runs a role on one sample. A panic becomes a [`Kind::Worker`] error that names the role and
    /// the sample.
    fn guard<T>(&self, role: &str, sample: u64, run: impl FnOnce() -> Result<T>) -> Result<T> {
        // Going on after a panic is sound here: what a panicking op left in a worker's buffers is
        // overwritten by the next sample.
        crate::error::catch(run).map_err(|error| {
            if error.kind() != Kind::Worker || error.sample().is_some() {
                return error;
            }
            let name = self.context.source.name(sample);
            error
                .at(format_args!("the {role}, at sample {sample} ({name})"))
                .with_sample(sample)
        })
    }
}
