//! Decoding: from stored bytes to pixels, always 8-bit RGB, upright, and within limits.
//!
//! Use [`probe`] for the size of an image and a [`Decoder`] for its pixels, or for a region of
//! them. A loader does both itself; this module is public for programs that have the same bytes at
//! hand.
//!
//! Rules that every codec follows:
//!
//! * [`probe`] reads the header alone and decides about limits before anything is allocated.
//! * Gray becomes three equal channels. Alpha is dropped (the color under it is kept). A palette is
//!   expanded. 16-bit channels keep their high byte, as Pillow does for RGB. CMYK and YCCK JPEG
//!   become RGB by the inverted product (`c * k / 255`), the form that Adobe's files have, with or
//!   without Adobe's marker, as Pillow does.
//! * The EXIF orientation of a JPEG is applied: sizes, crops and pixels are those of the upright
//!   image.
//! * An image that ends early or contradicts itself is an error, never a half-gray image. Its end
//!   is the JPEG's end marker, the PNG's IEND, the length in a WebP's header; what follows it is
//!   ignored.
//! * JPEGs of 1 or 3 components have the pixels of libjpeg-turbo, bit for bit, progressive ones
//!   too. One that lacks scans is left to zune-jpeg, as is one of 4 components.

mod exif;
mod jpeg_header;
mod orientation;
pub(crate) mod plane;
mod png;
mod webp;

pub use feedmill_jpeg as jpeg;

use feedmill_macros::Accessors;

use crate::cpu::Simd;
use crate::error::{Error, Kind, Result};
use crate::geometry::{Rect, Size};
use crate::sample::Codec;
use jpeg_header::Reader;
use orientation::Orientation;

/// The largest image that is decoded. The defaults admit any photograph and refuse decompression
/// bombs.
///
/// # Example: refuse large images
///
/// ```
/// use feedmill::Kind;
/// use feedmill::decode::{Limits, probe};
/// use feedmill::sample::Codec;
///
/// let bytes = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
/// let limits = Limits::new().with_pixels(100 * 100);
/// let error = probe(&bytes, Codec::Jpeg, &limits).unwrap_err();
/// assert_eq!(error.kind(), Kind::Limit);
/// ```
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, Accessors,
)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The most encoded bytes of one image; 256 MiB by default.
    pub(crate) bytes: u64,
    /// The most pixels of one image, width x height; 2^26 (67 megapixels) by default.
    pub(crate) pixels: u64,
    /// The most scans of one progressive JPEG; 100 by default.
    pub(crate) scans: u32,
}

impl Limits {
    /// The defaults of all limits.
    pub fn new() -> Limits {
        Limits::default()
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes: 256 << 20,
            pixels: 1 << 26,
            scans: 100,
        }
    }
}

/// Which entropy indexes of JPEGs a run uses. Pixels do not depend on it, only the speed of crops.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum IndexPolicy {
    /// No index, even if one is stored.
    Off,
    /// The indexes stored with the data.
    #[default]
    Auto,
    /// The stored indexes; for samples without one, an index recorded when the sample is first
    /// decoded and kept in memory.
    Learn,
}

/// Whether JPEGs may be decoded smaller than they are stored.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ScalePolicy {
    /// Never: the pixels are those of the image at full size.
    #[default]
    Exact,
    /// At a half, a quarter or an eighth of the size, where the first step after the crop reduces
    /// the image at least as much. The pixels differ from those of `Exact`, so this is part of a
    /// recipe's fingerprint.
    Fast,
}

/// What the header says about an image: its upright size, and how it will be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// Columns of the upright image.
    pub width: u32,
    /// Rows of the upright image.
    pub height: u32,
    codec: Codec,
    orientation: Orientation,
    /// Which JPEG decoder to use. Ignored for other codecs.
    reader: Reader,
    /// How much smaller than stored the image is decoded.
    scale: jpeg::Scale,
}

impl Probe {
    /// The same image decoded at a smaller scale: its sides are divided by `divisor` (1, 2, 4 or 8)
    /// and rounded up, and regions then refer to this size. `None` for images that cannot be
    /// scaled, which are all except JPEGs of one scan that [`jpeg`] supports.
    pub fn scaled(&self, bytes: &[u8], divisor: u32) -> Option<Probe> {
        let scale = jpeg::Scale::ALL
            .into_iter()
            .find(|scale| scale.divisor() == divisor)?;
        if !self.is_one_scan() || self.scale != jpeg::Scale::Full || !jpeg::can_decode(bytes) {
            return None;
        }
        Some(Probe {
            width: scale.side(self.width),
            height: scale.side(self.height),
            scale,
            ..*self
        })
    }

    /// The factor by which the sides are smaller than stored: 1 unless [`Probe::scaled`] made this.
    pub fn divisor(&self) -> u32 {
        self.scale.divisor()
    }

