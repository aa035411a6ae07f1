//! Shards read by position, without a mapping.

use std::fs::File;
use std::io;

use crate::error::{Error, Kind, Result};

/// Reading at a position; a test's twin gives fewer bytes than asked and interrupts.
pub(super) trait ReadAt {
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

/// Fills the buffer, however few bytes each call gives.
pub(super) fn read_exact(file: &impl ReadAt, mut buffer: &mut [u8], offset: u64) -> Result<()> {
    let (wanted, mut at) = (buffer.len(), offset);
    while !buffer.is_empty() {
        match file.read_at(buffer, at) {
            Ok(0) => {
                return Err(Error::new(
                    Kind::Truncated,
                    format!(
                        "the file ends at byte {at}: expected {wanted} bytes at offset {offset}, {} are missing",
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
                return Err(Error::new(Kind::Io, message).with_cause(error));
            }
        }
    }
    Ok(())
}

/// A buffer of `length` bytes, `spare` grown or cut, with an error in place of an abort when memory
/// is short.
pub(super) fn sized(mut spare: Vec<u8>, length: usize) -> Result<Vec<u8>> {
    if let Some(more) = length.checked_sub(spare.len()) {
        spare.try_reserve_exact(more).map_err(|error| {
            Error::new(
                Kind::Limit,
                format!("no memory for {length} bytes: {error}"),
            )
            .with_cause(error)
        })?;
    }
    spare.resize(length, 0);
    Ok(spare)
}
