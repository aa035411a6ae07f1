//! A finished batch: what the consumer gets, and how its memory is written and reused.
//!
//! [`Batch`] is plain data in parallel arrays, one entry for each slot, and knows no framework.
//! [`slot`] is the view of one slot. The other submodules follow the path of pixels: [`pixels`] has
//! the typed vectors and their pool, [`slab`] lends pieces of one vector to several threads,
//! [`slot_writer`] is the final pass that fills a piece, and [`targets`] makes what the loss takes.

#[cfg(test)]
mod goldens;
mod pixels;
mod slab;
mod slot;
mod slot_writer;
mod targets;

use std::sync::Arc;

pub use pixels::{Images, Pixels};
pub(crate) use pixels::{Lease, Output, Pool};
pub use slot::{Slot, SlotView, Slots};
pub(crate) use slot_writer::{SlotPixels, SlotWriter};
pub(crate) use targets::TargetMaker;
pub use targets::{SlotTarget, Targets};

use crate::error::Fault;
use crate::geometry::Rect;
use crate::mix::{self, Method};
use crate::plan::EpisodeRole;
use crate::recipe::Layout;
use crate::sample::Annotations;
use crate::source::Source;
use crate::state::LoaderState;

/// How one slot of a batch was mixed.
///
/// The slot numbers in a record count the samples of the global batch as they were read, over all
/// ranks and before mixing. If mixing emits as many images as it reads, which is the default
/// ([`crate::mix::Emit`]), they are also the slots of the global batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MixRecord {
    /// The mixer that changed the image; `Unmixed` if none did.
    pub method: Method,
    /// Whether this is the mixed image of the slot, or an unmixed one that the mixing group emits
    /// beside it.
    pub role: mix::EmitRole,
    /// The slot that the image belongs to.
    pub slot: u32,
    /// The slot of the partner; `slot` if the image is unmixed.
    pub partner: u32,
    /// The sample in the partner's slot.
    pub partner_sample: u64,
    /// The weight of the label of the first source, from 0 to 1. The first source is the slot
    /// itself, except with [`crate::mix::Metrix`].
    pub lam: f32,
    /// The rectangle that was taken from the partner, in pixels of the first view, and empty if it
    /// lies outside the image. `None` if the mixer does not paste one rectangle.
    pub rect: Option<Rect>,
    /// The slot and the label weight of each source. Empty where `slot` with weight `lam` and
    /// `partner` with the rest say it all.
    pub sources: Vec<(u32, f32)>,
    /// Further numbers by name that the mixer left for the training loop, such as `layer`.
    pub notes: Vec<(&'static str, f64)>,
}

