//! The decoder: stored bytes to pixels, as many as the crop needs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::batcher::{BatchWork, Staged, StagedView};
use super::budget::Permit;
use super::line::{Admitted, Desk, Place, ReadSample};
use super::stats::Meter;
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
    pub(super) admitted: Admitted,
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
        desk: &mut Desk,
        mut next: impl FnMut(&mut Desk, &Arc<BatchWork>, usize, Admitted, Option<Permit>),
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
            let raw =
                raw.unwrap_or_else(|| self.read_in_place(desk, work.plan.slots[slot].visit.sample));
            let busy = Instant::now();
            let mut permit = None;
            let result = self.decode_slot(&work, slot, raw, desk, &mut permit);
            Meter::add(&self.meter.decoding, busy);
            match result {
                Ok(admitted) if admitted.region.is_none() => {
                    let Admitted {
                        visit,
                        target,
                        fault,
                        ..
                    } = admitted;
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
                Ok(admitted) => next(desk, &work, slot, admitted, permit),
                Err(error) => self.stage(&work, slot, Err(error)),
            }
        }
    }

    /// The reader's part for sources that do not block.
    fn read_in_place(&self, desk: &mut Desk, sample: u64) -> Result<ReadSample> {
        let busy = Instant::now();
        let raw = self.guard("reader", sample, || self.line.read(desk, sample));
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
        desk: &mut Desk,
        permit: &mut Option<Permit>,
    ) -> Result<Admitted> {
        let plan = &work.plan;
        let visit = plan.slots[slot].visit;
        let place = Place {
            epoch: plan.epoch,
            index: plan.index,
            global_slot: plan.first + slot,
            slot,
        };
        let admitted = self.guard("decoder", visit.sample, || {
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
            self.line
                .admit(desk, &work.views, place, visit, Some(raw), &mut choose)
        })?;
        if admitted.fault.is_some() {
            self.meter.bad.fetch_add(1, Ordering::Relaxed);
        }
        Ok(admitted)
    }
}
