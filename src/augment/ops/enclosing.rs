//! A crop around the crops of other views of the same sample.
//!
//! No view sees another one's draws. But a random stream is found from where it is used, so this op
//! opens the streams of the other views' crops ([`RandomStream::sibling`]) and draws the same
//! rectangles again. The alternative, drawing the views in order and passing results on, would tie
//! every view to those before it.

use serde::{Deserialize, Serialize};

use super::RandomResizedCrop;
use crate::augment::params::op_basics;
use crate::augment::{Op, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::{OpKey, RandomStream};
use crate::spec::is_default;

/// Cuts a larger part of the image that contains the random resized crops of other views, and
/// resizes it to a square; A-CLIP (Yang et al., 2023, arXiv 2212.08653).
///
/// A model scores the patches of this part, and [`super::keep_by_score`] transfers the scores to
/// the other views. Each edge is uniform between the image's edge and that of the bounding box of
/// the crops. The paper's reference code draws a part that does not always contain all crops.
///
/// Both this op and the crops must come first in their views, so that they see the whole image.
///
/// # Parameters
///
/// * `size` (required; 1 to 16384 pixels): the side of the result.
/// * `crop` (required): the parameters of the other views' `random_resized_crop`.
/// * `views` (`[0, 1]`): the numbers of these views among all views of the sample.
/// * `label` (`"random_resized_crop"`): the label of the crop in these views.
/// * `filter` (`"bilinear"`): the filter of the resize.
///
/// # Notes
///
/// * `box`: left, top, width, height of the part, in pixels. `random_resized_crop` has the same
///   note with `note = true`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnclosingCrop {
    size: u32,
    crop: RandomResizedCrop,
    #[serde(default = "pair")]
    views: Vec<u8>,
    #[serde(default = "default_label")]
    label: String,
    #[serde(default, skip_serializing_if = "is_default")]
    filter: crate::augment::Filter,
}

fn pair() -> Vec<u8> {
    vec![0, 1]
}

fn default_label() -> String {
    "random_resized_crop".into()
}

impl Op for EnclosingCrop {
    op_basics!("enclosing_crop");

    fn check(&self) -> Result<()> {
        if self.views.is_empty() {
            return Err(Error::config(
                "views is empty: name the views whose crops are to be held",
            ));
        }
        if !(1..=16_384).contains(&self.size) {
            return Err(Error::config(format!(
                "size = {}: expected 1 to 16384 pixels",
                self.size
            )));
        }
        self.crop.check().map_err(|error| error.at("crop"))
    }

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.size,
            height: self.size,
        })
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("box".into(), 4)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let frame = steps.frame();
        let key = OpKey::of(&self.label);
        // Left, top, right, bottom of the bounding box of all crops.
        let mut bounds = [frame.width, frame.height, 0, 0];
        for view in &self.views {
            let [left, top, width, height] = self.crop.crop(&mut rng.sibling(*view, key), frame);
            bounds = [
                bounds[0].min(left),
                bounds[1].min(top),
                bounds[2].max(left + width),
                bounds[3].max(top + height),
            ];
        }
        let mut between = |low: u32, high: u32| low + rng.below(u64::from(high - low) + 1) as u32;
        let (top, left) = (between(0, bounds[1]), between(0, bounds[0]));
        let (bottom, right) = (
            between(bounds[3], frame.height),
            between(bounds[2], frame.width),
        );
        let (width, height) = (right - left, bottom - top);
        steps.note("box", &[left, top, width, height].map(i64::from));
        steps.push(Step::Crop {
            left: left.into(),
            top: top.into(),
            width,
            height,
            pad: Default::default(),
        });
        steps.push(Step::Resize {
            width: self.size,
            height: self.size,
            filter: self.filter,
        });
    }
}
