//! What a run does, as one value: the TOML form and the builder form are the same types.
//!
//! docs/RECIPES.md describes the TOML form key by key.

mod folds;
mod mix;
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
pub use registry::Registry;
use schedule::Schedule;
pub use source::SourceConfig;
pub use view::{ScheduledOp, View};

/// The decoders and the resampler whose pixels a fingerprint stands for: another version may make
/// other pixels. A test holds the versions of dependencies to those in Cargo.lock.
const CODECS: &str = "jpeg: feedmill-jpeg 0.1, zune-jpeg 0.5; png: png 0.18; webp: image-webp 0.2; resize: feedmill 1";

/// What is done to samples and batches, and in which order they come.
///
/// # Example
///
/// ```
/// use feedmill::augment::{HorizontalFlip, RandomResizedCrop};
/// use feedmill::Recipe;
///
/// let built = Recipe::new().seed(7).batch(256).op(RandomResizedCrop::new(224)).op(HorizontalFlip::new(0.5));
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
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    pub(crate) seed: u64,
    pub(crate) batch: usize,
    pub(crate) order: Order,
    pub(crate) last: Last,
    pub(crate) sampler: Sampler,
    pub(crate) select: Vec<Select>,
    /// Empty unless the recipe says something of its sources.
    pub(crate) sources: Vec<SourceConfig>,
    pub(crate) table: Option<PathBuf>,
    /// Empty until an op or a view is added; [`Recipe::views`] is what counts.
    views: Vec<View>,
    op_folds: Option<OpFolds>,
    /// `None` leaves annotations unread.
    pub(crate) joint: Option<Joint>,
    /// That of epoch 0; [`Recipe::mix_at`] is what counts.
    pub(crate) mix: Option<Mix>,
    mix_schedule: Option<Arc<Schedule<Mix>>>,
    pub(crate) target: TargetOptions,
    pub(crate) output: Output,
    pub(crate) on_bad: OnBad,
    pub(crate) decode: Decode,
}

/// How images are decoded: the `[decode]` table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Decode {
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) scale: ScalePolicy,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) index: IndexPolicy,
    /// What indexes that are learnt may take together.
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

/// How classes become targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetOptions {
    /// The number of classes. Needed for dense targets; every label is checked against it.
    pub classes: Option<u32>,
    /// Label smoothing of dense targets, 0 to 1: `1 - s + s / K` for the class, `s / K` for the
    /// others; for multi-label targets `y (1 - s) + s / 2`, as timm does. Pairs and sparse
    /// targets stay as they are, and the batch says the number ([`crate::Batch::smoothing`]),
    /// for the trainer to do the same.
    pub smoothing: f64,
    /// True if weights of classes are a label each, which need not sum to 1.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub multi_label: bool,
    /// The form; by default `dense` if there is mixing, else `index`.
    pub form: Option<TargetForm>,
}

/// The form of a batch's targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetForm {
    /// One class index a slot; not with mixing.
    Index,
    /// Two class indices and the first one's weight.
    Pair,
    /// A list of classes with their weights.
    Sparse,
    /// A weight for each class.
    Dense,
}

/// What a batch's pixels look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Output {
    /// The element type.
    pub dtype: Dtype,
    /// The order of dimensions.
    pub layout: Layout,
    /// The mean of each channel on a scale of 0 to 1, subtracted from float pixels; u8 pixels are
    /// left alone.
    pub mean: [f64; 3],
    /// The standard deviation of each channel on a scale of 0 to 1, which divides float pixels.
    pub std: [f64; 3],
}

impl Default for Output {
    fn default() -> Output {
        Output {
            dtype: Dtype::F32,
            layout: Layout::Nchw,
            mean: [0.0; 3],
            std: [1.0; 3],
        }
    }
}

/// The type of one value of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 0 to 255, not normalized.
    U8,
    /// IEEE half precision.
    F16,
    /// bfloat16.
    Bf16,
    /// IEEE single precision.
    F32,
}

impl Dtype {
    /// Bytes of one value.
    pub fn size(self) -> usize {
        match self {
            Dtype::U8 => 1,
            Dtype::F16 | Dtype::Bf16 => 2,
            Dtype::F32 => 4,
        }
    }
}

/// The order of a batch's dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Slot, channel, row, column.
    Nchw,
    /// Slot, row, column, channel.
    Nhwc,
}

/// What to do about a sample that cannot be read, decoded or labeled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum OnBad {
    /// The batch is an error that names it, and the run ends.
    Fail,
    /// Its slot is blank: zero pixels, no target, not valid, not mixed.
    Skip {
        /// The run ends when more than this share of the samples seen, and more than 8, were bad.
        at_most: f64,
    },
    /// Another sample of the same source takes its place, drawn by the plan.
    Replace {
        /// The run ends when more than this share of the samples seen, and more than 8, were bad.
        at_most: f64,
    },
}

impl Default for OnBad {
    fn default() -> OnBad {
        OnBad::Replace { at_most: 0.01 }
    }
}

