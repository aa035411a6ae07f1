//! The reader role: it plans batches in order and gets their encoded bytes.
//!
//! One thread goes through the run's positions. For each batch it waits for a token of the
//! consumer, computes the plan, leases the slab, and cuts the slots into chunks. What a chunk then
//! does depends on the source. Memory-mapped sources do not block, so the chunk goes to a decoder
//! as it is, which reads in place. Other sources are read on the blocking threads of a tokio
//! runtime, many chunks at a time, because a network file system or a disk answers many requests
//! nearly as fast as one.
//!
//! Chunks are measured in bytes and not in samples, so that a message holds about the same work
//! whether images are icons or photographs.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender};
use tokio::runtime::Handle;

use super::batcher::{BatchMemory, BatchWork};
use super::stats::{self, Meter};
use super::{ReadChunk, Shared};
use crate::batch::Output;
use crate::error::Result;
use crate::plan::Plan;

/// The batches that a run delivers: from batch `index` of `epoch` to the last one before `end`.
#[derive(Clone, Debug)]
pub(crate) struct Positions {
    pub(crate) epoch: u32,
    pub(crate) index: u64,
    /// The first epoch that is not delivered.
    pub(crate) end: u32,
}

impl Positions {
    /// The next batch as (epoch, index); `None` after the last one.
    fn next(&mut self, plan: &Plan) -> Option<(u32, u64)> {
        if self.index >= plan.batches_at(self.epoch) {
            self.epoch = self.epoch.checked_add(1)?;
            self.index = 0;
        }
        if self.epoch >= self.end {
            return None;
        }
        self.index += 1;
        Some((self.epoch, self.index - 1))
    }
}

/// The reader of a run.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    /// The batches that are still to be begun.
    pub(super) positions: Positions,
    /// Receives a token for each batch that may be started.
    pub(super) tokens: Receiver<()>,
    pub(super) chunks: Sender<ReadChunk>,
    /// Runs the reads of sources that block; `None` where workers read in place.
    pub(super) runtime: Option<Handle>,
    /// `Tuning::chunk`.
    pub(super) chunk: Option<usize>,
    /// The number of workers, from which [`Reader::cut`] computes a fair share.
    pub(super) workers: usize,
}

/// The size of a chunk, in encoded bytes. They take about half a millisecond to decode. A channel
/// hop costs microseconds, which is negligible next to that.
const CHUNK_BYTES: u64 = 48 << 10;
/// The most samples in a chunk.
const CHUNK_MOST: usize = 64;
/// The largest size of a small image, in bytes. Raw pixels of this size take next to no time, so
/// [`CHUNK_BYTES`] would cut chunks too short.
const SMALL: u64 = 4 << 10;

impl Reader {
    /// Begins and feeds one batch after the other, until the last one, an error, or the end of the
    /// consumer.
    pub(super) fn run(mut self) {
        let mut number = 0;
        loop {
            let waiting = stats::now();
            // The channel of tokens is closed when the run ends.
            if self.tokens.recv().is_err() {
                return;
            }
            Meter::add(&self.shared.meter.reader_blocked, waiting);
            let Some((epoch, index)) = self.positions.next(&self.shared.context.plan) else {
                return;
            };
            match self.begin(number, epoch, index) {
                Ok(work) => {
                    self.shared.meter.in_flight.fetch_add(1, Ordering::Relaxed);
                    if self.feed(&Arc::new(work)).is_none() {
                        return;
                    }
                }
                Err(error) => {
                    let _ = self.shared.done.send((number, Err(error)));
                    return;
                }
            }
            number += 1;
        }
    }

