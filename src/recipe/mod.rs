//! [`Recipe`], which describes a whole run as one value: samples, views, ops, mixing, targets and
//! output.
//!
//! A recipe is written in TOML or built by method calls. Both end in the same value with the same
//! checks, and [`Recipe::to_toml`] writes it back in a canonical form. The fingerprint of a recipe
//! is a hash of that form, so it does not depend on how the recipe was written.
//!
//! docs/RECIPES.md describes the TOML form key by key.

mod adapt;
mod folds;
mod lines;
mod mix;
mod output;
mod parse;
mod presets;
mod registry;
mod schedule;
mod source;
mod view;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use crate::augment::{Joint, Op};
use crate::decode::{IndexPolicy, Limits, ScalePolicy};
use crate::error::{Error, Result};
use crate::mix::{Masks, Mix};
use crate::plan::{ByClass, Dirichlet, Last, Order, Sampler, Select};
use crate::sample::Fingerprint;
pub use folds::{OpFolds, Side};
#[cfg(test)]
pub(crate) use mix::read_mix;
pub use output::{Dtype, Layout, Output};
pub use registry::Registry;
use schedule::Schedule;
pub use source::SourceConfig;
pub use view::{ScheduledOp, View};

/// What a fingerprint includes beside the recipe, because the same recipe may mean other pixels: the
/// versions of the decoders and the resampler, which a test compares with those in Cargo.lock, and
/// a number that grows when a default of an op or a mixer changes, which the canonical form leaves
/// out.
const VERSIONS: &str = "jpeg: feedmill-jpeg 0.1, zune-jpeg 0.5; png: png 0.18; \
                        webp: image-webp 0.2; resize: feedmill 1; defaults: 1";

/// The description of a run: which samples come in which order, what is done to them, and what
/// batches look like.
///
/// # Example: a recipe in Rust and in TOML
///
/// ```
/// use feedmill::augment::ops::{HorizontalFlip, RandomResizedCrop};
/// use feedmill::Recipe;
///
/// let built = Recipe::new()
///     .with_seed(7)
///     .with_batch(256)
///     .op(RandomResizedCrop::new(224))
///     .op(HorizontalFlip::new().with_p(0.5));
/// let read = Recipe::from_toml(
///     r#"
///     seed = 7
///     batch = 256
///     [[view]]
///     ops = [ { op = "random_resized_crop", size = 224 }, { op = "horizontal_flip" } ]
///     "#,
/// )?;
/// assert_eq!(built.fingerprint(), read.fingerprint());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Default, Accessors)]
pub struct Recipe {
    /// The seed of all random numbers; 0 by default.
    pub(crate) seed: u64,
    /// The number of slots of the global batch; 32 by default.
    #[doc(alias = "batch_size")]
    pub(crate) batch: usize,
    /// The order of samples; shuffled by default.
    #[doc(alias = "shuffle")]
    #[accessor(copy)]
    pub(crate) order: Order,
    /// What happens to a last batch that is not full.
    #[doc(alias = "drop_last")]
    #[accessor(copy)]
    pub(crate) last: Last,
    /// How batches are composed.
    #[accessor(into)]
    pub(crate) sampler: Sampler,
    #[accessor(skip)]
    pub(crate) select: Vec<Select>,
    /// One entry for each source; empty if the recipe does not configure its sources.
    #[accessor(skip)]
    pub(crate) sources: Vec<SourceConfig>,
    /// A file with columns for samplers and selections; none by default.
    ///
    /// It is comma- or tab-separated, with a header and one row for each sample. Rows are in the
    /// order of the samples, or in any order if a column `sample` holds the numbers or a column
    /// `name` the names of the samples.
    #[accessor(into)]
    pub(crate) table: Option<PathBuf>,
    /// Empty until an op or a view is added. [`Recipe::views`] never is: read that instead.
    #[accessor(skip)]
    views: Vec<View>,
    /// Which families of ops are held out of training, for validation; `None`, the default, allows
    /// all ops.
    op_folds: Option<OpFolds>,
    /// How boxes, keypoints and planes move with the image; with `None`, the default, annotations
    /// are not read.
    pub(crate) joint: Option<Joint>,
    /// The mixing of epoch 0. Use [`Recipe::mix_at`] for other epochs.
    #[accessor(skip)]
    pub(crate) mix: Option<Mix>,
    #[accessor(skip)]
    mix_schedule: Option<Arc<Schedule<Mix>>>,
    /// How classes become targets.
    pub(crate) target: TargetOptions,
    /// The element type, layout and normalization of pixels.
    pub(crate) output: Output,
    /// What happens to bad samples; by default they are replaced, up to a share of 1 %.
    #[accessor(copy)]
    pub(crate) on_bad: OnBad,
    #[accessor(skip)]
    pub(crate) decode: Decode,
    /// What it was read from, for the lines of errors that come later.
    #[accessor(skip)]
    text: Option<Arc<str>>,
}

