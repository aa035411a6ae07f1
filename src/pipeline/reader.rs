//! The reader role: it plans batches in order and gets their encoded bytes.
//!
//! Planning computes the slots of a batch, leases the slab, and cuts the slots into chunks. What
//! happens to a chunk then depends on the source. Memory-mapped sources do not block, so a worker
//! takes the chunk as it is and reads in place. Sources that block are read ahead of the workers by
//! threads of the pool, and while reads wait for the device, the samples that come next are
//! announced to the source, so that a disk or a network file system works on many requests at once.
//! A worker that finds no chunk that was read reads for itself.
//!
//! Chunks are measured in bytes and not in samples, so that each has about the same work whether
//! images are icons or photographs.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::batcher::{BatchMemory, BatchWork};
use super::budget::Permit;
use super::stats;
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
    pub(super) fn next(&mut self, plan: &Plan) -> Option<(u32, u64)> {
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

/// Neighboring slots of a batch that were not read yet.
pub(super) struct Chunk {
    pub(super) work: Arc<BatchWork>,
    pub(super) slots: Range<usize>,
    /// The encoded bytes that the chunk holds of the budget, for a chunk that is read ahead.
    pub(super) permit: Option<Permit>,
}

/// The slots of each chunk of a batch, with their encoded bytes.
pub(super) type Chunks = VecDeque<(Range<usize>, u64)>;

/// The size of a chunk, in encoded bytes. They take about half a millisecond to decode. Taking
/// a chunk costs a microsecond, or several if a thread has to be woken, which is negligible next to
/// that.
const CHUNK_BYTES: u64 = 48 << 10;
/// The most samples in a chunk.
const CHUNK_MOST: usize = 64;
/// The largest size of a small image, in bytes. Raw pixels of this size take next to no time, so
/// [`CHUNK_BYTES`] would cut chunks too short.
const SMALL: u64 = 4 << 10;

/// A read that takes longer than this for each sample, plus a nanosecond for each byte, waited for
/// the device. A copy from the page cache takes a fraction of it.
const SLOW: Duration = Duration::from_micros(100);
/// For how many chunks samples are still announced after a slow read. Reads that were announced are
/// fast, so a fast one does not mean that announcing is of no use.
const KEEP_ANNOUNCING: u32 = 256;

impl Shared {
    /// Begins a batch and cuts it into chunks. `None` for an error, which goes to the consumer.
    pub(super) fn begin(
        &self,
        number: u64,
        epoch: u32,
        index: u64,
    ) -> Option<(Arc<BatchWork>, Chunks)> {
        match self.plan(number, epoch, index) {
            Ok(work) => {
                self.meter.in_flight.fetch_add(1, Ordering::Relaxed);
                let chunks = self.cut_all(&work);
                Some((Arc::new(work), chunks))
            }
            Err(error) => {
                self.deliveries.put(number, Err(error));
                None
            }
        }
    }

    /// Plans a batch, draws how it is mixed, and leases its memory.
    fn plan(&self, number: u64, epoch: u32, index: u64) -> Result<BatchWork> {
        let context = &self.context;
        let plan = context.plan.batch(epoch, index);
        let views = context.views_at(epoch)?;
        let images = context.emitted(plan.slots.len());
        let values = views
            .groups
            .iter()
            .map(|group| group.count() * images * group.writer.values());
        let (pixels, lease) = self.memory.lease(context.recipe.output.dtype, values)?;
        let outputs = pixels.into_iter().zip(&views.groups);
        let outputs = outputs
            .map(|(pixels, group)| Output::new(pixels, group.count() * images))
            .collect();
        let buffers = Arc::clone(&self.buffers);
        BatchWork::new(
            context,
            number,
            plan,
            views,
            BatchMemory { outputs, lease },
            buffers,
        )
    }

    /// The chunks of a batch, each with its encoded bytes.
    fn cut_all(&self, work: &BatchWork) -> Chunks {
        let slots = work.plan.slots.len();
        let mut chunks = VecDeque::new();
        let mut start = 0;
        while start < slots {
            let (end, bytes) = self.cut(work, start);
            chunks.push_back((start..end, bytes));
            start = end;
        }
        chunks
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
            let size = self.context.source.size(slot.visit.sample);
            let full = bytes.saturating_add(size) > CHUNK_BYTES && (size > SMALL || count >= share);
            if count > 0 && self.chunk.is_none() && full {
                break;
            }
            bytes = bytes.saturating_add(size);
            count += 1;
        }
        (start + count, bytes)
    }

    /// Reads a chunk for the workers, after announcing the samples of `ahead` to the source.
    pub(super) fn read_chunk(&self, chunk: Chunk, ahead: &[Chunk]) -> ReadChunk {
        let busy = stats::now();
        for Chunk { work, slots, .. } in ahead {
            for slot in &work.plan.slots[slots.clone()] {
                self.context.source.read_ahead(slot.visit.sample);
            }
        }
        let Chunk {
            work,
            slots,
            permit,
        } = chunk;
        let mut raw = Vec::with_capacity(slots.len());
        for slot in &work.plan.slots[slots.clone()] {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let sample = slot.visit.sample;
            raw.push(self.guard("reader", sample, || self.context.fetch(sample, Vec::new())));
        }
        let read = raw.iter().flatten();
        let bytes = read.map(|sample| sample.raw.bytes.len() as u64).sum();
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
        let took = busy.elapsed();
        self.meter
            .reading
            .fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
        let limit = SLOW * slots.len() as u32 + Duration::from_nanos(bytes);
        if took > limit {
            self.slow_reads.store(KEEP_ANNOUNCING, Ordering::Relaxed);
        } else if !ahead.is_empty() {
            // Saturating: several threads may count down at once.
            let left = self.slow_reads.load(Ordering::Relaxed);
            self.slow_reads
                .store(left.saturating_sub(1), Ordering::Relaxed);
        }
        ReadChunk {
            work,
            slots,
            raw,
            _permit: permit,
        }
    }
}
