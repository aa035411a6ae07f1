//! The augmenter: pixels to a view, and straight on to the slab if nobody mixes with it.

use std::time::Instant;

use super::Shared;
use super::batcher::{BatchWork, Staged, StagedView};
use super::line::Admitted;
use super::stats::Meter;
use crate::augment::{Program, Scratch};
use crate::batch::SlotPixels;
use crate::error::Result;
use crate::mix::Blend;

/// What an augmenter keeps from sample to sample.
pub(super) struct Easel {
    scratch: Scratch,
    /// A view on its way to the slab.
    view: Vec<u8>,
}

impl Easel {
    pub(super) fn new() -> Easel {
        Easel { scratch: Scratch::new(crate::decode::simd()), view: Vec::new() }
    }
}

impl Shared {
    /// Runs the program of a slot and stages it.
    pub(super) fn augment(
        &self,
        work: &BatchWork,
        slot: usize,
        admitted: Admitted,
        program: &Program,
        pixels: &mut Vec<u8>,
        easel: &mut Easel,
    ) {
        let sample = admitted.visit.sample;
        let result =
            self.guard("augmenter", sample, || self.view(work, slot, &admitted, program, pixels, easel));
        let Admitted { visit, target, fault, .. } = admitted;
        let staged = result.map(|view| Staged { visit, target, fault, view });
        let busy = Instant::now();
        self.stage(work, slot, staged);
        Meter::add(&self.meter.batching, busy);
    }

    fn view(
        &self,
        work: &BatchWork,
        slot: usize,
        admitted: &Admitted,
        program: &Program,
        pixels: &mut Vec<u8>,
        easel: &mut Easel,
    ) -> Result<StagedView> {
        let busy = Instant::now();
        let frame = self.line.frame();
        let bytes = frame.width as usize * frame.height as usize * 3;
        let region = admitted.region.expect("blank slots are staged by the decoder");
        if work.mixes() {
            let mut view = self.views.lease(bytes);
            program.run(&mut easel.scratch, pixels, region, &mut view, frame)?;
            Meter::add(&self.meter.augmenting, busy);
            return Ok(StagedView::Here(view));
        }
        let Easel { scratch, view } = easel;
        view.resize(bytes, 0);
        program.run(scratch, pixels, region, view, frame)?;
        let busy = Meter::lap(&self.meter.augmenting, busy);
        let views = SlotPixels::Views { own: view, partner: view, blend: Blend::Keep };
        work.write(&self.line, slot, views);
        Meter::add(&self.meter.batching, busy);
        Ok(StagedView::Written)
    }
}
