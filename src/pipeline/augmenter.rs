//! The augmenter: pixels to views, and straight on to the slab if nobody mixes with them.

use super::Shared;
use super::batcher::{BatchWork, Staged, StagedView};
use super::context::SlotSample;
use super::stats::{self, Meter};
use super::views::AnnotatedViews;
use crate::augment::{Program, Scratch};
use crate::batch::SlotPixels;
use crate::error::Result;
use crate::mix::Blend;

/// What an augmenter keeps from sample to sample.
pub(super) struct AugmentScratch {
    scratch: Scratch,
    /// A view on its way to the slab.
    view: Vec<u8>,
}

impl AugmentScratch {
    pub(super) fn new() -> AugmentScratch {
        AugmentScratch {
            scratch: Scratch::new(crate::decode::simd()),
            view: Vec::new(),
        }
    }
}

impl Shared {
    /// Runs the programs of a slot and stages it.
    pub(super) fn augment(
        &self,
        work: &BatchWork,
        slot: usize,
        slot_sample: SlotSample,
        programs: &[Program],
        pixels: &[u8],
        augment_scratch: &mut AugmentScratch,
    ) {
        let sample = slot_sample.visit.sample;
        let result = self.guard("augmenter", sample, || {
            self.views(work, slot, &slot_sample, programs, pixels, augment_scratch)
        });
        let SlotSample {
            visit,
            target,
            fault,
            ..
        } = slot_sample;
        let notes = work.views.notes(programs);
        let staged = result.map(|(view, annotations)| Staged {
            visit,
            target,
            fault,
            view,
            notes,
            annotations,
        });
        let busy = stats::now();
        self.stage(work, slot, staged);
        Meter::add(&self.meter.batching, busy);
    }

    fn views(
        &self,
        work: &BatchWork,
        slot: usize,
        slot_sample: &SlotSample,
        programs: &[Program],
        pixels: &[u8],
        augment_scratch: &mut AugmentScratch,
    ) -> Result<(StagedView, AnnotatedViews)> {
        let mut busy = stats::now();
        let region = slot_sample
            .region
            .expect("blank slots are staged by the decoder");
        let AugmentScratch { scratch, view } = augment_scratch;
        let joint = self.context.recipe.joint.as_ref();
        let annotations =
            work.views
                .annotate(joint, programs, &slot_sample.annotations, scratch)?;
        if work.mixes() {
            let mut views = self.buffers.lease(work.views.bytes());
            for view_slot in work.views.view_slots() {
                let out = &mut views[view_slot.bytes];
                programs[view_slot.number].run(
                    scratch,
                    pixels,
                    region,
                    out,
                    view_slot.group.frame(),
                )?;
            }
            Meter::add(&self.meter.augmenting, busy);
            return Ok((StagedView::Here(views), annotations));
        }
        for view_slot in work.views.view_slots() {
            view.resize(view_slot.group.values(), 0);
            programs[view_slot.number].run(
                scratch,
                pixels,
                region,
                view,
                view_slot.group.frame(),
            )?;
            busy = Meter::lap(&self.meter.augmenting, busy);
            work.write(
                slot,
                &view_slot,
                SlotPixels::Views {
                    sources: &[view],
                    blend: &Blend::Keep,
                },
            );
            busy = Meter::lap(&self.meter.batching, busy);
        }
        Ok((StagedView::Written, annotations))
    }
}
