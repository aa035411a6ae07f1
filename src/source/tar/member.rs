//! The members of a tar, by their headers: v7, ustar, pax and GNU long names.

use crate::error::{Error, Kind, Result};
use crate::storage::names;
use crate::storage::positioned::PositionedFile;

const BLOCK: u64 = 512;

/// The largest pax header or long name that is read, in bytes: 1 MiB.
const EXTENSION: u64 = 1 << 20;

/// How much is read at once: a header, and with it the small members that follow.
const WINDOW: usize = 4096;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    File,
    /// Hard or symbolic.
    Link,
    /// A character or block device, or a pipe.
    Device,
    Folder,
    /// Sparse files and whatever vendors add.
    Other,
    /// A pax header for the next member.
    Pax,
    /// A name for the next member, by GNU.
    LongName,
    /// What concerns no member's content: global pax headers, long link names.
    Aside,
}

/// One member.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: Type,
    /// The first byte of its content.
    pub(super) at: u64,
    /// Bytes of its content.
    pub(super) size: u64,
}

/// One pass over the members of a tar.
pub(super) struct Members<'a> {
    file: &'a PositionedFile,
    window: Vec<u8>,
    window_at: u64,
    next: u64,
}

impl<'a> Members<'a> {
    pub(super) fn of(file: &'a PositionedFile) -> Members<'a> {
        Members {
            file,
            window: Vec::new(),
            window_at: 0,
            next: 0,
        }
    }

    /// The next member; `None` after the end-of-archive mark.
    ///
    /// # Errors
    ///
    /// `Truncated` if the mark or a member's content is missing, `Corrupt` for a bad header,
    /// `Limit` for a header that is too large. The messages name the file and the byte.
    pub(super) fn next(&mut self) -> Result<Option<Member>> {
        let mut extended = Extended::default();
        loop {
            let start = self.next;
            let block = self.bytes(start, BLOCK)?;
            let Ok(block) = <&[u8; BLOCK as usize]>::try_from(block) else {
                let len = self.file.len();
                return Err(Error::new(
                    Kind::Truncated,
                    format!(
                        "{}: the tar ends at byte {len} without its end mark (a block of zeros was expected at byte \
                         {start}): it was cut; if it is known to be whole, add zeros: truncate -s +1024 FILE",
                        self.file.path().display()
                    ),
                ));
            };
            let header = match Header::parse(block) {
                Ok(Some(header)) => header,
                Ok(None) => {
                    self.end_of_archive(start);
                    return Ok(None);
                }
                Err(error) => return Err(self.at(error, start)),
            };
            let Header { name, kind, size } = header;
            // The block lies in the file, so this cannot overflow.
            let mut member = Member {
                name,
                kind,
                at: start + BLOCK,
                size,
            };
            if !matches!(member.kind, Type::Pax | Type::LongName | Type::Aside) {
                // Sizes are of the member itself, so the extension is applied before its end is
                // computed.
                if let Some(size) = extended.size {
                    member.size = size;
                }
                if let Some(name) = extended.name.take() {
                    member.name = name;
                }
                if extended.sparse {
                    member.kind = Type::Other;
                }
            }
            self.next = self.end(&member, start)?;
            match member.kind {
                Type::Pax | Type::LongName => {
                    if member.size > EXTENSION {
                        return Err(self.at(
                            Error::new(
                                Kind::Limit,
                                format!(
                                    "an extended header of {} bytes; the limit is {EXTENSION}",
                                    member.size
                                ),
                            ),
                            start,
                        ));
                    }
                    let content = self.bytes(member.at, member.size)?;
                    let result = match member.kind {
                        Type::Pax => extended.pax(content),
                        _ => {
                            extended.name = Some(until_nul(content).to_vec());
                            Ok(())
                        }
                    };
                    result.map_err(|error| self.at(error, start))?;
                }
                Type::Aside => {}
                _ => return Ok(Some(member)),
            }
        }
    }

    /// The content at an offset, as far as the file has it.
    pub(super) fn bytes(&mut self, at: u64, len: u64) -> Result<&[u8]> {
        let wanted = len.min(self.file.len().saturating_sub(at)) as usize;
        let covers = |from: u64, window: &[u8]| {
            at.checked_sub(from)
                .is_some_and(|skip| skip + wanted as u64 <= window.len() as u64)
        };
        if !covers(self.window_at, &self.window) {
            self.window.clear();
            self.window.resize(wanted.max(WINDOW), 0);
            let read = self.file.read(at, &mut self.window)?;
            self.window.truncate(read);
            self.window_at = at;
        }
        let skip = (at - self.window_at) as usize;
        // The file may have shrunk under the reader.
        let end = (skip + wanted).min(self.window.len());
        Ok(&self.window[skip.min(end)..end])
    }

    /// Where the member after this one begins.
    fn end(&self, member: &Member, start: u64) -> Result<u64> {
        // Links, devices and folders have no content, whatever their size says.
        let size = match member.kind {
            Type::Link | Type::Device | Type::Folder => 0,
            _ => member.size,
        };
        let left = self.file.len().saturating_sub(member.at);
        if size > left {
            return Err(Error::new(
                Kind::Truncated,
                format!(
                    "{}: byte {start}: the member {} has {size} bytes by its header; {left} are left, the file ends at byte {}",
                    self.file.path().display(),
                    names::short(&member.name),
                    self.file.len()
                ),
            ));
        }
        size.checked_next_multiple_of(BLOCK)
            .and_then(|padded| member.at.checked_add(padded))
            .ok_or_else(|| self.at(beyond(), start))
    }

    /// Padding is at most some records of 10 KiB; more is another tar that was put behind, as `cat`
    /// does.
    fn end_of_archive(&self, start: u64) {
        let rest = self.file.len() - start;
        if rest > 1 << 20 {
            tracing::warn!(
                tar = %self.file.path().display(), ignored_bytes = rest,
                "the tar goes on after its end mark; what follows is not read"
            );
        }
    }

    fn at(&self, error: Error, byte: u64) -> Error {
        error.at(format_args!("{}: byte {byte}", self.file.path().display()))
    }
}

fn beyond() -> Error {
    Error::corrupt("a member that ends beyond 2^64 bytes")
}

/// What extension headers say of the member that follows them.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Extended {
    /// Reads pax records: `length key=value\n`, the length covering the whole record.
    fn pax(&mut self, mut records: &[u8]) -> Result<()> {
        // Some writers pad with zeros.
        while !records.is_empty() && records[0] != 0 {
            let bad = || Error::corrupt("a pax record that is not \"length key=value\"");
            let space = records
                .iter()
                .take(20)
                .position(|&byte| byte == b' ')
                .ok_or_else(bad)?;
            let length = decimal(&records[..space]).ok_or_else(bad)?;
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
                    let size = decimal(value).ok_or_else(|| {
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

/// What a header block says.
struct Header {
    name: Vec<u8>,
    kind: Type,
    size: u64,
}

impl Header {
    /// Reads a block; `None` for zeros, which end the archive.
    fn parse(block: &[u8; BLOCK as usize]) -> Result<Option<Header>> {
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let stored = number(&block[148..156]);
        let others = || block[..148].iter().chain(&block[156..]);
        let sum = 8 * u64::from(b' ') + others().map(|&byte| u64::from(byte)).sum::<u64>();
        // Some old writers added signed bytes.
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
        // GNU writes "ustar  " and keeps other things where ustar keeps the prefix.
        if block[257..263] == *b"ustar\0" && block[345] != 0 {
            name = [until_nul(&block[345..500]), b"/", &name].concat();
        }
        let kind = match block[156] {
            0 if name.ends_with(b"/") => Type::Folder,
            0 | b'0' | b'7' => Type::File,
            b'1' | b'2' => Type::Link,
            b'3' | b'4' | b'6' => Type::Device,
            b'5' => Type::Folder,
            b'x' | b'X' => Type::Pax,
            b'L' => Type::LongName,
            b'g' | b'K' => Type::Aside,
            _ => Type::Other,
        };
        let size = number(&block[124..136]).ok_or_else(|| {
            Error::corrupt(format!(
                "a size of \"{}\": expected octal digits",
                block[124..136].escape_ascii()
            ))
        })?;
        Ok(Some(Header { name, kind, size }))
    }
}

/// A number in octal digits, or in base 256 if the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        // 0xff begins a negative number; sizes are not.
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

fn decimal(digits: &[u8]) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all_digits
        .then(|| std::str::from_utf8(digits).ok()?.parse().ok())
        .flatten()
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"00000001750\0"), Some(1000));
        assert_eq!(number(b"   1750 \0\0\0\0"), Some(1000));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x01\0\0\0\0"), Some(1 << 32));
        assert_eq!(
            number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            None,
            "negative or endless"
        );
        assert_eq!(number(b"0000000178\0\0"), None);
    }

    #[test]
    fn pax_records_are_read_by_their_length() {
        let mut extended = Extended::default();
        extended.pax(b"18 path=a\nb=c.jpg\n11 size=42\n").unwrap();
        assert_eq!(
            (extended.name.as_deref(), extended.size),
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
            let error = Extended::default().pax(bad.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt, "{bad}");
        }
        let endless = Extended::default()
            .pax(b"32 size=99999999999999999999999\n")
            .unwrap_err();
        assert_eq!(endless.kind(), Kind::Limit);
    }
}
