//! What a batch holds: pure arithmetic on (seed, epoch, index), with random access.
//!
//! Nothing here knows of files, pixels or threads, and nothing depends on how fast anything ran.
//! The plan is written for the *global* batch; a rank takes its slice of it, so that another number
//! of ranks changes who computes a slot and never what is in it.

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

use crate::error::{Error, Result};
use crate::rng::{Domain, RandomStream};
use epoch::Epoch;
use groups::Groups;
use selection::Selection;

/// What happens to the samples that do not fill a last batch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Last {
    /// They are left out; another epoch's order leaves out others.
    Drop,
    /// The last batch is smaller. Not with several ranks, whose shares would differ.
    Keep,
    /// The batch is filled up, and the filling slots are marked invalid ([`crate::Batch::valid`]).
    Pad,
    /// The batch is filled up from the beginning of the epoch's order; the repeated samples are
    /// augmented anew.
    #[default]
    Wrap,
}

/// One visit of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Visit {
    /// The sample's number.
    pub sample: u64,
    /// Tells visits of one sample in an epoch apart, which are augmented differently: the k-th
    /// from 0, or the place in the epoch where a sampler draws every slot or batch anew.
    pub occurrence: u32,
}

/// What a sample is in its batch for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EpisodeRole {
    /// To be trained or tested on.
    #[default]
    Plain,
    /// An episode's support.
    Support,
    /// An episode's query.
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

/// One slot of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// What is in it.
    pub visit: Visit,
    /// False for a slot that only fills up the batch.
    pub valid: bool,
    /// What the loss of its sample counts: 1, but for a subset with weights.
    pub weight: f32,
    /// What it is for.
    pub role: EpisodeRole,
    /// The group that a sampler by groups took it from.
    pub group: Option<u32>,
}

/// The slots of one batch that belong to this rank.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchPlan {
    /// The epoch.
    pub epoch: u32,
    /// The batch in the epoch, from 0.
    pub index: u64,
    /// The place of the first of these slots in the global batch.
    pub first: usize,
    /// The slots.
    pub slots: Vec<Slot>,
}

/// One source of a blend: how many samples it has, and its share.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Samples.
    pub len: u64,
    /// Weight against the other sources, 0 or more; only ratios count. May change by epoch.
    pub weight: Curve,
}

/// What a plan is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The seed of all draws but those of selections.
    pub seed: u64,
    /// The sources, whose samples are numbered through in order.
    pub sources: Vec<Share>,
    /// Whether they are dealt by weight; false puts all samples in one order.
    pub blended: bool,
    /// Which samples the run has.
    pub select: Vec<Select>,
    /// How batches are made of them.
    pub sampler: Sampler,
    /// The order, where the sampler leaves it open.
    pub order: Order,
    /// The size of the global batch.
    pub batch: usize,
    /// What happens to a last, unfilled batch.
    pub last: Last,
    /// Who this process is among the ranks.
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

/// A slot before it has a sample's number.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Among the chosen samples.
    place: u64,
    occurrence: u64,
    /// What the batch says of the group.
    group: Option<u32>,
    /// The group among those of the sampler: where a replacement comes from.
    pool: Option<usize>,
    role: EpisodeRole,
}

impl Place {
    fn plain(place: u64, occurrence: u64) -> Place {
        Place {
            place,
            occurrence,
            group: None,
            pool: None,
            role: EpisodeRole::Plain,
        }
    }

    fn of(groups: &Groups, group: usize, place: u64, occurrence: u64) -> Place {
        Place {
            place,
            occurrence,
            group: Some(groups.id(group)),
            pool: Some(group),
            role: EpisodeRole::Plain,
        }
    }
}

/// Epochs whose state is kept: that of the trainer, those that are prepared, and one to look at.
const KEPT: usize = 4;

/// Groups of a grouping that the plan counts at most, where there are fewer samples: their numbers
/// index lists.
const MOST_GROUPS: u64 = 1 << 24;

/// The plan of a run.
///
/// It is a function of its setup and of what it is told of samples: any batch of any epoch can be
/// asked for at once. What it keeps of an epoch can be made again at any time, and is at most a few
/// numbers for each sample: 4 bytes for a selection, 4 for groups, 4 for a weight of a subset, 8
/// for weights to draw by.
#[derive(Clone, Debug)]
pub struct Plan {
    setup: Arc<Setup>,
    world: World,
    metadata: Arc<SampleMetadata>,
    samples: u64,
    /// The number of batches from an epoch on.
    runs: Arc<[(u32, u64)]>,
    recent: Arc<Mutex<VecDeque<Arc<Epoch>>>>,
}