    /// True for a JPEG that can have an entropy index and is large enough for it to pay.
    fn wants_index(&self) -> bool {
        const LEAST: u64 = 128 * 128;
        let pixels =
            u64::from(self.width) * u64::from(self.height) * u64::from(self.divisor().pow(2));
        self.is_one_scan() && pixels >= LEAST
    }

    fn is_one_scan(&self) -> bool {
        self.codec == Codec::Jpeg && self.reader == Reader::OneScan
    }

    /// True if a region has pixels, all of them inside the image.
    fn holds(&self, region: Rect) -> bool {
        let fits = |start: u32, length: u32, side: u32| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= side)
        };
        fits(region.left, region.width, self.width) && fits(region.top, region.height, self.height)
    }

    /// The size of the upright image.
    pub fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }

    /// The size of the whole decoded image in bytes: width x height x 3.
    pub fn decoded_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * 3
    }
}

/// Reads the header of an image, without decoding and before anything is allocated.
///
/// # Errors
///
/// [`Kind::Limit`] if the image is larger than the limits, [`Kind::Truncated`] or [`Kind::Corrupt`]
/// if the header or the end of the file is missing or damaged, [`Kind::Unsupported`] for a form
/// that no decoder here reads.
///
/// # Example: the size of a file
///
/// ```
/// use feedmill::decode::{Limits, probe};
/// use feedmill::sample::Codec;
///
/// let bytes = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
/// let header = probe(&bytes, Codec::sniff(&bytes)?, &Limits::default())?;
/// println!("{}", header.size()); // such as "427 x 640", upright
/// assert_eq!(header.decoded_bytes(), header.size().area() * 3);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn probe(bytes: &[u8], codec: Codec, limits: &Limits) -> Result<Probe> {
    if bytes.len() as u64 > limits.bytes {
        return Err(Error::new(
            Kind::Limit,
            format!(
                "the encoded image has {} bytes; the limit is {}",
                bytes.len(),
                limits.bytes
            ),
        ));
    }
    let (width, height, orientation, reader) = match codec {
        Codec::Jpeg => {
            let header = jpeg_header::read(bytes, limits)?;
            (
                header.width,
                header.height,
                header.orientation,
                header.reader,
            )
        }
        Codec::Png => {
            let (width, height) = png::size(bytes)?;
            (width, height, Orientation::Upright, Reader::General)
        }
        Codec::WebP => {
            let (width, height) = webp::size(bytes)?;
            (width, height, Orientation::Upright, Reader::General)
        }
        Codec::Raw {
            width,
            height,
            channels,
        } => {
            let expected = u64::from(width) * u64::from(height) * u64::from(channels);
            if bytes.len() as u64 != expected {
                let kind = if (bytes.len() as u64) < expected {
                    Kind::Truncated
                } else {
                    Kind::Corrupt
                };
                return Err(Error::new(
                    kind,
                    format!(
                        "raw pixels of {height} x {width} x {channels} need {expected} bytes, \
                         found {}",
                        bytes.len()
                    ),
                ));
            }
            (width, height, Orientation::Upright, Reader::General)
        }
    };
    if width == 0 || height == 0 {
        return Err(Error::corrupt(format!(
            "an image of {width} x {height} pixels"
        )));
    }
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(Error::new(
            Kind::Limit,
            format!(
                "the image has {width} x {height} pixels; \
                 the limit is {} pixels in all (decode.limits.pixels)",
                limits.pixels
            ),
        ));
    }
    let (width, height) = if orientation.swaps_sides() {
        (height, width)
    } else {
        (width, height)
    };
    Ok(Probe {
        width,
        height,
        codec,
        orientation,
        reader,
        scale: jpeg::Scale::Full,
    })
}

/// Decodes images, and reuses its buffers from one to the next. Make one for each thread.
///
/// # Example: a crop of a photograph
///
/// ```
/// use feedmill::decode::{Decoder, Limits, probe};
/// use feedmill::geometry::Rect;
/// use feedmill::sample::Codec;
///
/// let bytes = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
/// let header = probe(&bytes, Codec::Jpeg, &Limits::default())?;
/// let region = Rect { left: 16, top: 8, width: 64, height: 48 };
/// let mut pixels = Vec::new();
/// Decoder::new().decode(&bytes, &header, region, &mut pixels)?;
/// assert_eq!(pixels.len(), 64 * 48 * 3);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    jpeg: jpeg::Decoder,
    /// The pixels of a whole image, or of a region that is still to be turned upright.
    whole: Vec<u8>,
}

impl Decoder {
    /// A decoder with empty buffers.
    pub fn new() -> Decoder {
        Decoder {
            jpeg: jpeg_decoder(),
            whole: Vec::new(),
        }
    }

