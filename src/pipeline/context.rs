//! One sample from its bytes to its view: what decoder and augmenter do, without threads.

use std::sync::Arc;

use bytes::Bytes;

use super::index_cache::IndexCache;
use super::verified_rows::VerifiedRowsTable;
use super::views::{ViewSet, ViewSets};
use crate::augment::Program;
use crate::batch::TargetMaker;
use crate::decode::jpeg::{Index, VerifiedRows};
use crate::decode::{self, Decoder, IndexPolicy, Probe, ScalePolicy, plane};
use crate::error::{Error, Fault, Kind, Result};
use crate::geometry::{Rect, Size};
use crate::plan::{Plan, Visit};
use crate::recipe::{OnBad, Recipe};
use crate::rng::{Coord, OpKey};
use crate::sample::{Annotations, Codec, Fingerprint, Payload, Sample, Target};
use crate::source::Source;
use crate::state::RunIdentity;

/// How many replacements are tried for one bad sample.
const ATTEMPTS: u32 = 16;

/// Everything that decides what a batch holds. Shared by all threads; never changes.
pub(crate) struct RunContext {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) plan: Plan,
    pub(crate) recipe: Recipe,
    pub(crate) views: ViewSets,
    pub(crate) targets: TargetMaker,
    pub(crate) data: Fingerprint,
    pub(crate) recipe_hash: Fingerprint,
    /// The slots of a mixing group; 1 without mixing.
    pub(crate) group: usize,
    /// Two caches: nothing that they hold changes a batch.
    pub(crate) index_cache: IndexCache,
    pub(crate) verified_rows: VerifiedRowsTable,
}

/// What a decoder keeps from sample to sample, and the sample that it has at hand.
pub(crate) struct DecodeScratch {
    pub(crate) decoder: Decoder,
    /// A buffer for reading that sources hand back.
    spare: Vec<u8>,
    /// The steps of each of the sample's views.
    pub(crate) programs: Vec<Program>,
    /// The decoded part that they all read.
    pub(crate) pixels: Vec<u8>,
    /// An entropy index that was made.
    recorded: Vec<u8>,
}

impl RunContext {
    /// What a state of this run belongs to.
    pub(crate) fn identity(&self) -> RunIdentity {
        RunIdentity {
            seed: self.recipe.seed,
            data: self.data,
            recipe: self.recipe_hash,
        }
    }
}

impl DecodeScratch {
    pub(crate) fn new() -> DecodeScratch {
        DecodeScratch {
            decoder: Decoder::new(),
            spare: Vec::new(),
            programs: Vec::new(),
            pixels: Vec::new(),
            recorded: Vec::new(),
        }
    }

    fn keep(&mut self, payload: Payload) {
        if let Payload::Owned(buffer) = payload
            && buffer.capacity() > self.spare.capacity()
        {
            self.spare = buffer;
        }
    }
}

/// Asked for the part of an image to decode, given the part that is needed and the bytes of its
/// planes: the place to wait for memory.
pub(crate) type ChooseRegion<'a> = &'a mut dyn FnMut(Rect, &Probe, u64) -> Result<Rect>;

/// A sample as read.
pub(crate) struct ReadSample {
    pub(crate) raw: Sample,
    /// Empty, and not asked for, unless the recipe moves annotations.
    pub(crate) annotations: Annotations,
    /// The entropy index of a JPEG and how far it is known to be right, if there is one and the recipe does not decline.
    pub(crate) index: Option<(Bytes, VerifiedRows)>,
}

/// A slot whose image is about to be decoded or known to be blank.
#[derive(Debug)]
pub(crate) struct SlotSample {
    pub(crate) visit: Visit,
    pub(crate) target: Target,
    pub(crate) fault: Option<Fault>,
    /// The decoded part of the image in the buffer that came along; `None` for a blank slot.
    pub(crate) region: Option<Rect>,
    /// What is annotated in the image, planes decoded.
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

impl RunContext {
    /// The views of an epoch.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe makes no views of fixed size in this epoch.
    pub(crate) fn views_at(&self, epoch: u32) -> Result<Arc<ViewSet>> {
        self.views.at(&self.recipe, epoch)
    }

    /// Reads a sample on this thread.
    pub(crate) fn read(
        &self,
        decode_scratch: &mut DecodeScratch,
        sample: u64,
    ) -> Result<ReadSample> {
        self.fetch(sample, std::mem::take(&mut decode_scratch.spare))
    }

    /// Reads a sample, with its annotations if the recipe moves them.
    pub(crate) fn fetch(&self, sample: u64, spare: Vec<u8>) -> Result<ReadSample> {
        let raw = self.source.read(sample, spare)?;
        let annotations = match self.recipe.joint {
            Some(_) => self.source.annotations(sample)?.unwrap_or_default(),
            None => Annotations::default(),
        };
        let index = match self.recipe.decode.index {
            IndexPolicy::Off => None,
            _ if raw.codec != Codec::Jpeg => None,
            _ => match self.index_cache.get(sample) {
                Some(index) => Some((index, VerifiedRows::ALL)),
                None => self
                    .source
                    .jpeg_index(sample)?
                    .map(|index| (index, self.verified_rows.get(sample))),
            },
        };
        Ok(ReadSample {
            raw,
            annotations,
            index,
        })
    }

