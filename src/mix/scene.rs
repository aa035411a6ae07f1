//! The types that a mixing group passes through: [`SlotMix`] and [`MixPlan`] are what was drawn,
//! [`Scene`] is what a deferred mixer may look at, [`MixResult`] is what it returns, and [`Mixed`]
//! is a finished slot.
//!
//! The module documentation of [`crate::mix`] describes the whole path.

use std::fmt;
use std::sync::Arc;

use super::blend::Blend;
use super::maps::{Map, MapSource};
use super::method::Method;
use super::saliency;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::{Annotations, Target};

/// What a mixer drew for a slot: the result, or a promise to compute it once pixels exist.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MixPlan {
    /// The draw decided everything.
    Ready(MixResult),
    /// The rest depends on pixels, maps or labels, or costs too much for the thread that draws. It
    /// is computed by [`SlotMix::resolve`].
    Deferred(Arc<dyn ResolveMix>),
}

impl From<Blend> for MixPlan {
    fn from(blend: Blend) -> MixPlan {
        MixPlan::Ready(MixResult::from(blend))
    }
}

/// How a slot is mixed: pixels, labels and annotations.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MixResult {
    /// How the pixels are made from the sources.
    pub blend: Blend,
    /// How the labels of the sources are weighted.
    pub label: Label,
    /// The slots that are mixed, if the mixer replaces the sources that were drawn.
    pub sources: Option<Vec<usize>>,
    /// Named numbers that the batch carries, such as the layer of manifold mixup.
    pub notes: Vec<(&'static str, f64)>,
    /// The instances of the partner that were pasted; the slot gets their annotations.
    pub pasted: Option<Pasted>,
}

impl From<Blend> for MixResult {
    fn from(blend: Blend) -> MixResult {
        MixResult {
            blend,
            label: Label::Share,
            sources: None,
            notes: Vec::new(),
            pasted: None,
        }
    }
}

impl MixResult {
    /// The same result with labels weighted by `label`.
    #[must_use]
    pub fn label(self, label: Label) -> MixResult {
        MixResult { label, ..self }
    }

    /// The weight of the label of source 0, in images of this size.
    pub fn lam(&self, size: Size) -> f64 {
        match &self.label {
            Label::Share => self.blend.lam(size),
            Label::Own => 1.0,
            Label::Weights(weights) => weights[0],
        }
    }

    /// The same result with one more named number.
    #[must_use]
    pub fn note(mut self, name: &'static str, value: f64) -> MixResult {
        self.notes.push((name, value));
        self
    }
}

/// Instances of the partner that were pasted onto the slot's own image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// The name of the annotation plane that holds the instance numbers.
    pub plane: String,
    /// The numbers of the pasted instances in that plane.
    pub instances: Vec<u8>,
}

/// How the labels of the sources are weighted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Label {
    /// Each source by its share of the pixels.
    Share,
    /// The label of source 0 has all the weight.
    Own,
    /// These weights, one for each source, which sum to 1.
    Weights(Vec<f64>),
}

/// The part of a mixer that runs once the pixels of the group exist.
///
/// # Example: the brighter image weighs more
///
/// ```
/// use feedmill::mix::{Blend, MixResult, ResolveMix, Scene};
///
/// #[derive(Debug)]
/// struct Brighter;
///
/// impl ResolveMix for Brighter {
///     fn resolve(
///         &self,
///         scene: &Scene<'_>,
///         _slot: usize,
///         sources: &[usize],
///     ) -> feedmill::Result<MixResult> {
///         let sum = |source: usize| -> feedmill::Result<f64> {
///             Ok(scene.view(source)?.iter().map(|level| f64::from(*level)).sum())
///         };
///         let (own, other) = (sum(sources[0])?, sum(sources[1])?);
///         let lam = if own > other { 0.7 } else { 0.3 };
///         Ok(MixResult::from(Blend::Uniform { lam }))
///     }
/// }
/// ```
pub trait ResolveMix: Send + Sync + fmt::Debug {
    /// Computes how `slot` is mixed from `sources`, of which the slot itself is the first. All
    /// randomness was drawn before, so the same scene yields the same result.
    ///
    /// # Errors
    ///
    /// Anything that makes mixing impossible, such as a map of the wrong size.
    fn resolve(&self, scene: &Scene<'_>, slot: usize, sources: &[usize]) -> Result<MixResult>;
}

/// The role of an image among those that its group emits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmitRole {
    /// The slot as it was drawn, which is mixed unless the draw says otherwise.
    #[default]
    Mixed = 0,
    /// The unmixed slot, emitted in addition to the mixed one.
    Clean = 1,
    /// An unmixed slot that no mixed image is made from (AdaMixUp's positives).
    Unseen = 2,
}

