//! The batcher role: it turns staged slots into a batch.
//!
//! The batcher is not a thread. As soon as all slots of a mixing group are staged, the worker that
//! staged the last one writes the group into the batch's slab, and the worker that finishes the
//! last group closes the batch. Two levels of atomic counters find these workers: slots left in
//! each group, and groups left in the batch. Whoever counts to zero has the work. No lock is held
//! while pixels are written, and which thread does it changes nothing, because everything random
//! was drawn before.
//!
//! The alternative, a thread that writes all batches, would cost one more hop for every slot and
//! could never use more than one core.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::context::RunContext;
use super::mixing::{self, Emitted, GroupSlot};
use super::views::{AnnotatedViews, ViewSet, ViewSlot};
use crate::batch::{Batch, Lease, Output, Pixels, SlotPixels, Tensor};
use crate::error::{Error, Fault, Result};
use crate::mix::{Mixed, SlotMix};
use crate::plan::{BatchPlan, Visit};
use crate::sample::Target;
use crate::state::LoaderState;

/// A slot that went through the augmenter, or that is blank.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) visit: Visit,
    pub(crate) target: Target,
    pub(crate) fault: Option<Box<Fault>>,
    pub(crate) view: StagedView,
    /// The notes that ops left with its views.
    pub(crate) notes: Vec<i64>,
    /// The annotations of its views.
    pub(crate) annotations: AnnotatedViews,
}

/// Where a slot's views are.
#[derive(Debug)]
pub(crate) enum StagedView {
    /// Nowhere: the slot is blank.
    Blank,
    /// In the slab already, because nothing mixes.
    Written,
    /// Here, all views one after the other, until the slots that mix with it are staged too.
    Here(Vec<u8>),
}

/// The memory that a batch is written to.
pub(super) struct BatchMemory {
    /// One for each view group.
    pub(super) outputs: Vec<Output>,
    /// Counts the bytes of the outputs against the limit on held batches.
    pub(super) lease: Lease,
}

/// A batch in preparation.
pub(crate) struct BatchWork {
    /// The number of the batch in the run.
    pub(super) number: u64,
    pub(super) plan: BatchPlan,
    pub(super) views: Arc<ViewSet>,
    /// One for each view group.
    outputs: Vec<Output>,
    /// Moves to the batch when it is closed.
    lease: Mutex<Option<Lease>>,
    /// How each mixing group is mixed, as drawn; empty without mixing.
    drawn: Vec<Vec<SlotMix>>,
    /// The images that each mixing group became.
    emitted: Vec<OnceLock<Result<Vec<Emitted>>>>,
    /// The slots of a mixing group.
    group: usize,
    /// The images that a whole mixing group emits.
    emits: usize,
    /// The slots, as they are staged.
    slots: Vec<OnceLock<Result<Staged>>>,
    /// How many images the batch has of each view.
    images: usize,
    /// For each mixing group, the slots that are not staged yet.
    group_left: Vec<AtomicUsize>,
    /// The mixing groups that are not finished yet.
    groups_left: AtomicUsize,
    buffers: Arc<Buffers>,
}

/// What the batches of a run use again.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Buffers for the views of a slot.
    views: Mutex<Vec<Vec<u8>>>,
    /// The image of each slot of a batch without mixing, which is the same in every batch.
    unmixed: OnceLock<Vec<Emitted>>,
}

impl Buffers {
    /// A buffer of this length with unspecified content.
    pub(super) fn lease(&self, bytes: usize) -> Vec<u8> {
        let mut buffer = self
            .views
            .lock()
            .expect("no panic inside")
            .pop()
            .unwrap_or_default();
        buffer.resize(bytes, 0);
        buffer
    }

    /// The images of a batch without mixing, which has at most as many slots as the recipe says.
    fn unmixed(&self, context: &RunContext) -> &[Emitted] {
        let each = || (0..context.recipe.batch).map(Emitted::unmixed).collect();
        self.unmixed.get_or_init(each)
    }
}

// The views of all slots are needed until the last group is written, so their buffers return to the
// pool together.
impl Drop for BatchWork {
    fn drop(&mut self) {
        if !self.mixes() {
            return;
        }
        let used = self
            .slots
            .iter_mut()
            .filter_map(|slot| match slot.take()?.ok()?.view {
                StagedView::Here(views) => Some(views),
                StagedView::Blank | StagedView::Written => None,
            });
        self.buffers
            .views
            .lock()
            .expect("no panic inside")
            .extend(used);
    }
}

