//! The views of a sample: groups of equally made ones, each with its ops.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::schedule::Schedule;
use crate::augment::{self, Note, Op, OpEntry};
use crate::error::{Error, Result};
use crate::geometry::Size;

/// Views of one sample at most: a view's number is one byte of its random streams' coordinates.
pub(super) const MOST_VIEWS: usize = 255;

/// A group of views of each sample that the same ops make, each with random numbers of its own.
///
/// A recipe with several gives a batch one tensor for each: two views of 224 pixels and six of 96
/// make two groups. The image is read and decoded once for all of them.
///
/// # Example
///
/// ```
/// use feedmill::Recipe;
/// use feedmill::augment::RandomResizedCrop;
/// use feedmill::recipe::View;
///
/// let multi_crop = Recipe::new()
///     .view(View::new().name("global").count(2).op(RandomResizedCrop::new(224).scale(0.4, 1.0)))
///     .view(View::new().name("local").count(6).op(RandomResizedCrop::new(96).scale(0.05, 0.4)));
/// assert_eq!(multi_crop.views().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct View {
    pub(super) name: Option<String>,
    pub(super) count: usize,
    pub(super) ops: Vec<ScheduledOp>,
}

/// What a recipe without a view has: the image as it is.
pub(super) static PLAIN: [View; 1] = [View {
    name: None,
    count: 1,
    ops: Vec::new(),
}];

impl Default for View {
    fn default() -> View {
        View::new()
    }
}

/// An op of a view, with what makes it anew for epochs in which its parameters differ.
#[derive(Clone, Debug)]
pub struct ScheduledOp {
    entry: OpEntry,
    schedule: Option<Arc<Schedule<dyn Op>>>,
}

impl ScheduledOp {
    /// The op of epoch 0, or of the epoch of [`View::at`], with its label.
    pub fn entry(&self) -> &OpEntry {
        &self.entry
    }

    /// The op's label.
    pub fn label(&self) -> &str {
        self.entry.label()
    }

    /// The op.
    pub fn op(&self) -> &dyn Op {
        self.entry.op()
    }

    /// The values in an epoch of those parameters that change from epoch to epoch, such as
    /// `size = 192`.
    pub fn values_at(&self, epoch: u32) -> impl Iterator<Item = String> {
        self.schedule
            .iter()
            .flat_map(move |schedule| schedule.values(epoch))
    }

    /// The op as it stands in a canonical recipe.
    fn to_table(&self) -> toml::Table {
        let mut table = toml::Table::new();
        table.insert("op".into(), self.op().name().into());
        table.insert("label".into(), self.label().into());
        if self.entry.shared() {
            table.insert("shared".into(), true.into());
        }
        table.extend(self.op().params());
        table.extend(self.schedule.iter().flat_map(|schedule| schedule.written()));
        table
    }
}

impl View {
    /// One view without ops and without a name.
    pub fn new() -> View {
        View {
            name: None,
            count: 1,
            ops: Vec::new(),
        }
    }

