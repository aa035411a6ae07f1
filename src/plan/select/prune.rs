//! The best of each class by a score.

use serde::{Deserialize, Serialize};

use super::SelectedSamples;
use crate::error::{Error, Result};
use crate::plan::metadata::{By, SampleMetadata, Values};

/// Keeps of each class the samples that a score puts first ("Rethinking Dataset Compression",
/// 2025). They come class by class in the order of their scores, equal ones in the order of their
/// numbers; `order = "sequential"` keeps it so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Prune {
    /// A score for each sample.
    pub score: Values,
    /// How many are kept of each class.
    pub keep: Keep,
    /// Which scores come first.
    #[serde(default)]
    pub first: Ranked,
    /// What takes the place of classes.
    #[serde(default)]
    pub by: By,
}

/// How many of a class are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Keep {
    /// So many, or all where there are fewer.
    Count(u64),
    /// This share, above 0 and at most 1, rounded half to even; at least one sample.
    Share(f64),
}

/// An order of scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ranked {
    /// The highest first.
    #[default]
    Highest,
    /// The lowest first.
    Lowest,
}

impl Prune {
    /// Keeps those of the highest scores.
    pub fn new(score: Values, keep: Keep) -> Prune {
        Prune {
            score,
            keep,
            first: Ranked::default(),
            by: By::default(),
        }
    }

    /// Which scores come first.
    #[must_use]
    pub fn first(self, first: Ranked) -> Prune {
        Prune { first, ..self }
    }

    /// What takes the place of classes.
    #[must_use]
    pub fn by(self, by: By) -> Prune {
        Prune { by, ..self }
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
        let score = |place: u32| scores[selected.samples[place as usize] as usize];
        if let Some(sample) = selected
            .samples
            .iter()
            .find(|&&sample| scores[sample as usize].is_nan())
        {
            let error = format!("the score of sample {sample} is no number");
            return Err(Error::config(error).with_sample(u64::from(*sample)));
        }
        let groups = selected.groups(metadata, &self.by)?;
        let mut kept = Vec::new();
        for group in 0..groups.count() {
            let size = groups.size(group);
            let mut places: Vec<u32> = (0..size).map(|k| groups.member(group, k) as u32).collect();
            // Stable, so that equal scores stay in the order of samples.
            places.sort_by(|&a, &b| match self.first {
                Ranked::Highest => score(b).total_cmp(&score(a)),
                Ranked::Lowest => score(a).total_cmp(&score(b)),
            });
            places.truncate(match self.keep {
                Keep::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
                Keep::Share(share) => super::cut(share, size).max(1) as usize,
            });
            kept.extend(places);
        }
        Ok(selected.at(&kept))
    }
}
