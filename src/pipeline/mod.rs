//! Reader, decoder, augmenter and batcher workers on bounded channels.
//!
//! The four are roles; how they are dealt to threads ([`Threads`]) changes speed and never a byte:
//!
//! * [`reader`]: plans batches in order and gets the stored bytes, on its own thread and, for
//!   sources that block, on a private tokio runtime with many reads in flight;
//! * [`decoder`] and [`augmenter`]: bytes to pixels, pixels to a view; one worker does both for a
//!   sample while it is in cache, unless they are split;
//! * [`batcher`]: views to a batch, on whichever worker finished a group's last slot.
//!
//! [`views`] says what the views of an epoch are.

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

/// How a loader uses the machine. Nothing here changes a byte of any batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tuning {
    /// Worker threads that decode and augment; by default one for each core.
    pub workers: usize,
    /// Batches prepared ahead of the one the trainer has; 2 by default.
    pub prefetch: usize,
    /// Encoded bytes in flight, and as many decoded ones again; 256 MiB by default.
    pub memory: u64,
    /// Bytes of pixels of all batches that are held or in preparation; beyond it, the next batch
    /// is a [`Kind::Limit`] error. Half of the machine's memory by default.
    pub held: u64,
    /// Reads in flight of sources that block; 4 for each worker by default.
    pub reads: usize,
    /// Samples that travel in one message; by default as many as make about half a millisecond of
    /// work.
    pub chunk: Option<usize>,
    /// Which roles share a thread; by default what is fastest.
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

/// Which roles share a thread.
///
/// Fusing keeps an image in one core's cache and saves a hop of several microseconds, so it is the
/// default; a split line is there for those who measure otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threads {
    /// A worker decodes a sample and augments it at once.
    #[default]
    Fused,
    /// Decoders and augmenters are threads of their own: two thirds of the workers decode.
    Split,
}

/// What all threads of a run share.
pub(crate) struct Shared {
    context: Arc<RunContext>,
    meter: Arc<Meter>,
    pool: Arc<Pool>,
    buffers: Arc<Buffers>,
    /// Of encoded bytes.
    encoded: Arc<Budget>,
    /// Of decoded bytes.
    decoded: Arc<Budget>,
    /// Of reads in flight.
    reads: Arc<Budget>,
    stop: AtomicBool,
    done: Sender<Done>,
}

/// A batch on its way to the consumer, with its place in the run.
type Done = (u64, Result<Batch>);

/// Neighboring slots of a batch on their way to the decoder.
struct ReadChunk {
    work: Arc<BatchWork>,
    /// The first slot.
    start: usize,
    /// What was read for each slot; `None` where the decoder reads itself.
    raw: Vec<Option<Result<context::ReadSample>>>,
    _permit: Option<Permit>,
}

impl Shared {
    /// Stages a slot; sends the batch off if it was the last one.
    fn stage(&self, work: &BatchWork, slot: usize, staged: Result<Staged>) {
        if let Some(batch) = work.stage(&self.context, slot, staged) {
            // The consumer may be gone; then nobody minds.
            let _ = self.done.send((work.number, batch));
        }
    }

    /// The decoders of sources that do not block read in place.
    fn reads_in_place(&self) -> bool {
        self.context.source.access() == Access::Immediate
    }

    /// Runs a role on one sample; a panic becomes an error that names the role and the sample.
    fn guard<T>(&self, role: &str, sample: u64, run: impl FnOnce() -> Result<T>) -> Result<T> {
        // Whatever a panicking op left in a worker's buffers is overwritten by the next sample.
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
