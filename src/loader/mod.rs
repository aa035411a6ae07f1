//! The loader: data and a recipe in, batches out.

mod explain;
mod metadata;
mod preview;
mod reference;
mod table;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

pub use explain::{Explanation, MixStep, ViewSteps};
pub use preview::Image;

use crate::batch::{Batch, Pool, TargetMaker};
use crate::error::{Error, Kind, Result};
use crate::geometry::Size;
use crate::pipeline::index_cache::IndexCache;
use crate::pipeline::stats::Meter;
use crate::pipeline::verified_rows::VerifiedRowsTable;
use crate::pipeline::views::ViewSets;
use crate::pipeline::{Positions, Run, RunContext, Stats, Tuning};
use crate::plan::{Last, Order, Ordered, Plan, Setup, Share, Subset, World};
use crate::recipe::Recipe;
use crate::sample::Fingerprint;
use crate::source::{self, JoinedSources, Source};
use crate::state::LoaderState;

/// Turns stored images into batches.
///
/// It has no threads of its own: an iterator starts them and ends them when it is dropped.
///
/// # Example
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let mut loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.batch(4))?;
/// for epoch in loader.epochs(2) {
///     for batch in epoch {
///         let batch = batch?;
///         assert_eq!(batch.images().shape(), [4, 3, 224, 224]);
///         let _images: &[f32] = batch.images().as_f32()?;
///         let _classes: &[i64] = batch.targets().index()?;
///     }
/// }
/// # Ok::<(), feedmill::Error>(())
/// ```
pub struct Loader {
    context: Arc<RunContext>,
    tuning: Tuning,
    meter: Arc<Meter>,
    pool: OnceLock<Arc<Pool>>,
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
    /// Opens stored data, detecting its form ([`source::open`]).
    ///
    /// # Errors
    ///
    /// What [`source::open`] and [`Loader::new`] refuse.
    pub fn open(path: impl AsRef<Path>, recipe: Recipe) -> Result<Loader> {
        Loader::new(source::open(path)?, recipe)
    }

    /// A loader over a source, as the only process.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe cannot work with this data: no fixed size, no samples, a
    /// batch that is not filled.
    pub fn new(source: Box<dyn Source>, recipe: Recipe) -> Result<Loader> {
        Loader::sources(vec![source], recipe)
    }

    /// A loader over several sources, blended by weight ([`Plan::new`]). Samples are numbered
    /// through all sources in order.
    ///
    /// # Errors
    ///
    /// As [`Loader::new`], and for weights that are negative, no numbers or all 0.
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

