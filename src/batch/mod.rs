//! What reaches the trainer.

#[cfg(test)]
mod goldens;
mod pixels;
mod slab;
mod slot_writer;
mod targets;

use std::sync::Arc;

pub use pixels::{Images, Pixels};
pub(crate) use pixels::{Lease, Output, Pool};
pub(crate) use slot_writer::{SlotPixels, SlotWriter};
pub(crate) use targets::TargetMaker;
pub use targets::Targets;

use crate::error::Fault;
use crate::mix::{self, Method};
use crate::plan::EpisodeRole;
use crate::recipe::Layout;
use crate::sample::Annotations;
use crate::state::LoaderState;

/// How one slot was mixed. Slots count in the global batch as it was read: where mixing emits as
/// many images as there are slots ([`crate::mix::Emit`]), they are those of the batch too.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MixRecord {
    /// The mixer; `Unmixed` if the slot is as it was.
    pub method: Method,
    /// What it is among those that its group emits.
    pub role: mix::EmitRole,
    /// The own slot.
    pub slot: u32,
    /// The partner's slot; the own slot if unmixed.
    pub partner: u32,
    /// The partner's sample.
    pub partner_sample: u64,
    /// The weight of the label of the first source, which is the slot itself but for
    /// [`crate::mix::Metrix`].
    pub lam: f32,
    /// First row, first column, end row, end column of the part that comes from the partner
    /// (half-open); zeros if none.
    pub rect: [u32; 4],
    /// All sources with the weights of their labels, where they are not just the slot with weight
    /// `lam` and the partner.
    pub sources: Vec<(u32, f32)>,
    /// Numbers of the mixer, such as `layer`.
    pub notes: Vec<(&'static str, f64)>,
}

impl MixRecord {
    /// The number of that name.
    pub fn note(&self, name: &str) -> Option<f64> {
        self.notes
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    fn hash(&self, hash: &mut xxhash_rust::xxh3::Xxh3) {
        hash.update(&[self.method.code()]);
        hash.update(&self.partner.to_le_bytes());
        hash.update(&self.lam.to_le_bytes());
        for edge in self.rect {
            hash.update(&edge.to_le_bytes());
        }
        if let Method::Custom(name) = &self.method {
            hash.update(name.as_bytes());
        }
        if self.role != mix::EmitRole::Mixed {
            hash.update(&[self.role as u8]);
        }
        for (slot, weight) in &self.sources {
            hash.update(&slot.to_le_bytes());
            hash.update(&weight.to_le_bytes());
        }
        for (name, value) in &self.notes {
            hash.update(name.as_bytes());
            hash.update(&value.to_le_bytes());
        }
    }
}

/// Masks of a batch, slot by slot.
#[derive(Debug, Default)]
pub(crate) struct MaskPlanes {
    /// Height x width a slot; empty if not asked for.
    pub(crate) pixels: Vec<f32>,
    /// Grid x grid a slot; empty if not asked for.
    pub(crate) patches: Vec<f32>,
    pub(crate) grid: u32,
}

/// The pixels of one group of views.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) pixels: Pixels,
    pub(crate) shape: [usize; 4],
}

/// Numbers that an op left with the views of a group.
#[derive(Debug)]
pub(crate) struct NoteColumn {
    pub(crate) group: usize,
    pub(crate) name: String,
    pub(crate) width: usize,
    /// `width` numbers for each image of the group's tensor, in its order.
    pub(crate) values: Vec<i64>,
}

/// One training batch: pixels, targets, and where they came from.
///
/// It stays valid after the loader is gone. Dropping it gives its memory back to the loader's pool.
pub struct Batch {
    pub(crate) epoch: u32,
    pub(crate) index: u64,
    pub(crate) first: usize,
    pub(crate) layout: Layout,
    /// One for each group of views.
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) samples: Vec<u64>,
    pub(crate) sources: Vec<u32>,
    pub(crate) weights: Vec<f32>,
    pub(crate) roles: Vec<EpisodeRole>,
    /// `None` unless the sampler goes by groups.
    pub(crate) groups: Option<Vec<u32>>,
    pub(crate) occurrences: Vec<u32>,
    pub(crate) valid: Vec<bool>,
    pub(crate) targets: Targets,
    pub(crate) mix: Vec<MixRecord>,
    pub(crate) masks: MaskPlanes,
    pub(crate) smoothing: f64,
    pub(crate) notes: Vec<NoteColumn>,
    /// For each slot what is annotated in each of its views; empty without `[joint]` and for
    /// blanked samples.
    pub(crate) annotations: Vec<Arc<[Annotations]>>,
    pub(crate) max_boxes: Option<usize>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) state: LoaderState,
    pub(crate) lease: Option<Lease>,
}

impl Batch {
    /// The epoch, from 0.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The batch in its epoch, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of slots of this rank.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True if there are no slots; never so for a batch that a loader made.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The place of the first slot in the global batch: rank times slots.
    pub fn first_slot(&self) -> usize {
        self.first
    }

