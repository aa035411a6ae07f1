//! A progress bar on standard error, if that is a terminal, and jobs that run under one.

use std::io::IsTerminal;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Failure;
use crate::{output, stop_on_signal};

/// Runs a job under a progress bar, with a flag that Ctrl-C sets. Returns `None`, after a message
/// on standard error, if it was stopped.
pub(crate) fn run<T>(
    total: u64,
    doing: &'static str,
    job: impl FnOnce(&AtomicBool, &ProgressBar) -> feedmill::Result<T>,
) -> Result<Option<T>, Failure> {
    let stop = stop_on_signal();
    let bar = bar(total, doing);
    let done = job(&stop, &bar);
    bar.finish_and_clear();
    match done {
        Ok(report) => Ok(Some(report)),
        Err(error) if error.kind() == feedmill::Kind::Stopped => {
            output::complain(error.message());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn bar(total: u64, doing: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
    let form = "{msg} {bar:40} {pos}/{len} samples, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
    bar.with_message(doing)
}
