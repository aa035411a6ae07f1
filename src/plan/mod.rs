//! The plan: which samples each batch of a run holds, as a pure function of (seed, epoch, index).
//!
//! Any batch can be asked for at any time. That makes the rest simple: resuming is a position and
//! not a replay, a rank is a slice, batches may be prepared in any order, and a batch of the past
//! can be made again to look at it. The alternative is a sampler with state that yields one index
//! after the other; to resume it, its state has to be stored or all that it yielded replayed.
//!
//! Nothing here knows of files, pixels or threads, and nothing depends on how fast anything ran.
//! The plan is written for the *global* batch, and a rank takes its slice of it. So the number of
//! ranks decides who computes a slot, and never what is in it.
//!
//! A batch is found in three steps:
//!
//! 1. `select` reduces all samples to the *selection* of the epoch, a list of samples.
//! 2. The sampler makes slots with indices into that list: as pieces of one sequence (`stream`), or
//!    batch by batch (`compose`). Both use `permutation` (shuffled orders) and `quota` (shares).
//! 3. Indices become samples, and the rank's slice is the [`BatchPlan`].

mod compose;
mod curve;
mod epoch;
mod groups;
mod metadata;
mod order;
mod permutation;
mod quota;
mod sampler;
mod select;
mod selection;
mod stream;
mod sums;
mod world;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

pub use curve::Curve;
pub use metadata::{By, Grouping, SampleMetadata, Values};
pub use order::Order;
pub use sampler::{
    Balanced, Episodes, Grouped, Ordered, Pk, Replacement, Sampler, Unique, Variants, Weighted,
};
pub use select::{ByClass, Dirichlet, Keep, Prune, Ranked, Select, Split, Subset, Tasks};
pub use world::World;

use feedmill_macros::Accessors;

use crate::error::{Error, Result};
use crate::rng::{Domain, RandomStream};
use epoch::Epoch;
use groups::Groups;
use selection::Selection;

/// What happens at the end of an epoch to the samples that do not fill a batch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Last {
    /// They are left out. The order of another epoch leaves out others.
    Drop,
    /// The last batch is smaller. Refused with several ranks, which could not share it equally.
    Keep,
    /// The batch is filled up, and the filling slots are marked invalid ([`crate::Batch::valid`]).
    Pad,
    /// The batch is filled up from the beginning of the epoch's order; the repeated samples are
    /// augmented differently.
    #[default]
    Wrap,
}

/// One visit of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Visit {
    /// The number of the sample, from 0.
    pub sample: u64,
    /// Tells the visits of a sample in one epoch apart, so that each is augmented differently: the
    /// number of the visit, from 0, or the position in the epoch where a sampler draws slots or
    /// batches independently. Replacements of bad samples have the top bit set.
    pub occurrence: u32,
}

/// The purpose of a slot in a few-shot episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EpisodeRole {
    /// The batch is not an episode.
    #[default]
    Plain,
    /// The slot belongs to the support of its episode.
    Support,
    /// The slot is a query of its episode.
    Query,
}

impl std::fmt::Display for EpisodeRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            EpisodeRole::Plain => "plain",
            EpisodeRole::Support => "support",
            EpisodeRole::Query => "query",
        })
    }
}

/// One slot of a batch: a sample, and what the sampler says about it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Slot {
    /// The sample, and which of its visits this is.
    pub visit: Visit,
    /// False for a slot that only fills up the batch.
    pub valid: bool,
    /// The weight of the sample's loss: 1, except in a subset with weights.
    pub weight: f32,
    /// The purpose of the slot in an episode.
    pub role: EpisodeRole,
    /// The group of the sample, for samplers that go by groups. For episodes it is the number of
    /// the class within the batch.
    pub group: Option<u32>,
}

/// The slots of one batch that belong to this rank.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BatchPlan {
    /// The epoch, from 0.
    pub epoch: u32,
    /// The number of the batch in the epoch, from 0.
    pub index: u64,
    /// The position in the global batch of the first slot in `slots`.
    pub first: usize,
    /// The slots of this rank, in the order of the global batch.
    pub slots: Vec<Slot>,
}

