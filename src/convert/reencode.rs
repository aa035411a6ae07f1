//! One sample on its way into a shard: copied after a check of its header, or decoded, resized and
//! encoded again.
//!
//! Bytes are copied whenever the options allow it, because encoding a JPEG again costs quality. A
//! progressive JPEG that becomes a baseline one keeps its coefficients, so it is not decoded to
//! pixels.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::{DEFAULT_QUALITY, Options};
use crate::augment::Filter;
use crate::decode::{self, Decoder};
use crate::error::{Error, Kind, Result};
use crate::geometry::{Rect, Size};
use crate::kernels::resample::Resampler;
use crate::sample::Codec;

/// What is stored for a sample.
pub(super) struct Stored<'a> {
    /// The bytes to store; `None` if those of the source are kept.
    pub(super) bytes: Option<&'a [u8]>,
    pub(super) codec: Codec,
    pub(super) width: u32,
    pub(super) height: u32,
    /// The new size divided by the old one, as (x, y).
    pub(super) scale: [f32; 2],
    /// The entropy index of a JPEG; empty if there is none.
    pub(super) index: &'a [u8],
}

/// Where the bytes to store are.
enum OutputBuffer {
    /// In the bytes of the source.
    Source,
    /// In [`Recoder::pixels`], as RGB.
    Pixels,
    /// In [`Recoder::resized`], as RGB.
    Resized,
    /// In [`Recoder::encoded`], as JPEG.
    Encoded,
}

/// The buffers of one thread.
#[derive(Default)]
pub(super) struct Recoder {
    decoder: Decoder,
    resampler: Resampler,
    pixels: Vec<u8>,
    resized: Vec<u8>,
    encoded: Vec<u8>,
    index: Vec<u8>,
}

impl Recoder {
    /// Creates empty buffers.
    pub(super) fn new() -> Recoder {
        Recoder {
            resampler: Resampler::new(crate::cpu::Simd::detect()),
            ..Recoder::default()
        }
    }