    /// A loader over several sources, blended as the recipe says ([`Recipe::source`]), or by the
    /// numbers of their samples if it says nothing.
    ///
    /// # Errors
    ///
    /// As [`Loader::weighted_sources`], and if the recipe speaks of another number of sources, or gives
    /// weights to some of them only.
    pub fn sources(sources: Vec<Box<dyn Source>>, recipe: Recipe) -> Result<Loader> {
        let said = &recipe.sources;
        if !said.is_empty() && said.len() != sources.len() {
            return Err(Error::config(format!(
                "the recipe has {} [[source]] tables for {} sources: one for each, in the same order",
                said.len(),
                sources.len()
            )));
        }
        let weighted = said.iter().filter(|said| said.weight.is_some()).count();
        if weighted != 0 && weighted != said.len() {
            return Err(Error::config(
                "some [[source]] tables have a weight and some have none: give all of them one",
            ));
        }
        let share = |(number, len): (usize, u64)| {
            let weight = said.get(number).and_then(|said| said.weight.clone());
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

    fn over(
        source: Arc<dyn Source>,
        shares: Vec<Share>,
        blended: bool,
        data: Fingerprint,
        recipe: Recipe,
    ) -> Result<Loader> {
        recipe.check().map_err(|(_, error)| error.at("recipe"))?;
        let last_delivery = source
            .uniform_frame()
            .map(|(height, width)| Size { width, height });
        let views = ViewSets::new(&recipe, last_delivery)?;
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
        let (metadata, beside) = metadata::gather(&mut setup, &recipe, &*source)?;
        // The plan knows samples by number; people know them by name.
        let plan = Plan::new(setup, metadata).map_err(|error| match error.sample() {
            Some(sample) => error.at(source.name(sample)),
            None => error,
        })?;
        let data = match beside {
            Some(beside) => Fingerprint::of([&data.0.to_le_bytes()[..], &beside.0.to_le_bytes()]),
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
        let meter = Arc::new(Meter::of(context.plan.sources()));
        Ok(Loader {
            context,
            tuning: Tuning::default(),
            meter,
            pool: OnceLock::new(),
            start,
        })
    }

    /// A second pass over some samples: each exactly once, in the order given, by the same views.
    /// What is drawn depends on the epoch and the sample, so samples that came once in a pass
    /// look as they did in the same epoch.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if a sample is listed twice or does not exist, or none is listed.
    ///
    /// # Example: those that the model was unsure of
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
        loader.tuning = self.tuning.clone();
        loader.world(context.plan.world())
    }

    /// Makes this loader deliver the share of one rank of several. The batch of the recipe stays
    /// the global one.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the ranks cannot share the batch equally.
    pub fn world(mut self, world: World) -> Result<Loader> {
        let context = Arc::get_mut(&mut self.context).ok_or_else(|| {
            Error::config("the ranks of a loader are set before its first iterator")
        })?;
        context.plan = context.plan.for_world(world)?;
        Ok(self)
    }

    /// Sets how the machine is used. Changes no byte of any batch.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for a value out of range.
    pub fn tuning(mut self, tuning: Tuning) -> Result<Loader> {
        tuning.check()?;
        self.tuning = tuning;
        Ok(self)
    }

    /// Sets the number of worker threads.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for 0 or more than 65536.
    pub fn workers(self, workers: usize) -> Result<Loader> {
        let tuning = Tuning {
            workers,
            reads: 4 * workers,
            ..self.tuning.clone()
        };
        self.tuning(tuning)
    }

    /// The number of samples.
    pub fn samples(&self) -> u64 {
        self.context.plan.samples()
    }

    /// The number of batches of epoch 0; the same for every rank, and for every epoch but where
    /// tasks change.
    pub fn batches(&self) -> u64 {
        self.context.plan.batches()
    }

    /// [`Loader::batches`] of an epoch.
    pub fn batches_at(&self, epoch: u32) -> u64 {
        self.context.plan.batches_at(epoch)
    }

    /// The shape of a whole batch of this rank in epoch 0, in the layout's order; of the first
    /// group of views if there are several.
    pub fn shape(&self) -> [usize; 4] {
        self.shapes()[0]
    }

    /// The shape of a whole batch's tensor in epoch 0 for each group of views: count x slots
    /// images.
    pub fn shapes(&self) -> Vec<[usize; 4]> {
        self.context
            .views
            .first()
            .shapes(self.context.emitted(self.context.plan.slots()))
    }

    /// [`Loader::shapes`] in an epoch: sizes may be functions of the epoch.
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

    /// The plan of this loader's batches.
    pub fn plan(&self) -> &Plan {
        &self.context.plan
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.context.recipe
    }

    /// The data.
    pub fn source(&self) -> &dyn Source {
        &*self.context.source
    }

    /// The name of a source of a blend, as the recipe has it, or its number.
    pub fn source_name(&self, source: usize) -> String {
        let name = self
            .context
            .recipe
            .sources
            .get(source)
            .and_then(|said| said.name.clone());
        name.unwrap_or_else(|| format!("source {source}"))
    }

    /// One batch, made on this thread without threads, channels or pools: slow, and what every
    /// other way must equal byte for byte. Its state counts bad samples of this batch only.
    ///
    /// # Errors
    ///
    /// A bad sample under `on_bad = "fail"`, or 16 bad replacements; [`Kind::Config`] if there is no
    /// batch `index`.
    pub fn batch(&self, epoch: u32, index: u64) -> Result<Batch> {
        let batches = self.batches_at(epoch);
        if index >= batches {
            return Err(Error::config(format!("batch {index} of {batches}")));
        }
        reference::batch(&self.context, epoch, index)
    }

    /// Continues where a state says: [`Loader::epochs`] begins there, and so does [`Loader::epoch`]
    /// of its epoch.
    ///
    /// # Errors
    ///
    /// [`Kind::Mismatch`] that names the field if the state is of other data, another recipe, seed
    /// or version.
    pub fn resume(&mut self, state: &LoaderState) -> Result<()> {
        state.check(
            self.context.identity(),
            self.context.plan.batches_at(state.epoch()),
        )?;
        self.start = state.clone();
        Ok(())
    }

    /// The state that the next iterator begins with.
    pub fn state(&self) -> &LoaderState {
        &self.start
    }

    /// What has been done so far, by all iterators of this loader.
    pub fn stats(&self) -> Stats {
        self.meter
            .snapshot(self.pool.get().map_or(0, |pool| pool.peak()))
    }

    fn run(&self, epoch: u32, index: u64, end: u32) -> Result<Run> {
        let positions = Positions { epoch, index, end };
        let keep = (self.tuning.prefetch + 2) * self.context.views.first().groups.len();
        let pool = self
            .pool
            .get_or_init(|| Arc::new(Pool::new(keep, self.tuning.held)));
        let resumed = (epoch, index) == (self.start.epoch, self.start.next);
        let counts = if resumed {
            (self.start.seen, self.start.bad)
        } else {
            (0, 0)
        };
        Run::start(
            Arc::clone(&self.context),
            positions,
            counts,
            &self.tuning,
            Arc::clone(&self.meter),
            Arc::clone(pool),
        )
    }

    /// The batches of one epoch, from its first one or from where a resumed state is.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the system gives no threads.
    pub fn epoch(&self, epoch: u32) -> Result<Batches> {
        let index = if epoch == self.start.epoch {
            self.start.next
        } else {
            0
        };
        self.epoch_from(epoch, index)
    }

    /// The batches of one epoch from batch `index` on.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the system gives no threads.
    pub fn epoch_from(&self, epoch: u32, index: u64) -> Result<Batches> {
        Ok(Batches {
            run: self.run(epoch, index, epoch.saturating_add(1))?,
        })
    }

    /// The epochs from where the loader stands up to `end` (not included), one after the other;
    /// workers go on to the next epoch without a pause in between.
    pub fn epochs(&mut self, end: u32) -> Epochs<'_> {
        let next = self.start.epoch;
        Epochs {
            loader: self,
            end,
            next,
            current: Arc::default(),
        }
    }
}

/// An iterator over the batches of an epoch. After an error it ends. Threads end when it is
/// dropped.
pub struct Batches {
    run: Run,
}

impl Batches {
    /// The next batch, or `Ok(None)` at the end.
    ///
    /// # Errors
    ///
    /// [`Kind::Stopped`] if no batch is ready within `wait`; the iterator can be asked again. The
    /// inner result is the batch's own.
    #[expect(
        clippy::disallowed_methods,
        reason = "a deadline decides when to give up, never which batch comes next"
    )]
    pub fn next_timeout(&mut self, wait: Duration) -> Result<Option<Result<Batch>>> {
        self.run
            .next(Instant::now().checked_add(wait))
            .map_err(|_: RecvTimeoutError| {
                Error::new(Kind::Stopped, format!("no batch was ready within {wait:?}"))
            })
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batches({} left)", self.run.left())
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        self.run.next(None).unwrap_or(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.run.left() as usize;
        (0, Some(left))
    }
}

