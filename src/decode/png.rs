//! PNG: checks that need no decoding, and conversion to RGB.
//!
//! The `png` crate decodes. This file adds what a loader needs beside that: the size before
//! anything is allocated, the refusal of files without an end and of files that are all chunks and
//! no pixels, and three channels for every color type. Chunk names and layouts are those of the PNG
//! specification (W3C, third edition).

use std::io::{Cursor, ErrorKind};

use png::{ColorType, DecodingError, Transformations};

use crate::error::{Error, Kind, Result};

/// The name and checksum of the chunk that ends every whole PNG. It has no content, so the checksum
/// is always the same.
const END: &[u8; 8] = b"IEND\xae\x42\x60\x82";

/// The width and height in the header, of a file that has its end chunk.
///
/// # Errors
///
/// [`Kind::Truncated`] if header or end are missing, [`Kind::Corrupt`] if the file does not begin
/// with a header, [`Kind::Limit`] for more than [`MOST_CHUNKS`] chunks.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    // The signature (8 bytes) and the whole IHDR chunk: length, name, 13 bytes of content,
    // checksum.
    let Some(head) = bytes.get(..33) else {
        return Err(Error::new(
            Kind::Truncated,
            format!(
                "a PNG of {} bytes ends inside its header of 33",
                bytes.len()
            ),
        ));
    };
    if head[12..16] != *b"IHDR" {
        return Err(Error::corrupt(format!(
            "a PNG begins with the chunk \"{}\" at byte 12; expected IHDR",
            head[12..16].escape_ascii()
        )));
    }
    if !bytes.windows(END.len()).rev().any(|window| window == END) {
        return Err(Error::new(
            Kind::Truncated,
            format!(
                "the PNG has no end chunk (IEND): it was cut at byte {}",
                bytes.len()
            ),
        ));
    }
    count_chunks(bytes)?;
    let number =
        |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    Ok((number(16), number(20)))
}

/// The most chunks of a file. Writers cut images into chunks of 8 KiB or more, so no real file
/// comes near this, and a file of a million tiny chunks costs time and holds nothing.
const MOST_CHUNKS: usize = 1 << 17;

/// Refuses a file of more than [`MOST_CHUNKS`] chunks. A chunk that reaches beyond the file is not
/// an error here; the decoder reports it.
fn count_chunks(bytes: &[u8]) -> Result<()> {
    let mut at = 8usize;
    for _ in 0..MOST_CHUNKS {
        match bytes.get(at..at.saturating_add(4)) {
            // Length, name and checksum are 12 bytes.
            Some(&[a, b, c, d]) => {
                at = at.saturating_add(12 + u32::from_be_bytes([a, b, c, d]) as usize)
            }
            _ => return Ok(()),
        }
    }
    Err(Error::new(
        Kind::Limit,
        format!("a PNG of more than {MOST_CHUNKS} chunks by byte {at}"),
    ))
}

/// The decoder of a PNG, with memory limits that suit an image of this width. `form` says how it
/// converts pixels.
pub(super) fn reader(
    bytes: &[u8],
    width: u32,
    form: Transformations,
) -> Result<png::Reader<Cursor<&[u8]>>> {
    // Enough for ancillary chunks and one row of 16-bit RGBA.
    let limits = png::Limits {
        bytes: (16 << 20) + 8 * width as usize,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    // Texts and color profiles would be decompressed and kept in memory, and no code here uses
    // them.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(form);
    decoder.read_info().map_err(failed)
}

/// Decodes a PNG into `whole`, as rows of RGB. `(width, height)` is the result of [`size`].
///
/// # Errors
///
/// [`Kind::Corrupt`] or [`Kind::Truncated`] for damaged data, [`Kind::Limit`] for an image that
/// memory cannot hold.
pub(super) fn decode(bytes: &[u8], (width, height): (u32, u32), whole: &mut Vec<u8>) -> Result<()> {
    let mut reader = reader(
        bytes,
        width,
        Transformations::EXPAND | Transformations::STRIP_16,
    )?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| Error::new(Kind::Limit, "a PNG larger than the memory of this machine"))?;
    let color = reader.output_color_type().0;
    let mut decode = |out: &mut Vec<u8>| -> Result<()> {
        out.resize(size, 0);
        let info = reader.next_frame(out).map_err(failed)?;
        if (info.width, info.height) != (width, height) {
            return Err(Error::corrupt(format!(
                "the PNG's first frame has {} x {} pixels, its header says {width} x {height}",
                info.width, info.height
            )));
        }
        Ok(())
    };
    if color == ColorType::Rgb {
        return decode(whole);
    }
    let mut pixels = Vec::new();
    decode(&mut pixels)?;
    whole.clear();
    match color {
        ColorType::Grayscale => whole.extend(pixels.iter().flat_map(|&gray| [gray; 3])),
        ColorType::GrayscaleAlpha => {
            whole.extend(pixels.chunks_exact(2).flat_map(|pixel| [pixel[0]; 3]))
        }
        ColorType::Rgba => whole.extend(
            pixels
                .chunks_exact(4)
                .flat_map(|rgba| [rgba[0], rgba[1], rgba[2]]),
        ),
        other => {
            return Err(Error::corrupt(format!(
                "a PNG of color type {other:?} after expansion"
            )));
        }
    }
    Ok(())
}

/// The error of the `png` crate, with the kind that it amounts to.
pub(super) fn failed(error: DecodingError) -> Error {
    let kind = match &error {
        DecodingError::IoError(io) if io.kind() == ErrorKind::UnexpectedEof => Kind::Truncated,
        DecodingError::LimitsExceeded => Kind::Limit,
        _ => Kind::Corrupt,
    };
    Error::new(kind, format!("PNG: {error}")).with_source(error)
}