/// The canonical form, which a fingerprint is taken of and which reads back as the same recipe.
#[derive(Serialize)]
struct Canonical<'a> {
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
    view: Vec<view::Canonical<'a>>,
}

impl Recipe {
    /// A recipe without ops: batches of 32 f32 NCHW images, shuffled.
    pub fn new() -> Recipe {
        Recipe {
            batch: 32,
            ..Recipe::default()
        }
    }

    /// A recipe from TOML with the built-in ops.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] with the line: bad TOML, an unknown key or op (the nearest name is
    /// suggested), a value out of range.
    pub fn from_toml(text: &str) -> Result<Recipe> {
        Recipe::from_toml_with(&Registry::default(), text)
    }

    /// A recipe from TOML with the ops of a registry.
    ///
    /// # Errors
    ///
    /// As [`Recipe::from_toml`].
    pub fn from_toml_with(registry: &Registry, text: &str) -> Result<Recipe> {
        parse::recipe(registry, text)
    }

    /// A published recipe by name: one of [`Recipe::presets`].
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if there is none of that name.
    pub fn preset(name: &str) -> Result<Recipe> {
        Recipe::from_toml(presets::text(name)?)
    }

    /// The names of the presets, each with its TOML text.
    pub fn presets() -> impl Iterator<Item = (&'static str, &'static str)> {
        presets::ALL.iter().copied()
    }

