//! What a run is, and how one of its samples becomes pixels. There are no threads here: the roles
//! of the pipeline call this code, and so does the single-threaded reference path.
//!
//! The order inside [`RunContext::decode_slot`] is what makes crops cheap: probe the header, draw
//! the parameters of every op of every view (they depend on sizes only), and only then decode, no
//! more than the union of what the first crops read.

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
use crate::state::{RecipeKeys, RunIdentity};

/// How many replacements are tried for one bad sample.
const ATTEMPTS: u32 = 16;

/// Everything that decides what a batch holds. Shared by all threads; it never changes, except for
/// two caches that no byte of a batch depends on.
pub(crate) struct RunContext {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) plan: Plan,
    pub(crate) recipe: Recipe,
    pub(crate) views: Arc<ViewSets>,
    pub(crate) targets: TargetMaker,
    /// The fingerprint of the data, which a state of this run carries.
    pub(crate) data: Fingerprint,
    /// The fingerprint of the recipe.
    pub(crate) recipe_hash: Fingerprint,
    /// What each key of the recipe is, for the message if a state is of another recipe.
    pub(crate) keys: RecipeKeys,
    /// The slots of a mixing group; 1 without mixing.
    pub(crate) group: usize,
    /// Entropy indexes made in this run.
    pub(crate) index_cache: Arc<IndexCache>,
    /// How far each stored entropy index was verified.
    pub(crate) verified_rows: Arc<VerifiedRowsTable>,
}

/// The buffers that a decoder keeps from sample to sample, and the sample that it decoded last.
pub(crate) struct DecodeScratch {
    pub(crate) decoder: Decoder,
    /// A buffer for encoded bytes that the source may fill and hand back.
    encoded: Vec<u8>,
    /// The program of each view of the sample.
    pub(crate) programs: Vec<Program>,
    /// The decoded region, which all views read.
    pub(crate) pixels: Vec<u8>,
    /// The entropy index recorded while decoding; empty if none was.
    recorded: Vec<u8>,
}

impl DecodeScratch {
    pub(crate) fn new() -> DecodeScratch {
        DecodeScratch {
            decoder: Decoder::new(),
            encoded: Vec::new(),
            programs: Vec::new(),
            pixels: Vec::new(),
            recorded: Vec::new(),
        }
    }

    /// Keeps the buffer of a payload for the next read, if it is the larger one.
    fn recycle(&mut self, payload: Payload) {
        if let Payload::Owned(buffer) = payload
            && buffer.capacity() > self.encoded.capacity()
        {
            self.encoded = buffer;
        }
    }
}

/// Chooses the region to decode from the one that the views need, the probe, and the bytes that the
/// sample's planes take decoded. This is where a worker waits for memory.
pub(crate) type ChooseRegion<'a> = &'a mut dyn FnMut(Rect, &Probe, u64) -> Result<Rect>;

/// A sample as read.
pub(crate) struct ReadSample {
    pub(crate) raw: Sample,
    /// Empty, and never read, unless the recipe has a `[joint]` table.
    pub(crate) annotations: Annotations,
    /// The entropy index of a JPEG, and how far it was verified. `None` if the sample has no index,
    /// or if the recipe has `decode.index = "off"`.
    pub(crate) index: Option<(Bytes, VerifiedRows)>,
}

/// What fills a slot: the planned sample, its replacement, or nothing.
#[derive(Debug)]
pub(crate) struct SlotSample {
    pub(crate) visit: Visit,
    pub(crate) target: Target,
    /// Boxed, because it is rare and the struct is moved several times.
    pub(crate) fault: Option<Box<Fault>>,
    /// The region that was decoded into [`DecodeScratch::pixels`]; `None` for a blank slot.
    pub(crate) region: Option<Rect>,
    /// The image's annotations, with decoded planes.
    pub(crate) annotations: Annotations,
}

/// A slot to fill, and the sample that is planned for it.
#[derive(Clone, Copy)]
pub(crate) struct SlotTask<'a> {
    pub(crate) views: &'a ViewSet,
    pub(crate) epoch: u32,
    /// The batch in its epoch.
    pub(crate) index: u64,
    /// The slot in the global batch.
    pub(crate) global_slot: usize,
    /// The slot in this rank's batch.
    pub(crate) slot: usize,
    pub(crate) planned: Visit,
}

/// A decoded sample without its pixels, which are in [`DecodeScratch::pixels`].
struct Decoded {
    region: Rect,
    target: Target,
    annotations: Annotations,
}

