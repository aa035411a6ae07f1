//! What the plan keeps of one epoch.

use std::sync::Arc;

use super::compose::{self, GroupBatches, Turns};
use super::metadata::SampleMetadata;
use super::quota::Apportionment;
use super::sampler::{Balanced, Grouped, Sampler, check_weights};
use super::selection::Selection;
use super::stream::{self, Kind, Stream};
use super::sums;
use super::{Last, Order, Place, Setup, Share, World};
use crate::error::{Error, Result};

/// Small, and a function of (plan, epoch) alone.
#[derive(Clone, Debug)]
pub(super) struct Epoch {
    key: (u64, u32),
    pub(super) selection: Arc<Selection>,
    composer: Composer,
    pub(super) batches: u64,
    /// What was dealt by, for the next epoch to deal the same.
    dealt: Option<(Vec<f64>, u64, Arc<Apportionment>)>,
}

#[derive(Clone, Debug)]
enum Composer {
    Stream(Stream),
    Groups(GroupBatches),
    /// The sampler of the setup draws each batch for itself.
    Drawn,
}

impl Epoch {
    /// `before` is another epoch of the same plan, of which much may stay.
    pub(super) fn new(
        setup: &Setup,
        metadata: &SampleMetadata,
        samples: u64,
        epoch: u32,
        before: Option<&Epoch>,
    ) -> Result<Epoch> {
        let kept = before
            .map(|before| &before.selection)
            .filter(|selection| selection.are_of(setup, metadata, epoch));
        let selection = match kept {
            Some(selection) => Arc::clone(selection),
            None => Arc::new(Selection::new(setup, metadata, samples, epoch)?),
        };
        let mut new = Epoch {
            key: (setup.seed, epoch),
            selection,
            composer: Composer::Drawn,
            batches: 0,
            dealt: before.and_then(|before| before.dealt.clone()),
        };
        new.compose(setup, samples)?;
        Ok(new)
    }