    /// The recipe as canonical TOML, which reads back as the same recipe.
    pub fn to_toml(&self) -> String {
        let canonical = Canonical {
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

    /// A hash of everything that decides what batches hold, codecs included. Which entropy indexes
    /// are used decides nothing.
    pub fn fingerprint(&self) -> Fingerprint {
        let Decode {
            index, index_bytes, ..
        } = Decode::default();
        let decides = Recipe {
            decode: Decode {
                index,
                index_bytes,
                ..self.decode
            },
            ..self.clone()
        };
        Fingerprint::of([decides.to_toml().as_bytes(), CODECS.as_bytes()])
    }

    /// The seed of all randomness.
    #[must_use]
    pub fn seed(self, seed: u64) -> Recipe {
        Recipe { seed, ..self }
    }

    /// The size of the global batch.
    #[must_use]
    pub fn batch(self, batch: usize) -> Recipe {
        Recipe { batch, ..self }
    }

    /// The order of samples.
    #[must_use]
    pub fn order(self, order: Order) -> Recipe {
        Recipe { order, ..self }
    }

    /// What happens to a last, unfilled batch.
    #[must_use]
    pub fn last(self, last: Last) -> Recipe {
        Recipe { last, ..self }
    }

    /// How batches are composed.
    #[must_use]
    pub fn sampler(self, sampler: impl Into<Sampler>) -> Recipe {
        Recipe {
            sampler: sampler.into(),
            ..self
        }
    }

    /// Adds a choice of samples to those before.
    #[must_use]
    pub fn select(mut self, select: impl Into<Select>) -> Recipe {
        self.select.push(select.into());
        self
    }

    /// Makes the selections by agent those of one agent.
    #[must_use]
    pub fn agent(mut self, number: u32) -> Recipe {
        for select in &mut self.select {
            if let Select::Dirichlet(Dirichlet { agent, .. })
            | Select::ByClass(ByClass { agent, .. }) = select
            {
                *agent = number;
            }
        }
        self
    }

    /// Adds what is to be known of the next source of a blend ([`crate::Loader::sources`]).
    #[must_use]
    pub fn source(mut self, source: SourceConfig) -> Recipe {
        self.sources.push(source);
        self
    }

    /// A file with columns for samplers and selections: comma- or tab-separated, a header, then a
    /// row for each sample in their order, or in any order with a column `sample` of numbers or
    /// `name` of names.
    #[must_use]
    pub fn table(self, path: impl Into<PathBuf>) -> Recipe {
        Recipe {
            table: Some(path.into()),
            ..self
        }
    }

    /// Adds an op to the last view, which is the only one unless [`Recipe::view`] added others.
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

    /// Holds kinds of ops out for validation; `None` allows all.
    #[must_use]
    pub fn op_folds(self, folds: impl Into<Option<OpFolds>>) -> Recipe {
        Recipe {
            op_folds: folds.into(),
            ..self
        }
    }

    /// Moves boxes, keypoints and planes with the image; `None` leaves annotations unread.
    #[must_use]
    pub fn joint(self, joint: impl Into<Option<Joint>>) -> Recipe {
        Recipe {
            joint: joint.into(),
            ..self
        }
    }

    /// Mixes samples of a batch; `None` switches mixing off.
    #[must_use]
    pub fn mix(self, mix: impl Into<Option<Mix>>) -> Recipe {
        Recipe {
            mix: mix.into(),
            mix_schedule: None,
            ..self
        }
    }

    /// Masks that mixed batches carry, whatever the recipe says; nothing without mixing.
    #[must_use]
    pub fn mix_masks(mut self, masks: Masks) -> Recipe {
        self.mix = self.mix.map(|mix| mix.masks(masks));
        self.mix_schedule = self.mix_schedule.map(|schedule| {
            let table = toml::Value::try_from(masks).expect("masks are a flag and a number");
            Arc::new(Arc::unwrap_or_clone(schedule).with("masks", table))
        });
        self
    }

    /// How classes become targets.
    #[must_use]
    pub fn target(self, target: TargetOptions) -> Recipe {
        Recipe { target, ..self }
    }

    /// What pixels look like.
    #[must_use]
    pub fn output(self, output: Output) -> Recipe {
        Recipe { output, ..self }
    }

    /// What to do about bad samples.
    #[must_use]
    pub fn on_bad(self, on_bad: OnBad) -> Recipe {
        Recipe { on_bad, ..self }
    }

    /// What an image may cost at most.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Recipe {
        Recipe {
            decode: Decode {
                limits,
                ..self.decode
            },
            ..self
        }
    }

    /// Whether JPEGs may be decoded smaller than they are stored; never by default.
    #[must_use]
    pub fn scale(self, scale: ScalePolicy) -> Recipe {
        Recipe {
            decode: Decode {
                scale,
                ..self.decode
            },
            ..self
        }
    }

    /// Which entropy indexes of JPEGs are used; those stored with the data by default.
    #[must_use]
    pub fn index(self, index: IndexPolicy) -> Recipe {
        Recipe {
            decode: Decode {
                index,
                ..self.decode
            },
            ..self
        }
    }

    /// What indexes that [`IndexPolicy::Learn`] makes may take together, in bytes; 1 GiB by
    /// default.
    #[must_use]
    pub fn index_bytes(self, index_bytes: u64) -> Recipe {
        Recipe {
            decode: Decode {
                index_bytes,
                ..self.decode
            },
            ..self
        }
    }

    /// The groups of views in order; a recipe that names none has one without ops.
    pub fn views(&self) -> &[View] {
        if self.views.is_empty() {
            &view::PLAIN
        } else {
            &self.views
        }
    }

    /// What pixels look like.
    pub fn output_options(&self) -> &Output {
        &self.output
    }

    /// How batches of an epoch are mixed.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a mixer refuses its values of this epoch.
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

    /// Epochs that stand for all others where mixing changes from epoch to epoch; none if it does
    /// not.
    pub(crate) fn mix_landmarks(&self) -> BTreeSet<u32> {
        self.mix_schedule
            .iter()
            .flat_map(|schedule| schedule.landmarks())
            .collect()
    }

    /// The values of an epoch of those numbers of `[mix]` that change from epoch to epoch.
    pub(crate) fn mix_values(&self, epoch: u32) -> impl Iterator<Item = String> {
        self.mix_schedule
            .iter()
            .flat_map(move |schedule| schedule.values(epoch))
    }

    /// How batches of epoch 0 are mixed.
    pub fn mix_options(&self) -> Option<&Mix> {
        self.mix.as_ref()
    }

    /// The form of targets.
    pub(crate) fn target_form(&self) -> TargetForm {
        self.target.form.unwrap_or(if self.mix.is_some() {
            TargetForm::Dense
        } else {
            TargetForm::Index
        })
    }

    /// Checks how mixing fits everything else.
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
                    "mix \"{name}\" reads the plane \"{plane}\": add a [joint] table, which moves planes with images"
                );
                return at("mix.choose", text);
            }
            if mixer.one_view() && self.views().iter().map(View::get_count).sum::<usize>() > 1 {
                return at(
                    "mix.choose",
                    format!("mix \"{name}\" mixes the images of one view, and there are several"),
                );
            }
            if mixer.many_labels() && self.target_form() == TargetForm::Pair {
                let text = format!(
                    "mix \"{name}\" blends more than two labels: use target.form = \"sparse\" or \"dense\""
                );
                return at("target.form", text);
            }
        }
        Ok(())
    }

    /// Checks every value; the error comes with the key that it is about.
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
            TargetForm::Dense if target.classes.is_none() => {
                let why = if self.mix.is_some() {
                    "mixing makes soft labels"
                } else {
                    "target.form = \"dense\""
                };
                return at(
                    "target",
                    format!("target.classes is missing: {why}, whose length it is"),
                );
            }
            TargetForm::Index if self.mix.is_some() => {
                let text = "target.form = \"index\" cannot say how two samples were mixed: use \"pair\", \"sparse\" or \"dense\"";
                return at("target.form", text.into());
            }
            TargetForm::Index if target.smoothing > 0.0 => {
                let text = "target.smoothing needs target.form = \"dense\", or \"pair\" or \"sparse\" for a trainer that smooths: an index \
                     cannot be smoothed";
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
        let output = &self.output;
        if !output.mean.iter().all(|mean| mean.is_finite()) {
            return at(
                "output.mean",
                format!("output.mean = {:?}: expected finite numbers", output.mean),
            );
        }
        if !output.std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return at(
                "output.std",
                format!("output.std = {:?}: expected positive numbers", output.std),
            );
        }
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
