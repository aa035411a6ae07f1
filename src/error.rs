//! The one error type of the crate, and the report of a bad sample.
//!
//! # Why one type?
//!
//! A caller decides by *whose fault an error is* ([`Kind`]), not by which module noticed it: a
//! corrupt record is handled the same way whether a checksum, a header or a Huffman table revealed
//! it. The alternative, an enum of each module's errors, makes every caller match on modules that
//! it does not know. The message says which file, which record, what was expected, what was found
//! and what to do.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result of this crate's fallible functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error: whose fault it is, and so what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The operating system or a store refused: permissions, no space, no such file.
    Io,
    /// The bytes contradict themselves, their checksum or their format.
    Corrupt,
    /// The bytes end too early.
    Truncated,
    /// The input is valid, but larger than the limits in force.
    Limit,
    /// The input is valid, but of a form that feedmill does not handle.
    Unsupported,
    /// A recipe, an option or a combination of them cannot work.
    Config,
    /// A state, an index or a data set belongs to something else.
    Mismatch,
    /// Code in a worker panicked.
    Worker,
    /// The loader was stopped.
    Stopped,
}

impl Kind {
    /// The kind in lower case, as reports and `--json` output print it.
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

/// Where an error happened, as one step on the way from the whole run to the byte.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Context {
    /// A file or folder.
    Path(PathBuf),
    /// A record of a data set, by its name: a member of a tar, a row of a table.
    Record(String),
    /// A key of a table of parameters, such as `ops.size`.
    Key(String),
    /// A line of a text.
    Line {
        /// What the text is, such as "recipe".
        text: String,
        /// The number of the line, from 1.
        line: usize,
    },
    /// Any other place, in words.
    Place(String),
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Context::Path(path) => write!(f, "{}", path.display()),
            Context::Record(text) | Context::Key(text) | Context::Place(text) => f.write_str(text),
            Context::Line { text, line } => write!(f, "{text} line {line}"),
        }
    }
}

