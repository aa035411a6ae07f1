//! WebP: checks that the decoder leaves out, and decoding to RGB.
//!
//! The decoder is that of the `image` crate. It accepts two kinds of files that a loader must
//! refuse: a lossy image that ends early, of which it takes the missing bytes for zeros, and a
//! small canvas with a large image in it, which it allocates before it notices. Both can be seen in
//! the headers of the chunks, so [`size`] walks over them. The container is specified in RFC 9649,
//! the header of a lossy image in RFC 6386, section 9.1.

use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError};

use crate::error::{Error, Kind, Result};

/// The width and height of the canvas, of a file that is complete up to its first image and whose
/// first image fits the canvas.
///
/// # Errors
///
/// [`Kind::Truncated`] for a file that ends early, [`Kind::Corrupt`] for an image larger than its
/// canvas, and the errors of the decoder about the header.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    let number = |at: usize| -> Result<u32> {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map(u32::from_le_bytes).ok_or_else(|| truncated(bytes))
    };
    // The RIFF header states the length of the file without its first 8 bytes. Without this check,
    // the decoder would take missing bytes at the end of a lossy image for zeros.
    if u64::from(number(4)?) + 8 > bytes.len() as u64 {
        return Err(truncated(bytes));
    }
    let (width, height) = decoder(bytes)?.dimensions();
    // After "RIFF", the length and "WEBP" come chunks: a name, a length, a payload padded to an
    // even length.
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let payload = at + 8;
        let length = number(at + 4)? as usize;
        // A frame of an animation contains chunks of its own, after 16 bytes of its position and
        // timing. Go on inside it, since the first frame is the image.
        if bytes[at..].starts_with(b"ANMF") {
            at = payload + 16;
            continue;
        }
        if length > bytes.len() - payload {
            return Err(truncated(bytes));
        }
        let inner = match &bytes[at..at + 4] {
            // Lossy: 3 bytes of frame tag and 3 of start code, then two 16-bit words with a side in
            // the lower 14 bits each.
            b"VP8 " => {
                let sides = number(payload + 6)?;
                Some((sides & 0x3fff, sides >> 16 & 0x3fff))
            }
            // Lossless: a signature byte, then each side minus 1 in 14 bits.
            b"VP8L" => {
                let sides = number(payload + 1)?;
                Some((1 + (sides & 0x3fff), 1 + (sides >> 14 & 0x3fff)))
            }
            _ => None,
        };
        if let Some((w, h)) = inner {
            // The decoder would allocate the larger image before it notices.
            if w > width || h > height {
                return Err(Error::corrupt(format!(
                    "a WebP image of {w} x {h} pixels on a canvas of {width} x {height}"
                )));
            }
            break;
        }
        at = payload + length + length % 2;
    }
    Ok((width, height))
}

/// Decodes an image, or the first frame of an animation, into rows of RGB.
///
/// # Errors
///
/// [`Kind::Corrupt`], [`Kind::Truncated`], [`Kind::Limit`] or [`Kind::Unsupported`], as the decoder
/// says.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(DynamicImage::from_decoder(decoder(bytes)?)
        .map_err(failed)?
        .into_rgb8()
        .into_raw())
}

fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder> {
    WebPDecoder::new(std::io::Cursor::new(bytes)).map_err(failed)
}

fn truncated(bytes: &[u8]) -> Error {
    Error::new(
        Kind::Truncated,
        format!(
            "the WebP ends at byte {}, before its last chunk does",
            bytes.len()
        ),
    )
}

/// The error of the `image` crate, with the kind that it amounts to.
fn failed(error: ImageError) -> Error {
    use std::error::Error as _;
    // A file that ends early is an I/O error somewhere down the chain of sources.
    let ends = |io: &std::io::Error| io.kind() == std::io::ErrorKind::UnexpectedEof;
    let mut eof = matches!(&error, ImageError::IoError(io) if ends(io));
    let mut cause = error.source();
    while let Some(inner) = cause {
        eof |= inner.downcast_ref::<std::io::Error>().is_some_and(ends);
        cause = inner.source();
    }
    let kind = match &error {
        _ if eof => Kind::Truncated,
        ImageError::Limits(_) => Kind::Limit,
        ImageError::Unsupported(_) => Kind::Unsupported,
        _ => Kind::Corrupt,
    };
    Error::new(kind, error.to_string()).with_source(error)
}
