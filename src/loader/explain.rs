//! `explain`: every parameter that is drawn for one sample, in words.
//!
//! It runs the same code as the pipeline up to the point where pixels would be decoded. That is
//! possible because parameters are drawn from sizes alone and are independent of any other sample.

use std::fmt;

use super::Loader;
use crate::augment::{Program, StepScratch};
use crate::decode::{self, plane};
use crate::error::{Error, Result};
use crate::geometry::{Rect, Size};
use crate::mix::{self, Method, MixPlan, SlotMix};
use crate::pipeline::context::{DecodeScratch, ReadSample, needed_region};
use crate::pipeline::mixing;
use crate::pipeline::views::{ViewGroup, ViewSet, ViewSlot};
use crate::plan::{EpisodeRole, Slot, Visit};
use crate::sample::{Annotations, Codec, Target};

/// What happens to one sample in one epoch, from [`Loader::explain`]. `Display` prints it as a
/// list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The number of the sample.
    pub sample: u64,
    /// The name of the sample in the source.
    pub name: String,
    /// The epoch.
    pub epoch: u32,
    /// The visit that is explained: the first one in this epoch ([`crate::Slot::occurrence`]).
    pub occurrence: u32,
    /// The visits of the sample in this epoch, each as (batch, slot of the global batch, the
    /// slot). Only the first 2^24 slots of the epoch are searched. Empty if the sample is not
    /// among them, for example because a selection leaves it out.
    pub visits: Vec<(u64, usize, Slot)>,
    /// The codec of the stored bytes.
    pub codec: Codec,
    /// The size of the upright image.
    pub size: Size,
    /// The stored target.
    pub target: Target,
    /// The region that is decoded, in pixels of the decoded image.
    pub decoded: Rect,
    /// The factor by which the sides of the decoded image are smaller than those of the stored
    /// one: 1 unless the recipe has `decode.scale = "fast"`. The steps then refer to the
    /// smaller image.
    pub divisor: u32,
    /// What is done to each view, in the order of the views.
    pub views: Vec<ViewSteps>,
    /// The values, in this epoch, of the numbers in `[mix]` that change from epoch to epoch.
    pub mix_values: Vec<String>,
    /// How the slot of the first visit is mixed. Empty without mixing; several if the mixing group
    /// is mixed more than once.
    pub mixes: Vec<MixStep>,
}

/// How a slot is mixed, as far as that is drawn before pixels exist.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MixStep {
    /// The index of the batch in its epoch.
    pub batch: u64,
    /// The slot in the global batch.
    pub slot: usize,
    /// The mixer.
    pub method: Method,
    /// The samples whose images are mixed, each with its slot in the global batch: the sample
    /// itself, then its partners.
    pub sources: Vec<(u64, usize)>,
    /// The weight of the sample's own label; `None` if it depends on pixels.
    pub lam: Option<f64>,
    /// The drawn parameters, as text.
    pub drawn: String,
}

/// The number of slots of an epoch that are searched for a sample.
const SEARCHED: u64 = 1 << 24;

/// What happens to one view of a sample.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ViewSteps {
    /// The name of the view, with its number if the view group has several.
    pub view: String,
    /// The size of the result.
    pub size: Size,
    /// The values, in this epoch, of parameters that change from epoch to epoch, such as
    /// `color_jitter p = 0.25`.
    pub values: Vec<String>,
    /// The parameters that could vary from image to image but have one value for all, such as
    /// `rotate degrees = { fixed = 10 }`. With `[-10, 10]` they would vary.
    pub constants: Vec<String>,
    /// The steps with their drawn parameters, in order.
    pub steps: Vec<String>,
    /// The notes that ops attach, each as (name, numbers); see [`crate::Batch::notes`].
    pub notes: Vec<(String, Vec<i64>)>,
    /// The boxes, keypoints and planes in pixels of the view; empty without `[joint]`.
    pub annotations: Annotations,
}

