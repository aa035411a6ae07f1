//! The augmenter role: it turns pixels into views.
//!
//! If the recipe mixes, the 8-bit views wait in a buffer until their mixing group is complete. If
//! not, each view goes through the final pass into the slab right away, while it is in cache.

use super::Shared;
use super::batcher::{BatchWork, Staged, StagedView};
use super::context::{DecodeScratch, SlotSample};
use super::stats::{Laps, Stage};
use super::views::AnnotatedViews;
use crate::augment::StepScratch;
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

impl Shared {
    /// Runs the programs of a slot on its pixels, both of which are in `decoded`.
    pub(super) fn augment(
        &self,
        (work, slot): (&BatchWork, usize),
        sample: SlotSample,
        decoded: &DecodeScratch,
        scratch: &mut AugmentScratch,
        laps: &mut Laps,
    ) -> Result<Staged> {
        let (view, annotations) = self.guard("augmenter", sample.visit.sample, || {
            self.make_views((work, slot), &sample, decoded, scratch, laps)
        })?;
        Ok(Staged {
            visit: sample.visit,
            target: sample.target,
            fault: sample.fault,
            view,
            notes: work.views.notes(&decoded.programs),
            annotations,
        })
    }

    /// Runs the program of each view of a slot. Returns where the views are, and their annotations.
    fn make_views(
        &self,
        (work, slot): (&BatchWork, usize),
        sample: &SlotSample,
        decoded: &DecodeScratch,
        scratch: &mut AugmentScratch,
        laps: &mut Laps,
    ) -> Result<(StagedView, AnnotatedViews)> {
        let (programs, pixels) = (&decoded.programs, &decoded.pixels);
        let region = sample.region.expect("blank slots are not augmented");
        let AugmentScratch { scratch, view } = scratch;
        let joint = self.context.recipe.joint.as_ref();
        let annotations = work
            .views
            .annotate(joint, programs, &sample.annotations, scratch)?;
        if work.mixes() {
            let mut views = self.buffers.lease(work.views.bytes());
            for view_slot in work.views.view_slots() {
                let size = view_slot.group.size();
                let out = &mut views[view_slot.bytes];
                programs[view_slot.number].run(scratch, pixels, region, out, size)?;
            }
            laps.lap(Stage::Augmenting);
            return Ok((StagedView::Here(views), annotations));
        }
        for view_slot in work.views.view_slots() {
            let size = view_slot.group.size();
            view.resize(view_slot.group.values(), 0);
            programs[view_slot.number].run(scratch, pixels, region, view, size)?;
            laps.lap(Stage::Augmenting);
            let unmixed = SlotPixels::Views {
                sources: &[view],
                blend: &Blend::Keep,
            };
            work.write(slot, &view_slot, unmixed);
            laps.lap(Stage::Batching);
        }
        Ok((StagedView::Written, annotations))
    }
}
