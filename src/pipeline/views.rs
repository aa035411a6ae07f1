//! The views of an epoch: their ops with the parameters of that epoch, their sizes, and the place of
//! each in memory.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::augment::{Joint, Note, Program, ProgramScratch};
use crate::batch::{NoteColumn, SlotWriter};
use crate::error::Result;
use crate::geometry::Size;
use crate::mix::Mix;
use crate::recipe::{Layout, Recipe, View};
use crate::sample::Annotations;

/// The annotations of each view of a slot; empty without `[joint]`, and for blank slots.
pub(crate) type AnnotatedViews = Arc<[Annotations]>;

/// Epochs whose views are kept: the one that is consumed, those in preparation, and one more for a
/// caller who looks at another.
const KEPT: usize = 4;

/// The views of every epoch, made when an epoch is first asked for.
#[derive(Debug)]
pub(crate) struct ViewSets {
    source_size: Option<Size>,
    first: Arc<ViewSet>,
    /// True if every epoch has the views of the first one.
    constant: bool,
    recent: Mutex<VecDeque<(u32, Arc<ViewSet>)>>,
}

impl ViewSets {
    /// The views of a recipe for samples whose size is `source_size`, if they all have the same.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the size of a view depends on the sample.
    pub(crate) fn new(recipe: &Recipe, source_size: Option<Size>) -> Result<ViewSets> {
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

    /// The views of an epoch of the recipe that these were made for.
    ///
    /// # Errors
    ///
    /// As [`ViewSets::new`], and if an op refuses its values of this epoch.
    pub(crate) fn at(&self, recipe: &Recipe, epoch: u32) -> Result<Arc<ViewSet>> {
        if self.constant {
            return Ok(Arc::clone(&self.first));
        }
        let lock = || self.recent.lock().expect("no panic inside");
        if let Some((_, views)) = lock().iter().find(|(known, _)| *known == epoch) {
            return Ok(Arc::clone(views));
        }
        let views = Arc::new(ViewSet::new(recipe, self.source_size, epoch)?);
        let mut recent = lock();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back((epoch, Arc::clone(&views)));
        Ok(views)
    }
}

/// All views of a sample, group by group.
#[derive(Debug)]
pub(crate) struct ViewSet {
    pub(crate) groups: Vec<Group>,
    /// How batches of the epoch are mixed.
    pub(crate) mix: Option<Arc<Mix>>,
    layout: Layout,
}

/// Views that the same ops make, and that share a tensor.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) view: View,
    pub(crate) writer: SlotWriter,
    /// The notes that its ops leave with each of its views.
    pub(crate) notes: Vec<Note>,
}

/// One view of a sample.
#[derive(Clone, Debug)]
pub(crate) struct ViewSlot<'a> {
    pub(crate) group: &'a Group,
    /// The number of its group.
    pub(crate) g: usize,
    /// Its place in the group.
    pub(crate) k: usize,
    /// Its number among all views of the sample.
    pub(crate) number: usize,
    /// Where its pixels lie among those of all views of a slot.
    pub(crate) bytes: Range<usize>,
}

impl Group {
    pub(crate) fn count(&self) -> usize {
        self.view.get_count()
    }

    pub(crate) fn frame(&self) -> Size {
        self.writer.size()
    }

    /// Values of one view of one slot, and bytes of it before the final pass.
    pub(crate) fn values(&self) -> usize {
        self.frame().width as usize * self.frame().height as usize * 3
    }
}

impl ViewSlot<'_> {
    /// The title that `explain` and `preview` show.
    pub(crate) fn title(&self) -> String {
        self.group.view.title(self.g, self.k)
    }
}

impl ViewSet {
    /// The views of a recipe in an epoch, for samples whose size is `source_size`, if they all have the
    /// same.
    fn new(recipe: &Recipe, source_size: Option<Size>, epoch: u32) -> Result<ViewSet> {
        let groups = recipe.views().iter().map(|view| {
            let view = view.at(epoch)?;
            let frame = view.frame(source_size)?;
            let notes = view.notes();
            Ok(Group {
                view,
                writer: SlotWriter::new(&recipe.output, frame, crate::cpu::Simd::detect()),
                notes,
            })
        });
        let groups = groups.collect::<Result<Vec<Group>>>()?;
        let mix = recipe.mix_at(epoch)?;
        for (mixer, _) in mix.iter().flat_map(|mix| mix.mixers()) {
            mixer
                .fits(groups[0].frame())
                .map_err(|error| error.at(format_args!("mix \"{}\"", mixer.name())))?;
        }
        Ok(ViewSet {
            groups,
            mix,
            layout: recipe.output.layout,
        })
    }

    /// The views of a sample in order.
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
        self.groups.iter().map(Group::count).sum()
    }

    /// Bytes of all views of a slot before the final pass.
    pub(crate) fn bytes(&self) -> usize {
        self.groups
            .iter()
            .map(|group| group.count() * group.values())
            .sum()
    }

    /// The notes of a slot, view after view; -1 where an op was not drawn.
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

    /// What is annotated in each view.
    pub(crate) fn annotate(
        &self,
        joint: Option<&Joint>,
        programs: &[Program],
        source_size: &Annotations,
        scratch: &mut ProgramScratch,
    ) -> Result<AnnotatedViews> {
        let Some(joint) = joint else {
            return Ok(AnnotatedViews::default());
        };
        self.view_slots()
            .map(|view_slot| joint.apply(&programs[view_slot.number], source_size, scratch))
            .collect()
    }

    /// The notes of all slots, each as a column like a tensor: all slots of the first view of its
    /// group, and so on.
    pub(crate) fn note_columns(&self, slots: &[&[i64]]) -> Vec<NoteColumn> {
        let mut columns = Vec::new();
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

    /// The size that mixing is drawn for.
    pub(crate) fn mix_frame(&self) -> Size {
        self.groups[0].frame()
    }

    /// The shape of each group's tensor for so many slots.
    pub(crate) fn shapes(&self, slots: usize) -> Vec<[usize; 4]> {
        let shape = |group: &Group| {
            let (images, frame) = (group.count() * slots, group.frame());
            let (h, w) = (frame.height as usize, frame.width as usize);
            match self.layout {
                Layout::Nchw => [images, 3, h, w],
                Layout::Nhwc => [images, h, w, 3],
            }
        };
        self.groups.iter().map(shape).collect()
    }
}