impl Plan {
    /// A plan for what is known of the samples ([`Setup::needs`]).
    ///
    /// Sources are blended by weight: after every batch of an epoch, and without a shuffle at every
    /// slot, each is less than one slot away from what its weight owes it (weights that are no
    /// multiples of less become multiples of a millionth of their sum, but two sources
    /// are exact always). A source that runs out starts over with another order and another
    /// occurrence. An epoch has as many slots as there are chosen samples in all, unless the
    /// sampler says otherwise.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`]: no samples, an empty source, weights that are negative, no numbers or all 0, a batch of 0, a batch
    /// that the ranks do not divide into whole groups, a last batch that ranks could not share
    /// equally, an epoch without a whole batch, and what the sampler and the selections refuse.
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
        metadata.check(samples, MOST_GROUPS)?;
        if let Sampler::Balanced(_) | Sampler::Pk(_) | Sampler::Episodes(_) = setup.sampler {
            setup
                .sampler
                .needs()
                .map_or(Ok(()), |by| metadata.check_whole(by))?;
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

    /// The plan with its batches counted, if its ranks can share them.
    fn checked(mut self) -> Result<Plan> {
        self.check_world()?;
        self.runs = self.count()?.into();
        Ok(self)
    }

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

    /// The number of batches of every task, which tries out all of them, and the weights of sources
    /// wherever they turn.
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
        // Between landmarks, weights lie between those of the landmarks.
        let landmarks = self
            .setup
            .sources
            .iter()
            .flat_map(|share| share.weight.landmarks());
        let mut selection = Arc::clone(&self.epoch(0).selection);
        for epoch in landmarks.collect::<BTreeSet<_>>() {
            if !selection.are_of(&self.setup, &self.metadata, epoch) {
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

    /// Whether ranks and groups share every batch equally.
    fn check_world(&self) -> Result<()> {
        let Setup { batch, group, .. } = *self.setup;
        let ranks = self.world.ranks() as usize;
        if !batch.is_multiple_of(ranks) {
            return Err(Error::config(format!(
                "batch = {batch} is the global batch, and {ranks} ranks do not divide it: use a multiple of {ranks}"
            )));
        }
        if group > 1 && !(batch / ranks).is_multiple_of(group) {
            return Err(Error::config(format!(
                "each of {ranks} ranks has {} slots of the batch of {batch}, which is no whole number of mixing groups \
                 of {group} slots: choose mix.group so that it divides {}",
                batch / ranks,
                batch / ranks
            )));
        }
        Ok(())
    }

    fn make(&self, epoch: u32) -> Result<Epoch> {
        let before = self.kept().back().map(Arc::clone);
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

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Epoch>>> {
        // Whatever another thread panicked over, the epochs in the list are whole.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn epoch(&self, epoch: u32) -> Arc<Epoch> {
        if let Some(known) = self.kept().iter().find(|known| known.number() == epoch) {
            return Arc::clone(known);
        }
        let made = self
            .make(epoch)
            .expect("every task and every landmark was tried out when the plan was made");
        let made = Arc::new(made);
        self.keep(Arc::clone(&made));
        made
    }

    fn keep(&self, made: Arc<Epoch>) {
        let mut kept = self.kept();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(made);
    }

    /// The same plan for another rank.
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

    /// The number of batches of all epochs from one to another, not included.
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

    /// The number of samples that the selections leave in an epoch.
    pub fn of_selection(&self, epoch: u32) -> u64 {
        self.epoch(epoch).selection.len
    }

    /// The number of sources.
    pub fn sources(&self) -> usize {
        self.setup.sources.len()
    }

    /// The number of samples of each source.
    pub(crate) fn source_sizes(&self) -> impl Iterator<Item = u64> {
        self.setup.sources.iter().map(|share| share.len)
    }

    /// The source of a sample.
    pub fn source_of(&self, sample: u64) -> usize {
        let mut end = 0;
        let passed = self.setup.sources.iter().take_while(|share| {
            end += share.len;
            end <= sample
        });
        passed.count()
    }

    /// The size of the global batch.
    pub fn global_batch(&self) -> usize {
        self.setup.batch
    }

    /// Who this process is among the ranks.
    pub fn world(&self) -> World {
        self.world
    }

    /// The number of slots of this rank in a whole batch: the first one of epoch 0.
    pub fn slots(&self) -> usize {
        self.epoch(0).slots(&self.setup, 0) / self.world.ranks() as usize
    }

    /// The slots of one batch.
    ///
    /// # Panics
    ///
    /// If there is no batch `index`.
    pub fn batch(&self, epoch: u32, index: u64) -> BatchPlan {
        let batches = self.batches_at(epoch);
        assert!(index < batches, "batch {index} of {batches}");
        let part = (u64::from(self.world.rank()), u64::from(self.world.ranks()));
        let state = self.epoch(epoch);
        let (first, places) = state.places(&self.setup, index, part);
        let slot = |(place, valid): (Place, bool)| Slot {
            visit: Visit {
                sample: state.selection.sample(place.place),
                // The top bit is for replacements.
                occurrence: place.occurrence as u32 & !(1 << 31),
            },
            valid,
            weight: state.selection.weight(place.place),
            role: place.role,
            group: place.group,
        };
        BatchPlan {
            epoch,
            index,
            first,
            slots: places.into_iter().map(slot).collect(),
        }
    }

    /// The replacement for a bad sample: another one of its group, or else of its source, drawn by
    /// position and attempt.
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
        let (_, places) = state.places(&self.setup, index, (0, 1));
        let selection = &state.selection;
        let (groups, group) = match (places[slot].0.pool, &selection.groups) {
            (Some(pool), Some(groups)) => (groups, pool),
            _ => {
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
        let mut place = draw();
        if state.composed() {
            // Support and queries stay apart; where a class has nothing left, the last draw has to
            // do.
            let here = |place: u64| places.iter().any(|(other, _)| other.place == place);
            for _ in 0..64 {
                if !here(place) {
                    break;
                }
                place = draw();
            }
        }
        // The top bit keeps a replacement's augmentation apart from that of the sample's own visits.
        Visit {
            sample: selection.sample(place),
            occurrence: 1 << 31 | (position as u32).wrapping_add(attempt) >> 1,
        }
    }

    /// The visits of a sample in an epoch, over all ranks: batch, slot of the global batch, and
    /// slot. Goes through the epoch's batches, at most so many slots of them.
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
    /// What has to be known of each sample. [`By::Source`] is known without being told.
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