/// One source of samples: its size and its weight among the sources.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Share {
    /// The number of samples.
    pub len: u64,
    /// The weight against the other sources: 0 or more, only ratios count. It may change by epoch.
    pub weight: Curve,
}

impl Share {
    /// Returns a source of this number of samples, with its weight among the sources.
    pub fn new(len: u64, weight: impl Into<Curve>) -> Share {
        Share {
            len,
            weight: weight.into(),
        }
    }
}

/// Everything that a plan is made of, except what it is told about the samples.
///
/// # Example: two sources, three to one
///
/// ```
/// use feedmill::plan::{Plan, SampleMetadata, Setup, Share};
///
/// let sources = vec![Share::new(300, 3.0), Share::new(50, 1.0)];
/// let plan = Plan::new(Setup::default().with_sources(sources).with_batch(8), SampleMetadata::new())?;
/// let second = |slot: &&feedmill::plan::Slot| plan.source_of(slot.visit.sample) == 1;
/// assert_eq!(plan.batch(0, 0).slots.iter().filter(second).count(), 2);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Accessors)]
#[non_exhaustive]
pub struct Setup {
    /// The seed of all draws except those of selections, which have separate seeds.
    pub seed: u64,
    /// The sources. Samples are numbered through them in this order.
    pub sources: Vec<Share>,
    /// True (the default) if sources share every batch by weight; false puts all samples in one
    /// order.
    pub blended: bool,
    /// The selections that choose the samples of the run, applied in this order.
    pub select: Vec<Select>,
    /// How batches are made of the selected samples.
    pub sampler: Sampler,
    /// The order of samples, for samplers that leave it open.
    pub order: Order,
    /// The size of the global batch, over all ranks. 32 by default.
    pub batch: usize,
    /// What happens at the end of an epoch to the samples that do not fill a batch.
    pub last: Last,
    /// The rank of this process and the number of ranks.
    pub world: World,
    /// The number of neighboring slots that mix with each other (1 without mixing); a rank owns
    /// whole groups.
    pub group: usize,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            seed: 0,
            sources: Vec::new(),
            blended: true,
            select: Vec::new(),
            sampler: Sampler::default(),
            order: Order::default(),
            batch: 32,
            last: Last::default(),
            world: World::SINGLE,
            group: 1,
        }
    }
}

/// A slot as a sampler makes it, in terms of the selection.
#[derive(Clone, Copy, Debug)]
struct PlannedSlot {
    /// The index of the sample in the selection.
    selected: u64,
    occurrence: u64,
    /// The number of the group that the batch reports.
    group: Option<u32>,
    /// The index of the group among those of the sampler. A replacement comes from this group.
    pool: Option<usize>,
    role: EpisodeRole,
}

impl PlannedSlot {
    /// A slot of a sampler without groups.
    fn plain(selected: u64, occurrence: u64) -> PlannedSlot {
        PlannedSlot {
            selected,
            occurrence,
            group: None,
            pool: None,
            role: EpisodeRole::Plain,
        }
    }

    /// A slot with a member of a group.
    fn in_group(groups: &Groups, group: usize, selected: u64, occurrence: u64) -> PlannedSlot {
        PlannedSlot {
            selected,
            occurrence,
            group: Some(groups.id(group)),
            pool: Some(group),
            role: EpisodeRole::Plain,
        }
    }
}

/// The number of epochs whose state is cached: the one that is consumed, those that are being
/// prepared, and one for inspection.
const CACHED_EPOCHS: usize = 4;

/// The numbers of groups must be below this, or below the number of samples if that is larger. They
/// index lists, so a wild number would take all memory.
const MAX_GROUPS: u64 = 1 << 24;

