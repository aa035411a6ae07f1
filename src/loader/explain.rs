//! Every parameter drawn for one sample, in words.

use std::fmt;

use super::Loader;
use crate::augment::Frame;
use crate::decode;
use crate::error::{Error, Result};
use crate::pipeline::line::{Desk, wish};
use crate::plan::Visit;
use crate::source::{Codec, Target};

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
    /// Its visit in this epoch, from 0.
    pub occurrence: u32,
    /// How it is stored.
    pub codec: Codec,
    /// Its upright size: width, height.
    pub size: (u32, u32),
    /// Its stored target.
    pub target: Target,
    /// The part that is decoded: left, top, width, height, in pixels of the decoded picture.
    pub decoded: (u32, u32, u32, u32),
    /// By how much the sides of the decoded picture are smaller than stored: 1 unless the recipe has `decode.scale =
    /// "fast"`. The first steps are those of the decoded picture.
    pub divisor: u32,
    /// What is done to each view, in order.
    pub views: Vec<ViewSteps>,
}

/// What happens to one view of a sample.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ViewSteps {
    /// Its name, and its number in its group if there are several.
    pub view: String,
    /// The size that it ends with.
    pub frame: Frame,
    /// The values in this epoch of parameters that change from epoch to epoch, such as `color_jitter p = 0.25`.
    pub values: Vec<String>,
    /// The steps with their drawn parameters, in order.
    pub steps: Vec<String>,
    /// What ops leave with the batch: a name and numbers.
    pub notes: Vec<(String, Vec<i64>)>,
}

impl Loader {
    /// What the recipe draws for the first visit of a sample in an epoch.
    ///
    /// # Errors
    ///
    /// The errors of reading the sample and its header; [`crate::Kind::Config`] if there is no such sample.
    pub fn explain(&self, epoch: u32, sample: u64) -> Result<Explanation> {
        if sample >= self.samples() {
            return Err(Error::config(format!(
                "sample {sample}: the data has {} samples, numbered from 0",
                self.samples()
            )));
        }
        let mut desk = Desk::new();
        let raw = self.line.read(&mut desk, sample)?.raw;
        let name = self.line.source.name(sample);
        let probe = decode::probe(&raw.bytes, raw.codec, &self.line.recipe.decode.limits)
            .map_err(|error| error.at(&name).with_sample(sample))?;
        let views = self.line.views_at(epoch)?;
        let visit = Visit { sample, occurrence: 0 };
        self.line.draw(&mut desk.programs, &views, epoch, visit, &probe);
        let scaled = self.line.scaled(&mut desk.programs, &raw.bytes, probe);
        let wish = wish(&desk.programs);
        let steps = views.spots().zip(&desk.programs).map(|(spot, program)| ViewSteps {
            view: spot.title(),
            frame: program.end(),
            values: spot
                .group
                .view
                .ops()
                .iter()
                .flat_map(|entry| entry.values_at(epoch).map(|value| format!("{} {value}", entry.label())))
                .collect(),
            steps: program.steps().iter().map(ToString::to_string).collect(),
            notes: spot
                .group
                .notes
                .iter()
                .filter_map(|note| Some((note.name.clone(), program.note(note)?.to_vec())))
                .collect(),
        });
        Ok(Explanation {
            sample,
            name,
            epoch,
            occurrence: visit.occurrence,
            codec: raw.codec,
            size: (probe.width, probe.height),
            target: raw.target,
            divisor: scaled.divisor(),
            decoded: (wish.left, wish.top, wish.width, wish.height),
            views: steps.collect(),
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "sample {} ({}), epoch {}, visit {}",
            self.sample, self.name, self.epoch, self.occurrence
        )?;
        writeln!(
            f,
            "  stored   {:?}, {} x {}, target {:?}",
            self.codec, self.size.0, self.size.1, self.target
        )?;
        let (left, top, width, height) = self.decoded;
        let scale = if self.divisor > 1 { format!(" at 1/{}", self.divisor) } else { String::new() };
        writeln!(f, "  decoded  left={left} top={top} width={width} height={height}{scale}")?;
        for ViewSteps { view, frame, values, steps, notes } in &self.views {
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
        }
        Ok(())
    }
}
