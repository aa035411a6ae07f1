//! `feedmill bench`.

use std::io::Write;
use std::time::{Duration, Instant};

use feedmill::{Loader, Stats, World};
#[cfg(target_os = "linux")]
use nix::sys::resource::UsageWho;
use serde_json::json;

use crate::job::Job;
use crate::output::{Failure, Out, bytes};
use crate::{Verdict, output, progress};

/// Stream a data set through a recipe and report how fast, and what limits it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    job: Job,
    /// Epochs that are timed, after one that warms up the page cache
    #[arg(
        long,
        value_name = "N",
        default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    epochs: u32,
    /// The rate of each stage if the others took no time, and that of the others without it
    #[arg(long)]
    headspace: bool,
    /// One JSON object for each epoch, then one for the run
    #[arg(long)]
    json: bool,
}

/// One epoch.
struct Lap {
    images: u64,
    seconds: f64,
}

impl Lap {
    fn rate(&self) -> f64 {
        self.images as f64 / self.seconds
    }
}

/// What was measured: one run through all epochs, as training does. The first epoch warms up.
struct Run {
    loader: Loader,
    stats: Stats,
    laps: Vec<Lap>,
    faults: usize,
    opening: Duration,
    first_batch: Duration,
}

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let run = self.measure()?;
        if self.json {
            run.epochs_as_json(out)?;
            self.run_as_json(&run, out)?;
        } else {
            run.as_text(out)?;
            if self.headspace {
                headspace_as_text(&run.headspace(), out)?;
            }
        }
        Ok(Verdict::Fine)
    }

    fn measure(&self) -> feedmill::Result<Run> {
        let start = Instant::now();
        let loader = self.job.loader(World::SINGLE)?;
        let mut run = Run {
            stats: loader.stats(),
            laps: Vec::new(),
            faults: 0,
            opening: start.elapsed(),
            first_batch: Duration::ZERO,
            loader,
        };
        let batches = (0..=self.epochs)
            .map(|epoch| run.loader.batches_at(epoch))
            .sum();
        let bar = progress::bar(batches, "bench");
        let (mut lap, mut first_batch) = (Instant::now(), None);
        for epoch in run.loader.epochs(0..self.epochs + 1) {
            let mut images = 0;
            for batch in epoch {
                let batch = batch?;
                first_batch.get_or_insert_with(|| lap.elapsed());
                images += batch.len() as u64;
                run.faults += batch.faults().len();
                for fault in batch.faults() {
                    output::complain(&format!("bad sample {}: {}", fault.sample, fault.message));
                }
                bar.inc(1);
            }
            run.laps.push(Lap {
                images,
                seconds: lap.elapsed().as_secs_f64(),
            });
            lap = Instant::now();
        }
        bar.finish_and_clear();
        run.first_batch = first_batch.unwrap_or_default();
        run.stats = run.loader.stats();
        Ok(run)
    }

    fn run_as_json(&self, run: &Run, out: &mut Out) -> std::io::Result<()> {
        let stats = &run.stats;
        let (median, per_image) = (run.median(), run.bytes_per_image());
        let stages: Map = stats
            .stages()
            .into_iter()
            .map(|(name, busy)| (name.to_string(), json!({"busy_s": busy.as_secs_f64()})))
            .collect();
        let headspace = self.headspace.then(|| -> Map {
            let rows = run.headspace();
            let row = |room: &Headspace| json!({"alone": room.alone, "without": room.without});
            rows.iter()
                .map(|room| (room.stage.to_string(), row(room)))
                .collect()
        });
        let line = json!({
            "images_per_s": median,
            "bytes_per_s": median * per_image,
            "epoch": "median",
            "epochs": self.epochs,
            "workers": stats.workers,
            "bytes_read": stats.bytes_read,
            "open_s": run.opening.as_secs_f64(),
            "first_batch_s": run.first_batch.as_secs_f64(),
            "peak_memory": peak_memory(),
            "batch_bytes_peak": stats.batch_bytes_peak,
            "decoded_bytes_peak": stats.decoded_bytes_peak,
            "bad": run.faults,
            "sources": run.sources(),
            "trainer_waited_s": stats.consumer_wait.as_secs_f64(),
            "stages": stages,
            "headspace": headspace,
            "bottleneck": stats.bottleneck(),
        });
        output::json(out, &line)
    }
}

type Map = serde_json::Map<String, serde_json::Value>;