/// The plan of a run: which samples each batch holds.
///
/// It is a function of its setup and of what it is told about the samples: any batch of any epoch
/// can be asked for at once. What it keeps of an epoch is a cache, at most a few numbers for each
/// sample: 4 bytes for a selection, 4 for groups, 4 for a weight of a subset, 8 for weights to draw
/// by.
///
/// # Example: the batches of 100 samples
///
/// ```
/// use feedmill::plan::{Plan, SampleMetadata, Setup, Share};
///
/// let setup = Setup::default().with_sources(vec![Share::new(100, 1.0)]).with_batch(10);
/// let plan = Plan::new(setup, SampleMetadata::new())?;
/// assert_eq!(plan.batches(), 10);
/// let batch = plan.batch(0, 3);
/// assert_eq!((batch.slots.len(), batch.slots[0].visit.occurrence), (10, 0));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    setup: Arc<Setup>,
    world: World,
    metadata: Arc<SampleMetadata>,
    /// The number of samples of all sources.
    samples: u64,
    /// The number of batches of an epoch, as runs: (first epoch, batches of each epoch from there
    /// on). The first run begins with epoch 0.
    runs: Arc<[(u32, u64)]>,
    /// The epochs used last, oldest first.
    recent: Arc<Mutex<VecDeque<Arc<Epoch>>>>,
}

impl Plan {
    /// Makes a plan. `metadata` must have what [`Setup::needs`] lists.
    ///
    /// Sources are blended by weight: after every batch of an epoch, and in a sequential order
    /// after every slot, each source is less than one slot away from what its weight owes it. That
    /// is exact for integer weights with a sum of at most a million and for decimal fractions of up
    /// to six digits; other weights become multiples of a millionth of their sum (with two sources,
    /// of 2^-40). A source that runs out starts over with another order and another occurrence. An
    /// epoch has as many slots as there are selected samples, unless the sampler says otherwise.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for
    ///
    /// * no samples, or a source without samples;
    /// * weights that are negative, not finite, or all 0;
    /// * a batch of 0, a batch that the ranks do not divide into whole mixing groups, or a last
    ///   batch that ranks could not share equally;
    /// * an epoch without a whole batch;
    /// * anything that the sampler or a selection refuses.
    pub fn new(setup: Setup, metadata: SampleMetadata) -> Result<Plan> {
        let samples = setup
            .sources
            .iter()
            .try_fold(0u64, |sum, share| sum.checked_add(share.len));
        let samples = samples.ok_or_else(|| Error::config("more than 2^64 samples"))?;
        if samples == 0 {
            return Err(Error::config("the data set has no samples"));
        }
        if let Some(source) = setup.sources.iter().position(|share| share.len == 0) {
            return Err(Error::config(format!("source {source} has no samples")));
        }
        if setup.batch == 0 {
            return Err(Error::config("batch = 0: a batch has at least one sample"));
        }
        setup
            .sampler
            .check(setup.batch)
            .map_err(|(_, error)| error)?;
        setup.select.iter().try_for_each(Select::check)?;
        setup.check_order()?;
        let mut metadata = metadata;
        if setup.needs().any(|by| *by == By::Source)
            || (setup.sources.len() > 1 && !setup.select.is_empty())
        {
            metadata = metadata.with(By::Source, Plan::by_source(&setup, samples)?);
        }
        metadata.check(samples, MAX_GROUPS)?;
        if let Sampler::Balanced(_) | Sampler::Pk(_) | Sampler::Episodes(_) = setup.sampler {
            setup
                .sampler
                .needs()
                .map_or(Ok(()), |by| metadata.check_no_group_is_empty(by))?;
        }
        let plan = Plan {
            world: setup.world,
            setup: Arc::new(setup),
            metadata: Arc::new(metadata),
            samples,
            runs: Arc::new([]),
            recent: Arc::default(),
        };
        plan.checked()
    }

    /// The plan with its batches counted.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if ranks cannot share a batch, or an epoch cannot be made.
    fn checked(mut self) -> Result<Plan> {
        self.check_world()?;
        self.runs = self.count()?.into();
        Ok(self)
    }

