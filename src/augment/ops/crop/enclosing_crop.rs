//! A crop around the crops of other views of the same sample.
//!
//! No view sees another one's draws. But a random stream is found from where it is used, so this op
//! opens the streams of the other views' crops ([`RandomStream::sibling`]) and draws the same
//! rectangles again. The alternative, drawing the views in order and passing results on, would tie
//! every view to those before it.

use super::random_resized_crop::RandomResizedCrop;
use crate::augment::steps::Crop;
use crate::augment::{Filter, Op, Steps, steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::{Rect, Size};
use crate::rng::{OpKey, RandomStream};
use crate::spec::{ParamValue, Parameters};

/// Cuts a larger part of the image that contains the random resized crops of other views, and
/// resizes it to a square; A-CLIP (Yang et al., 2023, arXiv 2212.08653).
///
/// A model scores the patches of this part, and [`keep_by_score`](super::keep_by_score) transfers
/// the scores to the other views. Each edge is uniform between the image's edge and that of the
/// bounding box of the crops. The paper's reference code draws a part that does not always contain
/// all crops.
///
/// Both this op and the crops must come first in their views, so that they see the whole image.
///
/// # Notes
///
/// * `box`: left, top, width, height of the part, in pixels. `random_resized_crop` has the same
///   note with `note = true`.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::{EnclosingCrop, RandomResizedCrop};
/// use feedmill::testing::assert_op;
///
/// let op = EnclosingCrop::new(224, RandomResizedCrop::new(224));
/// assert_op(r#"{ op = "enclosing_crop", size = 224, crop = { size = 224 } }"#, &op);
/// ```
#[declare(
    name = "enclosing_crop",
    like = ["A-CLIP"],
    strengths = [
        "size = 96, crop = { size = 96, scale = [0.3, 0.3] }",
        "size = 96, crop = { size = 96, scale = [0.1, 0.1] }",
        "size = 96, crop = { size = 96, scale = [0.02, 0.02] }",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct EnclosingCrop {
    /// The side of the result.
    #[param(required, range = [1.0, 16384.0], unit = "pixels")]
    size: u32,
    /// The parameters of the other views' `random_resized_crop`.
    #[param(required)]
    crop: RandomResizedCrop,
    /// The numbers of these views among all views of the sample.
    #[param(default = vec![0, 1])]
    views: Vec<u8>,
    /// The label of the crop in these views.
    #[param(default = "random_resized_crop".into())]
    label: String,
    /// The filter of the resize.
    #[param(default)]
    filter: Filter,
}

impl Op for EnclosingCrop {
    fn check(&self) -> Result<()> {
        if self.views.is_empty() {
            return Err(
                Error::config("views is empty: name the views whose crops are to be held")
                    .about_key("views"),
            );
        }
        let crop: &dyn Op = &self.crop;
        crop.validate().map_err(|error| error.at("crop"))
    }

    fn output_size(&self, _: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.size,
            height: self.size,
        })
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("box".into(), 4)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let size = steps.size();
        let key = OpKey::of(&self.label);
        let crops = self
            .views
            .iter()
            .map(|view| self.crop.crop(&mut rng.sibling(*view, key), size));
        // `check` has made sure that there is a view.
        let Some(bounds) = crops.reduce(Rect::union) else {
            return;
        };
        let mut between = |low: u32, high: u32| low + rng.below(u64::from(high - low) + 1) as u32;
        let (top, left) = (between(0, bounds.top), between(0, bounds.left));
        let bottom = between(bounds.top + bounds.height, size.height);
        let right = between(bounds.left + bounds.width, size.width);
        let part = Rect {
            left,
            top,
            width: right - left,
            height: bottom - top,
        };
        steps.note("box", &[left, top, part.width, part.height].map(i64::from));
        steps.push(Crop::of(part));
        steps.push(steps::Resize {
            size: Size {
                width: self.size,
                height: self.size,
            },
            filter: self.filter,
        });
    }
}

impl ParamValue for RandomResizedCrop {
    fn form() -> String {
        "the parameters of a `random_resized_crop`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(self.params().into())
    }
}
