//! The reference path: one batch on one thread, slot by slot, whole pictures, no tables.

use crate::augment::Scratch;
use crate::batch::{Batch, Element, Pixels, SlotPixels};
use crate::decode::{Probe, Rect, simd};
use crate::error::Result;
use crate::mix::{Blend, Method, SlotMix};
use crate::pipeline::Line;
use crate::pipeline::batcher::{Slot, assemble, draw_mix};
use crate::pipeline::line::{Desk, Place};
use crate::pipeline::views::{AnnotatedViews, Group, Spot};
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
        let place = Place { epoch, index, global_slot: plan.first + slot, slot };
        let mut desk = Desk::new();
        let mut whole = |_: Rect, probe: &Probe, _: u64| Ok(Rect::whole(probe.width, probe.height));
        let admitted = line.admit(&mut desk, &views, place, planned.visit, None, &mut whole)?;
        let view = |spot: Spot<'_>, region: Rect| -> Result<Vec<u8>> {
            let mut out = vec![0; spot.group.values()];
            let scratch = &mut Scratch::new(simd());
            desk.programs[spot.number].run(scratch, &desk.pixels, region, &mut out, spot.group.frame())?;
            Ok(out)
        };
        let made = admitted.region.map(|region| views.spots().map(|spot| view(spot, region)).collect());
        pixels.push(made.transpose()?);
        annotations.push(match admitted.region {
            Some(_) => views.annotate(
                line.recipe.joint.as_ref(),
                &desk.programs,
                &admitted.annotations,
                &mut Scratch::new(simd()),
            )?,
            None => AnnotatedViews::default(),
        });
        notes.push(views.notes(if admitted.region.is_some() { &desk.programs } else { &[] }));
        admissions.push(admitted);
    }
    let slots: Vec<Slot<'_>> = admissions
        .into_iter()
        .zip(&notes)
        .zip(annotations)
        .map(|((admitted, notes), annotations)| Slot {
            visit: admitted.visit,
            target: admitted.target,
            fault: admitted.fault,
            blank: admitted.region.is_none(),
            notes,
            annotations,
        })
        .collect();
    let drawn = draw_mix(line, &views, &plan);
    let mix: Vec<SlotMix> = (0..slots.len())
        .map(|slot| match drawn.get(slot) {
            Some(mix) if pixels[slot].is_some() && pixels[mix.partner].is_some() => *mix,
            _ => SlotMix { method: Method::Unmixed, partner: slot, blend: Blend::Keep },
        })
        .collect();
    let mut tensors: Vec<Vec<SlotPixels<'_>>> = views.groups.iter().map(|_| Vec::new()).collect();
    for spot in views.spots() {
        tensors[spot.g].extend(mix.iter().enumerate().map(|(slot, mix)| {
            match (&pixels[slot], &pixels[mix.partner]) {
                (Some(own), Some(partner)) => SlotPixels::Views {
                    own: &own[spot.number],
                    partner: &partner[spot.number],
                    blend: mix.blend.scaled(views.mix_frame(), spot.group.frame()),
                },
                _ => SlotPixels::Blank,
            }
        }));
    }
    fn write<T: Element>(line: &Line, group: &Group, pictures: &[SlotPixels<'_>]) -> Vec<T> {
        let mut values = vec![T::from_f32(0.0); pictures.len() * group.values()];
        for (pixels, out) in pictures.iter().zip(values.chunks_exact_mut(group.values())) {
            group.finisher.write_plainly(&line.recipe.output, *pixels, out);
        }
        values
    }
    let tensors = views.groups.iter().zip(&tensors).map(|(group, pictures)| match line.recipe.output.dtype {
        Dtype::U8 => Pixels::U8(write(line, group, pictures)),
        Dtype::F16 => Pixels::F16(write(line, group, pictures)),
        Dtype::Bf16 => Pixels::Bf16(write(line, group, pictures)),
        Dtype::F32 => Pixels::F32(write(line, group, pictures)),
    });
    Ok(assemble(line, &plan, &views, slots, &mix, tensors.collect(), None))
}
