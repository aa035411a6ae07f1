//! Fixed crops for testing: corners and center, one for each view of a group.

use serde::{Deserialize, Serialize};

use super::crop::center;
use crate::augment::params::{SizeParam, op_basics};
use crate::augment::{Op, Step, Steps};
use crate::error::Result;
use crate::geometry::Size;
use crate::kernels::PadMode;
use crate::rng::RandomStream;

/// Cuts out a corner or the center, depending on the view; torchvision `FiveCrop` and `TenCrop`.
///
/// Views 0 to 4 of the group are the top left, top right, bottom left and bottom right corners and
/// the center; views 5 to 9 are the same of the mirrored image, and view 10 begins again. A smaller
/// image is padded with black.
///
/// # Parameters
///
/// * `size` (required; 1 to 16384 pixels): a number for a square, or `[height, width]`.
/// * `vertical` (false): mirrors top and bottom instead of left and right in views 5 to 9.
///
/// # Example: the mean of ten predictions
///
/// ```
/// use feedmill::augment::{FiveCrop, Resize};
/// use feedmill::plan::{Last, Order};
/// use feedmill::recipe::View;
/// use feedmill::{Loader, Recipe};
///
/// let view = View::new().count(10).op(Resize::shorter(64)).op(FiveCrop::new(56));
/// let recipe = Recipe::new().batch(4).order(Order::Sequential).last(Last::Keep).view(view);
/// let batch = Loader::open("fixtures/photos", recipe)?.reference_batch(0, 0)?;
/// // View k of slot s is image 4 k + s.
/// assert_eq!(batch.images().shape(), [40, 3, 56, 56]);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiveCrop {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    size: SizeParam,
    #[serde(default)]
    vertical: bool,
}

impl FiveCrop {
    /// Crops of `side` x `side` pixels.
    pub fn new(side: u32) -> FiveCrop {
        FiveCrop {
            size: SizeParam::Side(side),
            vertical: false,
        }
    }

    /// Crops of this size.
    pub fn exact(height: u32, width: u32) -> FiveCrop {
        FiveCrop {
            size: SizeParam::HeightWidth([height, width]),
            vertical: false,
        }
    }

    /// Sets whether views 5 to 9 are mirrored top and bottom instead of left and right.
    #[must_use]
    pub fn vertical(self, vertical: bool) -> FiveCrop {
        FiveCrop { vertical, ..self }
    }
}

impl Op for FiveCrop {
    op_basics!("five_crop");

    fn check(&self) -> Result<()> {
        self.size.check()
    }

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(self.size.frame())
    }

    fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
        let (nth, _) = steps.view();
        if nth % 10 >= 5 {
            steps.push(if self.vertical {
                Step::VerticalFlip
            } else {
                Step::HorizontalFlip
            });
        }
        let Size { width, height } = self.size.frame();
        let outer = steps.frame();
        // Negative where the image is too small: the crop then begins in the padding.
        let far_start = |outer: u32, inner: u32| i64::from(outer) - i64::from(inner);
        let (left, top) = match nth % 5 {
            4 => (center(outer.width, width), center(outer.height, height)),
            corner => (
                if corner % 2 == 1 {
                    far_start(outer.width, width)
                } else {
                    0
                },
                if corner >= 2 {
                    far_start(outer.height, height)
                } else {
                    0
                },
            ),
        };
        steps.push(Step::Crop {
            left,
            top,
            width,
            height,
            pad: PadMode::default(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Coord, OpKey};

    fn corner(op: &FiveCrop, view: usize, frame: Size) -> Vec<Step> {
        let at = Coord {
            epoch: 0,
            sample: 0,
            occurrence: 0,
            view: view as u8,
            op: OpKey::of("five_crop"),
        };
        let mut steps = Steps::new(frame);
        steps.restart(frame, view, 10);
        op.draw(&mut RandomStream::keyed(0, at), &mut steps);
        steps.list().to_vec()
    }

    /// torchvision 0.29, `five_crop` of an image of 9 x 7 (width x height) to 4 x 5: left and top
    /// of each crop.
    #[test]
    fn corners_are_torchvisions() {
        let frame = Size {
            width: 9,
            height: 7,
        };
        let op = FiveCrop::exact(5, 4);
        let expected = [(0, 0), (5, 0), (0, 2), (5, 2), (2, 1)];
        for view in 0..10 {
            let steps = corner(&op, view, frame);
            let (left, top) = expected[view % 5];
            let crop = Step::Crop {
                left,
                top,
                width: 4,
                height: 5,
                pad: PadMode::default(),
            };
            let flip = (view >= 5).then_some(Step::HorizontalFlip);
            assert_eq!(
                format!("{steps:?}"),
                format!("{:?}", flip.into_iter().chain([crop]).collect::<Vec<_>>())
            );
        }
        assert!(matches!(
            corner(&op.vertical(true), 5, frame)[0],
            Step::VerticalFlip
        ));
    }
}