    /// Plans a batch, draws how it is mixed, and leases its memory.
    fn begin(&self, number: u64, epoch: u32, index: u64) -> Result<BatchWork> {
        let context = &self.shared.context;
        let plan = context.plan.batch(epoch, index);
        let views = context.views_at(epoch)?;
        let images = context.emitted(plan.slots.len());
        let values = views
            .groups
            .iter()
            .map(|group| group.count() * images * group.writer.values());
        let (pixels, lease) = self
            .shared
            .pool
            .lease(context.recipe.output.dtype, values)?;
        let outputs = pixels.into_iter().zip(&views.groups);
        let outputs = outputs
            .map(|(pixels, group)| Output::new(pixels, group.count() * images))
            .collect();
        let buffers = Arc::clone(&self.shared.buffers);
        BatchWork::new(
            context,
            number,
            plan,
            views,
            BatchMemory { outputs, lease },
            buffers,
        )
    }

    /// Sends all slots of a batch to the decoders, by way of the runtime if the source blocks.
    /// `None` if the run is stopped.
    fn feed(&self, work: &Arc<BatchWork>) -> Option<()> {
        let slots = work.plan.slots.len();
        let mut start = 0;
        while start < slots {
            let (end, bytes) = self.cut(work, start);
            if self.shared.stop.load(Ordering::Relaxed) {
                return None;
            }
            match &self.runtime {
                None => {
                    let raw = (start..end).map(|_| None).collect();
                    let waiting = stats::now();
                    self.chunks
                        .send(ReadChunk {
                            work: Arc::clone(work),
                            start,
                            raw,
                            _permit: None,
                        })
                        .ok()?;
                    Meter::add(&self.shared.meter.reader_blocked, waiting);
                }
                Some(runtime) => self.read(runtime, work, start..end, bytes)?,
            }
            start = end;
        }
        Some(())
    }

    /// The end of the chunk that begins at slot `start`, and the encoded bytes of the chunk.
    fn cut(&self, work: &BatchWork, start: usize) -> (usize, u64) {
        let slots = &work.plan.slots[start..];
        let most = self.chunk.unwrap_or(CHUNK_MOST);
        // Raw pixels take so little work that small ones may exceed the limit, as long as the batch
        // still has two chunks for each worker.
        let share = work.plan.slots.len() / (2 * self.workers);
        let mut bytes = 0u64;
        let mut count = 0;
        for slot in slots.iter().take(most) {
            let size = self.shared.context.source.size(slot.visit.sample);
            let full = bytes.saturating_add(size) > CHUNK_BYTES && (size > SMALL || count >= share);
            if count > 0 && self.chunk.is_none() && full {
                break;
            }
            bytes = bytes.saturating_add(size);
            count += 1;
        }
        (start + count, bytes)
    }

    /// Starts reading slots on the runtime, once the budgets allow it. `None` if the run is
    /// stopped.
    fn read(
        &self,
        runtime: &Handle,
        work: &Arc<BatchWork>,
        slots: Range<usize>,
        bytes: u64,
    ) -> Option<()> {
        let waiting = stats::now();
        let permit = self.shared.encoded.acquire(bytes)?;
        let read_permit = self.shared.reads.acquire(1)?;
        Meter::add(&self.shared.meter.reader_blocked, waiting);
        let (shared, work, chunks) = (
            Arc::clone(&self.shared),
            Arc::clone(work),
            self.chunks.clone(),
        );
        runtime.spawn_blocking(move || {
            let busy = stats::now();
            let read = |slot: usize| {
                let sample = work.plan.slots[slot].visit.sample;
                if shared.stop.load(Ordering::Relaxed) {
                    return None;
                }
                Some(shared.guard("reader", sample, || {
                    shared.context.fetch(sample, Vec::new())
                }))
            };
            let start = slots.start;
            let raw: Vec<_> = slots.map(read).collect();
            let bytes = raw
                .iter()
                .flatten()
                .flatten()
                .map(|sample| sample.raw.bytes.len() as u64)
                .sum();
            shared.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
            Meter::add(&shared.meter.reading, busy);
            if !shared.stop.load(Ordering::Relaxed) {
                // Fails only when the workers are gone, and then the chunk is not needed.
                let _ = chunks.send(ReadChunk {
                    work,
                    start,
                    raw,
                    _permit: Some(permit),
                });
            }
            drop(read_permit);
        });
        Some(())
    }
}