    /// Makes what is stored for a sample.
    ///
    /// # Errors
    ///
    /// The errors of the decoder for a bad image; `Limit` for one that is too large for a JPEG.
    pub(super) fn run(
        &mut self,
        bytes: &[u8],
        codec: Codec,
        options: &Options,
    ) -> Result<Stored<'_>> {
        let (output, codec, [width, height], scale) = self.recode(bytes, codec, options)?;
        self.index.clear();
        if options.index && codec == Codec::Jpeg {
            let bytes = if let OutputBuffer::Encoded = output {
                &self.encoded
            } else {
                bytes
            };
            let probe = decode::probe(bytes, codec, &options.limits)?;
            self.index
                .extend(self.decoder.index(bytes, &probe)?.unwrap_or_default());
        }
        let bytes = match output {
            OutputBuffer::Source => None,
            OutputBuffer::Pixels => Some(&self.pixels[..]),
            OutputBuffer::Resized => Some(&self.resized[..]),
            OutputBuffer::Encoded => Some(&self.encoded[..]),
        };
        Ok(Stored {
            bytes,
            codec,
            width,
            height,
            scale,
            index: &self.index,
        })
    }

    /// Copies or encodes a sample; returns where the bytes to store are, and their codec, size
    /// (width, height) and scale (x, y).
    fn recode(
        &mut self,
        bytes: &[u8],
        codec: Codec,
        options: &Options,
    ) -> Result<(OutputBuffer, Codec, [u32; 2], [f32; 2])> {
        let limits = &options.limits;
        let mut rewritten = None;
        if options.baseline && codec == Codec::Jpeg && bytes.len() as u64 <= limits.bytes {
            let limits = decode::jpeg::Limits::new(limits.pixels, limits.scans);
            rewritten = decode::jpeg_decoder().to_baseline(bytes, &limits)?;
        }
        let bytes = rewritten.as_deref().unwrap_or(bytes);
        let probe = decode::probe(bytes, codec, limits)?;
        let (width, height) = (probe.width, probe.height);
        let longer = width.max(height);
        let side = options.max_side.filter(|side| *side < longer);
        let stored_raw = matches!(codec, Codec::Raw { .. });
        let encode_all = options.quality.is_some() && options.max_side.is_none() && !stored_raw;
        let unpack = options.raw && !stored_raw;
        if side.is_none() && !encode_all && !unpack {
            if let Some(rewritten) = rewritten {
                self.encoded = rewritten;
                return Ok((OutputBuffer::Encoded, codec, [width, height], [1.0; 2]));
            }
            return Ok((OutputBuffer::Source, codec, [width, height], [1.0; 2]));
        }
        self.decoder
            .decode(bytes, &probe, Rect::whole(width, height), &mut self.pixels)?;
        let (output, width, height) = match side {
            None => (OutputBuffer::Pixels, width, height),
            Some(side) => {
                let frame = Size { width, height };
                let small = Size {
                    width: scaled(width, longer, side),
                    height: scaled(height, longer, side),
                };
                self.resized
                    .resize(small.width as usize * small.height as usize * 3, 0);
                self.resampler.resize(
                    &self.pixels,
                    frame,
                    &mut self.resized,
                    small,
                    Filter::Lanczos,
                );
                (OutputBuffer::Resized, small.width, small.height)
            }
        };
        // From the sides as rounded, so that boxes fit the image that is stored.
        let ratio = |new: u32, old: u32| (f64::from(new) / f64::from(old)) as f32;
        let scale = [ratio(width, probe.width), ratio(height, probe.height)];
        if options.raw {
            let codec = Codec::Raw {
                width,
                height,
                channels: 3,
            };
            return Ok((output, codec, [width, height], scale));
        }
        if width > 65_535 || height > 65_535 {
            return Err(Error::new(
                Kind::Limit,
                format!("{width} x {height} pixels: a JPEG has at most 65535 a side; set max_side"),
            ));
        }
        let pixels = if let OutputBuffer::Pixels = output {
            &self.pixels
        } else {
            &self.resized
        };
        self.encoded.clear();
        let quality = options.quality.unwrap_or(DEFAULT_QUALITY);
        JpegEncoder::new_with_quality(&mut self.encoded, quality)
            .encode(pixels, width, height, ExtendedColorType::Rgb8)
            .map_err(|error| {
                Error::corrupt(format!("cannot encode as JPEG: {error}")).with_source(error)
            })?;
        Ok((OutputBuffer::Encoded, Codec::Jpeg, [width, height], scale))
    }
}

/// Returns `length * side / longer`, rounded to nearest, at least 1.
fn scaled(length: u32, longer: u32, side: u32) -> u32 {
    let (length, longer, side) = (u64::from(length), u64::from(longer), u64::from(side));
    // `length` is not above `longer`, so the result is not above `side` and fits.
    ((length * side + longer / 2) / longer).max(1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_becomes_the_limit_and_the_other_keeps_the_aspect() {
        assert_eq!((scaled(640, 640, 256), scaled(480, 640, 256)), (256, 192));
        assert_eq!(scaled(1, 4000, 16), 1);
        assert_eq!(scaled(u32::MAX, u32::MAX, 65_535), 65_535);
    }

    #[test]
    fn small_images_and_raw_pixels_are_left_alone() {
        let mut recoder = Recoder::new();
        let codec = Codec::Raw {
            width: 2,
            height: 2,
            channels: 1,
        };
        let mut options = Options {
            quality: Some(50),
            ..Options::default()
        };
        assert!(
            recoder
                .run(&[0; 4], codec, &options)
                .unwrap()
                .bytes
                .is_none()
        );
        options = Options {
            max_side: Some(2),
            ..Options::default()
        };
        assert!(
            recoder
                .run(&[0; 4], codec, &options)
                .unwrap()
                .bytes
                .is_none()
        );
        options = Options {
            max_side: Some(1),
            raw: true,
            ..Options::default()
        };
        let stored = recoder.run(&[7; 4], codec, &options).unwrap();
        assert_eq!(stored.bytes, Some(&[7, 7, 7][..]));
        assert_eq!(
            stored.codec,
            Codec::Raw {
                width: 1,
                height: 1,
                channels: 3
            }
        );
    }
}
