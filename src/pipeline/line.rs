//! One sample from its bytes to its view: what decoder and augmenter do, without threads.

use std::sync::Arc;

use super::views::{ViewSet, ViewSets};
use crate::augment::{Frame, Program};
use crate::batch::TargetMaker;
use crate::decode::{self, Decoder, Probe, Rect};
use crate::draws::{Coord, OpKey};
use crate::error::{Error, Fault, Kind, Result};
use crate::plan::{Plan, Visit};
use crate::recipe::{OnBad, Recipe};
use crate::source::{Annotations, Fingerprint, Payload, Plane, Raw, Source, Target};

/// How many stand-ins are tried for one bad sample.
const ATTEMPTS: u32 = 16;

/// Everything that decides what a batch holds. Shared by all threads; never changes.
pub(crate) struct Line {
    pub(crate) source: Box<dyn Source>,
    pub(crate) plan: Plan,
    pub(crate) recipe: Recipe,
    pub(crate) views: ViewSets,
    pub(crate) targets: TargetMaker,
    pub(crate) data: Fingerprint,
    pub(crate) recipe_hash: Fingerprint,
    /// The slots of a mixing group; 1 without mixing.
    pub(crate) group: usize,
}

/// What a decoder keeps from sample to sample, and the sample that it has at hand.
pub(crate) struct Desk {
    decoder: Decoder,
    /// A buffer for reading that sources hand back.
    spare: Vec<u8>,
    /// The steps of each of the sample's views.
    pub(crate) programs: Vec<Program>,
    /// The decoded part that they all read.
    pub(crate) pixels: Vec<u8>,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk { decoder: Decoder::new(), spare: Vec::new(), programs: Vec::new(), pixels: Vec::new() }
    }

    fn keep(&mut self, payload: Payload) {
        if let Payload::Owned(buffer) = payload
            && buffer.capacity() > self.spare.capacity()
        {
            self.spare = buffer;
        }
    }
}

/// Asked for the part of a picture to decode, given the part that is needed and the bytes of its planes: the place to
/// wait for memory.
pub(crate) type Choose<'a> = &'a mut dyn FnMut(Rect, &Probe, u64) -> Result<Rect>;

/// A sample as read.
pub(crate) struct Sample {
    pub(crate) raw: Raw,
    /// Empty, and not asked for, unless the recipe moves annotations.
    pub(crate) annotations: Annotations,
}

/// A slot whose picture is about to be decoded or known to be blank.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) visit: Visit,
    pub(crate) target: Target,
    pub(crate) fault: Option<Fault>,
    /// The decoded part of the picture in the buffer that came along; `None` for a blank slot.
    pub(crate) region: Option<Rect>,
    /// What is annotated in the picture, planes decoded.
    pub(crate) annotations: Annotations,
}

/// Where a slot is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) epoch: u32,
    pub(crate) index: u64,
    /// In the global batch.
    pub(crate) global_slot: usize,
    /// In this rank's batch.
    pub(crate) slot: usize,
}

impl Line {
    /// The views of an epoch.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe makes no views of fixed size in this epoch.
    pub(crate) fn views_at(&self, epoch: u32) -> Result<Arc<ViewSet>> {
        self.views.at(&self.recipe, epoch)
    }

    /// Reads a sample on this thread.
    pub(crate) fn read(&self, desk: &mut Desk, sample: u64) -> Result<Sample> {
        self.fetch(sample, std::mem::take(&mut desk.spare))
    }

    /// Reads a sample, with its annotations if the recipe moves them.
    pub(crate) fn fetch(&self, sample: u64, spare: Vec<u8>) -> Result<Sample> {
        let raw = self.source.read(sample, spare)?;
        let annotations = match self.recipe.joint {
            Some(_) => self.source.annotations(sample)?.unwrap_or_default(),
            None => Annotations::default(),
        };
        Ok(Sample { raw, annotations })
    }

    /// Decodes the sample of a slot, or a stand-in by the recipe's rule, at the desk.
    ///
    /// `raw` is the planned sample if a reader has read it already.
    pub(crate) fn admit(
        &self,
        desk: &mut Desk,
        views: &ViewSet,
        place: Place,
        planned: Visit,
        raw: Option<Result<Sample>>,
        choose: Choose<'_>,
    ) -> Result<Admitted> {
        let mut raw = raw;
        let mut visit = planned;
        let mut fault: Option<Fault> = None;
        for attempt in 0..=ATTEMPTS {
            let read = raw.take().unwrap_or_else(|| self.read(desk, visit.sample));
            let decoded = read.and_then(|raw| self.decode(desk, views, place.epoch, visit, raw, choose));
            let error = match decoded {
                Ok(decoded) => {
                    if let Some(fault) = &mut fault {
                        fault.replaced_by = Some(visit.sample);
                    }
                    let Decoded { region, target, annotations } = decoded;
                    return Ok(Admitted { visit, target, fault, region: Some(region), annotations });
                }
                Err(error) => self.name(error, visit.sample),
            };
            if matches!(error.kind(), Kind::Config | Kind::Worker | Kind::Stopped) {
                return Err(error);
            }
            let first = fault.get_or_insert_with(|| Fault {
                slot: place.slot,
                sample: visit.sample,
                kind: error.kind(),
                message: error.message().to_string(),
                replaced_by: None,
            });
            match self.recipe.on_bad {
                OnBad::Fail => return Err(error),
                OnBad::Skip { .. } => {
                    return Ok(Admitted {
                        visit: planned,
                        target: Target::None,
                        fault,
                        region: None,
                        annotations: Annotations::default(),
                    });
                }
                OnBad::Replace { .. } if attempt == ATTEMPTS => {
                    return Err(Error::new(
                        error.kind(),
                        format!(
                            "{}; none of {ATTEMPTS} stand-ins could be read either, the last: {}",
                            first.message,
                            error.message()
                        ),
                    )
                    .with_sample(planned.sample));
                }
                OnBad::Replace { .. } => {
                    visit = self.plan.replacement(
                        place.epoch,
                        place.index,
                        place.global_slot,
                        planned.sample,
                        attempt,
                    );
                }
            }
        }
        unreachable!("the last attempt returns")
    }

