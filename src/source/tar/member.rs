//! The members of a tar by their headers, in the dialects v7, ustar, pax and GNU.
//!
//! A tar is a sequence of members, each a header block of 512 bytes and its content padded to a
//! multiple of 512. Two blocks of zeros end the archive; one is accepted here. The sources are
//! POSIX.1-2001 (the ustar and pax interchange formats, in the description of the utility `pax`)
//! and the chapter "Basic Tar Format" of the manual of GNU tar (members of type `L` and `K` for
//! long names, numbers in base 256, sparse files).
//!
//! What matters for reading in place is the position, size and name of each regular file.
//! Everything that would change these is understood: the prefix of ustar names, the pax keys `path`
//! and `size`, and the long names of GNU. What is only about metadata is skipped. Sparse files are
//! not expanded: their content is not one run of bytes, so they are reported as [`Type::Other`].
//!
//! The reader is not a general tar library, because those read a stream from start to end, while an
//! index needs only the headers and byte positions. It never trusts a size: a member has to end
//! inside the file before its content is looked at, and extended headers are limited to 1 MiB.

use crate::error::{Error, Kind, Result};
use crate::storage::names;
use crate::storage::positioned::PositionedFile;

/// Bytes of a header block, and the unit to which contents are padded.
const BLOCK: u64 = 512;

/// The largest pax header or long name that is read, in bytes: 1 MiB.
const MAX_EXTENSION: u64 = 1 << 20;

/// Bytes that are read at once: a header, and with it the small members that follow.
const WINDOW: usize = 4096;

/// The type of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    File,
    /// A hard or symbolic link.
    Link,
    /// A character or block device, or a pipe.
    Device,
    Folder,
    /// A sparse file, or a type that only some vendor knows.
    Other,
    /// A pax header, which applies to the next member.
    Pax,
    /// The long name of the next member, written by GNU tar.
    LongName,
    /// A header that does not change the content of any member: global pax headers and long names
    /// of link targets.
    Ignored,
}

/// One member: a header with its extensions applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: Type,
    /// Position of its content in the file.
    pub(super) at: u64,
    /// Length of its content in bytes.
    pub(super) size: u64,
}

/// One pass over the members of a tar.
pub(super) struct Members<'a> {
    file: &'a PositionedFile,
    /// The bytes of the file that were read last.
    window: Vec<u8>,
    /// The position of `window` in the file.
    window_at: u64,
    /// The position of the next header.
    next: u64,
}

