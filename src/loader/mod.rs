//! The loader: data and a recipe go in, batches come out.
//!
//! [`Loader`] owns nothing that runs. It holds the run context (source, plan, recipe, views), and
//! each iterator starts the threads of a [`Run`] over a range of positions and ends them when it is
//! dropped. An iterator therefore never has state that a caller cannot see: where it begins is a
//! position, and a [`LoaderState`] is that position with fingerprints.
//!
//! The other files look at the same run context from the side: [`reference`] computes a batch
//! slowly on one thread, [`explain`] lists what is drawn for a sample, [`preview`] turns a batch
//! back into images, [`metadata`] reads the labels and columns that the plan needs.

mod epochs;
mod explain;
mod metadata;
mod preview;
mod reference;
mod table;

use std::path::Path;
use std::sync::Arc;

pub use epochs::{Epoch, Epochs};
pub use explain::{Explanation, MixStep, ViewSteps};
pub use preview::Image;

use crate::batch::{Batch, TargetMaker};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::pipeline::index_cache::IndexCache;
use crate::pipeline::stats::Meter;
use crate::pipeline::verified_rows::VerifiedRowsTable;
use crate::pipeline::views::ViewSets;
use crate::pipeline::{RunContext, Stats, Tuning, WorkerPool};
use crate::plan::{Last, Order, Ordered, Plan, Setup, Share, Subset, World};
use crate::recipe::Recipe;
use crate::sample::Fingerprint;
use crate::source::{self, JoinedSources, Source};
use crate::state::LoaderState;

/// Turns stored images into training batches: data and a [`Recipe`] go in, [`Batch`]es come out of
/// an ordinary iterator.
///
/// The seed, the data and the recipe decide every byte of every batch. The number of workers, queue
/// depths ([`Loader::tuning`]), restarts ([`Loader::resume`]) and the number of ranks
/// ([`Loader::world`]) do not.
///
/// # Opening
///
/// | you have | use |
/// | --- | --- |
/// | a path: folder, shards, tar, Arrow, Parquet | [`Loader::open`], which detects the form |
/// | a custom [`Source`], or one from [`source`](crate::source) | [`Loader::new`] |
/// | several sources, with the shares in the recipe | [`Loader::sources`] |
/// | several sources, with the shares as numbers | [`Loader::weighted_sources`] |
///
/// # Iterating
///
/// | you want | use |
/// | --- | --- |
/// | a training loop over epochs, without a pause between them | [`Loader::epochs`] |
/// | the batches of one epoch | [`Loader::epoch`] |
/// | to start in the middle of an epoch | [`Loader::epoch_from`] |
/// | one batch to look at, slowly | [`Loader::batch`] |
///
/// A loader has no threads. An iterator starts them, and ends them when it is dropped. Iterators of
/// one loader share the memory of batches and the counters of [`Loader::stats`].
///
/// # Example: a training loop
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.batch(4))?;
/// for epoch in loader.epochs(0..2) {
///     for batch in epoch {
///         let batch = batch?;
///         assert_eq!(batch.images().shape(), [4, 3, 224, 224]);
///         let _images: &[f32] = batch.images().as_f32()?;
///         let _classes: &[i64] = batch.targets().index()?;
///     }
/// }
/// # Ok::<(), feedmill::Error>(())
/// ```
///
/// # Example: resume after any batch
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let recipe = Recipe::preset("imagenet")?.batch(4);
/// let loader = Loader::open("fixtures/photos", recipe.clone())?;
/// let mut batches = loader.epoch(0)?;
/// let saved: String = batches.next().expect("a batch")?.state().to_string();
/// let expected = batches.next().expect("a batch")?;
///
/// // In another process, with another number of workers:
/// let mut resumed = Loader::open("fixtures/photos", recipe)?.workers(3)?;
/// resumed.resume(&saved.parse()?)?;
/// let batch = resumed.epoch(0)?.next().expect("a batch")?;
/// assert_eq!(batch.digest(), expected.digest());
/// # Ok::<(), feedmill::Error>(())
/// ```
///
/// # Errors
///
/// A recipe that cannot work with the data is refused when the loader is opened, with the key or
/// the sample named. After that, an iterator returns an error in place of a batch and then ends:
///
/// * a bad sample, if `on_bad = "fail"`, or more of them than `on_bad` allows;
/// * [`Kind::Limit`] if the consumer holds more batches than the memory limit allows ([`Batch`]);
/// * [`Kind::Worker`] if an op, a mixer or a source panics;
/// * [`Kind::Io`] if the system cannot start threads.
///
/// To go on after an error, start a new iterator.
pub struct Loader {
    context: Arc<RunContext>,
    /// The threads, which other loaders may share.
    pool: Arc<WorkerPool>,
    meter: Arc<Meter>,
    /// Where the next iterator begins.
    start: LoaderState,
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Loader({} samples, {} batches an epoch)",
            self.samples(),
            self.batches()
        )
    }
}

