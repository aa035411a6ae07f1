//! Selections: which samples a run has at all.
//!
//! A selection is a function from a list of samples to a shorter one. Several are applied one after
//! the other: first the training part of a split, then one agent's share of it, then the classes of
//! a task. Draws come from a seed of the selection, not from the recipe's. So the recipes of
//! training and validation, and those of all agents, agree on who has what, even where they train
//! with different seeds.

mod agents;
mod prune;
mod split;
mod subset;
mod tasks;

use serde::{Deserialize, Serialize};

pub use agents::{ByClass, Dirichlet};
pub use prune::{Keep, Prune, Ranked};
pub use split::Split;
pub use subset::Subset;
pub use tasks::Tasks;

use super::groups::Groups;
use super::metadata::{By, SampleMetadata};
use crate::error::{Error, Result};

/// A choice of samples. In a recipe it is a `[[select]]` table; its key `select` names the kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "select", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Select {
    /// `"subset"`: listed samples, each with a weight if wanted.
    Subset(Subset),
    /// `"prune"`: the samples of each class that a score ranks first.
    Prune(Prune),
    /// `"split"`: one of several disjoint parts.
    Split(Split),
    /// `"tasks"`: a few classes at a time, for class-incremental learning.
    Tasks(Tasks),
    /// `"dirichlet"`: one agent's part of the data, with unequal shares of each class.
    Dirichlet(Dirichlet),
    /// `"by_class"`: one agent's part of the data, with its own classes.
    ByClass(ByClass),
}

macro_rules! from {
    ($($name:ident),*) => {$(
        impl From<$name> for Select {
            fn from(select: $name) -> Select {
                Select::$name(select)
            }
        }
    )*};
}

from!(Subset, Prune, Split, Tasks, Dirichlet, ByClass);

/// The samples that the selections so far have left, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SelectedSamples {
    /// The numbers of the samples: 4 bytes a sample.
    pub(super) samples: Vec<u32>,
    /// The weight of each sample's loss, 4 bytes a sample; `None` if all are 1.
    pub(super) weights: Option<Vec<f32>>,
}

impl SelectedSamples {
    /// The samples at some indices of the list.
    fn at(&self, indices: &[u32]) -> SelectedSamples {
        let weights = self.weights.as_ref();
        SelectedSamples {
            samples: indices
                .iter()
                .map(|&index| self.samples[index as usize])
                .collect(),
            weights: weights.map(|weights| {
                indices
                    .iter()
                    .map(|&index| weights[index as usize])
                    .collect()
            }),
        }
    }

    /// The samples at some indices, in the order of the list whatever the order of the indices.
    fn at_sorted(&self, mut indices: Vec<u32>) -> SelectedSamples {
        indices.sort_unstable();
        self.at(&indices)
    }

    /// The selected samples by group.
    fn groups(&self, metadata: &SampleMetadata, by: &By) -> Result<Groups> {
        Ok(Groups::of_selection(
            metadata.grouping(by)?,
            Some(&self.samples),
        ))
    }
}

/// The random substreams of one selection's seed, which must not share numbers.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Substream {
    Split,
    SplitWithin,
    Tasks,
    Shares,
    Members,
    Classes,
    Pieces,
}

impl Select {
    /// Checks the values that do not depend on the data.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the key.
    pub fn check(&self) -> Result<()> {
        match self {
            Select::Subset(_) => Ok(()),
            Select::Prune(prune) => prune.check(),
            Select::Split(split) => split.check(),
            Select::Tasks(tasks) => tasks.check(),
            Select::Dirichlet(dirichlet) => dirichlet.check(),
            Select::ByClass(by_class) => by_class.check(),
        }
        .map_err(|error| self.with_name(error))
    }

    /// The error with the kind of the selection as its place.
    fn with_name(&self, error: Error) -> Error {
        error.at(format_args!("select \"{}\"", self.name()))
    }

    fn name(&self) -> &'static str {
        match self {
            Select::Subset(_) => "subset",
            Select::Prune(_) => "prune",
            Select::Split(_) => "split",
            Select::Tasks(_) => "tasks",
            Select::Dirichlet(_) => "dirichlet",
            Select::ByClass(_) => "by_class",
        }
    }

    /// The grouping of samples that the selection goes by.
    pub(super) fn needs(&self) -> Option<&By> {
        match self {
            Select::Subset(_) => None,
            Select::Prune(Prune { by, .. })
            | Select::Tasks(Tasks { by, .. })
            | Select::Dirichlet(Dirichlet { by, .. })
            | Select::ByClass(ByClass { by, .. }) => Some(by),
            Select::Split(Split { by, within, .. }) => by.as_ref().or(within.as_ref()),
        }
    }

    /// The number of the task in an epoch, and the epoch from which on the task stays the same. 0
    /// and 0 for selections without tasks.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for tasks that the data does not have.
    pub(super) fn task(&self, metadata: &SampleMetadata, epoch: u32) -> Result<(u32, u32)> {
        match self {
            Select::Tasks(tasks) => tasks
                .at(metadata, epoch)
                .map_err(|error| self.with_name(error)),
            _ => Ok((0, 0)),
        }
    }

    /// Applies the selection in an epoch to the samples that are left. `samples` is the number of
    /// all samples.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the selection does not fit the data, and if no sample is left.
    pub(super) fn apply(
        &self,
        selected: SelectedSamples,
        metadata: &SampleMetadata,
        samples: u64,
        epoch: u32,
    ) -> Result<SelectedSamples> {
        let selected = match self {
            Select::Subset(subset) => subset.apply(selected, samples),
            Select::Prune(prune) => prune.apply(selected, metadata, samples),
            Select::Split(split) => split.apply(selected, metadata),
            Select::Tasks(tasks) => tasks.apply(selected, metadata, epoch),
            Select::Dirichlet(dirichlet) => dirichlet.apply(selected, metadata),
            Select::ByClass(by_class) => by_class.apply(selected, metadata),
        }
        .map_err(|error| self.with_name(error))?;
        if selected.samples.is_empty() {
            let mend = match self {
                Select::Split(_) => ": use a larger share for this part, or add samples",
                _ => "",
            };
            return Err(self.with_name(Error::config(format!("no sample is left{mend}"))));
        }
        Ok(selected)
    }
}

/// A share of `n` items as a number of items, rounded half to even, at most `n`. With cumulative
/// shares it is where a part begins, so that neighboring parts meet without a gap or an overlap.
fn rounded_share(share: f64, n: u64) -> u64 {
    ((share * n as f64).round_ties_even() as u64).min(n)
}

#[cfg(test)]
mod tests;
