//! How a loader uses the machine.

use feedmill_macros::Accessors;

use crate::error::{Error, Result};

/// How a loader uses the machine: threads, memory and queues. Nothing here changes a byte of any
/// batch.
///
/// The defaults suit a machine that the loader shares with one training process. Set less memory or
/// fewer workers if several loaders share it, such as one for each GPU. The loaders of one
/// [split](crate::Loader::split) and those that were made from another loader share one set of
/// threads and one budget already.
///
/// # Threads
///
/// A loader has no threads until it has an iterator, and `workers` from then on: two more if its
/// source [blocks](crate::source::Access::Blocking). No thread stands for one read, so more
/// `reads` cost no more threads. A source that waits for a network gains from more workers than
/// there are cores, since a worker that has nothing to decode reads.
///
/// # Example: more workers and less memory
///
/// ```
/// use feedmill::{Loader, Recipe, Tuning};
///
/// // At most 4 GiB in batches.
/// let tuning = Tuning::new().with_workers(2).with_held(4 << 30);
/// let recipe = Recipe::preset("imagenet")?.with_batch(4);
/// let loader = Loader::builder().path("fixtures/photos").recipe(recipe).tuning(tuning).build()?;
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Accessors)]
#[non_exhaustive]
pub struct Tuning {
    /// The number of worker threads, which decode and augment: 1 to 65536, and one for each core
    /// by default.
    pub(crate) workers: usize,
    /// How many batches are prepared ahead of the one that the consumer has: 1 to 65536, and 2 by
    /// default.
    pub(crate) prefetch: usize,
    /// The most encoded bytes in flight, and also the most decoded bytes in flight, so the two may
    /// take twice as much; 256 MiB by default. A single image that is larger passes alone.
    pub(crate) memory: u64,
    /// The most bytes of pixels that batches may have at once, in preparation or held by the
    /// consumer (see [`Batch`](crate::Batch)); half of the machine's memory by default. Beyond it,
    /// the next batch is a [`Kind::Limit`](crate::Kind::Limit) error.
    pub(crate) held: u64,
    /// How many chunks of samples are read or announced to the system
    /// ([`Source::read_ahead`](crate::source::Source::read_ahead)) before a worker needs them, for
    /// sources that block: 1 to 65536, and 4 for each core by default.
    pub(crate) reads: usize,
    /// The number of samples in one chunk, which a thread takes as a whole: 1 to 65536. By default,
    /// a chunk has about half a millisecond of work.
    pub(crate) chunk: Option<usize>,
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
        }
    }
}

impl Tuning {
    /// The defaults for this machine.
    pub fn new() -> Tuning {
        Tuning::default()
    }

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
