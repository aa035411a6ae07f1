//! The views of an epoch: their ops with the parameters of that epoch, their sizes, and where each
//! of them lies in memory.
//!
//! A parameter of a recipe may be a function of the epoch, also the size of a view. So the pipeline
//! does not read views from the recipe: it asks [`ViewSets`] for those of an epoch, and a batch
//! keeps the [`ViewSet`] that it began with. Batches of two epochs, and of two sizes, can therefore
//! be in preparation at the same time.
//!
//! Two memory layouts occur. Before the final pass, a *slot* is contiguous: the 8-bit pixels of all
//! its views, one after the other ([`ViewSlot::bytes`]), because one worker makes them together and
//! mixing needs them together. In a batch, a *view group* is contiguous, first all slots of its
//! first view, then all slots of its second ([`ViewSet::shapes`]), because that is the tensor that
//! a network takes.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::augment::{Joint, Note, Program, StepScratch};
use crate::batch::{NoteColumn, SlotWriter};
use crate::error::Result;
use crate::geometry::Size;
use crate::mix::Mix;
use crate::recipe::{Layout, Recipe, View};
use crate::sample::Annotations;

/// The annotations of each view of a slot; empty without `[joint]`, and for blank slots.
pub(crate) type AnnotatedViews = Arc<[Annotations]>;

/// Epochs for which views are kept: the one that is consumed, the one or two in preparation, and
/// one more for a caller that inspects another epoch.
const RECENT: usize = 4;

/// The views of every epoch, made when an epoch is first requested.
#[derive(Debug)]
pub(crate) struct ViewSets {
    /// The size of every sample, if they all have the same.
    source_size: Option<Size>,
    /// The views of epoch 0.
    first: Arc<ViewSet>,
    /// True if every epoch has the views of the first one.
    constant: bool,
    /// The last [`RECENT`] epochs that were made, with their views, from the oldest to the newest.
    recent: Mutex<VecDeque<(u32, Arc<ViewSet>)>>,
}

impl ViewSets {
    /// The views of a recipe. `source_size` is the size of every sample, if they all have the same.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the size of a view depends on the sample.
    pub(crate) fn new(recipe: &Recipe, source_size: Option<Size>) -> Result<ViewSets> {
        // Make the views once for each epoch where a curve starts, ends or is sampled, so that a
        // bad value is refused when the loader is opened and not days later.
        let mut landmarks: BTreeSet<u32> =
            recipe.views().iter().flat_map(View::landmarks).collect();
        landmarks.extend(recipe.mix_landmarks());
        for epoch in &landmarks {
            ViewSet::new(recipe, source_size, *epoch)?;
        }
        let first = Arc::new(ViewSet::new(recipe, source_size, 0)?);
        Ok(ViewSets {
            source_size,
            first,
            constant: landmarks.is_empty(),
            recent: Mutex::default(),
        })
    }

    /// The views of epoch 0.
    pub(crate) fn first(&self) -> &ViewSet {
        &self.first
    }

    /// The views of an epoch. `recipe` is the one that these views were made for.
    ///
    /// # Errors
    ///
    /// The errors of [`ViewSets::new`], and [`crate::Kind::Config`] if an op refuses its values of
    /// this epoch.
    pub(crate) fn at(&self, recipe: &Recipe, epoch: u32) -> Result<Arc<ViewSet>> {
        if self.constant {
            return Ok(Arc::clone(&self.first));
        }
        let lock = || self.recent.lock().expect("no panic inside");
        if let Some((_, views)) = lock().iter().find(|(known, _)| *known == epoch) {
            return Ok(Arc::clone(views));
        }
        // Made outside the lock. Two threads may make the same views; they are equal.
        let views = Arc::new(ViewSet::new(recipe, self.source_size, epoch)?);
        let mut recent = lock();
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back((epoch, Arc::clone(&views)));
        Ok(views)
    }
}

/// The views that every sample of an epoch gets, view group by view group.
#[derive(Debug)]
pub(crate) struct ViewSet {
    /// One for each `[[view]]` table.
    pub(crate) groups: Vec<ViewGroup>,
    /// How batches of the epoch are mixed; `None` without a `[mix]` table.
    pub(crate) mix: Option<Arc<Mix>>,
    layout: Layout,
    /// The channels of a batch's images.
    channels: usize,
}

/// The views of one `[[view]]` table: they have the same ops and share a tensor.
#[derive(Debug)]
pub(crate) struct ViewGroup {
    pub(crate) view: View,
    /// The final pass for views of this size.
    pub(crate) writer: SlotWriter,
    /// The notes that the ops leave with each view.
    pub(crate) notes: Vec<Note>,
}

/// One view of a sample, and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct ViewSlot<'a> {
    pub(crate) group: &'a ViewGroup,
    /// The number of the view group.
    pub(crate) g: usize,
    /// The number of the view in its view group.
    pub(crate) k: usize,
    /// The number of the view among all views of the sample, which also keys its random streams.
    pub(crate) number: usize,
    /// The range of its pixels among the bytes of all views of a slot.
    pub(crate) bytes: Range<usize>,
}

impl ViewGroup {
    /// The number of views.
    pub(crate) fn count(&self) -> usize {
        self.view.count()
    }

    /// The size of every view.
    pub(crate) fn size(&self) -> Size {
        self.writer.size()
    }

