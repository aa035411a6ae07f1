//! The state of one epoch: which samples it has, and how its batches are made of them.
//!
//! An epoch is a function of the plan and its number, so it can be dropped and made again at any
//! time. Making one may cost time proportional to the data set (a selection, a weighted order), and
//! most of it is the same from one epoch to the next: [`Epoch::new`] takes an earlier epoch and
//! shares its selection and its apportionment where they still hold.

use std::sync::Arc;

use super::compose::{self, GroupBatches, GroupSchedule};
use super::metadata::SampleMetadata;
use super::quota::Apportionment;
use super::sampler::{Balanced, Grouped, Sampler, check_weights};
use super::selection::Selection;
use super::stream::{self, Stream, StreamKind};
use super::sums;
use super::{Last, Order, PlannedSlot, Setup, Share, World};
use crate::error::{Error, Result};

/// What the plan keeps of one epoch: a function of (plan, epoch) alone.
#[derive(Clone, Debug)]
pub(super) struct Epoch {
    /// Seed and epoch.
    key: (u64, u32),
    pub(super) selection: Arc<Selection>,
    composer: Composer,
    /// The number of batches of the epoch.
    pub(super) batches: u64,
    /// The last apportionment with what it was made of (weights, number of positions), for the
    /// next epoch to share.
    apportioned: Option<(Vec<f64>, u64, Arc<Apportionment>)>,
}

/// How a batch is made.
#[derive(Clone, Debug)]
enum Composer {
    /// Batches are pieces of one sequence of slots.
    Stream(Stream),
    /// Every batch has the samples of one group.
    Groups(GroupBatches),
    /// The sampler of the setup composes each batch by itself.
    PerBatch,
}

impl Epoch {
    /// The state of an epoch. `before` is any other epoch of the same plan; its selection and its
    /// apportionment are shared if they are the same.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the selections or the sampler cannot work with the data.
    pub(super) fn new(
        setup: &Setup,
        metadata: &SampleMetadata,
        samples: u64,
        epoch: u32,
        before: Option<&Epoch>,
    ) -> Result<Epoch> {
        let kept = before
            .map(|before| &before.selection)
            .filter(|selection| selection.holds_in(setup, metadata, epoch));
        let selection = match kept {
            Some(selection) => Arc::clone(selection),
            None => Arc::new(Selection::new(setup, metadata, samples, epoch)?),
        };
        let mut new = Epoch {
            key: (setup.seed, epoch),
            selection,
            composer: Composer::PerBatch,
            batches: 0,
            apportioned: before.and_then(|before| before.apportioned.clone()),
        };
        new.compose(setup, samples)?;
        Ok(new)
    }

    /// An apportionment of `positions` by `weights`, shared with the epoch before if it is the
    /// same.
    fn apportionment(&mut self, weights: Vec<f64>, positions: u64) -> Result<Arc<Apportionment>> {
        if weights.len() as u64 > Apportionment::ROUND {
            let (groups, most) = (weights.len(), Apportionment::ROUND);
            return Err(Error::config(format!(
                "sampler: {groups} groups; at most {most} can be dealt: use replacement = true, or \
                 kind = \"unique\""
            )));
        }
        if let Some((known, length, apportionment)) = &self.apportioned
            && *known == weights
            && *length == positions
        {
            return Ok(Arc::clone(apportionment));
        }
        let apportionment = Arc::new(Apportionment::new(&weights, positions));
        self.apportioned = Some((weights, positions, Arc::clone(&apportionment)));
        Ok(apportionment)
    }

