//! A recipe made from another one: for other classes, another size, other pixel statistics, or for
//! evaluation.

use std::sync::Arc;

use super::parse::add_op;
use super::view::ScheduledOp;
use super::{Recipe, Registry, TargetOptions, View};
use crate::augment::Filter;
use crate::augment::ops::{CenterCrop, Resize};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::plan::{Last, Order, Sampler};

/// The share of the shorter side that the center crop of an evaluation keeps: 224 of 256, as since
/// Krizhevsky et al., 2012.
const EVALUATED_SHARE: f64 = 0.875;

/// The ops that make images of any size fit, so that images for evaluation have to be resized too.
const RESIZING: [&str; 3] = ["random_resized_crop", "resize", "any_res"];

impl Recipe {
    /// Sets the number of classes ([`TargetOptions::classes`]) and keeps the other options of
    /// targets.
    ///
    /// # Example: a published recipe for ten classes
    ///
    /// ```
    /// use feedmill::Recipe;
    ///
    /// let recipe = Recipe::preset("deit")?.with_classes(10);
    /// assert_eq!(recipe.target().classes(), Some(10));
    /// assert_eq!(recipe.target().smoothing(), 0.1); // as before
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    #[must_use]
    pub fn with_classes(mut self, classes: u32) -> Recipe {
        self.target = self.target.with_classes(classes);
        self
    }

    /// Sets the mean and the standard deviation that normalize pixels, on a scale of 0 to 1, and
    /// keeps the other options of the output.
    ///
    /// # Example: the statistics of another data set
    ///
    /// ```
    /// use feedmill::Recipe;
    ///
    /// let recipe = Recipe::preset("imagenet")?.with_normalization([0.5; 3], [0.25; 3]);
    /// assert_eq!(recipe.output().std(), [0.25; 3]);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    #[must_use]
    pub fn with_normalization(mut self, mean: impl AsRef<[f64]>, std: impl AsRef<[f64]>) -> Recipe {
        self.output = self.output.with_mean(mean).with_std(std);
        self
    }

    /// Scales all crops and resizes by one factor, so that the shorter side of the first view
    /// becomes `side` pixels. Other parameters in pixels, such as paddings and blur radii, stay.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the first view has no fixed size, if a size changes from epoch to
    /// epoch, or if an op refuses its new size.
    ///
    /// # Example: multi-crop at a smaller size
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::preset("dino")?.with_size(112)?.with_batch(4);
    /// let shapes = Loader::open("fixtures/photos", recipe)?.shapes();
    /// let sides: Vec<usize> = shapes.iter().map(|shape| shape[3]).collect();
    /// assert_eq!(sides, [112, 112, 48]); // 224, 224 and 96 in the preset
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn with_size(mut self, side: u32) -> Result<Recipe> {
        let size = self.largest_size()?;
        let factor = f64::from(side) / f64::from(size.width.min(size.height));
        let registry = Arc::new(Registry::default());
        self.views = self
            .views
            .iter()
            .map(|view| scaled_view(view, factor, &registry))
            .collect::<Result<Vec<View>>>()?;
        Ok(self)
    }

    /// Returns the recipe for evaluation that goes with this one.
    ///
    /// It visits every sample once, in order, and keeps the last batch as it is. Mixing, the
    /// sampler, selections, weights of sources and random ops are gone. Its only view has the size
    /// of the first view of this recipe: if that view resizes, the images are resized to 8/7 of the
    /// size (256 for 224) and the center is cropped; otherwise the center is cropped. Batch size,
    /// classes, normalization, limits and the policy for bad files are those of this recipe.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the first view has no fixed size.
    ///
    /// # Example: evaluate what a recipe trains
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let training = Recipe::preset("deit")?.with_classes(3).with_batch(4);
    /// let loader = Loader::open("fixtures/photos", training.eval()?)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// assert_eq!(batch.images().shape(), [4, 3, 224, 224]);
    /// assert_eq!(batch.samples(), [0, 1, 2, 3]);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn eval(&self) -> Result<Recipe> {
        let size = self.largest_size()?;
        let view = match self.resizing_filter() {
            Some(filter) => {
                let side = f64::from(size.width.max(size.height)) / EVALUATED_SHARE;
                View::new().op(Resize::new(side.round() as u32).with_filter(filter))
            }
            None => View::new(),
        };
        let target = TargetOptions {
            smoothing: 0.0,
            form: self.target.form.filter(|_| self.target.multi_label),
            ..self.target.clone()
        };
        Ok(Recipe {
            views: vec![view.op(CenterCrop::new(size))],
            target,
            joint: self.joint.clone(),
            ..self.in_order()
        })
    }

    /// This recipe for each sample once, in order, without anything that composes batches or mixes,
    /// and without annotations.
    pub(crate) fn in_order(&self) -> Recipe {
        Recipe {
            order: Order::Sequential,
            last: Last::Keep,
            sampler: Sampler::default(),
            select: Vec::new(),
            sources: Vec::new(),
            table: None,
            op_folds: None,
            joint: None,
            mix: None,
            mix_schedule: None,
            ..self.clone()
        }
    }

    /// The largest size that the first view has in any epoch.
    fn largest_size(&self) -> Result<Size> {
        let view = &self.views()[0];
        let mut largest = view.size(None)?;
        for epoch in view.landmarks() {
            let size = view.at(epoch)?.size(None)?;
            if size.width * size.height > largest.width * largest.height {
                largest = size;
            }
        }
        Ok(largest)
    }

    /// The filter of the first op of the first view that resizes; `None` if none does.
    fn resizing_filter(&self) -> Option<Filter> {
        let mut ops = self.views()[0].ops().iter().map(ScheduledOp::op);
        let op = ops.find(|op| RESIZING.contains(&op.name()))?;
        let written = op.params().remove("filter");
        Some(written.map_or_else(Filter::default, |filter| {
            filter.try_into().expect("a filter that the op has")
        }))
    }
}

