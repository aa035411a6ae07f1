//! Bytes to pixels: 8-bit RGB, upright, within limits.
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

use crate::cpu::Simd;
use crate::error::{Error, Kind, Result};
use crate::geometry::Rect;
use crate::sample::Codec;
use jpeg_header::Reader;
use orientation::Orientation;

/// What an image may cost at most. The defaults admit any photograph and refuse decompression
/// bombs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Encoded bytes of one image; 256 MiB by default.
    pub bytes: u64,
    /// Pixels of one image, width x height; 2^26 (67 megapixels) by default.
    pub pixels: u64,
    /// Scans of one progressive JPEG; 100 by default.
    pub scans: u32,
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

/// Which entropy indexes of JPEGs a run uses. No pixel depends on it, only how fast crops are
/// decoded.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum IndexPolicy {
    /// None, even if one is stored.
    Off,
    /// Those that are stored with the data.
    #[default]
    Auto,
    /// Those that are stored, and for other samples one that is made when the sample is decoded for
    /// the first time, and kept in memory.
    Learn,
}

/// Whether JPEGs may be decoded smaller than they are stored.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ScalePolicy {
    /// Never: pixels are those of the whole image.
    #[default]
    Exact,
    /// By a half, a quarter or an eighth where the first thing that happens to a crop is that it is
    /// made at least as much smaller. Pixels are others than with `Exact`, so it is part of a
    /// recipe's fingerprint.
    Fast,
}

impl From<Rect> for jpeg::Rect {
    fn from(rect: Rect) -> jpeg::Rect {
        let Rect {
            left,
            top,
            width,
            height,
        } = rect;
        jpeg::Rect {
            left,
            top,
            width,
            height,
        }
    }
}

/// What the header says of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Columns of the upright image.
    pub width: u32,
    /// Rows of the upright image.
    pub height: u32,
    codec: Codec,
    orientation: Orientation,
    /// Whose a JPEG is; of no account for other codecs.
    reader: Reader,
    /// By how much the sides above are smaller than stored.
    scale: jpeg::Scale,
}

impl Probe {
    /// The image decoded with its sides divided by `divisor` (1, 2, 4 or 8) and rounded up: the
    /// sizes and regions that the decoder then goes by. Only JPEGs that [`jpeg`] reads can be;
    /// `None` for others.
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

    /// By how much the sides are smaller than stored: 1 unless [`Probe::scaled`] made this.
    pub fn divisor(&self) -> u32 {
        self.scale.divisor()
    }

    /// True for a JPEG that an entropy index is made for.
    fn wants_index(&self) -> bool {
        const LEAST: u64 = 128 * 128;
        let pixels =
            u64::from(self.width) * u64::from(self.height) * u64::from(self.divisor().pow(2));
        self.is_one_scan() && pixels >= LEAST
    }

    fn is_one_scan(&self) -> bool {
        self.codec == Codec::Jpeg && self.reader == Reader::OneScan
    }

    /// How many bytes decoding the whole image takes.
    pub fn decoded_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * 3
    }
}

/// Reads the header of an image.
///
/// # Errors
///
/// [`Kind::Limit`] if the image is larger than the limits, [`Kind::Truncated`] or [`Kind::Corrupt`]
/// if there is no whole header, [`Kind::Unsupported`] for a form that no decoder here reads.
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
                        "raw pixels of {height} x {width} x {channels} need {expected} bytes, found {}",
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
                "the image has {width} x {height} pixels; the limit is {} pixels in all (decode.limits.pixels)",
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

/// Decodes images; keeps its scratch memory from one to the next. One for each worker.
#[derive(Debug)]
pub struct Decoder {
    jpeg: jpeg::Decoder,
    whole: Vec<u8>,
}

impl Decoder {
    /// A decoder without scratch memory yet.
    pub fn new() -> Decoder {
        Decoder {
            jpeg: jpeg_decoder(),
            whole: Vec::new(),
        }
    }

    /// Decodes `region` of an image into `out`: rows of RGB, `region.width * region.height * 3`
    /// bytes. `out` is resized, its former content is lost.
    ///
    /// The pixels are those of the whole decoded image cut to the region.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`], [`Kind::Corrupt`] or [`Kind::Unsupported`]; `out` then holds nothing of
    /// use.
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