    /// Sets the composer and the number of batches as the sampler says.
    fn compose(&mut self, setup: &Setup, samples: u64) -> Result<()> {
        let (selection, batch, epoch) =
            (Arc::clone(&self.selection), setup.batch as u64, self.key.1);
        let groups = || {
            Arc::clone(
                selection
                    .groups
                    .as_ref()
                    .expect("a sampler that goes by groups has them"),
            )
        };
        // Shares n^(1/T); without a temperature the power is 0 and all shares are 1.
        let by_temperature = |sizes: &mut dyn Iterator<Item = u64>| -> Vec<f64> {
            let power = setup
                .sampler
                .temperature()
                .map_or(0.0, |temperature| 1.0 / temperature.value(epoch));
            sizes.map(|size| libm::pow(size as f64, power)).collect()
        };
        let mut length = setup.sampler.length().unwrap_or(selection.len);
        let kind = match &setup.sampler {
            Sampler::Order(_) if !setup.blends() => StreamKind::Plain,
            Sampler::Order(_) => {
                let apportionment =
                    self.apportionment(setup.blend_weights(&selection, epoch)?, length)?;
                StreamKind::ByQuota {
                    groups: Arc::clone(&selection.sources),
                    apportionment,
                    named: false,
                }
            }
            Sampler::Weighted(weighted) => match &selection.cumulative {
                Some(cumulative) => StreamKind::Weighted {
                    cumulative: Arc::clone(cumulative),
                },
                None => {
                    let weights = selection.sampling_weights(weighted, samples)?;
                    let positive = weights.iter().filter(|weight| **weight > 0.0).count() as u64;
                    length = weighted.length.unwrap_or(positive);
                    let wanted = length.div_ceil(u64::from(weighted.repeats));
                    if wanted > positive {
                        return Err(Error::config(format!(
                            "sampler: {wanted} samples without replacement of {positive} that have \
                             a positive weight"
                        )));
                    }
                    StreamKind::Listed(stream::without_replacement(self.key, &weights, wanted))
                }
            },
            Sampler::Balanced(Balanced { replacement, .. }) => {
                let weights = by_temperature(&mut groups().sizes());
                if *replacement {
                    StreamKind::Drawn {
                        groups: groups(),
                        cumulative: sums::cumulative(weights),
                    }
                } else {
                    StreamKind::ByQuota {
                        groups: groups(),
                        apportionment: self.apportionment(weights, length)?,
                        named: true,
                    }
                }
            }
            Sampler::Unique(_) => {
                length = groups().count() as u64;
                StreamKind::Unique { groups: groups() }
            }
            Sampler::Variants(_) => StreamKind::Variants { groups: groups() },
            Sampler::Pk(super::Pk { batches, .. })
            | Sampler::Episodes(super::Episodes { batches, .. }) => {
                self.batches = batches.unwrap_or(selection.len / batch);
                return Ok(());
            }
            Sampler::Grouped(Grouped {
                temperature,
                batches,
                ..
            }) => {
                let mut composer = GroupBatches::whole(groups(), setup.order, batch, setup.last);
                if temperature.is_some() {
                    composer.batches = batches.unwrap_or(selection.len / batch);
                    let weights = by_temperature(&mut groups().sizes());
                    let positions = composer.batches.max(1);
                    composer.schedule =
                        GroupSchedule::ByQuota(self.apportionment(weights, positions)?);
                }
                self.batches = composer.batches;
                self.composer = Composer::Groups(composer);
                return Ok(());
            }
        };
        let repeats = u64::from(setup.sampler.repeats());
        let stream = Stream {
            kind,
            length,
            repeats,
            order: setup.order,
        };
        self.batches = match setup.last {
            Last::Drop => stream.length / batch,
            Last::Keep | Last::Pad | Last::Wrap => stream.length.div_ceil(batch),
        };
        self.composer = Composer::Stream(stream);
        Ok(())
    }