/// How images are decoded: the `[decode]` table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Decode {
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) scale: ScalePolicy,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) index: IndexPolicy,
    /// The memory that all learned indexes may take together, in bytes; 1 GiB by default.
    #[serde(skip_serializing_if = "is_gib")]
    pub(crate) index_bytes: u64,
    pub(crate) limits: Limits,
}

const GIB: u64 = 1 << 30;

fn is_gib(bytes: &u64) -> bool {
    *bytes == GIB
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Decode {
    fn default() -> Decode {
        Decode {
            scale: ScalePolicy::default(),
            index: IndexPolicy::default(),
            index_bytes: GIB,
            limits: Limits::default(),
        }
    }
}

/// How the classes of samples become the targets of a batch.
///
/// # Example: smoothed labels of ten classes
///
/// ```
/// use feedmill::Recipe;
/// use feedmill::recipe::TargetOptions;
///
/// let target = TargetOptions::new().with_classes(10).with_smoothing(0.1);
/// let recipe = Recipe::preset("imagenet-eval")?.with_target(target);
/// assert_eq!(recipe.target().smoothing(), 0.1);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TargetOptions {
    /// The number of classes K, against which every label is checked; by default, a loader takes it
    /// from the data if that knows. Dense targets need it.
    pub(crate) classes: Option<u32>,
    /// The label smoothing s of dense targets, 0 to 1; 0 by default.
    ///
    /// The class gets `1 - s + s / K` and the others `s / K`; multi-label targets get
    /// `y (1 - s) + s / 2`, as in timm. Pairs and sparse targets are not smoothed: the batch
    /// carries the number ([`crate::Batch::smoothing`]), so that the training loop can smooth
    /// them.
    pub(crate) smoothing: f64,
    /// Whether the weights of classes are independent labels, which need not sum to 1.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) multi_label: bool,
    /// The form of the targets; by default `dense` with mixing and `index` without.
    #[accessor(copy)]
    pub(crate) form: Option<TargetForm>,
}

impl TargetOptions {
    /// The defaults of all values.
    pub fn new() -> TargetOptions {
        TargetOptions::default()
    }
}

/// The form of a batch's targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TargetForm {
    /// One class index for each slot; not possible with mixing.
    Index,
    /// Two class indices and the weight of the first.
    Pair,
    /// A list of classes with their weights.
    Sparse,
    /// A weight for each class.
    Dense,
}

/// What happens to a sample that cannot be read, decoded or labeled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum OnBad {
    /// The batch is an error that names the sample, and the run ends.
    Fail,
    /// Its slot is blank: zero pixels, no target, not valid, not mixed.
    Skip {
        /// The run ends once more than 8 samples, and more than this share of all samples so far,
        /// were bad.
        at_most: f64,
    },
    /// Another sample of the same source takes its place, drawn by the plan.
    Replace {
        /// The run ends once more than 8 samples, and more than this share of all samples so far,
        /// were bad.
        at_most: f64,
    },
}

impl Default for OnBad {
    fn default() -> OnBad {
        OnBad::Replace { at_most: 0.01 }
    }
}

/// The canonical form of a recipe. The fingerprint hashes it, and it reads back as the same recipe.
/// Most keys are left out if they have their defaults, so that a new key does not change the
/// fingerprints of recipes without it.
#[derive(Serialize)]
struct CanonicalRecipe<'a> {
    seed: u64,
    batch: usize,
    last: Last,
    order: Order,
    on_bad: OnBad,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'a PathBuf>,
    decode: Decode,
    output: &'a Output,
    target: &'a TargetOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampler: Option<&'a Sampler>,
    #[serde(skip_serializing_if = "<[Select]>::is_empty")]
    select: &'a [Select],
    #[serde(skip_serializing_if = "<[SourceConfig]>::is_empty")]
    source: &'a [SourceConfig],
    #[serde(skip_serializing_if = "Option::is_none")]
    op_folds: Option<&'a OpFolds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joint: Option<&'a Joint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mix: Option<toml::Table>,
    view: Vec<view::CanonicalView<'a>>,
}

