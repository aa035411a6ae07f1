//! WebP: the checks that the decoder leaves out, and the way to it.

use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError};

use crate::error::{Error, Kind, Result};

/// The size of a file whose chunks are all there and whose image fits its canvas.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    let number = |at: usize| -> Result<u32> {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map(u32::from_le_bytes).ok_or_else(|| truncated(bytes))
    };
    // The decoder takes what is missing at the end of a lossy image for zeros.
    if u64::from(number(4)?) + 8 > bytes.len() as u64 {
        return Err(truncated(bytes));
    }
    let (width, height) = decoder(bytes)?.dimensions();
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let payload = at + 8;
        let length = number(at + 4)? as usize;
        // An animation's first frame lies inside a chunk of its own, after 16 bytes about it.
        if bytes[at..].starts_with(b"ANMF") {
            at = payload + 16;
            continue;
        }
        if length > bytes.len() - payload {
            return Err(truncated(bytes));
        }
        let inner = match &bytes[at..at + 4] {
            b"VP8 " => {
                let sides = number(payload + 6)?;
                Some((sides & 0x3fff, sides >> 16 & 0x3fff))
            }
            b"VP8L" => {
                let sides = number(payload + 1)?;
                Some((1 + (sides & 0x3fff), 1 + (sides >> 14 & 0x3fff)))
            }
            _ => None,
        };
        if let Some((w, h)) = inner {
            // The decoder would make the larger image before it noticed.
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

/// Decodes an image, or an animation's first frame, into rows of RGB.
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

fn failed(error: ImageError) -> Error {
    use std::error::Error as _;
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