    /// The bytes of one view of one slot before the final pass: width x height x 3. A batch has
    /// [`SlotWriter::values`] of them.
    pub(crate) fn values(&self) -> usize {
        self.size().width as usize * self.size().height as usize * 3
    }
}

impl ViewSlot<'_> {
    /// The title that `explain` and `preview` show.
    pub(crate) fn title(&self) -> String {
        self.group.view.title(self.g, self.k)
    }
}

impl ViewSet {
    /// The views of a recipe in one epoch. `source_size` is the size of every sample, if they all
    /// have the same.
    fn new(recipe: &Recipe, source_size: Option<Size>, epoch: u32) -> Result<ViewSet> {
        let groups = recipe.views().iter().map(|view| {
            let view = view.at(epoch)?;
            let size = view.size(source_size)?;
            let notes = view.notes();
            Ok(ViewGroup {
                view,
                writer: SlotWriter::new(&recipe.output, size, crate::cpu::Simd::detect()),
                notes,
            })
        });
        let groups = groups.collect::<Result<Vec<ViewGroup>>>()?;
        let mix = recipe.mix_at(epoch)?;
        for (mixer, _) in mix.iter().flat_map(|mix| mix.mixers()) {
            mixer
                .fits(groups[0].size())
                .map_err(|error| error.at(format_args!("mix \"{}\"", mixer.name())))?;
        }
        Ok(ViewSet {
            groups,
            mix,
            layout: recipe.output.layout,
            channels: recipe.output.channels().into(),
        })
    }

    /// All views of a sample: group by group, and by number in each group.
    pub(crate) fn view_slots(&self) -> impl Iterator<Item = ViewSlot<'_>> {
        let groups = self.groups.iter().enumerate();
        let each = groups.flat_map(|(g, group)| (0..group.count()).map(move |k| (g, group, k)));
        let mut end = 0;
        each.enumerate().map(move |(number, (g, group, k))| {
            let start = end;
            end += group.values();
            ViewSlot {
                group,
                g,
                k,
                number,
                bytes: start..end,
            }
        })
    }

    /// The number of views of a sample.
    pub(crate) fn count(&self) -> usize {
        self.groups.iter().map(ViewGroup::count).sum()
    }

    /// The bytes of all views of a slot before the final pass.
    pub(crate) fn bytes(&self) -> usize {
        self.groups
            .iter()
            .map(|group| group.count() * group.values())
            .sum()
    }

    /// The notes of a slot, view after view; -1 where an op was not drawn. A blank slot has no
    /// programs and gets -1 everywhere.
    pub(crate) fn notes(&self, programs: &[Program]) -> Vec<i64> {
        let mut values = Vec::new();
        for view_slot in self.view_slots() {
            for note in &view_slot.group.notes {
                match programs
                    .get(view_slot.number)
                    .and_then(|program| program.note(note))
                {
                    Some(noted) => values.extend_from_slice(noted),
                    None => values.extend(std::iter::repeat_n(-1, note.width)),
                }
            }
        }
        values
    }

    /// The annotations of a sample, moved into each of its views. `annotations` are those of the
    /// upright image, with decoded planes. Empty if `joint` is `None`.
    pub(crate) fn annotate(
        &self,
        joint: Option<&Joint>,
        programs: &[Program],
        annotations: &Annotations,
        scratch: &mut StepScratch,
    ) -> Result<AnnotatedViews> {
        let Some(joint) = joint else {
            return Ok(AnnotatedViews::default());
        };
        self.view_slots()
            .map(|view_slot| joint.apply(&programs[view_slot.number], annotations, scratch))
            .collect()
    }

    /// The notes of all slots, transposed to one column for each note. A column is ordered like the
    /// tensor of its view group: all slots of the first view, then all slots of the second. Each
    /// entry of `slots` is the result of [`ViewSet::notes`] for one slot.
    pub(crate) fn note_columns(&self, slots: &[&[i64]]) -> Vec<NoteColumn> {
        let mut columns = Vec::new();
        // The index, in the notes of a slot, of the first one of the view group.
        let mut start = 0;
        for (g, group) in self.groups.iter().enumerate() {
            let each: usize = group.notes.iter().map(|note| note.width).sum();
            let mut offset = start;
            for note in &group.notes {
                let mut values = Vec::with_capacity(group.count() * slots.len() * note.width);
                for k in 0..group.count() {
                    slots.iter().for_each(|slot| {
                        values.extend_from_slice(&slot[offset + k * each..][..note.width]);
                    });
                }
                columns.push(NoteColumn {
                    group: g,
                    name: note.name.clone(),
                    width: note.width,
                    values,
                });
                offset += note.width;
            }
            start += group.count() * each;
        }
        columns
    }

    /// The size that mixers draw for: that of the first view.
    pub(crate) fn mix_size(&self) -> Size {
        self.groups[0].size()
    }

    /// The shape of each view group's tensor in a batch of `slots` slots, in the recipe's layout.
    pub(crate) fn shapes(&self, slots: usize) -> Vec<[usize; 4]> {
        let shape = |group: &ViewGroup| {
            let (images, size) = (group.count() * slots, group.size());
            let (h, w) = (size.height as usize, size.width as usize);
            match self.layout {
                Layout::Nchw => [images, self.channels, h, w],
                Layout::Nhwc => [images, h, w, self.channels],
            }
        };
        self.groups.iter().map(shape).collect()
    }
}
