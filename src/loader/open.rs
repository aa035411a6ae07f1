//! Opening: data, a recipe and the use of the machine become a loader, or everything that is wrong
//! with them an error.
//!
//! An opened data set ([`Data`]) may have several loaders: the two of a split, the ranks of one
//! process, a second pass. They share the source, and the pool of threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checks;
use super::classes::ClassList;
use super::data::Data;
use super::{Loader, metadata};
use crate::batch::TargetMaker;
use crate::error::{Error, Result};
use crate::pipeline::index_cache::IndexCache;
use crate::pipeline::stats::Meter;
use crate::pipeline::verified_rows::VerifiedRowsTable;
use crate::pipeline::views::ViewSets;
use crate::pipeline::{RunContext, Tuning, WorkerPool};
use crate::plan::{Plan, Setup, Share, World};
use crate::recipe::Recipe;
use crate::sample::Fingerprint;
use crate::source::{self, IntoSource, Source};
use crate::state::{LoaderState, RecipeKeys};

impl Loader {
    /// A loader over stored data, with the defaults for everything else. The form of the data is
    /// detected ([`source::open`]). [`Loader::builder`] has all choices.
    ///
    /// # Errors
    ///
    /// The errors of [`source::open`] and of [`LoaderBuilder::build`].
    pub fn open(path: impl AsRef<Path>, recipe: Recipe) -> Result<Loader> {
        Loader::builder().path(path).recipe(recipe).build()
    }

    /// Starts the description of a loader: its data, its recipe, and how it uses the machine.
    ///
    /// # Example: a loader part by part
    ///
    /// ```
    /// use feedmill::{Loader, Recipe, World};
    ///
    /// let loader = Loader::builder()
    ///     .path("fixtures/photos")
    ///     .recipe(Recipe::preset("imagenet")?.with_batch(4))
    ///     .world(World::new(0, 2)?)
    ///     .workers(2)
    ///     .build()?;
    /// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 2);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn builder() -> LoaderBuilder {
        LoaderBuilder::default()
    }

    /// A training loader and a validation loader over one source, which is opened once.
    /// `share` of the samples are for validation, such as 0.2. No sample is in both.
    ///
    /// If every sample has one class, each class is divided by the share (a stratified split). The
    /// split is drawn from the seed of the training recipe and becomes the first `[[select]]` table
    /// of both recipes, so a state does not resume over another split. Selections of the recipes
    /// apply to their part.
    ///
    /// The two loaders share one set of threads and one budget ([`Tuning`]).
    ///
    /// # Errors
    ///
    /// The errors of [`LoaderBuilder::split`].
    ///
    /// # Example: training and validation
    ///
    /// ```
    /// use feedmill::{Loader, Recipe, source};
    ///
    /// let (train, validation) = Loader::split(
    ///     source::open("fixtures/photos")?,
    ///     0.2,
    ///     Recipe::preset("imagenet")?.with_batch(2),
    ///     Recipe::preset("imagenet-eval")?.with_batch(2),
    /// )?;
    /// assert_eq!(train.samples() + validation.samples(), train.total_samples());
    /// for epoch in train.epochs(0..2) {
    ///     for batch in epoch {
    ///         let _ = batch?; // train
    ///     }
    ///     // An evaluation is the same in every epoch.
    ///     for batch in validation.epoch(0)? {
    ///         let _ = batch?; // evaluate
    ///     }
    /// }
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn split(
        source: impl IntoSource,
        share: f64,
        training: Recipe,
        validation: Recipe,
    ) -> Result<(Loader, Loader)> {
        Loader::builder()
            .source(source)
            .recipe(training)
            .split(share, validation)
    }
}

