//! The samples that an epoch is made of, with the groups and weights that the sampler goes by.
//!
//! Samplers never see the numbers of samples. They work with indices into the list of selected
//! samples, so every sampler works on every selection. Without a selection the index is the number
//! of the sample, and no list is kept.

use std::sync::Arc;

use super::Setup;
use super::groups::Groups;
use super::metadata::{By, SampleMetadata};
use super::sampler::{Episodes, Pk, Replacement, Sampler, Weighted, check_weights};
use super::select::SelectedSamples;
use super::sums;
use crate::error::{Error, Result};

/// The selected samples, and all that follows from them alone. Epochs share it until the task
/// changes.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// The task of each `[[select]]` table that the samples belong to.
    tasks: Vec<u32>,
    /// The number of selected samples.
    pub(super) len: u64,
    /// The number of the sample at each index; `None` if all samples are selected in order.
    samples: Option<Vec<u32>>,
    /// The weight of each sample's loss; `None` if all are 1.
    weights: Option<Vec<f32>>,
    /// The samples of each source.
    pub(super) sources: Arc<Groups>,
    /// The groups that the sampler goes by, except those that it leaves out as too small. `None`
    /// for a sampler without groups.
    pub(super) groups: Option<Arc<Groups>>,
    /// The prefix sums of the weights, for a weighted sampler with replacement: 8 bytes a sample.
    pub(super) cumulative: Option<Arc<[f64]>>,
}

impl Selection {
    /// The samples of an epoch, out of `samples` in all.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a selection or the sampler cannot work with the data.
    pub(super) fn new(
        setup: &Setup,
        metadata: &SampleMetadata,
        samples: u64,
        epoch: u32,
    ) -> Result<Selection> {
        let tasks = Selection::tasks(setup, metadata, epoch)?;
        let selected = match &setup.select[..] {
            [] => None,
            selects => {
                let all = u32::try_from(samples).map_err(|_| {
                    Error::config(format!(
                        "{samples} samples: a selection counts up to 2^32 of them"
                    ))
                })?;
                let all = SelectedSamples {
                    samples: (0..all).collect(),
                    weights: None,
                };
                let apply = |selected, select: &super::Select| {
                    select.apply(selected, metadata, samples, epoch)
                };
                Some(selects.iter().try_fold(all, apply)?)
            }
        };
        let (selected, weights) = selected.map_or((None, None), |selected| {
            (Some(selected.samples), selected.weights)
        });
        let sources = match (&selected, setup.sources.len()) {
            (Some(selected), 2..) => {
                Groups::of_selection(metadata.grouping(&By::Source)?, Some(selected))
            }
            (Some(selected), _) => Groups::neighbors([selected.len() as u64]),
            (None, _) => Groups::neighbors(setup.sources.iter().map(|share| share.len)),
        };
        let mut selection = Selection {
            tasks,
            len: selected
                .as_ref()
                .map_or(samples, |selected| selected.len() as u64),
            samples: selected,
            weights,
            sources: Arc::new(sources),
            groups: None,
            cumulative: None,
        };
        selection
            .prepare(setup, metadata, samples)
            .map_err(|error| error.at("sampler"))?;
        Ok(selection)
    }

    /// The task of each selection in an epoch.
    fn tasks(setup: &Setup, metadata: &SampleMetadata, epoch: u32) -> Result<Vec<u32>> {
        setup
            .select
            .iter()
            .map(|select| Ok(select.task(metadata, epoch)?.0))
            .collect()
    }

    /// True if an epoch has the same selection.
    pub(super) fn holds_in(&self, setup: &Setup, metadata: &SampleMetadata, epoch: u32) -> bool {
        Selection::tasks(setup, metadata, epoch).is_ok_and(|tasks| tasks == self.tasks)
    }

    /// The number of the sample at an index.
    pub(super) fn sample(&self, index: u64) -> u64 {
        self.samples
            .as_ref()
            .map_or(index, |samples| u64::from(samples[index as usize]))
    }

    /// The weight of the loss of the sample at an index.
    pub(super) fn weight(&self, index: u64) -> f32 {
        self.weights
            .as_ref()
            .map_or(1.0, |weights| weights[index as usize])
    }

    /// The weights by which a weighted sampler draws the selected samples.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if there is not one weight for each sample, and as
    /// [`check_weights`].
    pub(super) fn sampling_weights(&self, weighted: &Weighted, samples: u64) -> Result<Vec<f64>> {
        let all = weighted.weights.list("weights", samples)?;
        let weights: Vec<f64> = (0..self.len)
            .map(|index| all[self.sample(index) as usize])
            .collect();
        let invalid = weights
            .iter()
            .position(|weight| !(weight.is_finite() && *weight >= 0.0));
        let sample = |index: usize| self.sample(index as u64);
        check_weights(&weights, |index| format!("sample {}", sample(index))).map_err(|error| {
            match invalid {
                Some(index) => error.with_sample(sample(index)),
                None => error,
            }
        })?;
        Ok(weights)
    }

    /// Computes what the sampler goes by: `groups` or `cumulative`.
    fn prepare(&mut self, setup: &Setup, metadata: &SampleMetadata, samples: u64) -> Result<()> {
        if let Sampler::Weighted(weighted) = &setup.sampler
            && weighted.replacement
        {
            self.cumulative = Some(sums::cumulative(self.sampling_weights(weighted, samples)?));
        }
        let Some(by) = setup.sampler.needs() else {
            return Ok(());
        };
        let grouping = metadata.grouping(by)?;
        let groups = Groups::of_selection(grouping, self.samples.as_deref());
        // The groups with at least `least` samples. Smaller ones are left out if `skip` says so,
        // else refused, with `why` in the message.
        let at_least = |least: u64, skip: bool, why: &str| {
            let small = (0..groups.count()).find(|&group| groups.size(group) < least);
            match small {
                Some(group) if !skip => Err(Error::config(format!(
                    "{by} {} has {} samples, and {why} wants {least}: use skip_small = true to \
                     leave such out",
                    grouping.name(groups.id(group)),
                    groups.size(group)
                ))),
                Some(_) => Ok(groups.filtered(|group| groups.size(group) >= least)),
                None => Ok(groups.clone()),
            }
        };
        let (groups, most, key) = match &setup.sampler {
            Sampler::Pk(Pk {
                classes,
                items,
                replacement,
                skip_small,
                ..
            }) => {
                let least = if *skip_small || *replacement == Replacement::Never {
                    *items
                } else {
                    1
                };
                let groups = at_least(u64::from(least), *skip_small, "items without replacement")?;
                (groups, *classes, "classes")
            }
            Sampler::Episodes(Episodes {
                ways,
                shots,
                queries,
                skip_small,
                ..
            }) => {
                let least = u64::from(*shots) + u64::from(*queries);
                (
                    at_least(least, *skip_small, "shots + queries")?,
                    *ways,
                    "ways",
                )
            }
            _ => (groups, 1, ""),
        };
        if (groups.count() as u64) < u64::from(most) {
            return Err(Error::config(format!(
                "{key} = {most}, but only {} groups by {by} can be chosen of",
                groups.count()
            )));
        }
        self.groups = Some(Arc::new(groups));
        Ok(())
    }
}
