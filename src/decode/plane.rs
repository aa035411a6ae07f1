//! Planes: masks, instances, depth and further images that belong to an image.
//!
//! A mask is a PNG whose values are labels and not colors, so it must not go through the
//! conversions of [`super::png`]: expansion would turn a palette index into a color, and would
//! scale 4-bit values to 8 bits. Planes of one channel are therefore decoded here, value by value
//! as they are stored. Planes of three channels are images like any other.

use png::{BitDepth, ColorType};

use super::{Decoder, Limits, Probe, probe};
use crate::error::{Error, Kind, Result};
use crate::sample::{Annotations, Codec, Plane};

/// Decodes a plane of one channel into width x height values: the levels of a gray PNG, or the
/// indices of a palette PNG, of 1, 2, 4 or 8 bits.
///
/// # Errors
///
/// [`Kind::Unsupported`] for other codecs, color types and 16-bit values, which would lose labels;
/// the errors of the decoder.
pub(super) fn decode(bytes: &[u8], probe: &Probe) -> Result<Vec<u8>> {
    let (width, height) = (probe.width as usize, probe.height as usize);
    match probe.codec {
        Codec::Raw { channels: 1, .. } => return Ok(bytes.to_vec()),
        Codec::Png => {}
        other => {
            let text = format!("{other:?}: labels and depths are stored as PNG of one channel");
            return Err(Error::new(Kind::Unsupported, text));
        }
    }
    let mut reader = super::png::reader(bytes, probe.width, png::Transformations::IDENTITY)?;
    let (color, depth) = reader.output_color_type();
    if !matches!(color, ColorType::Grayscale | ColorType::Indexed) || depth == BitDepth::Sixteen {
        let text = format!(
            "a PNG of color type {color:?} with {} bits: expected gray or palette of 8 bits",
            depth as u8
        );
        return Err(Error::new(Kind::Unsupported, text));
    }
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| Error::new(Kind::Limit, "a PNG larger than the memory of this machine"))?;
    let mut packed = vec![0; size];
    let info = reader.next_frame(&mut packed).map_err(super::png::failed)?;
    if (info.width as usize, info.height as usize) != (width, height) {
        return Err(Error::corrupt(
            "the PNG's first frame has another size than its header says",
        ));
    }
    if depth == BitDepth::Eight {
        return Ok(packed);
    }
    // Rows begin at whole bytes, and the first value of a byte is in its highest bits.
    let bits = depth as usize;
    let mut values = Vec::with_capacity(width * height);
    for row in packed.chunks_exact(info.line_size) {
        let value = |x: usize| row[x * bits / 8] >> (8 - bits - x * bits % 8) & ((1 << bits) - 1);
        values.extend((0..width).map(value));
    }
    Ok(values)
}

/// Reads the header of a plane and adds its pixels to `pixels`, the sum for the image so far.
///
/// # Errors
///
/// [`Kind::Limit`] if the sum exceeds the limit; the errors of [`probe`].
fn probe_plane(
    bytes: &[u8],
    codec: Codec,
    limits: &Limits,
    image: &Probe,
    pixels: &mut u64,
) -> Result<Probe> {
    let plane = probe(bytes, codec, limits)?;
    let area = |probe: &Probe| u64::from(probe.width) * u64::from(probe.height);
    // A plane of a lower resolution is enlarged to the size of the image later.
    *pixels += area(&plane).max(area(image));
    if *pixels > limits.pixels {
        let text = format!(
            "the image and its planes have {pixels} pixels; \
             the limit is {} pixels in all (decode.limits.pixels)",
            limits.pixels
        );
        return Err(Error::new(Kind::Limit, text));
    }
    Ok(plane)
}

/// Checks annotations and reads the headers of their planes. The pixels of the image and of all its
/// planes together must not exceed the limit.
///
/// # Errors
///
/// The errors of [`Annotations::check`] and of [`probe`], with the plane named, and
/// [`Kind::Limit`].
pub(crate) fn probe_all(
    annotations: &Annotations,
    limits: &Limits,
    image: &Probe,
) -> Result<Vec<Probe>> {
    annotations.check()?;
    let mut pixels = u64::from(image.width) * u64::from(image.height);
    let planes = annotations.planes.iter().map(|plane| {
        probe_plane(&plane.bytes, plane.codec, limits, image, &mut pixels)
            .map_err(|error| error.at(format_args!("plane \"{}\"", plane.name)))
    });
    planes.collect()
}

/// Replaces the encoded bytes of all planes by raw pixels. `probes` is the result of [`probe_all`].
///
/// # Errors
///
/// The errors of decoding, with the plane named.
pub(crate) fn decode_all(
    decoder: &mut Decoder,
    annotations: &mut Annotations,
    probes: &[Probe],
) -> Result<()> {
    for (plane, probe) in annotations.planes.iter_mut().zip(probes) {
        // Only encoded planes have no size yet.
        if plane.size().is_none() {
            let pixels = decoder
                .plane(&plane.bytes, probe, plane.kind.channels())
                .map_err(|error| error.at(format_args!("plane \"{}\"", plane.name)))?;
            let name = std::mem::take(&mut plane.name);
            *plane = Plane::raw(name, plane.kind, probe.size(), pixels);
        }
    }
    Ok(())
}