impl Loader {
    /// A loader over stored data. The form is detected ([`source::open`]).
    ///
    /// # Errors
    ///
    /// The errors of [`source::open`] and of [`Loader::new`].
    pub fn open(path: impl AsRef<Path>, recipe: Recipe) -> Result<Loader> {
        Loader::new(source::open(path)?, recipe)
    }

    /// A loader over one source, as the only process. [`Loader::world`] makes it one rank of
    /// several.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe cannot work with this data: a view has no fixed size, there
    /// are no samples, or they do not fill a single batch.
    pub fn new(source: Box<dyn Source>, recipe: Recipe) -> Result<Loader> {
        Loader::sources(vec![source], recipe)
    }

    /// A loader over several sources, each with a weight ([`Plan::new`]). Weights are relative: 3.0
    /// and 1.0 mean that three quarters of the slots come from the first source. Samples are
    /// numbered through all sources in their order.
    ///
    /// # Errors
    ///
    /// The errors of [`Loader::new`], and [`Kind::Config`] for weights that are negative, not
    /// finite, or all 0.
    pub fn weighted_sources(
        sources: Vec<(Box<dyn Source>, f64)>,
        recipe: Recipe,
    ) -> Result<Loader> {
        let shares = sources.iter().map(|(source, weight)| Share {
            len: source.len(),
            weight: (*weight).into(),
        });
        let shares = shares.collect();
        Loader::build(
            sources.into_iter().map(|(source, _)| source).collect(),
            shares,
            recipe,
        )
    }

    /// A loader over several sources with the weights of the recipe ([`Recipe::source`]). Without
    /// weights, each source has as many slots as it has samples.
    ///
    /// # Errors
    ///
    /// The errors of [`Loader::weighted_sources`], and [`Kind::Config`] if the recipe has another
    /// number of `[[source]]` tables, or weights for some of them only.
    pub fn sources(sources: Vec<Box<dyn Source>>, recipe: Recipe) -> Result<Loader> {
        let tables = &recipe.sources;
        if !tables.is_empty() && tables.len() != sources.len() {
            return Err(Error::config(format!(
                "the recipe has {} [[source]] tables for {} sources: \
                 one for each, in the same order",
                tables.len(),
                sources.len()
            )));
        }
        let weighted = tables.iter().filter(|table| table.weight.is_some()).count();
        if weighted != 0 && weighted != tables.len() {
            return Err(Error::config(
                "some [[source]] tables have a weight and some have none: give all of them one",
            ));
        }
        let share = |(number, len): (usize, u64)| {
            let weight = tables.get(number).and_then(|table| table.weight.clone());
            Share {
                len,
                weight: weight.unwrap_or((len as f64).into()),
            }
        };
        let shares = sources
            .iter()
            .map(|source| source.len())
            .enumerate()
            .map(share)
            .collect();
        Loader::build(sources, shares, recipe)
    }

    /// A loader over sources with their shares.
    fn build(
        mut sources: Vec<Box<dyn Source>>,
        shares: Vec<Share>,
        recipe: Recipe,
    ) -> Result<Loader> {
        let single = sources.len() == 1;
        let source: Arc<dyn Source> = match single {
            true => sources.remove(0).into(),
            false => Arc::new(JoinedSources::new(sources)),
        };
        // The weights change the order of samples, so with several sources they are part of what
        // the data is.
        let mut data = source.fingerprint();
        if !single {
            let weights = shares
                .iter()
                .map(|share| toml::Value::try_from(&share.weight));
            let weights: Vec<String> = weights
                .map(|value| value.expect("a number").to_string())
                .collect();
            data = Fingerprint::of([&data.0.to_le_bytes()[..], weights.join(" ").as_bytes()]);
        }
        Loader::over(source, shares, true, data, recipe)
    }