    /// Decodes `region` of an image into `out`: rows of RGB, `region.width * region.height * 3`
    /// bytes. `out` is resized and overwritten.
    ///
    /// The pixels are those of the whole decoded image cut to the region.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`], [`Kind::Corrupt`] or [`Kind::Unsupported`]. The content of `out` is
    /// unspecified then.
    ///
    /// # Panics
    ///
    /// If the region is empty or not inside the image.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        region: Rect,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.decode_with(bytes, probe, region, jpeg::Index::None, out)
    }

    /// [`Decoder::decode`] that also uses the entropy index of a JPEG, or records one. The pixels
    /// are the same.
    ///
    /// For images that cannot have an index, the argument is ignored. [`jpeg::Index::Record`] then
    /// leaves its vector empty, as it does for images too small for an index to pay.
    ///
    /// # Errors
    ///
    /// The errors of [`Decoder::decode`], and [`Kind::Corrupt`] for an index that is damaged,
    /// wrong, or that belongs to other bytes.
    ///
    /// # Panics
    ///
    /// As [`Decoder::decode`].
    pub fn decode_with(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        region: Rect,
        mut index: jpeg::Index<'_>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if let jpeg::Index::Record(made) = &mut index {
            made.clear();
            if !probe.wants_index() {
                index = jpeg::Index::None;
            }
        }
        assert!(
            probe.holds(region),
            "the region {region:?} is not inside the image of {} x {}",
            probe.width,
            probe.height
        );
        out.resize(region.width as usize * region.height as usize * 3, 0);
        let stored = probe.orientation.stored(region, probe.width, probe.height);
        match probe.codec {
            Codec::Raw {
                channels, width, ..
            } => {
                crop(bytes, width as usize, channels as usize, stored, out);
                Ok(())
            }
            Codec::Jpeg if probe.reader != Reader::General => {
                if self.decode_own_jpeg(bytes, probe, stored, index, out)? {
                    return Ok(());
                }
                self.decode_whole(bytes, probe, stored, out)
            }
            _ => self.decode_whole(bytes, probe, stored, out),
        }
    }

    /// Decodes a region of the stored image with feedmill-jpeg and turns it upright. Returns false
    /// if feedmill-jpeg does not support the file.
    ///
    /// That is rare, and depends on the file alone, so a file is always read by the same decoder.
    fn decode_own_jpeg(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        stored: Rect,
        index: jpeg::Index<'_>,
        out: &mut [u8],
    ) -> Result<bool> {
        let upright = probe.orientation == Orientation::Upright;
        self.whole.resize(if upright { 0 } else { out.len() }, 0);
        let target = if upright {
            &mut *out
        } else {
            &mut self.whole[..]
        };
        let decoded = match probe.reader {
            Reader::Scans { .. } => {
                // `probe` has counted the scans already.
                let limits = jpeg::Limits::new(probe.size().area(), u32::MAX);
                self.jpeg
                    .decode_multi_scan(bytes, &limits, stored, probe.scale, target)
            }
            _ => self
                .jpeg
                .decode_with(bytes, stored, probe.scale, index, target),
        };
        match decoded {
            // The general decoder takes over, except for sequential files of several scans, of
            // which it would return wrong colors.
            Err(error)
                if error.kind() == jpeg::ErrorKind::Unsupported
                    && probe.reader != (Reader::Scans { progressive: false }) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
            Ok(()) => {}
        }
        if !upright {
            let (width, height) = (stored.width as usize, stored.height as usize);
            probe.orientation.apply(&self.whole, width, height, out);
        }
        Ok(true)
    }

    /// Decodes a whole image with the general decoder of its codec, and cuts the region out of it.
    fn decode_whole(
        &mut self,
        bytes: &[u8],
        probe: &Probe,
        stored: Rect,
        out: &mut [u8],
    ) -> Result<()> {
        let (width, height) = if probe.orientation.swaps_sides() {
            (probe.height, probe.width)
        } else {
            (probe.width, probe.height)
        };
        match probe.codec {
            Codec::Jpeg => self.decode_other_jpeg(bytes)?,
            Codec::Png => png::decode(bytes, (width, height), &mut self.whole)?,
            Codec::WebP => self.whole = webp::decode(bytes)?,
            Codec::Raw { .. } => unreachable!("raw pixels are cut without decoding"),
        }
        if self.whole.len() != width as usize * height as usize * 3 {
            return Err(Error::corrupt(format!(
                "decoded {} bytes, expected {width} x {height} x 3 by the header",
                self.whole.len()
            )));
        }
        if probe.orientation == Orientation::Upright {
            crop(&self.whole, width as usize, 3, stored, out);
        } else {
            let mut part = vec![0; out.len()];
            crop(&self.whole, width as usize, 3, stored, &mut part);
            let (width, height) = (stored.width as usize, stored.height as usize);
            probe.orientation.apply(&part, width, height, out);
        }
        Ok(())
    }

    /// The entropy index of a JPEG, to be stored beside it. `None` for images that cannot have one
    /// (other codecs, progressive or CMYK files, files of 4 GiB) and for images of fewer than 128 x
    /// 128 pixels, for which it would not pay.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`] or [`Kind::Corrupt`] if the scan is damaged anywhere, since an index
    /// needs all of it.
    ///
    /// # Example: crops with an index
    ///
    /// ```
    /// use feedmill::decode::{Decoder, Limits, jpeg, probe};
    /// use feedmill::geometry::Rect;
    /// use feedmill::sample::Codec;
    ///
    /// let bytes = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
    /// let header = probe(&bytes, Codec::Jpeg, &Limits::default())?;
    /// let mut decoder = Decoder::new();
    /// if let Some(index) = decoder.index(&bytes, &header)? {
    ///     // Stored beside the image, it lets crops skip the rows above them.
    ///     println!("{} bytes of index for {} bytes of JPEG", index.len(), bytes.len());
    /// }
    /// let (mut pixels, mut made) = (Vec::new(), Vec::new());
    /// let region = Rect::new(0, 0, 16, 16);
    /// // A decode can record the index as well.
    /// decoder.decode_with(&bytes, &header, region, jpeg::Index::Record(&mut made), &mut pixels)?;
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn index(&mut self, bytes: &[u8], probe: &Probe) -> Result<Option<Vec<u8>>> {
        if !probe.wants_index() {
            return Ok(None);
        }
        match self.jpeg.index(bytes) {
            Ok(index) => Ok(Some(index).filter(|index| !index.is_empty())),
            Err(error) if error.kind() == jpeg::ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Decodes a whole plane into rows of RGB if `channels` is 3, or of the stored values if it is
    /// 1.
    ///
    /// # Errors
    ///
    /// The errors of [`Decoder::decode`] and of [`plane::decode`].
    pub(crate) fn plane(&mut self, bytes: &[u8], probe: &Probe, channels: u8) -> Result<Vec<u8>> {
        if channels == 1 {
            return plane::decode(bytes, probe);
        }
        let mut pixels = Vec::new();
        self.decode(
            bytes,
            probe,
            Rect::whole(probe.width, probe.height),
            &mut pixels,
        )?;
        Ok(pixels)
    }

    /// Decodes a JPEG that [`jpeg`] does not support with zune-jpeg, into `self.whole`. Strict mode
    /// makes a damaged scan an error; otherwise its rows would be gray.
    fn decode_other_jpeg(&mut self, bytes: &[u8]) -> Result<()> {
        use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
        let options = DecoderOptions::default()
            .jpeg_set_out_colorspace(ColorSpace::RGB)
            .set_strict_mode(true)
            .set_max_width(1 << 16)
            .set_max_height(1 << 16);
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        let failed = |error: zune_jpeg::errors::DecodeErrors| {
            Error::corrupt(format!("damaged JPEG of {} bytes: {error}", bytes.len()))
                .with_source(error)
        };
        decoder.decode_headers().map_err(failed)?;
        let size = decoder
            .output_buffer_size()
            .ok_or_else(|| Error::corrupt("a JPEG without a size"))?;
        self.whole.resize(size, 0);
        decoder.decode_into(&mut self.whole).map_err(failed)
    }
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

/// A JPEG decoder with vector code, unless `FEEDMILL_SIMD=off` forbids it.
pub(crate) fn jpeg_decoder() -> jpeg::Decoder {
    jpeg::Decoder::with_simd(Simd::detect().avx2())
}

impl From<jpeg::Error> for Error {
    fn from(error: jpeg::Error) -> Error {
        let kind = match error.kind() {
            jpeg::ErrorKind::Corrupt => Kind::Corrupt,
            jpeg::ErrorKind::Truncated => Kind::Truncated,
            jpeg::ErrorKind::Unsupported => Kind::Unsupported,
            jpeg::ErrorKind::Limit => Kind::Limit,
            _ => Kind::Unsupported,
        };
        Error::new(
            kind,
            format!("JPEG, byte {}: {}", error.offset(), error.message()),
        )
    }
}

/// Copies a region of an image of `width` columns and 1 or 3 channels to `out`, as rows of RGB.
fn crop(bytes: &[u8], width: usize, channels: usize, region: Rect, out: &mut [u8]) {
    let (left, columns) = (region.left as usize, region.width as usize);
    for (row, out) in out.chunks_exact_mut(columns * 3).enumerate() {
        let start = ((region.top as usize + row) * width + left) * channels;
        let row = &bytes[start..start + columns * channels];
        if channels == 3 {
            out.copy_from_slice(row);
        } else {
            for (rgb, &gray) in out.chunks_exact_mut(3).zip(row) {
                rgb.fill(gray);
            }
        }
    }
}

#[cfg(test)]
mod tests;
