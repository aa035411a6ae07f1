//! One slot of a batch, with everything that is known about it.
//!
//! A [`Batch`] keeps parallel arrays, because a loss and a tensor take whole arrays. Everything
//! that is looked at one slot at a time (names, faults, notes, annotations, what the sampler said)
//! is read through [`Slot`] instead.

use super::{Batch, Images, MixRecord, NoteColumn, SlotTarget, Tensor};
use crate::error::Fault;
use crate::mix::{EmitRole, Method};
use crate::plan::EpisodeRole;
use crate::sample::Annotations;

/// One slot of a batch: which sample it shows, where that comes from, and what was done to it.
///
/// [`Batch::slot`] and [`Batch::slots`] return slots. A `Slot` is a reference to its batch and an
/// index, so it is free to copy, and nothing is computed before it is asked for.
///
/// # Example: which files does the model get wrong?
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let recipe = Recipe::preset("imagenet-eval")?.with_batch(4);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// for batch in loader.epoch(0)? {
///     let batch = batch?;
///     let predicted = predict(batch.images().as_f32()?); // a class for each slot
///     for (slot, class) in batch.slots().zip(predicted) {
///         if slot.is_valid() && slot.class() != Some(class) {
///             println!("{} is {:?}", slot.name(), slot.class_name());
///         }
///     }
/// }
/// # fn predict(images: &[f32]) -> Vec<u32> { vec![0; images.len() / (3 * 224 * 224)] }
/// # Ok::<(), feedmill::Error>(())
/// ```
///
/// # Example: what was done to a slot
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("deit")?.with_batch(8))?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// let slot = batch.slot(0);
/// println!("{}: {} with lam {}", slot.name(), slot.mix().method, slot.mix().lam);
/// if let Some(partner) = slot.partner() {
///     println!("mixed with {}", partner.name());
/// }
/// assert_eq!(slot.view(0, 0).image().shape(), [1, 3, 224, 224]);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Slot<'a> {
    batch: &'a Batch,
    index: usize,
}

impl<'a> Slot<'a> {
    /// The slot's index in its batch, from 0: the index in [`Batch::samples`], [`Batch::weights`]
    /// and the other arrays.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The slot's index in the global batch of all ranks; [`Slot::index`] with a single rank.
    pub fn global_index(&self) -> usize {
        self.batch.first + self.index
    }

    /// The number of the sample, counted from 0 through all sources in their order. For a replaced
    /// bad sample it is the replacement ([`Slot::fault`] has the bad one).
    pub fn sample(&self) -> u64 {
        self.batch.samples[self.index]
    }

    /// The name of the sample in its source, such as a path. It is made now, by the source, which
    /// the batch keeps open.
    pub fn name(&self) -> String {
        self.batch.source.name(self.sample())
    }

    /// The number of the source that the sample comes from, in the order in which the sources were
    /// given; 0 if there is a single source.
    pub fn source(&self) -> u32 {
        self.batch.sources[self.index]
    }

    /// The class that the sample itself is stored with, from 0, whatever the slot was mixed with.
    /// `None` if the sample has no target, several classes, or a weight for each class.
    pub fn class(&self) -> Option<u32> {
        self.batch.classes[self.index]
    }

