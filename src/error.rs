//! The one error type of the crate, and the report of a bad sample.
//!
//! # Why one type?
//!
//! A caller decides by *whose fault it is* ([`Kind`]), not by which module noticed it: a corrupt
//! record is handled the same way whether a checksum, a header or a Huffman table gave it away. The
//! message says which file, which record, what was expected, what was found and what to do.

use std::fmt;
use std::path::Path;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by whose fault it is and what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The operating system or a store refused: permissions, no space, no such file.
    Io,
    /// Bytes that contradict themselves, their checksum or their format.
    Corrupt,
    /// Bytes that end too early.
    Truncated,
    /// Valid input that is larger than the limits in force.
    Limit,
    /// Valid input of a form that is not handled.
    Unsupported,
    /// A recipe, option or combination of both that cannot work.
    Config,
    /// A state, index or data set that belongs to something else.
    Mismatch,
    /// Code in a worker panicked.
    Worker,
    /// The loader was stopped.
    Stopped,
}

impl Kind {
    /// The kind in lower case, as printed in reports and `--json` output.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Io => "io",
            Kind::Corrupt => "corrupt",
            Kind::Truncated => "truncated",
            Kind::Limit => "limit",
            Kind::Unsupported => "unsupported",
            Kind::Config => "config",
            Kind::Mismatch => "mismatch",
            Kind::Worker => "worker",
            Kind::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error of any part of feedmill.
///
/// One word wide; `Send`, `Sync` and `'static`. [`Error::kind`] tells whose fault it is, the text
/// tells the rest.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    sample: Option<u64>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of a kind with its message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            sample: None,
            cause: None,
        }))
    }

    /// A [`Kind::Config`] error.
    pub fn config(message: impl Into<String>) -> Error {
        Error::new(Kind::Config, message)
    }

    /// A [`Kind::Corrupt`] error.
    pub fn corrupt(message: impl Into<String>) -> Error {
        Error::new(Kind::Corrupt, message)
    }

    /// An input/output error on a path, saying what was being done ("open", "read", "write").
    ///
    /// An unexpected end of file becomes [`Kind::Truncated`], anything else [`Kind::Io`].
    pub fn io(doing: &str, path: &Path, cause: std::io::Error) -> Error {
        let kind = match cause.kind() {
            std::io::ErrorKind::UnexpectedEof => Kind::Truncated,
            _ => Kind::Io,
        };
        Error::new(kind, format!("{}: cannot {doing}: {cause}", path.display())).with_cause(cause)
    }

    /// The same error with the sample that it is about.
    #[must_use]
    pub fn with_sample(mut self, sample: u64) -> Error {
        self.0.sample = Some(sample);
        self
    }

    /// The same error with `place: ` put before its message.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Error {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_cause(
        mut self,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        self.0.cause = Some(cause.into());
        self
    }

    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The number of the sample that it is about, if it is about one.
    pub fn sample(&self) -> Option<u64> {
        self.0.sample
    }

    /// The message without the kind.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// An error that says the same, for delivery in a second place; the cause stays with the first.
    pub(crate) fn restate(&self) -> Error {
        let mut error = Error::new(self.kind(), self.message());
        error.0.sample = self.0.sample;
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .cause
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

/// Runs code that is not trusted to return (a decoder on a hostile file, a user's source); a panic
/// becomes [`Kind::Worker`] with the panic's text. What the code was changing when it panicked may
/// be left half done.
pub(crate) fn catch<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let error = Error::new(
                Kind::Worker,
                format!("panicked: {}", text.unwrap_or("without a text")),
            );
            // What was thrown may panic again when it is dropped; that one is leaked.
            let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(panic)));
            std::mem::forget(dropped);
            Err(error)
        }
    }
}

/// One bad sample in a batch: what it was, why it failed, and what stands in its slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The slot in the batch as delivered, from 0.
    pub slot: usize,
    /// The sample that failed.
    pub sample: u64,
    /// Why, as a kind.
    pub kind: Kind,
    /// Why, in words: file, record, byte, expected, found.
    pub message: String,
    /// The sample that took its place; `None` if the slot was blanked.
    pub replaced_by: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_and_names_its_place() {
        assert_eq!(std::mem::size_of::<Error>(), std::mem::size_of::<usize>());
        let error = Error::corrupt("checksum is 1, expected 2")
            .at("a.mill: record 3")
            .with_sample(3);
        assert_eq!(
            error.to_string(),
            "a.mill: record 3: checksum is 1, expected 2"
        );
        assert_eq!(
            format!("{error:?}"),
            "corrupt: a.mill: record 3: checksum is 1, expected 2"
        );
        assert_eq!(error.sample(), Some(3));
    }

    #[test]
    fn an_early_end_of_file_is_truncated() {
        let eof = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        assert_eq!(
            Error::io("read", Path::new("x"), eof).kind(),
            Kind::Truncated
        );
    }
}
