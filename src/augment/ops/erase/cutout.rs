//! Cutout.

use crate::augment::steps::{Erase, Fill};
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::IntegerRange;

/// Overwrites squares at random positions (DeVries and Taylor, 2017, arXiv 1708.04552).
///
/// The center is uniform over the image, so a square may be cut off at an edge. Exactly one of `size`
/// and `share` says how large it is; the paper has 16 pixels on CIFAR-10.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Cutout;
/// use feedmill::testing::assert_op;
///
/// let op = Cutout::new().with_size(16);
/// assert_op(r#"{ op = "cutout", size = 16 }"#, &op);
/// ```
#[declare(
    name = "cutout",
    families = [Arithmetic],
    like = ["Cutout", "albumentations CoarseDropout", "imgaug Cutout"],
    strengths = [
        "size = 16", "size = 32", "size = 64"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Cutout {
    /// The side of a square.
    #[param(default, range = [1.0, 16384.0], unit = "pixels")]
    size: Option<u32>,
    /// The side of a square as a share of the image's shorter side, rounded.
    #[param(default, range = [0.0, 1.0])]
    share: Option<f64>,
    /// The number of squares.
    #[param(default = 1.into(), range = [1.0, 100.0])]
    count: IntegerRange,
    /// The color; the mean color is 0 once pixels are normalized.
    #[param(default = [0; 3])]
    fill: [u8; 3],
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Cutout {
    fn check(&self) -> Result<()> {
        if self.size.is_some() == self.share.is_some() {
            return Err(Error::config(
                "expected either size (in pixels) or share (of the shorter side)",
            ));
        }
        Ok(())
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let image = steps.size();
        let share = |share: f64| {
            (share * f64::from(image.width.min(image.height))).round_ties_even() as u32
        };
        let size = self
            .size
            .unwrap_or_else(|| share(self.share.unwrap_or_default()));
        // A fixed number takes no draw: the draws of recipes from before `count` could be a range must not
        // change.
        let squares = match self.count.fixed() {
            Some(count) => count,
            None => self.count.draw(rng),
        };
        for _ in 0..squares {
            // As in the authors' code: the square begins half a side before the center and is cut at the
            // edges.
            let mut span = |outer: u32| {
                let start = rng.below(outer.into()) as i64 - i64::from(size / 2);
                let end = (start + i64::from(size)).min(outer.into());
                (start.max(0) as u32, (end - start.max(0)) as u32)
            };
            let (top, height) = span(image.height);
            let (left, width) = span(image.width);
            if applies && width > 0 && height > 0 {
                steps.push(Erase {
                    left,
                    top,
                    width,
                    height,
                    fill: Fill::Color(self.fill),
                });
            }
        }
    }
}
