//! What a batch holds: pure arithmetic on (seed, epoch, index), with random access.
//!
//! Nothing here knows of files, pixels or threads, and nothing depends on how fast anything ran. The plan is written
//! for the *global* batch; a rank takes its slice of it, so that another number of ranks changes who computes a slot
//! and never what is in it.

mod order;
mod permutation;
mod world;

pub use order::Order;
pub use world::World;

use crate::draws::{Domain, Draws};
use crate::error::{Error, Result};
use order::Part;

/// What happens to the samples that do not fill a last batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Last {
    /// They are left out; another epoch's order leaves out others.
    Drop,
    /// The last batch is smaller. Not with several ranks, whose shares would differ.
    Keep,
    /// The batch is filled up, and the filling slots are marked invalid ([`crate::Batch::valid`]).
    Pad,
    /// The batch is filled up from the beginning of the epoch's order; the repeated samples are augmented anew.
    #[default]
    Wrap,
}

/// One visit of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Visit {
    /// The sample's number.
    pub sample: u64,
    /// Its k-th visit in this epoch, from 0. Visits of one sample are augmented differently.
    pub occurrence: u32,
}

/// One slot of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What is in it.
    pub visit: Visit,
    /// False for a slot that only fills up the batch.
    pub valid: bool,
}

/// The slots of one batch that belong to this rank.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Samples.
    pub len: u64,
    /// Weight against the other sources; only ratios count.
    pub weight: f64,
}

/// The plan of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    seed: u64,
    parts: Vec<Part>,
    order: Order,
    samples: u64,
    batch: u64,
    last: Last,
    world: World,
}

impl Plan {
    /// A plan over one source, or over several blended by weight.
    ///
    /// Several sources are dealt in rounds of 1000 positions, in which each has its quota of places (largest
    /// remainders, at least one place), shuffled; a source that runs out starts over with another order and another
    /// occurrence. An epoch has as many positions as there are samples in all. The order of a blend is a shuffle or
    /// sequential.
    ///
    /// `group` is the number of neighbouring slots that mix with each other (1 without mixing); a rank owns whole
    /// groups.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`]: no samples, an empty source, a weight that is not positive, a batch of 0, a batch that
    /// the ranks do not divide into whole groups, a last batch that ranks could not share equally, an epoch without a
    /// whole batch, or block order of a blend.
    pub fn new(
        seed: u64,
        shares: &[Share],
        order: Order,
        batch: usize,
        last: Last,
        world: World,
        group: usize,
    ) -> Result<Plan> {
        let samples = shares.iter().try_fold(0u64, |sum, share| sum.checked_add(share.len));
        let samples = samples.ok_or_else(|| Error::config("more than 2^64 samples"))?;
        if samples == 0 {
            return Err(Error::config("the data set has no samples"));
        }
        if batch == 0 {
            return Err(Error::config("batch = 0: a batch has at least one sample"));
        }
        order.check(shares.len())?;
        let parts = order::parts(shares)?;
        let plan = Plan { seed, parts, order, samples, batch: batch as u64, last, world };
        plan.check(group)?;
        Ok(plan)
    }

    /// Whether ranks and groups share every batch equally.
    fn check(&self, group: usize) -> Result<()> {
        let (ranks, batch, samples) = (self.world.ranks() as usize, self.global_batch(), self.samples);
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
        if self.last == Last::Keep && ranks > 1 && !samples.is_multiple_of(self.batch) {
            return Err(Error::config(format!(
                "last = \"keep\": {samples} samples leave a last batch of {}, of which {ranks} ranks cannot have equal \
                 shares: use \"drop\", \"pad\" or \"wrap\"",
                samples % self.batch
            )));
        }
        if self.batches() == 0 {
            return Err(Error::config(format!(
                "{samples} samples do not fill one batch of {batch}, and last = \"drop\" drops the rest: use a smaller \
                 batch, or last = \"keep\", \"pad\" or \"wrap\""
            )));
        }
        Ok(())
    }

    /// The same plan for another rank.
    pub(crate) fn for_world(&self, world: World, group: usize) -> Result<Plan> {
        let plan = Plan { world, ..self.clone() };
        plan.check(group)?;
        Ok(plan)
    }

    /// The number of batches of an epoch; the same for every epoch and every rank.
    pub fn batches(&self) -> u64 {
        match self.last {
            Last::Drop => self.samples / self.batch,
            Last::Keep | Last::Pad | Last::Wrap => self.samples.div_ceil(self.batch),
        }
    }

    /// The number of samples of all sources.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The size of the global batch.
    pub fn global_batch(&self) -> usize {
        self.batch as usize
    }

    /// Who this process is among the ranks.
    pub fn world(&self) -> World {
        self.world
    }

    /// The number of slots of this rank in a batch.
    pub fn slots(&self, index: u64) -> usize {
        let filled = match self.last {
            Last::Keep => (self.samples - index * self.batch).min(self.batch),
            Last::Drop | Last::Pad | Last::Wrap => self.batch,
        };
        // `Keep` with several ranks has whole batches only, so this divides.
        (filled / u64::from(self.world.ranks())) as usize
    }

    /// The slots of one batch.
    ///
    /// # Panics
    ///
    /// If there is no batch `index`.
    pub fn batch(&self, epoch: u32, index: u64) -> BatchPlan {
        assert!(index < self.batches(), "batch {index} of {}", self.batches());
        let count = self.slots(index);
        let first = count * self.world.rank() as usize;
        let mut walk = order::Walk::new(self, epoch);
        let start = index * self.batch + first as u64;
        let slots = (start..start + count as u64)
            .map(|position| {
                let lap = position / self.samples;
                let mut visit = walk.at(position % self.samples);
                // Laps of a wrapped epoch are further visits; 2^20 visits within one lap are out of reach.
                visit.occurrence += (lap as u32) << 20;
                Slot { visit, valid: lap == 0 || self.last != Last::Pad }
            })
            .collect();
        BatchPlan { epoch, index, first, slots }
    }

    /// The stand-in for a bad sample: another sample of the same source, drawn by position and attempt.
    pub(crate) fn replacement(&self, epoch: u32, index: u64, slot: usize, bad: u64, attempt: u32) -> Visit {
        let position = index * self.batch + slot as u64;
        let part = self.parts.iter().rev().find(|part| part.base <= bad).expect("the first part begins at 0");
        let local = Draws::of(self.seed, epoch, Domain::Bad, position, attempt).below(part.len);
        // The top bit keeps a stand-in's augmentation apart from that of the sample's own visits.
        Visit {
            sample: part.base + local,
            occurrence: 1 << 31 | (position as u32).wrapping_add(attempt) >> 1,
        }
    }
}

#[cfg(test)]
mod tests;