    /// The error with the sample's number and name, unless it has them.
    fn name(&self, error: Error, sample: u64) -> Error {
        let name = self.source.name(sample);
        let named = error.message().contains(&name);
        let error = error.with_sample(sample);
        if named { error } else { error.at(format_args!("sample {sample} ({name})")) }
    }

    fn decode(
        &self,
        desk: &mut Desk,
        views: &ViewSet,
        epoch: u32,
        visit: Visit,
        sample: Sample,
        choose: Choose<'_>,
    ) -> Result<Decoded> {
        let Sample { raw, mut annotations } = sample;
        self.targets.check(&raw.target)?;
        let probe = decode::probe(&raw.bytes, raw.codec, &self.recipe.limits)?;
        self.draw(&mut desk.programs, views, epoch, visit, &probe);
        desk.programs.iter().try_for_each(Program::check_size)?;
        annotations.check()?;
        let planes = self.probe_planes(&annotations, &probe)?;
        let bytes = planes.iter().map(Probe::decoded_bytes).sum();
        let region = choose(wish(&desk.programs), &probe, bytes)?;
        desk.decoder.decode(&raw.bytes, &probe, region, &mut desk.pixels)?;
        desk.keep(raw.bytes);
        for (plane, probe) in annotations.planes.iter_mut().zip(&planes) {
            decode_plane(&mut desk.decoder, plane, probe)
                .map_err(|error| error.at(format_args!("plane \"{}\"", plane.name)))?;
        }
        self.check_maps(views, &annotations)?;
        Ok(Decoded { region, target: raw.target, annotations })
    }

    /// Refuses a sample without the planes that mixing reads.
    fn check_maps(&self, views: &ViewSet, annotations: &Annotations) -> Result<()> {
        let wanted = views.mix.iter().flat_map(|mix| mix.planes());
        for name in wanted {
            if annotations.plane(name).is_none_or(|plane| plane.kind.channels() != 1) {
                return Err(Error::corrupt(format!(
                    "no plane \"{name}\" of one channel, which mixing reads"
                )));
            }
        }
        Ok(())
    }

    /// Reads the headers of planes, which count towards the limits like the picture.
    fn probe_planes(&self, annotations: &Annotations, picture: &Probe) -> Result<Vec<Probe>> {
        let mut pixels = u64::from(picture.width) * u64::from(picture.height);
        let planes = annotations.planes.iter().map(|plane| {
            decode::plane::admit(&plane.bytes, plane.codec, &self.recipe.limits, picture, &mut pixels)
                .map_err(|error| error.at(format_args!("plane \"{}\"", plane.name)))
        });
        planes.collect()
    }

    /// Draws a program for each view of a visit, for a picture of the probed size.
    pub(crate) fn draw(
        &self,
        programs: &mut Vec<Program>,
        views: &ViewSet,
        epoch: u32,
        visit: Visit,
        probe: &Probe,
    ) {
        let frame = Frame { width: probe.width, height: probe.height };
        programs.resize_with(views.count(), Program::default);
        for (spot, program) in views.spots().zip(programs) {
            let at = Coord {
                epoch,
                sample: visit.sample,
                occurrence: visit.occurrence,
                view: spot.number as u8,
                op: OpKey::default(),
            };
            program.draw(&spot.group.view, self.recipe.seed, at, (spot.k, spot.group.count()), frame);
        }
    }

    /// The pictures that so many slots become, which begin with a group.
    pub(crate) fn emitted(&self, slots: usize) -> usize {
        let Some(mix) = &self.recipe.mix else { return slots };
        slots / self.group * mix.emitted(self.group) + mix.emitted(slots % self.group)
    }

    /// The global number of the group that begins at a slot of this rank.
    pub(crate) fn group_number(&self, first: usize, slot: usize) -> u32 {
        ((first + slot) / self.group) as u32
    }
}

/// A decoded sample but for its pixels, which are at the desk.
struct Decoded {
    region: Rect,
    target: Target,
    annotations: Annotations,
}

fn decode_plane(decoder: &mut Decoder, plane: &mut Plane, probe: &Probe) -> Result<()> {
    // Raw planes are as they should be.
    if plane.size().is_none() {
        let pixels = decoder.plane(&plane.bytes, probe, plane.kind.channels())?;
        let name = std::mem::take(&mut plane.name);
        *plane = Plane::raw(name, plane.kind, probe.width, probe.height, pixels);
    }
    Ok(())
}

/// The part of the picture that all views together read.
pub(crate) fn wish(programs: &[Program]) -> Rect {
    let wishes = programs.iter().map(Program::wish);
    wishes.reduce(Rect::union).expect("a sample has at least one view")
}
