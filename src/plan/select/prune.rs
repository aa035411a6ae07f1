//! Pruning: the best samples of each class by a score.

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use super::SelectedSamples;
use crate::error::{Error, Result};
use crate::plan::metadata::{By, SampleMetadata, Values};

/// Keeps the samples of each class that a score ranks first ("Rethinking Dataset Compression",
/// 2025). The result is ordered by class, then by score, then by the number of the sample; an epoch
/// keeps that order with `order = "sequential"`.
///
/// # Example: the best half of each class
///
/// ```
/// use feedmill::plan::{Keep, Prune, Values};
/// use feedmill::{Loader, Recipe};
///
/// let select = Prune::new(Values::List((1..=10).map(f64::from).collect()), Keep::Share(0.5));
/// let recipe = Recipe::preset("imagenet")?.with_batch(1).select(select);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert!(loader.samples() < loader.total_samples());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Prune {
    /// A score for each sample.
    pub(crate) score: Values,
    /// How many samples of each class are kept.
    pub(crate) keep: Keep,
    /// Which scores come first.
    #[serde(default)]
    pub(crate) first: Ranked,
    /// The grouping that defines the classes.
    #[serde(default)]
    pub(crate) by: By,
}

/// How many samples of a class are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Keep {
    /// A number of samples, at least 1; all where the class has fewer.
    Count(u64),
    /// A share of the class, above 0 and at most 1, rounded half to even; at least one sample.
    Share(f64),
}

/// Which end of the scores is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Ranked {
    /// The highest first.
    #[default]
    Highest,
    /// The lowest first.
    Lowest,
}

impl Prune {
    /// Keeps the samples with the highest scores.
    pub fn new(score: Values, keep: Keep) -> Prune {
        Prune {
            score,
            keep,
            first: Ranked::default(),
            by: By::default(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.keep {
            Keep::Count(0) => Err(Error::config(
                "keep = 0: expected at least one sample of each class",
            )),
            Keep::Share(share) if !(share > 0.0 && share <= 1.0) => Err(Error::config(format!(
                "keep = {share}: expected a share above 0 and at most 1"
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn apply(
        &self,
        selected: SelectedSamples,
        metadata: &SampleMetadata,
        samples: u64,
    ) -> Result<SelectedSamples> {
        let scores = self.score.list("score", samples)?;
        let score = |index: u32| scores[selected.samples[index as usize] as usize];
        if let Some(sample) = selected
            .samples
            .iter()
            .find(|&&sample| scores[sample as usize].is_nan())
        {
            let error = format!("the score of sample {sample} is not a number");
            return Err(Error::config(error).with_sample(u64::from(*sample)));
        }
        let groups = selected.groups(metadata, &self.by)?;
        let mut kept = Vec::new();
        for group in 0..groups.count() {
            let size = groups.size(group);
            let mut indices: Vec<u32> = (0..size).map(|k| groups.member(group, k) as u32).collect();
            // The sort is stable, so equal scores stay in the order of samples.
            indices.sort_by(|&a, &b| match self.first {
                Ranked::Highest => score(b).total_cmp(&score(a)),
                Ranked::Lowest => score(a).total_cmp(&score(b)),
            });
            indices.truncate(match self.keep {
                Keep::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
                Keep::Share(share) => super::rounded_share(share, size).max(1) as usize,
            });
            kept.extend(indices);
        }
        Ok(selected.at(&kept))
    }
}
