//! A mixing group: what is drawn for it, and what it becomes.

use super::context::RunContext;
use super::views::{AnnotatedViews, ViewSet};
use crate::batch::{MaskPlanes, MixRecord};
use crate::error::{Result, catch};
use crate::mix::{EmitRole, GroupKey, Masks, Mixed, Pasted, Scene, SlotMix, patch_mask};
use crate::plan::BatchPlan;
use crate::sample::Target;

/// A slot of a group, as far as mixing looks at it.
pub(crate) struct GroupSlot<'a> {
    /// The pixels of all its views; `None` for a blank slot.
    pub(crate) views: Option<&'a [u8]>,
    pub(crate) sample: u64,
    pub(crate) target: &'a Target,
    pub(crate) annotations: &'a AnnotatedViews,
}

/// An image that a group emits. Slots count in the rank's batch.
#[derive(Debug)]
pub(crate) struct Emitted {
    pub(crate) mixed: Mixed,
    pub(crate) annotations: AnnotatedViews,
    pixels_mask: Vec<f32>,
    patch_mask: Vec<f32>,
}

/// What is drawn for the groups of a batch. Empty without mixing.
///
/// # Errors
///
/// [`crate::Kind::Worker`] if a mixer panics.
pub(crate) fn draw(
    context: &RunContext,
    views: &ViewSet,
    plan: &BatchPlan,
) -> Result<Vec<Vec<SlotMix>>> {
    let Some(mix) = &views.mix else {
        return Ok(Vec::new());
    };
    let draw = |start: usize| {
        let slots = context.group.min(plan.slots.len() - start);
        let key = GroupKey {
            seed: context.recipe.seed,
            epoch: plan.epoch,
            batch: plan.index,
            group: context.group_number(plan.first, start),
        };
        mix.draw(key, slots, views.mix_frame())
    };
    catch(|| {
        Ok((0..plan.slots.len())
            .step_by(context.group)
            .map(draw)
            .collect())
    })
    .map_err(|error| error.at(format_args!("the mixer, at batch {}", plan.index)))
}

/// What a group whose first slot is `start` becomes.
///
/// # Errors
///
/// As [`SlotMix::resolve`], with the sample named; [`crate::Kind::Worker`] if a mixer panics.
pub(crate) fn resolve(
    context: &RunContext,
    views: &ViewSet,
    start: usize,
    drawn: &[SlotMix],
    slots: &[GroupSlot<'_>],
) -> Result<Vec<Emitted>> {
    let frame = views.mix_frame();
    let masks = views
        .mix
        .as_ref()
        .map_or_else(Masks::default, |mix| mix.get_masks());
    let first = views.groups[0].values();
    let images: Vec<Option<&[u8]>> = slots
        .iter()
        .map(|slot| slot.views.map(|all| &all[..first]))
        .collect();
    let targets: Vec<&Target> = slots.iter().map(|slot| slot.target).collect();
    let annotations: Vec<_> = slots.iter().map(|slot| slot.annotations.first()).collect();
    let scene = Scene::new(frame, &images)?
        .targets(&targets)
        .annotations(&annotations);
    let mut terms = Vec::new();
    let emit = |drawn: &SlotMix| {
        let mut mixed = catch(|| drawn.resolve(&scene)).map_err(|error| {
            let own = slots[drawn.slot()].sample;
            error.at(format_args!(
                "mixing sample {own} ({})",
                context.source.name(own)
            ))
        })?;
        let mut pixels_mask = Vec::new();
        if masks.pixels {
            let places = (0..frame.height).flat_map(|y| (0..frame.width).map(move |x| (y, x)));
            pixels_mask.extend(places.map(|(y, x)| mixed.blend.mask_at(frame, y, x, &mut terms)));
        }
        let patch_mask = if masks.grid > 0 {
            patch_mask(&mixed.blend, frame, masks.grid)
        } else {
            Vec::new()
        };
        let own = slots[mixed.slot].annotations;
        let pair = mixed
            .sources
            .get(1)
            .and_then(|partner| Some((annotations[mixed.slot]?, annotations[*partner]?)));
        let annotations = match (&context.recipe.joint, &mixed.pasted, pair) {
            (Some(joint), Some(Pasted { plane, instances }), Some((own, partner))) => {
                [joint.exchange(frame, own, partner, plane, instances)].into()
            }
            _ => own.clone(),
        };
        mixed.slot += start;
        mixed.sources.iter_mut().for_each(|source| *source += start);
        Ok(Emitted {
            mixed,
            annotations,
            pixels_mask,
            patch_mask,
        })
    };
    drawn.iter().map(emit).collect()
}

impl Emitted {
    /// A slot of a batch that is not mixed.
    pub(crate) fn unmixed(slot: usize, annotations: AnnotatedViews) -> Emitted {
        let mixed = Mixed::unmixed(slot, EmitRole::Mixed);
        Emitted {
            mixed,
            annotations,
            pixels_mask: Vec::new(),
            patch_mask: Vec::new(),
        }
    }

    /// What the batch says of it. `sample` is the sample in a slot.
    pub(crate) fn record(&self, first: usize, sample: impl Fn(usize) -> u64) -> MixRecord {
        let Mixed {
            method,
            role,
            slot,
            sources,
            weights,
            blend,
            notes,
            ..
        } = &self.mixed;
        let global = |slot: usize| (first + slot) as u32;
        let partner = sources.get(1).unwrap_or(slot);
        let plain = sources.len() <= 2 && sources[0] == *slot;
        let all = sources
            .iter()
            .zip(weights)
            .map(|(source, weight)| (global(*source), *weight as f32));
        MixRecord {
            method: method.clone(),
            role: *role,
            slot: global(*slot),
            partner: global(*partner),
            partner_sample: sample(*partner),
            lam: weights[0] as f32,
            rect: blend.rect().unwrap_or([0; 4]),
            sources: if plain { Vec::new() } else { all.collect() },
            notes: notes.clone(),
        }
    }
}

/// The masks of all images of a batch.
pub(crate) fn masks(views: &ViewSet, emitted: &[&Emitted]) -> MaskPlanes {
    let joined = |plane: fn(&Emitted) -> &Vec<f32>| {
        let planes: Vec<&[f32]> = emitted.iter().map(|each| &plane(each)[..]).collect();
        planes.concat()
    };
    MaskPlanes {
        pixels: joined(|each| &each.pixels_mask),
        patches: joined(|each| &each.patch_mask),
        grid: views.mix.as_ref().map_or(0, |mix| mix.get_masks().grid),
    }
}
