//! Targets: from what a source says to what the loss takes.

use crate::error::{Error, Result};
use crate::mix::Mixed;
use crate::recipe::{Recipe, TargetForm};
use crate::sample::Target;

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
    /// The classes of each slot with their weights, in the order of its sources; none where there
    /// is no target.
    Sparse {
        /// Where each slot's classes begin, and after the last slot's the end: slots + 1 numbers.
        offsets: Vec<u32>,
        /// Slot by slot; a class stands once.
        classes: Vec<i64>,
        /// Of each class. They sum to 1 but for multi-label targets.
        weights: Vec<f32>,
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
            Targets::Sparse { .. } => "sparse",
            Targets::Dense { .. } => "dense",
        };
        Error::config(format!(
            "the batch has {found} targets, not {wanted}: set target.form = \"{wanted}\""
        ))
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

    /// Where each slot's classes begin, the classes, and their weights.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the targets have another form.
    pub fn sparse(&self) -> Result<(&[u32], &[i64], &[f32])> {
        match self {
            Targets::Sparse {
                offsets,
                classes,
                weights,
            } => Ok((offsets, classes, weights)),
            other => Err(other.wrong("sparse")),
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
            Targets::Sparse {
                offsets,
                classes,
                weights,
            } => {
                for at in offsets[slot] as usize..offsets[slot + 1] as usize {
                    hash.update(&classes[at].to_le_bytes());
                    hash.update(&weights[at].to_le_bytes());
                }
            }
            Targets::Dense { values, classes } => {
                hash.update(bytemuck::cast_slice(
                    &values[slot * classes..(slot + 1) * classes],
                ));
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
    multi_label: bool,
}

/// How far the weights of a soft target may be from a sum of 1.
const SUM_TOLERANCE: f32 = 1e-3;

impl TargetMaker {
    pub(crate) fn new(recipe: &Recipe) -> TargetMaker {
        TargetMaker {
            form: recipe.target_form(),
            classes: recipe.target.classes,
            smoothing: recipe.target.smoothing as f32,
            multi_label: recipe.target.multi_label,
        }
    }

    /// Checks a sample's target before anything is made of it, so that no bad number spreads by
    /// mixing.
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
            Target::Multi(_) | Target::Soft(_)
                if matches!(self.form, TargetForm::Index | TargetForm::Pair) =>
            {
                Err(Error::config(
                    "a target of several classes needs target.form = \"dense\" or \"sparse\" and target.classes",
                ))
            }
            Target::Multi(classes) => classes.iter().try_for_each(|class| in_range(*class)),
            Target::Soft(weights) => {
                let expected = self.classes.unwrap_or(0) as usize;
                if weights.len() != expected {
                    return Err(Error::corrupt(format!(
                        "a target of {} weights, but target.classes = {expected}",
                        weights.len()
                    )));
                }
                match weights
                    .iter()
                    .position(|weight| !weight.is_finite() || *weight < 0.0)
                {
                    Some(class) => Err(Error::corrupt(format!(
                        "the target's weight of class {class} is {}: expected a finite number, 0 or more",
                        weights[class]
                    ))),
                    None => self.check_sum(weights),
                }
            }
        }
    }

    fn check_sum(&self, weights: &[f32]) -> Result<()> {
        let sum: f32 = weights.iter().sum();
        if self.multi_label || (sum - 1.0).abs() <= SUM_TOLERANCE {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "the target's weights sum to {sum}: expected 1, or target.multi_label = true for labels of their own"
        )))
    }

    /// The targets of a batch, from those of its slots and how they were mixed.
    pub(crate) fn make(&self, targets: &[Target], mixed: &[&Mixed]) -> Targets {
        let class = |slot: usize| match targets[slot] {
            Target::Class(class) => i64::from(class),
            _ => -1,
        };
        let first = |mixed: &&Mixed| class(mixed.sources[0]);
        match self.form {
            TargetForm::Index => Targets::Index(mixed.iter().map(first).collect()),
            TargetForm::Pair => Targets::Pair {
                a: mixed.iter().map(first).collect(),
                b: mixed
                    .iter()
                    .map(|mixed| class(*mixed.sources.get(1).unwrap_or(&mixed.sources[0])))
                    .collect(),
                lam: mixed.iter().map(|mixed| mixed.weights[0] as f32).collect(),
            },
            TargetForm::Sparse => sparse(targets, mixed),
            TargetForm::Dense => {
                let classes = self.classes.unwrap_or(0) as usize;
                let mut values = vec![0.0; mixed.len() * classes];
                let mut other = vec![0.0; classes];
                for (mixed, row) in mixed.iter().zip(values.chunks_exact_mut(classes)) {
                    self.smooth(&targets[mixed.sources[0]], row);
                    let lam = mixed.weights[0] as f32;
                    if lam == 1.0 {
                        continue;
                    }
                    row.iter_mut().for_each(|own| *own *= lam);
                    for (source, weight) in mixed.sources.iter().zip(&mixed.weights).skip(1) {
                        // Of two, the second has what is left, as in the references.
                        let weight = if mixed.sources.len() == 2 {
                            1.0 - lam
                        } else {
                            *weight as f32
                        };
                        self.smooth(&targets[*source], &mut other);
                        row.iter_mut()
                            .zip(&other)
                            .for_each(|(own, other)| *own += weight * other);
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

fn sparse(targets: &[Target], mixed: &[&Mixed]) -> Targets {
    let (mut offsets, mut classes, mut weights) = (vec![0], Vec::new(), Vec::new());
    for mixed in mixed {
        let start = classes.len();
        let mut add = |class: u32, weight: f64| match classes[start..]
            .iter()
            .position(|known| *known == i64::from(class))
        {
            Some(at) => weights[start + at] += weight as f32,
            None if weight > 0.0 => {
                classes.push(i64::from(class));
                weights.push(weight as f32);
            }
            None => {}
        };
        for (source, weight) in mixed.sources.iter().zip(&mixed.weights) {
            match &targets[*source] {
                Target::None => {}
                Target::Class(class) => add(*class, *weight),
                Target::Multi(several) => several.iter().for_each(|class| add(*class, *weight)),
                Target::Soft(soft) => {
                    (0..)
                        .zip(soft)
                        .for_each(|(class, share)| add(class, weight * f64::from(*share)));
                }
            }
        }
        offsets.push(classes.len() as u32);
    }
    Targets::Sparse {
        offsets,
        classes,
        weights,
    }
}