impl<'a> Members<'a> {
    /// Starts a pass at the beginning of the file.
    pub(super) fn new(file: &'a PositionedFile) -> Members<'a> {
        Members {
            file,
            window: Vec::new(),
            window_at: 0,
            next: 0,
        }
    }

    /// Returns the next member; `None` after the mark that ends the archive.
    ///
    /// # Errors
    ///
    /// `Truncated` if the mark or the content of a member is missing, `Corrupt` for a bad header,
    /// `Limit` for a header that is too large. The messages name the file and the byte.
    pub(super) fn next(&mut self) -> Result<Option<Member>> {
        let mut extensions = Extensions::default();
        loop {
            let start = self.next;
            let block = self.bytes(start, BLOCK)?;
            let Ok(block) = <&[u8; BLOCK as usize]>::try_from(block) else {
                let len = self.file.len();
                return Err(Error::new(
                    Kind::Truncated,
                    format!(
                        "{}: the tar ends at byte {len} without its end mark \
                         (a block of zeros was expected at byte {start}): it was cut; \
                         if it is known to be whole, add zeros: truncate -s +1024 FILE",
                        self.file.path().display()
                    ),
                ));
            };
            let header = match Header::parse(block) {
                Ok(Some(header)) => header,
                Ok(None) => {
                    self.warn_about_rest(start);
                    return Ok(None);
                }
                Err(error) => return Err(self.at_byte(error, start)),
            };
            let Header { name, kind, size } = header;
            // The whole block lies in the file, so `start + BLOCK` does not overflow.
            let mut member = Member {
                name,
                kind,
                at: start + BLOCK,
                size,
            };
            if !matches!(member.kind, Type::Pax | Type::LongName | Type::Ignored) {
                // The size of an extension is the real one, so it is applied before the end of the
                // member is computed. The header itself has no more than 11 octal digits for it: 8
                // GiB.
                if let Some(size) = extensions.size {
                    member.size = size;
                }
                if let Some(name) = extensions.name.take() {
                    member.name = name;
                }
                if extensions.sparse {
                    member.kind = Type::Other;
                }
            }
            self.next = self.end_of(&member, start)?;
            match member.kind {
                Type::Pax | Type::LongName => {
                    if member.size > MAX_EXTENSION {
                        return Err(self.at_byte(
                            Error::new(
                                Kind::Limit,
                                format!(
                                    "an extended header of {} bytes; the limit is {MAX_EXTENSION}",
                                    member.size
                                ),
                            ),
                            start,
                        ));
                    }
                    let content = self.bytes(member.at, member.size)?;
                    let result = match member.kind {
                        Type::Pax => extensions.pax(content),
                        _ => {
                            extensions.name = Some(until_nul(content).to_vec());
                            Ok(())
                        }
                    };
                    result.map_err(|error| self.at_byte(error, start))?;
                }
                Type::Ignored => {}
                _ => return Ok(Some(member)),
            }
        }
    }

    /// Returns the `len` bytes from position `at` on, or fewer where the file ends.
    pub(super) fn bytes(&mut self, at: u64, len: u64) -> Result<&[u8]> {
        let available = len.min(self.file.len().saturating_sub(at)) as usize;
        let covers = |from: u64, window: &[u8]| {
            at.checked_sub(from)
                .is_some_and(|skip| skip + available as u64 <= window.len() as u64)
        };
        if !covers(self.window_at, &self.window) {
            self.window.clear();
            self.window.resize(available.max(WINDOW), 0);
            let read = self.file.read(at, &mut self.window)?;
            self.window.truncate(read);
            self.window_at = at;
        }
        let skip = (at - self.window_at) as usize;
        // The file may have become shorter since it was opened, and then the window is short.
        let end = (skip + available).min(self.window.len());
        Ok(&self.window[skip.min(end)..end])
    }

    /// Returns the position at which the next header starts, after checking that the member ends
    /// inside the file. `start` is the position of its header.
    fn end_of(&self, member: &Member, start: u64) -> Result<u64> {
        // Links, devices and folders have no content, whatever their size field says: some writers
        // put the size of the target there.
        let size = match member.kind {
            Type::Link | Type::Device | Type::Folder => 0,
            _ => member.size,
        };
        let left = self.file.len().saturating_sub(member.at);
        if size > left {
            return Err(Error::new(
                Kind::Truncated,
                format!(
                    "{}: byte {start}: the member {} has {size} bytes by its header; \
                     {left} are left, the file ends at byte {}",
                    self.file.path().display(),
                    names::short(&member.name),
                    self.file.len()
                ),
            ));
        }
        size.checked_next_multiple_of(BLOCK)
            .and_then(|padded| member.at.checked_add(padded))
            .ok_or_else(|| {
                let error = Error::corrupt("a member that ends beyond 2^64 bytes");
                self.at_byte(error, start)
            })
    }

    /// Warns if much follows the mark that ends the archive. Writers pad an archive to whole
    /// records, usually of 10 KiB; more than that is probably another tar that was appended with
    /// `cat`. Its members are not read.
    fn warn_about_rest(&self, start: u64) {
        let rest = self.file.len() - start;
        if rest > 1 << 20 {
            tracing::warn!(
                tar = %self.file.path().display(), ignored_bytes = rest,
                "the tar goes on after its end mark; what follows is not read"
            );
        }
    }

    /// Adds the file and a position to an error.
    fn at_byte(&self, error: Error, byte: u64) -> Error {
        error.at(format_args!("{}: byte {byte}", self.file.path().display()))
    }
}

/// What extension headers say about the member that follows them.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Extensions {
    /// Reads the records of a pax header: `length key=value\n`, where the length is decimal and
    /// covers the whole record. A record is cut by its length and not by its newline, because a
    /// value may hold newlines.
    fn pax(&mut self, mut records: &[u8]) -> Result<()> {
        // Some writers pad the records with zeros.
        while !records.is_empty() && records[0] != 0 {
            let bad = || Error::corrupt("a pax record that is not \"length key=value\"");
            let space = records
                .iter()
                .take(20)
                .position(|&byte| byte == b' ')
                .ok_or_else(bad)?;
            let length = parse_decimal(&records[..space]).ok_or_else(bad)?;
            let length = usize::try_from(length)
                .ok()
                .filter(|&n| n > space && n <= records.len());
            let (record, rest) = records.split_at(length.ok_or_else(bad)?);
            records = rest;
            let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(bad)?;
            let equals = record
                .iter()
                .position(|&byte| byte == b'=')
                .ok_or_else(bad)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"size" => {
                    let size = parse_decimal(value).ok_or_else(|| {
                        Error::new(
                            Kind::Limit,
                            format!(
                                "a pax size of \"{}\": expected a number below 2^64",
                                names::short(value)
                            ),
                        )
                    })?;
                    self.size = Some(size);
                }
                _ => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }
}

/// The fields of a header block that are used.
struct Header {
    name: Vec<u8>,
    kind: Type,
    size: u64,
}

impl Header {
    /// Reads a block; `None` for a block of zeros, which ends the archive.
    fn parse(block: &[u8; BLOCK as usize]) -> Result<Option<Header>> {
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let stored = parse_number(&block[148..156]);
        let others = || block[..148].iter().chain(&block[156..]);
        let sum = 8 * u64::from(b' ') + others().map(|&byte| u64::from(byte)).sum::<u64>();
        // The checksum is the sum of all bytes with blanks in its own field. Some old writers added
        // the bytes as signed numbers, which differs for names beyond ASCII.
        let signed = 8 * i64::from(b' ')
            + others()
                .map(|&byte| i64::from(byte.cast_signed()))
                .sum::<i64>();
        if stored != Some(sum) && stored.map(u64::cast_signed) != Some(signed) {
            return Err(Error::corrupt(format!(
                "not a tar header: its checksum field is \"{}\", expected {sum:o} (octal)",
                block[148..156].escape_ascii()
            )));
        }
        let mut name = until_nul(&block[..100]).to_vec();
        // Only ustar has a prefix here. GNU tar ends its magic with blanks instead of a zero, and
        // keeps times and sparse maps in these bytes.
        if block[257..263] == *b"ustar\0" && block[345] != 0 {
            name = [until_nul(&block[345..500]), b"/", &name].concat();
        }
        let kind = match block[156] {
            // v7 has no type for folders: the name ends with a slash.
            0 if name.ends_with(b"/") => Type::Folder,
            // 7 is a contiguous file, which POSIX allows to be read as a regular one.
            0 | b'0' | b'7' => Type::File,
            b'1' | b'2' => Type::Link,
            b'3' | b'4' | b'6' => Type::Device,
            b'5' => Type::Folder,
            b'x' | b'X' => Type::Pax,
            b'L' => Type::LongName,
            b'g' | b'K' => Type::Ignored,
            _ => Type::Other,
        };
        let size = parse_number(&block[124..136]).ok_or_else(|| {
            Error::corrupt(format!(
                "a size of \"{}\": expected octal digits",
                block[124..136].escape_ascii()
            ))
        })?;
        Ok(Some(Header { name, kind, size }))
    }
}

/// Reads a number field: octal digits between blanks or zeros, or base 256 if the first bit is set
/// (GNU, for sizes of 8 GiB and more). Returns `None` for anything else.
fn parse_number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        // A first byte of 0xff begins a negative number, which no size is. It fails below because
        // its digits overflow.
        let first = field[0] & 0x7f;
        let digits = std::iter::once(&first).chain(&field[1..]);
        return digits.copied().try_fold(0u64, |sum, digit| {
            sum.checked_mul(256).map(|sum| sum | u64::from(digit))
        });
    }
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field
        .iter()
        .position(|byte| !blank(byte))
        .unwrap_or(field.len());
    let digits = &field[start..];
    let digits = &digits[..digits.iter().position(blank).unwrap_or(digits.len())];
    digits.iter().try_fold(0u64, |sum, digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8).map(|sum| sum + u64::from(digit - b'0')),
        _ => None,
    })
}

