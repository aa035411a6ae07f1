//! Tasks for class-incremental learning: a few classes at a time.
//!
//! The order of classes is drawn from the classes of *all* samples, before any other selection, so
//! the training and the validation part of a split have the same tasks.

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use super::{SelectedSamples, Substream};
use crate::error::{Error, Result};
use crate::plan::metadata::{By, Grouping, SampleMetadata};
use crate::plan::permutation::Permutation;
use crate::rng::Domain;

/// A sequence of tasks with disjoint sets of classes, in seeded order (as in SLCA, arXiv
/// 2303.05118).
///
/// The run stays with one task (`task`), or goes to the next one every `epochs` epochs and stays
/// with the last.
///
/// # Example: the first of three tasks of one class
///
/// ```
/// use feedmill::plan::Tasks;
/// use feedmill::{Loader, Recipe};
///
/// let select = Tasks::single(1, 0);
/// let recipe = Recipe::preset("imagenet")?.with_batch(1).select(select);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert!(loader.samples() < loader.total_samples());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tasks {
    /// The number of classes of each task, at least 1. The last task may have fewer.
    pub(crate) step: u32,
    /// The number of classes of the first task; `step` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<u32>,
    /// The task of the run, from 0. Either this or `epochs` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<u32>,
    /// The number of epochs of each task, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<u32>,
    /// Whether the classes of all earlier tasks are added, for a test after a task; false by default.
    #[serde(default)]
    pub(crate) seen: bool,
    /// Whether the order of classes is drawn, which is the default, or that of their numbers.
    #[serde(default = "yes")]
    pub(crate) shuffle: bool,
    /// The seed of the order.
    #[serde(default)]
    pub(crate) seed: u64,
    /// The grouping that defines the classes.
    #[serde(default)]
    pub(crate) by: By,
}

/// The largest number of tasks. The plan makes every task once, to count its batches.
const MAX_TASKS: u32 = 10_000;

fn yes() -> bool {
    true
}

impl Tasks {
    fn new(step: u32, task: Option<u32>, epochs: Option<u32>) -> Tasks {
        let by = By::default();
        Tasks {
            step,
            first: None,
            task,
            epochs,
            seen: false,
            shuffle: true,
            seed: 0,
            by,
        }
    }

    /// Task `task` (from 0) of those with `step` classes each.
    pub fn single(step: u32, task: u32) -> Tasks {
        Tasks::new(step, Some(task), None)
    }

    /// All tasks with `step` classes each, one after the other, each for `epochs` epochs.
    pub fn in_turn(step: u32, epochs: u32) -> Tasks {
        Tasks::new(step, None, Some(epochs))
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.step == 0 || self.first == Some(0) {
            return Err(Error::config(
                "a task of 0 classes: expected step and first of at least 1",
            ));
        }
        match (self.task, self.epochs) {
            (Some(_), None) | (None, Some(1..)) => Ok(()),
            (None, Some(0)) => Err(Error::config("epochs = 0: a task has at least one epoch")),
            _ => Err(Error::config(
                "expected task = T, or epochs = N for one task after the other",
            )),
        }
    }

    /// The number of classes of all tasks before `task`.
    fn before(&self, task: u32) -> u64 {
        let first = u64::from(self.first.unwrap_or(self.step));
        task.checked_sub(1)
            .map_or(0, |others| first + u64::from(others) * u64::from(self.step))
    }

    /// The numbers of the classes that any sample has, selected or not.
    fn classes(grouping: &Grouping) -> Vec<u32> {
        let count = grouping
            .of
            .iter()
            .max()
            .map_or(0, |largest| *largest as usize + 1);
        let mut seen = vec![false; count];
        grouping
            .of
            .iter()
            .for_each(|&class| seen[class as usize] = true);
        (0..count as u32)
            .filter(|&class| seen[class as usize])
            .collect()
    }

    /// The number of the task in an epoch, and the epoch from which on the task stays the same.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for a task that the classes of the data do not make, and for too
    /// many tasks.
    pub(super) fn at(&self, metadata: &SampleMetadata, epoch: u32) -> Result<(u32, u32)> {
        let classes = Tasks::classes(metadata.grouping(&self.by)?).len() as u64;
        let first = u64::from(self.first.unwrap_or(self.step));
        // The number of the last task: the classes after the first task make that many more tasks.
        let last = classes.saturating_sub(first).div_ceil(u64::from(self.step));
        let last = u32::try_from(last)
            .ok()
            .filter(|last| *last < MAX_TASKS)
            .ok_or_else(|| {
                Error::config(format!(
                    "{last} tasks of step = {}: expected at most {MAX_TASKS}",
                    self.step
                ))
            })?;
        match (self.task, self.epochs) {
            (Some(task), _) if task > last => Err(Error::config(format!(
                "task = {task}: {classes} classes make {} tasks, numbered from 0",
                last + 1
            ))),
            (Some(task), _) => Ok((task, 0)),
            (None, epochs) => {
                let epochs = epochs.unwrap_or(1).max(1);
                Ok(((epoch / epochs).min(last), last.saturating_mul(epochs)))
            }
        }
    }

    pub(super) fn apply(
        &self,
        selected: SelectedSamples,
        metadata: &SampleMetadata,
        epoch: u32,
    ) -> Result<SelectedSamples> {
        let grouping = metadata.grouping(&self.by)?;
        let (task, _) = self.at(metadata, epoch)?;
        let classes = Tasks::classes(grouping);
        let n = classes.len() as u64;
        let order = match self.shuffle {
            true => {
                Permutation::in_domain(Domain::Select, self.seed, 0, 0, Substream::Tasks as u32, n)
            }
            false => Permutation::Identity,
        };
        let first = if self.seen { 0 } else { self.before(task) };
        let mut in_task = vec![false; classes.last().map_or(0, |last| *last as usize + 1)];
        for rank in first..self.before(task + 1).min(n) {
            in_task[classes[order.at(rank) as usize] as usize] = true;
        }
        let is_in_task =
            |index: &u32| in_task[grouping.of[selected.samples[*index as usize] as usize] as usize];
        let indices: Vec<u32> = (0..selected.samples.len() as u32)
            .filter(is_in_task)
            .collect();
        if indices.is_empty() {
            return Err(Error::config(format!("task {task} has no sample here")));
        }
        Ok(selected.at(&indices))
    }
}
