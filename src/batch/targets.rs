//! Targets: from the [`Target`] that a source stores to the numbers that a loss takes.
//!
//! The dense form follows timm's `mixup_target` (`timm/data/mixup.py`): each sample's row is
//! smoothed first, and the rows are mixed afterwards, in f32. Golden files hold the two to the same
//! numbers. The other forms pass on classes and weights and leave smoothing to the loss, because
//! smoothing gives every class a weight, which is what these forms avoid.

use crate::error::{Error, Result};
use crate::mix::Mixed;
use crate::recipe::{Recipe, TargetForm};
use crate::sample::Target;

/// The targets of a batch, after mixing, in the form that the recipe names with `target.form`. By
/// default, recipes that mix have dense targets and others have class indices.
///
/// | form | for | label smoothing |
/// | --- | --- | --- |
/// | [`Targets::Index`] | a class for each slot, without mixing | left to the loss |
/// | [`Targets::Pair`] | two images: `lam * loss(a) + (1 - lam) * loss(b)` | left to the loss |
/// | [`Targets::Sparse`] | several classes, without a whole row for each slot | left to the loss |
/// | [`Targets::Dense`] | a weight for every class | contained in the values |
///
/// The accessors return one form as slices and refuse the others, so a training loop that was
/// written for one form notices a recipe with another one.
///
/// # Example: targets of every form
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(4))?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// let classes: &[i64] = batch.targets().index()?;
/// assert_eq!(classes.len(), 4);
/// assert!(batch.targets().dense().is_err());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Targets {
    /// The class of each slot; -1 for a slot without a class.
    Index(Vec<i64>),
    /// Two classes for each slot and the weight of the first. All three vectors have one number for
    /// each slot.
    Pair {
        /// The slot's own class; -1 for a slot without a class.
        a: Vec<i64>,
        /// The partner's class; the slot's own one if it is not mixed.
        b: Vec<i64>,
        /// The weight of `a`, from 0 to 1. The weight of `b` is `1 - lam`.
        lam: Vec<f32>,
    },
    /// The classes of each slot with their weights, as compressed rows: those of slot `s` are
    /// `offsets[s]..offsets[s + 1]`. A slot without a target has none.
    Sparse {
        /// Where the classes of each slot begin, and the end of the last slot: slots + 1 numbers.
        offsets: Vec<u32>,
        /// The classes, slot by slot, in the order of the images that were mixed. A class occurs
        /// once in a slot.
        classes: Vec<i64>,
        /// The weight of each class. The weights of a slot sum to 1, except for multi-label
        /// targets.
        weights: Vec<f32>,
    },
    /// A weight for each class of each slot, smoothed and mixed. A slot without a target has zeros.
    Dense {
        /// slots x classes values, row by row.
        values: Vec<f32>,
        /// The length of a row: `target.classes`.
        classes: usize,
    },
}

impl Targets {
    fn wrong_form(&self, expected: &str) -> Error {
        let found = match self {
            Targets::Index(_) => "index",
            Targets::Pair { .. } => "pair",
            Targets::Sparse { .. } => "sparse",
            Targets::Dense { .. } => "dense",
        };
        Error::config(format!(
            "the batch has {found} targets, not {expected}: set target.form = \"{expected}\""
        ))
    }

    /// The class of each slot, as in [`Targets::Index`]; -1 for a slot without a class.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the recipe's `target.form` is another one.
    ///
    /// # Example: accuracy
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = "batch = 4\n[[view]]\nops = [{ op = \"resize\", size = [32, 32] }]";
    /// let loader = Loader::open("fixtures/photos", Recipe::from_toml(recipe)?)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let classes: &[i64] = batch.targets().index()?; // a class from 0 for each slot
    /// let predicted = vec![0; batch.len()];
    /// let right = classes.iter().zip(&predicted).filter(|(class, guess)| class == guess);
    /// println!("{} of {} are right", right.count(), batch.len());
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn index(&self) -> Result<&[i64]> {
        match self {
            Targets::Index(classes) => Ok(classes),
            other => Err(other.wrong_form("index")),
        }
    }