/// Decodes a PNG with alpha, such as a cut-out to paste, into (width, height, pixels), where the
/// pixels are rows of RGBA.
///
/// # Errors
///
/// [`Kind::Unsupported`] without alpha, [`Kind::Limit`] for more than 2^24 pixels; the errors of
/// the decoder.
pub(crate) fn rgba(bytes: &[u8]) -> Result<(u32, u32, Vec<[u8; 4]>)> {
    let limits = Limits {
        pixels: 1 << 24,
        ..Limits::default()
    };
    let Probe { width, height, .. } = probe(bytes, Codec::sniff(bytes)?, &limits)?;
    let form = png::Transformations::EXPAND | png::Transformations::STRIP_16;
    let mut reader = super::png::reader(bytes, width, form)?;
    if reader.output_color_type().0 != ColorType::Rgba {
        return Err(Error::new(
            Kind::Unsupported,
            "a PNG without alpha: expected RGBA",
        ));
    }
    let mut pixels = vec![[0; 4]; width as usize * height as usize];
    let size = reader.output_buffer_size().unwrap_or(usize::MAX);
    if size != pixels.len() * 4 {
        return Err(Error::corrupt(
            "the PNG has another size than its header says",
        ));
    }
    reader
        .next_frame(pixels.as_flattened_mut())
        .map_err(super::png::failed)?;
    Ok((width, height, pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(color: ColorType, depth: BitDepth, width: u32, height: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette(vec![200; 3 * 256]);
        }
        encoder
            .write_header()
            .unwrap()
            .write_image_data(data)
            .unwrap();
        bytes
    }

    fn values(bytes: &[u8]) -> Result<Vec<u8>> {
        let probe = probe(bytes, Codec::Png, &Limits::default())?;
        decode(bytes, &probe)
    }

    #[test]
    fn labels_are_exactly_those_stored() {
        let gray =
            |depth, data: &[u8]| values(&encoded(ColorType::Grayscale, depth, 3, 2, data)).unwrap();
        assert_eq!(
            gray(BitDepth::Eight, &[0, 1, 255, 7, 8, 9]),
            [0, 1, 255, 7, 8, 9]
        );
        assert_eq!(
            gray(BitDepth::Four, &[0x1f, 0x20, 0x34, 0x50]),
            [1, 15, 2, 3, 4, 5]
        );
        assert_eq!(
            gray(BitDepth::Two, &[0b00_01_10_00, 0b11_00_01_00]),
            [0, 1, 2, 3, 0, 1]
        );
        assert_eq!(
            gray(BitDepth::One, &[0b1010_0000, 0b0110_0000]),
            [1, 0, 1, 0, 1, 1]
        );
        let palette = encoded(
            ColorType::Indexed,
            BitDepth::Eight,
            3,
            2,
            &[0, 1, 255, 7, 8, 9],
        );
        assert_eq!(values(&palette).unwrap(), [0, 1, 255, 7, 8, 9]);
        let palette = encoded(
            ColorType::Indexed,
            BitDepth::Four,
            3,
            2,
            &[0x1f, 0x20, 0x34, 0x50],
        );
        assert_eq!(values(&palette).unwrap(), [1, 15, 2, 3, 4, 5]);
    }

    #[test]
    fn what_would_lose_labels_is_refused() {
        for (color, depth, data) in [
            (ColorType::Rgb, BitDepth::Eight, vec![0; 18]),
            (ColorType::Grayscale, BitDepth::Sixteen, vec![0; 12]),
            (ColorType::GrayscaleAlpha, BitDepth::Eight, vec![0; 12]),
        ] {
            let error = values(&encoded(color, depth, 3, 2, &data)).unwrap_err();
            assert!(
                error.kind() == Kind::Unsupported
                    && error.message().contains("expected gray or palette"),
                "{error}"
            );
        }
        let rgb = encoded(ColorType::Rgb, BitDepth::Eight, 3, 2, &[0; 18]);
        assert!(rgba(&rgb).unwrap_err().message().contains("without alpha"));
        let whole = encoded(
            ColorType::Rgba,
            BitDepth::Eight,
            1,
            2,
            &[1, 2, 3, 4, 5, 6, 7, 8],
        );
        assert_eq!(
            rgba(&whole).unwrap(),
            (1, 2, vec![[1, 2, 3, 4], [5, 6, 7, 8]])
        );
        let cut = encoded(ColorType::Grayscale, BitDepth::Eight, 3, 2, &[0; 6]);
        assert_eq!(
            values(&cut[..cut.len() - 20]).unwrap_err().kind(),
            Kind::Truncated
        );
    }
}
