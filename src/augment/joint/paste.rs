//! What pasted objects do to the annotations: they bring their own and hide others.
//!
//! The rules for hidden objects are those of X-Paste (Zhao et al., 2023) and DiverGen (Fan et al.,
//! 2024). Which object hides which is decided for each pixel: cut-outs are pasted in order, and
//! `top` holds the uppermost one at each pixel. Everything else (boxes around what is seen, which
//! instances are dropped, values of planes) follows from it.

use super::{AnnotationState, EraseRule, places::PlacedBox};
use crate::augment::Paste;
use crate::augment::program::Renderer;
use crate::error::Result;
use crate::geometry::Size;
use crate::sample::{BoxLabel, Plane, PlaneKind};

/// Adds the pasted objects to the annotations, and takes what they hide from the others.
///
/// # Errors
///
/// [`crate::Kind::Config`] if a cut-out cannot be read or decoded.
pub(super) fn annotate(paste: &Paste, state: &mut AnnotationState<'_>) -> Result<()> {
    let frame = state.frame;
    let mut renderer = Renderer::default();
    let placed = paste.placed(frame, &mut renderer)?;
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
                paste.run(&mut pixels, frame, &mut renderer)?;
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

/// Sets each covered pixel of a plane of one channel to the value of the cut-out on top of it.
fn paint(plane: &mut Plane, top: &[u16], value: impl Fn(usize) -> u8) {
    let pixels = plane.bytes.iter().zip(top);
    let pixels = pixels.map(|(old, number)| match number {
        0 => *old,
        number => value(usize::from(*number) - 1),
    });
    plane.bytes = pixels.collect::<Vec<u8>>().into();
}

/// The bounding box of a set of pixels, and their number.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    /// Left, top, right, bottom; `None` for the empty set.
    edges: Option<[usize; 4]>,
    area: usize,
}

impl Extent {
    /// Adds the pixel with index `at` of an image of size `frame`.
    pub(super) fn add(&mut self, at: usize, frame: Size) {
        let (x, y) = (at % frame.width as usize, at / frame.width as usize);
        let [x0, y0, x1, y1] = self.edges.unwrap_or([x, y, x + 1, y + 1]);
        self.edges = Some([x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1)]);
        self.area += 1;
    }

    /// Left, top, right, bottom of the bounding box.
    pub(super) fn edges(&self) -> Option<[f64; 4]> {
        self.edges.map(|edges| edges.map(|edge| edge as f64))
    }

    /// Whether an instance with the box `before`, of which these pixels are left, is kept: no edge
    /// has moved by more than 10 pixels, or more than 300 pixels are left.
    fn survives(&self, before: [f64; 4]) -> bool {
        let near = |edges: [f64; 4]| {
            edges
                .iter()
                .zip(before)
                .all(|(new, old)| (new - old).abs() <= 10.0)
        };
        self.edges()
            .is_some_and(|edges| near(edges) || self.area > 300)
    }
}

impl AnnotationState<'_> {
    /// Takes the covered pixels (`top` above 0) away from the instances: boxes shrink to what is
    /// left, and instances of which too little is left are dropped.
    ///
    /// An instance is its pixels in a plane of instances; without such pixels it is its whole box.
    pub(super) fn occlude(&mut self, top: &[u16]) {
        let frame = self.frame;
        let mut dropped = Vec::new();
        let planes = self
            .planes
            .iter()
            .filter(|plane| plane.kind == PlaneKind::Instances);
        let planes: Vec<&Plane> = planes.collect();
        for placed in &mut self.boxes {
            let id = u8::try_from(placed.label.id).ok().filter(|id| *id > 0);
            let plane = id.and_then(|id| planes.iter().find(|plane| plane.bytes.contains(&id)));
            let [x0, y0, x1, y1] = placed.edges;
            let (mut all, mut left) = (0, Extent::default());
            let mut add = |at: usize| {
                all += 1;
                if top[at] == 0 {
                    left.add(at, frame);
                }
            };
            match (plane, id) {
                (Some(plane), Some(id)) => {
                    let own = plane
                        .bytes
                        .iter()
                        .enumerate()
                        .filter(|(_, value)| **value == id);
                    own.for_each(|(at, _)| add(at));
                }
                _ => {
                    for y in y0.floor() as usize..(y1.ceil() as usize).min(frame.height as usize) {
                        for x in x0.floor() as usize..(x1.ceil() as usize).min(frame.width as usize)
                        {
                            add(y * frame.width as usize + x);
                        }
                    }
                }
            }
            // An instance that has lost nothing keeps its box as annotated, which need not be the
            // box around its pixels.
            if left.area == all {
                continue;
            }
            if left.survives(placed.edges) {
                placed.edges = left.edges().unwrap_or(placed.edges);
            } else {
                dropped.push(placed.label.id);
            }
        }
        self.drop_boxes(|placed| !dropped.contains(&placed.label.id));
    }

    /// The smallest id from 1 that no instance has or had. Ids of dropped instances are not used
    /// again, because their pixels and keypoints are removed by id at the end.
    pub(super) fn free_id(&self) -> u32 {
        let taken = |id: u32| {
            self.boxes.iter().any(|placed| placed.label.id == id)
                || self.dropped.contains(&id)
                || self.points.iter().any(|placed| placed.point.instance == id)
                || self.planes.iter().any(|plane| {
                    plane.kind == PlaneKind::Instances
                        && u8::try_from(id).is_ok_and(|id| plane.bytes.contains(&id))
                })
        };
        (1..).find(|id| !taken(*id)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
#[path = "paste_tests.rs"]
mod tests;
