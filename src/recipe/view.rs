//! The views of a sample. A recipe describes them in groups: the views of a group are made by the
//! same ops with different random numbers.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::schedule::Schedule;
use crate::augment::{self, Note, Op, OpEntry};
use crate::error::{Error, Result};
use crate::geometry::Size;

/// The largest number of views of one sample. The number of a view is one byte of the coordinate of
/// its random streams.
pub(super) const MOST_VIEWS: usize = 255;

/// A group of views of each sample: the same ops, with different random numbers for each view.
///
/// A batch has one tensor for each group: two views of 224 pixels and six of 96 pixels are two
/// groups. The image is read and decoded once for all groups.
///
/// # Example: a view of two ops
///
/// ```
/// use feedmill::Recipe;
/// use feedmill::augment::ops::RandomResizedCrop;
/// use feedmill::recipe::View;
///
/// let multi_crop = Recipe::new()
///     .view(View::new().with_name("global").with_count(2).op(RandomResizedCrop::new(224).with_scale([0.4, 1.0])))
///     .view(View::new().with_name("local").with_count(6).op(RandomResizedCrop::new(96).with_scale([0.05, 0.4])));
/// assert_eq!(multi_crop.views().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct View {
    pub(super) name: Option<String>,
    pub(super) count: usize,
    pub(super) ops: Vec<ScheduledOp>,
}

/// The views of a recipe that names none: one view without ops.
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

/// An op of a view, with a schedule if its parameters change from epoch to epoch.
///
/// # Example: a number that changes with the epoch
///
/// ```
/// use feedmill::Recipe;
///
/// let recipe = Recipe::from_toml(
///     r#"
///     batch = 4
///     [[view]]
///     ops = [
///       { op = "center_crop", size = 32 },
///       { op = "horizontal_flip", p = { linear = [0.0, 1.0], epochs = [0, 10] } },
///     ]
///     "#,
/// )?;
/// let flip = &recipe.views()[0].ops()[1];
/// assert_eq!(flip.label(), "horizontal_flip");
/// println!("{:?}", flip.values_at(5).collect::<Vec<_>>()); // p is 0.5
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScheduledOp {
    entry: OpEntry,
    schedule: Option<Arc<Schedule<dyn Op>>>,
}

impl ScheduledOp {
    /// The op with its label. It is the op of epoch 0, or of the epoch that was passed to
    /// [`View::at`].
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

    /// The values in an epoch of the parameters that change from epoch to epoch, as text such as
    /// `size = 192`.
    pub fn values_at(&self, epoch: u32) -> impl Iterator<Item = String> {
        self.schedule
            .iter()
            .flat_map(move |schedule| schedule.values(epoch))
    }

    /// The op as written in a canonical recipe. Curves are written, not their values.
    fn to_table(&self) -> toml::Table {
        self.table_of(self.op().identity())
    }

    /// The op as a recipe has it, without what pins the files that it refers to.
    pub(super) fn written(&self) -> toml::Table {
        self.table_of(self.op().params())
    }

    fn table_of(&self, params: toml::Table) -> toml::Table {
        let mut table = toml::Table::new();
        table.insert("op".into(), self.op().name().into());
        table.insert("label".into(), self.label().into());
        if self.entry.shared() {
            table.insert("shared".into(), true.into());
        }
        table.extend(params);
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

    /// Sets the name, which `explain` and `preview` show.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> View {
        View {
            name: Some(name.into()),
            ..self
        }
    }

    /// Sets how many views of each sample the ops make, each with its own random numbers; 1 by
    /// default.
    #[must_use]
    pub fn with_count(self, count: usize) -> View {
        View { count, ..self }
    }

    /// Adds an op after the others.
    ///
    /// # Panics
    ///
    /// If the labels of two user-defined ops have the same hash. The labels of built-in ops do not
    /// collide.
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

