//! The position of a run, as a few lines of text, for stopping and resuming.
//!
//! Every batch is a function of (seed, epoch, index), so a position is all that a resumed run
//! needs: no buffers, no generators, no list of what was read. What the state holds besides serves
//! to refuse it where it does not belong: a seed, and fingerprints of the data and of the recipe. A
//! short value for each key of the recipe ([`RecipeKeys`]) serves to say what differs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Kind, Result};
use crate::sample::Fingerprint;

/// The version of the text form that this code writes and reads.
const FORMAT: u32 = 1;

/// The consumer's position in a run, with the identity of the run.
///
/// It is small and exact: a run that resumes at batch k yields the batches k, k + 1, … of the
/// uninterrupted run, byte for byte, at once and without reading again what was read before. The
/// text form (`Display`, `FromStr`) is TOML.
///
/// # Example: save a state as text
///
/// ```
/// use feedmill::{Loader, LoaderState, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(4))?;
/// let batch = loader.epoch(2)?.next().expect("a batch")?;
/// let text = batch.state().to_string();
/// let state: LoaderState = text.parse()?;
/// assert_eq!((state.epoch(), state.next_batch()), (2, 1));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderState {
    /// The version of the text form.
    pub(crate) format: u32,
    pub(crate) seed: u64,
    /// The epoch of the next batch.
    pub(crate) epoch: u32,
    /// The number of the next batch in its epoch.
    pub(crate) next: u64,
    /// The number of samples delivered so far.
    pub(crate) seen: u64,
    /// The number of bad samples among them.
    pub(crate) bad: u64,
    pub(crate) data: Fingerprint,
    pub(crate) recipe: Fingerprint,
    /// What each key of the recipe was; empty in states of earlier versions.
    #[serde(default, skip_serializing_if = "RecipeKeys::is_empty")]
    pub(crate) keys: RecipeKeys,
}

/// The identity of a run. Runs of the same identity have the same batches, and a state belongs to
/// runs of one identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunIdentity {
    pub(crate) seed: u64,
    pub(crate) data: Fingerprint,
    pub(crate) recipe: Fingerprint,
    pub(crate) keys: RecipeKeys,
}

/// What each top-level key of a recipe is, in a few characters: the value itself if it is short,
/// else a hash of it.
///
/// The text form is one line, such as `batch=32 last="wrap" view=#1a2b3c4d`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecipeKeys(Arc<BTreeMap<String, String>>);

impl RecipeKeys {
    /// The longest value that stands for itself, in bytes.
    const SHORT: usize = 12;

    /// The keys of a recipe, except the seed, which a state has anyway.
    pub(crate) fn new(recipe: &toml::Table) -> RecipeKeys {
        let keys = recipe.iter().filter(|(key, _)| *key != "seed");
        let short = |value: &toml::Value| {
            let text = value.to_string();
            if text.len() <= RecipeKeys::SHORT && !text.contains([' ', '=', '#']) {
                return text;
            }
            format!(
                "#{:08x}",
                xxhash_rust::xxh3::xxh3_64(text.as_bytes()) as u32
            )
        };
        let keys = keys.map(|(key, value)| (key.clone(), short(value)));
        RecipeKeys(Arc::new(keys.collect()))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What differs between the recipe of a state and the one here, in words: the keys, with both
    /// values where they are short. Empty if nothing does, or if the state does not say.
    fn differences(&self, here: &RecipeKeys) -> String {
        if self.is_empty() {
            return String::new();
        }
        let all: BTreeMap<&String, ()> = self
            .0
            .keys()
            .chain(here.0.keys())
            .map(|key| (key, ()))
            .collect();
        let difference = |key: &String| {
            let says = |value: &str| !value.starts_with('#');
            match (self.0.get(key), here.0.get(key)) {
                (Some(saved), Some(here)) if saved == here => None,
                (Some(saved), Some(here)) if says(saved) && says(here) => {
                    Some(format!("`{key}` ({saved} when saved, {here} now)"))
                }
                (Some(saved), None) if says(saved) => {
                    Some(format!("`{key}` ({saved} when saved, not set now)"))
                }
                (Some(_), None) => Some(format!("`{key}` (set when saved, not now)")),
                (None, Some(here)) if says(here) => {
                    Some(format!("`{key}` (not set when saved, {here} now)"))
                }
                (None, Some(_)) => Some(format!("`{key}` (not set when saved)")),
                _ => Some(format!("`{key}`")),
            }
        };
        let differences: Vec<String> = all.into_keys().filter_map(difference).collect();
        differences.join(", ")
    }
}

impl fmt::Display for RecipeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (key, value)) in self.0.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{key}={value}")?;
        }
        Ok(())
    }
}