impl Recipe {
    /// A recipe without ops: batches of 32 f32 NCHW images, shuffled.
    pub fn new() -> Recipe {
        Recipe {
            batch: 32,
            ..Recipe::default()
        }
    }

    /// Reads a recipe from TOML, with the built-in ops and mixers.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the line: invalid TOML, an unknown key, op or mixer (the
    /// nearest name is suggested), or a value out of range.
    pub fn from_toml(text: &str) -> Result<Recipe> {
        Recipe::from_toml_with(&Registry::default(), text)
    }

    /// Reads a recipe from TOML, with the ops and mixers of a registry.
    ///
    /// # Errors
    ///
    /// As [`Recipe::from_toml`].
    pub fn from_toml_with(registry: &Registry, text: &str) -> Result<Recipe> {
        parse::recipe(registry, text)
    }

    /// Returns a published recipe by its name, which is one of [`Recipe::presets`].
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if no preset has this name.
    pub fn preset(name: &str) -> Result<Recipe> {
        let recipe = Recipe::from_toml(presets::text(name)?)?;
        // Nobody sees the lines of a preset.
        Ok(Recipe {
            text: None,
            ..recipe
        })
    }

    /// The names of all presets, each with its TOML text.
    pub fn presets() -> impl Iterator<Item = (&'static str, &'static str)> {
        presets::ALL.iter().copied()
    }

    /// Writes the recipe as canonical TOML, which reads back as the same recipe.
    #[expect(clippy::missing_panics_doc, reason = "a recipe is always TOML")]
    pub fn to_toml(&self) -> String {
        let canonical = CanonicalRecipe {
            seed: self.seed,
            batch: self.batch,
            last: self.last,
            order: self.order,
            on_bad: self.on_bad,
            table: self.table.as_ref(),
            sampler: Some(&self.sampler).filter(|sampler| **sampler != Sampler::default()),
            select: &self.select,
            source: &self.sources,
            decode: self.decode,
            output: &self.output,
            target: &self.target,
            op_folds: self.op_folds.as_ref(),
            joint: self.joint.as_ref(),
            mix: self.mix.as_ref().map(|mix| {
                let mut table = mix::to_table(mix);
                self.mix_schedule
                    .iter()
                    .for_each(|schedule| schedule.restore(&mut table));
                table
            }),
            view: self.views().iter().map(View::to_table).collect(),
        };
        toml::to_string(&canonical).expect("a recipe is numbers, strings, lists and tables")
    }

