//! Standard output and error, whose readers may go away.

use std::io::{self, BufWriter, StdoutLock, Write};

/// Why a subcommand ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library says why.
    Feedmill(feedmill::Error),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<feedmill::Error> for Failure {
    fn from(error: feedmill::Error) -> Failure {
        Failure::Feedmill(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

pub(crate) type Out = BufWriter<StdoutLock<'static>>;

pub(crate) fn stdout() -> Out {
    BufWriter::new(io::stdout().lock())
}

/// Writes a message to standard error. `eprintln!` would panic if that is closed.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "feedmill: {}", clean(message));
}

/// The text with its control characters escaped: names come from files, and a terminal would obey
/// them.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Writes one JSON object as one line.
pub(crate) fn json(out: &mut Out, value: &serde_json::Value) -> io::Result<()> {
    writeln!(out, "{value}")
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let power = (count.ilog2() / 10) as usize;
    format!(
        "{:.1} {}",
        count as f64 / 1024f64.powi(power as i32),
        UNITS[power - 1]
    )
}

#[cfg(test)]
mod tests {
    use super::{bytes, clean};

    #[test]
    fn a_terminal_gets_no_control_characters() {
        assert_eq!(clean("a\u{1b}[2Jé\n"), "a\\u{1b}[2Jé\\n");
    }

    #[test]
    fn sizes_have_a_unit_that_fits() {
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(256 << 20), "256.0 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
    }
}
