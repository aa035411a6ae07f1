//! Moves points and boxes through steps.
//!
//! A kernel asks, for each pixel of the new image, which place of the old one it reads: the
//! backward map. A point needs the opposite, the forward map. For crops, resizes, mirror images and
//! turns it is a formula, for affine and projective warps the inverse of a 3 x 3 matrix. An elastic
//! field has no inverse in closed form, so its step finds it by fixed-point iteration.
//!
//! A box becomes the smallest upright rectangle around the mapped box, at every step, as in
//! torchvision. Several turns in a row therefore widen it. Moving the four corners through all
//! steps and taking the rectangle once would be tighter, but after a crop in between it would
//! include what the crop has cut off.

use super::options::EraseRule;
use super::state::AnnotationState;
use crate::augment::step::{Placement, Step};
use crate::geometry::{Rect, Size};

impl AnnotationState<'_> {
    /// Moves boxes and keypoints through a step.
    pub(super) fn place(&mut self, step: &dyn Step) {
        let map = match step.placement(self.size) {
            Placement::Same => return,
            Placement::Gone => {
                self.drop_boxes(|_| false);
                self.hide_points(|_| true);
                return;
            }
            Placement::Covers(rect) => {
                if self.joint.erase == EraseRule::Ignore {
                    self.hide_points(|at| covers(rect, at));
                }
                return;
            }
            map => PointMap {
                map,
                size: self.size,
            },
        };
        self.size = step.output_size(self.size);
        for placed in &mut self.points {
            match map.point(placed.at) {
                Some(at) => placed.at = at,
                // The point has no place in the new image. It keeps its coordinates, which are
                // finite, and becomes invisible.
                None => placed.point.visible = 0,
            }
            if map.mirrors() {
                placed.point.id = self.joint.counterpart(placed.point.id);
            }
        }
        for placed in &mut self.boxes {
            placed.edges = map.hull(placed.edges);
        }
        self.clamp(true);
    }

    /// Makes the keypoints invisible for whose place `hides` is true.
    fn hide_points(&mut self, hides: impl Fn([f64; 2]) -> bool) {
        for placed in &mut self.points {
            if hides(placed.at) {
                placed.point.visible = 0;
            }
        }
    }
}

/// Whether a point lies in a rectangle.
fn covers(rect: Rect, [x, y]: [f64; 2]) -> bool {
    let (left, top) = (f64::from(rect.left), f64::from(rect.top));
    (left..left + f64::from(rect.width)).contains(&x)
        && (top..top + f64::from(rect.height)).contains(&y)
}

/// The forward map of a step: where a point of the old image is in the new one.
struct PointMap {
    map: Placement,
    /// The size of the image before the step.
    size: Size,
}

impl PointMap {
    fn mirrors(&self) -> bool {
        matches!(self.map, Placement::MirrorColumns | Placement::MirrorRows)
    }

    /// Maps a point; `None` if it has no place in the new image.
    fn point(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        let (w, h) = (f64::from(self.size.width), f64::from(self.size.height));
        Some(match &self.map {
            Placement::Shift([dx, dy]) => [x + dx, y + dy],
            Placement::Scale([sx, sy]) => [x * sx, y * sy],
            Placement::MirrorColumns => [w - x, y],
            Placement::MirrorRows => [x, h - y],
            Placement::Turn(quarters) => match quarters % 4 {
                1 => [h - y, x],
                2 => [w - x, h - y],
                3 => [y, w - x],
                _ => [x, y],
            },
            Placement::Map { map, .. } => map([x, y])?,
            Placement::Same | Placement::Covers(_) | Placement::Gone => [x, y],
        })
    }

