//! What can go wrong, whose fault it is, and where in the file it was seen.

use std::fmt;

/// The class of a failure. Callers choose by it whether to fall back to another decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes contradict the JPEG standard, or an entropy index contradicts its file.
    Corrupt,
    /// The file ends, or a scan is cut short by a marker, before the image is complete.
    Truncated,
    /// The file uses a legal JPEG feature that this decoder does not implement.
    Unsupported,
    /// The region or the output buffer does not fit the image, or a [`Limits`](crate::Limits) is
    /// exceeded.
    Limit,
}

/// A failure with its place in the file.
///
/// The fields are private so that they can grow; [`Error::kind`] is what programs decide by, and
/// the message is for people.
///
/// # Example: a file that is cut off
///
/// ```
/// use feedmill_jpeg::{ErrorKind, header};
///
/// let error = header(&[0xff, 0xd8]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Truncated);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
    message: String,
}

/// The result of every fallible function of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: usize, message: impl Into<String>) -> Error {
        Error {
            kind,
            offset,
            message: message.into(),
        }
    }

    /// Returns the class of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the byte offset in the file near which the problem was seen.
    ///
    /// It is 0 for failures that have no place in the file, such as a region outside the image.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns what was expected and what was found, in English and without the offset.
    pub fn message(&self) -> &str {
        &self.message
    }
}

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

// Shorthands for `return corrupt(...)`. They are cold, so that the code around them stays small.

#[cold]
pub(crate) fn corrupt<T>(offset: usize, message: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::Corrupt, offset, message))
}

#[cold]
pub(crate) fn truncated<T>(offset: usize, message: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::Truncated, offset, message))
}

#[cold]
pub(crate) fn unsupported<T>(offset: usize, message: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, offset, message))
}

#[cold]
pub(crate) fn limit<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::Limit, 0, message))
}
