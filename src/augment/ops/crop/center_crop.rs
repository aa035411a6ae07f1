//! The crop of the center.
//!
//! Formulas and rounding are torchvision's, which timm shares. `round` is half to even, as in Python.
//! A crop may reach beyond the image, so padding is part of the step: an image is never padded first
//! and cut afterwards.

use crate::augment::steps::Crop;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::SizeParam;

/// Cuts out the center. A smaller image is padded with black.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::CenterCrop;
/// use feedmill::testing::assert_op;
///
/// let op = CenterCrop::new(224);
/// assert_op(r#"{ op = "center_crop", size = 224 }"#, &op);
/// ```
#[declare(
    name = "center_crop",
    like = ["torchvision CenterCrop", "albumentations CenterCrop"],
    strengths = [
        "size = 80", "size = 56", "size = 32"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct CenterCrop {
    /// The size of the result; a number is the side of a square.
    #[param(required, range = [1.0, 16384.0], unit = "pixels")]
    size: SizeParam,
}

impl Op for CenterCrop {
    fn output_size(&self, _: Option<Size>) -> Option<Size> {
        Some(self.size.size())
    }

    fn draw(&self, _: &mut RandomStream, steps: &mut Steps) {
        let (inner, outer) = (self.size.size(), steps.size());
        let left = center(outer.width, inner.width);
        let top = center(outer.height, inner.height);
        steps.push(Crop::new(left, top, inner));
    }
}

/// The first row or column of a centered crop of length `inner` in an image of length `outer`;
/// negative if the image is shorter.
pub(in crate::augment::ops) fn center(outer: u32, inner: u32) -> i64 {
    let (outer, inner) = (i64::from(outer), i64::from(inner));
    if inner <= outer {
        let gap = outer - inner;
        // `round(gap / 2)`, half to even: of the odd gaps, 1 goes down to 0 and 3 up to 2.
        gap / 2 + i64::from(gap % 4 == 3)
    } else {
        -((inner - outer) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_center_rounds_half_to_even_and_pads_what_is_missing() {
        // torchvision: round((H - h) / 2) by Python's rule.
        assert_eq!([7, 6, 5, 4, 3].map(|n| center(n, 2)), [2, 2, 2, 1, 0]);
        // Padding (w - W) // 2 on the left.
        assert_eq!([1, 2].map(|n| center(n, 4)), [-1, -1]);
    }
}
