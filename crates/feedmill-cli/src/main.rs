//! The `feedmill` command: thin, over the library's public API alone.
//!
//! Each subcommand is a module with its `Args` and a `run`; a new one is a module and a line in
//! [`Command`].
//!
//! Exit codes: 0 fine, 1 the data or the run is bad, 2 wrong usage, 130 stopped by Ctrl-C.

#![warn(unreachable_pub)]

mod apply;
mod bench;
mod canvas;
mod completions;
mod contact_sheet;
mod convert;
mod digest;
mod explain;
mod index;
mod inspect;
mod job;
mod output;
mod preview;
mod progress;
#[cfg(target_os = "linux")]
mod sigbus;
mod size;
mod verify;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};
use feedmill::Kind;
use output::Failure;

/// A streaming image data loader: time, convert, check and look at data sets.
#[derive(Debug, Parser)]
#[command(name = "feedmill", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Args),
    Convert(convert::Args),
    Index(index::Args),
    Verify(verify::Args),
    Inspect(inspect::Args),
    Digest(digest::Args),
    Preview(preview::Args),
    Explain(explain::Args),
    Apply(apply::Args),
    Completions(completions::Args),
}

/// How a subcommand ended that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Bad,
    Stopped,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    #[cfg(target_os = "linux")]
    sigbus::install();
    // The warnings of the library: skipped tar members, links to folders.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .without_time()
        .with_target(false)
        .init();
    let mut out = output::stdout();
    let run = match cli.command {
        Command::Bench(args) => args.run(&mut out),
        Command::Convert(args) => args.run(&mut out),
        Command::Index(args) => args.run(&mut out),
        Command::Verify(args) => args.run(&mut out),
        Command::Inspect(args) => args.run(&mut out),
        Command::Digest(args) => args.run(&mut out),
        Command::Preview(args) => args.run(&mut out),
        Command::Explain(args) => args.run(&mut out),
        Command::Apply(args) => args.run(&mut out),
        Command::Completions(args) => args.run(&mut out),
    };
    let run = run.and_then(|verdict| Ok(out.flush().map(|()| verdict)?));
    match run {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Ok(Verdict::Stopped) => ExitCode::from(130),
        // The reader of our output has seen enough (`feedmill inspect data | head -1`).
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Failure::Output(error)) => {
            output::complain(&format!("cannot write to standard output: {error}"));
            ExitCode::from(1)
        }
        Err(Failure::Feedmill(error)) => {
            // What was found so far comes before the error. A failure to write it changes nothing.
            let _ = out.flush();
            output::complain(error.message());
            match error.kind() {
                Kind::Config => ExitCode::from(2),
                Kind::Stopped => ExitCode::from(130),
                _ => ExitCode::from(1),
            }
        }
    }
}

/// A flag that Ctrl-C and SIGTERM set.
fn stop_on_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    if let Err(error) = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)) {
        output::complain(&format!("Ctrl-C will not clean up: {error}"));
    }
    stop
}
