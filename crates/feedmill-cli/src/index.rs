//! `feedmill index`.

use std::io::Write;
use std::path::PathBuf;

use feedmill::index::{Options, write};
use feedmill::source::Format;

use crate::output::{Failure, Out, bytes};
use crate::{Verdict, output, progress};

/// Write the entropy index of the JPEGs of a folder, tar, Arrow or Parquet file, beside it
///
/// With it, crops are decoded without what lies in front of them; pixels are the same. The data are
/// not touched. After a change of the data the index is refused until it is written again or
/// removed. Shards that `convert` writes have theirs inside.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data set
    path: PathBuf,
    /// The form of the data: folder, shards, tar, arrow or parquet [detected]
    #[arg(long, value_name = "FORM")]
    format: Option<Format>,
    /// Threads [one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let options = Options::default()
            .with_format(self.format)
            .with_jobs(self.jobs.map_or(0, usize::from));
        let done = progress::run(0, "index", |stop, bar| {
            let show = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            write(&self.path, &options, stop, &show)
        });
        let Some(report) = done? else {
            return Ok(Verdict::Stopped);
        };
        for bad in &report.bad {
            output::complain(&format!(
                "sample {} ({}) has no index: {}",
                bad.sample, bad.name, bad.message
            ));
        }
        writeln!(
            out,
            "{}: {} of {} samples indexed, {} for {}, {} bad",
            report.path.display(),
            report.indexed,
            report.samples,
            bytes(report.bytes),
            bytes(report.bytes_in),
            report.bad.len()
        )?;
        Ok(if report.bad.is_empty() {
            Verdict::Fine
        } else {
            Verdict::Bad
        })
    }
}
