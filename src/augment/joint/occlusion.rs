//! What objects that cover others take away from them.

use super::state::AnnotationState;
use crate::geometry::Size;
use crate::sample::{Plane, PlaneKind};

/// The bounding box of a set of pixels, and their number.
#[derive(Clone, Copy, Default)]
pub(in crate::augment) struct Extent {
    /// Left, top, right, bottom; `None` for the empty set.
    edges: Option<[usize; 4]>,
    area: usize,
}

impl Extent {
    /// Adds the pixel with index `at` of an image of size `frame`.
    pub(in crate::augment) fn add(&mut self, at: usize, frame: Size) {
        let (x, y) = (at % frame.width as usize, at / frame.width as usize);
        let [x0, y0, x1, y1] = self.edges.unwrap_or([x, y, x + 1, y + 1]);
        self.edges = Some([x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1)]);
        self.area += 1;
    }

    /// Left, top, right, bottom of the bounding box.
    pub(in crate::augment) fn edges(&self) -> Option<[f64; 4]> {
        self.edges.map(|edges| edges.map(|edge| edge as f64))
    }

    /// Whether an instance with the box `before`, of which these pixels are left, is kept: no edge
    /// has moved by more than 10 pixels, or more than 300 pixels are left.
    pub(in crate::augment) fn survives(&self, before: [f64; 4]) -> bool {
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
    pub(in crate::augment) fn occlude(&mut self, top: &[u16]) {
        let frame = self.size;
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
    pub(in crate::augment) fn free_id(&self) -> u32 {
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
