//! Mixing groups: what is drawn for a group before its pixels exist, and the images that it
//! becomes.
//!
//! Mixing happens in two steps, because the first decides which slots have to wait for each other:
//!
//! 1. [`draw`] runs when a batch is begun. It asks the mixers for the parameters of every slot,
//!    which they draw from sizes and from (seed, epoch, batch, number of the mixing group).
//! 2. [`resolve`] runs when all slots of a group are staged. It completes what depends on pixels,
//!    such as saliency, and draws nothing, so it does not matter which thread does it or when.
//!
//! A group is at most 32 neighboring slots by default and not the whole batch, so that a group can
//! be written while other slots are still being decoded, and so that no rank needs the samples of
//! another one. Groups are numbered through the global batch, so every number of ranks draws the
//! same.

use super::context::RunContext;
use super::views::{AnnotatedViews, ViewSet};
use crate::batch::{MaskPlanes, MixRecord};
use crate::error::{Result, catch};
use crate::geometry::{Point, Size};
use crate::mix::{EmitRole, GroupKey, Masks, Mixed, Pasted, Scene, SlotMix, patch_mask};
use crate::plan::BatchPlan;
use crate::sample::Target;

/// What mixing needs to know about a staged slot of a group.
pub(crate) struct GroupSlot<'a> {
    /// The 8-bit pixels of all its views, one after the other; `None` for a blank slot.
    pub(crate) views: Option<&'a [u8]>,
    pub(crate) sample: u64,
    pub(crate) target: &'a Target,
    pub(crate) annotations: &'a AnnotatedViews,
}

/// An image that a mixing group emits, without its pixels.
#[derive(Debug)]
pub(crate) struct Emitted {
    /// How it is mixed. Its slots count in this rank's batch as it was read.
    pub(crate) mixed: Mixed,
    pub(crate) annotations: AnnotatedViews,
    /// height x width weights; empty if the recipe does not ask for them.
    pixel_mask: Vec<f32>,
    /// grid x grid weights; empty if the recipe does not ask for them.
    patch_mask: Vec<f32>,
}

/// The mix of each slot of each mixing group of a batch, as drawn from sizes alone. Empty without
/// mixing.
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
        mix.draw(key, slots, views.mix_size())
    };
    catch(|| {
        Ok((0..plan.slots.len())
            .step_by(context.group)
            .map(draw)
            .collect())
    })
    .map_err(|error| error.at(format_args!("the mixer, at batch {}", plan.index)))
}

/// The images that a mixing group becomes. `slots` are the staged slots of the group, `start` is
/// the first of them in this rank's batch, and `drawn` is the group's result of [`draw`].
///
/// # Errors
///
/// The errors of [`SlotMix::resolve`], with the sample named; [`crate::Kind::Worker`] if a mixer
/// panics.
pub(crate) fn resolve(
    context: &RunContext,
    views: &ViewSet,
    start: usize,
    drawn: &[SlotMix],
    slots: &[GroupSlot<'_>],
) -> Result<Vec<Emitted>> {
    let size = views.mix_size();
    let masks = views
        .mix
        .as_ref()
        .map_or_else(Masks::default, |mix| mix.masks());
    // Mixers see the first view. What they decide is scaled to the others when these are written.
    let first = views.groups[0].values();
    let images: Vec<Option<&[u8]>> = slots
        .iter()
        .map(|slot| slot.views.map(|all| &all[..first]))
        .collect();
    let targets: Vec<&Target> = slots.iter().map(|slot| slot.target).collect();
    let annotations: Vec<_> = slots.iter().map(|slot| slot.annotations.first()).collect();
    let scene = Scene::new(size, &images)?
        .targets(&targets)
        .annotations(&annotations);
    let emit = |drawn: &SlotMix| {
        let mut mixed = catch(|| drawn.resolve(&scene)).map_err(|error| {
            let own = slots[drawn.slot()].sample;
            error.at(format_args!(
                "mixing sample {own} ({})",
                context.source.name(own)
            ))
        })?;
        let pixel_mask = if masks.pixels {
            pixel_mask(&mixed, size)
        } else {
            Vec::new()
        };
        let patch_mask = if masks.grid > 0 {
            patch_mask(&mixed.blend, size, masks.grid)
        } else {
            Vec::new()
        };
        let annotations = mixed_annotations(context, size, &mixed, slots);
        // Mixers count slots in the group; from here on they count in the batch.
        mixed.slot += start;
        mixed.sources.iter_mut().for_each(|source| *source += start);
        Ok(Emitted {
            mixed,
            annotations,
            pixel_mask,
            patch_mask,
        })
    };
    drawn.iter().map(emit).collect()
}

/// The weight, at each pixel, of everything except the slot's own image: height x width values.
fn pixel_mask(mixed: &Mixed, size: Size) -> Vec<f32> {
    let mut terms = Vec::new();
    let pixels = (0..size.height).flat_map(|y| (0..size.width).map(move |x| Point::new(x, y)));
    pixels
        .map(|at| mixed.blend.mask_at(size, at, &mut terms))
        .collect()
}

/// The annotations of a mixed image: those of the slot's own image, unless instances of the partner
/// were pasted and the recipe moves annotations. Slots of `mixed` count in the group.
fn mixed_annotations(
    context: &RunContext,
    size: Size,
    mixed: &Mixed,
    slots: &[GroupSlot<'_>],
) -> AnnotatedViews {
    let own = slots[mixed.slot].annotations;
    let pair = mixed
        .sources
        .get(1)
        .and_then(|partner| Some((own.first()?, slots[*partner].annotations.first()?)));
    match (&context.recipe.joint, &mixed.pasted, pair) {
        (Some(joint), Some(Pasted { plane, instances }), Some((own, partner))) => {
            [joint.exchange(size, own, partner, plane, instances)].into()
        }
        _ => own.clone(),
    }
}

impl Emitted {
    /// The image of a slot in a recipe without mixing. `slot` counts in this rank's batch.
    /// The annotations are those of the slot, which the caller has.
    pub(crate) fn unmixed(slot: usize) -> Emitted {
        let mixed = Mixed::unmixed(slot, EmitRole::Mixed);
        Emitted {
            mixed,
            annotations: AnnotatedViews::default(),
            pixel_mask: Vec::new(),
            patch_mask: Vec::new(),
        }
    }

    /// The record of the image in the batch. `first` is this rank's first slot in the global batch
    /// as it was read, and `sample` returns the sample in a slot of this rank.
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
        // Then slot, partner and lam say everything, and the list of sources stays empty.
        let plain = sources.len() <= 2 && sources[0] == *slot;
        let all = sources
            .iter()
            .zip(weights)
            .map(|(source, weight)| (global(*source), *weight as f32));
        MixRecord {
            method: *method,
            role: *role,
            slot: global(*slot),
            partner: global(*partner),
            partner_sample: sample(*partner),
            lam: weights[0] as f32,
            rect: blend.rect(),
            sources: if plain { Vec::new() } else { all.collect() },
            notes: notes.clone(),
        }
    }
}

/// The mix masks of all images of a batch, one after the other.
pub(crate) fn masks(views: &ViewSet, emitted: &[&Emitted]) -> MaskPlanes {
    let joined = |plane: fn(&Emitted) -> &Vec<f32>| {
        let planes: Vec<&[f32]> = emitted.iter().map(|each| &plane(each)[..]).collect();
        planes.concat()
    };
    MaskPlanes {
        pixels: joined(|each| &each.pixel_mask),
        patches: joined(|each| &each.patch_mask),
        grid: views.mix.as_ref().map_or(0, |mix| mix.masks().grid),
    }
}
