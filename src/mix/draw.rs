//! The random decisions of a mixing group.
//!
//! All decisions of one repeat of a group come from one stream, found from (seed, epoch, batch,
//! group, repeat), in a fixed order: partners, then a plan for each group, pair or slot, then the
//! additional sources of each slot. The order is part of the determinism promise: a decision that
//! is inserted or moved changes every mixed batch.
//!
//! A draw sees the number of slots and the size of the images, so a batch can be drawn before its
//! first sample is decoded.

use std::sync::Arc;

use super::blend::Blend;
use super::method::Method;
use super::scene::{EmitRole, Label, MixPlan, MixResult, SlotMix};
use super::{Mixer, Sources};
use crate::geometry::Size;
use crate::mix::options::{Emit, Lambda, Mix, Partner};
use crate::rng::{Domain, RandomStream};

/// Which group is drawn: its random stream is found from these four numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupKey {
    /// The recipe's seed.
    pub seed: u64,
    /// The epoch, from 0.
    pub epoch: u32,
    /// The batch in its epoch, from 0.
    pub batch: u64,
    /// The group in the global batch, from 0, whichever rank makes it.
    pub group: u32,
}

impl Mix {
    /// Draws a group of `slots` slots of images of this size, and returns one entry for each
    /// image that it emits ([`Mix::emitted`]).
    pub fn draw(&self, key: GroupKey, slots: usize, size: Size) -> Vec<SlotMix> {
        let GroupKey {
            seed,
            epoch,
            batch,
            group,
        } = key;
        let mut all = Vec::with_capacity(self.emitted(slots));
        for repeat in 0..self.repeat as u32 {
            // A batch has at most 2^20 slots and a recipe at most 64 repeats, so the upper six bits
            // are free to tell repeats apart.
            let rng =
                RandomStream::in_domain(seed, epoch, Domain::Mix, batch, group | repeat << 26);
            let mixed = self.draw_once(rng, slots, size);
            let unmixed = |range: std::ops::Range<usize>, role| {
                range.map(move |slot| SlotMix::unmixed(slot, role))
            };
            match self.emit {
                Emit::Mixed => all.extend(mixed),
                Emit::Half => all.extend(mixed.into_iter().take(slots / 2)),
                Emit::CleanAndMixed => {
                    all.extend(unmixed(0..slots, EmitRole::Clean));
                    all.extend(mixed);
                }
                Emit::MixedCleanUnseen => {
                    all.extend(mixed.into_iter().take(slots / 2));
                    all.extend(unmixed(0..slots / 2, EmitRole::Clean));
                    all.extend(unmixed(slots - slots / 2..slots, EmitRole::Unseen));
                    // Only a short last group can be odd. Its middle slot has no second half to
                    // belong to and stays clean.
                    if !slots.is_multiple_of(2) {
                        all.extend(unmixed(slots / 2..slots / 2 + 1, EmitRole::Clean));
                    }
                }
            }
        }
        all
    }

