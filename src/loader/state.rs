//! Where a run is, in a few lines of text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::pipeline::Line;
use crate::source::Fingerprint;

/// The version of the text form.
const FORMAT: u32 = 1;

/// The consumer's position in a run, and what it is a position in.
///
/// It is tiny, and exact: resuming at batch k gives the batches k, k + 1, … of the uninterrupted
/// run, byte for byte, at once and without reading what was read before. The text form (`Display`,
/// `FromStr`) is TOML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderState {
    pub(crate) format: u32,
    pub(crate) seed: u64,
    pub(crate) epoch: u32,
    pub(crate) next: u64,
    pub(crate) seen: u64,
    pub(crate) bad: u64,
    pub(crate) data: Fingerprint,
    pub(crate) recipe: Fingerprint,
}

impl LoaderState {
    /// The state before the first batch of an epoch.
    pub(crate) fn at(line: &Line, epoch: u32, next: u64) -> LoaderState {
        LoaderState {
            format: FORMAT,
            seed: line.recipe.seed,
            epoch,
            next,
            seen: 0,
            bad: 0,
            data: line.data,
            recipe: line.recipe_hash,
        }
    }

    /// The state after a batch.
    pub(crate) fn after(line: &Line, epoch: u32, index: u64, seen: u64, bad: u64) -> LoaderState {
        let (epoch, next) = if index + 1 < line.plan.batches_at(epoch) {
            (epoch, index + 1)
        } else {
            (epoch.saturating_add(1), 0)
        };
        LoaderState {
            seen,
            bad,
            ..LoaderState::at(line, epoch, next)
        }
    }

    /// The epoch of the next batch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The next batch in its epoch.
    pub fn next_batch(&self) -> u64 {
        self.next
    }

    /// Refuses a state that belongs to something else.
    pub(crate) fn check(&self, line: &Line) -> Result<()> {
        let here = LoaderState::at(line, self.epoch, self.next);
        let field = |name: &str,
                     state: &dyn fmt::Display,
                     here: &dyn fmt::Display,
                     meaning: &str| {
            Err(Error::new(
                Kind::Mismatch,
                format!(
                    "the state does not belong here: its {name} is {state}, this loader's is {here} ({meaning})"
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
        let batches = line.plan.batches_at(self.epoch);
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
