//! The views of an epoch made concrete: their ops, their sizes, and where the values of each lie.

use std::ops::Range;

use crate::augment::Frame;
use crate::batch::Finisher;
use crate::error::Result;
use crate::recipe::{Layout, Recipe, View};

/// All views of a sample, group by group.
#[derive(Debug)]
pub(crate) struct ViewSet {
    pub(crate) groups: Vec<Group>,
    layout: Layout,
}

/// Views that the same ops make, and that share a tensor.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) view: View,
    pub(crate) finisher: Finisher,
}

/// One view of a sample.
#[derive(Clone, Debug)]
pub(crate) struct Spot<'a> {
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

    pub(crate) fn frame(&self) -> Frame {
        self.finisher.frame()
    }

    /// Values of one view of one slot, and bytes of it before the final pass.
    pub(crate) fn values(&self) -> usize {
        self.frame().width as usize * self.frame().height as usize * 3
    }
}

impl Spot<'_> {
    /// What to call it.
    pub(crate) fn title(&self) -> String {
        self.group.view.title(self.g, self.k)
    }
}

impl ViewSet {
    /// The views of a recipe for samples whose size is `given`, if they all have the same.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the size of a view depends on the sample.
    pub(crate) fn new(recipe: &Recipe, given: Option<Frame>) -> Result<ViewSet> {
        let groups = recipe.views().iter().map(|view| {
            let frame = view.frame(given)?;
            Ok(Group { view: view.clone(), finisher: Finisher::new(&recipe.output, frame) })
        });
        Ok(ViewSet { groups: groups.collect::<Result<_>>()?, layout: recipe.output.layout })
    }

    /// The views of a sample in order.
    pub(crate) fn spots(&self) -> impl Iterator<Item = Spot<'_>> {
        let groups = self.groups.iter().enumerate();
        let each = groups.flat_map(|(g, group)| (0..group.count()).map(move |k| (g, group, k)));
        let mut end = 0;
        each.enumerate().map(move |(number, (g, group, k))| {
            let start = end;
            end += group.values();
            Spot { group, g, k, number, bytes: start..end }
        })
    }

    /// The number of views of a sample.
    pub(crate) fn count(&self) -> usize {
        self.groups.iter().map(Group::count).sum()
    }

    /// Bytes of all views of a slot before the final pass.
    pub(crate) fn bytes(&self) -> usize {
        self.groups.iter().map(|group| group.count() * group.values()).sum()
    }

    /// The size that mixing is drawn for.
    pub(crate) fn mix_frame(&self) -> Frame {
        self.groups[0].frame()
    }

    /// The shape of each group's tensor for so many slots.
    pub(crate) fn shapes(&self, slots: usize) -> Vec<[usize; 4]> {
        let shape = |group: &Group| {
            let (pictures, frame) = (group.count() * slots, group.frame());
            let (h, w) = (frame.height as usize, frame.width as usize);
            match self.layout {
                Layout::Nchw => [pictures, 3, h, w],
                Layout::Nhwc => [pictures, h, w, 3],
            }
        };
        self.groups.iter().map(shape).collect()
    }
}
