//! The list of steps that ops draw for one view of one sample.

use std::sync::Arc;

use super::step::Step;
use crate::geometry::Size;
use crate::rng::OpKey;

/// The list of steps for one view of one sample, to which ops add one after the other.
///
/// # Example: the size after two steps
///
/// ```
/// use feedmill::augment::Steps;
/// use feedmill::augment::steps::{Crop, Turn};
/// use feedmill::geometry::Size;
///
/// let steps = Steps::new(Size::new(64, 48)).with(Crop::new(0, 0, Size::new(32, 16))).with(Turn(1));
/// assert_eq!((steps.input_size(), steps.size()), (Size::new(64, 48), Size::new(16, 32)));
/// ```
#[derive(Clone, Debug)]
pub struct Steps {
    input_size: Size,
    size: Size,
    list: Vec<Arc<dyn Step>>,
    nth: usize,
    count: usize,
    scope: OpKey,
    notes: Vec<(OpKey, usize)>,
    values: Vec<i64>,
}

impl Default for Steps {
    fn default() -> Steps {
        Steps::new(Size {
            width: 1,
            height: 1,
        })
    }
}

impl Steps {
    /// An empty list for an image of this size.
    pub fn new(size: Size) -> Steps {
        Steps {
            input_size: size,
            size,
            list: Vec::new(),
            nth: 0,
            count: 1,
            scope: OpKey::default(),
            notes: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Empties the list but keeps its memory, for the `nth` of the `count` views of a group.
    pub(super) fn restart(&mut self, size: Size, nth: usize, count: usize) {
        (self.input_size, self.size, self.nth, self.count) = (size, size, nth, count);
        self.list.clear();
        self.notes.clear();
        self.values.clear();
    }

    /// Replaces the size of the input image, and the first steps by those that `change` returns,
    /// until it returns `None`.
    pub(super) fn rewrite(
        &mut self,
        input_size: Size,
        change: impl FnMut(&Arc<dyn Step>) -> Option<Arc<dyn Step>>,
    ) {
        self.input_size = input_size;
        let changed: Vec<Arc<dyn Step>> = self.list.iter().map_while(change).collect();
        self.list.splice(..changed.len(), changed);
    }

    /// The size of the image before the first step.
    pub fn input_size(&self) -> Size {
        self.input_size
    }

    /// The size of the image after the steps so far.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The number of this view in its group, from 0, and the number of views of the group.
    pub fn view(&self) -> (usize, usize) {
        (self.nth, self.count)
    }

    /// The steps so far.
    pub fn list(&self) -> &[Arc<dyn Step>] {
        &self.list
    }

    /// Adds a step.
    pub fn push(&mut self, step: impl Step) {
        self.push_shared(Arc::new(step));
    }

    /// The list with one more step.
    #[must_use]
    pub fn with(mut self, step: impl Step) -> Steps {
        self.push(step);
        self
    }

    /// Adds a step that other lists may have too.
    pub fn push_shared(&mut self, step: Arc<dyn Step>) {
        self.size = step.output_size(self.size);
        self.list.push(step);
    }

    /// Returns the steps that `draw` adds, without adding them. They begin with the image as it is
    /// after the steps so far.
    pub(super) fn aside(&mut self, draw: impl FnOnce(&mut Steps)) -> Vec<Arc<dyn Step>> {
        let (size, count) = (self.size, self.list.len());
        draw(self);
        self.size = size;
        self.list.split_off(count)
    }

    /// Adds numbers to the batch under a name that [`Op::notes`](super::Op::notes) announces, such as a
    /// pretext label or a mask.
    pub fn note(&mut self, name: &str, values: &[i64]) {
        self.notes
            .push((note_key(self.scope, name), self.values.len()));
        self.values.extend_from_slice(values);
    }

    /// Runs `draw` with its notes named after the op with this label, inside the current op.
    pub(super) fn within(&mut self, label: &str, draw: impl FnOnce(&mut Steps)) {
        let scope = note_key(self.scope, label);
        let outer = std::mem::replace(&mut self.scope, scope);
        draw(self);
        self.scope = outer;
    }

    /// The first `width` numbers noted under a key, if any.
    pub(super) fn noted(&self, key: OpKey, width: usize) -> Option<&[i64]> {
        let (_, start) = self.notes.iter().find(|(noted, _)| *noted == key)?;
        self.values.get(*start..start + width)
    }
}

/// Numbers that an op leaves with each view of a batch.
///
/// # Example: the notes of a view
///
/// ```
/// use feedmill::augment::ops::Rotate90;
/// use feedmill::recipe::View;
///
/// let notes = View::new().op(Rotate90::new()).notes();
/// assert_eq!((&notes[0].name[..], notes[0].width), ("rotate90.turns", 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// The labels of the op and of the ops around it, and the note's name: `rotate90.turns`.
    pub name: String,
    /// The number of values.
    pub width: usize,
    pub(super) key: OpKey,
}

impl Note {
    /// The note `name` of the op with this label in a view.
    pub(crate) fn new(label: &str, name: &str, width: usize) -> Note {
        let path = std::iter::once(label).chain(name.split('.'));
        Note {
            name: format!("{label}.{name}"),
            width,
            key: path.fold(OpKey::default(), note_key),
        }
    }
}

/// The key of a name inside a scope.
pub(super) fn note_key(scope: OpKey, name: &str) -> OpKey {
    OpKey(scope.0.rotate_left(9) ^ OpKey::of(name).0)
}