    /// `(a, b, lam)` of [`Targets::Pair`], each with one number for each slot: the slots' own
    /// classes, the classes of their partners, and the weights of their own classes.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the recipe's `target.form` is another one.
    ///
    /// # Example: the loss of two classes
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 4
    ///     [[view]]
    ///     ops = [{ op = "random_resized_crop", size = 32 }]
    ///     [mix]
    ///     choose = [{ mix = "mixup", alpha = 0.8 }]
    ///     [target]
    ///     classes = 3
    ///     form = "pair"
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let (a, b, lam) = batch.targets().pair()?; // 4 numbers each
    /// let loss = |slot: usize, class: i64| (slot as i64 + class) as f32; // of a network
    /// let losses = (0..batch.len())
    ///     .map(|slot| lam[slot] * loss(slot, a[slot]) + (1.0 - lam[slot]) * loss(slot, b[slot]));
    /// assert_eq!(losses.count(), 4);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn pair(&self) -> Result<(&[i64], &[i64], &[f32])> {
        match self {
            Targets::Pair { a, b, lam } => Ok((a, b, lam)),
            other => Err(other.wrong_form("pair")),
        }
    }

    /// `(offsets, classes, weights)` of [`Targets::Sparse`]: where the classes of each slot begin
    /// (slots + 1 numbers), the classes, and the weight of each.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the recipe's `target.form` is another one.
    ///
    /// # Example: the classes of each slot
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 4
    ///     [[view]]
    ///     ops = [{ op = "random_resized_crop", size = 32 }]
    ///     [mix]
    ///     choose = [{ mix = "mixup", alpha = 0.8 }]
    ///     [target]
    ///     classes = 3
    ///     form = "sparse"
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let (offsets, classes, weights) = batch.targets().sparse()?;
    /// assert_eq!(offsets.len(), 4 + 1);
    /// for slot in 0..batch.len() {
    ///     let of_slot = offsets[slot] as usize..offsets[slot + 1] as usize;
    ///     let pairs = classes[of_slot.clone()].iter().zip(&weights[of_slot]);
    ///     let sum: f32 = pairs.map(|(_class, weight)| weight).sum();
    ///     assert!((sum - 1.0).abs() < 1e-6);
    /// }
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn sparse(&self) -> Result<(&[u32], &[i64], &[f32])> {
        match self {
            Targets::Sparse {
                offsets,
                classes,
                weights,
            } => Ok((offsets, classes, weights)),
            other => Err(other.wrong_form("sparse")),
        }
    }

    /// The values of [`Targets::Dense`]: slots x classes weights, row by row.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the recipe's `target.form` is another one.
    ///
    /// # Example: a soft cross-entropy
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 4
    ///     [[view]]
    ///     ops = [{ op = "random_resized_crop", size = 32 }]
    ///     [mix]
    ///     choose = [{ mix = "mixup", alpha = 0.8 }]
    ///     [target]
    ///     classes = 3
    ///     form = "dense"
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let weights: &[f32] = batch.targets().dense()?; // 4 x 3
    /// let log_probability = |_slot: usize, _class: usize| (1.0f32 / 3.0).ln(); // of a network
    /// let mut loss = 0.0;
    /// for (slot, row) in weights.chunks_exact(3).enumerate() {
    ///     for (class, weight) in row.iter().enumerate() {
    ///         loss -= weight * log_probability(slot, class) / batch.len() as f32;
    ///     }
    /// }
    /// assert!((loss - 3.0f32.ln()).abs() < 1e-5);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn dense(&self) -> Result<&[f32]> {
        match self {
            Targets::Dense { values, .. } => Ok(values),
            other => Err(other.wrong_form("dense")),
        }
    }

    /// The target of one slot.
    pub(super) fn slot(&self, slot: usize) -> SlotTarget<'_> {
        match self {
            Targets::Index(classes) => SlotTarget::Index(classes[slot]),
            Targets::Pair { a, b, lam } => SlotTarget::Pair {
                a: a[slot],
                b: b[slot],
                lam: lam[slot],
            },
            Targets::Sparse {
                offsets,
                classes,
                weights,
            } => {
                let range = offsets[slot] as usize..offsets[slot + 1] as usize;
                SlotTarget::Sparse {
                    classes: &classes[range.clone()],
                    weights: &weights[range],
                }
            }
            Targets::Dense { values, classes } => {
                SlotTarget::Dense(&values[slot * classes..][..*classes])
            }
        }
    }

    /// Adds a slot's target to a digest.
    pub(super) fn hash_slot(&self, slot: usize, hash: &mut xxhash_rust::xxh3::Xxh3) {
        match self.slot(slot) {
            SlotTarget::Index(class) => hash.update(&class.to_le_bytes()),
            SlotTarget::Pair { a, b, lam } => {
                hash.update(&a.to_le_bytes());
                hash.update(&b.to_le_bytes());
                hash.update(&lam.to_le_bytes());
            }
            SlotTarget::Sparse { classes, weights } => {
                for (class, weight) in classes.iter().zip(weights) {
                    hash.update(&class.to_le_bytes());
                    hash.update(&weight.to_le_bytes());
                }
            }
            SlotTarget::Dense(values) => hash.update(bytemuck::cast_slice(values)),
        }
    }
}