    /// A hash of everything that decides what batches contain, versions of codecs included. Entropy
    /// indexes do not change any pixel, so their settings are not part of it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of([self.relevant().to_toml().as_bytes(), VERSIONS.as_bytes()])
    }

    /// The top-level keys and tables of the canonical form of what the fingerprint covers, each
    /// with its value.
    pub(crate) fn relevant_keys(&self) -> toml::Table {
        let table = toml::from_str(&self.relevant().to_toml());
        let mut table: toml::Table = table.expect("a canonical recipe is TOML");
        table.insert("versions".into(), VERSIONS.into());
        table
    }

    /// The recipe without what no pixel depends on.
    fn relevant(&self) -> Recipe {
        let Decode {
            index, index_bytes, ..
        } = Decode::default();
        Recipe {
            decode: Decode {
                index,
                index_bytes,
                ..self.decode
            },
            ..self.clone()
        }
    }

    /// Adds a selection of samples, which applies to what the earlier selections leave.
    #[must_use]
    pub fn select(mut self, select: impl Into<Select>) -> Recipe {
        self.select.push(select.into());
        self
    }

    /// Sets the agent of every selection that splits the samples among agents.
    #[must_use]
    pub fn with_agent(mut self, number: u32) -> Recipe {
        for select in &mut self.select {
            if let Select::Dirichlet(Dirichlet { agent, .. })
            | Select::ByClass(ByClass { agent, .. }) = select
            {
                *agent = number;
            }
        }
        self
    }

    /// Adds the configuration of the next source, for loaders with several sources
    /// ([`crate::Loader::builder`]).
    #[must_use]
    pub fn source(mut self, source: SourceConfig) -> Recipe {
        self.sources.push(source);
        self
    }

    /// Adds an op to the last group of views, which is the only one unless [`Recipe::view`] added
    /// others.
    ///
    /// # Panics
    ///
    /// As [`View::op`].
    #[must_use]
    pub fn op(mut self, op: impl Op + 'static) -> Recipe {
        let last = self.views.pop().unwrap_or_default();
        self.view(last.op(op))
    }

    /// Adds a group of views.
    #[must_use]
    pub fn view(mut self, view: View) -> Recipe {
        self.views.push(view);
        self
    }

    /// Sets how samples of a batch are mixed; `None`, the default, does not mix.
    #[must_use]
    pub fn with_mix(self, mix: impl Into<Option<Mix>>) -> Recipe {
        Recipe {
            mix: mix.into(),
            mix_schedule: None,
            ..self
        }
    }

    /// Sets the masks that mixed batches carry, in place of those of the table `[mix]`. It has no
    /// effect on a recipe without mixing.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "masks are always TOML")]
    pub fn with_mix_masks(mut self, masks: Masks) -> Recipe {
        self.mix = self.mix.map(|mix| mix.with_masks(masks));
        self.mix_schedule = self.mix_schedule.map(|schedule| {
            let table = toml::Value::try_from(masks).expect("masks are a flag and a number");
            Arc::new(Arc::unwrap_or_clone(schedule).with("masks", table))
        });
        self
    }

    /// Sets the limits on bytes, pixels and scans of an image.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Recipe {
        Recipe {
            decode: Decode {
                limits,
                ..self.decode
            },
            ..self
        }
    }

    /// Sets whether JPEGs may be decoded at a smaller scale than they are stored at; never by
    /// default.
    #[must_use]
    pub fn with_scale(self, scale: ScalePolicy) -> Recipe {
        Recipe {
            decode: Decode {
                scale,
                ..self.decode
            },
            ..self
        }
    }

    /// Sets which entropy indexes of JPEGs are used; by default those that are stored with the
    /// data.
    #[must_use]
    pub fn with_index(self, index: IndexPolicy) -> Recipe {
        Recipe {
            decode: Decode {
                index,
                ..self.decode
            },
            ..self
        }
    }

    /// Sets the memory that all indexes of [`IndexPolicy::Learn`] may take together, in bytes; 1
    /// GiB by default.
    #[must_use]
    pub fn with_index_bytes(self, index_bytes: u64) -> Recipe {
        Recipe {
            decode: Decode {
                index_bytes,
                ..self.decode
            },
            ..self
        }
    }

    /// The selections of samples, in the order in which they apply.
    pub fn selections(&self) -> &[Select] {
        &self.select
    }

    /// The configuration of each source; empty if the recipe does not configure its sources.
    pub fn sources(&self) -> &[SourceConfig] {
        &self.sources
    }

    /// The limits on bytes, pixels and scans of an image.
    pub fn limits(&self) -> &Limits {
        &self.decode.limits
    }

    /// Whether JPEGs may be decoded at a smaller scale than they are stored at.
    pub fn scale(&self) -> ScalePolicy {
        self.decode.scale
    }

    /// Which entropy indexes of JPEGs are used.
    pub fn index(&self) -> IndexPolicy {
        self.decode.index
    }

    /// The memory that all indexes of [`IndexPolicy::Learn`] may take together, in bytes.
    pub fn index_bytes(&self) -> u64 {
        self.decode.index_bytes
    }

    /// The groups of views in order. A recipe without any has one group of one view without ops.
    pub fn views(&self) -> &[View] {
        if self.views.is_empty() {
            &view::PLAIN
        } else {
            &self.views
        }
    }

    /// How batches of an epoch are mixed; `None` if they are not.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a value is out of range in this epoch.
    pub(crate) fn mix_at(&self, epoch: u32) -> Result<Option<Arc<Mix>>> {
        match &self.mix_schedule {
            Some(schedule) => {
                let mix = schedule
                    .at(epoch)
                    .map_err(|error| error.at(format_args!("in epoch {epoch}")))?;
                mix.check(self.batch)
                    .map_err(|(_, error)| error.at(format_args!("in epoch {epoch}")))?;
                Ok(Some(mix))
            }
            None => Ok(self.mix.clone().map(Arc::new)),
        }
    }

    /// A few epochs that stand for all others, if mixing changes from epoch to epoch; empty
    /// otherwise.
    pub(crate) fn mix_landmarks(&self) -> BTreeSet<u32> {
        self.mix_schedule
            .iter()
            .flat_map(|schedule| schedule.landmarks())
            .collect()
    }

    /// The values in an epoch of the parameters of `[mix]` that change from epoch to epoch, as
    /// text.
    pub(crate) fn mix_values(&self, epoch: u32) -> impl Iterator<Item = String> {
        self.mix_schedule
            .iter()
            .flat_map(move |schedule| schedule.values(epoch))
    }

    /// How batches of epoch 0 are mixed; `None` if they are not.
    pub fn mix(&self) -> Option<&Mix> {
        self.mix.as_ref()
    }

    /// The form of the targets, with the default filled in.
    pub(crate) fn target_form(&self) -> TargetForm {
        self.target.form.unwrap_or(if self.mix.is_some() {
            TargetForm::Dense
        } else {
            TargetForm::Index
        })
    }

    /// Checks the mixing, and that it fits the views, annotations and targets.
    fn check_mix(&self) -> std::result::Result<(), (&'static str, Error)> {
        let Some(mix) = &self.mix else { return Ok(()) };
        let at = |key, text: String| Err((key, Error::config(text)));
        if self.mix_schedule.is_none() {
            mix.check(self.batch)?;
        }
        for epoch in self.mix_landmarks() {
            self.mix_at(epoch).map_err(|error| ("mix", error))?;
        }
        for (mixer, _) in mix.mixers() {
            let name = mixer.name();
            if self.joint.is_none()
                && let Some(plane) = mixer.planes().first()
            {
                let text = format!(
                    "mix \"{name}\" reads the plane \"{plane}\": \
                     add a [joint] table, which moves planes with images"
                );
                return at("mix.choose", text);
            }
            if mixer.one_view() && self.views().iter().map(View::count).sum::<usize>() > 1 {
                return at(
                    "mix.choose",
                    format!("mix \"{name}\" mixes the images of one view, and there are several"),
                );
            }
            if mixer.many_labels() && self.target_form() == TargetForm::Pair {
                let text = format!(
                    "mix \"{name}\" blends more than two labels: \
                     use target.form = \"sparse\" or \"dense\""
                );
                return at("target.form", text);
            }
        }
        Ok(())
    }

    /// Checks every value. An error comes with the dotted key that it is about.
    pub(crate) fn check(&self) -> std::result::Result<(), (&'static str, Error)> {
        let at = |key, text: String| Err((key, Error::config(text)));
        if self.batch == 0 || self.batch > 1 << 20 {
            return at(
                "batch",
                format!("batch = {}: expected 1 to 1048576 samples", self.batch),
            );
        }
        self.sampler.check(self.batch)?;
        self.select
            .iter()
            .try_for_each(|select| select.check().map_err(|error| ("select", error)))?;
        view::check(&self.views).map_err(|(_, _, error)| ("view", error))?;
        if let Some(folds) = &self.op_folds {
            folds.check().map_err(|error| ("op_folds", error))?;
            let checked = self
                .views
                .iter()
                .try_for_each(|view| folds.check_view(view));
            checked.map_err(|error| ("view", error))?;
        }
        self.check_mix()?;
        if let Some(joint) = &self.joint {
            joint.check()?;
        }
        let target = &self.target;
        if !(0.0..=1.0).contains(&target.smoothing) {
            return at(
                "target.smoothing",
                format!("target.smoothing = {}: expected 0 to 1", target.smoothing),
            );
        }
        match self.target_form() {
            TargetForm::Index if self.mix.is_some() => {
                let text = "target.form = \"index\" cannot say how two samples were mixed: \
                            use \"pair\", \"sparse\" or \"dense\"";
                return at("target.form", text.into());
            }
            TargetForm::Index if target.smoothing > 0.0 => {
                let text = "target.smoothing needs target.form = \"dense\", or \"pair\" or \
                            \"sparse\" for a trainer that smooths: an index cannot be smoothed";
                return at("target.smoothing", text.into());
            }
            _ => {}
        }
        if target.classes == Some(0) {
            return at(
                "target.classes",
                "target.classes = 0: expected at least one class".into(),
            );
        }
        self.output.check()?;
        if let OnBad::Skip { at_most } | OnBad::Replace { at_most } = self.on_bad
            && !(0.0..=1.0).contains(&at_most)
        {
            return at(
                "on_bad",
                format!("on_bad at_most = {at_most}: a share is between 0 and 1"),
            );
        }
        Ok(())
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}

#[cfg(test)]
mod tests;