    /// A loader over one source, which may be joined. `blended` is false for an order of samples
    /// that ignores the shares.
    fn over(
        source: Arc<dyn Source>,
        shares: Vec<Share>,
        blended: bool,
        data: Fingerprint,
        recipe: Recipe,
    ) -> Result<Loader> {
        recipe.check().map_err(|(_, error)| error.at("recipe"))?;
        let source_size = source
            .uniform_frame()
            .map(|(height, width)| Size { width, height });
        let views = ViewSets::new(&recipe, source_size)?;
        let group = recipe
            .mix
            .as_ref()
            .map_or(1, |mix| mix.group_size(recipe.batch));
        let mut setup = Setup {
            seed: recipe.seed,
            sources: shares,
            blended,
            select: recipe.select.clone(),
            sampler: recipe.sampler.clone(),
            order: recipe.order,
            batch: recipe.batch,
            last: recipe.last,
            world: World::SINGLE,
            group,
        };
        let (metadata, extra) = metadata::gather(&mut setup, &recipe, &*source)?;
        // The plan knows samples by number; people know them by name.
        let plan = Plan::new(setup, metadata).map_err(|error| match error.sample() {
            Some(sample) => error.at(source.name(sample)),
            None => error,
        })?;
        let data = match extra {
            Some(extra) => Fingerprint::of([&data.0.to_le_bytes()[..], &extra.0.to_le_bytes()]),
            None => data,
        };
        let context = Arc::new(RunContext {
            views,
            targets: TargetMaker::new(&recipe),
            data,
            recipe_hash: recipe.fingerprint(),
            group,
            index_cache: IndexCache::new(recipe.decode.index, recipe.decode.index_bytes),
            verified_rows: VerifiedRowsTable::new(source.len()),
            source,
            plan,
            recipe,
        });
        let start = LoaderState::at(context.identity(), 0, 0);
        let meter = Arc::new(Meter::for_sources(context.plan.sources()));
        let mut loader = Loader {
            context,
            meter,
            pool: Arc::new(WorkerPool::new(Tuning::default())?),
            start,
        };
        loader.keep_memory();
        Ok(loader)
    }

