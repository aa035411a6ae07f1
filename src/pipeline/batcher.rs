//! The batcher: slots become a batch.
//!
//! As soon as all slots of a mixing group are staged, whoever staged the last one writes the group into the batch's slab;
//! whoever finishes the last group closes the batch. Which thread that is changes nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::line::Line;
use super::views::{AnnotatedViews, Spot, ViewSet};
use crate::batch::{Batch, Lease, MixRecord, Output, Pixels, SlotPixels, Tensor};
use crate::error::{Error, Fault, Result};
use crate::loader::LoaderState;
use crate::mix::{Blend, Method, SlotMix};
use crate::plan::{BatchPlan, Visit};
use crate::source::Target;

/// A slot that went through the augmenter.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) visit: Visit,
    pub(crate) target: Target,
    pub(crate) fault: Option<Fault>,
    pub(crate) view: StagedView,
    /// What ops left with its views.
    pub(crate) notes: Vec<i64>,
    /// What is annotated in its views.
    pub(crate) annotations: AnnotatedViews,
}

/// Where a slot's views are.
#[derive(Debug)]
pub(crate) enum StagedView {
    /// There is none.
    Blank,
    /// Written to the slab already: it mixes with nobody.
    Written,
    /// Here, all views one after the other, waiting for its partners.
    Here(Vec<u8>),
}

/// A batch in preparation.
pub(crate) struct BatchWork {
    /// Its place in the run.
    pub(super) number: u64,
    pub(super) plan: BatchPlan,
    pub(super) views: Arc<ViewSet>,
    /// One for each group of views.
    outputs: Vec<Output>,
    lease: Mutex<Option<Lease>>,
    mix: Vec<SlotMix>,
    group: usize,
    slots: Vec<OnceLock<Result<Staged>>>,
    group_left: Vec<AtomicUsize>,
    groups_left: AtomicUsize,
    buffers: Arc<Buffers>,
}

/// Buffers for the views of a slot, used again.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// A buffer of unknown content.
    pub(super) fn lease(&self, bytes: usize) -> Vec<u8> {
        let mut buffer = self.0.lock().expect("no panic inside").pop().unwrap_or_default();
        buffer.resize(bytes, 0);
        buffer
    }
}

impl Drop for BatchWork {
    fn drop(&mut self) {
        let used = self.slots.iter_mut().filter_map(|slot| match slot.take()?.ok()?.view {
            StagedView::Here(views) => Some(views),
            StagedView::Blank | StagedView::Written => None,
        });
        self.buffers.0.lock().expect("no panic inside").extend(used);
    }
}

/// How each slot of a batch is mixed: by group, with partners inside it. Empty without mixing.
pub(crate) fn draw_mix(line: &Line, views: &ViewSet, plan: &BatchPlan) -> Vec<SlotMix> {
    let Some(mix) = &line.recipe.mix else { return Vec::new() };
    let mut all = Vec::with_capacity(plan.slots.len());
    while all.len() < plan.slots.len() {
        let start = all.len();
        let slots = line.group.min(plan.slots.len() - start);
        let number = line.group_number(plan.first, start);
        let drawn = mix.draw(line.recipe.seed, plan.epoch, plan.index, number, slots, views.mix_frame());
        all.extend(drawn.into_iter().map(|slot| SlotMix { partner: start + slot.partner, ..slot }));
    }
    all
}

impl BatchWork {
    pub(super) fn new(
        line: &Line,
        number: u64,
        plan: BatchPlan,
        views: Arc<ViewSet>,
        outputs: Vec<Output>,
        lease: Lease,
        buffers: Arc<Buffers>,
    ) -> BatchWork {
        let count = plan.slots.len();
        let groups = count.div_ceil(line.group);
        BatchWork {
            number,
            mix: draw_mix(line, &views, &plan),
            outputs,
            lease: Mutex::new(Some(lease)),
            group: line.group,
            slots: (0..count).map(|_| OnceLock::new()).collect(),
            group_left: (0..groups)
                .map(|group| AtomicUsize::new(line.group.min(count - group * line.group)))
                .collect(),
            groups_left: AtomicUsize::new(groups),
            plan,
            views,
            buffers,
        }
    }

    /// True if slots have to wait for partners.
    pub(super) fn mixes(&self) -> bool {
        !self.mix.is_empty()
    }

    /// Writes one view of a slot.
    pub(super) fn write(&self, slot: usize, spot: &Spot<'_>, pixels: SlotPixels<'_>) {
        let piece = spot.k * self.slots.len() + slot;
        self.outputs[spot.g].write(piece, &spot.group.finisher, pixels);
    }

    /// Writes a slot without pixels.
    pub(super) fn write_blank(&self, slot: usize) {
        self.views.spots().for_each(|spot| self.write(slot, &spot, SlotPixels::Blank));
    }

    /// Takes a slot in. If it was the batch's last one, the batch comes back.
    pub(super) fn stage(&self, line: &Line, slot: usize, staged: Result<Staged>) -> Option<Result<Batch>> {
        if self.slots[slot].set(staged).is_err() {
            unreachable!("slot {slot} staged twice");
        }
        let group = slot / self.group;
        // Release publishes the slot to whoever counts to zero, acquire lets that thread see all the others.
        if self.group_left[group].fetch_sub(1, Ordering::AcqRel) != 1 {
            return None;
        }
        if self.mixes() {
            self.finish_group(group);
        }
        if self.groups_left.fetch_sub(1, Ordering::AcqRel) != 1 {
            return None;
        }
        Some(self.close(line))
    }

