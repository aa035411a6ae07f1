//! Moves points and boxes through steps.
//!
//! A kernel asks, for each pixel of the new image, which place of the old one it reads: the
//! backward map. A point needs the opposite, the forward map. For crops, resizes, mirror images and
//! turns it is a formula, for affine and projective warps the inverse of a 3 x 3 matrix. An elastic
//! field has no inverse in closed form, so it is found by fixed-point iteration, see
//! [`DisplacementField::forward`].
//!
//! A box becomes the smallest upright rectangle around the mapped box, at every step, as in
//! torchvision. Several turns in a row therefore widen it. Moving the four corners through all
//! steps and taking the rectangle once would be tighter, but after a crop in between it would
//! include what the crop has cut off.

use super::{AnnotationState, EraseRule};
use crate::augment::{Elastic, Erase, Step, Warp};
use crate::geometry::Size;
use crate::kernels::elastic;
use crate::kernels::scratch::Scratch;
use crate::sample::{BoxLabel, Keypoint};

/// A box after some of the steps.
pub(super) struct PlacedBox {
    /// The box as it was; its edges are out of date.
    pub(super) label: BoxLabel,
    /// Left, top, right, bottom in the present image, in f64 so that steps do not add up rounding.
    pub(super) edges: [f64; 4],
    /// The share of its area that is still in the image: the product over all cuts, as the area
    /// itself changes with every resize.
    pub(super) kept: f64,
}

/// A keypoint after some of the steps.
pub(super) struct PlacedPoint {
    /// The keypoint as it was; its coordinates are out of date, its id and visibility are not.
    pub(super) point: Keypoint,
    /// x and y in the present image, where 0 is the edge of the first pixel.
    pub(super) at: [f64; 2],
}

impl PlacedBox {
    pub(super) fn new(label: &BoxLabel) -> PlacedBox {
        PlacedBox {
            label: *label,
            edges: label.bounds.edges().map(f64::from),
            kept: 1.0,
        }
    }