impl MixRecord {
    /// The note of that name; `None` if the mixer left none.
    pub fn note(&self, name: &str) -> Option<f64> {
        self.notes
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// Adds the record to a digest. A role of `Mixed` and empty lists add nothing, so the digests
    /// of recipes that do not use them stay what they were before these fields existed.
    fn hash(&self, hash: &mut xxhash_rust::xxh3::Xxh3) {
        let (code, name) = self.method.digest();
        hash.update(&[code]);
        hash.update(&self.partner.to_le_bytes());
        hash.update(&self.lam.to_le_bytes());
        let rect = self.rect.unwrap_or(Rect::new(0, 0, 0, 0));
        for edge in [
            rect.top,
            rect.left,
            rect.top + rect.height,
            rect.left + rect.width,
        ] {
            hash.update(&edge.to_le_bytes());
        }
        hash.update(name.as_bytes());
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

/// The mix masks of a batch, slot by slot: the weight, from 0 to 1, of everything except the slot's
/// own image.
#[derive(Debug, Default)]
pub(crate) struct MaskPlanes {
    /// slots x height x width; empty if the recipe does not ask for it.
    pub(crate) pixels: Vec<f32>,
    /// slots x grid x grid; empty if the recipe does not ask for it.
    pub(crate) patches: Vec<f32>,
    /// Patches on a side; 0 if the recipe does not ask for patches.
    pub(crate) grid: u32,
}

/// The pixels of one view group.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) pixels: Pixels,
    pub(crate) shape: [usize; 4],
}

/// One note of the ops of a view group, for all images of the group.
#[derive(Debug)]
pub(crate) struct NoteColumn {
    /// The view group.
    pub(crate) group: usize,
    pub(crate) name: String,
    /// Numbers for each image.
    pub(crate) width: usize,
    /// `width` numbers for each image of the group's tensor, in the tensor's order.
    pub(crate) values: Vec<i64>,
}

/// One training batch: pixels, targets, and where each of them came from.
///
/// A batch consists of [`Batch::len`] *slots*. There are two ways to read it:
///
/// * As arrays, which is what a loss or a tensor takes: [`Batch::images`], [`Batch::targets`],
///   [`Batch::weights`], [`Batch::valid`] and others have one entry for each slot, in the same
///   order. With several views, image `k * len() + s` of a view group is view `k` of slot `s`
///   ([`Images`]).
/// * Slot by slot: [`Batch::slot`] and [`Batch::slots`] return [`Slot`]s, which know the name and
///   the class of their sample, their partner, fault, notes, annotations and digest.
///
/// A batch is plain data and keeps its source open for names. It stays valid after its iterator and
/// its loader are gone, and it can be sent to another thread. [`Batch::state`] resumes the run
/// after this batch.
///
/// # Memory
///
/// **Batches that you hold count against a limit.** The pixels of a batch count against
/// [`Tuning::held`](crate::Tuning::held), half of the machine's memory by default, until the batch
/// is dropped; so do the batches in preparation. A program that collects batches in a `Vec` reaches
/// the limit sooner or later, and the iterator then returns a [`Kind::Limit`](crate::Kind::Limit)
/// error in place of the next batch. Drop a batch before you ask for the next one, and its memory
/// is reused. To keep pixels for longer, take them out with [`Batch::into_images`] or
/// [`Batch::into_views`]: they no longer count, and the loader does not get their memory back.
///
/// # Example: images and targets of a batch
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("deit")?.with_batch(8))?;
/// for batch in loader.epoch(0)? {
///     let batch = batch?;
///     assert_eq!(batch.images().shape(), [8, 3, 224, 224]);
///     let images: &[f32] = batch.images().as_f32()?; // normalized, row-major
///     let labels: &[f32] = batch.targets().dense()?; // 8 x 1000 weights
///     assert_eq!((images.len(), labels.len()), (8 * 3 * 224 * 224, 8 * 1000));
///     for slot in batch.slots() {
///         println!("{}: {} with lam {}", slot.name(), slot.mix().method, slot.mix().lam);
///     }
/// }
/// # Ok::<(), feedmill::Error>(())
/// ```
///
/// # Errors
///
/// The element type, the form of targets and the masks depend on the recipe. Accessors for one of
/// them, such as [`Images::as_f32`], [`Targets::dense`] and [`Batch::relabel`], return a
/// [`Kind::Config`](crate::Kind::Config) error with the key to set if the recipe has another. Bad
/// samples are not errors here: [`Batch::faults`] lists them, and [`Batch::valid`] says which slots
/// to leave out of the loss.
pub struct Batch {
    pub(crate) epoch: u32,
    pub(crate) index: u64,
    /// The index of the first slot in the global batch.
    pub(crate) first: usize,
    /// The same for the slots as they were read, before mixing.
    pub(crate) first_read: usize,
    /// Makes names when they are asked for.
    pub(crate) source: Arc<dyn Source>,
    pub(crate) layout: Layout,
    /// One for each view group.
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) samples: Vec<u64>,
    pub(crate) sources: Vec<u32>,
    /// The class of each slot's own sample.
    pub(crate) classes: Vec<Option<u32>>,
    pub(crate) weights: Vec<f32>,
    pub(crate) roles: Vec<EpisodeRole>,
    /// The sample group of each slot; `None` if the sampler does not use sample groups.
    pub(crate) groups: Option<Vec<u32>>,
    pub(crate) occurrences: Vec<u32>,
    pub(crate) valid: Vec<bool>,
    pub(crate) targets: Targets,
    pub(crate) mix: Vec<MixRecord>,
    pub(crate) masks: MaskPlanes,
    pub(crate) smoothing: f64,
    pub(crate) notes: Vec<NoteColumn>,
    /// For each slot, the annotations of each of its views; empty without `[joint]` and for blank
    /// slots.
    pub(crate) annotations: Vec<Arc<[Annotations]>>,
    pub(crate) max_boxes: Option<usize>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) state: LoaderState,
    /// `None` if the pixels are not from a pool, as on the reference path.
    pub(crate) lease: Option<Lease>,
}