    fn apportionment(&mut self, weights: Vec<f64>, positions: u64) -> Result<Arc<Apportionment>> {
        if weights.len() as u64 > Apportionment::ROUND {
            let (groups, most) = (weights.len(), Apportionment::ROUND);
            return Err(Error::config(format!(
                "sampler: {groups} groups; at most {most} can be dealt: use replacement = true, or kind = \"unique\""
            )));
        }
        if let Some((known, long, apportionment)) = &self.dealt
            && *known == weights
            && *long == positions
        {
            return Ok(Arc::clone(apportionment));
        }
        let apportionment = Arc::new(Apportionment::new(&weights, positions));
        self.dealt = Some((weights, positions, Arc::clone(&apportionment)));
        Ok(apportionment)
    }

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
        let by_temperature = |sizes: &mut dyn Iterator<Item = u64>| -> Vec<f64> {
            let power = setup
                .sampler
                .temperature()
                .map_or(0.0, |temperature| 1.0 / temperature.value(epoch));
            sizes.map(|size| libm::pow(size as f64, power)).collect()
        };
        let mut length = setup.sampler.length().unwrap_or(selection.len);
        let kind = match &setup.sampler {
            Sampler::Order(_) if !setup.blends() => Kind::Plain,
            Sampler::Order(_) => {
                let apportionment =
                    self.apportionment(setup.blend_weights(&selection, epoch)?, length)?;
                Kind::ByQuota {
                    groups: Arc::clone(&selection.sources),
                    apportionment,
                    named: false,
                }
            }
            Sampler::Weighted(weighted) => match &selection.cumulated {
                Some(cumulated) => Kind::Weighted {
                    cumulated: Arc::clone(cumulated),
                },
                None => {
                    let weights = selection.sampling_weights(weighted, samples)?;
                    let positive = weights.iter().filter(|weight| **weight > 0.0).count() as u64;
                    length = weighted.length.unwrap_or(positive);
                    let wanted = length.div_ceil(u64::from(weighted.repeats));
                    if wanted > positive {
                        return Err(Error::config(format!(
                            "sampler: {wanted} samples without replacement of {positive} that have a positive weight"
                        )));
                    }
                    Kind::Listed(stream::without_replacement(self.key, &weights, wanted))
                }
            },
            Sampler::Balanced(Balanced { replacement, .. }) => {
                let weights = by_temperature(&mut groups().sizes());
                if *replacement {
                    Kind::Drawn {
                        groups: groups(),
                        cumulated: sums::cumulated(weights),
                    }
                } else {
                    Kind::ByQuota {
                        groups: groups(),
                        apportionment: self.apportionment(weights, length)?,
                        named: true,
                    }
                }
            }
            Sampler::Unique(_) => {
                length = groups().count() as u64;
                Kind::Unique { groups: groups() }
            }
            Sampler::Variants(_) => Kind::Variants { groups: groups() },
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
                let mut turns = GroupBatches::whole(groups(), setup.order, batch, setup.last);
                if temperature.is_some() {
                    turns.batches = batches.unwrap_or(selection.len / batch);
                    let weights = by_temperature(&mut groups().sizes());
                    turns.turns = Turns::Dealt(self.apportionment(weights, turns.batches.max(1))?);
                }
                self.batches = turns.batches;
                self.composer = Composer::Groups(turns);
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

    /// Whether there are batches, and ranks share each equally.
    pub(super) fn check(&self, setup: &Setup, world: World) -> Result<()> {
        let (batch, ranks) = (setup.batch as u64, u64::from(world.ranks()));
        // Ranks own whole mixing groups, so they could not share a smaller batch even where they
        // divide it.
        let unequal =
            |size: u64| setup.last == Last::Keep && ranks > 1 && !size.is_multiple_of(batch);
        match &self.composer {
            Composer::Stream(stream) => {
                if let Kind::Unique { groups } = &stream.kind
                    && (groups.count() as u64) < batch
                {
                    return Err(Error::config(format!(
                        "sampler: {} groups cannot fill a batch of {batch} without one of them twice",
                        groups.count()
                    )));
                }
                if unequal(stream.length) {
                    return Err(Error::config(format!(
                        "last = \"keep\": {} samples leave a last batch of {}, of which {ranks} ranks cannot have equal \
                         shares: use \"drop\", \"pad\" or \"wrap\"",
                        stream.length,
                        stream.length % batch
                    )));
                }
                if self.batches == 0 {
                    return Err(Error::config(format!(
                        "{} samples do not fill one batch of {batch}, and last = \"drop\" drops the rest: use a smaller \
                         batch, or last = \"keep\", \"pad\" or \"wrap\"",
                        stream.length
                    )));
                }
            }
            Composer::Groups(GroupBatches {
                groups,
                turns: Turns::Whole(_),
                ..
            }) => {
                let short = |wrong: &dyn Fn(u64) -> bool| {
                    (0..groups.count())
                        .find(|&group| wrong(groups.size(group)))
                        .map(|group| {
                            (
                                setup.sampler.needs().expect("it goes by groups"),
                                groups.id(group),
                                groups.size(group),
                            )
                        })
                };
                if setup.last == Last::Drop
                    && let Some((by, id, size)) = short(&|size| size < batch)
                {
                    return Err(Error::config(format!(
                        "sampler: {by} {id} has {size} samples, which do not fill a batch of {batch}, and last = \"drop\" \
                         drops them all: use last = \"wrap\" or \"pad\""
                    )));
                }
                if let Some((by, id, size)) = short(&unequal) {
                    return Err(Error::config(format!(
                        "last = \"keep\": {by} {id} leaves a last batch of {}, of which {ranks} ranks cannot have equal \
                         shares: use \"drop\", \"pad\" or \"wrap\"",
                        size % batch
                    )));
                }
            }
            Composer::Groups(_) | Composer::Drawn => {}
        }
        if self.batches == 0 {
            let len = self.selection.len;
            return Err(Error::config(format!(
                "sampler: {len} samples make no batch of {batch}: set sampler.batches, or use a smaller batch"
            )));
        }
        Ok(())
    }

    /// The places of a batch, and whether each is valid: those of rank `part.0` of `part.1`, with
    /// the first one's number.
    pub(super) fn places(
        &self,
        setup: &Setup,
        index: u64,
        (rank, ranks): (u64, u64),
    ) -> (usize, Vec<(Place, bool)>) {
        let batch = setup.batch as u64;
        let all = match &self.composer {
            Composer::Stream(stream) => {
                let count = stream.filled(index, batch, setup.last) / ranks;
                let first = count * rank;
                let at = (index, batch, setup.last);
                return (
                    first as usize,
                    stream.places(self.key, &self.selection, at, first..first + count),
                );
            }
            Composer::Groups(groups) => groups.places(self.key, index, batch, setup.last),
            Composer::Drawn => {
                let groups = self
                    .selection
                    .groups
                    .as_ref()
                    .expect("a sampler that goes by groups has them");
                let places = match &setup.sampler {
                    Sampler::Pk(pk) => compose::pk(self.key, pk, groups, index),
                    Sampler::Episodes(cfg) => {
                        compose::episodes(self.key, cfg, groups, index, batch)
                    }
                    _ => unreachable!("the others have composers of their own"),
                };
                places.into_iter().map(|place| (place, true)).collect()
            }
        };
        let count = all.len() / ranks as usize;
        let first = count * rank as usize;
        (first, all.into_iter().skip(first).take(count).collect())
    }

    pub(super) fn number(&self) -> u32 {
        self.key.1
    }

    /// The slots of all ranks in a batch.
    pub(super) fn slots(&self, setup: &Setup, index: u64) -> usize {
        match &self.composer {
            Composer::Stream(stream) => {
                stream.filled(index, setup.batch as u64, setup.last) as usize
            }
            _ => setup.batch,
        }
    }

    /// The batches below one that may hold a sample.
    pub(super) fn batches_with(&self, setup: &Setup, sample: u64, batches: u64) -> Vec<u64> {
        match &self.composer {
            Composer::Stream(stream) => {
                let size = (batches, setup.batch as u64, setup.last);
                stream.batches_with(self.key, &self.selection, sample, size)
            }
            _ => (0..batches).collect(),
        }
    }

    /// True if a batch has to be what it is: a replacement may not be one of its other samples.
    pub(super) fn composed(&self) -> bool {
        matches!(self.composer, Composer::Drawn)
    }
}

impl Setup {
    /// Whether sources are dealt.
    fn blends(&self) -> bool {
        self.blended && self.sources.len() > 1
    }