    /// Draws one repeat: for each slot, what it is mixed with and how.
    fn draw_once(&self, mut rng: RandomStream, slots: usize, size: Size) -> Vec<SlotMix> {
        let partners = self.partners(&mut rng, slots);
        // Draws a mixer and its plan. `None` leaves the slots that share the draw unmixed.
        let mut draw_plan = || {
            if !rng.bernoulli(self.p) {
                return None;
            }
            let chosen = match &self.choose[..] {
                [only] => &only.0,
                several => &several[rng.weighted(several.iter().map(|(_, weight)| *weight))].0,
            };
            let drawn = chosen.draw(&mut rng, size);
            match &drawn {
                // An empty box or a weight of 1 changes nothing: such a slot counts as unmixed.
                MixPlan::Ready(outcome) if outcome.changes_nothing(size) => None,
                _ => Some((chosen, drawn)),
            }
        };
        // Slots that share a draw get clones of one plan. A deferred plan is behind an `Arc`, so
        // what it computes once (a mask) is shared too.
        let plans: Vec<Option<(&Arc<dyn Mixer>, MixPlan)>> = match self.lambda {
            Lambda::Group => vec![draw_plan(); slots],
            Lambda::Pair => {
                let half: Vec<_> = (0..slots.div_ceil(2)).map(|_| draw_plan()).collect();
                (0..slots)
                    .map(|slot| half[slot.min(slots - 1 - slot)].clone())
                    .collect()
            }
            Lambda::Element => (0..slots).map(|_| draw_plan()).collect(),
        };
        let mixed = partners
            .into_iter()
            .zip(plans)
            .enumerate()
            .map(|(slot, (partner, plan))| {
                let (mixer, drawn) = plan?;
                let sources = sources_of(mixer.sources(), slot, partner, slots, &mut rng);
                let alone = sources.iter().all(|source| *source == slot);
                (!alone).then(|| SlotMix {
                    method: Method::of(mixer.name()),
                    role: EmitRole::Mixed,
                    sources,
                    drawn,
                })
            });
        let unmixed = |(slot, mixed): (usize, Option<SlotMix>)| {
            mixed.unwrap_or_else(|| SlotMix::unmixed(slot, EmitRole::Mixed))
        };
        mixed.enumerate().map(unmixed).collect()
    }

    /// The partner of each slot by the recipe's rule.
    fn partners(&self, rng: &mut RandomStream, slots: usize) -> Vec<usize> {
        match self.partner {
            Partner::Flip => (0..slots).rev().collect(),
            Partner::Roll => (0..slots).map(|slot| (slot + slots - 1) % slots).collect(),
            Partner::Perm => {
                let mut partners: Vec<usize> = (0..slots).collect();
                rng.shuffle(&mut partners);
                partners
            }
            Partner::Derange => {
                // A random permutation has no fixed point with probability 1/e, so ten attempts
                // fail about once in a hundred groups. Those get a random rotation, which bounds
                // the work.
                let mut partners: Vec<usize> = (0..slots).collect();
                for _ in 0..10 {
                    rng.shuffle(&mut partners);
                    if partners
                        .iter()
                        .enumerate()
                        .all(|(slot, &partner)| slot != partner)
                    {
                        return partners;
                    }
                }
                if slots < 2 {
                    return partners;
                }
                let shift = 1 + rng.below(slots as u64 - 1) as usize;
                (0..slots).map(|slot| (slot + shift) % slots).collect()
            }
        }
    }
}

/// The slots that a slot is mixed of, itself first.
fn sources_of(
    rule: Sources,
    slot: usize,
    partner: usize,
    slots: usize,
    rng: &mut RandomStream,
) -> Vec<usize> {
    let mut sources = vec![slot];
    let mut random_slot = || rng.below(slots as u64) as usize;
    match rule {
        Sources::Partner => sources.push(partner),
        Sources::Random(count) => sources.extend((0..count).map(|_| random_slot())),
        Sources::Following(count) => {
            sources.extend((1..=count).map(|step| (slot + step) % slots));
        }
        Sources::Partners(count) => {
            sources.push(partner);
            // A slot that is taken already is replaced by the next free one, which costs no
            // further draw. In a group that is too small, slots repeat.
            for _ in 1..count {
                let mut next = random_slot();
                while sources.len() < slots && sources.contains(&next) {
                    next = (next + 1) % slots;
                }
                sources.push(next);
            }
        }
    }
    sources
}

impl MixResult {
    /// True if the result is known to leave the slot unchanged. Only forms whose share costs
    /// nothing to compute are checked; [`SlotMix::resolve`] finds the others.
    fn changes_nothing(&self, size: Size) -> bool {
        let cheap = matches!(
            self.blend,
            Blend::Keep | Blend::Uniform { .. } | Blend::Box { .. }
        );
        cheap && self.label == Label::Share && self.notes.is_empty() && self.blend.lam(size) == 1.0
    }
}

#[cfg(test)]
pub(super) fn key(seed: u64, epoch: u32, batch: u64, group: u32) -> GroupKey {
    GroupKey {
        seed,
        epoch,
        batch,
        group,
    }
}