/// The description of a loader, from [`Loader::builder`].
///
/// Give it data with [`path`](LoaderBuilder::path) or [`source`](LoaderBuilder::source) and a
/// recipe with [`recipe`](LoaderBuilder::recipe); everything else has a default. Several calls of
/// `path` and `source` join the data in their order.
#[derive(Default)]
#[must_use = "a builder does nothing until build()"]
pub struct LoaderBuilder {
    data: Vec<(Given, Option<f64>)>,
    recipe: Option<Recipe>,
    world: World,
    tuning: Tuning,
    state: Option<LoaderState>,
}

/// Data as it was given.
enum Given {
    Path(PathBuf),
    Opened(Arc<dyn Source>),
}

impl std::fmt::Debug for LoaderBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoaderBuilder")
            .field("sources", &self.data.len())
            .field("world", &self.world)
            .field("tuning", &self.tuning)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl LoaderBuilder {
    /// Adds stored data, the form of which is detected ([`source::open`]) when the loader is built.
    pub fn path(mut self, path: impl AsRef<Path>) -> LoaderBuilder {
        let path = path.as_ref().to_path_buf();
        self.data.push((Given::Path(path), None));
        self
    }

    /// Adds a source: one from [`source`](crate::source), a custom one, or an `Arc<dyn Source>`
    /// that other loaders have too, so that it is opened, listed and held once.
    pub fn source(mut self, source: impl IntoSource) -> LoaderBuilder {
        self.data.push((Given::Opened(source.into_source()), None));
        self
    }

    /// Adds a source with its weight among several sources ([`Plan::new`]): 3.0 and 1.0 mean that
    /// three quarters of the slots come from the first one. Without weights, here or in the recipe
    /// ([`Recipe::source`]), each source has as many slots as it has samples.
    pub fn weighted_source(mut self, source: impl IntoSource, weight: f64) -> LoaderBuilder {
        self.data
            .push((Given::Opened(source.into_source()), Some(weight)));
        self
    }

    /// Sets the recipe. There is no default.
    pub fn recipe(self, recipe: Recipe) -> LoaderBuilder {
        LoaderBuilder {
            recipe: Some(recipe),
            ..self
        }
    }

    /// Makes the loader one rank of several ([`Loader::with_world`]); by default, it is the only
    /// process.
    pub fn world(self, world: World) -> LoaderBuilder {
        LoaderBuilder { world, ..self }
    }

    /// Sets the number of worker threads, 1 to 65536, and 4 chunks that are read ahead for each of
    /// them; by default, there is one worker for each core. Call it after
    /// [`tuning`](LoaderBuilder::tuning), which sets it too.
    pub fn workers(mut self, workers: usize) -> LoaderBuilder {
        self.tuning.workers = workers;
        self.tuning.reads = workers.saturating_mul(4);
        self
    }

    /// Sets how the machine is used: threads, memory, queues. It changes no byte of any batch.
    pub fn tuning(self, tuning: Tuning) -> LoaderBuilder {
        LoaderBuilder { tuning, ..self }
    }

    /// Continues where a state says ([`Loader::resume`]). In a split, it is the state of the
    /// training loader.
    pub fn state(self, state: LoaderState) -> LoaderBuilder {
        LoaderBuilder {
            state: Some(state),
            ..self
        }
    }

    /// Opens the loader.
    ///
    /// # Errors
    ///
    /// * The errors of [`source::open`], for data that is given by its path.
    /// * [`Kind::Config`](crate::Kind::Config), with the key ([`Error::key`]) and what to do, if
    ///   the recipe cannot work with this data or the builder lacks something: no data or no
    ///   recipe; no samples, or too few for a single batch; a view without a fixed size; fewer
    ///   `target.classes` than the data has; a sequential order that would count samples twice; an
    ///   empty part of a split; ranks that cannot share a batch equally; weights that are negative,
    ///   not finite, all 0, or given for some sources only; a tuning value that is out of range.
    /// * [`Kind::Mismatch`](crate::Kind::Mismatch) for a state of another run.
    pub fn build(self) -> Result<Loader> {
        let (data, recipe, rest) = self.opened()?;
        let pool = Arc::new(WorkerPool::new(rest.tuning)?);
        let mut loader = Loader::over(&data, recipe, pool)?.in_world(rest.world)?;
        if let Some(state) = &rest.state {
            loader.resume(state)?;
        }
        Ok(loader)
    }

    /// Opens a training loader, with the recipe of the builder, and a validation loader over the
    /// same data ([`Loader::split`]). `share` of the samples are for validation.
    ///
    /// # Errors
    ///
    /// The errors of [`LoaderBuilder::build`], for either loader, and
    /// [`Kind::Config`](crate::Kind::Config) if `share` is not between 0 and 1 or so small or large
    /// that a part is empty, and if a class has no sample for training.
    pub fn split(self, share: f64, validation: Recipe) -> Result<(Loader, Loader)> {
        let (data, training, rest) = self.opened()?;
        let [training, validation] = super::split::recipes(&data, share, training, validation)?;
        let pool = Arc::new(WorkerPool::new(rest.tuning)?);
        let within =
            |part: &'static str| move |error: Error| error.at(format_args!("the {part} part"));
        let mut train = Loader::over(&data, training, Arc::clone(&pool))
            .and_then(|loader| loader.in_world(rest.world))
            .map_err(within("training"))?;
        let validation = Loader::over(&data, validation, pool)
            .and_then(|loader| loader.in_world(rest.world))
            .map_err(within("validation"))?;
        if let Some(state) = &rest.state {
            train.resume(state)?;
        }
        Ok((train, validation))
    }

    /// The opened data, the recipe, and the rest.
    fn opened(mut self) -> Result<(Data, Recipe, LoaderBuilder)> {
        let recipe = self.recipe.take().ok_or_else(|| {
            Error::config("a loader without a recipe: call recipe(..) before build()")
        })?;
        let given = std::mem::take(&mut self.data);
        let weights: Vec<Option<f64>> = given.iter().map(|(_, weight)| *weight).collect();
        let open = |(given, _): (Given, Option<f64>)| match given {
            Given::Path(path) => source::open(path).map(IntoSource::into_source),
            Given::Opened(source) => Ok(source),
        };
        let sources = given.into_iter().map(open).collect::<Result<Vec<_>>>()?;
        Ok((Data::new(sources, weights)?, recipe, self))
    }
}

