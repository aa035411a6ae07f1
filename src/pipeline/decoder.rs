//! The decoder role: it turns stored bytes into pixels, and only into those that the crops need.
//!
//! What a sample needs, and what happens to a bad one, is decided in [`super::context`] without
//! threads. This file adds what threads need: the budget of decoded bytes, panics, and times.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::batcher::{BatchWork, Staged, StagedView};
use super::budget::Permit;
use super::context::{DecodeScratch, ReadSample, SlotSample, SlotTask};
use super::stats::{self, Meter};
use super::views::AnnotatedViews;
use super::{ReadChunk, Shared};
use crate::augment::Program;
use crate::decode::Probe;
use crate::error::{Error, Kind, Result};
use crate::geometry::Rect;

/// A decoded slot without its pixels and programs, which are in the decoder's scratch.
pub(super) struct DecodedSlot {
    pub(super) work: Arc<BatchWork>,
    pub(super) slot: usize,
    pub(super) sample: SlotSample,
    /// The decoded bytes that it holds of the memory budget.
    pub(super) permit: Option<Permit>,
}

/// A decoded slot with its pixels, on its way to an augmenter on another thread.
pub(super) struct SentSlot {
    pub(super) decoded: DecodedSlot,
    pub(super) programs: Vec<Program>,
    pub(super) pixels: Vec<u8>,
}

impl Shared {
    /// Decodes the slots of a chunk and calls `next` for each, with the scratch that holds its
    /// pixels. Blank and failed slots need no augmenting and are staged here.
    pub(super) fn decode_chunk(
        &self,
        chunk: ReadChunk,
        scratch: &mut DecodeScratch,
        mut next: impl FnMut(&mut DecodeScratch, DecodedSlot),
    ) {
        // The permit for encoded bytes is held until the last slot of the chunk is decoded.
        let ReadChunk {
            work,
            start,
            raw,
            _permit,
        } = chunk;
        for (slot, raw) in (start..).zip(raw) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let raw = raw
                .unwrap_or_else(|| self.read_in_place(scratch, work.plan.slots[slot].visit.sample));
            let busy = stats::now();
            let mut permit = None;
            let result = self.decode_slot(&work, slot, raw, scratch, &mut permit);
            Meter::add(&self.meter.decoding, busy);
            match result {
                Ok(sample) if sample.region.is_none() => self.stage_blank(&work, slot, sample),
                Ok(sample) => {
                    let work = Arc::clone(&work);
                    let decoded = DecodedSlot {
                        work,
                        slot,
                        sample,
                        permit,
                    };
                    next(scratch, decoded);
                }
                Err(error) => self.stage(&work, slot, Err(error)),
            }
        }
    }

    /// Stages a slot without pixels, and writes its zeros unless mixing will.
    fn stage_blank(&self, work: &BatchWork, slot: usize, sample: SlotSample) {
        let staged = Staged {
            visit: sample.visit,
            target: sample.target,
            fault: sample.fault,
            view: StagedView::Blank,
            notes: work.views.notes(&[]),
            annotations: AnnotatedViews::default(),
        };
        if !work.mixes() {
            work.write_blank(slot);
        }
        self.stage(work, slot, Ok(staged));
    }

    /// Does the reader's part for sources that do not block.
    fn read_in_place(&self, scratch: &mut DecodeScratch, sample: u64) -> Result<ReadSample> {
        let busy = stats::now();
        let read = self.guard("reader", sample, || self.context.read(scratch, sample));
        let bytes = read
            .as_ref()
            .map_or(0, |sample| sample.raw.bytes.len() as u64);
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
        Meter::add(&self.meter.reading, busy);
        read
    }

    /// Decodes a slot into `scratch`. `permit` receives the decoded bytes that it holds.
    fn decode_slot(
        &self,
        work: &BatchWork,
        slot: usize,
        read: Result<ReadSample>,
        scratch: &mut DecodeScratch,
        permit: &mut Option<Permit>,
    ) -> Result<SlotSample> {
        let plan = &work.plan;
        let task = SlotTask {
            views: &work.views,
            epoch: plan.epoch,
            index: plan.index,
            global_slot: plan.first + slot,
            slot,
            planned: plan.slots[slot].visit,
        };
        let mut choose = |region: Rect, _: &Probe, planes: u64| {
            // This runs again for a replacement. The bad sample's bytes are returned first, or the
            // worker could wait for bytes that it holds itself.
            *permit = None;
            let pixels = u64::from(region.width) * u64::from(region.height);
            *permit = self.decoded.acquire(pixels * 3 + planes);
            match permit {
                Some(_) => Ok(region),
                None => Err(Error::new(Kind::Stopped, "the loader was stopped")),
            }
        };
        let sample = self.guard("decoder", task.planned.sample, || {
            self.context
                .decode_slot(scratch, &task, Some(read), &mut choose)
        })?;
        if sample.fault.is_some() {
            self.meter.bad.fetch_add(1, Ordering::Relaxed);
        }
        Ok(sample)
    }
}
