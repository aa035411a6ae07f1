//! What a recipe's mixing draws for a group.

use std::sync::Arc;

use super::blend::Blend;
use super::method::Method;
use super::scene::{EmitRole, Label, MixPlan, MixResult, SlotMix};
use super::{Mixer, Sources};
use crate::geometry::Size;
use crate::mix::options::{Emit, Lambda, Mix, Partner};
use crate::rng::{Domain, RandomStream};

impl Mix {
    /// What a group of `slots` slots becomes. `group` counts in the global batch.
    pub fn draw(
        &self,
        seed: u64,
        epoch: u32,
        batch: u64,
        group: u32,
        slots: usize,
        frame: Size,
    ) -> Vec<SlotMix> {
        let mut all = Vec::with_capacity(self.emitted(slots));
        for repeat in 0..self.repeat as u32 {
            // Groups are numbered from 0, so the upper bits are free to tell repeats apart.
            let rng =
                RandomStream::in_domain(seed, epoch, Domain::Mix, batch, group | repeat << 26);
            let mixed = self.draw_once(rng, slots, frame);
            let clean = |range: std::ops::Range<usize>, role| {
                range.map(move |slot| SlotMix::unmixed(slot, role))
            };
            match self.emit {
                Emit::Mixed => all.extend(mixed),
                Emit::Half => all.extend(mixed.into_iter().take(slots / 2)),
                Emit::CleanAndMixed => {
                    all.extend(clean(0..slots, EmitRole::Clean));
                    all.extend(mixed);
                }
                Emit::MixedCleanUnseen => {
                    all.extend(mixed.into_iter().take(slots / 2));
                    all.extend(clean(0..slots / 2, EmitRole::Clean));
                    all.extend(clean(slots - slots / 2..slots, EmitRole::Unseen));
                    if !slots.is_multiple_of(2) {
                        all.extend(clean(slots / 2..slots / 2 + 1, EmitRole::Clean));
                    }
                }
            }
        }
        all
    }

    /// Each slot, mixed.
    fn draw_once(&self, mut rng: RandomStream, slots: usize, frame: Size) -> Vec<SlotMix> {
        let partners = self.partners(&mut rng, slots);
        let mut blend = || {
            if !rng.bernoulli(self.p) {
                return None;
            }
            let chosen = match &self.choose[..] {
                [only] => &only.0,
                several => &several[rng.weighted(several.iter().map(|(_, weight)| *weight))].0,
            };
            let drawn = chosen.draw(&mut rng, frame);
            match &drawn {
                // An empty box or a weight of 1 leaves the slot as it was.
                MixPlan::Ready(outcome) if outcome.is_nothing(frame) => None,
                _ => Some((chosen, drawn)),
            }
        };
        let blends: Vec<Option<(&Arc<dyn Mixer>, MixPlan)>> = match self.lambda {
            Lambda::Group => vec![blend(); slots],
            Lambda::Pair => {
                let half: Vec<_> = (0..slots.div_ceil(2)).map(|_| blend()).collect();
                (0..slots)
                    .map(|slot| half[slot.min(slots - 1 - slot)].clone())
                    .collect()
            }
            Lambda::Element => (0..slots).map(|_| blend()).collect(),
        };
        let mixed = partners
            .into_iter()
            .zip(blends)
            .enumerate()
            .map(|(slot, (partner, blend))| {
                let (mixer, drawn) = blend?;
                let mut sources = vec![slot];
                let mut other = || rng.below(slots as u64) as usize;
                match mixer.sources() {
                    Sources::Partner => sources.push(partner),
                    Sources::Random(count) => sources.extend((0..count).map(|_| other())),
                    Sources::Following(count) => {
                        sources.extend((1..=count).map(|step| (slot + step) % slots))
                    }
                    Sources::Partners(count) => {
                        sources.push(partner);
                        // The others are different from each other as long as there are enough.
                        for _ in 1..count {
                            let mut next = other();
                            while sources.len() < slots && sources.contains(&next) {
                                next = (next + 1) % slots;
                            }
                            sources.push(next);
                        }
                    }
                }
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

impl MixResult {
    /// True if a cheap look says that it leaves the slot as it was.
    fn is_nothing(&self, frame: Size) -> bool {
        let plain = matches!(
            self.blend,
            Blend::Keep | Blend::Uniform { .. } | Blend::Box { .. }
        );
        plain && self.label == Label::Share && self.notes.is_empty() && self.blend.lam(frame) == 1.0
    }
}