impl Loader {
    /// What the recipe draws for the first visit of a sample in an epoch, and where in the epoch
    /// the sample comes. Nothing is decoded except annotations.
    ///
    /// # Errors
    ///
    /// The errors of reading the sample, its header and its annotations; [`crate::Kind::Config`] if
    /// the data has no such sample.
    ///
    /// # Example: why does the model see this?
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(4))?;
    /// let explanation = loader.explain(0, 3)?;
    /// println!("{explanation}"); // where it comes, the decoded region, every step
    /// assert!(!explanation.views[0].steps.is_empty());
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn explain(&self, epoch: u32, sample: u64) -> Result<Explanation> {
        if sample >= self.total_samples() {
            return Err(Error::config(format!(
                "sample {sample}: the data has {} samples, numbered from 0",
                self.total_samples()
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
        let scratch = &mut StepScratch::new(crate::cpu::Simd::detect());
        let annotated = views.annotate(joint, &decode_scratch.programs, &annotations, scratch)?;
        let steps = views
            .view_slots()
            .zip(&decode_scratch.programs)
            .map(|(view_slot, program)| {
                let annotations = annotated.get(view_slot.number).cloned().unwrap_or_default();
                view_steps(&view_slot, program, epoch, annotations)
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
            size: probe.size(),
            target: raw.target,
            divisor: scaled.divisor(),
            decoded: region,
            views: steps.collect(),
            mix_values: self.context.recipe.mix_values(epoch).collect(),
            mixes: mixes.unwrap_or_default(),
        })
    }

    /// How a slot of the global batch is mixed; empty if the slot belongs to another rank.
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
        let group = slot / self.context.group;
        let start = group * self.context.group;
        let drawn = mixing::draw(&self.context, views, &plan)?.swap_remove(group);
        let own = drawn
            .into_iter()
            .filter(|mix| start + mix.slot() == slot && mix.role == mix::EmitRole::Mixed);
        let step = |mix: SlotMix| {
            let (lam, drawn) = match &mix.drawn {
                MixPlan::Ready(outcome) => (
                    Some(outcome.lam(views.mix_size())),
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
                method: mix.method,
                sources: mix.sources.iter().map(source).collect(),
                lam,
                drawn,
            }
        };
        Ok(own.map(step).collect())
    }
}

/// The report of one view.
fn view_steps(
    view_slot: &ViewSlot<'_>,
    program: &Program,
    epoch: u32,
    annotations: Annotations,
) -> ViewSteps {
    let ViewGroup { view, notes, .. } = view_slot.group;
    ViewSteps {
        view: view_slot.title(),
        size: program.end(),
        values: view
            .ops()
            .iter()
            .flat_map(|entry| {
                entry
                    .values_at(epoch)
                    .map(|value| format!("{} {value}", entry.label()))
            })
            .collect(),
        constants: view
            .ops()
            .iter()
            .flat_map(|entry| entry.op().constant_params())
            .collect(),
        steps: program.steps().iter().map(ToString::to_string).collect(),
        notes: notes
            .iter()
            .filter_map(|note| Some((note.name.clone(), program.note(note)?.to_vec())))
            .collect(),
        annotations,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "sample {} ({}), epoch {}, visit {}",
            self.sample, self.name, self.epoch, self.occurrence
        )?;
        self.fmt_visits(f)?;
        self.fmt_storage(f)?;
        for view in &self.views {
            if self.views.len() > 1 {
                writeln!(f, "  view     {}, {}", view.view, view.size)?;
            }
            view.fmt_steps(f)?;
            fmt_annotations(&view.annotations, f)?;
        }
        for value in &self.mix_values {
            writeln!(f, "  value    mix {value}")?;
        }
        self.mixes.iter().try_for_each(|mix| mix.fmt_line(f))
    }
}

impl Explanation {
    /// A line for each visit of the sample in the epoch.
    fn fmt_visits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        Ok(())
    }

    /// The lines on how the sample is stored and what of it is decoded.
    fn fmt_storage(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  stored   {:?}, {}, target {:?}",
            self.codec, self.size, self.target
        )?;
        let Rect {
            left,
            top,
            width,
            height,
        } = self.decoded;
        write!(
            f,
            "  decoded  left={left} top={top} width={width} height={height}"
        )?;
        if self.divisor > 1 {
            write!(f, " at 1/{}", self.divisor)?;
        }
        writeln!(f)
    }
}

impl ViewSteps {
    /// A line for each changing value, each constant, each step and each note.
    fn fmt_steps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for value in &self.values {
            writeln!(f, "  value    {value}")?;
        }
        for constant in &self.constants {
            writeln!(f, "  constant {constant}: the same for every image")?;
        }
        for step in &self.steps {
            writeln!(f, "  step     {step}")?;
        }
        for (name, numbers) in &self.notes {
            writeln!(f, "  note     {name} = {numbers:?}")?;
        }
        Ok(())
    }
}

impl MixStep {
    /// The line of a mix.
    fn fmt_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (batch, slot, method) = (self.batch, self.slot, &self.method);
        write!(f, "  mix      batch {batch}, slot {slot}: {method}")?;
        for (sample, slot) in &self.sources[1..] {
            write!(f, " with sample {sample} (slot {slot})")?;
        }
        if *method != Method::UNMIXED {
            if let Some(lam) = self.lam {
                write!(f, ", lam {lam:.6}")?;
            }
            write!(f, ", {}", self.drawn)?;
        }
        writeln!(f)
    }
}

/// A line for each box, keypoint and plane of a view.
fn fmt_annotations(annotations: &Annotations, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for label in &annotations.boxes {
        let ([x0, y0, x1, y1], class, id) = (label.bounds.edges(), label.class, label.id);
        let origin = if label.pasted.is_some() {
            ", pasted"
        } else {
            ""
        };
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
        let size = plane.size().unwrap_or(Size::square(0));
        writeln!(
            f,
            "  plane    {}: {}, {size}",
            plane.name,
            plane.kind.as_str()
        )?;
    }
    Ok(())
}
