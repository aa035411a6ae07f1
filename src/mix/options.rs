//! The table `[mix]`: which mixers, how often, who with whom, and what a group emits; its form and
//! its checks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Mixer;
use crate::error::Error;

/// What shares one draw of a blend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lambda {
    /// All slots of a group.
    #[default]
    Group,
    /// A slot and its mirror image in the group, in both directions.
    Pair,
    /// Nothing: each slot has its own.
    Element,
}

/// How partners are found in a group of n slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Partner {
    /// Slot i with slot n - 1 - i, as timm does. The middle slot of an odd group stays unmixed.
    #[default]
    Flip,
    /// Slot i with slot i - 1, as torchvision does.
    Roll,
    /// By a random permutation, which may leave a slot with itself, as the official MixUp and
    /// CutMix code does.
    Perm,
    /// By a random permutation without fixed points.
    Derange,
}

/// What a group of n slots becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emit {
    /// n images: each slot, mixed.
    #[default]
    Mixed,
    /// n / 2 images: the first half, mixed with the other one where partners are found by flip
    /// (timm's `half`).
    Half,
    /// 2 n images: each slot as it was, then each mixed (Metrix).
    CleanAndMixed,
    /// The first half mixed, the first half as it was, and the second half as it was: AdaMixUp's
    /// mixed, clean and unseen.
    MixedCleanUnseen,
}

/// Masks that a batch carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Masks {
    /// The weight of everything but the slot's own image at each pixel.
    pub pixels: bool,
    /// The same at each cell of a grid of so many cells a side, where its first pixel is; 0 for
    /// none.
    pub grid: u32,
}

/// Mixing as a recipe says it.
#[derive(Clone, Debug)]
pub struct Mix {
    pub(crate) choose: Vec<(Arc<dyn Mixer>, f64)>,
    pub(crate) p: f64,
    pub(crate) lambda: Lambda,
    pub(crate) partner: Partner,
    pub(crate) group: Option<usize>,
    pub(crate) emit: Emit,
    pub(crate) repeat: usize,
    pub(crate) masks: Masks,
}

impl Mix {
    /// Always one mixer, one blend for each group, partners by flip.
    pub fn new(mixer: impl Mixer + 'static) -> Mix {
        Mix {
            choose: vec![(Arc::new(mixer), 1.0)],
            p: 1.0,
            lambda: Lambda::default(),
            partner: Partner::default(),
            group: None,
            emit: Emit::default(),
            repeat: 1,
            masks: Masks::default(),
        }
    }

    /// Adds a mixer to choose from; the first one has weight 1.
    #[must_use]
    pub fn or(mut self, mixer: impl Mixer + 'static, weight: f64) -> Mix {
        self.choose.push((Arc::new(mixer), weight));
        self
    }

    /// The probability of mixing at all.
    #[must_use]
    pub fn p(self, p: f64) -> Mix {
        Mix { p, ..self }
    }

    /// What shares one blend.
    #[must_use]
    pub fn lambda(self, lambda: Lambda) -> Mix {
        Mix { lambda, ..self }
    }

    /// How partners are found.
    #[must_use]
    pub fn partner(self, partner: Partner) -> Mix {
        Mix { partner, ..self }
    }

    /// The size of groups; by default the largest divisor of the batch that is at most 32.
    #[must_use]
    pub fn group(self, slots: usize) -> Mix {
        Mix {
            group: Some(slots),
            ..self
        }
    }

    /// What a group becomes.
    #[must_use]
    pub fn emit(self, emit: Emit) -> Mix {
        Mix { emit, ..self }
    }

    /// How many times a group is mixed, each time anew; 1 by default.
    #[must_use]
    pub fn repeat(self, times: usize) -> Mix {
        Mix {
            repeat: times,
            ..self
        }
    }

    /// Masks that a batch carries; none by default.
    #[must_use]
    pub fn masks(self, masks: Masks) -> Mix {
        Mix { masks, ..self }
    }