impl Run {
    fn images(&self) -> u64 {
        self.laps.iter().map(|lap| lap.images).sum()
    }

    /// Images/s of the median epoch after the warm-up.
    fn median(&self) -> f64 {
        let mut rates: Vec<f64> = self.laps[1..].iter().map(Lap::rate).collect();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }

    fn bytes_per_image(&self) -> f64 {
        self.stats.bytes_read as f64 / self.images().max(1) as f64
    }

    /// What each source delivered.
    fn sources(&self) -> Vec<serde_json::Value> {
        let delivered: u64 = self.stats.sources.iter().sum();
        (0..)
            .zip(&self.stats.sources)
            .map(|(source, samples)| {
                let share = *samples as f64 / delivered.max(1) as f64;
                json!({
                    "name": self.loader.source_name(source),
                    "samples": samples,
                    "share": share,
                })
            })
            .collect()
    }

    fn headspace(&self) -> Vec<Headspace> {
        headspace(&self.stats, self.images())
    }

    fn epochs_as_json(&self, out: &mut Out) -> std::io::Result<()> {
        for (epoch, lap) in self.laps.iter().enumerate() {
            let line = json!({
                "epoch": epoch,
                "warm_up": epoch == 0,
                "images": lap.images,
                "seconds": lap.seconds,
                "images_per_s": lap.rate(),
                "bytes_read": (lap.images as f64 * self.bytes_per_image()) as u64,
                "workers": self.stats.workers,
            });
            output::json(out, &line)?;
        }
        Ok(())
    }

    fn as_text(&self, out: &mut Out) -> std::io::Result<()> {
        let (loader, stats, median) = (&self.loader, &self.stats, self.median());
        let shapes: Vec<String> = loader
            .shapes()
            .iter()
            .map(|shape| format!("{shape:?}"))
            .collect();
        writeln!(
            out,
            "{} samples, {} batches of {} {:?} an epoch, {} workers",
            loader.samples(),
            loader.batches(),
            shapes.join(" + "),
            loader.recipe().output().dtype(),
            stats.workers
        )?;
        for (epoch, lap) in self.laps.iter().enumerate() {
            let note = if epoch == 0 { " (warm-up)" } else { "" };
            writeln!(out, "epoch {epoch}: {:>9.0} images/s{note}", lap.rate())?;
        }
        writeln!(
            out,
            "\n{median:.0} images/s, {:.1} MB/s of stored bytes (median epoch)",
            median * self.bytes_per_image() / 1e6
        )?;
        writeln!(
            out,
            "opened in {}, first batch after {}, peak memory {}",
            duration(self.opening),
            duration(self.first_batch),
            peak_memory().map_or("unknown".into(), bytes)
        )?;
        if self.faults > 0 {
            writeln!(out, "{} bad samples", self.faults)?;
        }
        writeln!(out, "\n{stats}\n\n{}", stats.bottleneck())
    }
}

fn headspace_as_text(rows: &[Headspace], out: &mut Out) -> std::io::Result<()> {
    writeln!(
        out,
        "\n{:>16}  {:>14}  {:>14}",
        "images/s", "it alone", "all but it"
    )?;
    for Headspace {
        stage,
        alone,
        without,
    } in rows
    {
        writeln!(out, "{stage:>16}  {alone:>14.0}  {without:>14.0}")?;
    }
    Ok(())
}

/// What a stage leaves to gain, in images/s of all workers busy with nothing else.
struct Headspace {
    stage: &'static str,
    /// If the other stages took no time.
    alone: f64,
    /// If this one took none.
    without: f64,
}

fn headspace(stats: &Stats, images: u64) -> Vec<Headspace> {
    let total: f64 = stats
        .stages()
        .iter()
        .map(|(_, busy)| busy.as_secs_f64())
        .sum();
    let rate = |busy: f64| images as f64 * stats.workers as f64 / busy.max(1e-9);
    stats
        .stages()
        .map(|(stage, busy)| {
            let busy = busy.as_secs_f64();
            Headspace {
                stage,
                alone: rate(busy),
                without: rate(total - busy),
            }
        })
        .into()
}

fn duration(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// The most memory that this process has had at once, in bytes, where the system keeps count.
fn peak_memory() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        // On Linux the count is in KiB; on others the unit differs.
        let usage = nix::sys::resource::getrusage(UsageWho::RUSAGE_SELF).ok()?;
        u64::try_from(usage.max_rss()).ok().map(|kib| kib * 1024)
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}
