//! The fixed parts of a shard: header, footer directory and tail, with the constants and numbers in
//! them.
//!
//! `docs/FORMAT.md` is the specification, and the names here are the names there. All numbers are
//! little endian. A file is:
//!
//! ```text
//! header (64 bytes) | records, each at a multiple of 64 | footer | tail (32 bytes)
//! ```
//!
//! The index stands at the end, as in Parquet, because its content is known only after the last
//! record: a shard is written in one pass, without seeking back. The tail has a fixed size and says
//! where the footer starts, so a reader needs three reads to open a shard (header, tail, footer),
//! whatever the number of records.
//!
//! Each of header, footer and tail has a CRC-32C of its own. The checksum of a part is looked at
//! before anything else in the part is believed, except for the magic (so that a foreign file is
//! called foreign and not damaged) and the version (so that a later format may move its checksum).

use crate::error::{Error, Kind, Result};
use crate::sample::{Codec, Fingerprint};

/// The version of the format that this code writes, which is also the highest that it reads.
pub(crate) const VERSION: u32 = 1;
/// The first bytes of a shard, built like the signature of PNG: the high bit in the first byte, CR
/// LF and Ctrl-Z (`1a`) are what a transfer in text mode changes, so such a transfer is seen at
/// once.
pub(super) const HEAD_MAGIC: [u8; 8] = *b"\x89MILL\r\n\x1a";
/// The last bytes of a shard. A file without them was cut short.
pub(super) const TAIL_MAGIC: [u8; 8] = *b"MILLEND\n";
/// Length of the header in bytes.
pub(super) const HEADER: u64 = 64;
/// Length of the tail in bytes.
pub(super) const TAIL: u64 = 32;
/// Records and the footer start at multiples of this many bytes, so that a mapped record starts at
/// a cache line.
pub(super) const ALIGN: u64 = 64;
/// Length in bytes of what stands before the column directory in the footer: the number of samples
/// (u64), the number of columns (u32) and 4 zeros.
pub(super) const FOOTER_HEAD: usize = 16;
/// Length in bytes of one entry of the column directory.
pub(super) const ENTRY_BYTES: usize = 48;
/// Length in bytes of the name field of a directory entry, and so of the longest column name.
pub(super) const MAX_NAME: usize = 24;
/// The most columns that a footer may have. It is far above any use and bounds the work on a
/// hostile directory, whose names are compared with each other.
pub(super) const MAX_COLUMNS: usize = 1024;
/// The flag of a column that a reader has to know: a reader that does not know it must refuse the
/// file.
pub(super) const REQUIRED: u8 = 1;

pub(super) const OFFSET: &str = "offset";
pub(super) const LENGTH: &str = "length";
pub(super) const CRC: &str = "crc32c";
pub(super) const WIDTH: &str = "width";
pub(super) const HEIGHT: &str = "height";
pub(super) const CODEC: &str = "codec";
pub(super) const SAMPLE_NAME: &str = "name";
pub(super) const TARGET_KIND: &str = "target.kind";
pub(super) const TARGET: &str = "target";

/// The column of the lengths of entropy indexes, in bytes. Each index lies right behind its record,
/// not in the footer: the footer is kept in memory as long as the shard is open, and the indexes
/// are about 1 % of all JPEG bytes. Only shards that store an index have this column.
pub(super) const JPEG_INDEX: &str = "jpeg.index.1";

/// The type of a column, which says how many bytes a cell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum CellType {
    U8 = 1,
    U32 = 2,
    U64 = 3,
    /// Byte strings of any length: samples + 1 positions (u64), then the bytes of all cells end to
    /// end. Cell `i` is the bytes from position `i` to position `i + 1`.
    Bytes = 4,
}

/// The columns that every shard of version 1 has, in the order in which they are written.
pub(super) const COLUMNS: [(&str, CellType); 9] = [
    (OFFSET, CellType::U64),
    (LENGTH, CellType::U64),
    (CRC, CellType::U32),
    (WIDTH, CellType::U32),
    (HEIGHT, CellType::U32),
    (CODEC, CellType::U8),
    (SAMPLE_NAME, CellType::Bytes),
    (TARGET_KIND, CellType::U8),
    (TARGET, CellType::Bytes),
];

/// Where a shard comes from: which conversion wrote it, and as which of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stamp {
    /// The fingerprint of the conversion (source and options); 0 for a shard that no conversion
    /// wrote.
    pub conversion: Fingerprint,
    /// The number of the shard in its conversion, from 0.
    pub part: u64,
}

impl Default for Stamp {
    fn default() -> Stamp {
        Stamp {
            conversion: Fingerprint(0),
            part: 0,
        }
    }
}

/// Returns the next multiple of [`ALIGN`] from `position` on; `None` if it does not fit into a u64.
pub(super) fn aligned(position: u64) -> Option<u64> {
    position.checked_next_multiple_of(ALIGN)
}

/// Reads the u32 at byte `at`.
///
/// # Panics
///
/// If `bytes` ends before it. Callers check lengths first.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

/// Reads the u64 at byte `at`.
///
/// # Panics
///
/// If `bytes` ends before it. Callers check lengths first.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