    /// Decodes the sample of a slot, or a replacement by the recipe's rule, at the desk.
    ///
    /// `raw` is the planned sample if a reader has read it already.
    pub(crate) fn decode_slot(
        &self,
        decode_scratch: &mut DecodeScratch,
        views: &ViewSet,
        place: Place,
        planned: Visit,
        raw: Option<Result<ReadSample>>,
        choose: ChooseRegion<'_>,
    ) -> Result<SlotSample> {
        let mut raw = raw;
        let mut visit = planned;
        let mut fault: Option<Fault> = None;
        for attempt in 0..=ATTEMPTS {
            let read = raw
                .take()
                .unwrap_or_else(|| self.read(decode_scratch, visit.sample));
            let decoded = read.and_then(|raw| {
                self.decode(decode_scratch, views, place.epoch, visit, raw, choose)
            });
            let error = match decoded {
                Ok(decoded) => {
                    if let Some(fault) = &mut fault {
                        fault.replaced_by = Some(visit.sample);
                    }
                    let Decoded {
                        region,
                        target,
                        annotations,
                    } = decoded;
                    return Ok(SlotSample {
                        visit,
                        target,
                        fault,
                        region: Some(region),
                        annotations,
                    });
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
                    return Ok(SlotSample {
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
                            "{}; none of {ATTEMPTS} replacements could be read either, the last: {}",
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

    /// The error with the sample's number, and with its name unless it has one.
    fn name(&self, error: Error, sample: u64) -> Error {
        let error = error.with_sample(sample);
        if error.names_data() {
            error
        } else {
            error.in_record(format!("sample {sample} ({})", self.source.name(sample)))
        }
    }

    fn decode(
        &self,
        decode_scratch: &mut DecodeScratch,
        views: &ViewSet,
        epoch: u32,
        visit: Visit,
        sample: ReadSample,
        choose: ChooseRegion<'_>,
    ) -> Result<Decoded> {
        let ReadSample {
            raw,
            mut annotations,
            mut index,
        } = sample;
        self.targets.check(&raw.target)?;
        let probe = decode::probe(&raw.bytes, raw.codec, &self.recipe.decode.limits)?;
        self.draw(&mut decode_scratch.programs, views, epoch, visit, &probe);
        decode_scratch
            .programs
            .iter()
            .try_for_each(Program::check_size)?;
        let planes = plane::probe_all(&annotations, &self.recipe.decode.limits, &probe)?;
        let probe = self.scaled(&mut decode_scratch.programs, &raw.bytes, probe);
        let bytes = planes.iter().map(Probe::decoded_bytes).sum();
        let region = choose(wish(&decode_scratch.programs), &probe, bytes)?;
        decode_scratch.recorded.clear();
        let known = index.as_ref().map(|(_, proof)| *proof);
        let guide = match &mut index {
            Some((index, proof)) => Index::Use(index, proof),
            None if self.index_cache.wants() => Index::Record(&mut decode_scratch.recorded),
            None => Index::None,
        };
        decode_scratch.decoder.decode_with(
            &raw.bytes,
            &probe,
            region,
            guide,
            &mut decode_scratch.pixels,
        )?;
        self.index_cache.put(visit.sample, &decode_scratch.recorded);
        if let Some((_, proof)) = index
            && Some(proof) != known
        {
            self.verified_rows.extend(visit.sample, proof);
        }
        decode_scratch.keep(raw.bytes);
        plane::decode_all(&mut decode_scratch.decoder, &mut annotations, &planes)?;
        self.check_maps(views, &annotations)?;
        Ok(Decoded {
            region,
            target: raw.target,
            annotations,
        })
    }

    /// Refuses a sample without the planes that mixing reads.
    fn check_maps(&self, views: &ViewSet, annotations: &Annotations) -> Result<()> {
        let wanted = views.mix.iter().flat_map(|mix| mix.planes());
        for name in wanted {
            if annotations
                .plane(name)
                .is_none_or(|plane| plane.kind.channels() != 1)
            {
                return Err(Error::corrupt(format!(
                    "no plane \"{name}\" of one channel, which mixing reads"
                )));
            }
        }
        Ok(())
    }

    /// Draws a program for each view of a visit, for an image of the probed size.
    pub(crate) fn draw(
        &self,
        programs: &mut Vec<Program>,
        views: &ViewSet,
        epoch: u32,
        visit: Visit,
        probe: &Probe,
    ) {
        let frame = Size {
            width: probe.width,
            height: probe.height,
        };
        programs.resize_with(views.count(), Program::default);
        for (view_slot, program) in views.view_slots().zip(programs) {
            let at = Coord {
                epoch,
                sample: visit.sample,
                occurrence: visit.occurrence,
                view: view_slot.number as u8,
                op: OpKey::default(),
            };
            program.draw(
                view_slot.group.view.entries(),
                self.recipe.seed,
                at,
                (view_slot.k, view_slot.group.count()),
                frame,
            );
        }
    }

    /// Makes the programs those of a smaller image, if the recipe allows it; gives what is to be
    /// decoded.
    ///
    /// Boxes and planes are of the whole image, so recipes that move them read whole images.
    pub(crate) fn scaled(&self, programs: &mut [Program], bytes: &[u8], probe: Probe) -> Probe {
        if self.recipe.decode.scale == ScalePolicy::Exact || self.recipe.joint.is_some() {
            return probe;
        }
        let divisor = programs.iter().map(Program::slack).min().unwrap_or(1);
        match probe.scaled(bytes, divisor) {
            Some(scaled) if divisor > 1 => {
                programs
                    .iter_mut()
                    .for_each(|program| program.shrink(divisor));
                scaled
            }
            _ => probe,
        }
    }

    /// The images that so many slots become, which begin with a group.
    pub(crate) fn emitted(&self, slots: usize) -> usize {
        let Some(mix) = &self.recipe.mix else {
            return slots;
        };
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

/// The part of the image that all views together read.
pub(crate) fn wish(programs: &[Program]) -> Rect {
    let wishes = programs.iter().map(Program::source_region);
    wishes
        .reduce(Rect::union)
        .expect("a sample has at least one view")
}
