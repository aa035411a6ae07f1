//! How bytes are encoded, and how that is recognized.

use crate::error::{Error, Kind, Result};

/// How a sample's bytes are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// JPEG (JFIF, Exif or bare).
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossy or lossless.
    WebP,
    /// Raw 8-bit pixels, rows of interleaved channels (HWC); 1 channel is gray, 3 are RGB.
    Raw {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Channels: 1 or 3.
        channels: u8,
    },
}

impl Codec {
    /// The codec that the first bytes announce; `None` if they belong to no format that feedmill
    /// reads.
    pub fn detect(bytes: &[u8]) -> Option<Codec> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Codec::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Codec::Png),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Codec::WebP),
            _ => None,
        }
    }

    /// The codec that the first bytes announce.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`] for an empty record, [`Kind::Corrupt`] for bytes of no known format; the
    /// message shows them.
    pub fn sniff(bytes: &[u8]) -> Result<Codec> {
        if bytes.is_empty() {
            return Err(Error::new(
                Kind::Truncated,
                "the file is empty: expected a JPEG, PNG or WebP image",
            ));
        }
        Codec::detect(bytes).ok_or_else(|| {
            let head = &bytes[..bytes.len().min(12)];
            Error::corrupt(format!(
                "not an image: expected JPEG, PNG or WebP, found bytes \"{}\"",
                head.escape_ascii()
            ))
        })
    }

    /// True if a file of this name is taken for an image: `jpg`, `jpeg`, `png` or `webp` in any
    /// case.
    pub fn is_image_name(name: &str) -> bool {
        let Some((_, extension)) = name.rsplit_once('.') else {
            return false;
        };
        ["jpg", "jpeg", "png", "webp"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    }
}
