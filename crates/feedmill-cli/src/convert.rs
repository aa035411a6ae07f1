//! `feedmill convert`.

use std::io::Write;
use std::path::PathBuf;

use feedmill::convert::{Options, Progress, convert};

use crate::output::{Failure, Out, bytes};
use crate::{Verdict, output, progress, size};

/// Convert a data set into a folder of shards
///
/// The result is the same bytes for any number of jobs, and however often the conversion was
/// interrupted and resumed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data set
    src: PathBuf,
    /// The folder of shards to make: new or empty, unless --resume
    dst: PathBuf,
    /// Encoded bytes of the source in one shard
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size::parse)]
    shard_size: u64,
    /// Resize images whose longer side has more pixels than this, and store them as JPEG
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..))]
    max_side: Option<u32>,
    /// The quality of new JPEGs, 1 to 100 [92]; without --max-side every image is encoded anew
    #[arg(long, value_name = "QUALITY", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
    /// Rewrite progressive JPEGs as baseline ones with the same coefficients, which are decoded
    /// several times as fast
    #[arg(long)]
    baseline: bool,
    /// Store decoded RGB pixels
    #[arg(long, conflicts_with = "quality")]
    raw: bool,
    /// Leave out the entropy index of JPEGs, with which crops are decoded faster
    #[arg(long)]
    no_index: bool,
    /// Threads, each writing one shard at a time [one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Take up a conversion that was broken off
    #[arg(long)]
    resume: bool,
    /// Leave bad images out and list them, instead of failing
    #[arg(long)]
    skip_bad: bool,
}

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let options = Options::default()
            .with_shard_size(self.shard_size)
            .with_max_side(self.max_side)
            .with_quality(self.quality)
            .with_baseline(self.baseline)
            .with_raw(self.raw)
            .with_index(!self.no_index)
            .with_jobs(self.jobs.map_or(0, usize::from))
            .with_resume(self.resume)
            .with_skip_bad(self.skip_bad);
        let source = feedmill::source::open(&self.src)?;
        let done = progress::run(source.len(), "convert", |stop, bar| {
            let show = |progress: Progress| bar.set_position(progress.samples);
            convert(&*source, &self.dst, &options, stop, &show)
        });
        let Some(report) = done? else {
            return Ok(Verdict::Stopped);
        };
        for bad in &report.skipped {
            output::complain(&format!(
                "left out sample {} ({}): {}",
                bad.sample, bad.name, bad.message
            ));
        }
        writeln!(
            out,
            "{}: {} samples in {} shards ({} kept), {} from {}, {} left out",
            self.dst.display(),
            report.samples,
            report.shards,
            report.kept,
            bytes(report.bytes_out),
            bytes(report.bytes_in),
            report.skipped.len()
        )?;
        Ok(Verdict::Fine)
    }
}