/// The view with all sizes multiplied.
fn scaled_view(view: &View, factor: f64, registry: &Arc<Registry>) -> Result<View> {
    let mut scaled = View {
        ops: Vec::new(),
        ..view.clone()
    };
    for op in &view.ops {
        let mut table = op.written();
        if scale_sizes(&mut table, factor, registry)? {
            add_op(registry, &mut scaled, table)?;
        } else {
            scaled.ops.push(op.clone());
        }
    }
    Ok(scaled)
}

/// Multiplies the parameter `size` of the crop or resize that a table describes, and of those in it.
/// Returns whether there was one.
fn scale_sizes(table: &mut toml::Table, factor: f64, registry: &Registry) -> Result<bool> {
    let name = table.get("op").and_then(toml::Value::as_str);
    let spec = name.and_then(|name| registry.op_spec(name));
    let is_crop = spec.is_some_and(|spec| spec.group() == "crop");
    let mut found = false;
    for (key, value) in table {
        if key == "size" && is_crop {
            scale(value, factor)?;
            found = true;
        } else {
            found |= scale_inside(value, factor, registry)?;
        }
    }
    Ok(found)
}

/// [`scale_sizes`] for the tables inside of a value.
fn scale_inside(value: &mut toml::Value, factor: f64, registry: &Registry) -> Result<bool> {
    match value {
        toml::Value::Table(table) => scale_sizes(table, factor, registry),
        toml::Value::Array(values) => {
            let mut found = false;
            for value in values {
                found |= scale_inside(value, factor, registry)?;
            }
            Ok(found)
        }
        _ => Ok(false),
    }
}

/// Multiplies a size: one side, or a list of two.
fn scale(value: &mut toml::Value, factor: f64) -> Result<()> {
    match value {
        toml::Value::Integer(side) => {
            *side = (*side as f64 * factor).round() as i64;
            Ok(())
        }
        toml::Value::Array(sides) => sides.iter_mut().try_for_each(|side| scale(side, factor)),
        other => Err(Error::config(format!(
            "size = {other} changes from epoch to epoch, and one factor for all epochs may not be \
             what is meant: write the sizes in the recipe"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::ops::{Container, HorizontalFlip, RandomCrop, RandomResizedCrop};

    fn op_names(recipe: &Recipe) -> Vec<&'static str> {
        let ops = recipe.views()[0].ops().iter();
        ops.map(|op| op.op().name()).collect()
    }

    #[test]
    fn sizes_scale_together_and_everything_else_stays() {
        let eval = Recipe::preset("imagenet-eval")
            .unwrap()
            .with_size(288)
            .unwrap();
        let text = eval.to_toml();
        assert!(
            text.contains("size = 329") && text.contains("size = 288"),
            "{text}"
        );

        let cifar = Recipe::preset("cifar").unwrap().with_size(64).unwrap();
        let text = cifar.to_toml();
        assert!(
            text.contains("size = 64") && text.contains("padding = 4"),
            "{text}"
        );

        let exact = Recipe::new().op(RandomResizedCrop::new(Size::new(40, 20)));
        let exact = exact.with_size(10).unwrap();
        assert_eq!(exact.views()[0].size(None).unwrap(), Size::new(20, 10));
    }

    #[test]
    fn sizes_inside_of_containers_scale_and_random_numbers_stay() {
        let inner = RandomResizedCrop::new(32).with_scale([0.3, 0.5]);
        let recipe = Recipe::new()
            .op(RandomResizedCrop::new(32))
            .op(HorizontalFlip::new().with_p(0.5))
            .op(Container::sequence().with_op(inner).with_p(0.5));
        let scaled = recipe.clone().with_size(16).unwrap();
        assert_eq!(scaled.to_toml().matches("size = 16").count(), 2);
        let same = scaled.with_size(32).unwrap();
        assert_eq!(same.fingerprint(), recipe.fingerprint());
    }

    #[test]
    fn a_size_that_changes_by_epoch_or_is_not_fixed_is_refused() {
        let changing = Recipe::preset("efficienttrain").unwrap().with_size(112);
        assert!(
            changing
                .unwrap_err()
                .to_string()
                .contains("from epoch to epoch")
        );
        let open = Recipe::new().op(Resize::new(64));
        assert!(
            open.with_size(32)
                .unwrap_err()
                .to_string()
                .contains("no fixed size")
        );
    }

    #[test]
    fn evaluation_resizes_only_if_training_does() {
        let photos = Recipe::preset("timm-a1").unwrap().eval().unwrap();
        assert_eq!(op_names(&photos), ["resize", "center_crop"]);
        assert!(photos.to_toml().contains("filter = \"bicubic\""));
        assert!(photos.mix().is_none() && photos.target().smoothing() == 0.0);
        let small = Recipe::new()
            .op(RandomCrop::new(32).with_padding(4))
            .eval()
            .unwrap();
        assert_eq!(op_names(&small), ["center_crop"]);
        let growing = Recipe::preset("efficienttrain").unwrap().eval().unwrap();
        assert_eq!(growing.views()[0].size(None).unwrap(), Size::square(224));
    }

    #[test]
    fn every_preset_with_a_fixed_size_has_an_evaluation() {
        for (name, _) in Recipe::presets() {
            let recipe = Recipe::preset(name).unwrap();
            let eval = recipe
                .eval()
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            eval.check()
                .unwrap_or_else(|(_, error)| panic!("{name}: {error}"));
            assert_eq!(eval.views().len(), 1, "{name}");
        }
    }
}
