//! `feedmill explain`.

use std::collections::BTreeMap;
use std::io::Write;

use feedmill::World;
use serde_json::json;

use crate::job::Job;
use crate::output::{Failure, Out, clean};
use crate::{Verdict, output};

/// Print where one sample comes in one epoch, and every parameter drawn for it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    job: Job,
    /// The sample's number, from 0
    #[arg(long, value_name = "N")]
    sample: u64,
    /// The epoch
    #[arg(long, value_name = "E", default_value_t = 0)]
    epoch: u32,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let loader = self.job.loader(World::SINGLE)?;
        let explanation = loader.explain(self.epoch, self.sample)?;
        if self.json {
            let views = explanation.views.iter().map(|view| {
                json!({
                    "view": view.view,
                    "width": view.size.width,
                    "height": view.size.height,
                    "values": view.values,
                    "constants": view.constants,
                    "steps": view.steps,
                    "boxes": view.annotations.boxes.iter().map(|label| json!({
                        "edges": label.bounds.edges(), "class": label.class, "id": label.id,
                        "pasted": label.pasted,
                    })).collect::<Vec<_>>(),
                    "keypoints": view.annotations.keypoints.iter().map(|point| json!({
                        "x": point.x, "y": point.y, "visible": point.visible, "id": point.id,
                        "instance": point.instance,
                    })).collect::<Vec<_>>(),
                    "planes": view.annotations.planes.iter().map(|plane| &plane.name)
                        .collect::<Vec<_>>(),
                    "notes": view.notes.iter().cloned().collect::<BTreeMap<_, _>>(),
                })
            });
            let visits = explanation.visits.iter().map(|(batch, at, slot)| {
                json!({
                    "batch": batch,
                    "slot": at,
                    "occurrence": slot.visit.occurrence,
                    "valid": slot.valid,
                    "weight": slot.weight,
                    "role": slot.role.to_string(),
                    "group": slot.group,
                })
            });
            let mixes = explanation.mixes.iter().map(|mix| {
                json!({
                    "batch": mix.batch,
                    "slot": mix.slot,
                    "method": mix.method.name(),
                    "sources": mix.sources,
                    "lam": mix.lam,
                    "drawn": mix.drawn,
                })
            });
            let decoded = explanation.decoded;
            let line = json!({
                "sample": explanation.sample,
                "name": explanation.name,
                "epoch": explanation.epoch,
                "occurrence": explanation.occurrence,
                "visits": visits.collect::<Vec<_>>(),
                "codec": format!("{:?}", explanation.codec),
                "width": explanation.size.width,
                "height": explanation.size.height,
                "target": format!("{:?}", explanation.target),
                "decoded": [decoded.left, decoded.top, decoded.width, decoded.height],
                "divisor": explanation.divisor,
                "views": views.collect::<Vec<_>>(),
                "mix_values": explanation.mix_values,
                "mixes": mixes.collect::<Vec<_>>(),
            });
            output::json(out, &line)?;
        } else {
            for line in explanation.to_string().lines() {
                writeln!(out, "{}", clean(line))?;
            }
        }
        Ok(Verdict::Fine)
    }
}
