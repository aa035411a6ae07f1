//! The crop of low frequencies.
//!
//! The crop of the Fourier transform is a linear map that follows from the sizes, so the step carries
//! no more than the size.

use crate::augment::steps::LowFrequencies;
use crate::augment::{Filter, Op, Steps, steps};
use crate::declare;
use crate::geometry::Size;
use crate::rng::RandomStream;

/// Shrinks the image to a square by cutting the high frequencies off its Fourier transform: the
/// curriculum of EfficientTrain (2023).
///
/// The reference works on normalized f32 pixels after all other augmentation; here values are
/// 8-bit, rounded, and clipped where the crop overshoots. An image with a shorter side is first
/// enlarged (bilinear).
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::LowFrequencyCrop;
/// use feedmill::testing::assert_op;
///
/// let op = LowFrequencyCrop::new(160);
/// assert_op(r#"{ op = "low_frequency_crop", size = 160 }"#, &op);
/// ```
#[declare(
    name = "low_frequency_crop",
    like = ["EfficientTrain low_frequency_crop"],
    strengths = [
        "size = 80", "size = 48", "size = 24"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct LowFrequencyCrop {
    /// The side of the result; an odd one is reduced by 1.
    #[param(required, range = [2.0, 4096.0], unit = "pixels")]
    size: u32,
}

impl Op for LowFrequencyCrop {
    fn output_size(&self, _: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.side(),
            height: self.side(),
        })
    }

    fn draw(&self, _: &mut RandomStream, steps: &mut Steps) {
        let (side, Size { width, height }) = (self.side(), steps.size());
        if width < side || height < side {
            steps.push(steps::Resize {
                size: Size {
                    width: width.max(side),
                    height: height.max(side),
                },
                filter: Filter::Bilinear,
            });
        }
        steps.push(LowFrequencies(side));
    }
}

impl LowFrequencyCrop {
    /// The side of the result: `size`, made even.
    fn side(&self) -> u32 {
        self.size / 2 * 2
    }
}
