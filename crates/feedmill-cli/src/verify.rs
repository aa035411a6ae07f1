//! `feedmill verify`.

use std::io::Write;
use std::path::PathBuf;

use feedmill::shard::Manifest;
use feedmill::source::{self, Format};
use feedmill::verify::{Options, verify, verify_shards};
use serde_json::json;

use crate::output::{Failure, Out, bytes};
use crate::{Verdict, output, progress, stop_on_signal};

/// Read every sample of a data set and report what is bad; exit code 1 if anything is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data set
    path: PathBuf,
    /// Decode every image, not only its header
    #[arg(long)]
    pixels: bool,
    /// Threads [one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// One JSON object a line: each bad file and sample, then the sum
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let options = Options::default()
            .with_pixels(self.pixels)
            .with_jobs(self.jobs.map_or(0, usize::from));
        let stop = stop_on_signal();
        let report = if source::detect(&self.path)? == Format::Shards {
            let total = Manifest::read(&self.path).map_or(0, |manifest| manifest.samples);
            let bar = progress::bar(total, "verify");
            let report =
                verify_shards(&self.path, &options, &stop, &|done| bar.set_position(done))?;
            bar.finish_and_clear();
            report
        } else {
            let source = source::open(&self.path)?;
            let bar = progress::bar(source.len(), "verify");
            let report = verify(&*source, &options, &stop, &|done| bar.set_position(done));
            bar.finish_and_clear();
            report
        };
        for file in &report.files {
            if self.json {
                let path = file.path.display().to_string();
                let (kind, message) = (file.kind.as_str(), &file.message);
                let line = json!({"bad": "file", "path": path, "kind": kind, "message": message});
                output::json(out, &line)?;
            } else {
                writeln!(
                    out,
                    "bad file ({}): {}",
                    file.kind,
                    output::clean(&file.message)
                )?;
            }
        }
        for bad in &report.bad {
            if self.json {
                let line = json!({
                    "bad": "sample",
                    "sample": bad.sample,
                    "name": bad.name,
                    "kind": bad.kind.as_str(),
                    "message": bad.message,
                });
                output::json(out, &line)?;
            } else {
                writeln!(
                    out,
                    "bad sample {} ({}): {}",
                    bad.sample,
                    bad.kind,
                    output::clean(&bad.message)
                )?;
            }
        }
        if self.json {
            let line = json!({
                "samples": report.samples,
                "bytes": report.bytes,
                "bad_samples": report.bad.len(),
                "bad_files": report.files.len(),
                "stopped": report.stopped,
            });
            output::json(out, &line)?;
        } else {
            writeln!(
                out,
                "{} samples, {}: {} bad samples, {} bad files{}",
                report.samples,
                bytes(report.bytes),
                report.bad.len(),
                report.files.len(),
                if report.stopped {
                    " (stopped early)"
                } else {
                    ""
                }
            )?;
        }
        Ok(match () {
            () if report.stopped => Verdict::Stopped,
            () if report.is_sound() => Verdict::Fine,
            () => Verdict::Bad,
        })
    }
}
