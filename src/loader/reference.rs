//! The reference path: one batch on one thread, slot by slot, whole pictures, no tables.

use crate::augment::Scratch;
use crate::batch::{Batch, Pixels, SlotPixels};
use crate::decode::{Probe, Rect, simd};
use crate::error::Result;
use crate::mix::{Blend, Method, SlotMix};
use crate::pipeline::Line;
use crate::pipeline::batcher::{Slot, assemble, draw_mix};
use crate::pipeline::line::{Desk, Place};
use crate::recipe::Dtype;

pub(super) fn batch(line: &Line, epoch: u32, index: u64) -> Result<Batch> {
    let plan = line.plan.batch(epoch, index);
    let frame = line.frame();
    let bytes = frame.width as usize * frame.height as usize * 3;
    let mut views = Vec::new();
    let mut slots = Vec::new();
    for (slot, planned) in plan.slots.iter().enumerate() {
        let place = Place { epoch, index, global_slot: plan.first + slot, slot };
        let mut desk = Desk::new();
        let mut whole = |_: Rect, probe: &Probe| Ok(Rect::whole(probe.width, probe.height));
        let admitted = line.admit(&mut desk, place, planned.visit, None, &mut whole)?;
        let view = match admitted.region {
            Some(region) => {
                let mut view = vec![0; bytes];
                desk.program.run(&mut Scratch::new(simd()), &mut desk.pixels, region, &mut view, frame)?;
                Some(view)
            }
            None => None,
        };
        slots.push(Slot {
            visit: admitted.visit,
            target: admitted.target,
            fault: admitted.fault,
            blank: view.is_none(),
        });
        views.push(view);
    }
    let drawn = draw_mix(line, &plan);
    let mix: Vec<SlotMix> = (0..slots.len())
        .map(|slot| match drawn.get(slot) {
            Some(mix) if views[slot].is_some() && views[mix.partner].is_some() => *mix,
            _ => SlotMix { method: Method::Unmixed, partner: slot, blend: Blend::Keep },
        })
        .collect();
    let slot_pixels: Vec<SlotPixels<'_>> = mix
        .iter()
        .enumerate()
        .map(|(slot, mix)| match (&views[slot], &views[mix.partner]) {
            (Some(own), Some(partner)) => SlotPixels::Views { own, partner, blend: mix.blend },
            _ => SlotPixels::Blank,
        })
        .collect();
    fn write<T: crate::batch::Element>(line: &Line, slots: &[SlotPixels<'_>], bytes: usize) -> Vec<T> {
        let mut values = vec![T::from_f32(0.0); slots.len() * bytes];
        for (pixels, out) in slots.iter().zip(values.chunks_exact_mut(bytes)) {
            line.finisher.write_plainly(&line.recipe.output, *pixels, out);
        }
        values
    }
    let images = match line.recipe.output.dtype {
        Dtype::U8 => Pixels::U8(write(line, &slot_pixels, bytes)),
        Dtype::F16 => Pixels::F16(write(line, &slot_pixels, bytes)),
        Dtype::Bf16 => Pixels::Bf16(write(line, &slot_pixels, bytes)),
        Dtype::F32 => Pixels::F32(write(line, &slot_pixels, bytes)),
    };
    Ok(assemble(line, &plan, slots, &mix, images, None))
}