    /// A loader over a list of samples, each exactly once and in the order of the list, with the
    /// same recipe otherwise. Use it for a second look at samples that a pass has singled out.
    ///
    /// What is drawn depends on the epoch and the sample, so a sample that came once in a pass
    /// looks as it did in the same epoch. With several ranks, the last batch is padded.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if a sample is listed twice or does not exist, or if the list is empty.
    ///
    /// # Example: the samples that the model was unsure of
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet-eval")?.batch(2))?;
    /// let again = loader.second_pass(&[3, 0])?;
    /// assert_eq!(again.epoch(0)?.next().expect("a batch")?.samples(), [3, 0]);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn second_pass(&self, samples: &[u64]) -> Result<Loader> {
        let context = &self.context;
        let mut recipe = context
            .recipe
            .clone()
            .order(Order::Sequential)
            .sampler(Ordered::new());
        recipe.select = vec![Subset::new(samples.iter().copied()).into()];
        recipe.last = if context.plan.world() == World::SINGLE {
            Last::Keep
        } else {
            Last::Pad
        };
        let share = |len| Share {
            len,
            weight: 1.0.into(),
        };
        let shares = context.plan.source_sizes().map(share).collect();
        let mut loader = Loader::over(
            Arc::clone(&context.source),
            shares,
            false,
            context.data,
            recipe,
        )?;
        loader.pool = Arc::clone(&self.pool);
        loader.keep_memory();
        loader.world(context.plan.world())
    }

    /// Makes this loader one rank of several: it delivers a slice of every global batch. The
    /// `batch` of the recipe is the size of the global batch, so each rank gets `batch / ranks`
    /// slots.
    ///
    /// The global batch is the same for any number of ranks.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the ranks cannot share the batch equally, or if an iterator of this
    /// loader exists already.
    ///
    /// # Example: the second of two processes
    ///
    /// ```
    /// use feedmill::{Loader, Recipe, World};
    ///
    /// let recipe = Recipe::preset("imagenet")?.batch(4);
    /// // In a launched job: World::from_env()?
    /// let loader = Loader::open("fixtures/photos", recipe)?.world(World::new(1, 2)?)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// assert_eq!((batch.len(), batch.first_slot()), (2, 2));
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn world(mut self, world: World) -> Result<Loader> {
        let context = Arc::get_mut(&mut self.context).ok_or_else(|| {
            Error::config("the ranks of a loader are set before its first iterator")
        })?;
        context.plan = context.plan.for_world(world)?;
        Ok(self)
    }

    /// Sets how the machine is used: threads, memory, queues. It changes no byte of any batch.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] that names the value that is out of range.
    pub fn tuning(mut self, tuning: Tuning) -> Result<Loader> {
        self.pool = Arc::new(WorkerPool::new(tuning)?);
        self.keep_memory();
        Ok(self)
    }

    /// Sets the number of worker threads, and 4 reads in flight for each of them. By default, there
    /// is one for each core.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for 0 or more than 65536.
    pub fn workers(self, workers: usize) -> Result<Loader> {
        let tuning = Tuning {
            workers,
            reads: 4 * workers,
            ..self.pool.tuning.clone()
        };
        self.tuning(tuning)
    }

    /// The number of samples of the data, before any selection.
    pub fn samples(&self) -> u64 {
        self.context.plan.samples()
    }

    /// The number of batches of epoch 0. It is the same for every rank, and for every epoch unless
    /// the selection changes with the epoch ([`Loader::batches_at`]).
    pub fn batches(&self) -> u64 {
        self.context.plan.batches()
    }

    /// The number of batches of an epoch.
    pub fn batches_at(&self, epoch: u32) -> u64 {
        self.context.plan.batches_at(epoch)
    }

    /// The shape of the first view group in a whole batch of this rank in epoch 0:
    /// `[count * slots, 3, height, width]`, or with channels last if the layout is NHWC
    /// ([`Batch::images`]).
    pub fn shape(&self) -> [usize; 4] {
        self.shapes()[0]
    }

    /// The shape of each view group in a whole batch of this rank in epoch 0, in the form of
    /// [`Loader::shape`].
    pub fn shapes(&self) -> Vec<[usize; 4]> {
        self.context
            .views
            .first()
            .shapes(self.context.emitted(self.context.plan.slots()))
    }

    /// [`Loader::shapes`] in another epoch, since sizes may be functions of the epoch.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if an op refuses its values of this epoch.
    pub fn shapes_at(&self, epoch: u32) -> Result<Vec<[usize; 4]>> {
        Ok(self
            .context
            .views_at(epoch)?
            .shapes(self.context.emitted(self.context.plan.slots())))
    }

    /// The plan, which knows the samples of every batch of every epoch.
    pub fn plan(&self) -> &Plan {
        &self.context.plan
    }

    /// The recipe that the loader was opened with.
    pub fn recipe(&self) -> &Recipe {
        &self.context.recipe
    }

    /// The source that samples are read from. Several sources are joined to one.
    pub fn source(&self) -> &dyn Source {
        &*self.context.source
    }

    /// The name of one of several sources: the `name` of its `[[source]]` table, or `source N`.
    pub fn source_name(&self, source: usize) -> String {
        let name = self
            .context
            .recipe
            .sources
            .get(source)
            .and_then(|table| table.name.clone());
        name.unwrap_or_else(|| format!("source {source}"))
    }

    /// One batch by the *reference path*, to look at or to compare with. Slow: do not train with
    /// it.
    ///
    /// It is computed on this thread, slot by slot, from whole decoded images and with plain
    /// formulas for the final pass. Iterators return the same bytes, which the tests check. The
    /// state of the batch counts the bad samples of this batch only.
    ///
    /// # Errors
    ///
    /// The error of a bad sample if `on_bad = "fail"`, or if 16 replacements are bad too;
    /// [`Kind::Config`] if the epoch has no batch `index`.
    pub fn batch(&self, epoch: u32, index: u64) -> Result<Batch> {
        let batches = self.batches_at(epoch);
        if index >= batches {
            return Err(Error::config(format!("batch {index} of {batches}")));
        }
        reference::batch(&self.context, epoch, index)
    }

    /// Continues where a state says: [`Loader::epochs`] then begins with the state's next batch,
    /// and so does [`Loader::epoch`] for the state's epoch. Nothing is replayed, so this takes no
    /// time.
    ///
    /// # Errors
    ///
    /// [`Kind::Mismatch`] that names the field, if the state belongs to other data, another recipe,
    /// another seed, or another version of the state's format.
    pub fn resume(&mut self, state: &LoaderState) -> Result<()> {
        state.check(
            self.context.identity(),
            self.context.plan.batches_at(state.epoch()),
        )?;
        self.start = state.clone();
        Ok(())
    }

    /// The state that [`Loader::epochs`] begins with: that of [`Loader::resume`], or the start of
    /// epoch 0. Iterating does not change it; [`Batch::state`] is the state after a batch.
    pub fn state(&self) -> &LoaderState {
        &self.start
    }

    /// What all iterators of this loader have done so far, and where their time went.
    pub fn stats(&self) -> Stats {
        self.meter.snapshot(self.pool.memory.peak())
    }

    /// Lets the memory of batches keep what this loader's batches return: a vector of each view group
    /// for each batch in flight (prefetch + 1) and for the one that the consumer has.
    fn keep_memory(&mut self) {
        let groups = self.context.views.first().groups.len();
        self.pool
            .memory
            .keep((self.pool.tuning.prefetch + 2) * groups);
    }
}