    /// The weight in an epoch of each source that has chosen samples.
    pub(super) fn blend_weights(&self, selection: &Selection, epoch: u32) -> Result<Vec<f64>> {
        let weights: Vec<f64> = self
            .sources
            .iter()
            .map(|share| share.weight.value(epoch))
            .collect();
        let at = |error: Error| match epoch {
            0 => error,
            epoch => error.at(format_args!("in epoch {epoch}")),
        };
        check_weights(&weights, |source| format!("source {source}")).map_err(at)?;
        if !self.blends() {
            return Ok(weights);
        }
        let sources =
            (0..selection.sources.count()).map(|group| selection.sources.id(group) as usize);
        let weights: Vec<f64> = sources.map(|source| weights[source]).collect();
        check_weights(&weights, |nth| {
            format!("source {}", selection.sources.id(nth))
        })
        .map_err(at)?;
        Ok(weights)
    }

    /// Whether `order` and what it is used for go together.
    pub(super) fn check_order(&self) -> Result<()> {
        self.order.check()?;
        let plain = matches!(self.sampler, Sampler::Order(_));
        if matches!(self.order, Order::Blocks { .. }) && (!plain || self.blends()) {
            return Err(Error::config(
                "order.blocks is for the plain order of one source: others are shuffled or sequential",
            ));
        }
        if self.blends() && !plain {
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
                    "sources have weights, but the sampler rng from all samples alike: leave the weights out, or use \
                     { kind = \"balanced\", by = \"source\" }",
                ));
            }
        }
        Ok(())
    }
}