/// The run that epochs share, and the epoch of its next batch.
#[derive(Default)]
struct Current {
    run: Option<Run>,
    next: (u32, u64),
    failed: bool,
}

/// An iterator over epochs.
pub struct Epochs<'a> {
    loader: &'a mut Loader,
    end: u32,
    next: u32,
    current: Arc<Mutex<Current>>,
}

impl std::fmt::Debug for Epochs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Epochs({}..{})", self.next, self.end)
    }
}

impl Iterator for Epochs<'_> {
    type Item = Epoch;

    fn next(&mut self) -> Option<Epoch> {
        if self.next >= self.end {
            return None;
        }
        let epoch = self.next;
        self.next += 1;
        let begin = (
            epoch,
            if epoch == self.loader.start.epoch {
                self.loader.start.next
            } else {
                0
            },
        );
        let batches = self.loader.batches_at(epoch);
        let mut current = self.current.lock().expect("no panic inside");
        if current.failed {
            return None;
        }
        let mut problem = None;
        // An epoch that was left early leaves a run that stands elsewhere.
        if current.run.is_none() || current.next != begin {
            current.run = None;
            match self.loader.run(begin.0, begin.1, self.end) {
                Ok(run) => current.run = Some(run),
                Err(error) => problem = Some(error),
            }
            current.next = begin;
        }
        drop(current);
        Some(Epoch {
            epoch,
            batches,
            current: Arc::clone(&self.current),
            problem,
        })
    }
}

/// The batches of one epoch of [`Loader::epochs`].
pub struct Epoch {
    epoch: u32,
    batches: u64,
    current: Arc<Mutex<Current>>,
    problem: Option<Error>,
}

impl Epoch {
    /// The number of this epoch, from 0.
    pub fn number(&self) -> u32 {
        self.epoch
    }
}

impl std::fmt::Debug for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Epoch({})", self.epoch)
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if let Some(problem) = self.problem.take() {
            return Some(Err(problem));
        }
        let mut current = self.current.lock().expect("no panic inside");
        if current.next.0 != self.epoch {
            return None;
        }
        let batch = current.run.as_mut()?.next(None).unwrap_or(None)?;
        if batch.is_err() {
            current.run = None;
            current.failed = true;
        } else {
            current.next.1 += 1;
            if current.next.1 == self.batches {
                current.next = (self.epoch + 1, 0);
            }
        }
        Some(batch)
    }
}
