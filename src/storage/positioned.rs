//! Reads of files at offsets (`pread`), which several threads can do at once since they share no
//! file position, and of whole files of a known size.
//!
//! Sizes come from indexes and listings, which may be damaged or out of date. So a size is checked
//! against [`MAX_RECORD`] before memory is allocated, and what was read is checked against the
//! size.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// The largest encoded record, in bytes, that is read into memory: 2 GiB. Any sensible
/// [`Limits`](crate::decode::Limits) refuse an image much smaller than that; this bound only
/// prevents that a damaged size allocates all memory.
pub(crate) const MAX_RECORD: u64 = 1 << 31;

/// Reads at offsets. Tests implement it with short and interrupted reads.
pub(crate) trait ReadAt {
    /// Reads at most as many bytes as `buffer` holds, from `offset` on. Returns how many; 0 at the
    /// end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, offset)
    }
}

/// Tells the kernel that a part of a file will be read soon, so that it reads it in the background.
/// Does nothing where the kernel takes no such advice.
pub(crate) fn will_read(file: &File, offset: u64, len: u64) {
    #[cfg(target_os = "linux")]
    {
        // A wrong guess costs a little time and changes nothing, so a refusal is ignored.
        let len = std::num::NonZeroU64::new(len);
        let _ = rustix::fs::fadvise(file, offset, len, rustix::fs::Advice::WillNeed);
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, offset, len);
    }
}

/// Fills the buffer from `offset` on, with as many calls as it takes.
///
/// # Errors
///
/// `Truncated` if the file ends before, `Io` if reading fails. The messages do not name the file.
pub(crate) fn read_exact_at(file: &impl ReadAt, mut buffer: &mut [u8], offset: u64) -> Result<()> {
    let (wanted, mut at) = (buffer.len(), offset);
    while !buffer.is_empty() {
        match file.read_at(buffer, at) {
            Ok(0) => {
                return Err(Error::new(
                    Kind::Truncated,
                    format!(
                        "the file ends at byte {at}: expected {wanted} bytes at offset {offset}, \
                         {} are missing",
                        buffer.len()
                    ),
                ));
            }
            Ok(count) => {
                buffer = &mut buffer[count..];
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let message = format!("cannot read {wanted} bytes at offset {offset}: {error}");
                return Err(Error::new(Kind::Io, message).with_source(error));
            }
        }
    }
    Ok(())
}

/// Fills `buf` by calls of `read`, which gets the rest of the buffer and the number of bytes read
/// so far. Returns how many bytes were read before the end. Interrupted calls are repeated.
fn fill(
    mut read: impl FnMut(&mut [u8], usize) -> io::Result<usize>,
    buf: &mut [u8],
) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match read(&mut buf[done..], done) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// `buf` with a length of `size` bytes, of unspecified contents.
///
/// # Errors
///
/// `Limit` if `size` is more than [`MAX_RECORD`], or if there is not enough memory.
pub(crate) fn sized(mut buf: Vec<u8>, size: u64) -> Result<Vec<u8>> {
    if size > MAX_RECORD {
        return Err(Error::new(
            Kind::Limit,
            format!("the record has {size} bytes; the largest that is read is {MAX_RECORD}"),
        ));
    }
    let size = size as usize;
    let more = size.saturating_sub(buf.len());
    if buf.try_reserve(more).is_err() {
        return Err(Error::new(
            Kind::Limit,
            format!("no memory for a record of {size} bytes"),
        ));
    }
    buf.resize(size, 0);
    Ok(buf)
}

/// Reads a whole file that had `expected` bytes in an earlier listing, into `buf`.
///
/// # Errors
///
/// `Truncated` if it is shorter, `Mismatch` if it is longer, `Io` if reading fails. The messages do
/// not name the file.
pub(crate) fn read_whole(reader: &mut impl Read, expected: u64, buf: Vec<u8>) -> Result<Vec<u8>> {
    // Room for one byte more than expected: a file that is longer shows itself without another
    // call.
    let mut buf = sized(buf, expected.saturating_add(1))?;
    let found = fill(|rest, _| reader.read(rest), &mut buf).map_err(|error| {
        Error::new(Kind::Io, format!("cannot read: {error}")).with_source(error)
    })?;
    match (found as u64).cmp(&expected) {
        std::cmp::Ordering::Equal => {
            buf.truncate(found);
            Ok(buf)
        }
        std::cmp::Ordering::Less => Err(Error::new(
            Kind::Truncated,
            format!("the file has {found} bytes; it had {expected} when the folder was opened"),
        )),
        std::cmp::Ordering::Greater => Err(Error::new(
            Kind::Mismatch,
            format!(
                "the file has more than the {expected} bytes that it had when the folder was \
                 opened; open the folder again"
            ),
        )),
    }
}

