//! Boxes, keypoints and planes follow the image through the steps.
//!
//! A view's steps are drawn once. [`Program`] runs them on the image, and [`Joint::apply`] runs the
//! same steps on the annotations. The two runs are separate, because the image's run sees only the
//! part that was decoded, while annotations always are in coordinates of the whole image; and
//! because a recipe without `[joint]` then pays nothing.
//!
//! * `places` moves points and boxes, in f64: each step is a map of points, or leaves them alone.
//! * `planes` moves planes (masks, instances, depth, further images) through the image's own
//!   kernels, so that a mask cannot disagree with its image by another rounding.
//! * `paste`, `bank`, `exchange` and `plane_mask` change annotations themselves: objects that are
//!   pasted bring their own boxes and hide others.
//!
//! Coordinates are continuous, in pixels of the present image: x to the right, y down, 0 at the
//! edge of the first pixel. So the last pixel ends at the width, and a mirror image takes x to
//! `W - x` without an offset. Keypoints of data sets that count pixel centers are converted at
//! both ends ([`KeypointOrigin`]).

mod bank;
mod exchange;
mod paste;
mod places;
mod plane_mask;
mod planes;

use serde::{Deserialize, Serialize};

use super::{Program, ProgramScratch, Step};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind};
use crate::spec::check_range;
pub(super) use bank::{Bank, changed as bank_changed};
use places::{PlacedBox, PlacedPoint};
pub use plane_mask::PlaneMask;

/// How boxes, keypoints and planes move with the image: the table `[joint]` of a recipe.
///
/// # Example
///
/// ```
/// use feedmill::Recipe;
/// use feedmill::augment::{CenterCrop, HorizontalFlip, Joint};
///
/// let joint = Joint { keypoint_pairs: vec![[5, 6]], min_kept: 0.1, ..Joint::default() };
/// let recipe = Recipe::new().op(HorizontalFlip::new(0.5)).op(CenterCrop::new(224)).joint(joint);
/// # assert!(recipe.to_toml().contains("keypoint_pairs"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Joint {
    /// The value of masks where the image has no pixel; 255 by default.
    pub ignore: u8,
    /// Drops boxes with a side shorter than this, in pixels of the view; 1 by default, 0 to 16384.
    pub min_size: f64,
    /// Drops boxes with an area smaller than this, in square pixels of the view; 1 by default, 0
    /// to 2^28.
    pub min_area: f64,
    /// Drops boxes that have kept a smaller share of their area than this, 0 to 1; 0 by default.
    /// What lay outside of the image from the start does not count as lost.
    pub min_kept: f64,
    /// Pairs of keypoint ids that a mirror image swaps, such as left and right shoulder; none by
    /// default.
    pub keypoint_pairs: Vec<[u32; 2]>,
    /// The point of a pixel that keypoint coordinates refer to; its edge by default.
    pub keypoint_origin: KeypointOrigin,
    /// The length that [`crate::Batch::padded_boxes`] pads to, 1 to 65536; further boxes of an
    /// image are dropped. `None` (the default) keeps all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_boxes: Option<usize>,
    /// What erased rectangles do to planes of one channel and to keypoints; nothing by default.
    pub erase: EraseRule,
}

/// The point of a pixel that keypoint coordinates refer to.
///
/// A mirror image takes x to `W - x` ([`KeypointOrigin::Edge`]) or to `W - 1 - x`
/// ([`KeypointOrigin::Index`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeypointOrigin {
    /// 0 is the edge of the first pixel, as in boxes.
    #[default]
    Edge,
    /// 0 is the center of the first pixel: coordinates are indices of pixels.
    Index,
}

/// What erased rectangles do to planes of one channel and to keypoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EraseRule {
    /// They stay as they are.
    #[default]
    Leave,
    /// Inside of the rectangle masks become `ignore`, instances and depth become 0, and keypoints
    /// become invisible.
    Ignore,
}

impl Default for Joint {
    fn default() -> Joint {
        Joint {
            ignore: 255,
            min_size: 1.0,
            min_area: 1.0,
            min_kept: 0.0,
            keypoint_pairs: Vec::new(),
            keypoint_origin: KeypointOrigin::Edge,
            max_boxes: None,
            erase: EraseRule::Leave,
        }
    }
}

