//! The reference path: one batch on one thread, slot by slot, whole images, no tables.

use crate::augment::ProgramScratch;
use crate::batch::{Batch, Pixels, SlotPixels};
use crate::decode::Probe;
use crate::error::Result;
use crate::geometry::Rect;
use crate::kernels::normalize::Element;
use crate::pipeline::RunContext;
use crate::pipeline::batcher::{Slot, assemble};
use crate::pipeline::context::{DecodeScratch, Place};
use crate::pipeline::mixing::{self, Emitted, GroupSlot};
use crate::pipeline::views::{AnnotatedViews, ViewSet, ViewSlot};
use crate::recipe::Dtype;

pub(super) fn batch(context: &RunContext, epoch: u32, index: u64) -> Result<Batch> {
    let plan = context.plan.batch(epoch, index);
    let views = context.views_at(epoch)?;
    // The 8-bit pixels of each view of each slot.
    let mut pixels: Vec<Option<Vec<Vec<u8>>>> = Vec::new();
    let mut notes = Vec::new();
    let mut annotations = Vec::new();
    let mut admissions = Vec::new();
    for (slot, planned) in plan.slots.iter().enumerate() {
        let place = Place {
            epoch,
            index,
            global_slot: plan.first + slot,
            slot,
        };
        let mut decode_scratch = DecodeScratch::new();
        let mut whole = |_: Rect, probe: &Probe, _: u64| Ok(Rect::whole(probe.width, probe.height));
        let slot_sample = context.decode_slot(
            &mut decode_scratch,
            &views,
            place,
            planned.visit,
            None,
            &mut whole,
        )?;
        let view = |view_slot: ViewSlot<'_>, region: Rect| -> Result<Vec<u8>> {
            let mut out = vec![0; view_slot.group.values()];
            let scratch = &mut ProgramScratch::new(crate::cpu::Simd::detect());
            decode_scratch.programs[view_slot.number].run(
                scratch,
                &decode_scratch.pixels,
                region,
                &mut out,
                view_slot.group.frame(),
            )?;
            Ok(out)
        };
        let made = slot_sample.region.map(|region| {
            views
                .view_slots()
                .map(|view_slot| view(view_slot, region))
                .collect()
        });
        pixels.push(made.transpose()?);
        annotations.push(match slot_sample.region {
            Some(_) => views.annotate(
                context.recipe.joint.as_ref(),
                &decode_scratch.programs,
                &slot_sample.annotations,
                &mut ProgramScratch::new(crate::cpu::Simd::detect()),
            )?,
            None => AnnotatedViews::default(),
        });
        notes.push(views.notes(if slot_sample.region.is_some() {
            &decode_scratch.programs
        } else {
            &[]
        }));
        admissions.push(slot_sample);
    }
    // The views of a slot one after the other, as mixers look at them.
    let joined: Vec<Option<Vec<u8>>> = pixels
        .iter()
        .map(|views| Some(views.as_ref()?.concat()))
        .collect();
    let all: Vec<GroupSlot<'_>> = admissions
        .iter()
        .zip(&joined)
        .zip(&annotations)
        .map(|((slot_sample, views), annotations)| GroupSlot {
            views: views.as_deref(),
            sample: slot_sample.visit.sample,
            target: &slot_sample.target,
            annotations,
        })
        .collect();
    let mut emitted = Vec::new();
    for (drawn, start) in mixing::draw(context, &views, &plan)?
        .iter()
        .zip((0..).step_by(context.group))
    {
        let group = &all[start..(start + context.group).min(all.len())];
        emitted.extend(mixing::resolve(context, &views, start, drawn, group)?);
    }
    if views.mix.is_none() {
        let each = annotations.iter().enumerate();
        emitted.extend(each.map(|(slot, annotations)| Emitted::unmixed(slot, annotations.clone())));
    }
    let slots: Vec<Slot<'_>> = admissions
        .iter()
        .zip(&notes)
        .map(|(slot_sample, notes)| Slot {
            visit: slot_sample.visit,
            target: slot_sample.target.clone(),
            fault: slot_sample.fault.clone(),
            blank: slot_sample.region.is_none(),
            notes,
        })
        .collect();
    fn write<T: Element>(
        context: &RunContext,
        views: &ViewSet,
        g: usize,
        pixels: &[Option<Vec<Vec<u8>>>],
        emitted: &[Emitted],
    ) -> Vec<T> {
        let mut values = Vec::new();
        for view_slot in views.view_slots().filter(|view_slot| view_slot.g == g) {
            for Emitted { mixed, .. } in emitted {
                let sources: Option<Vec<&[u8]>> = mixed
                    .sources
                    .iter()
                    .map(|slot| Some(&pixels[*slot].as_ref()?[view_slot.number][..]))
                    .collect();
                let blend = mixed
                    .blend
                    .scaled(views.mix_frame(), view_slot.group.frame());
                let written = match &sources {
                    Some(sources) => SlotPixels::Views {
                        sources,
                        blend: &blend,
                    },
                    None => SlotPixels::Blank,
                };
                let mut out = vec![T::from_f32(0.0); view_slot.group.values()];
                view_slot
                    .group
                    .writer
                    .write_plainly(&context.recipe.output, written, &mut out);
                values.extend(out);
            }
        }
        values
    }
    let tensors = (0..views.groups.len()).map(|g| match context.recipe.output.dtype {
        Dtype::U8 => Pixels::U8(write(context, &views, g, &pixels, &emitted)),
        Dtype::F16 => Pixels::F16(write(context, &views, g, &pixels, &emitted)),
        Dtype::Bf16 => Pixels::Bf16(write(context, &views, g, &pixels, &emitted)),
        Dtype::F32 => Pixels::F32(write(context, &views, g, &pixels, &emitted)),
    });
    let emitted: Vec<&Emitted> = emitted.iter().collect();
    Ok(assemble(
        context,
        &plan,
        &views,
        slots,
        &emitted,
        tensors.collect(),
        None,
    ))
}