    /// The name of [`Slot::class`]; `None` if there is no class, or the source does not know its
    /// name.
    pub fn class_name(&self) -> Option<&'a str> {
        let names = self.batch.source.classes()?;
        names.get(self.class()? as usize).map(String::as_str)
    }

    /// The target that the loss takes, after smoothing and mixing: the slot's part of
    /// [`Batch::targets`].
    pub fn target(&self) -> SlotTarget<'a> {
        self.batch.targets.slot(self.index)
    }

    /// How the slot was mixed; `Unmixed` with `lam` 1 without a `[mix]` table.
    pub fn mix(&self) -> &'a MixRecord {
        &self.batch.mix[self.index]
    }

    /// The slot that this one was mixed with; `None` if it is not mixed. With mixers of more than
    /// two sources ([`MixRecord::sources`]) it is the second source.
    pub fn partner(&self) -> Option<Slot<'a>> {
        let mix = self.mix();
        if mix.method == Method::UNMIXED {
            return None;
        }
        let is_partner = |other: &Slot<'a>| {
            other.mix().slot == mix.partner && other.mix().role == EmitRole::Mixed
        };
        self.batch.slots().find(is_partner)
    }

    /// The mix mask of the slot: the slot's part of [`Batch::masks`], height x width weights of
    /// everything except the slot's own image. `None` unless the recipe has
    /// `mix.masks = { pixels = true }`.
    pub fn mask(&self) -> Option<&'a [f32]> {
        let masks = self.batch.masks()?;
        let each = masks.len() / self.batch.len();
        Some(&masks[self.index * each..][..each])
    }

    /// The bad sample that was to be in this slot; `None` if the slot shows the sample that was
    /// planned.
    pub fn fault(&self) -> Option<&'a Fault> {
        let read = self.mix().slot as usize - self.batch.first_read;
        self.batch.faults.iter().find(|fault| fault.slot == read)
    }

    /// The factor of the slot's loss: 1, unless the selection is a weighted subset
    /// ([`crate::plan::Subset`]). A replacement has the weight of the bad sample that it replaces.
    pub fn weight(&self) -> f32 {
        self.batch.weights[self.index]
    }

    /// Whether the slot is support or query of an episode ([`crate::plan::Episodes`]);
    /// [`EpisodeRole::Plain`] with other samplers.
    pub fn role(&self) -> EpisodeRole {
        self.batch.roles[self.index]
    }

    /// The sample group that the slot was drawn from, as in [`Batch::groups`]; `None` if the
    /// sampler does not use sample groups.
    pub fn group(&self) -> Option<u32> {
        Some(self.batch.groups()?[self.index])
    }

    /// A number that tells visits of the same sample in this epoch apart. Visits with different
    /// numbers are augmented differently.
    ///
    /// Visits of a sample are numbered from 0. Samplers that draw every slot or every batch anew
    /// use the position in the epoch instead. Numbers from 2^31 on are replacements for bad
    /// samples.
    pub fn occurrence(&self) -> u32 {
        self.batch.occurrences[self.index]
    }

    /// False if the slot is to be left out of the loss: it only fills up the last batch
    /// (`last = "pad"`), or shows a bad sample that was blanked (`on_bad` with `skip`).
    pub fn is_valid(&self) -> bool {
        self.batch.valid[self.index]
    }

    /// View `k` of view group `group`, both from 0. `(0, 0)` is the only view of a recipe without
    /// `[[view]]` tables.
    ///
    /// # Panics
    ///
    /// If there is no such view.
    pub fn view(&self, group: usize, k: usize) -> SlotView<'a> {
        let count = self.batch.view(group).count();
        assert!(k < count, "view {k} of a view group of {count}");
        SlotView {
            slot: *self,
            group,
            k,
        }
    }

    /// All views of the slot: those of the first view group, then those of the second one, and so
    /// on.
    pub fn views(&self) -> impl Iterator<Item = SlotView<'a>> + use<'a> {
        let slot = *self;
        let groups = 0..slot.batch.view_groups();
        groups.flat_map(move |group| {
            let count = slot.batch.view(group).count();
            (0..count).map(move |k| SlotView { slot, group, k })
        })
    }

    /// A hash (xxh3, 64 bits) of everything about the slot: sample, pixels of all views, target,
    /// mixing, masks, notes and annotations. Two runs with equal hashes delivered equal bytes.
    pub fn digest(&self) -> u64 {
        let (batch, slot) = (self.batch, self.index);
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(&batch.samples[slot].to_le_bytes());
        hash.update(&batch.occurrences[slot].to_le_bytes());
        hash.update(&[u8::from(batch.valid[slot])]);
        for Tensor { pixels, shape } in &batch.tensors {
            let each = shape[1] * shape[2] * shape[3];
            for image in (slot..shape[0]).step_by(batch.len()) {
                hash.update(pixels.bytes_of(image * each..(image + 1) * each));
            }
        }
        batch.targets.hash_slot(slot, &mut hash);
        batch.mix[slot].hash(&mut hash);
        for plane in [&batch.masks.pixels, &batch.masks.patches] {
            let each = plane.len() / batch.len();
            hash.update(bytemuck::cast_slice(&plane[slot * each..][..each]));
        }
        for NoteColumn { width, values, .. } in &batch.notes {
            let images = values
                .chunks_exact((*width).max(1))
                .skip(slot)
                .step_by(batch.len());
            images
                .flatten()
                .for_each(|value| hash.update(&value.to_le_bytes()));
        }
        batch.annotations[slot]
            .iter()
            .for_each(|each| each.pieces(|piece| hash.update(piece)));
        // Values that plain orders never change are left out, so the digests of such runs stay what
        // they were before these values existed.
        if batch.weights[slot] != 1.0 {
            hash.update(&batch.weights[slot].to_le_bytes());
        }
        if let Some(groups) = &batch.groups {
            hash.update(&[batch.roles[slot] as u8]);
            hash.update(&groups[slot].to_le_bytes());
        }
        hash.digest()
    }
}

impl std::fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot")
            .field("index", &self.index)
            .field("sample", &self.sample())
            .field("occurrence", &self.occurrence())
            .field("valid", &self.is_valid())
            .finish_non_exhaustive()
    }
}

