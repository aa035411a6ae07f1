//! `feedmill digest`.

use std::io::Write;

use feedmill::{Error, World};
use serde_json::json;

use crate::job::Job;
use crate::output::{Failure, Out};
use crate::{Verdict, output};

/// Print a hash of every slot of every batch: equal lines mean equal bytes, whatever the workers,
/// ranks or storage
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    job: Job,
    /// The epoch
    #[arg(long, value_name = "E", default_value_t = 0)]
    epoch: u32,
    /// Batches A to B - 1, as A..B [all]
    #[arg(long, value_name = "A..B", value_parser = range)]
    batches: Option<(u64, u64)>,
    /// This rank's slots only
    #[arg(long, value_name = "R", default_value_t = 0, requires = "ranks")]
    rank: u32,
    /// The number of ranks
    #[arg(long, value_name = "N", default_value_t = 1)]
    ranks: u32,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let parts = text
        .split_once("..")
        .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match parts {
        Some((a, b)) if a < b => Ok((a, b)),
        _ => Err("expected A..B with A < B, for example 0..10".into()),
    }
}

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let loader = self.job.loader(World::new(self.rank, self.ranks)?)?;
        let batches = loader.batches_at(self.epoch);
        let (first, end) = self.batches.unwrap_or((0, batches));
        if end > batches {
            return Err(Error::config(format!(
                "--batches {first}..{end}: epoch {} has {batches} batches",
                self.epoch
            ))
            .into());
        }
        for batch in loader
            .epoch_from(self.epoch, first)?
            .take((end - first) as usize)
        {
            let batch = batch?;
            for slot in batch.slots() {
                let (place, hash) = (slot.global_index(), slot.digest());
                let sample = slot.sample();
                if self.json {
                    let line = json!({
                        "epoch": batch.epoch(),
                        "batch": batch.index(),
                        "slot": place,
                        "sample": sample,
                        "digest": format!("{hash:016x}"),
                    });
                    output::json(out, &line)?;
                } else {
                    writeln!(
                        out,
                        "{} {} {place} {sample} {hash:016x}",
                        batch.epoch(),
                        batch.index()
                    )?;
                }
            }
        }
        Ok(Verdict::Fine)
    }
}