    /// A name, which `explain` and `preview` show.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> View {
        View {
            name: Some(name.into()),
            ..self
        }
    }

    /// How many views these ops make of each sample, each drawn anew; 1 by default.
    #[must_use]
    pub fn count(self, count: usize) -> View {
        View { count, ..self }
    }

    /// Adds an op.
    ///
    /// # Panics
    ///
    /// Never for the built-in ops; if two labels of user ops collide in their hash.
    #[must_use]
    pub fn op(mut self, op: impl Op + 'static) -> View {
        self.push(None, Arc::new(op), None, false)
            .expect("labels made from different names have different keys");
        self
    }

    /// The ops in order.
    pub fn ops(&self) -> &[ScheduledOp] {
        &self.ops
    }

    /// The ops with their labels, as [`crate::augment::Program::draw`] takes them.
    pub fn entries(&self) -> impl Iterator<Item = &OpEntry> {
        self.ops.iter().map(ScheduledOp::entry)
    }

    /// The name, if it has one.
    pub fn get_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How many views the ops make of each sample.
    pub fn get_count(&self) -> usize {
        self.count
    }

    /// What to call view `k` of this group, the recipe's group number `group`.
    pub(crate) fn title(&self, group: usize, k: usize) -> String {
        let name = self.name.clone().unwrap_or_else(|| format!("view {group}"));
        if self.count == 1 {
            name
        } else {
            format!("{name} {}/{}", k + 1, self.count)
        }
    }

    pub(super) fn push(
        &mut self,
        label: Option<String>,
        op: Arc<dyn Op>,
        schedule: Option<Schedule<dyn Op>>,
        shared: bool,
    ) -> Result<()> {
        let label = label
            .unwrap_or_else(|| augment::label(op.name(), self.ops.iter().map(ScheduledOp::op)));
        let entry = OpEntry::new(label, op, shared);
        if let Some(other) = self
            .ops
            .iter()
            .find(|other| other.entry.key() == entry.key())
        {
            return Err(Error::config(format!(
                "the labels \"{}\" and \"{}\" would share random numbers: give one of them another label",
                entry.label(),
                other.label()
            )));
        }
        self.ops.push(ScheduledOp {
            entry,
            schedule: schedule.map(Arc::new),
        });
        Ok(())
    }

    /// The view as it is in an epoch: parameters that are functions of the epoch have their values
    /// of then.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if an op refuses its values.
    pub fn at(&self, epoch: u32) -> Result<View> {
        let mut view = self.clone();
        for scheduled in &mut view.ops {
            if let Some(schedule) = &scheduled.schedule {
                let op = schedule
                    .at(epoch)
                    .map_err(|error| error.at(format_args!("in epoch {epoch}")))?;
                scheduled.entry = scheduled.entry.with_op(op);
            }
        }
        Ok(view)
    }

    /// Epochs that stand for all others where parameters change from epoch to epoch; none if they
    /// do not.
    pub(crate) fn landmarks(&self) -> BTreeSet<u32> {
        self.ops
            .iter()
            .filter_map(|entry| entry.schedule.as_ref())
            .flat_map(|s| s.landmarks())
            .collect()
    }

    /// The numbers that its ops leave with each view of a batch.
    pub fn notes(&self) -> Vec<Note> {
        let all = self.ops.iter().flat_map(|entry| {
            entry
                .op()
                .notes()
                .into_iter()
                .map(move |note| (entry, note))
        });
        all.map(|(entry, (name, width))| Note::new(entry.label(), &name, width))
            .collect()
    }

    /// The size that comes out, given the size that goes in if every sample has the same.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if it depends on the sample.
    pub fn frame(&self, source: Option<Size>) -> Result<Size> {
        self.ops.iter().fold(source, |frame, entry| entry.op().frame(frame)).ok_or_else(|| {
            let whose = self.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
            Error::config(format!(
                "the view{whose} has no fixed size: the images of a batch must be equally large; end the ops with one \
                 that fixes the size, such as {{ op = \"center_crop\", size = 224 }}",
            ))
        })
    }

    /// The view as it stands in a canonical recipe.
    pub(super) fn to_table(&self) -> Canonical<'_> {
        Canonical {
            name: self.name.as_deref(),
            count: Some(self.count).filter(|count| *count != 1),
            ops: self.ops.iter().map(ScheduledOp::to_table).collect(),
        }
    }
}

/// A view of a canonical recipe.
#[derive(serde::Serialize)]
pub(super) struct Canonical<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    ops: Vec<toml::Table>,
}

/// The part of a view that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Name,
    Count,
    Ops,
}

/// Checks the views of a recipe; the error comes with the number of the view that it is about, and
/// with the part of it.
pub(super) fn check(views: &[View]) -> std::result::Result<(), (usize, Part, Error)> {
    let mut total = 0;
    for (number, view) in views.iter().enumerate() {
        let at = |part, text: String| Err((number, part, Error::config(text)));
        if view.count == 0 {
            return at(
                Part::Count,
                format!("view count = 0: expected 1 to {MOST_VIEWS} views"),
            );
        }
        total = view.count.saturating_add(total);
        if total > MOST_VIEWS {
            return at(
                Part::Count,
                format!(
                    "view count = {}: a sample would have {total} views; expected at most {MOST_VIEWS} in all",
                    view.count
                ),
            );
        }
        if let Some(name) = &view.name
            && views[..number]
                .iter()
                .any(|other| other.name.as_ref() == Some(name))
        {
            return at(
                Part::Name,
                format!("two views have the name \"{name}\": give one of them another name"),
            );
        }
        for entry in &view.ops {
            entry.op().check().map_err(|error| {
                (
                    number,
                    Part::Ops,
                    error.at(format_args!("op \"{}\"", entry.label())),
                )
            })?;
        }
    }
    Ok(())
}
