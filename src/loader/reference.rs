//! The reference path: one batch on one thread, slot by slot, from whole decoded images, with plain
//! formulas for the final pass.
//!
//! It is slow and meant to be obviously right, and tests hold the pipeline to its bytes. It shares
//! with the pipeline what defines a batch: the plan, the drawn parameters, the ops. It does without
//! what makes a batch fast: regions, threads, slabs, tables and vector code in the final pass. An
//! error in one of those shows up as a difference. An error in an op does not, which is why ops
//! have references of their own.

use crate::augment::StepScratch;
use crate::batch::{Batch, Pixels, SlotPixels};
use crate::cpu::Simd;
use crate::decode::Probe;
use crate::error::Result;
use crate::geometry::Rect;
use crate::kernels::normalize::Element;
use crate::pipeline::RunContext;
use crate::pipeline::batcher::{BatchParts, FinishedSlot};
use crate::pipeline::context::{DecodeScratch, SlotSample, SlotTask};
use crate::pipeline::mixing::{self, Emitted, GroupSlot};
use crate::pipeline::views::{AnnotatedViews, ViewSet};
use crate::plan::{BatchPlan, Visit};
use crate::recipe::Dtype;

/// A slot with its views, before mixing.
struct ReferenceSlot {
    sample: SlotSample,
    /// The 8-bit pixels of each view; `None` for a blank slot.
    views: Option<Vec<Vec<u8>>>,
    /// The same pixels, one view after the other, as mixers take them.
    joined: Option<Vec<u8>>,
    notes: Vec<i64>,
    annotations: AnnotatedViews,
}

/// Batch `index` of an epoch.
///
/// # Errors
///
/// Those of [`Loader::reference_batch`](super::Loader::reference_batch).
///
/// # Panics
///
/// If the epoch has no such batch.
pub(super) fn batch(context: &RunContext, epoch: u32, index: u64) -> Result<Batch> {
    let plan = context.plan.batch(epoch, index);
    let views = context.views_at(epoch)?;
    let slots = plan.slots.iter().enumerate();
    let slots = slots
        .map(|(slot, planned)| make_slot(context, &plan, &views, slot, planned.visit))
        .collect::<Result<Vec<ReferenceSlot>>>()?;
    let emitted = mix(context, &plan, &views, &slots)?;
    let pixels = (0..views.groups.len()).map(|g| match context.recipe.output.dtype {
        Dtype::U8 => Pixels::U8(write(context, &views, g, &slots, &emitted)),
        Dtype::F16 => Pixels::F16(write(context, &views, g, &slots, &emitted)),
        Dtype::Bf16 => Pixels::Bf16(write(context, &views, g, &slots, &emitted)),
        Dtype::F32 => Pixels::F32(write(context, &views, g, &slots, &emitted)),
    });
    let finished = slots.iter().map(|slot| FinishedSlot {
        visit: slot.sample.visit,
        target: slot.sample.target.clone(),
        fault: slot.sample.fault.clone(),
        blank: slot.sample.region.is_none(),
        notes: &slot.notes,
    });
    let parts = BatchParts {
        plan: &plan,
        views: &views,
        slots: finished.collect(),
        annotations: emitted
            .iter()
            .map(|each| each.annotations.clone())
            .collect(),
        emitted: &emitted.iter().collect::<Vec<_>>(),
        pixels: pixels.collect(),
        lease: None,
    };
    Ok(parts.assemble(context))
}

/// Decodes the whole image of a slot, and runs the program of each view on it.
fn make_slot(
    context: &RunContext,
    plan: &BatchPlan,
    views: &ViewSet,
    slot: usize,
    planned: Visit,
) -> Result<ReferenceSlot> {
    let task = SlotTask {
        views,
        epoch: plan.epoch,
        index: plan.index,
        global_slot: plan.first + slot,
        slot,
        planned,
    };
    let mut decoded = DecodeScratch::new();
    let mut whole = |_: Rect, probe: &Probe, _: u64| Ok(Rect::whole(probe.width, probe.height));
    let sample = context.decode_slot(&mut decoded, &task, None, &mut whole)?;
    let scratch = &mut StepScratch::new(Simd::detect());
    let Some(region) = sample.region else {
        return Ok(ReferenceSlot {
            sample,
            views: None,
            joined: None,
            notes: views.notes(&[]),
            annotations: AnnotatedViews::default(),
        });
    };
    let mut made = Vec::new();
    for view_slot in views.view_slots() {
        let mut out = vec![0; view_slot.group.values()];
        let program = &decoded.programs[view_slot.number];
        let size = view_slot.group.size();
        program.run(scratch, &decoded.pixels, region, &mut out, size)?;
        made.push(out);
    }
    let joint = context.recipe.joint.as_ref();
    Ok(ReferenceSlot {
        annotations: views.annotate(joint, &decoded.programs, &sample.annotations, scratch)?,
        notes: views.notes(&decoded.programs),
        joined: Some(made.concat()),
        views: Some(made),
        sample,
    })
}

/// The images that the slots become, mixing group by mixing group.
fn mix(
    context: &RunContext,
    plan: &BatchPlan,
    views: &ViewSet,
    slots: &[ReferenceSlot],
) -> Result<Vec<Emitted>> {
    if views.mix.is_none() {
        let each = slots.iter().enumerate();
        let unmixed = each.map(|(at, slot)| {
            let mut emitted = Emitted::unmixed(at);
            emitted.annotations = slot.annotations.clone();
            emitted
        });
        return Ok(unmixed.collect());
    }
    let all: Vec<GroupSlot<'_>> = slots
        .iter()
        .map(|slot| GroupSlot {
            views: slot.joined.as_deref(),
            sample: slot.sample.visit.sample,
            target: &slot.sample.target,
            annotations: &slot.annotations,
        })
        .collect();
    let mut emitted = Vec::new();
    let drawn = mixing::draw(context, views, plan)?;
    for (drawn, start) in drawn.iter().zip((0..).step_by(context.group)) {
        let group = &all[start..(start + context.group).min(all.len())];
        emitted.extend(mixing::resolve(context, views, start, drawn, group)?);
    }
    Ok(emitted)
}

/// The values of all views of view group `g`, in the order of its tensor.
fn write<T: Element>(
    context: &RunContext,
    views: &ViewSet,
    g: usize,
    slots: &[ReferenceSlot],
    emitted: &[Emitted],
) -> Vec<T> {
    let mut values = Vec::new();
    for view_slot in views.view_slots().filter(|view_slot| view_slot.g == g) {
        let size = view_slot.group.size();
        for Emitted { mixed, .. } in emitted {
            let source = |slot: &usize| Some(&slots[*slot].views.as_ref()?[view_slot.number][..]);
            let sources: Option<Vec<&[u8]>> = mixed.sources.iter().map(source).collect();
            let blend = mixed.blend.scaled(views.mix_size(), size);
            let written = match &sources {
                Some(sources) => SlotPixels::Views {
                    sources,
                    blend: &blend,
                },
                None => SlotPixels::Blank,
            };
            let writer = &view_slot.group.writer;
            let mut out = vec![T::from_f32(0.0); writer.values()];
            writer.write_plainly(&context.recipe.output, written, &mut out);
            values.extend(out);
        }
    }
    values
}
