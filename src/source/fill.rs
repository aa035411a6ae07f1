//! Whole reads: loops around calls that may give less than asked.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// The largest encoded record, in bytes, that is read into memory: 2 GiB. An image near it is
/// refused by any sensible [`Limits`](crate::decode::Limits); this bound only keeps a damaged size
/// from asking for all the memory there is.
pub(super) const MAX_RECORD: u64 = 1 << 31;

/// Fills `buf` through `read`, which is given the rest of the buffer and how much is already there.
/// Returns how much was read before the end; interrupted calls are repeated.
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

/// `spare` with room for `size` bytes, all of them initialized.
///
/// # Errors
///
/// `Limit` for more than [`MAX_RECORD`] and where memory is refused.
pub(super) fn room(mut spare: Vec<u8>, size: u64) -> Result<Vec<u8>> {
    if size > MAX_RECORD {
        return Err(Error::new(
            Kind::Limit,
            format!("the record has {size} bytes; the largest that is read is {MAX_RECORD}"),
        ));
    }
    let size = size as usize;
    let more = size.saturating_sub(spare.len());
    if spare.try_reserve(more).is_err() {
        return Err(Error::new(
            Kind::Limit,
            format!("no memory for a record of {size} bytes"),
        ));
    }
    spare.resize(size, 0);
    Ok(spare)
}

/// Reads a file that has `expected` bytes by an earlier listing.
///
/// # Errors
///
/// `Truncated` if it is shorter, `Mismatch` if it is longer, `Io` if reading fails. The messages do
/// not name the file.
pub(super) fn whole(reader: &mut impl Read, expected: u64, spare: Vec<u8>) -> Result<Vec<u8>> {
    // One byte more than expected, so that the end of the file is seen by the same calls.
    let mut buf = room(spare, expected.saturating_add(1))?;
    let found = fill(|rest, _| reader.read(rest), &mut buf)
        .map_err(|error| Error::new(Kind::Io, format!("cannot read: {error}")).with_cause(error))?;
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
                "the file has more than the {expected} bytes that it had when the folder was opened; open the folder again"
            ),
        )),
    }
}

/// A file that is read at offsets, by several threads at once.
#[derive(Debug)]
pub(super) struct At {
    /// `None` after [`At::release`].
    file: Option<Shared>,
    path: PathBuf,
    len: u64,
}

#[cfg(unix)]
type Shared = File;
/// Elsewhere a read at an offset moves the file's position.
#[cfg(not(unix))]
type Shared = std::sync::Mutex<File>;

impl At {
    /// Opens a regular file.
    pub(super) fn open(path: &Path) -> Result<At> {
        // Asked before opening: opening a pipe would wait for its writer.
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
        #[cfg(not(unix))]
        let file = Shared::new(file);
        Ok(At {
            file: Some(file),
            path: path.to_path_buf(),
            len,
        })
    }

    /// Closes the file; every read opens it again. A data set may have more files than a process
    /// may hold open.
    pub(super) fn release(&mut self) {
        self.file = None;
    }

    /// The file's length in bytes when it was opened.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads at `offset` until `buf` is full or the file ends; returns how much was read.
    ///
    /// # Errors
    ///
    /// `Io`, or `Mismatch` if a released file has another length by now. The messages name the
    /// file.
    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let again;
        let file = match &self.file {
            Some(file) => file,
            None => {
                let At { file, len, .. } = At::open(&self.path)?;
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
                again = file.expect("just opened");
                &again
            }
        };
        fill(
            |rest, done| read_some(file, rest, offset.saturating_add(done as u64)),
            buf,
        )
        .map_err(|error| Error::io("read", &self.path, error))
    }
}

#[cfg(unix)]
fn read_some(file: &Shared, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(not(unix))]
fn read_some(file: &Shared, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Seek, SeekFrom};
    let mut file = file
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read(buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives 1 to 7 bytes a call and is interrupted now and then.
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
            whole(&mut Trickle(&data, 0), 5000, Vec::new()).unwrap(),
            data
        );
        assert_eq!(
            whole(&mut Trickle(&data, 0), 5000, vec![1; 9000]).unwrap(),
            data,
            "a longer spare"
        );
        let mut positioned = vec![0; 6000];
        let read = |rest: &mut [u8], done: usize| Trickle(&data[done..], 3 * done).read(rest);
        assert_eq!(fill(read, &mut positioned).unwrap(), 5000);
        assert_eq!(positioned[..5000], data);
    }

    #[test]
    fn another_length_than_listed_is_an_error_with_both_sizes() {
        let short = whole(&mut Trickle(&[7; 10], 0), 12, Vec::new()).unwrap_err();
        assert_eq!(short.kind(), Kind::Truncated);
        assert_eq!(
            short.message(),
            "the file has 10 bytes; it had 12 when the folder was opened"
        );
        let long = whole(&mut Trickle(&[7; 10], 0), 9, Vec::new()).unwrap_err();
        assert_eq!(long.kind(), Kind::Mismatch);
        assert!(long.message().contains("more than the 9 bytes"), "{long}");
    }

    #[test]
    fn an_absurd_size_is_refused_before_memory_is_asked_for() {
        assert_eq!(room(Vec::new(), u64::MAX).unwrap_err().kind(), Kind::Limit);
    }

    #[test]
    fn a_read_error_is_told() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is on fire"))
            }
        }
        let error = whole(&mut Broken, 3, Vec::new()).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Io, "cannot read: the disk is on fire")
        );
    }
}
