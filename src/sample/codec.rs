//! Image encodings, and their detection from the first bytes.

use crate::error::{Error, Kind, Result};
use crate::geometry::Size;

/// The encoding of a sample's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// JPEG (JFIF, Exif or bare).
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossy or lossless.
    WebP,
    /// Raw 8-bit pixels in rows of interleaved channels (height x width x channels).
    Raw {
        /// The number of columns.
        width: u32,
        /// The number of rows.
        height: u32,
        /// The number of channels: 1 for gray, 3 for RGB.
        channels: u8,
    },
}

impl Codec {
    /// The codec of raw 8-bit pixels: height x width x `channels` bytes, where `channels` is 1
    /// (gray) or 3 (RGB).
    pub fn raw(size: Size, channels: u8) -> Codec {
        Codec::Raw {
            width: size.width,
            height: size.height,
            channels,
        }
    }

    /// The codec that the first bytes announce, or `None` if feedmill does not read their format.
    /// Never [`Codec::Raw`]: raw pixels have no header.
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

    /// The codec that the first bytes announce, or an error that describes them.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`] for an empty record, [`Kind::Corrupt`] for bytes of no known format; the
    /// message shows them.
    ///
    /// # Example: a file of an unknown format
    ///
    /// ```
    /// use feedmill::sample::Codec;
    ///
    /// let bytes = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
    /// assert_eq!(Codec::sniff(&bytes)?, Codec::Jpeg);
    /// let error = Codec::sniff(b"Dear reader").unwrap_err();
    /// assert!(error.message().contains("not an image"));
    /// # Ok::<(), feedmill::Error>(())
    /// ```
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

    /// True if a file of this name counts as an image: its extension is `jpg`, `jpeg`, `png` or
    /// `webp`, in upper or lower case.
    pub fn is_image_name(name: &str) -> bool {
        let Some((_, extension)) = name.rsplit_once('.') else {
            return false;
        };
        ["jpg", "jpeg", "png", "webp"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    }
}