    /// The ops with their labels, in the form that [`crate::augment::Program::draw`] takes.
    pub fn entries(&self) -> impl Iterator<Item = &OpEntry> {
        self.ops.iter().map(ScheduledOp::entry)
    }

    /// The name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The number of views that the ops make of each sample.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The title of view `k` of this group, which is number `group` of the recipe: its name or
    /// `view 1`, with `2/3` added if the group has several views.
    pub(crate) fn title(&self, group: usize, k: usize) -> String {
        let name = self.name.clone().unwrap_or_else(|| format!("view {group}"));
        if self.count == 1 {
            name
        } else {
            format!("{name} {}/{}", k + 1, self.count)
        }
    }

    /// Adds an op with its schedule. Without a label it gets its name, numbered if the name is
    /// taken.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the label has the same hash as another one of the view, because
    /// both ops would draw the same random numbers.
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
                "the labels \"{}\" and \"{}\" would share random numbers: \
                 give one of them another label",
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

    /// The view of an epoch: each parameter that is a curve has its value of that epoch.
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

    /// A few epochs that stand for all others, if parameters change from epoch to epoch; empty
    /// otherwise.
    pub(crate) fn landmarks(&self) -> BTreeSet<u32> {
        self.ops
            .iter()
            .filter_map(|entry| entry.schedule.as_ref())
            .flat_map(|schedule| schedule.landmarks())
            .collect()
    }

    /// The named numbers that the ops record for each view of a batch.
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

    /// The size of the view. `source` is the size of the samples, if all have the same.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the size depends on the sample.
    pub fn size(&self, source: Option<Size>) -> Result<Size> {
        let size = self
            .ops
            .iter()
            .fold(source, |size, entry| entry.op().output_size(size));
        size.ok_or_else(|| {
            let name = self
                .name
                .as_ref()
                .map(|name| format!(" \"{name}\""))
                .unwrap_or_default();
            Error::config(format!(
                "the view{name} has no fixed size: the images of a batch must be equally large; \
                 end the ops with one that fixes the size, \
                 such as {{ op = \"center_crop\", size = 224 }}",
            ))
        })
    }

    /// The view as written in a canonical recipe.
    pub(super) fn to_table(&self) -> CanonicalView<'_> {
        CanonicalView {
            name: self.name.as_deref(),
            count: Some(self.count).filter(|count| *count != 1),
            ops: self.ops.iter().map(ScheduledOp::to_table).collect(),
        }
    }
}

/// A table of `[[view]]` in a canonical recipe.
#[derive(serde::Serialize)]
pub(super) struct CanonicalView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    ops: Vec<toml::Table>,
}

/// The field of a view that an error is about, which decides the line that the error names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewField {
    Name,
    Count,
    Ops,
}

/// Checks the views of a recipe.
///
/// # Errors
///
/// [`crate::Kind::Config`] with the number of the view that the error is about, and its field.
pub(super) fn check(views: &[View]) -> std::result::Result<(), (usize, ViewField, Error)> {
    let mut total = 0;
    for (number, view) in views.iter().enumerate() {
        let at = |field, text: String| Err((number, field, Error::config(text)));
        if view.count == 0 {
            return at(
                ViewField::Count,
                format!("view count = 0: expected 1 to {MOST_VIEWS} views"),
            );
        }
        // A count may be as large as `usize::MAX`.
        total = view.count.saturating_add(total);
        if total > MOST_VIEWS {
            return at(
                ViewField::Count,
                format!(
                    "view count = {}: a sample would have {total} views; \
                     expected at most {MOST_VIEWS} in all",
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
                ViewField::Name,
                format!("two views have the name \"{name}\": give one of them another name"),
            );
        }
        for entry in &view.ops {
            entry.op().validate().map_err(|error| {
                (
                    number,
                    ViewField::Ops,
                    error.at(format_args!("op \"{}\"", entry.label())),
                )
            })?;
        }
    }
    Ok(())
}
