//! The table `[joint]` of a recipe.

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::spec::check_range;

/// How boxes, keypoints and planes move with the image: the table `[joint]` of a recipe.
///
/// # Example: drop boxes that were cut off
///
/// ```
/// use feedmill::Recipe;
/// use feedmill::augment::Joint;
/// use feedmill::augment::ops::{CenterCrop, HorizontalFlip};
///
/// let joint = Joint::new().with_keypoint_pairs(vec![[5, 6]]).with_min_kept(0.1);
/// let recipe = Recipe::new().op(HorizontalFlip::new().with_p(0.5)).op(CenterCrop::new(224)).with_joint(joint);
/// # assert!(recipe.to_toml().contains("keypoint_pairs"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Joint {
    /// The value of masks where the image has no pixel; 255 by default.
    pub(crate) ignore: u8,
    /// The shortest side of a box, in pixels of the view; 1 by default, 0 to
    /// 16384. Boxes with a shorter one are dropped.
    pub(crate) min_size: f64,
    /// The smallest area of a box, in square pixels of the view; 1 by default, 0 to 2^28. Smaller
    /// boxes are dropped.
    pub(crate) min_area: f64,
    /// The smallest share of its area that a box must have kept, 0 to 1; 0 by default. Boxes that
    /// kept less are dropped. What lay outside of the image from the start does not count as lost.
    pub(crate) min_kept: f64,
    /// The pairs of keypoint ids that a mirror image swaps, such as left and right shoulder; none by
    /// default.
    pub(crate) keypoint_pairs: Vec<[u32; 2]>,
    /// The point of a pixel that keypoint coordinates refer to; its edge by default.
    #[accessor(copy)]
    pub(crate) keypoint_origin: KeypointOrigin,
    /// The length that [`crate::Batch::padded_boxes`] pads to, 1 to 65536; further boxes of an
    /// image are dropped. `None` (the default) keeps all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_boxes: Option<usize>,
    /// What erased rectangles do to planes of one channel and to keypoints; nothing by default.
    #[accessor(copy)]
    pub(crate) erase: EraseRule,
}

/// The point of a pixel that keypoint coordinates refer to.
///
/// A mirror image takes x to `W - x` ([`KeypointOrigin::Edge`]) or to `W - 1 - x`
/// ([`KeypointOrigin::Index`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
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
#[non_exhaustive]
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
    /// The defaults of all values.
    pub fn new() -> Joint {
        Joint::default()
    }

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

    /// The id of a keypoint in the mirror image: the other one of its pair, or itself.
    pub(super) fn counterpart(&self, id: u32) -> u32 {
        let found = self.keypoint_pairs.iter().find(|pair| pair.contains(&id));
        found.map_or(id, |[a, b]| if *a == id { *b } else { *a })
    }
}
