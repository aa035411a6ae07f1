//! The fixed parts of a shard: header, tail, column directory, and the numbers in them.
//! `docs/FORMAT.md` is the specification; names here are the names there.

use crate::error::{Error, Kind, Result};
use crate::sample::{Codec, Fingerprint};

/// The version that this code writes and the highest that it reads.
pub(crate) const VERSION: u32 = 1;
/// As in PNG: the high bit, CR LF and ^Z show a transfer that took the file for text.
pub(super) const HEAD_MAGIC: [u8; 8] = *b"\x89MILL\r\n\x1a";
pub(super) const TAIL_MAGIC: [u8; 8] = *b"MILLEND\n";
pub(super) const HEADER: u64 = 64;
pub(super) const TAIL: u64 = 32;
/// Records and the footer start at multiples of this, so that a mapped record has the alignment of
/// a cache line.
pub(super) const ALIGN: u64 = 64;
/// Samples, columns, reserved.
pub(super) const FOOTER_HEAD: usize = 16;
/// One entry of the column directory.
pub(super) const ENTRY: usize = 48;
/// The longest column name in bytes.
pub(super) const NAME: usize = 24;
/// Far above any use; it bounds the work on a hostile directory.
pub(super) const MAX_COLUMNS: usize = 1024;
/// A flag of a column: a reader that does not know the column must refuse the file.
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

/// The column of entropy indexes, which only shards with any have: how many bytes each has, right
/// behind its record.
pub(super) const JPEG_INDEX: &str = "jpeg.index.1";

/// The type of a column: how many bytes a cell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Cell {
    U8 = 1,
    U32 = 2,
    U64 = 3,
    /// Any number of bytes: samples + 1 positions (u64), then the bytes.
    Bytes = 4,
}

/// The columns that every shard of version 1 has, in the order in which they are written.
pub(super) const COLUMNS: [(&str, Cell); 9] = [
    (OFFSET, Cell::U64),
    (LENGTH, Cell::U64),
    (CRC, Cell::U32),
    (WIDTH, Cell::U32),
    (HEIGHT, Cell::U32),
    (CODEC, Cell::U8),
    (SAMPLE_NAME, Cell::Bytes),
    (TARGET_KIND, Cell::U8),
    (TARGET, Cell::Bytes),
];

/// What a shard says of its own origin: which conversion wrote it, and as which of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The next multiple of [`ALIGN`]; `None` past the end of u64.
pub(super) fn aligned(position: u64) -> Option<u64> {
    position.checked_next_multiple_of(ALIGN)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

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

pub(super) fn parse_header(bytes: &[u8; HEADER as usize]) -> Result<Stamp> {
    if bytes[0..8] != HEAD_MAGIC {
        return Err(Error::corrupt(format!(
            "not a shard: expected a file that begins with \"{}\", found \"{}\"",
            HEAD_MAGIC.escape_ascii(),
            bytes[0..8].escape_ascii()
        )));
    }
    // Before the checksum, because another version may keep it elsewhere.
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
            "header of {} bytes with version {version}; expected {HEADER} bytes and version 1 to {VERSION}",
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

/// The last bytes of a shard: where the footer is and its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) footer_offset: u64,
    pub(super) footer_length: u64,
    pub(super) footer_crc: u32,
}

impl Tail {
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

    /// Reads the tail of a file of `length` bytes and checks that header, payload, footer and tail
    /// fill it exactly.
    pub(super) fn parse(bytes: &[u8; TAIL as usize], length: u64) -> Result<Tail> {
        let sound = crc32c::crc32c(&bytes[..20]) == u32_at(bytes, 20);
        let magic = bytes[24..32] == TAIL_MAGIC;
        if !magic && !sound {
            return Err(Error::new(
                Kind::Truncated,
                format!(
                    "the file of {length} bytes does not end as a shard does (\"{}\"), found \"{}\": \
                     it was cut short; convert or copy it again",
                    TAIL_MAGIC.escape_ascii(),
                    bytes[24..32].escape_ascii()
                ),
            ));
        }
        if !magic || !sound {
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
                 expected a multiple of {ALIGN} from {HEADER} on, ending {TAIL} bytes before the end",
                tail.footer_length, tail.footer_offset
            )));
        }
        Ok(tail)
    }
}

/// The byte that stands for a codec in the `codec` column; `None` for a codec that shards cannot
/// hold.
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

/// The codec of a byte of the `codec` column; raw pixels have the record's own sides.
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
