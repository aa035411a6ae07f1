//! The augmenter role: it turns pixels into views.
//!
//! If the recipe mixes, the 8-bit views wait in a buffer until their mixing group is complete. If
//! not, each view goes through the final pass into the slab right away, while it is in cache.

use super::Shared;
use super::batcher::{BatchWork, Staged, StagedView};
use super::context::SlotSample;
use super::decoder::DecodedSlot;
use super::stats::{self, Meter};
use super::views::AnnotatedViews;
use crate::augment::{Program, StepScratch};
use crate::batch::SlotPixels;
use crate::error::Result;
use crate::mix::Blend;

/// The buffers that an augmenter keeps from sample to sample.
pub(super) struct AugmentScratch {
    scratch: StepScratch,
    /// A view on its way to the slab.
    view: Vec<u8>,
}

impl AugmentScratch {
    pub(super) fn new() -> AugmentScratch {
        AugmentScratch {
            scratch: StepScratch::new(crate::cpu::Simd::detect()),
            view: Vec::new(),
        }
    }
}

/// What the views of a slot are made from: a program for each, and the pixels that they all read.
#[derive(Clone, Copy)]
pub(super) struct ViewInput<'a> {
    pub(super) programs: &'a [Program],
    pub(super) pixels: &'a [u8],
}

impl Shared {
    /// Runs the programs of a slot and stages it.
    pub(super) fn augment(
        &self,
        decoded: DecodedSlot,
        input: ViewInput<'_>,
        scratch: &mut AugmentScratch,
    ) {
        let DecodedSlot {
            work,
            slot,
            sample,
            permit,
        } = decoded;
        let result = self.guard("augmenter", sample.visit.sample, || {
            self.make_views(&work, slot, &sample, input, scratch)
        });
        let staged = result.map(|(view, annotations)| Staged {
            visit: sample.visit,
            target: sample.target,
            fault: sample.fault,
            view,
            notes: work.views.notes(input.programs),
            annotations,
        });
        let busy = stats::now();
        self.stage(&work, slot, staged);
        Meter::add(&self.meter.batching, busy);
        drop(permit);
    }

    /// Runs the program of each view of a slot. Returns where the views are, and their annotations.
    fn make_views(
        &self,
        work: &BatchWork,
        slot: usize,
        sample: &SlotSample,
        input: ViewInput<'_>,
        scratch: &mut AugmentScratch,
    ) -> Result<(StagedView, AnnotatedViews)> {
        let ViewInput { programs, pixels } = input;
        let mut busy = stats::now();
        let region = sample
            .region
            .expect("blank slots are staged by the decoder");
        let AugmentScratch { scratch, view } = scratch;
        let joint = self.context.recipe.joint.as_ref();
        let annotations = work
            .views
            .annotate(joint, programs, &sample.annotations, scratch)?;
        if work.mixes() {
            let mut views = self.buffers.lease(work.views.bytes());
            for view_slot in work.views.view_slots() {
                let size = view_slot.group.frame();
                let out = &mut views[view_slot.bytes];
                programs[view_slot.number].run(scratch, pixels, region, out, size)?;
            }
            Meter::add(&self.meter.augmenting, busy);
            return Ok((StagedView::Here(views), annotations));
        }
        for view_slot in work.views.view_slots() {
            let size = view_slot.group.frame();
            view.resize(view_slot.group.values(), 0);
            programs[view_slot.number].run(scratch, pixels, region, view, size)?;
            busy = Meter::lap(&self.meter.augmenting, busy);
            let unmixed = SlotPixels::Views {
                sources: &[view],
                blend: &Blend::Keep,
            };
            work.write(slot, &view_slot, unmixed);
            busy = Meter::lap(&self.meter.batching, busy);
        }
        Ok((StagedView::Written, annotations))
    }
}