/// Returns the header of a shard with this stamp.
pub(super) fn header(stamp: &Stamp) -> [u8; HEADER as usize] {
    let mut out = [0; HEADER as usize];
    out[0..8].copy_from_slice(&HEAD_MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..16].copy_from_slice(&(HEADER as u32).to_le_bytes());
    out[16..32].copy_from_slice(&stamp.conversion.0.to_le_bytes());
    out[32..40].copy_from_slice(&stamp.part.to_le_bytes());
    let crc = crc32c::crc32c(&out[..60]);
    out[60..64].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Checks a header and returns its stamp.
///
/// # Errors
///
/// `Corrupt` for another magic, a wrong checksum or an impossible version or length; `Unsupported`
/// for a later version.
pub(super) fn parse_header(bytes: &[u8; HEADER as usize]) -> Result<Stamp> {
    if bytes[0..8] != HEAD_MAGIC {
        return Err(Error::corrupt(format!(
            "not a shard: expected a file that begins with \"{}\", found \"{}\"",
            HEAD_MAGIC.escape_ascii(),
            bytes[0..8].escape_ascii()
        )));
    }
    // The version is looked at before the checksum, because a later version may keep its checksum
    // elsewhere. A version of 2^16 or more is taken for damage: the checksum below finds it.
    let version = u32_at(bytes, 8);
    if version > VERSION && version < 1 << 16 {
        return Err(Error::new(
            Kind::Unsupported,
            format!(
                "a shard of format version {version}; this program reads up to {VERSION}: update it"
            ),
        ));
    }
    let (found, expected) = (crc32c::crc32c(&bytes[..60]), u32_at(bytes, 60));
    if found != expected {
        return Err(Error::corrupt(format!(
            "header checksum is {found:08x}, the file says {expected:08x}: the header is damaged"
        )));
    }
    if version == 0 || u64::from(u32_at(bytes, 12)) != HEADER {
        return Err(Error::corrupt(format!(
            "header of {} bytes with version {version}; \
             expected {HEADER} bytes and version 1 to {VERSION}",
            u32_at(bytes, 12)
        )));
    }
    let mut conversion = [0; 16];
    conversion.copy_from_slice(&bytes[16..32]);
    Ok(Stamp {
        conversion: Fingerprint(u128::from_le_bytes(conversion)),
        part: u64_at(bytes, 32),
    })
}

/// The last 32 bytes of a shard: where the footer is, and its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// First byte of the footer in the file; a multiple of [`ALIGN`].
    pub(super) footer_offset: u64,
    /// Length of the footer in bytes.
    pub(super) footer_length: u64,
    /// CRC-32C of the footer.
    pub(super) footer_crc: u32,
}

impl Tail {
    /// Returns the tail as it is stored.
    pub(super) fn encode(&self) -> [u8; TAIL as usize] {
        let mut out = [0; TAIL as usize];
        out[0..8].copy_from_slice(&self.footer_offset.to_le_bytes());
        out[8..16].copy_from_slice(&self.footer_length.to_le_bytes());
        out[16..20].copy_from_slice(&self.footer_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..20]);
        out[20..24].copy_from_slice(&crc.to_le_bytes());
        out[24..32].copy_from_slice(&TAIL_MAGIC);
        out
    }

    /// Reads the tail of a file of `length` bytes and checks that footer and tail end exactly with
    /// the file.
    ///
    /// # Errors
    ///
    /// `Truncated` if neither the magic nor the checksum is right, `Corrupt` for every other
    /// contradiction.
    pub(super) fn parse(bytes: &[u8; TAIL as usize], length: u64) -> Result<Tail> {
        let has_checksum = crc32c::crc32c(&bytes[..20]) == u32_at(bytes, 20);
        let has_magic = bytes[24..32] == TAIL_MAGIC;
        // Where both are wrong, these are other bytes than the tail, so the end of the file is
        // missing. Where only one is wrong, this is the tail and it is damaged.
        if !has_magic && !has_checksum {
            return Err(Error::new(
                Kind::Truncated,
                format!(
                    "the file of {length} bytes does not end as a shard does (\"{}\"), \
                     found \"{}\": it was cut short; convert or copy it again",
                    TAIL_MAGIC.escape_ascii(),
                    bytes[24..32].escape_ascii()
                ),
            ));
        }
        if !has_magic || !has_checksum {
            return Err(Error::corrupt(format!(
                "the last {TAIL} bytes contradict their checksum or magic"
            )));
        }
        let tail = Tail {
            footer_offset: u64_at(bytes, 0),
            footer_length: u64_at(bytes, 8),
            footer_crc: u32_at(bytes, 16),
        };
        let end = tail
            .footer_offset
            .checked_add(tail.footer_length)
            .and_then(|end| end.checked_add(TAIL));
        if end != Some(length)
            || tail.footer_offset < HEADER
            || !tail.footer_offset.is_multiple_of(ALIGN)
        {
            return Err(Error::corrupt(format!(
                "a footer of {} bytes at byte {} does not fit a file of {length} bytes: \
                 expected a multiple of {ALIGN} from {HEADER} on, \
                 ending {TAIL} bytes before the end",
                tail.footer_length, tail.footer_offset
            )));
        }
        Ok(tail)
    }
}

/// Returns the byte for a codec in the `codec` column; `None` for a codec that shards cannot hold.
pub(super) fn codec_byte(codec: Codec) -> Option<u8> {
    match codec {
        Codec::Jpeg => Some(1),
        Codec::Png => Some(2),
        Codec::WebP => Some(3),
        Codec::Raw { channels: 1, .. } => Some(4),
        Codec::Raw { channels: 3, .. } => Some(5),
        _ => None,
    }
}

/// Returns the codec of a byte in the `codec` column; `None` for an unknown byte. Raw pixels have
/// the width and height of the record.
pub(super) fn codec_of(byte: u8, width: u32, height: u32) -> Option<Codec> {
    match byte {
        1 => Some(Codec::Jpeg),
        2 => Some(Codec::Png),
        3 => Some(Codec::WebP),
        4 => Some(Codec::Raw {
            width,
            height,
            channels: 1,
        }),
        5 => Some(Codec::Raw {
            width,
            height,
            channels: 3,
        }),
        _ => None,
    }
}