impl RunContext {
    /// What a state of this run belongs to.
    pub(crate) fn identity(&self) -> RunIdentity {
        RunIdentity {
            seed: self.recipe.seed,
            data: self.data,
            recipe: self.recipe_hash,
            keys: self.keys.clone(),
        }
    }

    /// The same run by another plan of the same data and recipe.
    pub(crate) fn with_plan(&self, plan: Plan) -> RunContext {
        RunContext {
            source: Arc::clone(&self.source),
            plan,
            recipe: self.recipe.clone(),
            views: Arc::clone(&self.views),
            targets: self.targets.clone(),
            data: self.data,
            recipe_hash: self.recipe_hash,
            keys: self.keys.clone(),
            group: self.group,
            index_cache: Arc::clone(&self.index_cache),
            verified_rows: Arc::clone(&self.verified_rows),
        }
    }

    /// The views of an epoch.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if a view of the recipe has no fixed size in this epoch.
    pub(crate) fn views_at(&self, epoch: u32) -> Result<Arc<ViewSet>> {
        self.views.at(&self.recipe, epoch)
    }

    /// Reads a sample on this thread, into the buffer of `scratch`.
    pub(crate) fn read(&self, scratch: &mut DecodeScratch, sample: u64) -> Result<ReadSample> {
        self.fetch(sample, std::mem::take(&mut scratch.encoded))
    }