    /// The grouping of samples by source.
    fn by_source(setup: &Setup, samples: u64) -> Result<Grouping> {
        let samples = u32::try_from(samples).map_err(|_| {
            Error::config(format!(
                "{samples} samples: groups count up to 2^32 of them"
            ))
        })?;
        let mut of = Vec::with_capacity(samples as usize);
        for (source, share) in (0..).zip(&setup.sources) {
            of.resize(of.len() + share.len as usize, source);
        }
        Ok(Grouping {
            of,
            names: Vec::new(),
            count: setup.sources.len() as u32,
        })
    }

    /// The number of batches of all epochs, as runs.
    ///
    /// This makes every epoch that differs from the one before (each task) and checks the weights
    /// of sources at every landmark of their curves. So errors come here, when the plan is made,
    /// and [`Plan::epoch`] cannot fail in the middle of a run.
    fn count(&self) -> Result<Vec<(u32, u64)>> {
        let mut epochs = BTreeSet::from([0]);
        for select in &self.setup.select {
            let (_, steady) = select.task(&self.metadata, 0)?;
            if let Select::Tasks(Tasks {
                epochs: Some(each), ..
            }) = select
            {
                epochs.extend((0..=steady).step_by((*each).max(1) as usize));
            }
        }
        let mut runs: Vec<(u32, u64)> = Vec::new();
        for epoch in epochs {
            let made = self.make(epoch)?;
            if runs
                .last()
                .is_none_or(|(_, before)| *before != made.batches)
            {
                runs.push((epoch, made.batches));
            }
            if epoch == 0 {
                self.keep(Arc::new(made));
            }
        }
        // Curves are monotonic between landmarks, so weights there lie between checked ones.
        let landmarks = self
            .setup
            .sources
            .iter()
            .flat_map(|share| share.weight.landmarks());
        let mut selection = Arc::clone(&self.epoch(0).selection);
        for epoch in landmarks.collect::<BTreeSet<_>>() {
            if !selection.holds_in(&self.setup, &self.metadata, epoch) {
                selection = Arc::new(Selection::new(
                    &self.setup,
                    &self.metadata,
                    self.samples,
                    epoch,
                )?);
            }
            self.setup.blend_weights(&selection, epoch)?;
        }
        Ok(runs)
    }

    /// Refuses a batch that ranks, or the mixing groups of a rank, do not divide.
    fn check_world(&self) -> Result<()> {
        let Setup { batch, group, .. } = *self.setup;
        let ranks = self.world.ranks() as usize;
        if !batch.is_multiple_of(ranks) {
            return Err(Error::config(format!(
                "batch = {batch} is the global batch, and {ranks} ranks do not divide it: use a \
                 multiple of {ranks}"
            )));
        }
        if group > 1 && !(batch / ranks).is_multiple_of(group) {
            return Err(Error::config(format!(
                "each of {ranks} ranks has {} slots of the batch of {batch}, which is not a whole \
                 number of mixing groups of {group} slots: choose mix.group so that it divides {}",
                batch / ranks,
                batch / ranks
            )));
        }
        Ok(())
    }

