//! Instances of one image that were pasted onto another.

use super::paste::Extent;
use super::places::PlacedBox;
use super::{Joint, Scene};
use crate::geometry::Size;
use crate::sample::{Annotations, BoxLabel, Plane, PlaneKind};

impl Joint {
    /// What is annotated in an image of size `frame` on which the instances `taken` of another one
    /// of that size were pasted: `plane` names the other one's plane of instances. What they
    /// hide is taken from the image's own instances, their boxes go around what is seen of them
    /// under new numbers, and planes take the other one's values there.
    pub(crate) fn exchange(
        &self,
        frame: Size,
        own: &Annotations,
        other: &Annotations,
        plane: &str,
        taken: &[u8],
    ) -> Annotations {
        let mut scene = Scene::new(self, own, frame);
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
        scene.occlude(&top);
        let mut ids = vec![0u32; taken.len()];
        for (number, taken) in taken.iter().enumerate() {
            let label = other
                .boxes
                .iter()
                .find(|label| label.id == u32::from(*taken));
            if let (Some(label), Some(edges)) = (label, seen[number].edges()) {
                let id = scene.free_id();
                let edges = edges.map(|edge| edge as f32);
                scene.boxes.push(PlacedBox::new(&BoxLabel {
                    edges,
                    id,
                    ..*label
                }));
                ids[number] = id;
            }
        }
        for plane in &mut scene.planes {
            let theirs = other
                .plane(&plane.name)
                .filter(|theirs| theirs.bytes.len() == plane.bytes.len());
            exchange_pixels(plane, theirs, &top, &ids);
        }
        scene.finish()
    }
}

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
