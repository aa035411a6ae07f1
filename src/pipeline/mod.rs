//! The threads that make batches: reader, decoder, augmenter and batcher on bounded channels.
//!
//! The four are roles. Which threads play them ([`Threads`]) changes the speed and never a byte:
//!
//! * [`reader`] plans batches in order and gets the stored bytes, on its own thread and, for
//!   sources that block, on a private tokio runtime with many reads in flight;
//! * [`decoder`] turns bytes into pixels, and [`augmenter`] turns pixels into views. One worker
//!   does both for a sample while the sample is in its cache, unless the two are split;
//! * [`batcher`] turns views into a batch. It runs on the worker that finished the last slot of a
//!   mixing group.
//!
//! ```text
//! reader --chunks--> decoder --pixels--> augmenter --views--> batcher --batches--> consumer
//!    ^                                                                                 |
//!    +--------------------------- one token for each batch ----------------------------+
//! ```
//!
//! A message is a chunk of slots and not one slot, because a hop between threads costs as much as a
//! small image. Batches are finished in any order; [`run`] puts them in order for the consumer, and
//! everything that depends on an order (counting bad samples) is done there.
//!
//! The other files are what the roles share: [`context`] says how one sample becomes pixels,
//! without threads; [`views`] has the views of an epoch; [`mixing`] draws and resolves mixing
//! groups; [`budget`] limits what is in flight; [`stats`] measures; [`index_cache`] and
//! [`verified_rows`] remember what is known about entropy indexes.

mod augmenter;
pub(crate) mod batcher;
mod budget;
pub(crate) mod context;
mod decoder;
pub(crate) mod index_cache;
pub(crate) mod mixing;
mod reader;
mod run;
pub(crate) mod stats;
pub(crate) mod verified_rows;
pub(crate) mod views;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::Sender;

pub(crate) use context::RunContext;
pub(crate) use reader::Positions;
pub(crate) use run::Run;
pub use stats::Stats;

use crate::batch::{Batch, Pool};
use crate::error::{Error, Kind, Result};
use crate::source::Access;
use batcher::{BatchWork, Buffers, Staged};
use budget::{Budget, Permit};
use stats::Meter;

/// How a loader uses the machine: threads, memory and queues. Nothing here changes a byte of any
/// batch.
///
/// The defaults suit a machine that the loader shares with one training process. Set less memory or
/// fewer workers if several loaders share it, such as one for each GPU.
///
/// # Example
///
/// ```
/// use feedmill::{Loader, Recipe, Tuning};
///
/// let mut tuning = Tuning::default();
/// tuning.workers = 2;
/// tuning.held = 4 << 30; // at most 4 GiB in batches
/// let recipe = Recipe::preset("imagenet")?.batch(4);
/// let loader = Loader::open("fixtures/photos", recipe)?.tuning(tuning)?;
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tuning {
    /// The number of worker threads, which decode and augment: 1 to 65536, and one for each core
    /// by default.
    pub workers: usize,
    /// How many batches are prepared ahead of the one that the consumer has: 1 to 65536, and 2 by
    /// default.
    pub prefetch: usize,
    /// The most encoded bytes in flight, and also the most decoded bytes in flight, so the two may
    /// take twice as much; 256 MiB by default. A single image that is larger passes alone.
    pub memory: u64,
    /// The most bytes of pixels that batches may have at once, in preparation or held by the
    /// consumer (see [`Batch`]); half of the machine's memory by default. Beyond it, the next
    /// batch is a [`Kind::Limit`] error.
    pub held: u64,
    /// The most reads in flight, for sources that block: 1 to 65536, and 4 for each core by
    /// default.
    pub reads: usize,
    /// The number of samples in one message between threads: 1 to 65536. By default, a message has
    /// about half a millisecond of work.
    pub chunk: Option<usize>,
    /// Which roles share a thread; [`Threads::Fused`] by default.
    pub threads: Option<Threads>,
}

impl Default for Tuning {
    fn default() -> Tuning {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Tuning {
            workers: cores,
            prefetch: 2,
            memory: 256 << 20,
            held: half_of_memory(),
            reads: 4 * cores,
            chunk: None,
            threads: None,
        }
    }
}

impl Tuning {
    /// Checks the ranges of all values.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] that names the field.
    pub(crate) fn check(&self) -> Result<()> {
        let least = |name: &str, value: usize| match value {
            1..=65_536 => Ok(()),
            _ => Err(Error::config(format!(
                "tuning: {name} = {value}: expected 1 to 65536"
            ))),
        };
        least("workers", self.workers)?;
        least("prefetch", self.prefetch)?;
        least("reads", self.reads)?;
        least("chunk", self.chunk.unwrap_or(1))?;
        if self.memory == 0 || self.held == 0 {
            return Err(Error::config("tuning: memory and held must be positive"));
        }
        Ok(())
    }
}

/// Half of the machine's memory in bytes; 8 GiB where it is not known.
fn half_of_memory() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let machine = rustix::system::sysinfo();
        (machine.totalram as u64).saturating_mul(machine.mem_unit.into()) / 2
    }
    #[cfg(not(target_os = "linux"))]
    {
        8 << 30
    }
}

/// Which roles of the pipeline share a thread.
///
/// Fusing keeps an image in one core's cache and saves a hop of several microseconds, so it is the
/// default. The split form is for machines on which someone measures that it is faster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threads {
    /// Each worker decodes a sample and augments it right away.
    #[default]
    Fused,
    /// Two thirds of the workers decode, the others augment. With one worker, the same as `Fused`.
    Split,
}

/// What all threads of a run share. The roles are methods of it, each in its own file.
pub(crate) struct Shared {
    context: Arc<RunContext>,
    meter: Arc<Meter>,
    /// The memory of batches, which all runs of a loader share.
    pool: Arc<Pool>,
    /// The memory of views that wait for their mixing group.
    buffers: Arc<Buffers>,
    /// The budget of encoded bytes in flight.
    encoded: Arc<Budget>,
    /// The budget of decoded bytes in flight.
    decoded: Arc<Budget>,
    /// The budget of reads in flight.
    reads: Arc<Budget>,
    /// True once the run is to end. Every thread looks at it between two samples.
    stop: AtomicBool,
    /// Where finished batches go. Unbounded, so a worker never waits for the consumer; the number
    /// of batches in flight is limited by tokens at the reader.
    done: Sender<Done>,
}

/// A finished batch, or the error in its place, with its number in the run.
type Done = (u64, Result<Batch>);

/// A message from the reader to a decoder: neighboring slots of a batch.
struct ReadChunk {
    work: Arc<BatchWork>,
    /// The first slot.
    start: usize,
    /// What was read for each slot; `None` where the decoder reads in place.
    raw: Vec<Option<Result<context::ReadSample>>>,
    /// The encoded bytes that the chunk holds of the budget.
    _permit: Option<Permit>,
}

impl Shared {
    /// Stages a finished slot, and sends the batch to the consumer if it was the last one.
    fn stage(&self, work: &BatchWork, slot: usize, staged: Result<Staged>) {
        if let Some(batch) = work.stage(&self.context, slot, staged) {
            // Fails only when the consumer is gone, and then the batch is not needed.
            let _ = self.done.send((work.number, batch));
        }
    }

    /// True if reading does not block, so decoders read for themselves and save a copy and a hop.
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
