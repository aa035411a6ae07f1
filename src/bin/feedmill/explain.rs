//! `feedmill explain`.

use std::io::Write;

use feedmill::World;
use serde_json::json;

use crate::job::Job;
use crate::output::{Failure, Out, clean};
use crate::{Verdict, output};

/// Print every parameter drawn for one sample in one epoch
#[derive(Debug, clap::Args)]
pub struct Args {
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
    pub fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let loader = self.job.loader(World::SINGLE)?;
        let explanation = loader.explain(self.epoch, self.sample)?;
        if self.json {
            let views = explanation.views.iter().map(|view| {
                json!({
                    "view": view.view,
                    "width": view.frame.width,
                    "height": view.frame.height,
                    "values": view.values,
                    "steps": view.steps,
                    "notes": view.notes.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
                })
            });
            let line = json!({
                "sample": explanation.sample,
                "name": explanation.name,
                "epoch": explanation.epoch,
                "occurrence": explanation.occurrence,
                "codec": format!("{:?}", explanation.codec),
                "width": explanation.size.0,
                "height": explanation.size.1,
                "target": format!("{:?}", explanation.target),
                "decoded": explanation.decoded,
                "divisor": explanation.divisor,
                "views": views.collect::<Vec<_>>(),
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
