//! The decoder: stored bytes to pixels, as many as the crop needs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::batcher::{BatchWork, Staged, StagedView};
use super::budget::Permit;
use super::context::{DecodeScratch, Place, ReadSample, SlotSample};
use super::stats::{self, Meter};
use super::views::AnnotatedViews;
use super::{ReadChunk, Shared};
use crate::augment::Program;
use crate::decode::Probe;
use crate::error::{Error, Kind, Result};
use crate::geometry::Rect;

/// A slot on its way to the augmenter.
pub(super) struct DecodedSlot {
    pub(super) work: Arc<BatchWork>,
    pub(super) slot: usize,
    pub(super) slot_sample: SlotSample,
    pub(super) programs: Vec<Program>,
    pub(super) pixels: Vec<u8>,
    pub(super) permit: Option<Permit>,
}

impl Shared {
    /// Decodes the slots of a chunk and hands each to `next` at the desk. Slots that need no
    /// augmenting are staged here.
    pub(super) fn decode_chunk(
        &self,
        chunk: ReadChunk,
        decode_scratch: &mut DecodeScratch,
        mut next: impl FnMut(&mut DecodeScratch, &Arc<BatchWork>, usize, SlotSample, Option<Permit>),
    ) {
        let ReadChunk {
            work,
            start,
            raw,
            _permit,
        } = chunk;
        for (offset, raw) in raw.into_iter().enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let slot = start + offset;
            let raw = raw.unwrap_or_else(|| {
                self.read_in_place(decode_scratch, work.plan.slots[slot].visit.sample)
            });
            let busy = stats::now();
            let mut permit = None;
            let result = self.decode_slot(&work, slot, raw, decode_scratch, &mut permit);
            Meter::add(&self.meter.decoding, busy);
            match result {
                Ok(slot_sample) if slot_sample.region.is_none() => {
                    let SlotSample {
                        visit,
                        target,
                        fault,
                        ..
                    } = slot_sample;
                    let notes = work.views.notes(&[]);
                    let view = StagedView::Blank;
                    let annotations = AnnotatedViews::default();
                    let staged = Staged {
                        visit,
                        target,
                        fault,
                        view,
                        notes,
                        annotations,
                    };
                    if !work.mixes() {
                        work.write_blank(slot);
                    }
                    self.stage(&work, slot, Ok(staged));
                }
                Ok(slot_sample) => next(decode_scratch, &work, slot, slot_sample, permit),
                Err(error) => self.stage(&work, slot, Err(error)),
            }
        }
    }

    /// The reader's part for sources that do not block.
    fn read_in_place(&self, decode_scratch: &mut DecodeScratch, sample: u64) -> Result<ReadSample> {
        let busy = stats::now();
        let raw = self.guard("reader", sample, || {
            self.context.read(decode_scratch, sample)
        });
        let bytes = raw
            .as_ref()
            .map_or(0, |sample| sample.raw.bytes.len() as u64);
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
        Meter::add(&self.meter.reading, busy);
        raw
    }

    fn decode_slot(
        &self,
        work: &BatchWork,
        slot: usize,
        raw: Result<ReadSample>,
        decode_scratch: &mut DecodeScratch,
        permit: &mut Option<Permit>,
    ) -> Result<SlotSample> {
        let plan = &work.plan;
        let visit = plan.slots[slot].visit;
        let place = Place {
            epoch: plan.epoch,
            index: plan.index,
            global_slot: plan.first + slot,
            slot,
        };
        let slot_sample = self.guard("decoder", visit.sample, || {
            let mut choose = |wish: Rect, _: &Probe, planes: u64| {
                *permit = None;
                *permit = self
                    .decoded
                    .acquire(u64::from(wish.width) * u64::from(wish.height) * 3 + planes);
                match permit {
                    Some(_) => Ok(wish),
                    None => Err(Error::new(Kind::Stopped, "the loader was stopped")),
                }
            };
            self.context.decode_slot(
                decode_scratch,
                &work.views,
                place,
                visit,
                Some(raw),
                &mut choose,
            )
        })?;
        if slot_sample.fault.is_some() {
            self.meter.bad.fetch_add(1, Ordering::Relaxed);
        }
        Ok(slot_sample)
    }
}