    /// Width and height.
    pub(super) fn sides(&self) -> (f64, f64) {
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

impl AnnotationState<'_> {
    /// Moves boxes and keypoints through a step.
    pub(super) fn place(&mut self, step: &Step) {
        let Some(map) = PointMap::of(step, self.frame) else {
            match step {
                Step::Blank => {
                    self.drop_boxes(|_| false);
                    self.points
                        .iter_mut()
                        .for_each(|placed| placed.point.visible = 0);
                }
                Step::Erase(erase) if self.joint.erase == EraseRule::Ignore => {
                    let covered = self
                        .points
                        .iter_mut()
                        .filter(|placed| covers(erase, placed.at));
                    covered.for_each(|placed| placed.point.visible = 0);
                }
                _ => {}
            }
            return;
        };
        self.frame = step.frame(self.frame);
        let mirrors = matches!(map, PointMap::MirrorColumns(_) | PointMap::MirrorRows(_));
        for placed in &mut self.points {
            match map.point(placed.at) {
                Some(at) => placed.at = at,
                // The point has no place in the new image. It keeps its coordinates, which are
                // finite, and becomes invisible.
                None => placed.point.visible = 0,
            }
            if mirrors {
                placed.point.id = self.joint.counterpart(placed.point.id);
            }
        }
        for placed in &mut self.boxes {
            placed.edges = map.hull(placed.edges);
        }
        self.clamp(true);
    }

    /// Cuts boxes to the frame, drops empty ones, and makes keypoints outside of it invisible.
    ///
    /// `counts_as_loss` is false for the image before the first step: what lay outside of it was
    /// never there, and does not lower a box's `kept`.
    pub(super) fn clamp(&mut self, counts_as_loss: bool) {
        let frame = self.frame;
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
}

/// Whether a point lies in an erased rectangle.
fn covers(erase: &Erase, [x, y]: [f64; 2]) -> bool {
    let (left, top) = (f64::from(erase.left), f64::from(erase.top));
    (left..left + f64::from(erase.width)).contains(&x)
        && (top..top + f64::from(erase.height)).contains(&y)
}

/// The forward map of a step: where a point of the old image is in the new one.
enum PointMap<'a> {
    /// Adds to x and y.
    Shift([f64; 2]),
    /// Multiplies x and y.
    Scale([f64; 2]),
    /// Swaps left and right; holds the width.
    MirrorColumns(f64),
    /// Swaps top and bottom; holds the height.
    MirrorRows(f64),
    /// Turns by this many quarters clockwise; holds width and height before.
    Turn(u8, [f64; 2]),
    /// An affine or projective map.
    Warp(&'a Warp),
    /// A smooth random field.
    Elastic(DisplacementField),
}

/// The backward map of an elastic step: how far to the right and down of itself each pixel of the
/// new image reads.
struct DisplacementField {
    frame: Size,
    /// All offsets to the right, row by row, then all offsets down.
    offsets: Vec<f32>,
}

impl PointMap<'_> {
    /// The map of a step; `None` for steps that leave every point where it is.
    ///
    /// The match has no wildcard, so that a new kind of step does not compile before someone has
    /// decided what it does to points.
    fn of(step: &Step, frame: Size) -> Option<PointMap<'_>> {
        let (w, h) = (f64::from(frame.width), f64::from(frame.height));
        match step {
            Step::Crop { left, top, .. } => Some(PointMap::Shift([-*left as f64, -*top as f64])),
            Step::Resize { width, height, .. } => Some(PointMap::Scale([
                f64::from(*width) / w,
                f64::from(*height) / h,
            ])),
            Step::HorizontalFlip => Some(PointMap::MirrorColumns(w)),
            Step::VerticalFlip => Some(PointMap::MirrorRows(h)),
            Step::Turn(quarters) => Some(PointMap::Turn(quarters % 4, [w, h])),
            Step::Warp(warp) => Some(PointMap::Warp(warp)),
            Step::Elastic(elastic) => {
                Some(PointMap::Elastic(DisplacementField::of(elastic, frame)))
            }
            Step::LowFrequencies(side) => Some(PointMap::Scale([
                f64::from(*side) / w,
                f64::from(*side) / h,
            ])),
            Step::Levels(_)
            | Step::Clahe(_)
            | Step::Color(_)
            | Step::Erase(_)
            | Step::Blur(_)
            | Step::Noise(_)
            | Step::Convolve(_)
            | Step::Corrupt(_)
            | Step::Jpeg(_)
            | Step::Edges(_)
            | Step::Fork
            | Step::Chain(_)
            | Step::Join(_)
            | Step::Blank
            | Step::Paste(_)
            | Step::PlaneMask(_)
            | Step::Custom(_) => None,
        }
    }

    /// Maps a point; `None` if it has no place in the new image.
    fn point(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        Some(match *self {
            PointMap::Shift([dx, dy]) => [x + dx, y + dy],
            PointMap::Scale([sx, sy]) => [x * sx, y * sy],
            PointMap::MirrorColumns(w) => [w - x, y],
            PointMap::MirrorRows(h) => [x, h - y],
            PointMap::Turn(1, [_, h]) => [h - y, x],
            PointMap::Turn(2, [w, h]) => [w - x, h - y],
            PointMap::Turn(3, [w, _]) => [y, w - x],
            PointMap::Turn(..) => [x, y],
            PointMap::Elastic(ref field) => field.forward([x, y]),
            PointMap::Warp(warp) => {
                let (u, v) = warp.forward(x, y)?;
                // The formula maps points behind the camera too, mirrored through the horizon. The
                // denominator of the backward map at the result is positive only in front of it.
                let [.., g, h] = warp.matrix;
                (g * u + h * v + 1.0 > 0.0).then_some([u, v])?
            }
        })
    }

