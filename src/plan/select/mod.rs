//! Which samples a run has at all.
//!
//! Selections are applied one after the other: a split, of whose training part an agent has its
//! share, in tasks of some classes. Their random numbers come from seeds of their own, not from the
//! recipe's, so that the recipes of training and validation, and those of all agents, agree on who
//! has what.

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

/// A choice of samples. In a recipe: a table of `[[select]]`, named by its key `select`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "select", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Select {
    /// `"subset"`: listed samples, with a weight each.
    Subset(Subset),
    /// `"prune"`: of each class those that a score puts first.
    Prune(Prune),
    /// `"split"`: one part of several that have no sample in common.
    Split(Split),
    /// `"tasks"`: some classes at a time.
    Tasks(Tasks),
    /// `"dirichlet"`: one agent's part, of unequal shares of each class.
    Dirichlet(Dirichlet),
    /// `"by_class"`: one agent's part, of classes of its own.
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

/// What has been chosen so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SelectedSamples {
    /// 4 bytes a sample.
    pub(super) samples: Vec<u32>,
    /// One for each of them, if any have one: 4 bytes a sample.
    pub(super) weights: Option<Vec<f32>>,
}

impl SelectedSamples {
    /// The samples at some places of the list.
    fn at(&self, places: &[u32]) -> SelectedSamples {
        let weights = self.weights.as_ref();
        SelectedSamples {
            samples: places
                .iter()
                .map(|&place| self.samples[place as usize])
                .collect(),
            weights: weights.map(|weights| {
                places
                    .iter()
                    .map(|&place| weights[place as usize])
                    .collect()
            }),
        }
    }

    /// The same, for places in any order, in the order of the list.
    fn at_sorted(&self, mut places: Vec<u32>) -> SelectedSamples {
        places.sort_unstable();
        self.at(&places)
    }

    fn groups(&self, metadata: &SampleMetadata, by: &By) -> Result<Groups> {
        Ok(Groups::of_selection(
            metadata.grouping(by)?,
            Some(&self.samples),
        ))
    }
}

/// Streams of one selection's seed that must not share numbers.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Part {
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
        .map_err(|error| self.blame(error))
    }

    fn blame(&self, error: Error) -> Error {
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

    /// What it has to know of each sample.
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

    /// The task of an epoch, and the first epoch after which it stays the same.
    pub(super) fn task(&self, metadata: &SampleMetadata, epoch: u32) -> Result<(u32, u32)> {
        match self {
            Select::Tasks(tasks) => tasks.at(metadata, epoch).map_err(|error| self.blame(error)),
            _ => Ok((0, 0)),
        }
    }

    /// # Errors
    ///
    /// [`crate::Kind::Config`] for what does not fit the data, and if nothing is left.
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
        .map_err(|error| self.blame(error))?;
        if selected.samples.is_empty() {
            return Err(self.blame(Error::config("no sample is left")));
        }
        Ok(selected)
    }
}

/// Where a share of `n` things that begins at a cumulated share begins: rounded half to even.
fn cut(share: f64, n: u64) -> u64 {
    ((share * n as f64).round_ties_even() as u64).min(n)
}

#[cfg(test)]
mod tests;