    /// Masks that a batch carries.
    pub fn get_masks(&self) -> Masks {
        self.masks
    }

    /// Checks every value; the error comes with the key of the recipe that it is about.
    pub(crate) fn check(&self, batch: usize) -> std::result::Result<(), (&'static str, Error)> {
        let at = |key, text: String| Err((key, Error::config(text)));
        if self.choose.is_empty() {
            return at(
                "mix.choose",
                "mix.choose is empty: name a mixer, or leave [mix] out".into(),
            );
        }
        for (mixer, weight) in &self.choose {
            let name = mixer.name();
            mixer
                .check()
                .map_err(|error| ("mix.choose", error.at(format_args!("mix \"{name}\""))))?;
            if !(weight.is_finite() && *weight >= 0.0) {
                let text = format!("mix \"{name}\": weight = {weight}: expected 0 or more");
                return at("mix.choose", text);
            }
        }
        if self.choose.iter().all(|(_, weight)| *weight == 0.0) {
            let text = "mix.choose: all weights are 0: give one mixer a positive weight; mix.p = 0 switches mixing off";
            return at("mix.choose", text.into());
        }
        if !(0.0..=1.0).contains(&self.p) {
            return at(
                "mix.p",
                format!("mix.p = {}: a probability is between 0 and 1", self.p),
            );
        }
        if self.lambda == Lambda::Pair && self.partner != Partner::Flip {
            let text =
                "mix.lambda = \"pair\" needs mix.partner = \"flip\": other partners are no pairs";
            return at("mix.lambda", text.into());
        }
        if let Some(group) = self.group
            && (group < 2 || !batch.is_multiple_of(group))
        {
            let text = format!(
                "mix.group = {group}: expected at least 2 slots, and a divisor of batch = {batch}"
            );
            return at("mix.group", text);
        }
        let group = self.group_size(batch);
        if group < 2 {
            let text =
                format!("mixing needs a partner, and batch = {batch} leaves groups of one slot");
            return at("mix", text);
        }
        if matches!(self.emit, Emit::Half | Emit::MixedCleanUnseen) && !group.is_multiple_of(2) {
            let text = format!(
                "mix.emit halves groups, and a group has {group} slots: set mix.group to an even number"
            );
            return at("mix.emit", text);
        }
        if !(1..=64).contains(&self.repeat) {
            return at(
                "mix.repeat",
                format!("mix.repeat = {}: expected 1 to 64", self.repeat),
            );
        }
        if self.masks.grid > 4096 {
            return at(
                "mix.masks",
                format!(
                    "mix.masks grid = {}: expected at most 4096",
                    self.masks.grid
                ),
            );
        }
        Ok(())
    }

    /// The slots of a group.
    pub(crate) fn group_size(&self, batch: usize) -> usize {
        let largest = || {
            (1..=batch.min(32))
                .rev()
                .find(|size| batch.is_multiple_of(*size))
                .unwrap_or(1)
        };
        self.group.unwrap_or_else(largest)
    }

    /// The images that a group of so many slots becomes.
    pub fn emitted(&self, slots: usize) -> usize {
        self.repeat
            * match self.emit {
                Emit::Mixed => slots,
                Emit::Half => slots / 2,
                Emit::CleanAndMixed => 2 * slots,
                Emit::MixedCleanUnseen => slots / 2 + slots,
            }
    }

    /// The planes that mixers read.
    pub(crate) fn planes(&self) -> impl Iterator<Item = &str> {
        self.choose
            .iter()
            .filter(|(_, weight)| *weight > 0.0)
            .flat_map(|(mixer, _)| mixer.planes())
    }

    /// The mixers with their weights.
    pub fn mixers(&self) -> impl Iterator<Item = (&dyn Mixer, f64)> {
        self.choose
            .iter()
            .map(|(mixer, weight)| (&**mixer, *weight))
    }
}