    /// [`Decoder::decode`] with the help of a JPEG's entropy index, or making one. The pixels are
    /// the same.
    ///
    /// Images that cannot have an index pass over one; [`jpeg::Index::Record`] leaves its vector
    /// empty for them, and for those so small that an index would not pay.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`], and [`Kind::Corrupt`] for an index that is damaged, of other bytes
    /// or wrong.
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
            region.width > 0
                && region.height > 0
                && region
                    .left
                    .checked_add(region.width)
                    .is_some_and(|right| right <= probe.width)
                && region
                    .top
                    .checked_add(region.height)
                    .is_some_and(|bottom| bottom <= probe.height),
            "the region {region:?} is not inside the image of {} x {}",
            probe.width,
            probe.height
        );
        let stored = probe.orientation.stored(region, probe.width, probe.height);
        let (stored_width, stored_height) = if probe.orientation.swaps_sides() {
            (probe.height, probe.width)
        } else {
            (probe.width, probe.height)
        };
        let pixels = region.width as usize * region.height as usize * 3;
        if probe.codec == Codec::Jpeg && probe.reader != Reader::General {
            out.resize(pixels, 0);
            let upright = probe.orientation == Orientation::Upright;
            self.whole.resize(if upright { 0 } else { pixels }, 0);
            let target = if upright {
                &mut out[..]
            } else {
                &mut self.whole[..]
            };
            let decoded = match probe.reader {
                // `probe` looked at the number of scans.
                Reader::Scans { .. } => {
                    let pixels = u64::from(probe.width) * u64::from(probe.height);
                    let limits = jpeg::Limits {
                        pixels,
                        scans: u32::MAX,
                    };
                    self.jpeg
                        .decode_multi_scan(bytes, &limits, stored.into(), probe.scale, target)
                }
                _ => self
                    .jpeg
                    .decode_with(bytes, stored.into(), probe.scale, index, target),
            };
            match decoded {
                // A rarity, and a property of the file, so the same decoder takes it every time.
                Err(error)
                    if error.kind() == jpeg::ErrorKind::Unsupported
                        && probe.reader != (Reader::Scans { progressive: false }) => {}
                Err(error) => return Err(error.into()),
                Ok(()) if upright => return Ok(()),
                Ok(()) => {
                    probe.orientation.apply(
                        &self.whole,
                        stored.width as usize,
                        stored.height as usize,
                        out,
                    );
                    return Ok(());
                }
            }
        }
        if let Codec::Raw {
            channels, width, ..
        } = probe.codec
        {
            out.resize(pixels, 0);
            crop_raw(bytes, width as usize, channels as usize, stored, out);
            return Ok(());
        }
        match probe.codec {
            Codec::Jpeg => self.decode_other_jpeg(bytes)?,
            Codec::Png => png::decode(bytes, (stored_width, stored_height), &mut self.whole)?,
            Codec::WebP => self.whole = webp::decode(bytes)?,
            Codec::Raw { .. } => unreachable!("handled above"),
        }
        if self.whole.len() != stored_width as usize * stored_height as usize * 3 {
            return Err(Error::corrupt(format!(
                "decoded {} bytes, expected {stored_width} x {stored_height} x 3 by the header",
                self.whole.len()
            )));
        }
        out.resize(pixels, 0);
        if probe.orientation == Orientation::Upright {
            crop_raw(&self.whole, stored_width as usize, 3, stored, out);
        } else {
            let mut cut = vec![0; pixels];
            crop_raw(&self.whole, stored_width as usize, 3, stored, &mut cut);
            probe
                .orientation
                .apply(&cut, stored.width as usize, stored.height as usize, out);
        }
        Ok(())
    }

    /// The entropy index of a JPEG, to be stored beside it; `None` for images that cannot have one
    /// (other codecs, progressive or CMYK files, 4 GiB) and for those so small that it would
    /// not pay.
    ///
    /// # Errors
    ///
    /// [`Kind::Truncated`] or [`Kind::Corrupt`] if the scan is damaged, anywhere.
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

    /// Decodes a plane whole: rows of RGB, or of single values that are exactly those stored.
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

    /// The JPEGs that [`jpeg`] leaves to others, through zune-jpeg, which is strict here: a damaged
    /// scan is an error instead of gray rows.
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

/// Cuts a rectangle out of rows of 1 or 3 channels into rows of RGB.
fn crop_raw(bytes: &[u8], width: usize, channels: usize, region: Rect, out: &mut [u8]) {
    let (left, columns) = (region.left as usize, region.width as usize);
    for (row, out) in out.chunks_exact_mut(columns * 3).enumerate() {
        let start = ((region.top as usize + row) * width + left) * channels;
        let line = &bytes[start..start + columns * channels];
        if channels == 3 {
            out.copy_from_slice(line);
        } else {
            for (rgb, &gray) in out.chunks_exact_mut(3).zip(line) {
                rgb.fill(gray);
            }
        }
    }
}

#[cfg(test)]
mod tests;
