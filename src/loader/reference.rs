//! The reference path: one batch on one thread, slot by slot, whole images, no tables.

use crate::augment::AugmentScratch;
use crate::batch::{Batch, Pixels, SlotPixels};
use crate::decode::Probe;
use crate::error::Result;
use crate::geometry::Rect;
use crate::kernels::normalize::Element;
use crate::pipeline::Line;
use crate::pipeline::batcher::{Slot, assemble};
use crate::pipeline::line::{Desk, Place};
use crate::pipeline::mixing::{self, Emitted, GroupSlot};
use crate::pipeline::views::{AnnotatedViews, Spot, ViewSet};
use crate::recipe::Dtype;

pub(super) fn batch(line: &Line, epoch: u32, index: u64) -> Result<Batch> {
    let plan = line.plan.batch(epoch, index);
    let views = line.views_at(epoch)?;
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
        let mut desk = Desk::new();
        let mut whole = |_: Rect, probe: &Probe, _: u64| Ok(Rect::whole(probe.width, probe.height));
        let admitted = line.admit(&mut desk, &views, place, planned.visit, None, &mut whole)?;
        let view = |spot: Spot<'_>, region: Rect| -> Result<Vec<u8>> {
            let mut out = vec![0; spot.group.values()];
            let scratch = &mut AugmentScratch::new(crate::cpu::Simd::detect());
            desk.programs[spot.number].run(
                scratch,
                &desk.pixels,
                region,
                &mut out,
                spot.group.frame(),
            )?;
            Ok(out)
        };
        let made = admitted
            .region
            .map(|region| views.spots().map(|spot| view(spot, region)).collect());
        pixels.push(made.transpose()?);
        annotations.push(match admitted.region {
            Some(_) => views.annotate(
                line.recipe.joint.as_ref(),
                &desk.programs,
                &admitted.annotations,
                &mut AugmentScratch::new(crate::cpu::Simd::detect()),
            )?,
            None => AnnotatedViews::default(),
        });
        notes.push(views.notes(if admitted.region.is_some() {
            &desk.programs
        } else {
            &[]
        }));
        admissions.push(admitted);
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
        .map(|((admitted, views), annotations)| GroupSlot {
            views: views.as_deref(),
            sample: admitted.visit.sample,
            target: &admitted.target,
            annotations,
        })
        .collect();
    let mut emitted = Vec::new();
    for (drawn, start) in mixing::draw(line, &views, &plan)?
        .iter()
        .zip((0..).step_by(line.group))
    {
        let group = &all[start..(start + line.group).min(all.len())];
        emitted.extend(mixing::resolve(line, &views, start, drawn, group)?);
    }
    if views.mix.is_none() {
        let each = annotations.iter().enumerate();
        emitted.extend(each.map(|(slot, annotations)| Emitted::unmixed(slot, annotations.clone())));
    }
    let slots: Vec<Slot<'_>> = admissions
        .iter()
        .zip(&notes)
        .map(|(admitted, notes)| Slot {
            visit: admitted.visit,
            target: admitted.target.clone(),
            fault: admitted.fault.clone(),
            blank: admitted.region.is_none(),
            notes,
        })
        .collect();
    fn write<T: Element>(
        line: &Line,
        views: &ViewSet,
        g: usize,
        pixels: &[Option<Vec<Vec<u8>>>],
        emitted: &[Emitted],
    ) -> Vec<T> {
        let mut values = Vec::new();
        for spot in views.spots().filter(|spot| spot.g == g) {
            for Emitted { mixed, .. } in emitted {
                let sources: Option<Vec<&[u8]>> = mixed
                    .sources
                    .iter()
                    .map(|slot| Some(&pixels[*slot].as_ref()?[spot.number][..]))
                    .collect();
                let blend = mixed.blend.scaled(views.mix_frame(), spot.group.frame());
                let written = match &sources {
                    Some(sources) => SlotPixels::Views {
                        sources,
                        blend: &blend,
                    },
                    None => SlotPixels::Blank,
                };
                let mut out = vec![T::from_f32(0.0); spot.group.values()];
                spot.group
                    .writer
                    .write_plainly(&line.recipe.output, written, &mut out);
                values.extend(out);
            }
        }
        values
    }
    let tensors = (0..views.groups.len()).map(|g| match line.recipe.output.dtype {
        Dtype::U8 => Pixels::U8(write(line, &views, g, &pixels, &emitted)),
        Dtype::F16 => Pixels::F16(write(line, &views, g, &pixels, &emitted)),
        Dtype::Bf16 => Pixels::Bf16(write(line, &views, g, &pixels, &emitted)),
        Dtype::F32 => Pixels::F32(write(line, &views, g, &pixels, &emitted)),
    });
    let emitted: Vec<&Emitted> = emitted.iter().collect();
    Ok(assemble(
        line,
        &plan,
        &views,
        slots,
        &emitted,
        tensors.collect(),
        None,
    ))
}