    /// Makes the state of an epoch, with what it can share of the one used last.
    fn make(&self, epoch: u32) -> Result<Epoch> {
        let before = self.cached().back().map(Arc::clone);
        let made = Epoch::new(
            &self.setup,
            &self.metadata,
            self.samples,
            epoch,
            before.as_deref(),
        )?;
        made.check(&self.setup, self.world)?;
        Ok(made)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Epoch>>> {
        // A poisoned lock does no harm: the list holds complete epochs only, which never change.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of an epoch, cached or made.
    fn epoch(&self, epoch: u32) -> Arc<Epoch> {
        if let Some(known) = self.cached().iter().find(|known| known.number() == epoch) {
            return Arc::clone(known);
        }
        // Made without the lock, so that other threads can go on with the epochs that they have.
        // Two threads may make the same epoch; both results are equal.
        let made = self
            .make(epoch)
            .expect("every task and every landmark was tried out when the plan was made");
        let made = Arc::new(made);
        self.keep(Arc::clone(&made));
        made
    }

    /// Adds an epoch to the cache, in place of the oldest one.
    fn keep(&self, made: Arc<Epoch>) {
        let mut cached = self.cached();
        if cached.len() == CACHED_EPOCHS {
            cached.pop_front();
        }
        cached.push_back(made);
    }

    /// The same plan for another rank or number of ranks.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if those ranks cannot share every batch equally.
    pub(crate) fn for_world(&self, world: World) -> Result<Plan> {
        Plan {
            world,
            ..self.clone()
        }
        .checked()
    }

    /// The number of batches of epoch 0; the same for every rank.
    pub fn batches(&self) -> u64 {
        self.runs[0].1
    }

    /// The number of batches of an epoch. Only tasks ([`Tasks`]) have epochs of different lengths.
    pub fn batches_at(&self, epoch: u32) -> u64 {
        self.runs[self.runs.partition_point(|(from, _)| *from <= epoch) - 1].1
    }

    /// The number of batches of the epochs `from..to` together.
    pub(crate) fn batches_between(&self, from: u32, to: u32) -> u64 {
        let ends = self
            .runs
            .iter()
            .skip(1)
            .map(|(from, _)| *from)
            .chain([u32::MAX]);
        let epochs = |begin: u32, end: u32| u64::from(end.min(to).saturating_sub(begin.max(from)));
        self.runs
            .iter()
            .zip(ends)
            .map(|((begin, batches), end)| epochs(*begin, end) * batches)
            .sum()
    }

    /// The number of samples of all sources.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The samples that come to this rank in an epoch: its slots without those that only fill up a
    /// batch. For a plain order and one rank, these are the selected samples, or fewer with
    /// [`Last::Drop`].
    pub fn samples_at(&self, epoch: u32) -> u64 {
        self.epoch(epoch).samples(&self.setup, self.world)
    }

    /// Calls `each` with every selected sample of an epoch, in order.
    pub(crate) fn each_selected(&self, epoch: u32, mut each: impl FnMut(u64)) {
        let state = self.epoch(epoch);
        (0..state.selection.len).for_each(|index| each(state.selection.sample(index)));
    }

    /// Refuses an evaluation that would count samples twice: a sequential order with a last batch
    /// that is filled up from the beginning.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the key `last`.
    pub(crate) fn check_no_repeats(&self) -> Result<()> {
        if self.setup.order != Order::Sequential {
            return Ok(());
        }
        for &(epoch, _) in &*self.runs {
            let repeated = self.epoch(epoch).repeats(&self.setup);
            if repeated > 0 {
                let (batch, ranks) = (self.setup.batch, self.world.ranks());
                let mend = if ranks == 1 {
                    "last = \"keep\" (a smaller last batch) or \"pad\" (slots that are not valid)"
                } else {
                    "last = \"pad\" (slots that are not valid)"
                };
                return Err(Error::config(format!(
                    "order = \"sequential\" with last = \"wrap\": batches of {batch} would count \
                     {repeated} samples twice: use {mend}"
                ))
                .about_key("last")
                .about_key("order"));
            }
        }
        Ok(())
    }

    /// The number of sources.
    pub fn sources(&self) -> usize {
        self.setup.sources.len()
    }

    /// The number of samples of each source.
    pub(crate) fn source_sizes(&self) -> impl Iterator<Item = u64> {
        self.setup.sources.iter().map(|share| share.len)
    }

    /// The number of the source that a sample belongs to, from 0.
    pub fn source_of(&self, sample: u64) -> usize {
        let mut end = 0;
        let passed = self.setup.sources.iter().take_while(|share| {
            end += share.len;
            end <= sample
        });
        passed.count()
    }

    /// The number of slots of a full batch, over all ranks.
    pub fn global_batch(&self) -> usize {
        self.setup.batch
    }

    /// The rank of this process and the number of ranks.
    pub fn world(&self) -> World {
        self.world
    }

    /// The number of slots of this rank in a full batch, taken from the first batch of epoch 0.
    pub fn slots(&self) -> usize {
        self.epoch(0).slots(&self.setup, 0) / self.world.ranks() as usize
    }

    /// The slots of batch `index` of an epoch that belong to this rank.
    ///
    /// # Panics
    ///
    /// If the epoch has no batch `index`; [`Plan::batches_at`] is the number of its batches.
    pub fn batch(&self, epoch: u32, index: u64) -> BatchPlan {
        let batches = self.batches_at(epoch);
        assert!(index < batches, "batch {index} of {batches}");
        let part = (u64::from(self.world.rank()), u64::from(self.world.ranks()));
        let state = self.epoch(epoch);
        let (first, planned) = state.planned_slots(&self.setup, index, part);
        let slot = |(slot, valid): (PlannedSlot, bool)| Slot {
            visit: Visit {
                sample: state.selection.sample(slot.selected),
                // The top bit is for replacements.
                occurrence: slot.occurrence as u32 & !(1 << 31),
            },
            valid,
            weight: state.selection.weight(slot.selected),
            role: slot.role,
            group: slot.group,
        };
        BatchPlan {
            epoch,
            index,
            first,
            slots: planned.into_iter().map(slot).collect(),
        }
    }

    /// The replacement for a bad sample in a slot of the global batch: a sample of the same group,
    /// or of the same source for samplers without groups. It is drawn by position and `attempt`, so
    /// it is the same in every run; it may be the bad sample again.
    pub(crate) fn replacement(
        &self,
        epoch: u32,
        index: u64,
        slot: usize,
        bad: u64,
        attempt: u32,
    ) -> Visit {
        let position = index * self.setup.batch as u64 + slot as u64;
        let state = self.epoch(epoch);
        let (_, planned) = state.planned_slots(&self.setup, index, (0, 1));
        let selection = &state.selection;
        let (groups, group) = match (planned[slot].0.pool, &selection.groups) {
            (Some(pool), Some(groups)) => (groups, pool),
            _ => {
                // A single source has the index 0 among those with selected samples.
                let source = self.source_of(bad) as u32;
                let source = if selection.sources.count() == 1 {
                    Some(0)
                } else {
                    selection.sources.find(source)
                };
                (
                    &selection.sources,
                    source.expect("a sample of the plan has a source"),
                )
            }
        };
        let mut rng =
            RandomStream::in_domain(self.setup.seed, epoch, Domain::Bad, position, attempt);
        let mut draw = || groups.member(group, rng.below(groups.size(group)));
        let mut selected = draw();
        if state.composed() {
            // Support and queries must have no sample in common, so samples of the batch are
            // rejected. If all of the class are in the batch, the last draw is taken.
            let in_batch =
                |selected: u64| planned.iter().any(|(other, _)| other.selected == selected);
            for _ in 0..64 {
                if !in_batch(selected) {
                    break;
                }
                selected = draw();
            }
        }
        // The top bit keeps the augmentation of a replacement apart from that of the sample's own
        // visits.
        Visit {
            sample: selection.sample(selected),
            occurrence: 1 << 31 | (position as u32).wrapping_add(attempt) >> 1,
        }
    }

    /// The visits of a sample in an epoch, over all ranks, as (batch, position in the global batch,
    /// slot). Goes through the batches of the epoch until they have `most` slots.
    pub fn visits(&self, epoch: u32, sample: u64, most: u64) -> Vec<(u64, usize, Slot)> {
        let all = Plan {
            world: World::SINGLE,
            ..self.clone()
        };
        let batches = self
            .batches_at(epoch)
            .min(most.div_ceil(self.setup.batch as u64));
        let found = |index: u64| {
            let slots = all.batch(epoch, index).slots.into_iter().enumerate();
            slots
                .filter(|(_, slot)| slot.visit.sample == sample)
                .map(move |(at, slot)| (index, at, slot))
        };
        let with = self.epoch(epoch).batches_with(&self.setup, sample, batches);
        with.into_iter().flat_map(found).collect()
    }
}

impl Setup {
    /// The groupings of samples that the selections and the sampler go by. [`By::Source`] need not
    /// be in the metadata; the plan knows it.
    pub fn needs(&self) -> impl Iterator<Item = &By> {
        self.select
            .iter()
            .filter_map(Select::needs)
            .chain(self.sampler.needs())
    }
}

#[cfg(test)]
mod sampler_tests;
#[cfg(test)]
mod tests;
