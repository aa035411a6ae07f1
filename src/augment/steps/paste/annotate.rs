//! What pasted objects do to the annotations: they bring their own and hide others.
//!
//! The rules for hidden objects are those of X-Paste (Zhao et al., 2023) and DiverGen (Fan et al.,
//! 2024). Which object hides which is decided for each pixel: cut-outs are pasted in order, and
//! `top` holds the uppermost one at each pixel. Everything else (boxes around what is seen, which
//! instances are dropped, values of planes) follows from it.

use super::Paste;
use crate::augment::joint::occlusion::Extent;
use crate::augment::joint::options::EraseRule;
use crate::augment::joint::state::{Annotate, AnnotationState, PlacedBox};
use crate::augment::step::StepScratch;
use crate::error::Result;
use crate::sample::{BoxLabel, Plane, PlaneKind};

impl Annotate for Paste {
    /// Adds the pasted objects to the annotations, and takes what they hide from the others.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a cut-out cannot be read or decoded.
    fn annotate(&self, state: &mut AnnotationState<'_>, scratch: &mut StepScratch) -> Result<()> {
        let (paste, frame) = (self, state.size);
        let placed = paste.placed(frame, scratch)?;
        // `top` is the uppermost cut-out at each pixel, counted from 1, and 0 for the image;
        // `whole` is what would be seen of each cut-out if there were none above it.
        let mut top = vec![0u16; frame.width as usize * frame.height as usize];
        let mut whole = vec![Extent::default(); placed.len()];
        for ((number, placed), whole) in (1..).zip(placed).zip(&mut whole) {
            placed.each(frame, |at, own| {
                if placed.alpha[own] > 0 {
                    top[at] = number;
                    whole.add(at, frame);
                }
            });
        }
        state.occlude(&top);
        let mut seen = vec![Extent::default(); placed.len()];
        for (at, number) in top.iter().enumerate().filter(|(_, number)| **number > 0) {
            seen[usize::from(*number) - 1].add(at, frame);
        }
        // The id of each cut-out as an instance; 0 if too little of it is seen. Its pixels cover
        // the image all the same, so they still count in `top`.
        let mut ids = vec![0u32; placed.len()];
        for (number, placed) in placed.iter().enumerate() {
            let whole = whole[number].edges();
            if whole.is_some_and(|whole| seen[number].survives(whole))
                && let Some(edges) = seen[number].edges()
            {
                let (id, class) = (state.free_id(), paste.class(placed.number));
                let pasted = Some(placed.number as u32);
                let label = BoxLabel {
                    bounds: edges.map(|edge| edge as f32).into(),
                    class,
                    id,
                    pasted,
                };
                state.boxes.push(PlacedBox::new(&label));
                ids[number] = id;
            }
        }
        let classes: Vec<u32> = placed
            .iter()
            .map(|placed| paste.class(placed.number))
            .collect();
        let ignore = state.joint.ignore;
        for plane in &mut state.planes {
            match plane.kind {
                PlaneKind::Mask => paint(plane, &top, |number| {
                    u8::try_from(classes[number]).unwrap_or(ignore)
                }),
                PlaneKind::Instances => {
                    paint(plane, &top, |number| u8::try_from(ids[number]).unwrap_or(0))
                }
                PlaneKind::Depth => paint(plane, &top, |_| 0),
                PlaneKind::Image => {}
                PlaneKind::Color => {
                    let mut pixels = plane.bytes.to_vec();
                    paste.paste(&mut pixels, frame, scratch)?;
                    plane.bytes = pixels.into();
                }
            }
        }
        if state.joint.erase == EraseRule::Ignore {
            for point in &mut state.points {
                let [x, y] = point.at.map(|at| at.max(0.0) as usize);
                let (x, y) = (
                    x.min(frame.width as usize - 1),
                    y.min(frame.height as usize - 1),
                );
                if top[y * frame.width as usize + x] > 0 {
                    point.point.visible = 0;
                }
            }
        }
        Ok(())
    }
}

/// Sets each covered pixel of a plane of one channel to the value of the cut-out on top of it.
fn paint(plane: &mut Plane, top: &[u16], value: impl Fn(usize) -> u8) {
    let pixels = plane.bytes.iter().zip(top);
    let pixels = pixels.map(|(old, number)| match number {
        0 => *old,
        number => value(usize::from(*number) - 1),
    });
    plane.bytes = pixels.collect::<Vec<u8>>().into();
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