    /// The smallest upright rectangle around a mapped box; an empty rectangle outside of the image
    /// if no point of the box has a place.
    ///
    /// Where straight lines stay straight, the four corners are enough. An elastic field bends
    /// lines, so about one point for each pixel of the border is mapped.
    fn hull(&self, [x0, y0, x1, y1]: [f64; 4]) -> [f64; 4] {
        let parts = match self.map {
            Placement::Map {
                straight: false, ..
            } => (x1 - x0).max(y1 - y0).ceil().max(1.0) as u32,
            _ => 1,
        };
        let border = (0..=parts).flat_map(|part| {
            let share = f64::from(part) / f64::from(parts);
            let between = |a: f64, b: f64| a * (1.0 - share) + b * share;
            let (x, y) = (between(x0, x1), between(y0, y1));
            [[x, y0], [x, y1], [x0, y], [x1, y]]
        });
        let empty = [
            f64::INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
        ];
        let hull = border
            .filter_map(|at| self.point(at))
            .fold(empty, |[x0, y0, x1, y1], [x, y]| {
                [x0.min(x), y0.min(y), x1.max(x), y1.max(y)]
            });
        if hull[0].is_finite() { hull } else { [-1.0; 4] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::augment::step::step_list;
    use crate::augment::steps::{Crop, Mirror, Turn, Warp};
    use crate::augment::{Joint, KeypointOrigin, Program, StepScratch};
    use crate::sample::{Annotations, BoxLabel, Keypoint};

    const FRAME: Size = Size {
        width: 20,
        height: 10,
    };

    fn run(
        joint: &Joint,
        steps: Vec<Arc<dyn Step>>,
        edges: &[[f32; 4]],
        points: &[[f32; 2]],
    ) -> Annotations {
        let number = |i: usize| i as u32 + 1;
        let boxes = edges
            .iter()
            .enumerate()
            .map(|(i, edges)| BoxLabel::new(*edges, 7, number(i)));
        let keypoints = points.iter().enumerate().map(|(i, [x, y])| Keypoint {
            x: *x,
            y: *y,
            visible: 2,
            id: number(i),
            instance: number(i),
        });
        let given = Annotations {
            boxes: boxes.collect(),
            keypoints: keypoints.collect(),
            ..Annotations::default()
        };
        joint
            .apply(
                &Program::of(steps, FRAME),
                &given,
                &mut StepScratch::new(crate::cpu::Simd::detect()),
            )
            .unwrap()
    }

    fn crop(left: i64, top: i64, width: u32, height: u32) -> Crop {
        Crop::new(left, top, Size { width, height })
    }

    #[test]
    fn quarter_turns_and_mirror_images_are_exact() {
        let cases = step_list![Mirror::Columns, Mirror::Rows, Turn(1), Turn(2), Turn(3)];
        let expected = [
            ([15.0, 1.0, 18.0, 4.0], [18.0, 1.0]),
            ([2.0, 6.0, 5.0, 9.0], [2.0, 9.0]),
            ([6.0, 2.0, 9.0, 5.0], [9.0, 2.0]),
            ([15.0, 6.0, 18.0, 9.0], [18.0, 9.0]),
            ([1.0, 15.0, 4.0, 18.0], [1.0, 18.0]),
        ];
        for (step, (edges, point)) in cases.into_iter().zip(expected) {
            let found = run(
                &Joint::default(),
                vec![Arc::clone(&step)],
                &[[2.0, 1.0, 5.0, 4.0]],
                &[[2.0, 1.0]],
            );
            assert_eq!(found.boxes[0].bounds.edges(), edges, "{step}");
            let place = [found.keypoints[0].x, found.keypoints[0].y];
            assert_eq!(place, point, "{step}");
        }
    }

    #[test]
    fn mirror_images_swap_left_and_right() {
        let joint = Joint {
            keypoint_pairs: vec![[1, 2]],
            ..Joint::default()
        };
        let boxes = [[0.0, 0.0, 9.0, 9.0]; 3];
        let points = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]];
        let ids = |steps| {
            run(&joint, steps, &boxes, &points)
                .keypoints
                .iter()
                .map(|point| point.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(step_list![Mirror::Columns]), [2, 1, 3]);
        assert_eq!(ids(step_list![Mirror::Columns, Mirror::Rows]), [1, 2, 3]);
        let index = Joint {
            keypoint_origin: KeypointOrigin::Index,
            ..joint.clone()
        };
        assert_eq!(
            run(&index, step_list![Mirror::Columns], &boxes, &points).keypoints[0].x,
            18.0
        );
    }

    #[test]
    fn what_leaves_the_image_is_dropped_with_all_that_belongs_to_it() {
        let boxes = [
            [0.0, 0.0, 4.0, 4.0],
            [10.0, 2.0, 14.0, 6.0],
            [8.0, 0.0, 11.0, 4.0],
        ];
        let points = [[1.0, 1.0], [13.0, 3.0], [9.0, 1.0]];
        let found = run(
            &Joint::default(),
            step_list![crop(9, 0, 11, 10)],
            &boxes,
            &points,
        );
        assert_eq!(
            found.boxes.iter().map(|label| label.id).collect::<Vec<_>>(),
            [2, 3]
        );
        assert_eq!(found.boxes[1].bounds.edges(), [0.0, 0.0, 2.0, 4.0]);
        assert_eq!(
            found
                .keypoints
                .iter()
                .map(|point| (point.id, point.visible))
                .collect::<Vec<_>>(),
            [(2, 2), (3, 2)]
        );
        let strict = Joint {
            min_kept: 0.7,
            ..Joint::default()
        };
        let found = run(&strict, step_list![crop(9, 0, 11, 10)], &boxes, &points);
        assert_eq!(
            found.boxes.iter().map(|label| label.id).collect::<Vec<_>>(),
            [2]
        );
        let wide = Joint {
            min_size: 3.0,
            ..Joint::default()
        };
        assert_eq!(
            run(&wide, step_list![crop(9, 0, 11, 10)], &boxes, &points)
                .boxes
                .len(),
            1
        );
        let few = Joint {
            max_boxes: Some(1),
            ..Joint::default()
        };
        let found = run(&few, vec![], &boxes, &points);
        assert_eq!((found.boxes.len(), found.keypoints.len()), (1, 1));
    }

    #[test]
    fn a_keypoint_that_was_cut_off_stays_invisible() {
        let found = run(
            &Joint::default(),
            step_list![crop(5, 0, 10, 10), crop(-5, 0, 20, 10)],
            &[],
            &[[2.0, 2.0], [6.0, 2.0]],
        );
        let seen: Vec<_> = found
            .keypoints
            .iter()
            .map(|point| (point.x, point.visible))
            .collect();
        assert_eq!(seen, [(2.0, 0), (6.0, 2)]);
    }

    #[test]
    fn nothing_beyond_the_horizon_comes_back() {
        let matrix = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, -0.1, 0.0];
        let warp = Warp {
            matrix,
            filter: Default::default(),
            fill: [0; 3],
            size: FRAME,
        };
        // Points left of x = 10 of the new image are in front; the others map to negative places.
        let (x, _) = warp.forward(-30.0, 1.0).unwrap();
        assert!(x > 10.0 && x < 20.0);
        let found = run(
            &Joint::default(),
            step_list![warp],
            &[[-35.0, 0.0, -30.0, 4.0]],
            &[[-30.0, 1.0]],
        );
        assert_eq!((found.boxes.len(), found.keypoints.len()), (0, 0));
    }
}