impl BatchWork {
    /// Batch `number` of the run, which is planned as `plan` and written to `memory`.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Worker`] if a mixer panics while it draws.
    pub(super) fn new(
        context: &RunContext,
        number: u64,
        plan: BatchPlan,
        views: Arc<ViewSet>,
        memory: BatchMemory,
        buffers: Arc<Buffers>,
    ) -> Result<BatchWork> {
        let BatchMemory { outputs, lease } = memory;
        let count = plan.slots.len();
        let groups = count.div_ceil(context.group);
        Ok(BatchWork {
            number,
            drawn: mixing::draw(context, &views, &plan)?,
            emitted: (0..groups).map(|_| OnceLock::new()).collect(),
            emits: context.emitted(context.group),
            outputs,
            lease: Mutex::new(Some(lease)),
            group: context.group,
            slots: (0..count).map(|_| OnceLock::new()).collect(),
            images: context.emitted(count),
            group_left: (0..groups)
                .map(|group| AtomicUsize::new(context.group.min(count - group * context.group)))
                .collect(),
            groups_left: AtomicUsize::new(groups),
            plan,
            views,
            buffers,
        })
    }

    /// True if slots have to wait for partners.
    pub(super) fn mixes(&self) -> bool {
        !self.drawn.is_empty()
    }

    /// Writes one view of image `number` of the batch. Without mixing, image and slot are the same.
    pub(super) fn write(&self, number: usize, view_slot: &ViewSlot<'_>, pixels: SlotPixels<'_>) {
        let piece = view_slot.k * self.images + number;
        self.outputs[view_slot.g].write(piece, &view_slot.group.writer, pixels);
    }

    /// Writes an image without pixels.
    pub(super) fn write_blank(&self, number: usize) {
        self.views
            .view_slots()
            .for_each(|view_slot| self.write(number, &view_slot, SlotPixels::Blank));
    }

    /// Stages a slot, and does the work that this completes: writing its mixing group, and closing
    /// the batch. Returns the batch, or the error in its place, if the slot was the last one.
    pub(super) fn stage(
        &self,
        context: &RunContext,
        slot: usize,
        staged: Result<Staged>,
    ) -> Option<Result<Batch>> {
        if self.slots[slot].set(staged).is_err() {
            unreachable!("slot {slot} staged twice");
        }
        let group = slot / self.group;
        // Release publishes the slot to whoever counts to zero, acquire lets that thread see all
        // the others.
        if self.group_left[group].fetch_sub(1, Ordering::AcqRel) != 1 {
            return None;
        }
        if self.mixes() {
            self.finish_group(context, group);
        }
        if self.groups_left.fetch_sub(1, Ordering::AcqRel) != 1 {
            return None;
        }
        Some(self.close(context))
    }

    /// A slot that was staged without an error.
    fn staged(&self, slot: usize) -> Option<&Staged> {
        self.slots[slot]
            .get()
            .and_then(|staged| staged.as_ref().ok())
    }

    /// The pixels of all views of a slot that waits for mixing.
    fn pixels(&self, slot: usize) -> Option<&[u8]> {
        match &self.staged(slot)?.view {
            StagedView::Here(views) => Some(views),
            StagedView::Blank | StagedView::Written => None,
        }
    }

    /// Resolves and writes a mixing group, all slots of which are staged.
    fn finish_group(&self, context: &RunContext, group: usize) {
        let start = group * self.group;
        let end = (start + self.group).min(self.slots.len());
        // An error anywhere fails the batch, so its pixels do not matter.
        let Some(staged) = (start..end)
            .map(|slot| self.staged(slot))
            .collect::<Option<Vec<_>>>()
        else {
            return;
        };
        let slots: Vec<GroupSlot<'_>> = (start..end)
            .zip(&staged)
            .map(|(slot, staged)| GroupSlot {
                views: self.pixels(slot),
                sample: staged.visit.sample,
                target: &staged.target,
                annotations: &staged.annotations,
            })
            .collect();
        let emitted = mixing::resolve(context, &self.views, start, &self.drawn[group], &slots);
        for (number, Emitted { mixed, .. }) in (group * self.emits..).zip(emitted.iter().flatten())
        {
            let Some(all) = mixed
                .sources
                .iter()
                .map(|slot| self.pixels(*slot))
                .collect::<Option<Vec<_>>>()
            else {
                self.write_blank(number);
                continue;
            };
            for view_slot in self.views.view_slots() {
                let sources: Vec<&[u8]> = all
                    .iter()
                    .map(|views| &views[view_slot.bytes.clone()])
                    .collect();
                let blend = mixed
                    .blend
                    .scaled(self.views.mix_size(), view_slot.group.size());
                self.write(
                    number,
                    &view_slot,
                    SlotPixels::Views {
                        sources: &sources,
                        blend: &blend,
                    },
                );
            }
        }
        if self.emitted[group].set(emitted).is_err() {
            unreachable!("group {group} finished twice");
        }
    }

