//! The augmenter: pixels to views, and straight on to the slab if nobody mixes with them.

use std::time::Instant;

use super::Shared;
use super::batcher::{BatchWork, Staged, StagedView};
use super::line::Admitted;
use super::stats::Meter;
use super::views::AnnotatedViews;
use crate::augment::{AugmentScratch, Program};
use crate::batch::SlotPixels;
use crate::error::Result;
use crate::mix::Blend;

/// What an augmenter keeps from sample to sample.
pub(super) struct Easel {
    scratch: AugmentScratch,
    /// A view on its way to the slab.
    view: Vec<u8>,
}

impl Easel {
    pub(super) fn new() -> Easel {
        Easel {
            scratch: AugmentScratch::new(crate::cpu::Simd::detect()),
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
        admitted: Admitted,
        programs: &[Program],
        pixels: &[u8],
        easel: &mut Easel,
    ) {
        let sample = admitted.visit.sample;
        let result = self.guard("augmenter", sample, || {
            self.views(work, slot, &admitted, programs, pixels, easel)
        });
        let Admitted {
            visit,
            target,
            fault,
            ..
        } = admitted;
        let notes = work.views.notes(programs);
        let staged = result.map(|(view, annotations)| Staged {
            visit,
            target,
            fault,
            view,
            notes,
            annotations,
        });
        let busy = Instant::now();
        self.stage(work, slot, staged);
        Meter::add(&self.meter.batching, busy);
    }

    fn views(
        &self,
        work: &BatchWork,
        slot: usize,
        admitted: &Admitted,
        programs: &[Program],
        pixels: &[u8],
        easel: &mut Easel,
    ) -> Result<(StagedView, AnnotatedViews)> {
        let mut busy = Instant::now();
        let region = admitted
            .region
            .expect("blank slots are staged by the decoder");
        let Easel { scratch, view } = easel;
        let joint = self.line.recipe.joint.as_ref();
        let annotations = work
            .views
            .annotate(joint, programs, &admitted.annotations, scratch)?;
        if work.mixes() {
            let mut views = self.buffers.lease(work.views.bytes());
            for spot in work.views.spots() {
                let out = &mut views[spot.bytes];
                programs[spot.number].run(scratch, pixels, region, out, spot.group.frame())?;
            }
            Meter::add(&self.meter.augmenting, busy);
            return Ok((StagedView::Here(views), annotations));
        }
        for spot in work.views.spots() {
            view.resize(spot.group.values(), 0);
            programs[spot.number].run(scratch, pixels, region, view, spot.group.frame())?;
            busy = Meter::lap(&self.meter.augmenting, busy);
            work.write(
                slot,
                &spot,
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