/// The target of one slot, from [`Slot::target`](super::Slot::target), in the form of the batch's
/// [`Targets`].
///
/// # Example: the classes of a mixed slot
///
/// ```
/// use feedmill::{Loader, Recipe, SlotTarget};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("deit")?.with_batch(8))?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// let target = batch.slot(0).target();
/// if let SlotTarget::Dense(weights) = target {
///     assert_eq!(weights.len(), 1000); // a weight for each class, with label smoothing
/// }
/// let (class, weight) = target.greatest().expect("the sample has a class");
/// println!("class {class} with weight {weight}");
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SlotTarget<'a> {
    /// The class; -1 for a slot without a class.
    Index(i64),
    /// Two classes and the weight of the first.
    Pair {
        /// The slot's own class; -1 for a slot without a class.
        a: i64,
        /// The partner's class; the slot's own one if it is not mixed.
        b: i64,
        /// The weight of `a`, from 0 to 1. The weight of `b` is `1 - lam`.
        lam: f32,
    },
    /// The classes with a weight, which sum to 1 except for multi-label targets. None for a slot
    /// without a target.
    Sparse {
        /// The classes, each of them once.
        classes: &'a [i64],
        /// The weight of each class.
        weights: &'a [f32],
    },
    /// A weight for each class, smoothed and mixed; zeros for a slot without a target.
    Dense(&'a [f32]),
}

impl SlotTarget<'_> {
    /// The class with the greatest weight and that weight, the first of equal ones. `None` for a
    /// slot without a target.
    pub fn greatest(&self) -> Option<(u32, f32)> {
        let greatest = |pairs: &mut dyn Iterator<Item = (i64, f32)>| {
            let mut greatest = (-1, 0.0);
            for (class, weight) in pairs {
                if weight > greatest.1 {
                    greatest = (class, weight);
                }
            }
            greatest
        };
        let (class, weight) = match *self {
            SlotTarget::Index(class) => (class, 1.0),
            SlotTarget::Pair { a, b, .. } if a == b => (a, 1.0),
            SlotTarget::Pair { a, b, lam } => greatest(&mut [(a, lam), (b, 1.0 - lam)].into_iter()),
            SlotTarget::Sparse { classes, weights } => {
                greatest(&mut classes.iter().copied().zip(weights.iter().copied()))
            }
            SlotTarget::Dense(weights) => greatest(&mut (0..).zip(weights.iter().copied())),
        };
        Some((u32::try_from(class).ok()?, weight))
    }
}

/// Makes the targets of batches as a recipe's `[target]` table says.
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

    /// Checks a sample's target when the sample is read. A bad number found later would already
    /// have spread to the slots that mix with this one, and could not be blamed on one sample.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Corrupt`] for a class out of range, a weight that is negative or not finite,
    /// or weights that do not sum to 1; [`crate::Kind::Config`] if the form cannot express the
    /// target.
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
                    "a target of several classes needs target.form = \"dense\" or \"sparse\" \
                     and target.classes",
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
                        "the target's weight of class {class} is {}: \
                         expected a finite number, 0 or more",
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
            "the target's weights sum to {sum}: \
             expected 1, or target.multi_label = true for labels of their own"
        )))
    }

    /// The targets of a batch. `targets` are those of the slots as they were read; `mixed` says,
    /// for each image of the batch, from which of these slots it was mixed and with which weights.
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
            TargetForm::Dense => self.dense(targets, mixed),
        }
    }

    fn dense(&self, targets: &[Target], mixed: &[&Mixed]) -> Targets {
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
                // With two sources, the references compute the second weight as 1 - lam in f32.
                // Rounding the f64 weight to f32 could differ in the last bit.
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

    /// Writes the smoothed weights of one sample's classes to `row`.
    ///
    /// A single class shares `smoothing` with all classes evenly. In a list of classes, each class
    /// is a yes-or-no question of its own, so `smoothing` pulls every weight towards 0.5.
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

/// The sparse form. Samples that share a class add up to one entry, and weights stay f64 until they
/// are added.
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
