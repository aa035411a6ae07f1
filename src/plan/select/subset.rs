//! Subsets: listed samples, with weights if wanted.

use std::path::PathBuf;

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use super::SelectedSamples;
use crate::error::{Error, Result};

/// Keeps listed samples, in the order of the list, and may give each a weight for its loss
/// ([`crate::Batch::weights`]), as for the coresets of "Data-Efficient Augmentation for Training
/// Neural Networks" (arXiv 2210.08363).
///
/// After other selections it keeps the listed samples that they have left, and weights multiply.
///
/// # Example: a subset with weights
///
/// ```
/// use feedmill::plan::Subset;
/// use feedmill::{Loader, Recipe};
///
/// let subset = Subset::new([3, 1]).with_weights([1.5, 0.5]);
/// let recipe = Recipe::preset("imagenet")?.with_batch(2).select(subset);
/// let batch = Loader::open("fixtures/photos", recipe)?.reference_batch(0, 0)?;
/// assert_eq!(batch.weights().iter().sum::<f32>(), 2.0);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Subset {
    /// The numbers of the samples, each at most once.
    #[accessor(into)]
    pub(crate) samples: Vec<u64>,
    /// A weight for each sample: finite, 0 or more, not all 0. All are 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[accessor(into)]
    pub(crate) weights: Option<Vec<f64>>,
    /// A file to read both from: a table with the columns `sample` and, if there are weights,
    /// `weight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[accessor(into)]
    pub(crate) file: Option<PathBuf>,
}

impl Subset {
    /// The samples with these numbers.
    pub fn new(samples: impl IntoIterator<Item = u64>) -> Subset {
        Subset {
            samples: samples.into_iter().collect(),
            ..Subset::default()
        }
    }

    /// The samples that a file lists.
    pub fn from_file(path: impl Into<PathBuf>) -> Subset {
        Subset {
            file: Some(path.into()),
            ..Subset::default()
        }
    }

    pub(super) fn apply(&self, selected: SelectedSamples, samples: u64) -> Result<SelectedSamples> {
        if let Some(weights) = &self.weights {
            if weights.len() != self.samples.len() {
                return Err(Error::config(format!(
                    "{} weights for {} samples",
                    weights.len(),
                    self.samples.len()
                )));
            }
            if let Some(at) = weights
                .iter()
                .position(|weight| !(weight.is_finite() && *weight >= 0.0))
            {
                return Err(Error::config(format!(
                    "the weight of sample {} is {}: expected a finite number, 0 or more",
                    self.samples[at], weights[at]
                ))
                .with_sample(self.samples[at]));
            }
            if !weights.iter().any(|weight| *weight > 0.0) {
                return Err(Error::config("all weights are 0"));
            }
        }
        // One more than the index of each sample among those selected before; 0 for the others.
        let mut indices = vec![0u32; samples as usize];
        for (index_plus_1, &sample) in (1..).zip(&selected.samples) {
            indices[sample as usize] = index_plus_1;
        }
        let mut seen = vec![false; samples as usize];
        let mut selection = SelectedSamples {
            samples: Vec::new(),
            weights: None,
        };
        let mut kept = Vec::new();
        for (at, &sample) in self.samples.iter().enumerate() {
            let Some(&index_plus_1) = usize::try_from(sample)
                .ok()
                .and_then(|sample| indices.get(sample))
            else {
                return Err(Error::config(format!(
                    "sample {sample}: the data has {samples} samples, numbered from 0"
                )));
            };
            if std::mem::replace(&mut seen[sample as usize], true) {
                return Err(
                    Error::config(format!("sample {sample} is listed twice")).with_sample(sample)
                );
            }
            if let Some(index) = index_plus_1.checked_sub(1) {
                selection.samples.push(sample as u32);
                let before = selected
                    .weights
                    .as_ref()
                    .map_or(1.0, |weights| weights[index as usize]);
                kept.push(self.weights.as_ref().map_or(1.0, |weights| weights[at]) as f32 * before);
            }
        }
        let weighted = self.weights.is_some() || selected.weights.is_some();
        selection.weights = weighted.then_some(kept);
        Ok(selection)
    }
}