    /// Reads a sample, its entropy index, and its annotations if the recipe moves them.
    pub(crate) fn fetch(&self, sample: u64, buf: Vec<u8>) -> Result<ReadSample> {
        let raw = self.source.read(sample, buf)?;
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

    /// Decodes the planned sample of a slot into `scratch`, or what the recipe's rule for bad
    /// samples puts in its place.
    ///
    /// `read` is the planned sample if a reader has read it already.
    ///
    /// # Errors
    ///
    /// Whatever is not the fault of one sample ([`Kind::Config`], [`Kind::Worker`],
    /// [`Kind::Stopped`]); the fault of the sample if the rule is to fail, or if none of
    /// [`ATTEMPTS`] replacements can be read either.
    pub(crate) fn decode_slot(
        &self,
        scratch: &mut DecodeScratch,
        task: &SlotTask<'_>,
        mut read: Option<Result<ReadSample>>,
        choose: ChooseRegion<'_>,
    ) -> Result<SlotSample> {
        let mut visit = task.planned;
        let mut fault: Option<Box<Fault>> = None;
        for attempt in 0..=ATTEMPTS {
            let read = read
                .take()
                .unwrap_or_else(|| self.read(scratch, visit.sample));
            let decoded = read.and_then(|read| self.decode(scratch, task, visit, read, choose));
            let error = match decoded {
                Ok(decoded) => return Ok(decoded.into_slot(visit, fault)),
                Err(error) => self.name(error, visit.sample),
            };
            if matches!(error.kind(), Kind::Config | Kind::Worker | Kind::Stopped) {
                return Err(error);
            }
            let first = fault.get_or_insert_with(|| {
                Box::new(Fault {
                    slot: task.slot,
                    sample: visit.sample,
                    kind: error.kind(),
                    message: error.message().to_string(),
                    replaced_by: None,
                })
            });
            match self.recipe.on_bad {
                OnBad::Fail => return Err(error),
                OnBad::Skip { .. } => return Ok(SlotSample::blank(task.planned, fault)),
                OnBad::Replace { .. } if attempt == ATTEMPTS => {
                    let text = format!(
                        "{}; none of {ATTEMPTS} replacements could be read either, the last: {}",
                        first.message,
                        error.message()
                    );
                    return Err(Error::new(error.kind(), text).with_sample(task.planned.sample));
                }
                OnBad::Replace { .. } => visit = self.replacement(task, attempt),
            }
        }
        unreachable!("the last attempt returns")
    }

    /// The sample to try in a slot after attempt `attempt` failed.
    fn replacement(&self, task: &SlotTask<'_>, attempt: u32) -> Visit {
        let (epoch, index) = (task.epoch, task.index);
        self.plan
            .replacement(epoch, index, task.global_slot, task.planned.sample, attempt)
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

    /// Draws the programs of one visit and decodes what they read.
    fn decode(
        &self,
        scratch: &mut DecodeScratch,
        task: &SlotTask<'_>,
        visit: Visit,
        sample: ReadSample,
        choose: ChooseRegion<'_>,
    ) -> Result<Decoded> {
        let limits = &self.recipe.decode.limits;
        let ReadSample {
            raw,
            mut annotations,
            index,
        } = sample;
        self.targets.check(&raw.target)?;
        let probe = decode::probe(&raw.bytes, raw.codec, limits)?;
        self.draw(&mut scratch.programs, task.views, task.epoch, visit, &probe);
        scratch.programs.iter().try_for_each(Program::check_size)?;
        let planes = plane::probe_all(&annotations, limits, &probe)?;
        let probe = self.scaled(&mut scratch.programs, &raw.bytes, probe);
        let plane_bytes = planes.iter().map(Probe::decoded_bytes).sum();
        let region = choose(needed_region(&scratch.programs), &probe, plane_bytes)?;
        self.decode_region(scratch, visit.sample, &raw.bytes, (&probe, region), index)?;
        scratch.recycle(raw.bytes);
        plane::decode_all(&mut scratch.decoder, &mut annotations, &planes)?;
        check_maps(task.views, &annotations)?;
        Ok(Decoded {
            region,
            target: raw.target,
            annotations,
        })
    }

    /// Decodes a region with the help of an entropy index, or records one, and keeps what was
    /// learned about it.
    fn decode_region(
        &self,
        scratch: &mut DecodeScratch,
        sample: u64,
        bytes: &[u8],
        (probe, region): (&Probe, Rect),
        mut index: Option<(Bytes, VerifiedRows)>,
    ) -> Result<()> {
        scratch.recorded.clear();
        let verified_before = index.as_ref().map(|(_, verified)| *verified);
        let use_of_index = match &mut index {
            Some((index, verified)) => Index::Use(index, verified),
            None if self.index_cache.wants() => Index::Record(&mut scratch.recorded),
            None => Index::None,
        };
        scratch
            .decoder
            .decode_with(bytes, probe, region, use_of_index, &mut scratch.pixels)?;
        self.index_cache.put(sample, &scratch.recorded);
        if let Some((_, verified)) = index
            && Some(verified) != verified_before
        {
            self.verified_rows.extend(sample, verified);
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
        let size = Size {
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
                size,
            );
        }
    }

    /// Changes the programs to those of a smaller decoded image, if the recipe allows that and they
    /// reduce the image anyway; returns the probe of what is to be decoded.
    ///
    /// Boxes and planes are given for the image at full size, so recipes that move them decode it
    /// at full size.
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

    /// The number of images that `slots` slots become, beginning with the first slot of a mixing
    /// group.
    pub(crate) fn emitted(&self, slots: usize) -> usize {
        let Some(mix) = &self.recipe.mix else {
            return slots;
        };
        slots / self.group * mix.emitted(self.group) + mix.emitted(slots % self.group)
    }

    /// The number, in the global batch, of the mixing group that begins at slot `slot` of this
    /// rank. `first` is the rank's first slot in the global batch.
    pub(crate) fn group_number(&self, first: usize, slot: usize) -> u32 {
        ((first + slot) / self.group) as u32
    }
}

impl SlotSample {
    /// A slot without an image, target or annotations.
    fn blank(visit: Visit, fault: Option<Box<Fault>>) -> SlotSample {
        SlotSample {
            visit,
            target: Target::None,
            fault,
            region: None,
            annotations: Annotations::default(),
        }
    }
}

impl Decoded {
    /// The slot that the sample of `visit` fills; if there is a fault, as a replacement.
    fn into_slot(self, visit: Visit, mut fault: Option<Box<Fault>>) -> SlotSample {
        if let Some(fault) = &mut fault {
            fault.replaced_by = Some(visit.sample);
        }
        SlotSample {
            visit,
            target: self.target,
            fault,
            region: Some(self.region),
            annotations: self.annotations,
        }
    }
}

/// Refuses a sample that lacks a plane that mixing reads.
fn check_maps(views: &ViewSet, annotations: &Annotations) -> Result<()> {
    for name in views.mix.iter().flat_map(|mix| mix.planes()) {
        let plane = annotations.plane(name);
        if plane.is_none_or(|plane| plane.kind.channels() != 1) {
            return Err(Error::corrupt(format!(
                "no plane \"{name}\" of one channel, which mixing reads"
            )));
        }
    }
    Ok(())
}

/// The smallest region that holds what every view reads.
pub(crate) fn needed_region(programs: &[Program]) -> Rect {
    let regions = programs.iter().map(Program::source_region);
    regions
        .reduce(Rect::union)
        .expect("a sample has at least one view")
}