/// An error of any part of feedmill.
///
/// It is one word wide, `Clone`, `Send`, `Sync` and `'static`. [`Error::kind`] tells whose fault it
/// is, [`Error::context`] where it happened, and the text all of that in words. Code should decide
/// by kind and context; the text is for people.
///
/// # Example: what went wrong, and where
///
/// ```
/// use feedmill::{Kind, Recipe};
///
/// let error = Recipe::from_toml("[[view]]\nops = [{ op = \"rotate\" }]").unwrap_err();
/// assert_eq!(error.kind(), Kind::Config);
/// println!("{error}"); // with the line, the key and what was expected
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    /// The text with all contexts before it, so that [`Error::message`] can return a reference.
    message: String,
    /// Where it happened, innermost first.
    context: Vec<Context>,
    /// The sample that the error is about.
    sample: Option<u64>,
    /// The error that caused this one. Shared, since errors are cloned: several batches may report
    /// one failed read.
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with its kind and message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            context: Vec::new(),
            sample: None,
            source: None,
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

    /// An input/output error on a path. `doing` says what failed: "open", "read", "write".
    ///
    /// An unexpected end of file becomes [`Kind::Truncated`], anything else [`Kind::Io`].
    pub fn io(doing: &str, path: &Path, source: std::io::Error) -> Error {
        let kind = match source.kind() {
            std::io::ErrorKind::UnexpectedEof => Kind::Truncated,
            _ => Kind::Io,
        };
        Error::new(kind, format!("cannot {doing}: {source}"))
            .with_source(source)
            .in_file(path)
    }

    /// Adds the number of the sample that the error is about.
    #[must_use]
    pub fn with_sample(mut self, sample: u64) -> Error {
        self.0.sample = Some(sample);
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds a place further out, described in words.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Error {
        self.within(Context::Place(place.to_string()))
    }

    /// Adds the file or folder in which the error happened.
    #[must_use]
    pub fn in_file(self, path: impl Into<PathBuf>) -> Error {
        self.within(Context::Path(path.into()))
    }

    /// Adds the record of a data set in which the error happened.
    #[must_use]
    pub fn in_record(self, name: impl Into<String>) -> Error {
        self.within(Context::Record(name.into()))
    }

    /// Adds the key with the value that has the error.
    #[must_use]
    pub fn in_key(self, key: impl Into<String>) -> Error {
        self.within(Context::Key(key.into()))
    }

    /// Adds the key that the error is about without changing the message, which names it already.
    #[must_use]
    pub fn about_key(mut self, key: impl Into<String>) -> Error {
        self.0.context.push(Context::Key(key.into()));
        self
    }

    /// Adds the line of a text, counted from 1, on which the error happened.
    #[must_use]
    pub(crate) fn on_line(self, text: &str, line: usize) -> Error {
        self.within(Context::Line {
            text: text.to_string(),
            line,
        })
    }

    /// Adds a context, to the list and in front of the message.
    fn within(mut self, context: Context) -> Error {
        self.0.message = format!("{context}: {}", self.0.message);
        self.0.context.push(context);
        self
    }

    /// The kind of the error: whose fault it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The number of the sample that the error is about, if it is about one.
    pub fn sample(&self) -> Option<u64> {
        self.0.sample
    }

    /// Where the error happened, innermost first.
    pub fn context(&self) -> &[Context] {
        &self.0.context
    }

    /// The innermost key in the context, if there is one.
    pub fn key(&self) -> Option<&str> {
        self.0.context.iter().find_map(|context| match context {
            Context::Key(key) => Some(key.as_str()),
            _ => None,
        })
    }

    /// True if the context names a file or a record.
    pub(crate) fn names_data(&self) -> bool {
        let names = |context: &Context| matches!(context, Context::Path(_) | Context::Record(_));
        self.0.context.iter().any(names)
    }

    /// The message with its context, without the kind.
    pub fn message(&self) -> &str {
        &self.0.message
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
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

/// Runs code that may panic, such as a decoder on a hostile file or a user's source. A panic
/// becomes a [`Kind::Worker`] error with the text of the panic. State that the closure was changing
/// may be inconsistent after that.
///
/// # Errors
///
/// Those of `run`, and [`Kind::Worker`] if it panics.
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
            // The payload of a panic can be any value, and its destructor may panic again. That
            // second payload is leaked: dropping it could go on without end.
            let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(panic)));
            std::mem::forget(dropped);
            Err(error)
        }
    }
}

/// The report of one bad sample in a batch: which sample, why it failed, and what is in its slot
/// instead.
///
/// # Example: the bad samples of a batch
///
/// ```
/// use feedmill::sample::Target;
/// use feedmill::source::Memory;
/// use feedmill::{Loader, Recipe};
///
/// let bad = (vec![0xff, 0xd8, 0xff], Target::Class(0));
/// let photo = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
/// let good = (photo, Target::Class(1));
/// let recipe = Recipe::preset("imagenet")?.with_batch(2);
/// # let recipe = recipe.with_on_bad(feedmill::recipe::OnBad::Replace { at_most: 1.0 });
/// let loader = Loader::builder().source(Memory::encoded([bad, good])).recipe(recipe).build()?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// let fault = &batch.faults()[0];
/// assert_eq!((fault.sample, fault.replaced_by), (0, Some(1)));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The slot in this rank's batch as it was read, from 0. It is also the slot in the batch as
    /// delivered, unless mixing emits more or fewer images than it reads ([`crate::Slot::fault`]).
    pub slot: usize,
    /// The sample that failed.
    pub sample: u64,
    /// The kind of the error.
    pub kind: Kind,
    /// The message of the error: file, record, byte, what was expected and what was found.
    pub message: String,
    /// The sample that replaced it; `None` if the slot is blank.
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