impl Joint {
    /// Checks the values. An error comes with the key of the recipe that it is about.
    pub(crate) fn check(&self) -> std::result::Result<(), (&'static str, Error)> {
        let range = |key: &'static str, value, most| {
            check_range(key, value, [0.0, most]).map_err(|error| (key, error))
        };
        range("joint.min_size", self.min_size, 16_384.0)?;
        range("joint.min_area", self.min_area, 268_435_456.0)?;
        range("joint.min_kept", self.min_kept, 1.0)?;
        let mut ids: Vec<u32> = self.keypoint_pairs.iter().flatten().copied().collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|two| two[0] == two[1]) {
            let text = format!(
                "joint.keypoint_pairs: {} stands twice; a keypoint has one counterpart",
                twice[0]
            );
            return Err(("joint.keypoint_pairs", Error::config(text)));
        }
        if let Some(most) = self.max_boxes.filter(|most| !(1..=1 << 16).contains(most)) {
            let text = format!("joint.max_boxes = {most}: expected 1 to 65536");
            return Err(("joint.max_boxes", Error::config(text)));
        }
        Ok(())
    }

    /// Returns the annotations of the image that `program` makes from the image of `annotations`.
    ///
    /// Planes are decoded pixels; a plane of another resolution than the image's is resized first.
    /// Every plane of the result has the size of the view.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Corrupt`] as [`Annotations::check`], and if a plane is encoded;
    /// [`crate::Kind::Limit`] as in [`Program::check_size`].
    pub fn apply(
        &self,
        program: &Program,
        annotations: &Annotations,
        scratch: &mut ProgramScratch,
    ) -> Result<Annotations> {
        annotations.check()?;
        let mut state = AnnotationState::new(self, annotations, program.begin());
        state.run(program.steps(), scratch)?;
        Ok(state.finish())
    }

    /// The id of a keypoint in the mirror image: the other one of its pair, or itself.
    fn counterpart(&self, id: u32) -> u32 {
        let found = self.keypoint_pairs.iter().find(|pair| pair.contains(&id));
        found.map_or(id, |[a, b]| if *a == id { *b } else { *a })
    }
}

/// The annotations of an image after some of the steps.
struct AnnotationState<'a> {
    joint: &'a Joint,
    /// The size of the image after these steps.
    frame: Size,
    boxes: Vec<PlacedBox>,
    points: Vec<PlacedPoint>,
    planes: Vec<Plane>,
    /// The ids of instances whose box was dropped. Their keypoints and pixels go at the end, in
    /// [`AnnotationState::finish`].
    dropped: Vec<u32>,
}

impl AnnotationState<'_> {
    fn new<'a>(joint: &'a Joint, annotations: &Annotations, frame: Size) -> AnnotationState<'a> {
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
            frame,
            boxes: annotations.boxes.iter().map(PlacedBox::new).collect(),
            points: annotations.keypoints.iter().map(point).collect(),
            planes: annotations.planes.clone(),
            dropped: Vec::new(),
        };
        // Boxes of data sets reach beyond the image at times; that part is not lost to a step.
        state.clamp(false);
        state
    }

    /// Runs the steps on everything that is annotated.
    fn run(&mut self, steps: &[Step], scratch: &mut ProgramScratch) -> Result<()> {
        let steps = outside_chains(steps);
        if steps.is_empty() {
            // Planes of another resolution still have to be resized to the image's.
            return self
                .planes
                .iter_mut()
                .try_for_each(|plane| planes::run(self.joint, &[], plane, self.frame, scratch));
        }
        // Planes take several steps in one run. A step that changes annotations themselves needs
        // all of them where the image is at that point, so it ends a run.
        for part in
            steps.split_inclusive(|step| matches!(step, Step::Paste(_) | Step::PlaneMask(_)))
        {
            for plane in &mut self.planes {
                planes::run(self.joint, part, plane, self.frame, scratch)?;
            }
            part.iter().for_each(|step| self.place(step));
            match part.last() {
                Some(Step::Paste(paste)) => paste::annotate(paste, self)?,
                Some(Step::PlaneMask(mask)) => mask.annotate(self)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Drops the boxes for which `keep` is false, and remembers their ids.
    fn drop_boxes(&mut self, keep: impl Fn(&PlacedBox) -> bool) {
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
    fn finish(mut self) -> Annotations {
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
            planes::erase_instances(plane, dropped);
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

/// The steps except for those on copies that are blended with the image (AugMix): annotations stay
/// where the image itself is.
fn outside_chains(steps: &[Step]) -> Vec<Step> {
    let mut inside = false;
    let outside = steps.iter().filter(|step| match step {
        Step::Fork => {
            inside = true;
            false
        }
        Step::Join(_) => {
            inside = false;
            false
        }
        _ => !inside,
    });
    outside.cloned().collect()
}
