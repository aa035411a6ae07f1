//! The annotations of an image on their way through the steps.

use super::options::{Joint, KeypointOrigin};
use crate::augment::step::StepScratch;
use crate::error::Result;
use crate::geometry::Size;
use crate::sample::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind};

/// A box after some of the steps.
pub(in crate::augment) struct PlacedBox {
    /// The box as it was; its edges are out of date.
    pub(in crate::augment) label: BoxLabel,
    /// Left, top, right, bottom in the present image, in f64 so that steps do not add up rounding.
    pub(in crate::augment) edges: [f64; 4],
    /// The share of its area that is still in the image: the product over all cuts, as the area
    /// itself changes with every resize.
    pub(in crate::augment) kept: f64,
}

/// A keypoint after some of the steps.
pub(in crate::augment) struct PlacedPoint {
    /// The keypoint as it was; its coordinates are out of date, its id and visibility are not.
    pub(in crate::augment) point: Keypoint,
    /// x and y in the present image, where 0 is the edge of the first pixel.
    pub(in crate::augment) at: [f64; 2],
}

impl PlacedBox {
    pub(in crate::augment) fn new(label: &BoxLabel) -> PlacedBox {
        PlacedBox {
            label: *label,
            edges: label.bounds.edges().map(f64::from),
            kept: 1.0,
        }
    }

    /// Width and height.
    pub(in crate::augment) fn sides(&self) -> (f64, f64) {
        let [x0, y0, x1, y1] = self.edges;
        (x1 - x0, y1 - y0)
    }

    fn area(&self) -> f64 {
        let (width, height) = self.sides();
        width * height
    }

    /// Cuts the box to an image of size `frame`; returns false if nothing is left.
    fn clamp(&mut self, frame: Size) -> bool {
        let before = self.area();
        let [x0, y0, x1, y1] = self.edges;
        let (w, h) = (f64::from(frame.width), f64::from(frame.height));
        self.edges = [
            x0.clamp(0.0, w),
            y0.clamp(0.0, h),
            x1.clamp(0.0, w),
            y1.clamp(0.0, h),
        ];
        let area = self.area();
        if before > 0.0 {
            self.kept *= area / before;
        }
        area > 0.0
    }
}

/// The annotations of an image after some of the steps.
pub struct AnnotationState<'a> {
    pub(in crate::augment) joint: &'a Joint,
    /// The size of the image after these steps.
    pub(in crate::augment) size: Size,
    pub(in crate::augment) boxes: Vec<PlacedBox>,
    pub(in crate::augment) points: Vec<PlacedPoint>,
    pub(in crate::augment) planes: Vec<Plane>,
    /// The ids of instances whose box was dropped. Their keypoints and pixels go at the end, in
    /// [`AnnotationState::finish`].
    pub(in crate::augment) dropped: Vec<u32>,
}

impl AnnotationState<'_> {
    pub(super) fn new<'a>(
        joint: &'a Joint,
        annotations: &Annotations,
        size: Size,
    ) -> AnnotationState<'a> {
        let shift = match joint.keypoint_origin {
            KeypointOrigin::Edge => 0.0,
            KeypointOrigin::Index => 0.5,
        };
        let point = |point: &Keypoint| PlacedPoint {
            at: [f64::from(point.x) + shift, f64::from(point.y) + shift],
            point: *point,
        };
        let mut state = AnnotationState {
            joint,
            size,
            boxes: annotations.boxes.iter().map(PlacedBox::new).collect(),
            points: annotations.keypoints.iter().map(point).collect(),
            planes: annotations.planes.clone(),
            dropped: Vec::new(),
        };
        // Boxes of data sets reach beyond the image at times; that part is not lost to a step.
        state.clamp(false);
        state
    }

    /// Cuts boxes to the frame, drops empty ones, and makes keypoints outside of it invisible.
    ///
    /// `counts_as_loss` is false for the image before the first step: what lay outside of it was
    /// never there, and does not lower a box's `kept`.
    pub(super) fn clamp(&mut self, counts_as_loss: bool) {
        let frame = self.size;
        let mut boxes = std::mem::take(&mut self.boxes);
        boxes.retain_mut(|placed| {
            let keep = placed.clamp(frame);
            if !keep {
                self.dropped.push(placed.label.id);
            }
            if !counts_as_loss {
                placed.kept = 1.0;
            }
            keep
        });
        self.boxes = boxes;
        for placed in &mut self.points {
            let [x, y] = placed.at;
            let inside = (0.0..=f64::from(frame.width)).contains(&x)
                && (0.0..=f64::from(frame.height)).contains(&y);
            if !inside {
                placed.point.visible = 0;
            }
        }
    }

    /// Drops the boxes for which `keep` is false, and remembers their ids.
    pub(super) fn drop_boxes(&mut self, keep: impl Fn(&PlacedBox) -> bool) {
        self.dropped.extend(
            self.boxes
                .iter()
                .filter(|placed| !keep(placed))
                .map(|placed| placed.label.id),
        );
        self.boxes.retain(keep);
    }

    /// Applies the limits of [`Joint`] to boxes, and takes the keypoints and pixels of dropped
    /// instances away.
    pub(super) fn finish(mut self) -> Annotations {
        let Joint {
            min_size,
            min_area,
            min_kept,
            ..
        } = *self.joint;
        self.drop_boxes(|placed| {
            let (width, height) = placed.sides();
            width.min(height) >= min_size && width * height >= min_area && placed.kept >= min_kept
        });
        if let Some(most) = self.joint.max_boxes {
            self.dropped
                .extend(self.boxes.iter().skip(most).map(|placed| placed.label.id));
            self.boxes.truncate(most);
        }
        let dropped = &self.dropped;
        self.points
            .retain(|placed| !dropped.contains(&placed.point.instance));
        for plane in self
            .planes
            .iter_mut()
            .filter(|plane| plane.kind == PlaneKind::Instances)
        {
            erase_instances(plane, dropped);
        }
        let shift = match self.joint.keypoint_origin {
            KeypointOrigin::Edge => 0.0,
            KeypointOrigin::Index => 0.5,
        };
        let boxes = self.boxes.iter().map(|placed| BoxLabel {
            bounds: placed.edges.map(|edge| edge as f32).into(),
            ..placed.label
        });
        let points = self.points.iter().map(|placed| Keypoint {
            x: (placed.at[0] - shift) as f32,
            y: (placed.at[1] - shift) as f32,
            ..placed.point
        });
        Annotations {
            boxes: boxes.collect(),
            keypoints: points.collect(),
            planes: self.planes,
        }
    }
}

/// Sets the pixels of these instances to 0 in a plane of instances.
fn erase_instances(plane: &mut Plane, instances: &[u32]) {
    let mut gone = [false; 256];
    for id in instances.iter().filter(|id| (1..256).contains(*id)) {
        gone[*id as usize] = true;
    }
    if plane.bytes.iter().any(|value| gone[*value as usize]) {
        let kept = |value: &u8| if gone[*value as usize] { 0 } else { *value };
        plane.bytes = plane.bytes.iter().map(kept).collect::<Vec<u8>>().into();
    }
}

/// A step that changes annotations beyond moving them.
pub trait Annotate {
    /// Changes the annotations, which have been moved through the step already.
    ///
    /// # Errors
    ///
    /// Whatever keeps the step from it; the sample is then a bad one.
    fn annotate(&self, state: &mut AnnotationState<'_>, scratch: &mut StepScratch) -> Result<()>;
}