    /// Puts the batch together after its last group was finished. The error of the first slot or
    /// group that failed is the error of the batch, so that it does not depend on which one failed
    /// first.
    fn close(&self, context: &RunContext) -> Result<Batch> {
        let mut done = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            match slot.get().expect("every slot was staged") {
                Ok(staged) => done.push(staged),
                Err(error) => return Err(error.clone()),
            }
        }
        let mut emitted = Vec::with_capacity(self.images);
        if self.mixes() {
            for group in &self.emitted {
                match group.get().expect("every group was finished") {
                    Ok(group) => emitted.extend(group),
                    Err(error) => return Err(error.clone()),
                }
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
        let annotations = if self.mixes() {
            emitted
                .iter()
                .map(|each| each.annotations.clone())
                .collect()
        } else {
            emitted.extend(&self.buffers.unmixed(context)[..done.len()]);
            done.iter()
                .map(|staged| staged.annotations.clone())
                .collect()
        };
        let slots = done.iter().map(|staged| {
            let blank = matches!(staged.view, StagedView::Blank);
            FinishedSlot {
                visit: staged.visit,
                target: staged.target.clone(),
                fault: staged.fault.clone(),
                blank,
                notes: &staged.notes,
            }
        });
        let parts = BatchParts {
            plan: &self.plan,
            views: &self.views,
            slots: slots.collect(),
            emitted: &emitted,
            annotations,
            pixels,
            lease,
        };
        Ok(parts.assemble(context))
    }
}

/// A finished slot without its pixels.
pub(crate) struct FinishedSlot<'a> {
    pub(crate) visit: Visit,
    pub(crate) target: Target,
    pub(crate) fault: Option<Box<Fault>>,
    pub(crate) blank: bool,
    pub(crate) notes: &'a [i64],
}

/// All that a finished batch is put together from: the slots that were read, and the images that
/// they became.
pub(crate) struct BatchParts<'a> {
    pub(crate) plan: &'a BatchPlan,
    pub(crate) views: &'a ViewSet,
    pub(crate) slots: Vec<FinishedSlot<'a>>,
    pub(crate) emitted: &'a [&'a Emitted],
    /// The annotations of each image.
    pub(crate) annotations: Vec<AnnotatedViews>,
    /// One for each view group.
    pub(crate) pixels: Vec<Pixels>,
    pub(crate) lease: Option<Lease>,
}

impl BatchParts<'_> {
    /// Puts the batch together.
    pub(crate) fn assemble(self, context: &RunContext) -> Batch {
        let BatchParts {
            plan,
            views,
            slots,
            emitted,
            annotations,
            pixels,
            lease,
        } = self;
        let shapes = views.shapes(emitted.len());
        let tensors = pixels
            .into_iter()
            .zip(shapes)
            .map(|(pixels, shape)| Tensor { pixels, shape })
            .collect();
        let mixed: Vec<&Mixed> = emitted.iter().map(|each| &each.mixed).collect();
        let mut targets = Vec::with_capacity(slots.len());
        let mut faults = Vec::new();
        let (mut visits, mut valid, mut all_notes) = (Vec::new(), Vec::new(), Vec::new());
        for (slot, planned) in slots.into_iter().zip(&plan.slots) {
            visits.push(slot.visit);
            valid.push(planned.valid && !slot.blank);
            targets.push(slot.target);
            all_notes.push(slot.notes);
            faults.extend(slot.fault.map(|fault| *fault));
        }
        let own = || mixed.iter().map(|mixed| mixed.slot);
        let notes = views.note_columns(&own().map(|slot| all_notes[slot]).collect::<Vec<_>>());
        let seen = visits.len() as u64;
        let bad = faults.len() as u64;
        Batch {
            epoch: plan.epoch,
            index: plan.index,
            first: context.emitted(plan.first),
            first_read: plan.first,
            source: Arc::clone(&context.source),
            layout: context.recipe.output.layout,
            tensors,
            targets: context.targets.make(&targets, &mixed),
            samples: own().map(|slot| visits[slot].sample).collect(),
            sources: own()
                .map(|slot| context.plan.source_of(visits[slot].sample) as u32)
                .collect(),
            classes: own()
                .map(|slot| match targets[slot] {
                    Target::Class(class) => Some(class),
                    _ => None,
                })
                .collect(),
            weights: own().map(|slot| plan.slots[slot].weight).collect(),
            roles: own().map(|slot| plan.slots[slot].role).collect(),
            groups: own().map(|slot| plan.slots[slot].group).collect(),
            occurrences: own().map(|slot| visits[slot].occurrence).collect(),
            valid: own().map(|slot| valid[slot]).collect(),
            mix: emitted
                .iter()
                .map(|each| each.record(plan.first, |slot| visits[slot].sample))
                .collect(),
            masks: mixing::masks(views, emitted),
            smoothing: context.recipe.target.smoothing,
            notes,
            annotations,
            max_boxes: context
                .recipe
                .joint
                .as_ref()
                .and_then(|joint| joint.max_boxes),
            faults,
            state: LoaderState {
                seen,
                bad,
                ..LoaderState::after(
                    context.identity(),
                    plan.epoch,
                    plan.index,
                    context.plan.batches_at(plan.epoch),
                )
            },
            lease,
        }
    }
}
