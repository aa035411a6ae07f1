//! An opened data set: one source, or several that are joined by weight.

use std::sync::Arc;

use super::classes::ClassList;
use crate::error::{Error, Result};
use crate::plan::Share;
use crate::recipe::Recipe;
use crate::sample::Fingerprint;
use crate::source::{JoinedSources, Source};

/// An opened data set.
pub(super) struct Data {
    /// The source, which may be joined of several.
    pub(super) source: Arc<dyn Source>,
    /// The number of samples of each source.
    lens: Vec<u64>,
    /// The weight of each source, if they were not left to the recipe.
    weights: Option<Vec<f64>>,
    /// The class of each sample.
    pub(super) classes: Arc<ClassList>,
}

impl Data {
    pub(super) fn new(
        mut sources: Vec<Arc<dyn Source>>,
        weights: Vec<Option<f64>>,
    ) -> Result<Data> {
        let weighted = weights.iter().flatten().count();
        if sources.is_empty() {
            return Err(Error::config(
                "a loader without data: call path(..) or source(..) before build()",
            ));
        }
        if weighted != 0 && weighted != sources.len() {
            return Err(Error::config(
                "some sources have a weight and some have none: give all of them one",
            ));
        }
        let lens = sources.iter().map(|source| source.len()).collect();
        let source: Arc<dyn Source> = match sources.len() {
            1 => sources.remove(0),
            _ => Arc::new(JoinedSources::new(sources)),
        };
        Ok(Data {
            source,
            lens,
            weights: (weighted > 0).then(|| weights.into_iter().flatten().collect()),
            classes: Arc::default(),
        })
    }

    /// The size and weight of each source.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the recipe has another number of `[[source]]` tables, weights for
    /// some of them only, or weights although the builder has some.
    pub(super) fn shares(&self, recipe: &Recipe) -> Result<Vec<Share>> {
        let tables = &recipe.sources;
        if !tables.is_empty() && tables.len() != self.lens.len() {
            return Err(Error::config(format!(
                "the recipe has {} [[source]] tables for {} sources: \
                 one for each, in the same order",
                tables.len(),
                self.lens.len()
            ))
            .about_key("source"));
        }
        let weighted = tables.iter().filter(|table| table.weight.is_some()).count();
        if weighted != 0 && weighted != tables.len() {
            return Err(Error::config(
                "some [[source]] tables have a weight and some have none: give all of them one",
            )
            .about_key("source"));
        }
        if weighted != 0 && self.weights.is_some() {
            return Err(Error::config(
                "the recipe's [[source]] tables have weights, and so have the sources of the \
                 loader: leave one of them out",
            )
            .about_key("source"));
        }
        let share = |(number, &len): (usize, &u64)| {
            let own = self.weights.as_ref().map(|weights| weights[number].into());
            let table = tables.get(number).and_then(|table| table.weight.clone());
            Share {
                len,
                weight: own.or(table).unwrap_or_else(|| (len as f64).into()),
            }
        };
        Ok(self.lens.iter().enumerate().map(share).collect())
    }

    /// The fingerprint of the data. The weights change the order of samples, so with several
    /// sources they are part of what the data is.
    pub(super) fn fingerprint(&self, shares: &[Share]) -> Fingerprint {
        let data = self.source.fingerprint();
        if shares.len() == 1 {
            return data;
        }
        let weights = shares
            .iter()
            .map(|share| toml::Value::try_from(&share.weight));
        let weights: Vec<String> = weights
            .map(|value| value.expect("a number").to_string())
            .collect();
        Fingerprint::of([&data.0.to_le_bytes()[..], weights.join(" ").as_bytes()])
    }
}
