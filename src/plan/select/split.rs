//! Splits into disjoint parts: plain, by whole groups, or stratified.
//!
//! Every part computes the whole assignment from the same seed and keeps its own samples, so the
//! parts cover the data without a list of who has what.

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use super::{SelectedSamples, Substream, rounded_share};
use crate::error::{Error, Result};
use crate::plan::metadata::{By, SampleMetadata};
use crate::plan::permutation::Permutation;
use crate::rng::Domain;

/// One part of a seeded split. The parts are disjoint and cover the data.
///
/// # Example: training and validation from one folder
///
/// ```
/// use feedmill::plan::Split;
/// use feedmill::{Loader, Recipe};
///
/// let recipe = Recipe::preset("imagenet")?.with_batch(1);
/// let part = |part| {
///     let split = Split::new([0.75, 0.25], part);
///     Loader::open("fixtures/photos", recipe.clone().select(split))
/// };
/// let (train, validation) = (part(0)?, part(1)?);
/// assert_eq!(train.samples() + validation.samples(), train.total_samples());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Split {
    /// The share of each part: at least two positive numbers, which sum to 1 or are whole; only
    /// ratios count.
    pub(crate) of: Vec<f64>,
    /// The number of this part, from 0.
    pub(crate) part: usize,
    /// Groups that are never divided, for example all images that were made from one original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<By>,
    /// Groups that are each divided by the shares: classes, for a stratified split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) within: Option<By>,
    /// The seed, the same for all parts.
    #[serde(default)]
    pub(crate) seed: u64,
}

impl Split {
    /// Part `part` (from 0) of a split by the shares `of`, with the seed 0.
    pub fn new(of: impl IntoIterator<Item = f64>, part: usize) -> Split {
        Split {
            of: of.into_iter().collect(),
            part,
            by: None,
            within: None,
            seed: 0,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        self.check_shares()
            .map_err(|text| Error::config(format!("of = {:?}: {text}", self.of)).about_key("of"))?;
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

    /// Refuses shares that do not make sense, with what is wrong and how to mend it.
    fn check_shares(&self) -> std::result::Result<(), String> {
        let positive = |share: &f64| share.is_finite() && *share > 0.0;
        if self.of.is_empty() || !self.of.iter().all(positive) {
            return Err("expected positive shares".into());
        }
        if let [only] = self.of[..] {
            let other = if only < 1.0 { 1.0 - only } else { 1.0 };
            return Err(format!(
                "a single share is all of the data: list the shares of all parts, such as \
                 [{only}, {}]",
                (other * 1e6).round() / 1e6
            ));
        }
        let whole = self.of.iter().all(|share| share.fract() == 0.0);
        let sum: f64 = self.of.iter().sum();
        // Three thirds with three digits are meant as a whole.
        if !whole && (sum - 1.0).abs() > 0.005 {
            return Err(format!(
                "the shares sum to {sum}: use shares that sum to 1, or whole numbers, of which only \
                 ratios count"
            ));
        }
        Ok(())
    }

    /// The positions of this part among `n` shuffled items.
    fn range(&self, n: u64) -> std::ops::Range<u64> {
        let total: f64 = self.of.iter().sum();
        let until = |parts: usize| match parts {
            all if all == self.of.len() => n,
            parts => rounded_share(self.of[..parts].iter().sum::<f64>() / total, n),
        };
        until(self.part)..until(self.part + 1)
    }

    /// The number of samples of a part among `n`, for a split without groups that stay whole.
    pub(crate) fn part_len(&self, part: usize, n: u64) -> u64 {
        let range = Split {
            part,
            ..self.clone()
        }
        .range(n);
        range.end - range.start
    }

    fn shuffled(&self, id: u64, substream: Substream, n: u64) -> Permutation {
        Permutation::in_domain(Domain::Select, self.seed, 0, id, substream as u32, n)
    }

    pub(super) fn apply(
        &self,
        selected: SelectedSamples,
        metadata: &SampleMetadata,
    ) -> Result<SelectedSamples> {
        let n = selected.samples.len() as u64;
        let mut indices = Vec::new();
        if let Some(by) = &self.by {
            let groups = selected.groups(metadata, by)?;
            let order = self.shuffled(0, Substream::Split, groups.count() as u64);
            // Greedy: in shuffled order, each group goes whole to the part that lacks most samples,
            // the first of equals.
            let total: f64 = self.of.iter().sum();
            let mut owed: Vec<f64> = self
                .of
                .iter()
                .map(|share| share / total * n as f64)
                .collect();
            for rank in 0..groups.count() as u64 {
                let group = order.at(rank) as usize;
                let by_lack = |a: &usize, b: &usize| owed[*a].total_cmp(&owed[*b]).then(b.cmp(a));
                let part = (0..owed.len()).max_by(by_lack).expect("a split has parts");
                owed[part] -= groups.size(group) as f64;
                if part == self.part {
                    indices.extend((0..groups.size(group)).map(|k| groups.member(group, k) as u32));
                }
            }
        } else if let Some(by) = &self.within {
            let groups = selected.groups(metadata, by)?;
            for group in 0..groups.count() {
                let size = groups.size(group);
                let order =
                    self.shuffled(u64::from(groups.id(group)), Substream::SplitWithin, size);
                indices.extend(
                    self.range(size)
                        .map(|position| groups.member(group, order.at(position)) as u32),
                );
            }
        } else {
            let order = self.shuffled(0, Substream::Split, n);
            indices.extend(self.range(n).map(|position| order.at(position) as u32));
        }
        Ok(selected.at_sorted(indices))
    }
}