    fn staged(&self, slot: usize) -> Option<&Staged> {
        self.slots[slot].get().and_then(|staged| staged.as_ref().ok())
    }

    /// The pixels of all views of a slot.
    fn pixels(&self, slot: usize) -> Option<&[u8]> {
        match &self.staged(slot)?.view {
            StagedView::Here(views) => Some(views),
            StagedView::Blank | StagedView::Written => None,
        }
    }

    /// How a slot is really mixed: not at all if it or its partner is blank.
    fn mixed(&self, slot: usize) -> SlotMix {
        let unmixed = SlotMix { method: Method::Unmixed, partner: slot, blend: Blend::Keep };
        match self.mix.get(slot) {
            Some(mix) if self.pixels(slot).is_some() && self.pixels(mix.partner).is_some() => *mix,
            _ => unmixed,
        }
    }

    fn finish_group(&self, group: usize) {
        let start = group * self.group;
        let end = (start + self.group).min(self.slots.len());
        // An error anywhere fails the batch, so its pixels do not matter.
        if (start..end).any(|slot| self.staged(slot).is_none()) {
            return;
        }
        for slot in start..end {
            let mix = self.mixed(slot);
            let (Some(own), Some(partner)) = (self.pixels(slot), self.pixels(mix.partner)) else {
                self.write_blank(slot);
                continue;
            };
            for spot in self.views.spots() {
                let (own, partner) = (&own[spot.bytes.clone()], &partner[spot.bytes.clone()]);
                let blend = mix.blend.scaled(self.views.mix_frame(), spot.group.frame());
                self.write(slot, &spot, SlotPixels::Views { own, partner, blend });
            }
        }
    }

    fn close(&self, line: &Line) -> Result<Batch> {
        let mut done = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            match slot.get().expect("every slot was staged") {
                Ok(staged) => done.push(staged),
                Err(error) => return Err(error.restate()),
            }
        }
        let pixels: Option<Vec<Pixels>> = self.outputs.iter().map(Output::take).collect();
        let pixels = pixels.ok_or_else(|| {
            Error::new(
                crate::Kind::Worker,
                format!("batch {} was closed before it was written", self.plan.index),
            )
        })?;
        let lease = self.lease.lock().expect("no panic inside").take();
        let mixes: Vec<SlotMix> = (0..done.len()).map(|slot| self.mixed(slot)).collect();
        let slots = done.iter().map(|staged| {
            let blank = matches!(staged.view, StagedView::Blank);
            Slot {
                visit: staged.visit,
                target: staged.target.clone(),
                fault: staged.fault.clone(),
                blank,
                notes: &staged.notes,
                annotations: staged.annotations.clone(),
            }
        });
        Ok(assemble(line, &self.plan, &self.views, slots.collect(), &mixes, pixels, lease))
    }
}

/// A finished slot but for its pixels.
pub(crate) struct Slot<'a> {
    pub(crate) visit: Visit,
    pub(crate) target: Target,
    pub(crate) fault: Option<Fault>,
    pub(crate) blank: bool,
    pub(crate) notes: &'a [i64],
    pub(crate) annotations: AnnotatedViews,
}

/// Puts a batch together from its parts.
pub(crate) fn assemble(
    line: &Line,
    plan: &BatchPlan,
    views: &ViewSet,
    slots: Vec<Slot<'_>>,
    mix: &[SlotMix],
    pixels: Vec<Pixels>,
    lease: Option<Lease>,
) -> Batch {
    let shapes = views.shapes(slots.len());
    let tensors = pixels.into_iter().zip(shapes).map(|(pixels, shape)| Tensor { pixels, shape }).collect();
    let mix: Vec<MixRecord> = mix
        .iter()
        .map(|mix| MixRecord {
            method: mix.method,
            partner: (plan.first + mix.partner) as u32,
            lam: mix.blend.lam(views.mix_frame()) as f32,
            rect: match mix.blend {
                Blend::Box { rect } => rect,
                _ => [0; 4],
            },
        })
        .collect();
    let notes = views.note_columns(&slots.iter().map(|slot| slot.notes).collect::<Vec<_>>());
    let mut targets = Vec::with_capacity(slots.len());
    let mut annotations = Vec::with_capacity(slots.len());
    let mut faults = Vec::new();
    let (mut samples, mut occurrences, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    let sources = slots.iter().map(|slot| line.plan.source_of(slot.visit.sample) as u32).collect();
    for (slot, planned) in slots.into_iter().zip(&plan.slots) {
        samples.push(slot.visit.sample);
        occurrences.push(slot.visit.occurrence);
        valid.push(planned.valid && !slot.blank);
        targets.push(slot.target);
        annotations.push(slot.annotations);
        faults.extend(slot.fault);
    }
    let seen = samples.len() as u64;
    let bad = faults.len() as u64;
    Batch {
        epoch: plan.epoch,
        index: plan.index,
        first: plan.first,
        layout: line.recipe.output.layout,
        tensors,
        targets: line.targets.make(&targets, &mix, plan.first),
        samples,
        sources,
        weights: plan.slots.iter().map(|slot| slot.weight).collect(),
        roles: plan.slots.iter().map(|slot| slot.role).collect(),
        groups: plan.slots.iter().map(|slot| slot.group).collect(),
        occurrences,
        valid,
        mix,
        notes,
        annotations,
        max_boxes: line.recipe.joint.as_ref().and_then(|joint| joint.max_boxes),
        faults,
        state: LoaderState::after(line, plan.epoch, plan.index, seen, bad),
        lease,
    }
}
