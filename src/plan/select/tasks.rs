//! Class-incremental learning: some classes at a time.

use serde::{Deserialize, Serialize};

use super::{Part, SelectedSamples};
use crate::error::{Error, Result};
use crate::plan::metadata::{By, Grouping, SampleMetadata};
use crate::plan::permutation::Permutation;
use crate::rng::Domain;

/// A stream of tasks with classes of their own, in seeded order (as in SLCA, arXiv 2303.05118).
///
/// The task is a given one, or changes every so many epochs and stays with the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tasks {
    /// Classes of each task; the last one may have fewer.
    pub step: u32,
    /// Classes of the first task; as many as of the others by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// The task, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u32>,
    /// Epochs of each task, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    /// True adds the classes of the tasks before: what is tested after a task.
    #[serde(default)]
    pub seen: bool,
    /// False leaves classes in the order of their numbers.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// The seed of the order.
    #[serde(default)]
    pub seed: u64,
    /// What takes the place of classes.
    #[serde(default)]
    pub by: By,
}

/// Tasks that a stream has at most: the batches of each are counted beforehand.
const MOST: u32 = 10_000;

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

    /// One task of those with `step` classes each.
    pub fn task(step: u32, task: u32) -> Tasks {
        Tasks::new(step, Some(task), None)
    }

    /// All tasks with `step` classes each, one after the other, each for so many epochs.
    pub fn epochs(step: u32, epochs: u32) -> Tasks {
        Tasks::new(step, None, Some(epochs))
    }

    /// Classes of the first task.
    #[must_use]
    pub fn first(self, first: u32) -> Tasks {
        Tasks {
            first: Some(first),
            ..self
        }
    }

    /// Adds the classes of the tasks before.
    #[must_use]
    pub fn seen(self, seen: bool) -> Tasks {
        Tasks { seen, ..self }
    }

    /// Whether the order of classes is drawn.
    #[must_use]
    pub fn shuffle(self, shuffle: bool) -> Tasks {
        Tasks { shuffle, ..self }
    }

    /// The seed of the order.
    #[must_use]
    pub fn seed(self, seed: u64) -> Tasks {
        Tasks { seed, ..self }
    }

    /// What takes the place of classes.
    #[must_use]
    pub fn by(self, by: By) -> Tasks {
        Tasks { by, ..self }
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

    /// Classes of the tasks up to one, not included.
    fn before(&self, task: u32) -> u64 {
        let first = u64::from(self.first.unwrap_or(self.step));
        task.checked_sub(1)
            .map_or(0, |more| first + u64::from(more) * u64::from(self.step))
    }

    /// The classes that the data has. They are those of all samples, so that every split has the
    /// same tasks.
    fn classes(grouping: &Grouping) -> Vec<u32> {
        let most = grouping
            .of
            .iter()
            .max()
            .map_or(0, |most| *most as usize + 1);
        let mut there = vec![false; most];
        grouping
            .of
            .iter()
            .for_each(|&class| there[class as usize] = true);
        (0..most as u32)
            .filter(|&class| there[class as usize])
            .collect()
    }

    pub(super) fn at(&self, metadata: &SampleMetadata, epoch: u32) -> Result<(u32, u32)> {
        let classes = Tasks::classes(metadata.grouping(&self.by)?).len() as u64;
        let first = u64::from(self.first.unwrap_or(self.step));
        let last = classes.saturating_sub(first).div_ceil(u64::from(self.step));
        let last = u32::try_from(last)
            .ok()
            .filter(|last| *last < MOST)
            .ok_or_else(|| {
                Error::config(format!(
                    "{last} tasks of step = {}: expected at most {MOST}",
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
            true => Permutation::drawn(Domain::Select, self.seed, 0, 0, Part::Tasks as u32, n),
            false => Permutation::Identity,
        };
        let first = if self.seen { 0 } else { self.before(task) };
        let mut selection = vec![false; classes.last().map_or(0, |last| *last as usize + 1)];
        for rank in first..self.before(task + 1).min(n) {
            selection[classes[order.at(rank) as usize] as usize] = true;
        }
        let here = |place: &u32| {
            selection[grouping.of[selected.samples[*place as usize] as usize] as usize]
        };
        let places: Vec<u32> = (0..selected.samples.len() as u32).filter(here).collect();
        if places.is_empty() {
            return Err(Error::config(format!("task {task} has no sample here")));
        }
        Ok(selected.at(&places))
    }
}
