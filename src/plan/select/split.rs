//! Parts without a sample in common.

use serde::{Deserialize, Serialize};

use super::{Part, SelectedSamples, cut};
use crate::error::{Error, Result};
use crate::plan::metadata::{By, SampleMetadata};
use crate::plan::permutation::Permutation;
use crate::rng::Domain;

/// One part of a seeded split: parts have no sample in common, and all together have all samples.
///
/// # Example
///
/// ```
/// use feedmill::plan::Split;
/// use feedmill::{Loader, Recipe};
///
/// let recipe = Recipe::preset("imagenet")?.batch(1);
/// let part = |part| Loader::open("fixtures/photos", recipe.clone().select(Split::new([0.75, 0.25], part)));
/// let (train, validation) = (part(0)?, part(1)?);
/// assert_eq!(train.batches() + validation.batches(), train.samples());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Split {
    /// The share of each part; only ratios count.
    pub of: Vec<f64>,
    /// Which part this is, from 0.
    pub part: usize,
    /// Groups that no part shares with another: all that came of one original stays together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// Groups of which every part has its share: classes, for a stratified split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<By>,
    /// The seed, the same for all parts.
    #[serde(default)]
    pub seed: u64,
}

impl Split {
    /// A part of a split by shares.
    pub fn new(of: impl IntoIterator<Item = f64>, part: usize) -> Split {
        Split {
            of: of.into_iter().collect(),
            part,
            by: None,
            within: None,
            seed: 0,
        }
    }

    /// Keeps groups whole.
    #[must_use]
    pub fn by(self, by: By) -> Split {
        Split {
            by: Some(by),
            ..self
        }
    }

    /// Splits every group alike.
    #[must_use]
    pub fn within(self, by: By) -> Split {
        Split {
            within: Some(by),
            ..self
        }
    }

    /// The seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Split {
        Split { seed, ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.of.is_empty()
            || !self
                .of
                .iter()
                .all(|share| share.is_finite() && *share > 0.0)
        {
            return Err(Error::config(format!(
                "of = {:?}: expected positive shares",
                self.of
            )));
        }
        if self.part >= self.of.len() {
            return Err(Error::config(format!(
                "part = {}: of has {} parts, numbered from 0",
                self.part,
                self.of.len()
            )));
        }
        if self.by.is_some() && self.within.is_some() {
            return Err(Error::config(
                "by keeps groups whole, within splits each: give one of them",
            ));
        }
        Ok(())
    }

    /// The places of this part among `n` shuffled things.
    fn range(&self, n: u64) -> std::ops::Range<u64> {
        let total: f64 = self.of.iter().sum();
        let until = |parts: usize| match parts {
            all if all == self.of.len() => n,
            parts => cut(self.of[..parts].iter().sum::<f64>() / total, n),
        };
        until(self.part)..until(self.part + 1)
    }

    fn shuffled(&self, id: u64, part: Part, n: u64) -> Permutation {
        Permutation::drawn(Domain::Select, self.seed, 0, id, part as u32, n)
    }

    pub(super) fn apply(
        &self,
        selected: SelectedSamples,
        metadata: &SampleMetadata,
    ) -> Result<SelectedSamples> {
        let n = selected.samples.len() as u64;
        let mut places = Vec::new();
        if let Some(by) = &self.by {
            let groups = selected.groups(metadata, by)?;
            let order = self.shuffled(0, Part::Split, groups.count() as u64);
            let total: f64 = self.of.iter().sum();
            let mut owed: Vec<f64> = self
                .of
                .iter()
                .map(|share| share / total * n as f64)
                .collect();
            for rank in 0..groups.count() as u64 {
                let group = order.at(rank) as usize;
                // The part that lacks most; the first of equals.
                let lacks = |a: &usize, b: &usize| owed[*a].total_cmp(&owed[*b]).then(b.cmp(a));
                let part = (0..owed.len()).max_by(lacks).expect("a split has parts");
                owed[part] -= groups.size(group) as f64;
                if part == self.part {
                    places.extend((0..groups.size(group)).map(|k| groups.member(group, k) as u32));
                }
            }
        } else if let Some(by) = &self.within {
            let groups = selected.groups(metadata, by)?;
            for group in 0..groups.count() {
                let size = groups.size(group);
                let order = self.shuffled(u64::from(groups.id(group)), Part::SplitWithin, size);
                places.extend(
                    self.range(size)
                        .map(|place| groups.member(group, order.at(place)) as u32),
                );
            }
        } else {
            let order = self.shuffled(0, Part::Split, n);
            places.extend(self.range(n).map(|place| order.at(place) as u32));
        }
        Ok(selected.at_sorted(places))
    }
}
