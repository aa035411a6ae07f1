//! Annotations of an image onto which instances of another image were pasted.
//!
//! A mixer pastes the pixels, whole instances of another slot; this module makes the annotations
//! agree. The rules for what is hidden and for new ids are in [`super::occlusion`].

use super::occlusion::Extent;
use super::options::Joint;
use super::state::{AnnotationState, PlacedBox};
use crate::geometry::Size;
use crate::sample::{Annotations, BoxLabel, Plane, PlaneKind};

impl Joint {
    /// Returns the annotations of an image of size `frame` (`own`) after the instances `taken` of
    /// another image of that size (`other`) were pasted onto it.
    ///
    /// `plane` is the name of the plane of instances of the other image. The image's own instances
    /// lose what is hidden. The pasted ones get boxes around the pixels that are seen, with new
    /// ids. All planes take the values of the other image in these pixels.
    pub(crate) fn exchange(
        &self,
        frame: Size,
        own: &Annotations,
        other: &Annotations,
        plane: &str,
        taken: &[u8],
    ) -> Annotations {
        let mut state = AnnotationState::new(self, own, frame);
        // `top` says for each pixel which of `taken` covers it, counted from 1; 0 is the image.
        let none = Vec::new();
        let instances = other.plane(plane).map_or(&none[..], |plane| &plane.bytes);
        let mut seen = vec![Extent::default(); taken.len()];
        let mut top = vec![0u16; frame.width as usize * frame.height as usize];
        for (at, (top, id)) in top.iter_mut().zip(instances).enumerate() {
            if let Some(number) = taken.iter().position(|taken| taken == id) {
                *top = number as u16 + 1;
                seen[number].add(at, frame);
            }
        }
        state.occlude(&top);
        let mut ids = vec![0u32; taken.len()];
        for (number, taken) in taken.iter().enumerate() {
            let label = other
                .boxes
                .iter()
                .find(|label| label.id == u32::from(*taken));
            if let (Some(label), Some(edges)) = (label, seen[number].edges()) {
                let id = state.free_id();
                let bounds = edges.map(|edge| edge as f32).into();
                state.boxes.push(PlacedBox::new(&BoxLabel {
                    bounds,
                    id,
                    ..*label
                }));
                ids[number] = id;
            }
        }
        for plane in &mut state.planes {
            let theirs = other
                .plane(&plane.name)
                .filter(|theirs| theirs.bytes.len() == plane.bytes.len());
            exchange_pixels(plane, theirs, &top, &ids);
        }
        state.finish()
    }
}

/// Writes the values of the pasted pixels into a plane: the new ids into a plane of instances, the
/// values of the other image's plane of that name into others. Without such a plane, depth becomes
/// 0 (unknown) and the rest stays.
fn exchange_pixels(plane: &mut Plane, theirs: Option<&Plane>, top: &[u16], ids: &[u32]) {
    let channels = usize::from(plane.kind.channels());
    let mut pixels = plane.bytes.to_vec();
    for (at, number) in top.iter().enumerate().filter(|(_, number)| **number > 0) {
        let range = at * channels..(at + 1) * channels;
        match (plane.kind, theirs) {
            (PlaneKind::Instances, _) => {
                pixels[range].fill(u8::try_from(ids[usize::from(*number) - 1]).unwrap_or(0));
            }
            (_, Some(theirs)) => pixels[range.clone()].copy_from_slice(&theirs.bytes[range]),
            (PlaneKind::Depth, None) => pixels[range].fill(0),
            _ => {}
        }
    }
    plane.bytes = pixels.into();
}
