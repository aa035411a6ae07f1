//! Sample metadata: what the plan is told about samples, as plain arrays.
//!
//! The plan groups samples by class, source or column, and never learns where the values came from.
//! The loader reads them once, when the data is opened, and without reading images.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// What samples are grouped by. In a recipe: `"class"`, `"source"`, or the name of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum By {
    /// The class of the sample.
    #[default]
    Class,
    /// The source that the sample comes from, where several are blended.
    Source,
    /// The value in a column of the data or of the recipe's `table`. Samples with equal text are
    /// one group.
    Column(String),
}

impl From<&str> for By {
    fn from(text: &str) -> By {
        match text {
            "class" => By::Class,
            "source" => By::Source,
            column => By::Column(column.to_string()),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            By::Class => "class",
            By::Source => "source",
            By::Column(column) => column,
        })
    }
}

impl Serialize for By {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for By {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<By, D::Error> {
        String::deserialize(deserializer).map(|text| By::from(&text[..]))
    }
}

/// A number for each sample. In a recipe: a list, or the name of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Values {
    /// The numbers in a column of the data or of the recipe's `table`.
    Column(String),
    /// One number for each sample, in the order of samples.
    List(Vec<f64>),
}

impl Values {
    /// The list of numbers.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`], with the name `what`, if the list does not have `samples` numbers,
    /// or if it is a column, which the caller should have replaced by its values.
    pub(super) fn list(&self, what: &str, samples: u64) -> Result<&[f64]> {
        match self {
            Values::Column(column) => Err(Error::config(format!(
                "{what} = \"{column}\": the column was not read"
            ))),
            Values::List(values) if values.len() as u64 != samples => Err(Error::config(format!(
                "{what}: {} numbers for {samples} samples",
                values.len()
            ))),
            Values::List(values) => Ok(values),
        }
    }
}

/// A partition of all samples into numbered groups.
///
/// # Example: the groups of a column
///
/// ```
/// use feedmill::plan::Grouping;
///
/// let authors = Grouping::of_values(["b", "a", "b"].into_iter());
/// assert_eq!(authors.of, [1, 0, 1]);
/// assert_eq!(authors.names, ["a", "b"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Grouping {
    /// The group of each sample, in the order of samples: 4 bytes a sample.
    pub of: Vec<u32>,
    /// The name of each group by its number, for messages. May have fewer names than there are
    /// groups.
    pub names: Vec<String>,
    /// The expected number of groups; 0 if it is not known.
    pub count: u32,
}

impl Grouping {
    /// Returns a partition from the group of each sample, in the order of samples, and the expected
    /// number of groups; 0 if it is not known. The groups have no names.
    pub fn new(of: Vec<u32>, count: u32) -> Grouping {
        Grouping {
            of,
            count,
            names: Vec::new(),
        }
    }

    /// Sets the name of each group by its number, for messages.
    #[must_use]
    pub fn with_names(self, names: Vec<String>) -> Grouping {
        Grouping { names, ..self }
    }
}

impl Grouping {
    /// Groups of equal values of a column, numbered in the sorted order of the values.
    pub fn of_values<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Grouping {
        let mut numbers: BTreeMap<&str, u32> = values.clone().map(|value| (value, 0)).collect();
        numbers
            .values_mut()
            .zip(0..)
            .for_each(|(number, next)| *number = next);
        Grouping {
            of: values.map(|value| numbers[value]).collect(),
            count: numbers.len() as u32,
            names: numbers.keys().map(|name| name.to_string()).collect(),
        }
    }

    /// The number of a group with its name, for messages.
    pub(super) fn name(&self, group: u32) -> String {
        match self.names.get(group as usize) {
            Some(name) => format!("{group} (\"{name}\")"),
            None => group.to_string(),
        }
    }
}

/// What is known about all samples without reading images: their groupings.
///
/// # Example: the classes of four samples
///
/// ```
/// use feedmill::plan::{Balanced, By, Grouping, Plan, SampleMetadata, Setup, Share};
///
/// let classes = Grouping::new(vec![0, 0, 0, 1], 2);
/// let setup = Setup::default()
///     .with_sources(vec![Share::new(4, 1.0)])
///     .with_sampler(Balanced::new().with_replacement(true).into())
///     .with_batch(2);
/// let plan = Plan::new(setup, SampleMetadata::new().with(By::Class, classes))?;
/// assert_eq!(plan.batch(0, 0).slots.len(), 2);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct SampleMetadata {
    groupings: BTreeMap<By, Grouping>,
}

impl SampleMetadata {
    /// Empty metadata.
    pub fn new() -> SampleMetadata {
        SampleMetadata::default()
    }

    /// Adds a grouping, in place of an earlier one by the same.
    #[must_use]
    pub fn with(mut self, by: By, grouping: Grouping) -> SampleMetadata {
        self.groupings.insert(by, grouping);
        self
    }

    /// The grouping by `by`.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if it is not known.
    pub(super) fn grouping(&self, by: &By) -> Result<&Grouping> {
        self.groupings.get(by).ok_or_else(|| {
            Error::config(format!(
                "samples are to be grouped by {by}, which is not known"
            ))
        })
    }

    /// Refuses a grouping that does not have all samples, or has group numbers that are not below
    /// `most` nor below the number of samples: such numbers are too large to index lists.
    pub(super) fn check(&self, samples: u64, most: u64) -> Result<()> {
        for (by, grouping) in &self.groupings {
            let len = grouping.of.len() as u64;
            if len != samples {
                return Err(Error::config(format!(
                    "the {by} of {len} samples is known, of {samples}"
                )));
            }
            let large = |group: &u32| u64::from(*group) >= most.max(samples);
            if let Some(sample) = grouping.of.iter().position(large) {
                return Err(Error::config(format!(
                    "{by} {} of sample {sample}: samplers count up to {most}",
                    grouping.of[sample]
                ))
                .with_sample(sample as u64));
            }
        }
        Ok(())
    }

    /// Refuses a grouping with a group below [`Grouping::count`] that has no sample.
    pub(super) fn check_no_group_is_empty(&self, by: &By) -> Result<()> {
        let grouping = self.grouping(by)?;
        let mut seen = vec![false; grouping.count as usize];
        for &group in &grouping.of {
            if let Some(seen) = seen.get_mut(group as usize) {
                *seen = true;
            }
        }
        match seen.iter().position(|seen| !seen) {
            Some(group) => Err(Error::config(format!(
                "sampler: {by} {} has no sample: remove it, or correct target.classes",
                grouping.name(group as u32)
            ))),
            None => Ok(()),
        }
    }
}
