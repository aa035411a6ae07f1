//! A mixing group on its way through the mixers: what was drawn, what mixers may look at, what came
//! out.

use std::fmt;
use std::sync::Arc;

use super::blend::Blend;
use super::maps::{Map, MapSource};
use super::method::Method;
use super::saliency;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::{Annotations, Target};

/// What a mixer drew for a slot, from sizes alone.
#[derive(Clone, Debug)]
pub enum MixPlan {
    /// All of it.
    Ready(MixResult),
    /// What is left depends on pixels, maps or labels, or costs too much to be done before there is
    /// a thread for it.
    Deferred(Arc<dyn ResolveMix>),
}

impl From<Blend> for MixPlan {
    fn from(blend: Blend) -> MixPlan {
        MixPlan::Ready(MixResult::from(blend))
    }
}

/// How a slot is mixed.
#[derive(Clone, Debug, PartialEq)]
pub struct MixResult {
    /// The pixels.
    pub blend: Blend,
    /// The labels.
    pub label: Label,
    /// The sources, if they are others than those that were drawn.
    pub sources: Option<Vec<usize>>,
    /// Numbers for the trainer, such as the layer of manifold mixup.
    pub notes: Vec<(&'static str, f64)>,
    /// What of the partner was pasted, so that annotations follow.
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
    /// With other weights of labels.
    #[must_use]
    pub fn label(self, label: Label) -> MixResult {
        MixResult { label, ..self }
    }

    /// The weight of A's label, in images of size `frame`.
    pub fn lam(&self, frame: Size) -> f64 {
        match &self.label {
            Label::Share => self.blend.lam(frame),
            Label::Own => 1.0,
            Label::Weights(weights) => weights[0],
        }
    }

    /// With a number for the trainer.
    #[must_use]
    pub fn note(mut self, name: &'static str, value: f64) -> MixResult {
        self.notes.push((name, value));
        self
    }
}

/// Instances of the partner that were pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// The plane of the partner that tells them apart.
    pub plane: String,
    /// Their numbers there.
    pub instances: Vec<u8>,
}

/// How the labels of the sources are weighted.
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// By their shares of the pixels.
    Share,
    /// A's alone.
    Own,
    /// By these weights, which sum to 1.
    Weights(Vec<f64>),
}

/// The part of a mixer that needs to see.
pub trait ResolveMix: Send + Sync + fmt::Debug {
    /// How `slot` is mixed of `sources`, itself first. All randomness was drawn before: the same
    /// scene gives the same outcome.
    ///
    /// # Errors
    ///
    /// What makes it impossible, such as a map of the wrong size.
    fn resolve(&self, scene: &Scene<'_>, slot: usize, sources: &[usize]) -> Result<MixResult>;
}

/// What a slot is among those that its group emits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmitRole {
    /// Mixed, if it was drawn so.
    #[default]
    Mixed = 0,
    /// As it was, beside a mixed one.
    Clean = 1,
    /// As it was, and in no mixed one (AdaMixUp's positives).
    Unseen = 2,
}

/// How one slot is mixed, as drawn. Slots count in the group.
#[derive(Clone, Debug)]
pub struct SlotMix {
    /// Which mixer.
    pub method: Method,
    /// What it is among those emitted.
    pub role: EmitRole,
    /// Its slot, and whom it is mixed with; only itself if unmixed.
    pub sources: Vec<usize>,
    /// How.
    pub drawn: MixPlan,
}

impl SlotMix {
    /// A slot as it is.
    pub fn unmixed(slot: usize, role: EmitRole) -> SlotMix {
        SlotMix {
            method: Method::Unmixed,
            role,
            sources: vec![slot],
            drawn: Blend::Keep.into(),
        }
    }

    /// The slot.
    pub fn slot(&self) -> usize {
        self.sources[0]
    }
}

/// What mixers may look at: the untouched images of a group, their maps and their targets.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    frame: Size,
    views: &'a [Option<&'a [u8]>],
    maps: Maps<'a>,
    targets: &'a [&'a Target],
    annotations: &'a [Option<&'a Annotations>],
}

#[derive(Clone, Copy, Debug)]
enum Maps<'a> {
    /// Computed, or planes of the annotations.
    Named,
    /// The caller's, one a slot, whatever the mixer's source.
    Given(&'a [Map]),
}

