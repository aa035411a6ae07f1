//! [`Mix`], the table `[mix]` of a recipe: which mixers are used and how often, how partners are
//! found, and what a group emits.

use std::sync::Arc;

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use super::Mixer;
use crate::error::Error;

/// Which slots of a group share one draw of mixer and parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Lambda {
    /// All slots of a group.
    #[default]
    Group,
    /// Slot i and slot n - 1 - i of a group of n slots.
    Pair,
    /// None: each slot has its own draw.
    Element,
}

/// How partners are found in a group of n slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Partner {
    /// Slot i is mixed with slot n - 1 - i, as in timm. The middle slot of an odd group stays
    /// unmixed.
    #[default]
    Flip,
    /// Slot i is mixed with slot i - 1, as in torchvision.
    Roll,
    /// By a random permutation, as in the authors' code of MixUp and CutMix. A slot that is its own
    /// partner stays unmixed.
    Perm,
    /// By a random permutation without fixed points.
    Derange,
}

/// Which images a group of n slots emits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Emit {
    /// n images: each slot mixed.
    #[default]
    Mixed,
    /// n / 2 images: the first half of the slots mixed, which with [`Partner::Flip`] means with the
    /// second half (timm's `half`).
    Half,
    /// 2 n images: each slot unmixed, then each slot mixed (Metrix).
    CleanAndMixed,
    /// 3 n / 2 images: the first half of the slots mixed, then the first half unmixed, then the
    /// second half unmixed. These are AdaMixUp's mixed, clean and unseen images.
    MixedCleanUnseen,
}

/// The masks that a batch carries for its mixed images; none by default.
///
/// # Example: the mask of each patch of a transformer
///
/// ```
/// use feedmill::mix::{CutMix, Masks, Mix};
///
/// let mix = Mix::new(CutMix::new()).with_masks(Masks::new().with_grid(14));
/// assert_eq!(mix.masks().grid(), 14);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Masks {
    /// Whether there is a mask of pixels: the summed weight of everything except the slot's own image.
    pub(crate) pixels: bool,
    /// The cells per side of a coarser mask, in which each cell has the value of its first pixel;
    /// 0 for no such mask.
    pub(crate) grid: u32,
}

impl Masks {
    /// No masks.
    pub fn new() -> Masks {
        Masks::default()
    }
}

/// How a recipe mixes: the table `[mix]`.
///
/// # Example: mix two images without a loader
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::mix::{self, CutMix, GroupKey, Mix, MixUp, Scene};
///
/// let size = Size::square(2);
/// let (white, black) = ([255; 12], [0; 12]);
/// let views = [Some(&white[..]), Some(&black[..])];
/// let key = GroupKey { seed: 7, epoch: 0, batch: 0, group: 0 };
/// let mix = Mix::new(MixUp::new(0.2)).or(CutMix::new(), 1.0); // each in half of the groups
/// let drawn = mix.draw(key, 2, size);
/// let mixed = drawn[0].resolve(&Scene::new(size, &views)?)?;
/// let pixels = mix::apply(&mixed.blend, size, &[&white[..], &black], |level, _| level)?;
/// assert_eq!((pixels.len(), mixed.weights.iter().sum::<f64>()), (12, 1.0));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Accessors)]
pub struct Mix {
    #[accessor(skip)]
    pub(crate) choose: Vec<(Arc<dyn Mixer>, f64)>,
    /// The probability that a draw mixes at all; 1 by default.
    pub(crate) p: f64,
    /// Which slots share one draw; a whole group by default.
    #[accessor(copy)]
    pub(crate) lambda: Lambda,
    /// How partners are found; [`Partner::Flip`] by default.
    #[accessor(copy)]
    pub(crate) partner: Partner,
    /// The number of slots of a group; by default the largest divisor of the batch that is at most
    /// 32.
    pub(crate) group: Option<usize>,
    /// Which images a group emits; each slot once by default.
    #[accessor(copy)]
    pub(crate) emit: Emit,
    /// How often a group is mixed, each time with a new draw; 1 by default.
    pub(crate) repeat: usize,
    /// The masks that a batch carries; none by default.
    #[accessor(copy)]
    pub(crate) masks: Masks,
}

impl Mix {
    /// Mixing with one mixer and probability 1, one draw for each group, and partners by
    /// [`Partner::Flip`].
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

    /// Adds a mixer to choose from. Each draw picks one with a probability proportional to its
    /// weight; the mixer of [`Mix::new`] has weight 1.
    #[must_use]
    pub fn or(mut self, mixer: impl Mixer + 'static, weight: f64) -> Mix {
        self.choose.push((Arc::new(mixer), weight));
        self
    }

    /// Checks every value for batches of `batch` slots. An error comes with the key of the recipe
    /// that it is about.
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
                .validate()
                .map_err(|error| ("mix.choose", error.at(format_args!("mix \"{name}\""))))?;
            if !(weight.is_finite() && *weight >= 0.0) {
                let text = format!("mix \"{name}\": weight = {weight}: expected 0 or more");
                return at("mix.choose", text);
            }
        }
        if self.choose.iter().all(|(_, weight)| *weight == 0.0) {
            let text = "mix.choose: all weights are 0: give one mixer a positive weight; \
                        mix.p = 0 switches mixing off";
            return at("mix.choose", text.into());
        }
        if !(0.0..=1.0).contains(&self.p) {
            return at(
                "mix.p",
                format!("mix.p = {}: a probability is between 0 and 1", self.p),
            );
        }
        if self.lambda == Lambda::Pair && self.partner != Partner::Flip {
            let text = "mix.lambda = \"pair\" needs mix.partner = \"flip\": \
                        other rules do not form pairs";
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
                "mix.emit halves groups, and a group has {group} slots: \
                 set mix.group to an even number"
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

    /// The number of slots of a group in batches of `batch` slots.
    pub(crate) fn group_size(&self, batch: usize) -> usize {
        let largest = || {
            (1..=batch.min(32))
                .rev()
                .find(|size| batch.is_multiple_of(*size))
                .unwrap_or(1)
        };
        self.group.unwrap_or_else(largest)
    }

    /// The number of images that a group of `slots` slots emits.
    pub fn emitted(&self, slots: usize) -> usize {
        self.repeat
            * match self.emit {
                Emit::Mixed => slots,
                Emit::Half => slots / 2,
                Emit::CleanAndMixed => 2 * slots,
                Emit::MixedCleanUnseen => slots / 2 + slots,
            }
    }

    /// The annotation planes that the mixers with a positive weight read.
    pub(crate) fn planes(&self) -> impl Iterator<Item = &str> {
        self.choose
            .iter()
            .filter(|(_, weight)| *weight > 0.0)
            .flat_map(|(mixer, _)| mixer.planes())
    }

    /// The mixers to choose from, with their weights.
    pub fn mixers(&self) -> impl Iterator<Item = (&dyn Mixer, f64)> {
        self.choose
            .iter()
            .map(|(mixer, weight)| (&**mixer, *weight))
    }
}
