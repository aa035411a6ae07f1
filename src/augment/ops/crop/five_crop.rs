//! Fixed crops for testing: corners and center, one for each view of a group.

use super::center_crop::center;
use crate::augment::steps::{Crop, Mirror};
use crate::augment::{Op, Steps};
use crate::declare;
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::SizeParam;

/// Cuts out a corner or the center, depending on the view.
///
/// Views 0 to 4 of the group are the top left, top right, bottom left and bottom right corners and
/// the center; views 5 to 9 are the same of the mirrored image, and view 10 begins again. A smaller
/// image is padded with black.
///
/// # Example: the mean of ten predictions
///
/// ```
/// use feedmill::augment::ops::{FiveCrop, Resize};
/// use feedmill::plan::{Last, Order};
/// use feedmill::recipe::View;
/// use feedmill::{Loader, Recipe};
///
/// let view = View::new().with_count(10).op(Resize::new(64)).op(FiveCrop::new(56));
/// let recipe = Recipe::new().with_batch(4).with_order(Order::Sequential).with_last(Last::Keep).view(view);
/// let batch = Loader::open("fixtures/photos", recipe)?.reference_batch(0, 0)?;
/// // View k of slot s is image 4 k + s.
/// assert_eq!(batch.images().shape(), [40, 3, 56, 56]);
/// # Ok::<(), feedmill::Error>(())
/// ```
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::FiveCrop;
/// use feedmill::testing::assert_op;
///
/// let op = FiveCrop::new(224).with_vertical(true);
/// assert_op(r#"{ op = "five_crop", size = 224, vertical = true }"#, &op);
/// ```
#[declare(
    name = "five_crop",
    like = ["torchvision FiveCrop", "torchvision TenCrop"],
    strengths = [
        "size = 80", "size = 56", "size = 32"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct FiveCrop {
    /// The size of the result; a number is the side of a square.
    #[param(required, range = [1.0, 16384.0], unit = "pixels")]
    size: SizeParam,
    /// Mirrors top and bottom instead of left and right in views 5 to 9.
    #[param(default)]
    vertical: bool,
}

impl Op for FiveCrop {
    fn output_size(&self, _: Option<Size>) -> Option<Size> {
        Some(self.size.size())
    }

    fn draw(&self, _: &mut RandomStream, steps: &mut Steps) {
        let (nth, _) = steps.view();
        if nth % 10 >= 5 {
            steps.push(if self.vertical {
                Mirror::Rows
            } else {
                Mirror::Columns
            });
        }
        let (inner, outer) = (self.size.size(), steps.size());
        // Negative where the image is too small: the crop then begins in the padding.
        let far = |outer: u32, inner: u32| i64::from(outer) - i64::from(inner);
        let (right, bottom) = (
            far(outer.width, inner.width),
            far(outer.height, inner.height),
        );
        let (left, top) = match nth % 5 {
            0 => (0, 0),
            1 => (right, 0),
            2 => (0, bottom),
            3 => (right, bottom),
            _ => (
                center(outer.width, inner.width),
                center(outer.height, inner.height),
            ),
        };
        steps.push(Crop::new(left, top, inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::ops::testing::drawn_in_view;

    /// torchvision 0.29, `five_crop` of an image of 9 x 7 (width x height) to 4 x 5: left and top
    /// of each crop.
    #[test]
    fn corners_are_torchvisions() {
        let size = Size {
            width: 9,
            height: 7,
        };
        let inner = Size {
            width: 4,
            height: 5,
        };
        let op = FiveCrop::new(inner);
        let expected = [(0, 0), (5, 0), (0, 2), (5, 2), (2, 1)];
        for view in 0..10 {
            let steps = drawn_in_view(&op, size, (view, 10));
            let (left, top) = expected[view % 5];
            let crop = steps.last().and_then(|step| step.downcast_ref::<Crop>());
            assert_eq!(crop, Some(&Crop::new(left, top, inner)));
            let flip = steps[0].downcast_ref::<Mirror>();
            assert_eq!(flip, (view >= 5).then_some(&Mirror::Columns));
        }
        let flip = &drawn_in_view(&op.with_vertical(true), size, (5, 10))[0];
        assert_eq!(flip.downcast_ref::<Mirror>(), Some(&Mirror::Rows));
    }
}
