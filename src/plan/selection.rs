//! The samples that an epoch is made of, and what the sampler goes by.
//!
//! Samplers count *places* in the list of chosen samples; without a selection the place is the
//! sample.

use std::sync::Arc;

use super::Setup;
use super::groups::Groups;
use super::metadata::{By, SampleMetadata};
use super::sampler::{Episodes, Pk, Replacement, Sampler, Weighted, check_weights};
use super::select::SelectedSamples;
use super::sums;
use crate::error::{Error, Result};

/// Everything that stays the same from one task to the next.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// The tasks that they are chosen for.
    tasks: Vec<u32>,
    pub(super) len: u64,
    /// `None` if all samples are.
    samples: Option<Vec<u32>>,
    weights: Option<Vec<f32>>,
    pub(super) sources: Arc<Groups>,
    /// The groups that the sampler goes by; only those that it can use.
    pub(super) groups: Option<Arc<Groups>>,
    /// Of a weighted sampler with replacement: the sums of weights up to each place, 8 bytes a
    /// sample.
    pub(super) cumulated: Option<Arc<[f64]>>,
}

impl Selection {
    /// The samples of an epoch.
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
            cumulated: None,
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

    /// True if they are those of an epoch, too.
    pub(super) fn are_of(&self, setup: &Setup, metadata: &SampleMetadata, epoch: u32) -> bool {
        Selection::tasks(setup, metadata, epoch).is_ok_and(|tasks| tasks == self.tasks)
    }

    pub(super) fn sample(&self, place: u64) -> u64 {
        self.samples
            .as_ref()
            .map_or(place, |samples| u64::from(samples[place as usize]))
    }

    pub(super) fn weight(&self, place: u64) -> f32 {
        self.weights
            .as_ref()
            .map_or(1.0, |weights| weights[place as usize])
    }

    /// The weights that a weighted sampler draws by, of all chosen samples.
    pub(super) fn sampling_weights(&self, of: &Weighted, samples: u64) -> Result<Vec<f64>> {
        let all = of.weights.list("weights", samples)?;
        let weights: Vec<f64> = (0..self.len)
            .map(|place| all[self.sample(place) as usize])
            .collect();
        let worst = weights
            .iter()
            .position(|weight| !(weight.is_finite() && *weight >= 0.0));
        let sample = |place: usize| self.sample(place as u64);
        check_weights(&weights, |place| format!("sample {}", sample(place))).map_err(|error| {
            match worst {
                Some(place) => error.with_sample(sample(place)),
                None => error,
            }
        })?;
        Ok(weights)
    }

    fn prepare(&mut self, setup: &Setup, metadata: &SampleMetadata, samples: u64) -> Result<()> {
        if let Sampler::Weighted(weighted) = &setup.sampler
            && weighted.replacement
        {
            self.cumulated = Some(sums::cumulated(self.sampling_weights(weighted, samples)?));
        }
        let Some(by) = setup.sampler.needs() else {
            return Ok(());
        };
        let grouping = metadata.grouping(by)?;
        let groups = Groups::of_selection(grouping, self.samples.as_deref());
        let at_least = |least: u64, skip: bool, why: &str| {
            let small = (0..groups.count()).find(|&group| groups.size(group) < least);
            match small {
                Some(group) if !skip => Err(Error::config(format!(
                    "{by} {} has {} samples, and {why} wants {least}: use skip_small = true to leave such out",
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