impl<'a> Scene<'a> {
    /// Of rows of RGB of size `frame` for each slot; `None` for a slot without an image.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names a slot whose pixels are not of that size.
    pub fn new(frame: Size, views: &'a [Option<&'a [u8]>]) -> Result<Scene<'a>> {
        let expected = frame.width as usize * frame.height as usize * 3;
        for (slot, view) in views.iter().enumerate() {
            if let Some(view) = view.filter(|view| view.len() != expected || view.is_empty()) {
                return Err(Error::config(format!(
                    "slot {slot}: {} bytes are no RGB image of {frame} pixels",
                    view.len()
                )));
            }
        }
        Ok(Scene {
            frame,
            views,
            maps: Maps::Named,
            targets: &[],
            annotations: &[],
        })
    }

    /// With a map for each slot, which mixers take whatever their own source of maps is.
    #[must_use]
    pub fn maps(self, maps: &'a [Map]) -> Scene<'a> {
        Scene {
            maps: Maps::Given(maps),
            ..self
        }
    }

    /// With the targets of the slots.
    #[must_use]
    pub fn targets(self, targets: &'a [&'a Target]) -> Scene<'a> {
        Scene { targets, ..self }
    }

    /// With what is annotated in the images, in their coordinates.
    #[must_use]
    pub fn annotations(self, annotations: &'a [Option<&'a Annotations>]) -> Scene<'a> {
        Scene {
            annotations,
            ..self
        }
    }

    /// The size of the images.
    pub fn frame(&self) -> Size {
        self.frame
    }

    /// The number of slots.
    pub fn slots(&self) -> usize {
        self.views.len()
    }

    /// The image of a slot: rows of RGB.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if there is none.
    pub fn view(&self, slot: usize) -> Result<&'a [u8]> {
        let view = self.views.get(slot).copied().flatten();
        view.ok_or_else(|| Error::config(format!("slot {slot} has no image")))
    }

    /// The target of a slot.
    pub fn target(&self, slot: usize) -> &'a Target {
        self.targets.get(slot).copied().unwrap_or(&Target::None)
    }

    /// The class of a slot, if it has just one.
    pub fn class(&self, slot: usize) -> Option<u32> {
        match self.target(slot) {
            Target::Class(class) => Some(*class),
            _ => None,
        }
    }

    /// What is annotated in a slot.
    pub fn annotated(&self, slot: usize) -> Option<&'a Annotations> {
        self.annotations.get(slot).copied().flatten()
    }

    /// The map of a slot as means over a grid of rows x columns, in row-major order.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the slot: no map, one that the grid does not divide,
    /// values that are negative or not finite.
    pub fn map(&self, slot: usize, source: &MapSource, grid: [u32; 2]) -> Result<Vec<f32>> {
        let map = match self.maps {
            Maps::Given(maps) => {
                let given = maps.get(slot).ok_or_else(|| {
                    Error::config(format!("{} maps for {} slots", maps.len(), self.slots()))
                });
                given.and_then(|map| map.pooled(grid))
            }
            Maps::Named => source
                .find(self.frame, self.view(slot)?, self.annotated(slot))
                .map(|map| map.averaged(grid)),
        };
        map.map_err(|error| error.at(format_args!("slot {slot}")))
    }

    /// The map of a slot at the image's resolution, in levels of 0 to 255; planes and computed maps
    /// have such.
    pub(crate) fn levels(&self, slot: usize, source: &MapSource) -> Result<Vec<u8>> {
        let (frame, scale) = (
            self.frame,
            if source.plane().is_some() { 1.0 } else { 255.0 },
        );
        if matches!((self.maps, source), (Maps::Named, MapSource::FineGrained)) {
            return Ok(saliency::fine_grained(frame, self.view(slot)?));
        }
        let map = self.map(slot, source, [frame.height, frame.width])?;
        Ok(map.into_iter().map(|value| (value * scale) as u8).collect())
    }

    /// True if there is an image in a slot.
    pub(crate) fn has(&self, slot: usize) -> bool {
        self.views.get(slot).is_some_and(Option::is_some)
    }
}

/// How one slot was mixed. Slots count in the group.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    /// Which mixer; unmixed if what was drawn left the slot as it was.
    pub method: Method,
    /// What it is among those emitted.
    pub role: EmitRole,
    /// The slot that it stands for: whose annotations it has.
    pub slot: usize,
    /// The sources, in the blend's order.
    pub sources: Vec<usize>,
    /// The weight of each source's label.
    pub weights: Vec<f64>,
    /// The pixels.
    pub blend: Blend,
    /// Numbers for the trainer.
    pub notes: Vec<(&'static str, f64)>,
    /// What of the partner was pasted, so that annotations follow.
    pub pasted: Option<Pasted>,
}

impl Mixed {
    /// A slot as it is.
    pub fn unmixed(slot: usize, role: EmitRole) -> Mixed {
        Mixed {
            method: Method::Unmixed,
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
    /// Finishes what was drawn. A slot stays as it was if it or one of its sources has no image, if
    /// it is its own partner, or if all of it is A.
    ///
    /// # Errors
    ///
    /// As [`ResolveMix::resolve`].
    pub fn resolve(&self, scene: &Scene<'_>) -> Result<Mixed> {
        let slot = self.slot();
        let unmixed = || Mixed::unmixed(slot, self.role);
        if self.method == Method::Unmixed || !self.sources.iter().all(|source| scene.has(*source)) {
            return Ok(unmixed());
        }
        let late;
        let outcome = match &self.drawn {
            MixPlan::Ready(outcome) => outcome,
            MixPlan::Deferred(rest) => {
                late = rest.resolve(scene, slot, &self.sources)?;
                &late
            }
        };
        let sources = outcome.sources.as_ref().unwrap_or(&self.sources).clone();
        let needed = outcome.blend.sources().max(match &outcome.label {
            Label::Weights(weights) => weights.len(),
            _ => 1,
        });
        if needed > sources.len() || !sources.iter().all(|source| scene.has(*source)) {
            return Err(Error::config(format!(
                "mix \"{}\": {needed} sources are blended of the slots {sources:?}; expected as many with images",
                self.method
            )));
        }
        outcome
            .blend
            .check(scene.frame)
            .map_err(|error| error.at(format_args!("mix \"{}\"", self.method)))?;
        let weights = match &outcome.label {
            Label::Share => outcome.blend.shares(scene.frame, sources.len()),
            Label::Own => (0..sources.len())
                .map(|source| f64::from(u8::from(source == 0)))
                .collect(),
            Label::Weights(weights) => {
                let mut weights = weights.clone();
                weights.resize(sources.len(), 0.0);
                weights
            }
        };
        let all_own = sources.iter().all(|source| *source == slot);
        let nothing =
            outcome.blend == Blend::Keep || (outcome.label == Label::Share && weights[0] == 1.0);
        if all_own
            || (nothing && weights[0] == 1.0 && sources[0] == slot && outcome.notes.is_empty())
        {
            return Ok(unmixed());
        }
        Ok(Mixed {
            method: self.method.clone(),
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