/// The draw of one slot. Slots are numbered in the group.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SlotMix {
    /// The mixer that was chosen.
    pub method: Method,
    /// The role of the image among those emitted.
    pub role: EmitRole,
    /// The slot itself and then its partners; the slot alone if it is not mixed.
    pub sources: Vec<usize>,
    /// The plan of the mixer.
    pub drawn: MixPlan,
}

impl SlotMix {
    /// A slot that is emitted unchanged.
    pub fn unmixed(slot: usize, role: EmitRole) -> SlotMix {
        SlotMix {
            method: Method::UNMIXED,
            role,
            sources: vec![slot],
            drawn: Blend::Keep.into(),
        }
    }

    /// The slot that is mixed: source 0.
    pub fn slot(&self) -> usize {
        self.sources[0]
    }
}

/// What a deferred mixer may look at: the untouched images of a group, their maps, targets and
/// annotations.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    size: Size,
    views: &'a [Option<&'a [u8]>],
    maps: Maps<'a>,
    targets: &'a [&'a Target],
    annotations: &'a [Option<&'a Annotations>],
}

/// Where the maps of a scene come from.
#[derive(Clone, Copy, Debug)]
enum Maps<'a> {
    /// From the mixer's own [`MapSource`]: computed, or a plane of the annotations.
    FromSource,
    /// From the caller, one for each slot. The mixer's own source is ignored.
    Supplied(&'a [Map]),
}

impl<'a> Scene<'a> {
    /// Creates a scene. `views[i]` is the image of slot `i` as rows of RGB of this size, or
    /// `None` if the slot is blank.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the first slot with pixels of another size.
    pub fn new(size: Size, views: &'a [Option<&'a [u8]>]) -> Result<Scene<'a>> {
        let expected = size.width as usize * size.height as usize * 3;
        for (slot, view) in views.iter().enumerate() {
            if let Some(view) = view.filter(|view| view.len() != expected || view.is_empty()) {
                return Err(Error::config(format!(
                    "slot {slot}: {} bytes are not an RGB image of {size} pixels",
                    view.len()
                )));
            }
        }
        Ok(Scene {
            size,
            views,
            maps: Maps::FromSource,
            targets: &[],
            annotations: &[],
        })
    }

    /// The same scene with a map for each slot. Mixers use these maps instead of those that their
    /// own [`MapSource`] names.
    #[must_use]
    pub fn maps(self, maps: &'a [Map]) -> Scene<'a> {
        Scene {
            maps: Maps::Supplied(maps),
            ..self
        }
    }

    /// The same scene with the targets of the slots.
    #[must_use]
    pub fn targets(self, targets: &'a [&'a Target]) -> Scene<'a> {
        Scene { targets, ..self }
    }

    /// The same scene with the annotations of the slots, in the coordinates of the images.
    #[must_use]
    pub fn annotations(self, annotations: &'a [Option<&'a Annotations>]) -> Scene<'a> {
        Scene {
            annotations,
            ..self
        }
    }

    /// The size of the images.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The number of slots.
    pub fn slots(&self) -> usize {
        self.views.len()
    }

    /// The image of a slot as rows of RGB.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the slot is blank.
    pub fn view(&self, slot: usize) -> Result<&'a [u8]> {
        let view = self.views.get(slot).copied().flatten();
        view.ok_or_else(|| Error::config(format!("slot {slot} has no image")))
    }

    /// The target of a slot; [`Target::None`] if the scene has no targets.
    pub fn target(&self, slot: usize) -> &'a Target {
        self.targets.get(slot).copied().unwrap_or(&Target::None)
    }

    /// The class of a slot, if its target is a single class.
    pub fn class(&self, slot: usize) -> Option<u32> {
        match self.target(slot) {
            Target::Class(class) => Some(*class),
            _ => None,
        }
    }

    /// The annotations of a slot, if it has any.
    pub fn annotated(&self, slot: usize) -> Option<&'a Annotations> {
        self.annotations.get(slot).copied().flatten()
    }

    /// The map of a slot, averaged over a grid of this many cells across and down, in row-major
    /// order.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the slot if it has no map, or if the sides of a map from
    /// the caller are not multiples of the grid.
    pub fn map(&self, slot: usize, source: &MapSource, grid: Size) -> Result<Vec<f32>> {
        let map = match self.maps {
            Maps::Supplied(maps) => {
                let supplied = maps.get(slot).ok_or_else(|| {
                    Error::config(format!("{} maps for {} slots", maps.len(), self.slots()))
                });
                supplied.and_then(|map| map.pooled(grid))
            }
            Maps::FromSource => source
                .find(self.size, self.view(slot)?, self.annotated(slot))
                .map(|map| map.averaged(grid)),
        };
        map.map_err(|error| error.at(format_args!("slot {slot}")))
    }

    /// The map of a slot at the resolution of the image, in levels of 0 to 255. Planes hold levels
    /// already; computed maps are scaled from 0 to 1.
    pub(crate) fn levels(&self, slot: usize, source: &MapSource) -> Result<Vec<u8>> {
        let (size, scale) = (
            self.size,
            if source.plane().is_some() { 1.0 } else { 255.0 },
        );
        // Fine-grained saliency is computed as bytes; the round trip through f32 is skipped.
        if matches!(
            (self.maps, source),
            (Maps::FromSource, MapSource::FineGrained)
        ) {
            return Ok(saliency::fine_grained(size, self.view(slot)?));
        }
        let map = self.map(slot, source, size)?;
        Ok(map.into_iter().map(|value| (value * scale) as u8).collect())
    }

    /// True if the slot has an image.
    pub(crate) fn has_image(&self, slot: usize) -> bool {
        self.views.get(slot).is_some_and(Option::is_some)
    }
}

