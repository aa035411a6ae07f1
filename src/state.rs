//! The position of a run, as a few lines of text, for stopping and resuming.
//!
//! Every batch is a function of (seed, epoch, index), so a position is all that a resumed run
//! needs: no buffers, no generators, no list of what was read. What the state holds besides serves
//! to refuse it where it does not belong: a seed, and fingerprints of the data and of the recipe.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::sample::Fingerprint;

/// The version of the text form that this code writes and reads.
const FORMAT: u32 = 1;

/// The consumer's position in a run, with the identity of the run.
///
/// It is small and exact: a run that resumes at batch k yields the batches k, k + 1, … of the
/// uninterrupted run, byte for byte, at once and without reading again what was read before. The
/// text form (`Display`, `FromStr`) is TOML.
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
}

/// The identity of a run. Runs of the same identity have the same batches, and a state belongs to
/// runs of one identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunIdentity {
    pub(crate) seed: u64,
    pub(crate) data: Fingerprint,
    pub(crate) recipe: Fingerprint,
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
