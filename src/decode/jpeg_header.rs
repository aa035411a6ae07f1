//! What a JPEG's markers say before its first scan, and the checks that need no decoding.

use super::{Limits, exif, turn::Turn};
use crate::error::{Error, Kind, Result};

pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) turn: Turn,
    /// Anything but a baseline or extended sequential picture of 1 or 3 components.
    pub(super) general: bool,
}

/// Reads the markers up to the first scan; for a progressive file, counts its scans.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Header> {
    let truncated = |at: usize, inside: &str| {
        Error::new(
            Kind::Truncated,
            format!("the JPEG ends at byte {} inside {inside} that starts at byte {at}", bytes.len()),
        )
    };
    if bytes.get(..2) != Some(&[0xff, 0xd8]) {
        return Err(Error::corrupt("a JPEG begins with ff d8"));
    }
    let mut turn = Turn::Upright;
    let mut frame = None;
    let mut at = 2;
    loop {
        // Any number of fill bytes may stand before a marker.
        while bytes.get(at) == Some(&0xff) && bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        let marker = match bytes.get(at..at + 2) {
            Some([0xff, marker]) => *marker,
            // Stray bytes between segments are stepped over, as libjpeg does.
            Some(_) => {
                at += 1;
                continue;
            }
            None => return Err(truncated(at, "a marker")),
        };
        if matches!(marker, 0x01 | 0xd0..=0xd7) {
            at += 2;
            continue;
        }
        if marker == 0xd9 {
            return Err(Error::corrupt(format!("the JPEG ends at byte {at} without a picture")));
        }
        let length = match bytes.get(at + 2..at + 4) {
            Some(two) => usize::from(u16::from_be_bytes([two[0], two[1]])),
            None => return Err(truncated(at, "a marker segment")),
        };
        let Some(segment) = bytes.get(at + 4..at + 2 + length.max(2)) else {
            return Err(truncated(at, "a marker segment"));
        };
        match marker {
            0xe1 if segment.starts_with(b"Exif\0\0") => {
                turn = exif::orientation(&segment[6..]).map_or(turn, Turn::from_exif);
            }
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let &[precision, h1, h0, w1, w0, components, ..] = segment else {
                    return Err(Error::corrupt(format!("the frame header at byte {at} has {length} bytes")));
                };
                if precision != 8 {
                    return Err(Error::new(
                        Kind::Unsupported,
                        format!("a JPEG with {precision} bits a channel; 8 are read"),
                    ));
                }
                if !matches!(marker, 0xc0..=0xc2) {
                    return Err(Error::new(
                        Kind::Unsupported,
                        format!(
                            "JPEG process {marker:#04x} (lossless, hierarchical or arithmetic) is not read"
                        ),
                    ));
                }
                if !matches!(components, 1 | 3 | 4) {
                    return Err(Error::new(
                        Kind::Unsupported,
                        format!("a JPEG of {components} components; 1, 3 and 4 are read"),
                    ));
                }
                let height = u32::from(u16::from_be_bytes([h1, h0]));
                let width = u32::from(u16::from_be_bytes([w1, w0]));
                frame = Some((width, height, marker == 0xc2, components));
            }
            0xda => {
                if let Some((_, _, false, components)) = frame
                    && segment.first().is_some_and(|in_scan| *in_scan < components)
                {
                    // The general decoder returns wrong colours for these, without an error.
                    return Err(Error::new(
                        Kind::Unsupported,
                        "a sequential JPEG whose components come in several scans; progressive ones are read",
                    ));
                }
                break;
            }
            _ => {}
        }
        at += 2 + length.max(2);
    }
    let Some((width, height, progressive, components)) = frame else {
        return Err(Error::corrupt(format!("a scan at byte {at} before any frame header")));
    };
    if progressive {
        check_scans(bytes, at, limits)?;
    }
    // The end marker is missing from every file that was cut, and looking for it costs two byte reads for the others.
    if !bytes.windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
        return Err(Error::new(
            Kind::Truncated,
            format!("the JPEG has no end marker (ff d9): it was cut at byte {}", bytes.len()),
        ));
    }
    Ok(Header { width, height, turn, general: progressive || components == 4 })
}

/// A progressive file may say the same pixels any number of times: a small file could take minutes.
fn check_scans(bytes: &[u8], first: usize, limits: &Limits) -> Result<()> {
    let scans = bytes[first..].windows(2).filter(|pair| *pair == [0xff, 0xda]).count();
    if scans as u64 > u64::from(limits.scans) {
        return Err(Error::new(
            Kind::Limit,
            format!(
                "a progressive JPEG of {scans} scans; the limit is {} (decode.limits.scans)",
                limits.scans
            ),
        ));
    }
    Ok(())
}
