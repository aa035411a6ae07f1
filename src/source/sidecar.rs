//! Files beside an image that annotate it: `x.json` and `x.NAME.mask.png` belong to `x.jpg`.
//!
//! Folders, members of tars and columns of tables follow the same rule, so it is in one place.

use crate::error::Result;
use crate::sample::{Annotations, Codec, Plane, PlaneKind};

/// What a file beside an image holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sidecar<'a> {
    /// Boxes and keypoints.
    Json,
    /// A plane of this name.
    Plane(&'a [u8], PlaneKind),
}

impl<'a> Sidecar<'a> {
    /// Returns what a file holds by the part of its name that follows the stem of the image and a
    /// dot: `json`, or `NAME.KIND.png`. `None` for every other name.
    pub(super) fn of(suffix: &'a [u8]) -> Option<Sidecar<'a>> {
        if suffix.eq_ignore_ascii_case(b"json") {
            return Some(Sidecar::Json);
        }
        let mut parts = suffix.split(|&byte| byte == b'.');
        let (name, kind, extension) = (parts.next()?, parts.next()?, parts.next()?);
        let complete =
            parts.next().is_none() && !name.is_empty() && extension.eq_ignore_ascii_case(b"png");
        let kind = PlaneKind::of(std::str::from_utf8(kind).ok()?)?;
        complete.then_some(Sidecar::Plane(name, kind))
    }

    /// Splits the name of such a file into the stem of the image and what follows the dot; `None`
    /// for every other name.
    pub(super) fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
        // The stem may contain dots, so the dots are counted from the end: one before `json`, three
        // before `NAME.KIND.png`.
        [1, 3].into_iter().find_map(|dots| {
            let mut found = name
                .iter()
                .enumerate()
                .rev()
                .filter(|(_, byte)| **byte == b'.');
            let (dot, _) = found.nth(dots - 1)?;
            let (stem, suffix) = (&name[..dot], &name[dot + 1..]);
            Sidecar::of(suffix)
                .filter(|_| !stem.is_empty())
                .map(|_| (stem, suffix))
        })
    }

    /// Adds the content of the file to the annotations of its image.
    ///
    /// # Errors
    ///
    /// Those of [`Annotations::from_json`], and of [`Codec::sniff`] for a plane.
    pub(super) fn read(self, bytes: Vec<u8>, annotations: &mut Annotations) -> Result<()> {
        match self {
            Sidecar::Json => {
                let found = Annotations::from_json(&bytes)?;
                (annotations.boxes, annotations.keypoints) = (found.boxes, found.keypoints);
            }
            Sidecar::Plane(name, kind) => {
                let codec = Codec::sniff(&bytes)?;
                let name = String::from_utf8_lossy(name).into_owned();
                annotations.planes.push(Plane {
                    name,
                    kind,
                    codec,
                    bytes: bytes.into(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_file_holds() {
        let split = |name: &'static str| {
            let (stem, suffix) = Sidecar::split(name.as_bytes())?;
            Some((
                std::str::from_utf8(stem).unwrap(),
                Sidecar::of(suffix).unwrap(),
            ))
        };
        assert_eq!(split("a.b.json"), Some(("a.b", Sidecar::Json)));
        assert_eq!(
            split("a.b.seg.mask.png"),
            Some(("a.b", Sidecar::Plane(b"seg", PlaneKind::Mask)))
        );
        assert_eq!(
            split("a.near.depth.PNG"),
            Some(("a", Sidecar::Plane(b"near", PlaneKind::Depth)))
        );
        for name in [
            "a.png",
            "a.mask.png",
            ".seg.mask.png",
            "a.seg.other.png",
            "a.seg.mask.jpg",
            ".json",
            "json",
        ] {
            assert_eq!(split(name), None, "{name}");
        }
    }
}
