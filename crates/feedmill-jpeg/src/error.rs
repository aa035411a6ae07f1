//! What can go wrong while reading a JPEG file, and where.

use std::fmt;

/// The class of a failure; callers choose between fallback and refusal by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The bytes contradict the JPEG standard.
    Corrupt,
    /// The file ends, or a scan is cut short by a marker, before the picture is complete.
    Truncated,
    /// A legal JPEG feature this decoder leaves to another one; the message names it.
    Unsupported,
    /// The region or the output buffer does not fit the picture.
    Limit,
}

/// A failure with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The class of the failure.
    pub kind: ErrorKind,
    /// Byte offset in the file where the problem was seen.
    pub offset: usize,
    /// What was expected and what was found.
    pub message: String,
}

/// Result of every fallible function of this module.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Truncated => "truncated",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Limit => "out of limits",
        };
        write!(f, "{kind} JPEG at byte {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for Error {}

#[cold]
pub(super) fn corrupt<T>(offset: usize, message: impl Into<String>) -> Result<T> {
    Err(Error { kind: ErrorKind::Corrupt, offset, message: message.into() })
}

#[cold]
pub(super) fn truncated<T>(offset: usize, message: impl Into<String>) -> Result<T> {
    Err(Error { kind: ErrorKind::Truncated, offset, message: message.into() })
}

#[cold]
pub(super) fn unsupported<T>(offset: usize, message: impl Into<String>) -> Result<T> {
    Err(Error { kind: ErrorKind::Unsupported, offset, message: message.into() })
}

#[cold]
pub(super) fn limit<T>(message: impl Into<String>) -> Result<T> {
    Err(Error { kind: ErrorKind::Limit, offset: 0, message: message.into() })
}