impl Batch {
    /// The number of the epoch, from 0.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The index of the batch in its epoch, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of slots of this rank. It is the number of samples that were read, unless mixing
    /// emits more or fewer images than it reads ([`crate::mix::Emit`]).
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True if there are no slots, which never holds for a batch that a loader made.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The index of this rank's first slot in the global batch: 0 for rank 0, and in general the
    /// rank times the number of slots of a rank.
    pub fn first_slot(&self) -> usize {
        self.first
    }

    /// The pixels of the first view group, with their shape and layout. These are all pixels unless
    /// the recipe has several `[[view]]` tables.
    ///
    /// The shape is `[count * slots, channels, height, width]`, or
    /// `[count * slots, height, width, channels]` with `output.layout = "nhwc"`, where `count` is
    /// that of the `[[view]]` table (1 by default). The channels are red, green and blue, or gray
    /// with `output.channels = 1`. Float values are `(level / 255 - mean) / std`; `u8` values are
    /// the levels. Blank slots are zeros.
    pub fn images(&self) -> Images<'_> {
        self.view(0)
    }

    /// The number of view groups, which is the number of `[[view]]` tables in the recipe, and at
    /// least 1.
    pub fn view_groups(&self) -> usize {
        self.tensors.len()
    }

    /// The pixels of view group `group`, numbered from 0 in the order of the recipe, in the form of
    /// [`Batch::images`]. [`Images::nth`] returns one view of the group.
    ///
    /// # Panics
    ///
    /// If `group` is not less than [`Batch::view_groups`].
    ///
    /// # Example: large and small crops
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 2
    ///     [[view]]
    ///     count = 2
    ///     ops = [{ op = "random_resized_crop", size = 64, scale = [0.4, 1.0] }]
    ///     [[view]]
    ///     count = 4
    ///     ops = [{ op = "random_resized_crop", size = 32, scale = [0.05, 0.4] }]
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// assert_eq!(batch.view_groups(), 2);
    /// assert_eq!(batch.view(0).shape(), [2 * 2, 3, 64, 64]);
    /// assert_eq!(batch.view(1).shape(), [4 * 2, 3, 32, 32]);
    /// assert_eq!(batch.view(1).nth(3).shape(), [2, 3, 32, 32]);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn view(&self, group: usize) -> Images<'_> {
        let Tensor { pixels, shape } = &self.tensors[group];
        Images::new(pixels, *shape, self.layout, self.len())
    }

    /// The pixels of the first view group as an owned vector, without a copy. The rest of the batch
    /// is dropped, so read what you need from it first.
    ///
    /// The vector no longer counts against [`Tuning::held`](crate::Tuning::held), and its memory
    /// does not return to the loader. Prefer [`Batch::images`] if the pixels are copied to a device
    /// anyway.
    ///
    /// # Example: keep the pixels of all batches
    ///
    /// ```
    /// use feedmill::{Loader, Pixels, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(2))?;
    /// let mut kept: Vec<Pixels> = Vec::new();
    /// for batch in loader.epoch(0)? {
    ///     let batch = batch?;
    ///     let shape = batch.images().shape(); // read before the batch is gone
    ///     assert_eq!(shape, [2, 3, 224, 224]);
    ///     kept.push(batch.into_images());
    /// }
    /// assert_eq!(kept[0].len(), 2 * 3 * 224 * 224);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn into_images(self) -> Pixels {
        self.into_views().swap_remove(0)
    }

    /// [`Batch::into_images`] for all view groups, in their order.
    pub fn into_views(mut self) -> Vec<Pixels> {
        // Without its lease, `Batch::drop` does not return the pixels to the pool.
        drop(self.lease.take());
        std::mem::take(&mut self.tensors)
            .into_iter()
            .map(|tensor| tensor.pixels)
            .collect()
    }

    /// The targets of all slots, after mixing, in the form that the recipe names.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The number of the sample in each slot, counted from 0 through all sources in their order.
    /// For a replaced bad sample it is the replacement ([`Batch::faults`] has the bad one).
    pub fn samples(&self) -> &[u64] {
        &self.samples
    }

    /// The factor of each slot's loss: 1, unless the selection is a weighted subset
    /// ([`crate::plan::Subset`]). A replacement has the weight of the bad sample that it replaces.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The sample group that each slot was drawn from; `None` if the sampler does not use sample
    /// groups.
    ///
    /// The number is the class for groups by class, the rank of the value among all values for
    /// groups by a column, and the class within the batch for episodes.
    ///
    /// # Example: support and queries of an episode
    ///
    /// ```
    /// use feedmill::plan::EpisodeRole;
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 9
    ///     [sampler]
    ///     kind = "episodes"
    ///     ways = 3
    ///     shots = 1
    ///     queries = 2
    ///     [[view]]
    ///     ops = [{ op = "resize", size = [32, 32] }]
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let ways: &[u32] = batch.groups().expect("the class within the episode"); // 9
    /// let support = batch.slots().filter(|slot| slot.role() == EpisodeRole::Support);
    /// assert_eq!((support.count(), ways.iter().max()), (3, Some(&2)));
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn groups(&self) -> Option<&[u32]> {
        self.groups.as_deref()
    }

    /// False for slots to leave out of the loss: those that only fill up the last batch
    /// (`last = "pad"`), and bad samples that were blanked (`on_bad` with `skip`).
    ///
    /// # Example: a mean loss over the valid slots
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 4
    ///     order = "sequential"
    ///     last = "pad"
    ///     [[view]]
    ///     ops = [{ op = "resize", size = [32, 32] }]
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?; // 10 photographs
    /// let (mut sum, mut count) = (0.0, 0);
    /// for batch in loader.epoch(0)? {
    ///     let batch = batch?;
    ///     let losses = vec![0.5; batch.len()]; // a loss for each slot
    ///     for (loss, _) in losses.iter().zip(batch.valid()).filter(|(_, valid)| **valid) {
    ///         sum += loss;
    ///         count += 1;
    ///     }
    /// }
    /// assert_eq!((sum / f64::from(count), count), (0.5, 10));
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn valid(&self) -> &[bool] {
        &self.valid
    }

    /// How each slot was mixed. Without a `[mix]` table, all slots are `Unmixed` with `lam` 1.
    pub fn mix(&self) -> &[MixRecord] {
        &self.mix
    }

    /// The mix masks: for each pixel of each slot's first view, the weight of everything except the
    /// slot's own image, from 0 to 1. slots x height x width values in row-major order; `None`
    /// unless the recipe has `mix.masks = { pixels = true }`.
    ///
    /// # Example: where a pixel comes from
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 4
    ///     [[view]]
    ///     ops = [{ op = "random_resized_crop", size = 32 }]
    ///     [mix]
    ///     choose = [{ mix = "cutmix", alpha = 1.0 }]
    ///     masks = { pixels = true, grid = 4 }
    ///     [target]
    ///     classes = 3
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let masks: &[f32] = batch.masks().expect("the recipe asks for them"); // 4 x 32 x 32
    /// let (patches, grid) = batch.patch_masks().expect("the recipe asks for them"); // 4 x 4 x 4
    /// assert_eq!((masks.len(), patches.len(), grid), (4 * 32 * 32, 4 * 4 * 4, 4));
    /// for slot in batch.slots() {
    ///     let mask = slot.mask().expect("a part of the masks");
    ///     let partner = mask.iter().sum::<f32>() / mask.len() as f32;
    ///     assert!((1.0 - partner - slot.mix().lam).abs() < 1e-6);
    /// }
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn masks(&self) -> Option<&[f32]> {
        Some(&self.masks.pixels[..]).filter(|pixels| !pixels.is_empty())
    }

    /// The mix masks on a grid of patches ([`crate::mix::patch_mask`]), and `grid`, the number of
    /// patches on a side. slots x grid x grid values from 0 to 1 in row-major order; `None` unless
    /// the recipe has `mix.masks = { grid = N }`.
    pub fn patch_masks(&self) -> Option<(&[f32], u32)> {
        Some((&self.masks.patches[..], self.masks.grid)).filter(|(patches, _)| !patches.is_empty())
    }

    /// The recipe's `target.smoothing`, from 0 (none). Dense targets contain it already; with all
    /// other forms, the loss has to apply it.
    pub fn smoothing(&self) -> f64 {
        self.smoothing
    }

    /// TransMix's weight of each slot's own label, one number from 0 to 1 for each slot
    /// ([`crate::mix::relabel()`]).
    ///
    /// `attention` is the attention of the network's class token to each patch of the mixed images:
    /// slots x grid x grid values, 0 or more, with the `grid` of `mix.masks`. Slots that are
    /// unmixed, or whose images were added as a whole (MixUp, ManifoldMixUp), keep their `lam`,
    /// because no patch of theirs belongs to one image.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the recipe asks for no patch masks, the number of values is
    /// another one, or a value is negative or not finite.
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
                let whole_images = matches!(
                    mix.method,
                    Method::UNMIXED | Method::MIXUP | Method::MANIFOLD_MIXUP
                );
                if whole_images {
                    return Ok(mix.lam);
                }
                crate::mix::relabel(f64::from(mix.lam), mask, attention, 0.5).map(|lam| lam as f32)
            })
            .collect()
    }

    /// A note that an op attached to each image of a view group, such as the label of a pretext
    /// task or a mask of patches; `None` if there is no note of that name ([`Batch::note_names`]).
    ///
    /// count x slots x width numbers, in the order of the images of [`Batch::view`], with the width
    /// of [`Batch::note_names`]. They are -1 where the op was not drawn, and for blank slots.
    ///
    /// # Example: the turns of a pretext task
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 3
    ///     [[view]]
    ///     count = 4
    ///     ops = [{ op = "rotate90", turns = "view" }, { op = "resize", size = [16, 16] }]
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let turns: &[i64] = batch.notes(0, "rotate90.turns").expect("a note of the op");
    /// assert_eq!(turns, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]); // 4 views x 3 slots x 1 number
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn notes(&self, group: usize, name: &str) -> Option<&[i64]> {
        let found = self
            .notes
            .iter()
            .find(|column| column.group == group && column.name == name);
        found.map(|column| &column.values[..])
    }

    /// The notes that [`Batch::notes`] returns, each as (view group, name, width). A name is the
    /// op's label and the note, such as `rotate90.turns`; the width is the number of values for
    /// each image.
    pub fn note_names(&self) -> impl Iterator<Item = (usize, &str, usize)> {
        self.notes
            .iter()
            .map(|column| (column.group, &column.name[..], column.width))
    }

    /// The boxes of a view group as two dense arrays, padded to `joint.max_boxes` boxes for each
    /// image; `None` if the recipe has no `joint.max_boxes`.
    ///
    /// The first array has images x max_boxes x 4 edges: left, top, right and bottom in pixels of
    /// the view, zeros for padding. The second has images x max_boxes classes, -1 for padding.
    /// Images are in the order of [`Batch::view`].
    ///
    /// # Panics
    ///
    /// If there is no such view group.
    ///
    /// # Example: boxes for a detector
    ///
    /// ```
    /// use feedmill::geometry::Size;
    /// use feedmill::sample::{Annotations, BoxLabel};
    /// use feedmill::source::Memory;
    /// use feedmill::{Loader, Recipe};
    ///
    /// let boxes = |count: u32| {
    ///     let label = |n: u32| BoxLabel::new([0.0, 0.0, 4.0, 2.0 + n as f32], n, n + 1);
    ///     Annotations::default().with_boxes((0..count).map(label))
    /// };
    /// let source = Memory::pixels(vec![0u8; 2 * 8 * 8 * 3], Size::square(8), 3, vec![0, 0])?
    ///     .with_annotations(vec![boxes(1), boxes(2)])?;
    /// let text = "batch = 2\norder = \"sequential\"\n[joint]\nmax_boxes = 2";
    /// let recipe = Recipe::from_toml(text)?;
    /// let loader = Loader::builder().source(source).recipe(recipe).build()?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let (edges, classes) = batch.padded_boxes(0).expect("joint.max_boxes is set");
    /// assert_eq!(edges.len(), 2 * 2 * 4); // images x max_boxes x 4
    /// assert_eq!(edges[..4], [0.0, 0.0, 4.0, 2.0]);
    /// assert_eq!(classes, [0, -1, 0, 1]);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn padded_boxes(&self, group: usize) -> Option<(Vec<f32>, Vec<i64>)> {
        // `Joint` has already cut each list to this length.
        let most = self.max_boxes?;
        let images = self.tensors[group].shape[0];
        let (mut edges, mut classes) = (vec![0.0; images * most * 4], vec![-1; images * most]);
        for image in 0..images {
            let (k, slot) = (image / self.len(), image % self.len());
            let annotations = self.slot(slot).view(group, k).annotations();
            let boxes = annotations.map_or(&[][..], |annotations| &annotations.boxes);
            for (label, at) in boxes.iter().zip(image * most..) {
                edges[at * 4..][..4].copy_from_slice(&label.bounds.edges());
                classes[at] = i64::from(label.class);
            }
        }
        Some((edges, classes))
    }

    /// The bad samples of this batch, in the order of their slots: what each was, why it failed,
    /// and what replaced it. Empty if all samples are good, and always with `on_bad = "fail"`.
    ///
    /// # Example: log bad files
    ///
    /// ```
    /// use feedmill::sample::Target;
    /// use feedmill::source::Memory;
    /// use feedmill::{Loader, Recipe};
    ///
    /// let good = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
    /// let samples = [(good, Target::Class(0)), (b"not an image".to_vec(), Target::Class(1))];
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 2
    ///     order = "sequential"
    ///     on_bad = { skip = { at_most = 1.0 } }
    ///     [[view]]
    ///     ops = [{ op = "resize", size = [32, 32] }]
    ///     "#,
    /// )?;
    /// let loader = Loader::builder().source(Memory::encoded(samples)).recipe(recipe).build()?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// for fault in batch.faults() {
    ///     eprintln!("sample {}: {}", fault.sample, fault.message);
    /// }
    /// assert_eq!((batch.faults()[0].sample, batch.valid()), (1, &[true, false][..]));
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The state of the run after this batch. [`Loader::resume`](crate::Loader::resume) with it
    /// continues with the next batch.
    pub fn state(&self) -> &LoaderState {
        &self.state
    }

    /// A hash (xxh3, 64 bits) of the whole batch: of the hashes of its slots in their order.
    ///
    /// # Example: two machines, the same batch
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = || Recipe::preset("deit").map(|recipe| recipe.with_seed(3).with_batch(2));
    /// let first = |workers| -> feedmill::Result<u64> {
    ///     let builder = Loader::builder().path("fixtures/photos").recipe(recipe()?);
    ///     let loader = builder.workers(workers).build()?;
    ///     Ok(loader.epoch(0)?.next().expect("a batch")?.digest())
    /// };
    /// assert_eq!(first(1)?, first(3)?);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn digest(&self) -> u64 {
        let slots: Vec<u8> = self
            .slots()
            .flat_map(|slot| slot.digest().to_le_bytes())
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
