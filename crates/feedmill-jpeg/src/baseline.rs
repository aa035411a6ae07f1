//! Rewriting a file of several scans as a baseline file with the same coefficients.

use crate::coefficients::{Coefficients, Limits};
use crate::decoder::{Decoder, check_decodable};
use crate::entropy::encode::{self, HuffmanCode};
use crate::error::{ErrorKind, Result};
use crate::kernels::dispatch;
use crate::markers::code;
use crate::markers::frame::{MAX_BLOCKS_PER_MCU, Process, blocks_per_mcu};

impl Decoder {
    /// Rewrites a progressive file, or a sequential one of several scans, as a file of one
    /// sequential scan with the same coefficients and with Huffman tables made for it.
    ///
    /// Every decoder makes the same pixels from it, and [`Decoder::decode`] makes regions of it
    /// faster and with an [`Index`](crate::Index). Comments, application data (Exif, color
    /// profiles) and quantization tables stay as they are. The file is a few percent larger than a
    /// progressive one.
    ///
    /// Returns `None` for files that are sequential with one scan already, and for those that
    /// cannot become so: other codings, 2 or 4 components, more than 8 bits, missing scans,
    /// coefficients too large for baseline coding.
    ///
    /// # Example: prepare a file for crops
    ///
    /// ```
    /// use feedmill_jpeg::{Decoder, Limits, can_decode};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/odd/progressive_420.jpg");
    /// let bytes = std::fs::read(path)?;
    /// let mut decoder = Decoder::new();
    /// let limits = Limits::new(1 << 26, 100);
    /// let baseline = decoder.to_baseline(&bytes, &limits)?.unwrap_or(bytes);
    /// assert!(can_decode(&baseline));
    /// let index = decoder.index(&baseline)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] and [`ErrorKind::Truncated`] for damaged files, [`ErrorKind::Limit`]
    /// for files beyond `limits`.
    pub fn to_baseline(&self, bytes: &[u8], limits: &Limits) -> Result<Option<Vec<u8>>> {
        let read = dispatch!(self.simd(), kernels => Coefficients::read(kernels, bytes, limits));
        let image = match read {
            Ok(Some(image)) => image,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(baseline) = write(&image) else {
            return Ok(None);
        };
        // Reading coefficients needs no quantization tables and no whole sampling ratios. Decoding
        // the file does.
        match check_decodable(&baseline) {
            Ok(()) => Ok(Some(baseline)),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Writes a file of one scan, or returns `None` if baseline coding cannot express the image.
fn write(image: &Coefficients<'_>) -> Option<Vec<u8>> {
    let blocks = blocks_per_mcu(image.components.iter().copied());
    let interleaved = image.components.len() > 1;
    if interleaved && blocks > MAX_BLOCKS_PER_MCU {
        return None;
    }
    let (codes, scan) = encode::scan(image)?;
    let mut out = vec![0xFF, code::SOI];
    for &(code, payload) in &image.kept {
        write_segment(&mut out, code, payload);
    }
    write_frame_header(&mut out, image);
    let slots = [0x00, 0x10, 0x01, 0x11];
    let used = if interleaved { 4 } else { 2 };
    for (
        slot,
        HuffmanCode {
            counts, symbols, ..
        },
    ) in slots.iter().zip(&codes).take(used)
    {
        write_segment(
            &mut out,
            code::DHT,
            &[&[*slot][..], counts, symbols].concat(),
        );
    }
    let mut header = vec![image.header.components];
    for (n, component) in image.components.iter().enumerate() {
        header.extend([component.id, if n == 0 { 0x00 } else { 0x11 }]);
    }
    header.extend([0, 63, 0]);
    write_segment(&mut out, code::SOS, &header);
    out.extend(scan);
    out.extend([0xFF, code::EOI]);
    Some(out)
}

fn write_frame_header(out: &mut Vec<u8>, image: &Coefficients<'_>) {
    let header = &image.header;
    let mut frame = vec![8];
    frame.extend((header.height as u16).to_be_bytes());
    frame.extend((header.width as u16).to_be_bytes());
    frame.push(header.components);
    for component in &image.components {
        let factors = component.h << 4 | component.v;
        frame.extend([component.id, factors as u8, component.quant as u8]);
    }
    // Baseline coding has quantization steps of 8 bits. Of what makes a file extended, steps of 16
    // bits are all that occurs here.
    let wide = image
        .kept
        .iter()
        .any(|&(code, payload)| code == code::DQT && has_wide_steps(payload));
    let extended = wide || header.process == Process::Extended;
    write_segment(out, if extended { code::SOF1 } else { code::SOF0 }, &frame);
}

fn write_segment(out: &mut Vec<u8>, code: u8, payload: &[u8]) {
    out.extend([0xFF, code]);
    out.extend((payload.len() as u16 + 2).to_be_bytes());
    out.extend(payload);
}

/// Returns whether a DQT segment has a table with steps of 16 bits.
fn has_wide_steps(mut payload: &[u8]) -> bool {
    while let [head, rest @ ..] = payload {
        if head >> 4 > 0 {
            return true;
        }
        payload = rest.get(64..).unwrap_or(&[]);
    }
    false
}
