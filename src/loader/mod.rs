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

mod checks;
mod classes;
mod data;
mod epochs;
mod explain;
mod metadata;
mod open;
mod preview;
mod reference;
mod split;
mod table;
mod transform;

use std::sync::Arc;

pub use epochs::{Epoch, Epochs};
pub use explain::{Explanation, MixStep, ViewSteps};
pub use open::LoaderBuilder;
pub use preview::Image;

use classes::ClassList;
use open::Samples;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::pipeline::stats::Meter;
use crate::pipeline::{RunContext, Stats, WorkerPool};
use crate::plan::{Last, Order, Ordered, Plan, Share, Subset, World};
use crate::recipe::Recipe;
use crate::source::Source;
use crate::state::LoaderState;

/// Turns stored images into training batches: data and a [`Recipe`] go in, [`Batch`]es come out of
/// an ordinary iterator.
///
/// The seed, the data and the recipe decide every byte of every batch. The number of workers, queue
/// depths ([`LoaderBuilder::tuning`]), restarts ([`Loader::resume`]) and the number of ranks
/// ([`Loader::with_world`]) do not.
///
/// # Opening
///
/// | you have | use |
/// | --- | --- |
/// | a path: folder, shards, tar, Arrow, Parquet | [`Loader::open`], which detects the form |
/// | one data set for training and validation | [`Loader::split`] |
/// | a source of your own, several sources, ranks, settings of threads and memory, a state | [`Loader::builder`] |
///
/// # Iterating
///
/// | you want | use |
/// | --- | --- |
/// | a training loop over epochs, without a pause between them | [`Loader::epochs`] |
/// | the batches of one epoch | [`Loader::epoch`] |
/// | to start in the middle of an epoch | [`Loader::epoch_from`] |
/// | one batch to look at, slowly | [`Loader::reference_batch`] |
///
/// A loader has no threads. The first iterator starts them, the others share them, and the last one
/// takes them with it. Iterators of one loader also share the memory of batches and the counters of
/// [`Loader::stats`]. In asynchronous programs, see [`Epoch`].
///
/// # Example: a training loop
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(4))?;
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
/// let recipe = Recipe::preset("imagenet")?.with_batch(4);
/// let loader = Loader::open("fixtures/photos", recipe.clone())?;
/// let mut batches = loader.epoch(0)?;
/// let saved: String = batches.next().expect("a batch")?.state().to_string();
/// let expected = batches.next().expect("a batch")?;
///
/// // In another process, with another number of workers:
/// let resumed = Loader::builder()
///     .path("fixtures/photos")
///     .recipe(recipe)
///     .workers(3)
///     .state(saved.parse()?)
///     .build()?;
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
/// * [`Kind::Limit`](crate::Kind::Limit) if the consumer holds more batches than the memory limit
///   allows ([`Batch`]);
/// * [`Kind::Worker`](crate::Kind::Worker) if an op, a mixer or a source panics;
/// * [`Kind::Io`](crate::Kind::Io) if the system cannot start threads.
///
/// To go on after an error, start a new iterator.
pub struct Loader {
    context: Arc<RunContext>,
    /// The class of each sample, for questions and splits.
    classes: Arc<ClassList>,
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
            "Loader({} of {} samples, {} batches an epoch, rank {} of {})",
            self.samples(),
            self.total_samples(),
            self.batches(),
            self.world().rank(),
            self.world().ranks()
        )
    }
}

impl Loader {
    /// A loader over a list of samples, each exactly once and in the order of the list, with the
    /// same recipe otherwise. Use it for a second look at samples that a pass has singled out.
    ///
    /// What is drawn depends on the epoch and the sample, so a sample that came once in a pass
    /// looks as it did in the same epoch. With several ranks, the last batch is padded.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`](crate::Kind::Config) if a sample is listed twice or does not exist, or if
    /// the list is empty.
    ///
    /// # Example: the samples that the model was unsure of
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet-eval")?.with_batch(2))?;
    /// let again = loader.second_pass(&[3, 0])?;
    /// assert_eq!(again.epoch(0)?.next().expect("a batch")?.samples(), [3, 0]);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn second_pass(&self, samples: &[u64]) -> Result<Loader> {
        let context = &self.context;
        let mut recipe = context
            .recipe
            .clone()
            .with_order(Order::Sequential)
            .with_sampler(Ordered::new());
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
        let samples = Samples {
            shares: context.plan.source_sizes().map(share).collect(),
            blended: false,
            fingerprint: context.data,
        };
        let loader = Loader::assemble(
            (&context.source, &self.classes),
            samples,
            recipe,
            Arc::clone(&self.pool),
        )?;
        loader.with_world(context.plan.world())
    }

    /// The number of samples of the data, before any selection.
    pub fn total_samples(&self) -> u64 {
        self.context.plan.samples()
    }

    /// The number of samples that this loader delivers in epoch 0, after all selections: the slots
    /// of its batches without those that only fill up the last batch. For an epoch that visits each
    /// selected sample once, it is the number of these samples, or fewer if `last = "drop"`. The
    /// numbers of all ranks add up to that of a single process.
    pub fn samples(&self) -> u64 {
        self.samples_at(0)
    }

    /// The number of samples of an epoch. It is that of [`Loader::samples`] unless the selection
    /// changes with the epoch.
    pub fn samples_at(&self, epoch: u32) -> u64 {
        self.context.plan.samples_at(epoch)
    }

    /// The names of the classes in the order of their numbers, if the source knows them.
    pub fn classes(&self) -> Option<&[String]> {
        self.context.source.classes()
    }

    /// The number of selected samples of each class in epoch 0, over all ranks: entry `c` is for
    /// class `c`. There are as many entries as the recipe or the data has classes.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`](crate::Kind::Config) if a sample has no class or several; the errors of
    /// reading the classes.
    ///
    /// # Example: weights of classes for a loss
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(2))?;
    /// let counts = loader.class_counts()?;
    /// for (name, count) in loader.classes().expect("folders name classes").iter().zip(&counts) {
    ///     println!("{name}: {count}");
    /// }
    /// assert_eq!(counts.iter().sum::<u64>(), loader.samples());
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn class_counts(&self) -> Result<Vec<u64>> {
        let classes = self.classes.get(&*self.context.source)?;
        let known = self.context.recipe.target.classes.unwrap_or(0);
        let mut counts = vec![0; known as usize];
        self.context.plan.each_selected(0, |sample| {
            let class = classes[sample as usize] as usize;
            if counts.len() <= class {
                counts.resize(class + 1, 0);
            }
            counts[class] += 1;
        });
        Ok(counts)
    }

    /// The rank of this loader and the number of ranks.
    pub fn world(&self) -> World {
        self.context.plan.world()
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
    /// [`Kind::Config`](crate::Kind::Config) if an op refuses its values of this epoch.
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

    /// The recipe that the loader was opened with. If it left `target.classes` out, it has the
    /// number of the data.
    pub fn recipe(&self) -> &Recipe {
        &self.context.recipe
    }

    /// The source that samples are read from. Several sources are joined to one. A clone of it
    /// opens another loader over the same data without listing it again.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.context.source
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
    /// [`Kind::Config`](crate::Kind::Config) if the epoch has no batch `index`.
    pub fn reference_batch(&self, epoch: u32, index: u64) -> Result<Batch> {
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
    /// [`Kind::Mismatch`](crate::Kind::Mismatch) that names the field, if the state belongs to
    /// other data, another recipe, another seed, or another version of the state's format.
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
}