/// Reads decimal digits; `None` for anything else, and above u64.
fn parse_decimal(digits: &[u8]) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all_digits
        .then(|| std::str::from_utf8(digits).ok()?.parse().ok())
        .flatten()
}

/// Returns a field up to its first zero byte.
fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(parse_number(b"00000001750\0"), Some(1000));
        assert_eq!(parse_number(b"   1750 \0\0\0\0"), Some(1000));
        assert_eq!(parse_number(b"\0\0\0\0\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(parse_number(b"\x80\0\0\0\0\0\0\x01\0\0\0\0"), Some(1 << 32));
        assert_eq!(
            parse_number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            None,
            "negative or endless"
        );
        assert_eq!(parse_number(b"0000000178\0\0"), None);
    }

    #[test]
    fn pax_records_are_read_by_their_length() {
        let mut extensions = Extensions::default();
        extensions.pax(b"18 path=a\nb=c.jpg\n11 size=42\n").unwrap();
        assert_eq!(
            (extensions.name.as_deref(), extensions.size),
            (Some(&b"a\nb=c.jpg"[..]), Some(42))
        );
        for bad in [
            "9999999999999999999999 a=b\n",
            "0 a=b\n",
            "2 a=b\n",
            "-5 a=b\n",
            " a=b\n",
            "7 a=bc",
            "5 ab\n",
        ] {
            let error = Extensions::default().pax(bad.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt, "{bad}");
        }
        let endless = Extensions::default()
            .pax(b"32 size=99999999999999999999999\n")
            .unwrap_err();
        assert_eq!(endless.kind(), Kind::Limit);
    }
}