/// A file that is read at offsets, by several threads at once.
#[derive(Debug)]
pub(crate) struct PositionedFile {
    /// `None` after [`PositionedFile::release`].
    file: Option<File>,
    path: PathBuf,
    len: u64,
}

impl PositionedFile {
    /// Announces a read of `len` bytes from `offset` on ([`will_read`]).
    pub(crate) fn will_read(&self, offset: u64, len: u64) {
        if let Some(file) = &self.file {
            will_read(file, offset, len);
        }
    }

    /// Opens a regular file.
    ///
    /// # Errors
    ///
    /// `Io` if it cannot be opened, `Unsupported` if it is not a regular file.
    pub(crate) fn open(path: &Path) -> Result<PositionedFile> {
        // Check the type first: opening a named pipe would block until somebody writes to it.
        let found = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
        if !found.is_file() {
            return Err(Error::new(
                Kind::Unsupported,
                format!(
                    "{}: not a regular file; records are read in any order, which needs one",
                    path.display()
                ),
            ));
        }
        let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
        let len = file
            .metadata()
            .map_err(|error| Error::io("read", path, error))?
            .len();
        Ok(PositionedFile {
            file: Some(file),
            path: path.to_path_buf(),
            len,
        })
    }

    /// Closes the file. Every read opens it again from then on. A data set may have more files than
    /// a process may have open.
    pub(crate) fn release(&mut self) {
        self.file = None;
    }

    /// The file's length in bytes when it was opened.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads at `offset` until `buf` is full or the file ends. Returns how many bytes were read.
    ///
    /// # Errors
    ///
    /// `Io` if reading fails, `Mismatch` if a released file has another length now. The messages
    /// name the file.
    pub(crate) fn read(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let reopened;
        let file = match &self.file {
            Some(file) => file,
            None => {
                let PositionedFile { file, len, .. } = PositionedFile::open(&self.path)?;
                if len != self.len {
                    return Err(Error::new(
                        Kind::Mismatch,
                        format!(
                            "{}: the file has {len} bytes; it had {} when the data set was opened",
                            self.path.display(),
                            self.len
                        ),
                    ));
                }
                reopened = file.expect("just opened");
                &reopened
            }
        };
        fill(
            |rest, done| file.read_at(rest, offset.saturating_add(done as u64)),
            buf,
        )
        .map_err(|error| Error::io("read", &self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns 1 to 7 bytes a call, and an interruption at every third.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(3) {
                return Err(ErrorKind::Interrupted.into());
            }
            let n = (1 + self.1 % 7).min(buf.len()).min(self.0.len());
            let (now, later) = self.0.split_at(n);
            buf[..n].copy_from_slice(now);
            self.0 = later;
            Ok(n)
        }
    }

    #[test]
    fn partial_and_interrupted_reads_give_the_whole_file() {
        let data: Vec<u8> = (0..=255).cycle().take(5000).collect();
        assert_eq!(
            read_whole(&mut Trickle(&data, 0), 5000, Vec::new()).unwrap(),
            data
        );
        assert_eq!(
            read_whole(&mut Trickle(&data, 0), 5000, vec![1; 9000]).unwrap(),
            data,
            "a longer buffer"
        );
        let mut positioned = vec![0; 6000];
        let read = |rest: &mut [u8], done: usize| Trickle(&data[done..], 3 * done).read(rest);
        assert_eq!(fill(read, &mut positioned).unwrap(), 5000);
        assert_eq!(positioned[..5000], data);
    }

    #[test]
    fn another_length_than_listed_is_an_error_with_both_sizes() {
        let short = read_whole(&mut Trickle(&[7; 10], 0), 12, Vec::new()).unwrap_err();
        assert_eq!(short.kind(), Kind::Truncated);
        assert_eq!(
            short.message(),
            "the file has 10 bytes; it had 12 when the folder was opened"
        );
        let long = read_whole(&mut Trickle(&[7; 10], 0), 9, Vec::new()).unwrap_err();
        assert_eq!(long.kind(), Kind::Mismatch);
        assert!(long.message().contains("more than the 9 bytes"), "{long}");
    }

    #[test]
    fn an_absurd_size_is_refused_before_memory_is_asked_for() {
        assert_eq!(sized(Vec::new(), u64::MAX).unwrap_err().kind(), Kind::Limit);
    }

    #[test]
    fn a_read_error_is_told() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is on fire"))
            }
        }
        let error = read_whole(&mut Broken, 3, Vec::new()).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Io, "cannot read: the disk is on fire")
        );
    }
}
