//! Every parameter drawn for one sample, in words.

use std::fmt;

use super::Loader;
use crate::augment::ProgramScratch;
use crate::decode::{self, plane};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::{self, Method, MixPlan, SlotMix};
use crate::pipeline::context::{DecodeScratch, ReadSample, needed_region};
use crate::pipeline::mixing;
use crate::pipeline::views::ViewSet;
use crate::plan::{EpisodeRole, Slot, Visit};
use crate::sample::{Annotations, Codec, Target};

/// What happens to one sample in one epoch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The sample.
    pub sample: u64,
    /// Its name in the source.
    pub name: String,
    /// The epoch.
    pub epoch: u32,
    /// The visit that is explained: the first one in this epoch ([`crate::Batch::occurrences`]).
    pub occurrence: u32,
    /// Where it comes in this epoch: batch, slot of the global batch, and what the slot is. Empty
    /// if a selection or the sampler leaves it out, or if it comes after the first 2^24 slots,
    /// which are all that is searched.
    pub visits: Vec<(u64, usize, Slot)>,
    /// How it is stored.
    pub codec: Codec,
    /// Its upright size: width, height.
    pub size: (u32, u32),
    /// Its stored target.
    pub target: Target,
    /// The part that is decoded: left, top, width, height, in pixels of the decoded image.
    pub decoded: (u32, u32, u32, u32),
    /// By how much the sides of the decoded image are smaller than stored: 1 unless the recipe has
    /// `decode.scale = "fast"`. The first steps are those of the decoded image.
    pub divisor: u32,
    /// What is done to each view, in order.
    pub views: Vec<ViewSteps>,
    /// The values in this epoch of numbers of `[mix]` that change from epoch to epoch.
    pub mix_values: Vec<String>,
    /// How the sample's slot is mixed; more than one if its group is mixed several times, none
    /// without mixing.
    pub mixes: Vec<MixStep>,
}

/// How a slot is mixed, as far as it is drawn before there are pixels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MixStep {
    /// The batch in its epoch.
    pub batch: u64,
    /// The slot in the global batch.
    pub slot: usize,
    /// The mixer.
    pub method: Method,
    /// The samples that it is made of, itself first, each with its slot in the global batch.
    pub sources: Vec<(u64, usize)>,
    /// The weight of the own label, unless it depends on pixels.
    pub lam: Option<f64>,
    /// The drawn parameters.
    pub drawn: String,
}

/// Slots of an epoch that are searched for a sample.
const SEARCHED: u64 = 1 << 24;

/// What happens to one view of a sample.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ViewSteps {
    /// Its name, and its number in its group if there are several.
    pub view: String,
    /// The size that it ends with.
    pub frame: Size,
    /// The values in this epoch of parameters that change from epoch to epoch, such as
    /// `color_jitter p = 0.25`.
    pub values: Vec<String>,
    /// The steps with their drawn parameters, in order.
    pub steps: Vec<String>,
    /// What ops leave with the batch: a name and numbers.
    pub notes: Vec<(String, Vec<i64>)>,
    /// Boxes, keypoints and planes as they are in the view; empty without `[joint]`.
    pub annotations: Annotations,
}

impl Loader {
    /// What the recipe draws for the first visit of a sample in an epoch, and where it comes.
    ///
    /// # Errors
    ///
    /// The errors of reading the sample and its header; [`crate::Kind::Config`] if there is no such
    /// sample.
    pub fn explain(&self, epoch: u32, sample: u64) -> Result<Explanation> {
        if sample >= self.samples() {
            return Err(Error::config(format!(
                "sample {sample}: the data has {} samples, numbered from 0",
                self.samples()
            )));
        }
        let mut decode_scratch = DecodeScratch::new();
        let ReadSample {
            raw,
            mut annotations,
            ..
        } = self.context.read(&mut decode_scratch, sample)?;
        let name = self.context.source.name(sample);
        let named = |error: Error| error.at(&name).with_sample(sample);
        let limits = &self.context.recipe.decode.limits;
        let probe = decode::probe(&raw.bytes, raw.codec, limits).map_err(named)?;
        let views = self.context.views_at(epoch)?;
        let visits = self.context.plan.visits(epoch, sample, SEARCHED);
        let visit = visits.first().map_or(
            Visit {
                sample,
                occurrence: 0,
            },
            |(_, _, slot)| slot.visit,
        );
        self.context
            .draw(&mut decode_scratch.programs, &views, epoch, visit, &probe);
        let scaled = self
            .context
            .scaled(&mut decode_scratch.programs, &raw.bytes, probe);
        let region = needed_region(&decode_scratch.programs);
        let planes = plane::probe_all(&annotations, limits, &probe).map_err(named)?;
        plane::decode_all(&mut decode_scratch.decoder, &mut annotations, &planes).map_err(named)?;
        let joint = self.context.recipe.joint.as_ref();
        let scratch = &mut ProgramScratch::new(crate::cpu::Simd::detect());
        let annotated = views.annotate(joint, &decode_scratch.programs, &annotations, scratch)?;
        let steps = views
            .view_slots()
            .zip(&decode_scratch.programs)
            .map(|(view_slot, program)| ViewSteps {
                view: view_slot.title(),
                frame: program.end(),
                values: view_slot
                    .group
                    .view
                    .ops()
                    .iter()
                    .flat_map(|entry| {
                        entry
                            .values_at(epoch)
                            .map(|value| format!("{} {value}", entry.label()))
                    })
                    .collect(),
                steps: program.steps().iter().map(ToString::to_string).collect(),
                notes: view_slot
                    .group
                    .notes
                    .iter()
                    .filter_map(|note| Some((note.name.clone(), program.note(note)?.to_vec())))
                    .collect(),
                annotations: annotated.get(view_slot.number).cloned().unwrap_or_default(),
            });
        let mixes = visits
            .first()
            .map(|(batch, slot, _)| self.mixes(&views, epoch, *batch, *slot))
            .transpose()?;
        Ok(Explanation {
            sample,
            name,
            epoch,
            occurrence: visit.occurrence,
            visits,
            codec: raw.codec,
            size: (probe.width, probe.height),
            target: raw.target,
            divisor: scaled.divisor(),
            decoded: (region.left, region.top, region.width, region.height),
            views: steps.collect(),
            mix_values: self.context.recipe.mix_values(epoch).collect(),
            mixes: mixes.unwrap_or_default(),
        })
    }