/// The samples of a loader: shares of sources, and whether the order of samples follows them.
pub(super) struct Samples {
    pub(super) shares: Vec<Share>,
    pub(super) blended: bool,
    pub(super) fingerprint: Fingerprint,
}

impl Loader {
    /// A loader of opened data, as the only process.
    fn over(data: &Data, recipe: Recipe, pool: Arc<WorkerPool>) -> Result<Loader> {
        let given = recipe.clone();
        let located = |error| given.locate(error);
        let shares = data.shares(&recipe).map_err(located)?;
        let samples = Samples {
            fingerprint: data.fingerprint(&shares),
            shares,
            blended: true,
        };
        let parts = (&data.source, &data.classes);
        Loader::assemble(parts, samples, recipe, pool).map_err(located)
    }

    /// Puts a loader together, as the only process.
    pub(super) fn assemble(
        (source, classes): (&Arc<dyn Source>, &Arc<ClassList>),
        samples: Samples,
        recipe: Recipe,
        pool: Arc<WorkerPool>,
    ) -> Result<Loader> {
        recipe.check().map_err(|(_, error)| error.at("recipe"))?;
        // A state belongs to the recipe as it was given: the data says the rest every time.
        let recipe_hash = recipe.fingerprint();
        let keys = RecipeKeys::new(&recipe.relevant_keys());
        let known = recipe.clone();
        let recipe = checks::with_classes(recipe, &**source)?;
        let views = ViewSets::new(&recipe, source.uniform_size())?;
        let group = recipe
            .mix
            .as_ref()
            .map_or(1, |mix| mix.group_size(recipe.batch));
        let mut setup = Setup {
            seed: recipe.seed,
            sources: samples.shares,
            blended: samples.blended,
            select: recipe.select.clone(),
            sampler: recipe.sampler.clone(),
            order: recipe.order,
            batch: recipe.batch,
            last: recipe.last,
            world: World::SINGLE,
            group,
        };
        let (metadata, extra) = metadata::gather(&mut setup, &known, (&**source, classes))?;
        // The plan knows samples by number; people know them by name.
        let plan = Plan::new(setup, metadata).map_err(|error| match error.sample() {
            Some(sample) => error.at(source.name(sample)),
            None => error,
        })?;
        checks::no_class_beyond(&recipe, &plan, &**source)?;
        let data = match extra {
            Some(extra) => Fingerprint::of([
                &samples.fingerprint.0.to_le_bytes()[..],
                &extra.0.to_le_bytes(),
            ]),
            None => samples.fingerprint,
        };
        let context = Arc::new(RunContext {
            views: Arc::new(views),
            targets: TargetMaker::new(&recipe),
            data,
            recipe_hash,
            keys,
            group,
            index_cache: Arc::new(IndexCache::new(
                recipe.decode.index,
                recipe.decode.index_bytes,
            )),
            verified_rows: Arc::new(VerifiedRowsTable::new(source.len())),
            source: Arc::clone(source),
            plan,
            recipe,
        });
        let start = LoaderState::at(context.identity(), 0, 0);
        Ok(Loader::with_context(
            context,
            Arc::clone(classes),
            pool,
            start,
        ))
    }

