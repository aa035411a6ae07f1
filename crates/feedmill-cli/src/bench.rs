//! `feedmill bench`.

use std::io::Write;
use std::time::{Duration, Instant};

use feedmill::{Stats, World};
use serde_json::json;

use crate::job::Job;
use crate::output::{Failure, Out, bytes};
use crate::{Verdict, output, progress};

/// Stream a data set through a recipe and report how fast, and what limits it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    job: Job,
    /// Epochs that are timed, after one that warms up the page cache
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// What each stage would give if the others took no time, and what the others would give
    /// without it
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

impl Args {
    pub fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let opened = Instant::now();
        let mut loader = self.job.loader(World::SINGLE)?;
        let opening = opened.elapsed();
        let batches = (0..=self.epochs)
            .map(|epoch| loader.batches_at(epoch))
            .sum();
        let bar = progress::bar(batches, "bench");
        let mut first_batch = None;
        let mut laps = Vec::new();
        let mut faults = 0;
        let mut lap = Instant::now();
        // One run through all epochs, as training does.
        for epoch in loader.epochs(self.epochs + 1) {
            let mut images = 0;
            for batch in epoch {
                let batch = batch?;
                first_batch.get_or_insert_with(|| lap.elapsed());
                images += batch.len() as u64;
                faults += batch.faults().len();
                for fault in batch.faults() {
                    output::complain(&format!("bad sample {}: {}", fault.sample, fault.message));
                }
                bar.inc(1);
            }
            laps.push(Lap {
                images,
                seconds: lap.elapsed().as_secs_f64(),
            });
            lap = Instant::now();
        }
        bar.finish_and_clear();
        let stats = loader.stats();
        let timed = &laps[1..];
        let mut rates: Vec<f64> = timed
            .iter()
            .map(|lap| lap.images as f64 / lap.seconds)
            .collect();
        rates.sort_by(f64::total_cmp);
        let median = rates[rates.len() / 2];
        let images: u64 = laps.iter().map(|lap| lap.images).sum();
        let per_image = stats.bytes_read as f64 / images.max(1) as f64;
        let headspace = headspace(&stats, images);
        if self.json {
            let stages: serde_json::Map<String, serde_json::Value> = stats
                .stages()
                .into_iter()
                .map(|(name, busy)| (name.to_string(), json!({"busy_s": busy.as_secs_f64()})))
                .collect();
            for (epoch, lap) in laps.iter().enumerate() {
                let line = json!({
                    "epoch": epoch,
                    "warm_up": epoch == 0,
                    "images": lap.images,
                    "seconds": lap.seconds,
                    "images_per_s": lap.images as f64 / lap.seconds,
                    "bytes_read": (lap.images as f64 * per_image) as u64,
                    "workers": stats.workers,
                });
                output::json(out, &line)?;
            }
            let delivered: u64 = stats.sources.iter().sum();
            let sources: Vec<serde_json::Value> = (0..)
                .zip(&stats.sources)
                .map(|(source, samples)| {
                    let share = *samples as f64 / delivered.max(1) as f64;
                    json!({"name": loader.source_name(source), "samples": samples, "share": share})
                })
                .collect();
            let line = json!({
                "images_per_s": median,
                "bytes_per_s": median * per_image,
                "epoch": "median",
                "epochs": self.epochs,
                "workers": stats.workers,
                "bytes_read": stats.bytes_read,
                "open_s": opening.as_secs_f64(),
                "first_batch_s": first_batch.unwrap_or_default().as_secs_f64(),
                "peak_memory": peak_memory(),
                "batch_bytes_peak": stats.batch_bytes_peak,
                "decoded_bytes_peak": stats.decoded_bytes_peak,
                "bad": faults,
                "sources": sources,
                "trainer_waited_s": stats.consumer_wait.as_secs_f64(),
                "stages": stages,
                "headspace": self.headspace.then(|| {
                    let row = |room: &Headspace| json!({"alone": room.alone, "without": room.without});
                    headspace.iter().map(|room| (room.stage.to_string(), row(room))).collect::<serde_json::Map<_, _>>()
                }),
                "bottleneck": stats.bottleneck(),
            });
            output::json(out, &line)?;
            return Ok(Verdict::Fine);
        }
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
            loader.recipe().output_options().dtype,
            stats.workers
        )?;
        for (epoch, lap) in laps.iter().enumerate() {
            let note = if epoch == 0 { " (warm-up)" } else { "" };
            writeln!(
                out,
                "epoch {epoch}: {:>9.0} images/s{note}",
                lap.images as f64 / lap.seconds
            )?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "{median:.0} images/s, {:.1} MB/s of stored bytes (median epoch)",
            median * per_image / 1e6
        )?;
        writeln!(
            out,
            "opened in {}, first batch after {}, peak memory {}",
            duration(opening),
            duration(first_batch.unwrap_or_default()),
            peak_memory().map_or("unknown".into(), bytes)
        )?;
        if faults > 0 {
            writeln!(out, "{faults} bad samples")?;
        }
        writeln!(out, "\n{stats}\n\n{}", stats.bottleneck())?;
        if self.headspace {
            writeln!(
                out,
                "\n{:>16}  {:>14}  {:>14}",
                "images/s", "it alone", "all but it"
            )?;
            for Headspace {
                stage,
                alone,
                without,
            } in headspace
            {
                writeln!(out, "{stage:>16}  {alone:>14.0}  {without:>14.0}")?;
            }
        }
        Ok(Verdict::Fine)
    }
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

/// The most memory that this process had, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}
