//! Progressive files, and sequential ones of several scans, as baseline files with the same coefficients.

use super::Process;
use super::coefficients::{Bounds, Coefficients};
use super::encode::{self, Codebook};
use super::error::{ErrorKind, Result};
use super::kernels::{Kernels, OnCpu, on_this_cpu};

/// The file with its coefficients in one sequential scan, with Huffman tables made for it: the same pixels in every decoder,
/// and a file that can be decoded in part and have an entropy index. Comments, application data (Exif, colour profiles)
/// and quantisers stay as they are. The size is a few percent more than that of a progressive file.
///
/// `None` for files that already are so, and for those that cannot be: other codings, 2 or 4 components, more than 8 bits,
/// scans that are missing, coefficients that baseline coding has no room for.
///
/// # Errors
///
/// [`ErrorKind::Corrupt`] and [`ErrorKind::Truncated`] for damaged files; [`ErrorKind::Limit`] for more
/// than `bounds` allow.
pub fn to_baseline(bytes: &[u8], bounds: &Bounds) -> Result<Option<Vec<u8>>> {
    match rewrite(bytes, bounds) {
        Err(error) if error.kind == ErrorKind::Unsupported => Ok(None),
        other => other,
    }
}

fn rewrite(bytes: &[u8], bounds: &Bounds) -> Result<Option<Vec<u8>>> {
    let read = Read { bytes, bounds };
    let Some(picture) = on_this_cpu(true, read)? else { return Ok(None) };
    let Some(baseline) = write(&picture) else { return Ok(None) };
    // Coefficients need no quantisers and no whole sampling ratios; pixels do.
    super::check(&baseline)?;
    Ok(Some(baseline))
}

/// A file whose coefficients are wanted.
struct Read<'a, 'b> {
    bytes: &'a [u8],
    bounds: &'b Bounds,
}

impl<'a> OnCpu for Read<'a, '_> {
    type Out = Result<Option<Coefficients<'a>>>;

    fn run<K: Kernels>(self, kernels: K) -> Self::Out {
        Coefficients::read(kernels, self.bytes, self.bounds)
    }
}

fn write(picture: &Coefficients<'_>) -> Option<Vec<u8>> {
    let blocks: usize = picture.components.iter().map(|component| component.h * component.v).sum();
    if picture.components.len() > 1 && blocks > 10 {
        return None;
    }
    let (books, scan) = encode::scan(picture)?;
    let mut out = vec![0xFF, 0xD8];
    for &(code, payload) in &picture.kept {
        segment(&mut out, code, payload);
    }
    // Baseline files have quantisers of 8 bits; those of 16 are all that makes a file extended here.
    let wide = picture.kept.iter().any(|&(code, payload)| code == 0xDB && has_wide_quantisers(payload));
    let header = &picture.header;
    let mut frame = vec![8];
    frame.extend((header.height as u16).to_be_bytes());
    frame.extend((header.width as u16).to_be_bytes());
    frame.push(header.components);
    for component in &picture.components {
        frame.extend([component.id, (component.h << 4 | component.v) as u8, component.quant as u8]);
    }
    let extended = wide || header.process == Process::Extended;
    segment(&mut out, if extended { 0xC1 } else { 0xC0 }, &frame);
    let used = if picture.components.len() > 1 { 4 } else { 2 };
    for (slot, Codebook { counts, symbols, .. }) in [0x00, 0x10, 0x01, 0x11].iter().zip(&books).take(used) {
        segment(&mut out, 0xC4, &[&[*slot][..], counts, symbols].concat());
    }
    let mut start = vec![header.components];
    for (n, component) in picture.components.iter().enumerate() {
        start.extend([component.id, if n == 0 { 0x00 } else { 0x11 }]);
    }
    start.extend([0, 63, 0]);
    segment(&mut out, 0xDA, &start);
    out.extend(scan);
    out.extend([0xFF, 0xD9]);
    Some(out)
}

fn segment(out: &mut Vec<u8>, code: u8, payload: &[u8]) {
    out.extend([0xFF, code]);
    out.extend((payload.len() as u16 + 2).to_be_bytes());
    out.extend(payload);
}

fn has_wide_quantisers(mut payload: &[u8]) -> bool {
    while let [head, rest @ ..] = payload {
        if head >> 4 > 0 {
            return true;
        }
        payload = rest.get(64..).unwrap_or(&[]);
    }
    false
}
