//! Families of ops that are held out of training, to validate on distribution shifts that training
//! has not seen.
//!
//! The method is that of "Crafting Distribution Shifts for Validation and Training in Single Source
//! Domain Generalization" (2025): with data of one domain only, augmentations play the part of
//! other domains. Ops are grouped into families, families are split into k folds, and a model that
//! trains without the families of one fold is validated on images that those families distort.
//!
//! A leak would make the score worthless, so recipes are checked and not only documented: an op of
//! the wrong fold is refused wherever it appears, also inside containers and policies. The family of an
//! op is part of its declaration.

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use super::{Recipe, ScheduledOp, View};
use crate::augment::Op;
use crate::error::{Error, Result};
use crate::rng::{Domain, RandomStream};
use crate::spec::Family;

/// The views of the families that the preset `crafting-shifts` lacks.
const CORRUPTION_VIEWS: &str = include_str!("corruptions.toml");

/// A split of the families of ops, and whether a recipe trains or validates. In a recipe it is the
/// table `[op_folds]`.
///
/// The families are shuffled by a seed and assigned to the folds in turn. One fold is held out: a
/// recipe for training may not contain ops of its families, and a recipe for validation may not
/// contain ops of any other family.
///
/// # Example: hold ops out of training
///
/// ```
/// use feedmill::augment::ops::{PilGaussianBlur, Resize};
/// use feedmill::geometry::Size;
/// use feedmill::recipe::OpFolds;
/// use feedmill::{Loader, Recipe};
///
/// let folds = (0..5).map(|fold| OpFolds::new(5, fold));
/// let without_blur = folds
///     .into_iter()
///     .find(|folds| folds.held_out().contains(&"blur"))
///     .expect("one of them");
/// let blurred = Recipe::new()
///     .with_batch(4)
///     .op(Resize::new(Size { width: 32, height: 32 }))
///     .op(PilGaussianBlur::new().with_radius([1.0, 2.0]))
///     .with_op_folds(without_blur.clone());
/// let error = Loader::open("fixtures/photos", blurred).unwrap_err();
/// assert!(error.to_string().contains("the family blur, which is held out"));
/// // A validation batch has one tensor for each family that is held out.
/// let validation = without_blur.validation()?.with_batch(2);
/// assert_eq!(Loader::open("fixtures/photos", validation)?.shapes().len(), 2);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OpFolds {
    /// The number of folds, 2 to 10.
    pub(crate) folds: usize,
    /// The fold that is held out, from 0.
    pub(crate) fold: usize,
    /// The seed of the split.
    #[serde(default)]
    pub(crate) seed: u64,
    /// Whether the recipe trains or validates; training by default.
    #[serde(default, rename = "use")]
    #[accessor(copy)]
    pub(crate) side: Side,
}

/// Whether a recipe trains or validates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Side {
    /// Training, without the ops of the fold that is held out.
    #[default]
    Train,
    /// Validation, without the ops of all other folds.
    Validation,
}

impl OpFolds {
    /// Training with fold `fold` of `folds` held out, and seed 0.
    pub fn new(folds: usize, fold: usize) -> OpFolds {
        OpFolds {
            folds,
            fold,
            seed: 0,
            side: Side::Train,
        }
    }

    /// The same split for a recipe of validation.
    #[must_use]
    pub fn validating(self) -> OpFolds {
        OpFolds {
            side: Side::Validation,
            ..self
        }
    }

    /// The families that are held out, in alphabetical order.
    pub fn held_out(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = Family::ALL.iter().map(|family| family.name()).collect();
        RandomStream::in_domain(self.seed, 0, Domain::Select, 0, u32::MAX).shuffle(&mut names);
        let mut held: Vec<_> = names
            .into_iter()
            .skip(self.fold)
            .step_by(self.folds.max(1))
            .collect();
        held.sort_unstable();
        held
    }

    /// The recipe for validation on the families that are held out.
    ///
    /// It visits every sample once and has one view for each family, with the name of the family.
    /// Each view applies a random op of the family at published strengths, as in the preset
    /// `crafting-shifts`. The validation score is the mean over the views.
    ///
    /// # Errors
    ///
    /// As [`OpFolds::check`].
    pub fn validation(&self) -> Result<Recipe> {
        self.check()?;
        let mut recipe = Recipe::preset("crafting-shifts")?;
        recipe
            .views
            .extend(Recipe::from_toml(CORRUPTION_VIEWS)?.views);
        let held = self.held_out();
        recipe
            .views
            .retain(|view| view.name().is_some_and(|name| held.contains(&name)));
        Ok(recipe.with_op_folds(self.clone().validating()))
    }

    /// Checks the number of folds and the fold that is held out.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if there are not 2 to 10 folds, or if `fold` is not below `folds`.
    pub fn check(&self) -> Result<()> {
        if !(2..=Family::ALL.len()).contains(&self.folds) {
            return Err(Error::config(format!(
                "op_folds.folds = {}: expected 2 to 10",
                self.folds
            )));
        }
        if self.fold >= self.folds {
            return Err(Error::config(format!(
                "op_folds.fold = {}: there are {} folds, numbered from 0",
                self.fold, self.folds
            )));
        }
        Ok(())
    }

