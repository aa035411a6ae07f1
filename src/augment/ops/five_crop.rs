//! Fixed crops for testing.

use serde::{Deserialize, Serialize};

use super::crop::center;
use crate::augment::params::{SizeParam, op_basics};
use crate::augment::{Op, Step, Steps};
use crate::error::Result;
use crate::geometry::Size;
use crate::kernels::PadMode;
use crate::rng::RandomStream;

/// Cuts the four corners and the middle out, one for each view of a group of five: top left, top
/// right, bottom left, bottom right, middle; a group of ten has them of the mirrored image after
/// these. torchvision `FiveCrop` and `TenCrop`.
///
/// `vertical = true` mirrors top and bottom instead. A smaller image is padded with black. Views
/// beyond ten begin anew.
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
/// let batch = Loader::open("fixtures/photos", recipe)?.batch(0, 0)?;
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
    /// Squares.
    pub fn new(side: u32) -> FiveCrop {
        FiveCrop {
            size: SizeParam::Side(side),
            vertical: false,
        }
    }

    /// Rectangles.
    pub fn exact(height: u32, width: u32) -> FiveCrop {
        FiveCrop {
            size: SizeParam::HeightWidth([height, width]),
            vertical: false,
        }
    }

    /// Mirrors top and bottom.
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
        let lack = |outer: u32, inner: u32| i64::from(outer) - i64::from(inner);
        let (left, top) = match nth % 5 {
            4 => (center(outer.width, width), center(outer.height, height)),
            corner => (
                if corner % 2 == 1 {
                    lack(outer.width, width)
                } else {
                    0
                },
                if corner >= 2 {
                    lack(outer.height, height)
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
