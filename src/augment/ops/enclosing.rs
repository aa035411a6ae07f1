//! A crop around the crops of other views.

use serde::{Deserialize, Serialize};

use super::RandomResizedCrop;
use crate::augment::params::op_basics;
use crate::augment::{Op, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::{OpKey, RandomStream};
use crate::spec::is_default;

/// Cuts a larger part that holds the random resized crops of two or more other views, for scores of
/// their patches: A-CLIP, Yang et al., 2023 (arXiv 2212.08653), whose reference code does not
/// always hold both.
///
/// `crop` has the parameters of the other views' `random_resized_crop`, with its `label` if that is
/// not the op's name; `views` their numbers among all views of the sample (`[0, 1]`). Each edge is
/// uniform between the image's and that of the crops taken together. `size` and `filter` as in
/// `random_resized_crop`. Both ops must be the first of their views.
///
/// The note `box` is left, top, width, height; [`super::keep_by_score`] takes it and that of
/// `random_resized_crop` with `note = true`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnclosingCrop {
    size: u32,
    crop: RandomResizedCrop,
    #[serde(default = "pair")]
    views: Vec<u8>,
    #[serde(default = "name")]
    label: String,
    #[serde(default, skip_serializing_if = "is_default")]
    filter: crate::augment::Filter,
}

fn pair() -> Vec<u8> {
    vec![0, 1]
}

fn name() -> String {
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
        // Left, top, right, bottom of all crops together.
        let mut held = [frame.width, frame.height, 0, 0];
        for view in &self.views {
            let [left, top, width, height] = self.crop.crop(&mut rng.sibling(*view, key), frame);
            held = [
                held[0].min(left),
                held[1].min(top),
                held[2].max(left + width),
                held[3].max(top + height),
            ];
        }
        let mut between = |low: u32, high: u32| low + rng.below(u64::from(high - low) + 1) as u32;
        let (top, left) = (between(0, held[1]), between(0, held[0]));
        let (bottom, right) = (
            between(held[3], frame.height),
            between(held[2], frame.width),
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