/// A finished slot: how it was mixed. Slots are numbered in the group.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mixed {
    /// The mixer that was used; [`Method::UNMIXED`] if the result leaves the slot unchanged.
    pub method: Method,
    /// The role of the image among those emitted.
    pub role: EmitRole,
    /// The slot that the image stands for, and that its annotations come from.
    pub slot: usize,
    /// The slots of the sources, in the order of the blend.
    pub sources: Vec<usize>,
    /// The weight of each source's label.
    pub weights: Vec<f64>,
    /// How the pixels are made from the sources.
    pub blend: Blend,
    /// Named numbers that the batch carries.
    pub notes: Vec<(&'static str, f64)>,
    /// The instances of the partner that were pasted; the slot gets their annotations.
    pub pasted: Option<Pasted>,
}

impl Mixed {
    /// A slot that is emitted unchanged.
    pub fn unmixed(slot: usize, role: EmitRole) -> Mixed {
        Mixed {
            method: Method::UNMIXED,
            role,
            slot,
            sources: vec![slot],
            weights: vec![1.0],
            blend: Blend::Keep,
            notes: Vec::new(),
            pasted: None,
        }
    }
}

impl SlotMix {
    /// Completes the draw of the slot.
    ///
    /// The slot stays unmixed if it or one of its sources is blank, if it is its own only partner,
    /// or if the blend takes every pixel and label from the slot itself.
    ///
    /// # Errors
    ///
    /// As [`ResolveMix::resolve`]. [`crate::Kind::Config`] if the result of a user-defined mixer
    /// names sources that do not exist, or a blend that does not fit the size of the images.
    pub fn resolve(&self, scene: &Scene<'_>) -> Result<Mixed> {
        let slot = self.slot();
        let unmixed = || Mixed::unmixed(slot, self.role);
        if self.method == Method::UNMIXED
            || !self.sources.iter().all(|source| scene.has_image(*source))
        {
            return Ok(unmixed());
        }
        let resolved;
        let outcome = match &self.drawn {
            MixPlan::Ready(outcome) => outcome,
            MixPlan::Deferred(resolver) => {
                resolved = resolver.resolve(scene, slot, &self.sources)?;
                &resolved
            }
        };
        let sources = outcome.sources.as_ref().unwrap_or(&self.sources).clone();
        let needed = outcome.blend.sources().max(match &outcome.label {
            Label::Weights(weights) => weights.len(),
            _ => 1,
        });
        if needed > sources.len() || !sources.iter().all(|source| scene.has_image(*source)) {
            return Err(Error::config(format!(
                "mix \"{}\": {needed} sources are blended of the slots {sources:?}; \
                 expected as many with images",
                self.method
            )));
        }
        outcome
            .blend
            .check(scene.size)
            .map_err(|error| error.at(format_args!("mix \"{}\"", self.method)))?;
        let weights = match &outcome.label {
            Label::Share => outcome.blend.shares(scene.size, sources.len()),
            Label::Own => (0..sources.len())
                .map(|source| f64::from(u8::from(source == 0)))
                .collect(),
            Label::Weights(weights) => {
                let mut weights = weights.clone();
                weights.resize(sources.len(), 0.0);
                weights
            }
        };
        // A `Keep` blend alone does not make a slot unmixed: manifold mixup keeps the pixels,
        // weighs two labels and tells the consumer the layer in a note.
        let all_own = sources.iter().all(|source| *source == slot);
        let nothing =
            outcome.blend == Blend::Keep || (outcome.label == Label::Share && weights[0] == 1.0);
        if all_own
            || (nothing && weights[0] == 1.0 && sources[0] == slot && outcome.notes.is_empty())
        {
            return Ok(unmixed());
        }
        Ok(Mixed {
            method: self.method,
            role: self.role,
            slot,
            sources,
            weights,
            blend: outcome.blend.clone(),
            notes: outcome.notes.clone(),
            pasted: outcome.pasted.clone(),
        })
    }
}
