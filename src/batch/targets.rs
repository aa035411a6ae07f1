//! Targets: from what a source says to what the loss takes.

use super::MixRecord;
use crate::error::{Error, Result};
use crate::recipe::{Recipe, TargetForm};
use crate::source::Target;

/// The targets of a batch, in one of three forms.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Targets {
    /// A class for each slot; -1 where there is none.
    Index(Vec<i64>),
    /// The slot's own class, its partner's, and the weight of the own one; -1 where there is none.
    Pair {
        /// The own class.
        a: Vec<i64>,
        /// The partner's class; the own one if the slot is not mixed.
        b: Vec<i64>,
        /// The weight of `a`, between 0 and 1.
        lam: Vec<f32>,
    },
    /// A weight for each class of each slot: slots x classes; zeros where there is no target.
    Dense {
        /// Row by row.
        values: Vec<f32>,
        /// The length of a row.
        classes: usize,
    },
}

impl Targets {
    fn wrong(&self, wanted: &str) -> Error {
        let found = match self {
            Targets::Index(_) => "index",
            Targets::Pair { .. } => "pair",
            Targets::Dense { .. } => "dense",
        };
        Error::config(format!("the batch has {found} targets, not {wanted}: set target.form = \"{wanted}\""))
    }

    /// The class of each slot; -1 where there is none.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the targets have another form.
    pub fn index(&self) -> Result<&[i64]> {
        match self {
            Targets::Index(classes) => Ok(classes),
            other => Err(other.wrong("index")),
        }
    }

    /// Own classes, partners' classes, and the weights of the own ones.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the targets have another form.
    pub fn pair(&self) -> Result<(&[i64], &[i64], &[f32])> {
        match self {
            Targets::Pair { a, b, lam } => Ok((a, b, lam)),
            other => Err(other.wrong("pair")),
        }
    }

    /// Slots x classes weights, row by row.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the targets have another form.
    pub fn dense(&self) -> Result<&[f32]> {
        match self {
            Targets::Dense { values, .. } => Ok(values),
            other => Err(other.wrong("dense")),
        }
    }

    pub(super) fn hash_slot(&self, slot: usize, hash: &mut xxhash_rust::xxh3::Xxh3) {
        match self {
            Targets::Index(classes) => hash.update(&classes[slot].to_le_bytes()),
            Targets::Pair { a, b, lam } => {
                hash.update(&a[slot].to_le_bytes());
                hash.update(&b[slot].to_le_bytes());
                hash.update(&lam[slot].to_le_bytes());
            }
            Targets::Dense { values, classes } => {
                hash.update(bytemuck::cast_slice(&values[slot * classes..(slot + 1) * classes]));
            }
        }
    }
}

/// Makes targets by a recipe.
#[derive(Clone, Debug)]
pub(crate) struct TargetMaker {
    form: TargetForm,
    classes: Option<u32>,
    smoothing: f32,
}

impl TargetMaker {
    pub(crate) fn new(recipe: &Recipe) -> TargetMaker {
        TargetMaker {
            form: recipe.target_form(),
            classes: recipe.target.classes,
            smoothing: recipe.target.smoothing as f32,
        }
    }

    /// Checks a sample's target before anything is made of it, so that no bad number spreads by mixing.
    pub(crate) fn check(&self, target: &Target) -> Result<()> {
        let in_range = |class: u32| match self.classes {
            Some(classes) if class >= classes => Err(Error::corrupt(format!(
                "class {class}, but target.classes = {classes}: expected 0 to {}",
                classes - 1
            ))),
            _ => Ok(()),
        };
        match target {
            Target::None => Ok(()),
            Target::Class(class) => in_range(*class),
            Target::Multi(_) | Target::Soft(_) if self.form != TargetForm::Dense => Err(Error::config(
                "a target of several classes needs target.form = \"dense\" and target.classes",
            )),
            Target::Multi(classes) => classes.iter().try_for_each(|class| in_range(*class)),
            Target::Soft(weights) => {
                let expected = self.classes.unwrap_or(0) as usize;
                if weights.len() != expected {
                    return Err(Error::corrupt(format!(
                        "a target of {} weights, but target.classes = {expected}",
                        weights.len()
                    )));
                }
                match weights.iter().position(|weight| !weight.is_finite() || *weight < 0.0) {
                    Some(class) => Err(Error::corrupt(format!(
                        "the target's weight of class {class} is {}: expected a finite number, 0 or more",
                        weights[class]
                    ))),
                    None => Ok(()),
                }
            }
        }
    }

    /// The targets of a batch. `partner` gives the slot among these whose label is mixed in.
    pub(crate) fn make(&self, targets: &[Target], mix: &[MixRecord], first: usize) -> Targets {
        let class = |target: &Target| match target {
            Target::Class(class) => i64::from(*class),
            _ => -1,
        };
        let partner = |slot: usize| &targets[mix[slot].partner as usize - first];
        match self.form {
            TargetForm::Index => Targets::Index(targets.iter().map(class).collect()),
            TargetForm::Pair => Targets::Pair {
                a: targets.iter().map(class).collect(),
                b: (0..targets.len()).map(|slot| class(partner(slot))).collect(),
                lam: mix.iter().map(|record| record.lam).collect(),
            },
            TargetForm::Dense => {
                let classes = self.classes.unwrap_or(0) as usize;
                let mut values = vec![0.0; targets.len() * classes];
                let mut other = vec![0.0; classes];
                for (slot, row) in values.chunks_exact_mut(classes).enumerate() {
                    self.smooth(&targets[slot], row);
                    let lam = mix[slot].lam;
                    if lam < 1.0 {
                        self.smooth(partner(slot), &mut other);
                        for (own, other) in row.iter_mut().zip(&other) {
                            *own = lam * *own + (1.0 - lam) * other;
                        }
                    }
                }
                Targets::Dense { values, classes }
            }
        }
    }

    /// One sample's row: smoothed first, mixed after, as timm does.
    fn smooth(&self, target: &Target, row: &mut [f32]) {
        let share = self.smoothing / row.len() as f32;
        let on = 1.0 - self.smoothing + share;
        match target {
            Target::None => row.fill(0.0),
            Target::Class(class) => {
                row.fill(share);
                row[*class as usize] = on;
            }
            Target::Multi(classes) => {
                row.fill(0.5 * self.smoothing);
                for class in classes {
                    row[*class as usize] = 1.0 - self.smoothing + 0.5 * self.smoothing;
                }
            }
            Target::Soft(weights) => {
                for (value, weight) in row.iter_mut().zip(weights) {
                    *value = weight * (1.0 - self.smoothing) + share;
                }
            }
        }
    }
}