    /// A loader with counters of its own.
    fn with_context(
        context: Arc<RunContext>,
        classes: Arc<ClassList>,
        pool: Arc<WorkerPool>,
        start: LoaderState,
    ) -> Loader {
        // The pool keeps the vectors of this loader's batches: one of each view group for each
        // batch in flight (prefetch + 1) and for the one that the consumer has.
        let groups = context.views.first().groups.len();
        pool.memory.keep((pool.tuning.prefetch + 2) * groups);
        Loader {
            meter: Arc::new(Meter::for_sources(context.plan.sources())),
            context,
            classes,
            pool,
            start,
        }
    }

    /// The loader as one rank of several, refused if the last batch would repeat samples of an
    /// evaluation.
    fn in_world(self, world: World) -> Result<Loader> {
        let loader = if world == self.world() {
            self
        } else {
            self.with_world(world)?
        };
        let checked = loader.context.plan.check_no_repeats();
        checked.map_err(|error| loader.context.recipe.locate(error))?;
        Ok(loader)
    }

    /// The loader of one rank of several: it delivers a slice of every global batch. The `batch` of
    /// the recipe is the size of the global batch, so each rank gets `batch / ranks` slots.
    ///
    /// The global batch is the same for any number of ranks. The new loader shares the opened
    /// source, the threads and the memory of this one, has counters of its own, and begins where
    /// this one was resumed. One process may have the loaders of several ranks, for example of
    /// several devices.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`](crate::Kind::Config) if the ranks cannot share the batch equally.
    ///
    /// # Example: both ranks of two, in one process
    ///
    /// ```
    /// use feedmill::{Loader, Recipe, World};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(4))?;
    /// let ranks = [0, 1].map(|rank| loader.with_world(World::new(rank, 2)?));
    /// for (rank, loader) in ranks.into_iter().enumerate() {
    ///     let batch = loader?.epoch(0)?.next().expect("a batch")?;
    ///     assert_eq!((batch.len(), batch.first_slot()), (2, 2 * rank));
    /// }
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn with_world(&self, world: World) -> Result<Loader> {
        let plan = self.context.plan.for_world(world)?;
        plan.check_no_repeats()?;
        Ok(Loader::with_context(
            Arc::new(self.context.with_plan(plan)),
            Arc::clone(&self.classes),
            Arc::clone(&self.pool),
            self.start.clone(),
        ))
    }
}
