//! A worker's turn with a chunk: read what was not read ahead, decode, augment, stage, slot by
//! slot.

use std::sync::atomic::Ordering;

use super::augmenter::AugmentScratch;
use super::batcher::{BatchWork, Staged, StagedView};
use super::budget::Permit;
use super::context::{DecodeScratch, ReadSample, SlotSample};
use super::stats::{Laps, Stage};
use super::views::AnnotatedViews;
use super::{ReadChunk, Shared};
use crate::error::Result;

/// The buffers that a worker keeps from sample to sample.
pub(super) struct WorkerScratch {
    decode: DecodeScratch,
    augment: AugmentScratch,
    /// The decoded bytes that the worker holds of the budget, for the sample that it works on.
    permit: Option<Permit>,
}

impl WorkerScratch {
    pub(super) fn new() -> WorkerScratch {
        WorkerScratch {
            decode: DecodeScratch::new(),
            augment: AugmentScratch::new(),
            permit: None,
        }
    }
}

impl Shared {
    /// Decodes and augments the slots of a chunk, one after the other, and stages them.
    pub(super) fn work_on(&self, chunk: ReadChunk, scratch: &mut WorkerScratch) {
        // The permit for encoded bytes is held until the last slot of the chunk is decoded.
        let ReadChunk {
            work,
            slots,
            raw,
            _permit,
        } = chunk;
        let mut laps = Laps::new(slots.len());
        let (mut raw, mut bytes) = (raw.into_iter(), 0);
        for slot in slots {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            laps.start();
            let read = raw.next().unwrap_or_else(|| {
                let sample = work.plan.slots[slot].visit.sample;
                let read = self.read_in_place(&mut scratch.decode, sample);
                bytes += read.as_ref().map_or(0, |read| read.raw.bytes.len() as u64);
                read
            });
            laps.lap(Stage::Reading);
            let WorkerScratch {
                decode,
                augment,
                permit,
            } = scratch;
            let sample = self.decode_slot((&work, slot), read, decode, permit);
            laps.lap(Stage::Decoding);
            let staged = match sample {
                Ok(sample) if sample.region.is_none() => Ok(stage_blank(&work, slot, sample)),
                Ok(sample) => self.augment((&work, slot), sample, decode, augment, &mut laps),
                Err(error) => Err(error),
            };
            self.stage(&work, slot, staged);
            laps.lap(Stage::Batching);
        }
        // Held from sample to sample, and not beyond the chunk: whoever waits for it gets it now.
        scratch.permit = None;
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
        laps.finish(&self.meter);
    }

    /// Does the reader's part for a sample that was not read ahead.
    fn read_in_place(&self, scratch: &mut DecodeScratch, sample: u64) -> Result<ReadSample> {
        self.guard("reader", sample, || self.context.read(scratch, sample))
    }
}

/// A slot without pixels. Its zeros are written here unless mixing will.
fn stage_blank(work: &BatchWork, slot: usize, sample: SlotSample) -> Staged {
    if !work.mixes() {
        work.write_blank(slot);
    }
    Staged {
        visit: sample.visit,
        target: sample.target,
        fault: sample.fault,
        view: StagedView::Blank,
        notes: work.views.notes(&[]),
        annotations: AnnotatedViews::default(),
    }
}
