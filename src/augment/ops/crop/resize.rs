//! Resizing.

use crate::augment::{Filter, Op, Steps, steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::SizeParam;

/// Resizes the image.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Resize;
/// use feedmill::testing::assert_op;
///
/// let op = Resize::new(256);
/// assert_op(r#"{ op = "resize", size = 256 }"#, &op);
/// ```
#[declare(
    name = "resize",
    like = ["torchvision Resize", "albumentations Resize", "albumentations SmallestMaxSize"],
    strengths = [
        "size = [96, 96], filter = \"bicubic\"",
        "size = [48, 48]",
        "size = [24, 24]",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Resize {
    /// A number is the new length of the shorter side, and the longer side follows from the shape
    /// of the image, truncated; `[height, width]` is exact.
    #[param(required, range = [1.0, 16384.0], unit = "pixels")]
    size: SizeParam,
    /// The filter.
    #[param(default)]
    filter: Filter,
    /// Whether the kernel is widened when the image shrinks. `nearest` is never antialiased,
    /// `lanczos` always.
    #[param(default = true)]
    antialias: bool,
}

impl Op for Resize {
    fn check(&self) -> Result<()> {
        if !self.antialias && self.filter == Filter::Lanczos {
            return Err(Error::config(
                "antialias = false: filter = \"lanczos\" is always antialiased; take bilinear or \
                 bicubic",
            )
            .about_key("antialias"));
        }
        Ok(())
    }

    fn output_size(&self, size: Option<Size>) -> Option<Size> {
        match self.size {
            SizeParam::Exact(exact) => Some(exact),
            SizeParam::Side(side) => size.map(|size| shorter(side, size)),
        }
    }

    fn draw(&self, _: &mut RandomStream, steps: &mut Steps) {
        let size = match self.size {
            SizeParam::Exact(exact) => exact,
            SizeParam::Side(side) => shorter(side, steps.size()),
        };
        let filter = if self.antialias {
            self.filter
        } else {
            self.filter.without_antialias()
        };
        steps.push(steps::Resize { size, filter });
    }
}

/// The size of an image whose shorter side becomes `side` pixels long.
fn shorter(side: u32, size: Size) -> Size {
    let (short, long) = (size.width.min(size.height), size.width.max(size.height));
    // The limit keeps the length within u32. `Program::check_size` refuses such an image before it
    // is made.
    let scaled = (u64::from(side) * u64::from(long) / u64::from(short)).min(1 << 24) as u32;
    if size.width <= size.height {
        Size {
            width: side,
            height: scaled,
        }
    } else {
        Size {
            width: scaled,
            height: side,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_side_sets_the_size_and_the_longer_is_truncated() {
        let sides = |width, height| {
            let Size { width, height } = shorter(256, Size { width, height });
            (width, height)
        };
        assert_eq!(sides(500, 375), (341, 256));
        assert_eq!(sides(375, 500), (256, 341));
        assert_eq!(sides(1, 1), (256, 256));
    }
}