    /// Refuses an epoch without a batch, and one with a batch that ranks cannot share equally.
    pub(super) fn check(&self, setup: &Setup, world: World) -> Result<()> {
        let (batch, ranks) = (setup.batch as u64, u64::from(world.ranks()));
        // Ranks own whole mixing groups, so a partial batch is refused even where the number of
        // ranks divides it.
        let unequal =
            |size: u64| setup.last == Last::Keep && ranks > 1 && !size.is_multiple_of(batch);
        match &self.composer {
            Composer::Stream(stream) => {
                if let StreamKind::Unique { groups } = &stream.kind
                    && (groups.count() as u64) < batch
                {
                    return Err(Error::config(format!(
                        "sampler: {} groups cannot fill a batch of {batch} without one of them \
                         twice",
                        groups.count()
                    )));
                }
                if unequal(stream.length) {
                    return Err(Error::config(format!(
                        "last = \"keep\": {} samples leave a last batch of {}, of which {ranks} \
                         ranks cannot have equal shares: use \"drop\", \"pad\" or \"wrap\"",
                        stream.length,
                        stream.length % batch
                    )));
                }
                if self.batches == 0 {
                    return Err(Error::config(format!(
                        "{} samples do not fill one batch of {batch}, and last = \"drop\" drops \
                         the rest: use a smaller batch, or last = \"keep\", \"pad\" or \"wrap\"",
                        stream.length
                    )));
                }
            }
            Composer::Groups(GroupBatches {
                groups,
                schedule: GroupSchedule::Whole(_),
                ..
            }) => {
                let group_with = |size_is: &dyn Fn(u64) -> bool| {
                    (0..groups.count())
                        .find(|&group| size_is(groups.size(group)))
                        .map(|group| {
                            (
                                setup.sampler.needs().expect("it goes by groups"),
                                groups.id(group),
                                groups.size(group),
                            )
                        })
                };
                if setup.last == Last::Drop
                    && let Some((by, id, size)) = group_with(&|size| size < batch)
                {
                    return Err(Error::config(format!(
                        "sampler: {by} {id} has {size} samples, which do not fill a batch of \
                         {batch}, and last = \"drop\" drops them all: use last = \"wrap\" or \
                         \"pad\""
                    )));
                }
                if let Some((by, id, size)) = group_with(&unequal) {
                    return Err(Error::config(format!(
                        "last = \"keep\": {by} {id} leaves a last batch of {}, of which {ranks} \
                         ranks cannot have equal shares: use \"drop\", \"pad\" or \"wrap\"",
                        size % batch
                    )));
                }
            }
            Composer::Groups(_) | Composer::PerBatch => {}
        }
        if self.batches == 0 {
            let len = self.selection.len;
            return Err(Error::config(format!(
                "sampler: {len} samples make no batch of {batch}: set sampler.batches, or use a \
                 smaller batch"
            )));
        }
        Ok(())
    }

    /// The slots of batch `index` that belong to rank `rank` of `ranks`, each with true if it is
    /// valid, and the number of the first of them in the global batch.
    pub(super) fn planned_slots(
        &self,
        setup: &Setup,
        index: u64,
        (rank, ranks): (u64, u64),
    ) -> (usize, Vec<(PlannedSlot, bool)>) {
        let batch = setup.batch as u64;
        let all = match &self.composer {
            Composer::Stream(stream) => {
                let count = stream.filled(index, batch, setup.last) / ranks;
                let first = count * rank;
                let at = (index, batch, setup.last);
                // Slots of a stream are independent of each other, so a rank makes its own only.
                return (
                    first as usize,
                    stream.slots(self.key, &self.selection, at, first..first + count),
                );
            }
            Composer::Groups(groups) => groups.slots(self.key, index, batch, setup.last),
            Composer::PerBatch => {
                let groups = self
                    .selection
                    .groups
                    .as_ref()
                    .expect("a sampler that goes by groups has them");
                let planned = match &setup.sampler {
                    Sampler::Pk(pk) => compose::pk(self.key, pk, groups, index),
                    Sampler::Episodes(cfg) => {
                        compose::episodes(self.key, cfg, groups, index, batch)
                    }
                    _ => unreachable!("the other samplers have other composers"),
                };
                planned.into_iter().map(|slot| (slot, true)).collect()
            }
        };
        let count = all.len() / ranks as usize;
        let first = count * rank as usize;
        (first, all.into_iter().skip(first).take(count).collect())
    }

    /// The slots of a rank that hold a sample of the epoch, without those that only fill up a
    /// batch.
    pub(super) fn samples(&self, setup: &Setup, world: World) -> u64 {
        let each = setup.batch as u64 / u64::from(world.ranks());
        let of = |length: u64| {
            let (full, rest) = (length / setup.batch as u64, length % setup.batch as u64);
            let before = u64::from(world.rank()) * each;
            let last = match setup.last {
                Last::Drop => 0,
                // The slots of the last batch that come before what fills it up.
                Last::Keep | Last::Pad | Last::Wrap => rest.saturating_sub(before).min(each),
            };
            full * each + last
        };
        match &self.composer {
            Composer::Stream(stream) => of(stream.length),
            Composer::Groups(GroupBatches {
                groups,
                schedule: GroupSchedule::Whole(_),
                ..
            }) => groups.sizes().map(of).sum(),
            Composer::Groups(_) | Composer::PerBatch => self.batches * each,
        }
    }