/// One view of a slot, from [`Slot::view`] and [`Slot::views`]: its pixels, and what belongs to
/// them.
///
/// # Example: boxes and notes of each view
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let recipe = Recipe::from_toml(
///     r#"
///     batch = 2
///     [joint]
///     [[view]]
///     ops = [{ op = "random_resized_crop", size = 32 }, { op = "rotate90" }]
///     "#,
/// )?;
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// for view in batch.slots().flat_map(|slot| slot.views()) {
///     let pixels: &[f32] = view.image().as_f32()?; // 1 x 3 x 32 x 32
///     let turns: &[i64] = view.note("rotate90.turns").expect("a note of the op");
///     let annotations = view.annotations().expect("the recipe has [joint]");
///     assert_eq!((pixels.len(), turns.len()), (3 * 32 * 32, 1));
///     assert!(annotations.boxes.is_empty()); // the folder has no boxes
/// }
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SlotView<'a> {
    slot: Slot<'a>,
    group: usize,
    k: usize,
}

impl<'a> SlotView<'a> {
    /// The view group, from 0 in the order of the recipe's `[[view]]` tables.
    pub fn group(&self) -> usize {
        self.group
    }

    /// The number of the view in its group, from 0.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The index of the view's image in the tensor of its view group ([`Batch::view`]).
    fn image_index(&self) -> usize {
        self.k * self.slot.batch.len() + self.slot.index
    }

    /// The pixels of the view: one image, with the shape `[1, channels, height, width]` or
    /// `[1, height, width, channels]`.
    pub fn image(&self) -> Images<'a> {
        self.slot.batch.view(self.group).image(self.image_index())
    }

    /// The boxes, keypoints and planes of the view. `None` if the recipe has no `[joint]` table,
    /// and for blank slots.
    ///
    /// Coordinates are pixels of the view: x to the right, y down, 0 at the left or upper edge of
    /// the image. Planes have the size of the view and are raw. The annotations are those of the
    /// slot's own image. No mixer changes them except [`crate::mix::InstancePaste`].
    pub fn annotations(&self) -> Option<&'a Annotations> {
        let batch = self.slot.batch;
        let first: usize = (0..self.group).map(|group| batch.view(group).count()).sum();
        batch.annotations[self.slot.index].get(first + self.k)
    }

    /// The note of that name that an op attached to the view, such as `rotate90.turns`; `None` if
    /// the view group has none ([`Batch::note_names`]). The numbers are -1 where the op was not
    /// drawn, and for blank slots.
    pub fn note(&self, name: &str) -> Option<&'a [i64]> {
        self.notes()
            .find(|(known, _)| *known == name)
            .map(|(_, values)| values)
    }

    /// All notes of the view, each as its name and its numbers.
    pub fn notes(&self) -> impl Iterator<Item = (&'a str, &'a [i64])> + use<'a> {
        let (group, image) = (self.group, self.image_index());
        let columns = self.slot.batch.notes.iter();
        columns
            .filter(move |column| column.group == group)
            .map(move |column| {
                let values = &column.values[image * column.width..][..column.width];
                (&column.name[..], values)
            })
    }
}

/// The slots of a batch in their order, from [`Batch::slots`].
#[derive(Clone, Debug)]
pub struct Slots<'a> {
    batch: &'a Batch,
    indices: std::ops::Range<usize>,
}

impl<'a> Iterator for Slots<'a> {
    type Item = Slot<'a>;

    fn next(&mut self) -> Option<Slot<'a>> {
        let index = self.indices.next()?;
        Some(Slot {
            batch: self.batch,
            index,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indices.size_hint()
    }
}

impl DoubleEndedIterator for Slots<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let index = self.indices.next_back()?;
        Some(Slot {
            batch: self.batch,
            index,
        })
    }
}

impl ExactSizeIterator for Slots<'_> {}

impl Batch {
    /// Slot `index`, from 0, with everything that is known about it.
    ///
    /// # Panics
    ///
    /// If `index` is not less than [`Batch::len`].
    pub fn slot(&self, index: usize) -> Slot<'_> {
        assert!(index < self.len(), "slot {index} of {}", self.len());
        Slot { batch: self, index }
    }

    /// All slots in their order.
    ///
    /// # Example: samples by class
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use feedmill::{Loader, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(8))?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// assert_eq!(batch.slots().len(), 8);
    /// let mut count = BTreeMap::new();
    /// for slot in batch.slots() {
    ///     *count.entry(slot.class_name().expect("a folder has names")).or_insert(0) += 1;
    /// }
    /// println!("{count:?}"); // such as {"nature": 5, "still": 3}
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn slots(&self) -> Slots<'_> {
        Slots {
            batch: self,
            indices: 0..self.len(),
        }
    }

    /// The names of all slots' samples in their sources, in the order of the slots. Each name is
    /// made when the iterator comes to it.
    ///
    /// # Example: the files of a batch
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(4))?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let names: Vec<String> = batch.names().collect(); // such as "nature/life.jpg"
    /// assert!(names.iter().all(|name| name.ends_with(".jpg")));
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn names(&self) -> impl ExactSizeIterator<Item = String> {
        self.slots().map(|slot| slot.name())
    }
}
