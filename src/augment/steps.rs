//! What was drawn for one view of one sample.

use super::Step;
use crate::geometry::Size;
use crate::rng::OpKey;

/// The steps of one view of one sample, in the making: ops add to it one after the other.
#[derive(Clone, Debug)]
pub struct Steps {
    whole: Size,
    frame: Size,
    list: Vec<Step>,
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
    /// No steps yet, for an image of size `frame`.
    pub fn new(frame: Size) -> Steps {
        Steps {
            whole: frame,
            frame,
            list: Vec::new(),
            nth: 0,
            count: 1,
            scope: OpKey::default(),
            notes: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Begins anew, keeping the memory: the `nth` of the `count` views of a group.
    pub(super) fn restart(&mut self, frame: Size, nth: usize, count: usize) {
        (self.whole, self.frame, self.nth, self.count) = (frame, frame, nth, count);
        self.list.clear();
        self.notes.clear();
        self.values.clear();
    }

    /// Begins with an image of another size, and changes the first steps, as long as `change` says
    /// that it did.
    pub(super) fn shrink(&mut self, whole: Size, change: impl FnMut(&mut Step) -> bool) {
        self.whole = whole;
        let _ = self
            .list
            .iter_mut()
            .map(change)
            .take_while(|changed| *changed)
            .count();
    }

    /// The size of the image that the steps begin with.
    pub fn whole(&self) -> Size {
        self.whole
    }

    /// The size of the image after the steps so far.
    pub fn frame(&self) -> Size {
        self.frame
    }

    /// Which of the views of its group this is, from 0, and how many there are.
    pub fn view(&self) -> (usize, usize) {
        (self.nth, self.count)
    }

    /// The steps so far.
    pub fn list(&self) -> &[Step] {
        &self.list
    }

    /// Adds a step.
    pub fn push(&mut self, step: Step) {
        self.frame = step.frame(self.frame);
        self.list.push(step);
    }

    /// Leaves numbers with the batch under a name that [`super::Op::notes`] announces: a pretext
    /// label, a mask.
    pub fn note(&mut self, name: &str, values: &[i64]) {
        self.notes
            .push((note_key(self.scope, name), self.values.len()));
        self.values.extend_from_slice(values);
    }

    /// Runs `draw` with the notes of the op of this label, inside the present one.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The labels of the op and of those that it is inside of, and the note's name:
    /// `rotate90.turns`.
    pub name: String,
    /// How many numbers there are.
    pub width: usize,
    pub(super) key: OpKey,
}

impl Note {
    /// The note `name` of the op that a view calls `label`.
    pub(crate) fn new(label: &str, name: &str, width: usize) -> Note {
        let path = std::iter::once(label).chain(name.split('.'));
        Note {
            name: format!("{label}.{name}"),
            width,
            key: path.fold(OpKey::default(), note_key),
        }
    }
}

pub(super) fn note_key(scope: OpKey, name: &str) -> OpKey {
    OpKey(scope.0.rotate_left(9) ^ OpKey::of(name).0)
}