    /// The smallest upright rectangle around a mapped box; an empty rectangle outside of the image
    /// if no point of the box has a place.
    ///
    /// Where straight lines stay straight, the four corners are enough. An elastic field bends
    /// lines, so about one point for each pixel of the border is mapped.
    fn hull(&self, [x0, y0, x1, y1]: [f64; 4]) -> [f64; 4] {
        let parts = match self {
            PointMap::Elastic(_) => (x1 - x0).max(y1 - y0).ceil().max(1.0) as u32,
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

impl DisplacementField {
    fn of(elastic: &Elastic, frame: Size) -> DisplacementField {
        DisplacementField {
            frame,
            offsets: elastic::field(elastic, frame, &mut Scratch::default()).to_vec(),
        }
    }

    /// The offsets to the right and down at a point, interpolated bilinearly between pixel centers.
    fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (w, h) = (self.frame.width as usize, self.frame.height as usize);
        let split = |at: f64, side: usize| {
            let at = (at - 0.5).clamp(0.0, (side - 1) as f64);
            let first = at.floor() as usize;
            (first, (first + 1).min(side - 1), at - at.floor())
        };
        let ((left, right, dx), (top, bottom, dy)) = (split(x, w), split(y, h));
        let read =
            |part: usize, x: usize, y: usize| f64::from(self.offsets[(part * h + y) * w + x]);
        [0, 1].map(|part| {
            let along = |y: usize| read(part, left, y) * (1.0 - dx) + read(part, right, y) * dx;
            along(top) * (1.0 - dy) + along(bottom) * dy
        })
    }

    /// The point of the new image that reads from `from`: the solution of `to + offset(to) = from`.
    ///
    /// The iteration `to = from - offset(to)` converges to it where the field changes by less than
    /// one pixel for each pixel, which smoothing makes it do; each round shrinks the error by the
    /// field's slope. Eight rounds are fixed, so that the result does not depend on a tolerance.
    fn forward(&self, from: [f64; 2]) -> [f64; 2] {
        let mut to = from;
        for _ in 0..8 {
            let [dx, dy] = self.at(to);
            to = [from[0] - dx, from[1] - dy];
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Joint, Program, ProgramScratch};
    use crate::kernels::PadMode;
    use crate::sample::Annotations;

    const FRAME: Size = Size {
        width: 20,
        height: 10,
    };

    fn run(
        joint: &Joint,
        steps: Vec<Step>,
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
                &mut ProgramScratch::new(crate::cpu::Simd::detect()),
            )
            .unwrap()
    }

    fn crop(left: i64, top: i64, width: u32, height: u32) -> Step {
        Step::Crop {
            left,
            top,
            width,
            height,
            pad: PadMode::default(),
        }
    }

    #[test]
    fn quarter_turns_and_mirror_images_are_exact() {
        let one = |step: Step| {
            run(
                &Joint::default(),
                vec![step],
                &[[2.0, 1.0, 5.0, 4.0]],
                &[[2.0, 1.0]],
            )
        };
        for (step, edges, point) in [
            (Step::HorizontalFlip, [15.0, 1.0, 18.0, 4.0], [18.0, 1.0]),
            (Step::VerticalFlip, [2.0, 6.0, 5.0, 9.0], [2.0, 9.0]),
            (Step::Turn(1), [6.0, 2.0, 9.0, 5.0], [9.0, 2.0]),
            (Step::Turn(2), [15.0, 6.0, 18.0, 9.0], [18.0, 9.0]),
            (Step::Turn(3), [1.0, 15.0, 4.0, 18.0], [1.0, 18.0]),
        ] {
            let found = one(step.clone());
            assert_eq!(found.boxes[0].bounds.edges(), edges, "{step}");
            assert_eq!(
                [found.keypoints[0].x, found.keypoints[0].y],
                point,
                "{step}"
            );
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
        assert_eq!(ids(vec![Step::HorizontalFlip]), [2, 1, 3]);
        assert_eq!(
            ids(vec![Step::HorizontalFlip, Step::VerticalFlip]),
            [1, 2, 3]
        );
        let index = Joint {
            keypoint_origin: super::super::KeypointOrigin::Index,
            ..joint.clone()
        };
        assert_eq!(
            run(&index, vec![Step::HorizontalFlip], &boxes, &points).keypoints[0].x,
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
        let found = run(&Joint::default(), vec![crop(9, 0, 11, 10)], &boxes, &points);
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
        let found = run(&strict, vec![crop(9, 0, 11, 10)], &boxes, &points);
        assert_eq!(
            found.boxes.iter().map(|label| label.id).collect::<Vec<_>>(),
            [2]
        );
        let wide = Joint {
            min_size: 3.0,
            ..Joint::default()
        };
        assert_eq!(
            run(&wide, vec![crop(9, 0, 11, 10)], &boxes, &points)
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
            vec![crop(5, 0, 10, 10), crop(-5, 0, 20, 10)],
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
            vec![Step::Warp(warp)],
            &[[-35.0, 0.0, -30.0, 4.0]],
            &[[-30.0, 1.0]],
        );
        assert_eq!((found.boxes.len(), found.keypoints.len()), (0, 0));
    }
}
