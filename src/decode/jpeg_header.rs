//! Which JPEGs are decoded, by whom and how they stand: what needs no decoding.

use super::jpeg::{self, Process};
use super::{Limits, exif, orientation::Orientation};
use crate::error::{Error, Kind, Result};

pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) orientation: Orientation,
    /// Who reads it.
    pub(super) reader: Reader,
}

/// The decoder of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// [`jpeg`], region by region: one sequential scan.
    OneScan,
    /// [`jpeg`], all coefficients first: several scans.
    Scans {
        /// For the general decoder if scans are missing; it returns wrong colors, without an
        /// error, for sequential files.
        progressive: bool,
    },
    /// The general decoder: four components.
    General,
}

/// Reads the markers up to the first scan; for a file of several scans, counts them.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Header> {
    let info = jpeg::info(bytes)?;
    let jpeg::Header {
        width,
        height,
        components,
        precision,
        process,
        ..
    } = info.header;
    let parts = info.first_scan_components;
    let unsupported = |what: String| Err(Error::new(Kind::Unsupported, what));
    if precision != 8 {
        return unsupported(format!(
            "a JPEG with {precision} bits a channel; 8 are read"
        ));
    }
    let progressive = process == Process::Progressive;
    if !progressive && !matches!(process, Process::Baseline | Process::Extended) {
        return unsupported(format!("a JPEG of the process {process:?} is not read"));
    }
    if !matches!(components, 1 | 3 | 4) {
        return unsupported(format!(
            "a JPEG of {components} components; 1, 3 and 4 are read"
        ));
    }
    let reader = match components {
        4 if !progressive && parts < components => {
            return unsupported(
                "a sequential JPEG of four components that come in several scans".into(),
            );
        }
        4 => Reader::General,
        _ if progressive || parts < components => Reader::Scans { progressive },
        _ => Reader::OneScan,
    };
    let orientation = info
        .exif
        .and_then(exif::orientation)
        .map_or(Orientation::Upright, Orientation::from_exif);
    if let Reader::Scans { .. } | Reader::General = reader {
        check_scans(bytes, info.first_scan_offset, limits)?;
    }
    // The end marker is missing from every file that was cut, and looking for it costs two byte
    // reads for the others.
    if !bytes.windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
        return Err(Error::new(
            Kind::Truncated,
            format!(
                "the JPEG has no end marker (ff d9): it was cut at byte {}",
                bytes.len()
            ),
        ));
    }
    Ok(Header {
        width,
        height,
        orientation,
        reader,
    })
}

/// A file may say the same pixels any number of times: a small one could take minutes.
fn check_scans(bytes: &[u8], first: usize, limits: &Limits) -> Result<()> {
    let scans = bytes[first..]
        .windows(2)
        .filter(|pair| *pair == [0xff, 0xda])
        .count();
    if scans as u64 > u64::from(limits.scans) {
        return Err(Error::new(
            Kind::Limit,
            format!(
                "a JPEG of {scans} scans; the limit is {} (decode.limits.scans)",
                limits.scans
            ),
        ));
    }
    Ok(())
}