impl Serialize for RecipeKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecipeKeys {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<RecipeKeys, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pairs = text.split_whitespace().map(|pair| {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                serde::de::Error::custom(format!("\"{pair}\" is not of the form key=value"))
            })?;
            Ok((key.to_owned(), value.to_owned()))
        });
        Ok(RecipeKeys(Arc::new(
            pairs.collect::<std::result::Result<_, _>>()?,
        )))
    }
}

impl LoaderState {
    /// The state of a run before batch `next` of an epoch.
    pub(crate) fn at(run: RunIdentity, epoch: u32, next: u64) -> LoaderState {
        LoaderState {
            format: FORMAT,
            seed: run.seed,
            epoch,
            next,
            seen: 0,
            bad: 0,
            data: run.data,
            recipe: run.recipe,
            keys: run.keys,
        }
    }

    /// The state of a run after batch `index` of an epoch that has `batches` of them.
    pub(crate) fn after(run: RunIdentity, epoch: u32, index: u64, batches: u64) -> LoaderState {
        if index + 1 < batches {
            LoaderState::at(run, epoch, index + 1)
        } else {
            LoaderState::at(run, epoch.saturating_add(1), 0)
        }
    }

    /// The epoch of the next batch, from 0.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The number of the next batch in its epoch, from 0.
    pub fn next_batch(&self) -> u64 {
        self.next
    }

    /// Refuses a state that does not belong to a run. `batches` is the number of batches of the
    /// state's epoch.
    ///
    /// # Errors
    ///
    /// [`Kind::Mismatch`] that names the first field that differs, with both values.
    pub(crate) fn check(&self, run: RunIdentity, batches: u64) -> Result<()> {
        let here = LoaderState::at(run, self.epoch, self.next);
        let field =
            |name: &str, state: &dyn fmt::Display, here: &dyn fmt::Display, meaning: &str| {
                Err(Error::new(
                    Kind::Mismatch,
                    format!(
                        "the state does not belong here: its {name} is {state}, this \
                     loader's is {here} ({meaning})"
                    ),
                ))
            };
        if self.format != here.format {
            return field(
                "format",
                &self.format,
                &here.format,
                "written by another version of feedmill",
            );
        }
        if self.seed != here.seed {
            return field(
                "seed",
                &self.seed,
                &here.seed,
                "set the same seed in the recipe",
            );
        }
        if self.data != here.data {
            return field(
                "data",
                &self.data,
                &here.data,
                "samples were added, removed or changed, or it is other data",
            );
        }
        if self.recipe != here.recipe {
            let differences = self.keys.differences(&here.keys);
            if !differences.is_empty() {
                let text = format!(
                    "the state does not belong here: the recipe differs in {differences}; its \
                     recipe is {}, this loader's is {}",
                    self.recipe, here.recipe
                );
                return Err(Error::new(Kind::Mismatch, text));
            }
            return field(
                "recipe",
                &self.recipe,
                &here.recipe,
                "another recipe, or the same with other values",
            );
        }
        if self.next >= batches {
            return field(
                "next batch",
                &self.next,
                &format_args!("at most {}", batches - 1),
                "the epoch is shorter",
            );
        }
        Ok(())
    }
}

impl fmt::Display for LoaderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&toml::to_string(self).expect("numbers and strings"))
    }
}

impl FromStr for LoaderState {
    type Err = Error;

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// [`Kind::Corrupt`] that names the line.
    fn from_str(text: &str) -> Result<LoaderState> {
        toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(0, |span| text[..span.start].matches('\n').count());
            Error::corrupt(format!(
                "loader state line {}: {}",
                line + 1,
                error.message()
            ))
        })
    }
}
