//! Boxes, keypoints and planes go where the image goes.
//!
//! A view's steps are drawn once. [`Program`] runs them on the image, and [`Joint::apply`] runs the
//! same steps on what is annotated in it, which begins in coordinates of the whole image whatever
//! part of it was decoded.

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
pub(super) use paste::Draw as PasteDraw;
pub use paste::{Paste, PasteBlend};
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
    /// What masks have where the image has no pixel; 255 by default.
    pub ignore: u8,
    /// Boxes with a shorter side are dropped; 1 pixel by default.
    pub min_size: f64,
    /// Boxes with a smaller area are dropped; 1 pixel by default.
    pub min_area: f64,
    /// Boxes of whose area a smaller share is still in the image are dropped; 0 by default.
    pub min_kept: f64,
    /// Keypoints that a mirror image makes each other, such as left and right shoulder.
    pub keypoint_pairs: Vec<[u32; 2]>,
    /// Where the number 0 of a keypoint's coordinate lies.
    pub keypoint_origin: KeypointOrigin,
    /// The length to which [`crate::Batch::padded_boxes`] fills up; an image's boxes after so many
    /// are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_boxes: Option<usize>,
    /// What erased rectangles do to planes of one channel and to keypoints.
    pub erase: EraseRule,
}

/// Where the number 0 of a keypoint's coordinate lies. A mirror image takes x to `W - x` or to `W -
/// 1 - x`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeypointOrigin {
    /// At the edge of the first pixel, as with boxes.
    #[default]
    Edge,
    /// At the center of the first pixel: coordinates are indices of pixels.
    Index,
}

/// What erased rectangles do to planes of one channel and to keypoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EraseRule {
    /// Nothing.
    #[default]
    Leave,
    /// Masks become `ignore` there, instances and depth 0, keypoints invisible.
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
    /// Checks the values; the error comes with the key that it is about.
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

    /// What a program makes of the annotations of an image; planes are raw.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Corrupt`] as [`Annotations::check`], and if a plane is encoded;
    /// [`crate::Kind::Limit`] as in [`Program::check_size`].
    pub fn apply(
        &self,
        program: &Program,
        given: &Annotations,
        scratch: &mut ProgramScratch,
    ) -> Result<Annotations> {
        given.check()?;
        let mut scene = Scene::new(self, given, program.begin());
        scene.run(program.steps(), scratch)?;
        Ok(scene.finish())
    }

    fn counterpart(&self, id: u32) -> u32 {
        let found = self.keypoint_pairs.iter().find(|pair| pair.contains(&id));
        found.map_or(id, |[a, b]| if *a == id { *b } else { *a })
    }
}

/// What is annotated in an image on its way through the steps.
struct Scene<'a> {
    joint: &'a Joint,
    frame: Size,
    boxes: Vec<PlacedBox>,
    points: Vec<PlacedPoint>,
    planes: Vec<Plane>,
    /// Instances that are gone.
    dropped: Vec<u32>,
}

impl Scene<'_> {
    fn new<'a>(joint: &'a Joint, given: &Annotations, frame: Size) -> Scene<'a> {
        let shift = match joint.keypoint_origin {
            KeypointOrigin::Edge => 0.0,
            KeypointOrigin::Index => 0.5,
        };
        let point = |point: &Keypoint| PlacedPoint {
            at: [f64::from(point.x) + shift, f64::from(point.y) + shift],
            point: *point,
        };
        let mut scene = Scene {
            joint,
            frame,
            boxes: given.boxes.iter().map(PlacedBox::new).collect(),
            points: given.keypoints.iter().map(point).collect(),
            planes: given.planes.clone(),
            dropped: Vec::new(),
        };
        scene.clamp(false);
        scene
    }

    fn run(&mut self, steps: &[Step], scratch: &mut ProgramScratch) -> Result<()> {
        let steps = outside_chains(steps);
        if steps.is_empty() {
            // Planes of another resolution still take the image's.
            return self
                .planes
                .iter_mut()
                .try_for_each(|plane| planes::run(self.joint, &[], plane, self.frame, scratch));
        }
        // What changes annotations themselves comes between runs of what moves them.
        for part in
            steps.split_inclusive(|step| matches!(step, Step::Paste(_) | Step::PlaneMask(_)))
        {
            for plane in &mut self.planes {
                planes::run(self.joint, part, plane, self.frame, scratch)?;
            }
            part.iter().for_each(|step| self.place(step));
            match part.last() {
                Some(Step::Paste(paste)) => paste.annotate(self)?,
                Some(Step::PlaneMask(mask)) => mask.annotate(self)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn drop_boxes(&mut self, stays: impl Fn(&PlacedBox) -> bool) {
        self.dropped.extend(
            self.boxes
                .iter()
                .filter(|placed| !stays(placed))
                .map(|placed| placed.label.id),
        );
        self.boxes.retain(stays);
    }

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
            planes::forget(plane, dropped);
        }
        let shift = match self.joint.keypoint_origin {
            KeypointOrigin::Edge => 0.0,
            KeypointOrigin::Index => 0.5,
        };
        let boxes = self.boxes.iter().map(|placed| BoxLabel {
            edges: placed.edges.map(|edge| edge as f32),
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

/// The steps but those on copies that are blended with the image (AugMix): what is annotated stays
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