    /// How a slot of the global batch is mixed; nothing if it is another rank's.
    fn mixes(&self, views: &ViewSet, epoch: u32, batch: u64, slot: usize) -> Result<Vec<MixStep>> {
        if views.mix.is_none() {
            return Ok(Vec::new());
        }
        let plan = self.context.plan.batch(epoch, batch);
        let slot = slot
            .checked_sub(plan.first)
            .filter(|slot| *slot < plan.slots.len());
        let Some(slot) = slot else {
            return Ok(Vec::new());
        };
        let (group, start) = (
            slot / self.context.group,
            slot / self.context.group * self.context.group,
        );
        let drawn = mixing::draw(&self.context, views, &plan)?.swap_remove(group);
        let own = drawn
            .into_iter()
            .filter(|mix| start + mix.slot() == slot && mix.role == mix::EmitRole::Mixed);
        let step = |mix: SlotMix| {
            let (lam, drawn) = match &mix.drawn {
                MixPlan::Ready(outcome) => (
                    Some(outcome.lam(views.mix_frame())),
                    format!("{:?}", outcome.blend),
                ),
                MixPlan::Deferred(rest) => (None, format!("{rest:?}")),
            };
            let source = |source: &usize| {
                (
                    plan.slots[start + source].visit.sample,
                    plan.first + start + source,
                )
            };
            MixStep {
                batch: plan.index,
                slot: plan.first + slot,
                method: mix.method.clone(),
                sources: mix.sources.iter().map(source).collect(),
                lam,
                drawn,
            }
        };
        Ok(own.map(step).collect())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "sample {} ({}), epoch {}, visit {}",
            self.sample, self.name, self.epoch, self.occurrence
        )?;
        for (batch, at, slot) in &self.visits {
            write!(
                f,
                "  comes    batch {batch}, slot {at}, visit {}",
                slot.visit.occurrence
            )?;
            if let Some(group) = slot.group {
                write!(f, ", group {group}")?;
            }
            match slot.role {
                EpisodeRole::Plain => {}
                role => write!(f, ", {role}")?,
            }
            if slot.weight != 1.0 {
                write!(f, ", weight {}", slot.weight)?;
            }
            writeln!(f, "{}", if slot.valid { "" } else { ", filling up" })?;
        }
        if self.visits.is_empty() {
            writeln!(
                f,
                "  comes    not in the {SEARCHED} first slots of this epoch"
            )?;
        }
        writeln!(
            f,
            "  stored   {:?}, {} x {}, target {:?}",
            self.codec, self.size.0, self.size.1, self.target
        )?;
        let (left, top, width, height) = self.decoded;
        let scale = if self.divisor > 1 {
            format!(" at 1/{}", self.divisor)
        } else {
            String::new()
        };
        writeln!(
            f,
            "  decoded  left={left} top={top} width={width} height={height}{scale}"
        )?;
        for ViewSteps {
            view,
            frame,
            values,
            steps,
            notes,
            annotations,
        } in &self.views
        {
            if self.views.len() > 1 {
                writeln!(f, "  view     {view}, {frame}")?;
            }
            for value in values {
                writeln!(f, "  value    {value}")?;
            }
            for step in steps {
                writeln!(f, "  step     {step}")?;
            }
            for (name, numbers) in notes {
                writeln!(f, "  note     {name} = {numbers:?}")?;
            }
            for label in &annotations.boxes {
                let ([x0, y0, x1, y1], origin) = (
                    label.edges,
                    if label.pasted.is_some() {
                        ", pasted"
                    } else {
                        ""
                    },
                );
                let (class, id) = (label.class, label.id);
                writeln!(
                    f,
                    "  box      {id}: class {class}, {x0:.1} {y0:.1} to {x1:.1} {y1:.1}{origin}"
                )?;
            }
            for point in &annotations.keypoints {
                let (id, x, y) = (point.id, point.x, point.y);
                let (instance, visible) = (point.instance, point.visible);
                writeln!(
                    f,
                    "  keypoint {id} of {instance}: {x:.1} {y:.1}, visible {visible}"
                )?;
            }
            for plane in &annotations.planes {
                let (width, height) = plane.size().unwrap_or_default();
                writeln!(
                    f,
                    "  plane    {}: {}, {width} x {height}",
                    plane.name,
                    plane.kind.as_str()
                )?;
            }
        }
        for value in &self.mix_values {
            writeln!(f, "  value    mix {value}")?;
        }
        for MixStep {
            batch,
            slot,
            method,
            sources,
            lam,
            drawn,
        } in &self.mixes
        {
            write!(f, "  mix      batch {batch}, slot {slot}: {method}")?;
            for (sample, slot) in &sources[1..] {
                write!(f, " with sample {sample} (slot {slot})")?;
            }
            if *method != Method::Unmixed {
                if let Some(lam) = lam {
                    write!(f, ", lam {lam:.6}")?;
                }
                write!(f, ", {drawn}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