    /// The slots, over all ranks, that fill up the last batch of a plain order with samples from
    /// its beginning.
    pub(super) fn repeats(&self, setup: &Setup) -> u64 {
        match &self.composer {
            Composer::Stream(stream)
                if setup.last == Last::Wrap && matches!(setup.sampler, Sampler::Order(_)) =>
            {
                (self.batches * setup.batch as u64).saturating_sub(stream.length)
            }
            _ => 0,
        }
    }

    /// Which epoch it is.
    pub(super) fn number(&self) -> u32 {
        self.key.1
    }

    /// The number of slots of batch `index`, over all ranks; for batches of groups and composed
    /// ones, that of a full batch.
    pub(super) fn slots(&self, setup: &Setup, index: u64) -> usize {
        match &self.composer {
            Composer::Stream(stream) => {
                stream.filled(index, setup.batch as u64, setup.last) as usize
            }
            _ => setup.batch,
        }
    }

    /// Those of the first `batches` batches that may hold `sample`.
    pub(super) fn batches_with(&self, setup: &Setup, sample: u64, batches: u64) -> Vec<u64> {
        match &self.composer {
            Composer::Stream(stream) => {
                let size = (batches, setup.batch as u64, setup.last);
                stream.batches_with(self.key, &self.selection, sample, size)
            }
            _ => (0..batches).collect(),
        }
    }

    /// True if the samples of a batch belong together, so that the replacement of a bad one should
    /// not be one of the others.
    pub(super) fn composed(&self) -> bool {
        matches!(self.composer, Composer::PerBatch)
    }
}

impl Setup {
    /// True if there are several sources that share positions by weight.
    fn blends(&self) -> bool {
        self.blended && self.sources.len() > 1
    }

    /// The weights of the sources in an epoch: of all of them without blending, else of those that
    /// have selected samples.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for weights that are negative or not finite, that are all 0, or that
    /// have an infinite sum.
    pub(super) fn blend_weights(&self, selection: &Selection, epoch: u32) -> Result<Vec<f64>> {
        let weights: Vec<f64> = self
            .sources
            .iter()
            .map(|share| share.weight.value(epoch))
            .collect();
        let in_epoch = |error: Error| match epoch {
            0 => error,
            epoch => error.at(format_args!("in epoch {epoch}")),
        };
        check_weights(&weights, |source| format!("source {source}")).map_err(in_epoch)?;
        if !self.blends() {
            return Ok(weights);
        }
        let sources =
            (0..selection.sources.count()).map(|group| selection.sources.id(group) as usize);
        let weights: Vec<f64> = sources.map(|source| weights[source]).collect();
        check_weights(&weights, |nth| {
            format!("source {}", selection.sources.id(nth))
        })
        .map_err(in_epoch)?;
        Ok(weights)
    }

    /// Refuses an `order` that the sampler or the sources do not support, and weights of sources
    /// that the sampler would ignore.
    pub(super) fn check_order(&self) -> Result<()> {
        self.order.check()?;
        let plain = matches!(self.sampler, Sampler::Order(_));
        if matches!(self.order, Order::Blocks { .. }) && (!plain || self.blends()) {
            return Err(Error::config(
                "order.blocks is for the plain order of one source: others are shuffled or \
                 sequential",
            ));
        }
        if self.blends() && !plain {
            // Natural weights are proportional to the sizes of the sources, which is how a sampler
            // that ignores sources takes samples.
            let weight = |share: &Share| share.weight.value(0);
            let natural = self.sources.iter().all(|share| {
                let first = weight(&self.sources[0]) * share.len as f64;
                (weight(share) * self.sources[0].len as f64 - first).abs() <= 1e-9 * first.abs()
            });
            if !natural
                || self
                    .sources
                    .iter()
                    .any(|share| share.weight.landmarks().len() > 1)
            {
                return Err(Error::config(
                    "sources have weights, but the sampler draws from all samples alike: leave the \
                     weights out, or use { kind = \"balanced\", by = \"source\" }",
                ));
            }
        }
        Ok(())
    }
}