    /// The pixels of the first group of views, with their shape and layout: all there is, unless
    /// the recipe has several `[[view]]` tables.
    pub fn images(&self) -> Images<'_> {
        self.view(0)
    }

    /// The number of groups of views: of `[[view]]` tables in the recipe.
    pub fn view_groups(&self) -> usize {
        self.tensors.len()
    }

    /// The pixels of a group of views: count x slots images, all slots of its first view, then all
    /// slots of its second one, and so on ([`Images::nth`]).
    ///
    /// # Panics
    ///
    /// If there is no such group.
    pub fn view(&self, group: usize) -> Images<'_> {
        let Tensor { pixels, shape } = &self.tensors[group];
        Images::new(pixels, *shape, self.layout, self.len())
    }

    /// The pixels of the first group of views as a vector of their own, without a copy. The rest of
    /// the batch is gone, so take what you need of it first.
    pub fn into_images(self) -> Pixels {
        self.into_views().swap_remove(0)
    }

    /// The pixels of each group of views as vectors of their own, without a copy. The rest of the
    /// batch is gone.
    pub fn into_views(mut self) -> Vec<Pixels> {
        drop(self.lease.take());
        std::mem::take(&mut self.tensors)
            .into_iter()
            .map(|tensor| tensor.pixels)
            .collect()
    }

    /// The targets, after mixing.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The sample in each slot; for a replaced bad sample, the one that took its place.
    pub fn samples(&self) -> &[u64] {
        &self.samples
    }

    /// The source of each slot's sample, in the order of the sources; 0 where there is one.
    pub fn sources(&self) -> &[u32] {
        &self.sources
    }

    /// What the loss of each slot counts: 1, but for a weighted subset ([`crate::plan::Subset`]). A
    /// replacement for a bad sample has the weight of the one whose place it takes.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// What each slot is for: support and queries of episodes ([`crate::plan::Episodes`]).
    pub fn roles(&self) -> &[EpisodeRole] {
        &self.roles
    }

    /// The group that each slot was taken from, by samplers that go by groups: the class or the
    /// number of the column's value, in the order of the values; in episodes the class within
    /// the batch. `None` with other samplers.
    pub fn groups(&self) -> Option<&[u32]> {
        self.groups.as_deref()
    }

    /// The visit of each slot's sample in this epoch, which tells visits of a sample apart: from 0
    /// on, or the place in the epoch for samplers that draw every slot or batch anew; numbers
    /// from 2^31 on are replacements for bad samples.
    pub fn occurrences(&self) -> &[u32] {
        &self.occurrences
    }

    /// False for slots that only fill up the batch, and for blanked bad samples: leave them out of
    /// the loss.
    pub fn valid(&self) -> &[bool] {
        &self.valid
    }

    /// How each slot was mixed.
    pub fn mix(&self) -> &[MixRecord] {
        &self.mix
    }

    /// The weight of everything but the slot's own image at each pixel of its first view: slots x
    /// height x width. `None` unless the recipe asks for it with `mix.masks`.
    pub fn masks(&self) -> Option<&[f32]> {
        Some(&self.masks.pixels[..]).filter(|pixels| !pixels.is_empty())
    }

    /// The same over a grid of patches ([`crate::mix::patch_mask`]): slots x grid x grid, and the
    /// patches a side.
    pub fn patch_masks(&self) -> Option<(&[f32], u32)> {
        Some((&self.masks.patches[..], self.masks.grid)).filter(|(patches, _)| !patches.is_empty())
    }

    /// The label smoothing that the recipe asks for: done in dense targets, left to the trainer in
    /// others.
    pub fn smoothing(&self) -> f64 {
        self.smoothing
    }

    /// TransMix's weights of the slots' own labels, from the attention of the class token to each
    /// patch of the mixed images: slots x grid x grid, with the grid of `mix.masks`. Slots that
    /// were mixed by weights, or not at all, keep theirs.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`]: no patch masks, or another number of values.
    pub fn relabel(&self, attention: &[f32]) -> crate::Result<Vec<f32>> {
        let Some((masks, grid)) = self.patch_masks() else {
            return Err(crate::Error::config(
                "the batch has no patch masks: set mix.masks = { grid = N }",
            ));
        };
        if attention.len() != masks.len() {
            return Err(crate::Error::config(format!(
                "attention has {} values; expected {} slots x {grid} x {grid}",
                attention.len(),
                self.len()
            )));
        }
        let each = grid as usize * grid as usize;
        let slots = masks
            .chunks_exact(each)
            .zip(attention.chunks_exact(each))
            .zip(&self.mix);
        slots
            .map(|((mask, attention), mix)| {
                let by_weight = matches!(
                    mix.method,
                    Method::Unmixed | Method::MixUp | Method::ManifoldMixUp
                );
                if by_weight {
                    return Ok(mix.lam);
                }
                crate::mix::relabel(f64::from(mix.lam), mask, attention, 0.5).map(|lam| lam as f32)
            })
            .collect()
    }

    /// What an op left with the views of a group, such as the label of a pretext task or a mask of
    /// patches: the numbers of each image, in the order of the group's tensor. -1 where the op
    /// was not drawn, and for blanked samples. `None` if there is no such note;
    /// [`Batch::note_names`] has those there are.
    pub fn notes(&self, group: usize, name: &str) -> Option<&[i64]> {
        let found = self
            .notes
            .iter()
            .find(|column| column.group == group && column.name == name);
        found.map(|column| &column.values[..])
    }

    /// The notes of each group of views: (group, name such as `rotate90.turns`, numbers an image).
    pub fn note_names(&self) -> impl Iterator<Item = (usize, &str, usize)> {
        self.notes
            .iter()
            .map(|column| (column.group, &column.name[..], column.width))
    }

    /// Boxes, keypoints and planes of view `k` of a group of a slot, in coordinates of that view;
    /// planes have its size. They are the slot's own: mixing leaves them as they are, but for
    /// [`crate::mix::InstancePaste`]. `None` if the recipe has no `[joint]` table, and for blanked
    /// samples.
    ///
    /// # Panics
    ///
    /// If there is no such group or slot.
    pub fn annotations(&self, group: usize, k: usize, slot: usize) -> Option<&Annotations> {
        let count = |tensor: &Tensor| tensor.shape[0] / self.len();
        let first: usize = self.tensors[..group].iter().map(count).sum();
        if k >= count(&self.tensors[group]) {
            return None;
        }
        self.annotations[slot].get(first + k)
    }

    /// The boxes of a group of views, filled up to `joint.max_boxes` for each image of its tensor,
    /// in the tensor's order: edges (4 a box, zeros where there is none) and classes (-1 where
    /// there is none). `None` without `max_boxes`.
    ///
    /// # Panics
    ///
    /// If there is no such group.
    pub fn padded_boxes(&self, group: usize) -> Option<(Vec<f32>, Vec<i64>)> {
        let most = self.max_boxes?;
        let images = self.tensors[group].shape[0];
        let (mut edges, mut classes) = (vec![0.0; images * most * 4], vec![-1; images * most]);
        for image in 0..images {
            let (k, slot) = (image / self.len(), image % self.len());
            let boxes = self
                .annotations(group, k, slot)
                .map_or(&[][..], |annotations| &annotations.boxes);
            for (label, at) in boxes.iter().zip(image * most..) {
                edges[at * 4..][..4].copy_from_slice(&label.edges);
                classes[at] = i64::from(label.class);
            }
        }
        Some((edges, classes))
    }

    /// The bad samples of this batch, in the order of slots.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The state of a loader that has delivered this batch: resuming from it continues with the
    /// next one.
    pub fn state(&self) -> &LoaderState {
        &self.state
    }

    /// A hash of everything about one slot: sample, pixels of all views, target, mixing,
    /// annotations. Equal hashes mean equal bytes.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn slot_digest(&self, slot: usize) -> u64 {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(&self.samples[slot].to_le_bytes());
        hash.update(&self.occurrences[slot].to_le_bytes());
        hash.update(&[u8::from(self.valid[slot])]);
        for Tensor { pixels, shape } in &self.tensors {
            let each = shape[1] * shape[2] * shape[3];
            for image in (slot..shape[0]).step_by(self.len()) {
                hash.update(pixels.bytes_of(image * each..(image + 1) * each));
            }
        }
        self.targets.hash_slot(slot, &mut hash);
        self.mix[slot].hash(&mut hash);
        let MaskPlanes {
            pixels, patches, ..
        } = &self.masks;
        for plane in [pixels, patches] {
            let each = plane.len() / self.len();
            hash.update(bytemuck::cast_slice(&plane[slot * each..][..each]));
        }
        for NoteColumn { width, values, .. } in &self.notes {
            let images = values
                .chunks_exact((*width).max(1))
                .skip(slot)
                .step_by(self.len());
            images
                .flatten()
                .for_each(|value| hash.update(&value.to_le_bytes()));
        }
        self.annotations[slot]
            .iter()
            .for_each(|each| each.pieces(|piece| hash.update(piece)));
        // What plain orders leave as it is does not count, so that their digests stay what they
        // were.
        if self.weights[slot] != 1.0 {
            hash.update(&self.weights[slot].to_le_bytes());
        }
        if let Some(groups) = &self.groups {
            hash.update(&[self.roles[slot] as u8]);
            hash.update(&groups[slot].to_le_bytes());
        }
        hash.digest()
    }

    /// A hash of the whole batch: that of its slots.
    pub fn digest(&self) -> u64 {
        let slots: Vec<u8> = (0..self.len())
            .flat_map(|slot| self.slot_digest(slot).to_le_bytes())
            .collect();
        xxhash_rust::xxh3::xxh3_64(&slots)
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("epoch", &self.epoch)
            .field("index", &self.index)
            .field(
                "shapes",
                &self
                    .tensors
                    .iter()
                    .map(|tensor| tensor.shape)
                    .collect::<Vec<_>>(),
            )
            .field("samples", &self.samples)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back(
                std::mem::take(&mut self.tensors)
                    .into_iter()
                    .map(|tensor| tensor.pixels),
            );
        }
    }
}