    /// Checks that all ops of a view are allowed on this side of the split.
    pub(super) fn check_view(&self, view: &View) -> Result<()> {
        view.ops()
            .iter()
            .map(ScheduledOp::op)
            .try_for_each(|op| self.check_op(op))
    }

    /// Checks that an op, and all ops inside it, are allowed on this side of the split.
    pub(super) fn check_op(&self, op: &dyn Op) -> Result<()> {
        let held = self.held_out();
        // Training must not use a held-out family; validation must not use any other.
        let refused = |family: &Family| held.contains(&family.name()) == (self.side == Side::Train);
        if let Some(family) = op.families().into_iter().find(refused) {
            let (name, fold, folds) = (op.name(), self.fold, self.folds);
            return Err(Error::config(match self.side {
                Side::Train => format!(
                    "op \"{name}\" is of the family {family}, which is held out \
                     (fold {fold} of {folds}: {})",
                    held.join(", ")
                ),
                Side::Validation => format!(
                    "op \"{name}\" is of the family {family}, which is for training \
                     (fold {fold} of {folds} validates {})",
                    held.join(", ")
                ),
            }));
        }
        let mut inner = op.inner().into_iter();
        inner.try_for_each(|op| self.check_op(op))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn folds_are_a_disjoint_cover_of_the_families() {
        for folds in 2..=10 {
            let parts: Vec<Vec<&str>> = (0..folds)
                .map(|fold| OpFolds::new(folds, fold).held_out())
                .collect();
            let all: Vec<&str> = parts.concat();
            assert_eq!(
                (all.len(), all.iter().collect::<BTreeSet<_>>().len()),
                (10, 10),
                "{folds}"
            );
            assert!(parts.iter().all(|part| part.len() >= 10 / folds));
        }
        assert_ne!(
            OpFolds::new(5, 0).held_out(),
            OpFolds::new(5, 0).with_seed(1).held_out()
        );
    }

    /// Each op is refused in training when its family is held out, and allowed otherwise.
    #[test]
    fn an_op_of_a_held_out_family_is_refused_where_ever_it_stands() {
        let fold_of = |family: &str| {
            (0..10)
                .find(|&fold| OpFolds::new(10, fold).held_out() == [family])
                .expect("each family is a fold")
        };
        for (op, family) in [
            ("{ op = \"gaussian_blur\" }", "blur"),
            (
                "{ op = \"sequence\", ops = [\
                 { op = \"one_of\", ops = [{ op = \"rotate\", degrees = [-9, 9] }] }] }",
                "geometric",
            ),
            ("{ op = \"rand_augment\" }", "color"),
            ("{ op = \"color_jitter\", hue = 0.1 }", "contrast"),
            (
                "{ op = \"corrupt\", name = \"fog\", severity = 1 }",
                "weather",
            ),
            (
                "{ op = \"corrupt\", name = \"any\", severity = 1 }",
                "digital",
            ),
        ] {
            let text = |side: &str| {
                format!(
                    "batch = 2\n[op_folds]\nfolds = 10\nfold = {}\nuse = \"{side}\"\n\
                     [[view]]\nops = [\n  {{ op = \"resize\", size = 8 }},\n  {op},\n]",
                    fold_of(family)
                )
            };
            let error = Recipe::from_toml(&text("train")).unwrap_err().to_string();
            assert!(
                error.contains("line 9") && error.contains(family) && error.contains("held out"),
                "{error}"
            );
            let other = text("train").replace(
                &format!("fold = {}", fold_of(family)),
                &format!("fold = {}", fold_of("edges")),
            );
            let read = Recipe::from_toml(&other).unwrap();
            assert_eq!(
                Recipe::from_toml(&read.to_toml()).unwrap().fingerprint(),
                read.fingerprint()
            );
            if !op.contains("any") && !op.contains("rand") && !op.contains("jitter") {
                Recipe::from_toml(&text("validation")).unwrap();
            } else {
                let error = Recipe::from_toml(&text("validation"))
                    .unwrap_err()
                    .to_string();
                assert!(error.contains("for training"), "{error}");
            }
        }
        for (folds, fold, said) in [
            (1, 0, "folds = 1"),
            (11, 0, "folds = 11"),
            (5, 5, "fold = 5"),
        ] {
            let text = format!("batch = 2\n[op_folds]\nfolds = {folds}\nfold = {fold}\n");
            let error = Recipe::from_toml(&text).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("line 2"), "{error}");
        }
    }

    #[test]
    fn a_validation_recipe_has_the_families_that_are_held_out() {
        let mut families = Vec::new();
        for fold in 0..10 {
            let recipe = OpFolds::new(10, fold).validation().unwrap();
            recipe.check().unwrap();
            let again = Recipe::from_toml(&recipe.to_toml()).unwrap();
            assert_eq!(again.fingerprint(), recipe.fingerprint());
            families.extend(
                recipe
                    .views()
                    .iter()
                    .map(|view| view.name().unwrap().to_string()),
            );
        }
        families.sort_unstable();
        assert_eq!(families, Family::ALL.map(Family::name));
    }
}
