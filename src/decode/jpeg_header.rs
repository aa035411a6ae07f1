//! What the markers of a JPEG say before anything is decoded: its size, its orientation, which
//! decoder reads it, and whether it is complete.
//!
//! Marker names are those of ITU-T T.81: SOS (`ff da`) begins a scan, EOI (`ff d9`) ends the image.
//! Three decoders share the work. feedmill-jpeg decodes regions of files of one sequential scan
//! directly, and files of several scans by way of all coefficients; zune-jpeg reads files of four
//! components. Whatever no decoder reads correctly is refused here, by name, before memory is
//! allocated.

use super::jpeg::{self, Process};
use super::{Limits, exif, orientation::Orientation};
use crate::error::{Error, Kind, Result};

/// The result of [`read`].
pub(super) struct Header {
    /// The stored number of columns, before the orientation is applied.
    pub(super) width: u32,
    /// The stored number of rows.
    pub(super) height: u32,
    pub(super) orientation: Orientation,
    pub(super) reader: Reader,
}

/// Which decoder reads a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// feedmill-jpeg, which decodes only the region: files of one sequential scan.
    OneScan,
    /// feedmill-jpeg, which reads all coefficients first: files of several scans.
    Scans {
        /// True for progressive files, which the general decoder takes over if scans are missing.
        /// It must not take over sequential files of several scans: it returns wrong colors for
        /// them, without an error.
        progressive: bool,
    },
    /// zune-jpeg, the general decoder, which decodes the whole image: files of four components.
    General,
}

/// Reads the markers up to the first scan, counts the scans if there may be several, and checks
/// that the file has its end.
///
/// # Errors
///
/// [`Kind::Unsupported`] for a file that no decoder reads, [`Kind::Limit`] for too many scans,
/// [`Kind::Truncated`] without an end marker, and the errors of the markers themselves.
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
    let first_scan = info.first_scan_components;
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
        4 if !progressive && first_scan < components => {
            return unsupported(
                "a sequential JPEG of four components that come in several scans".into(),
            );
        }
        4 => Reader::General,
        _ if progressive || first_scan < components => Reader::Scans { progressive },
        _ => Reader::OneScan,
    };
    let orientation = info
        .exif
        .and_then(exif::orientation)
        .map_or(Orientation::Upright, Orientation::from_exif);
    if let Reader::Scans { .. } | Reader::General = reader {
        check_scans(bytes, info.first_scan_offset, limits)?;
    }
    // A file that was cut has no end marker. The search starts at the end, where a whole file has
    // the marker, so it is over at once.
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

/// Refuses a file of more scans than the limit. Scans may refine the same pixels any number of
/// times, so without a limit a small file could take minutes.
///
/// In entropy-coded data, `ff` is followed by a zero or belongs to a restart marker. So counting
/// `ff da` counts every scan, and at most finds more in the content of other markers.
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
