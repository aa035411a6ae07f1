//! Resizing.

use serde::{Deserialize, Serialize};

use crate::augment::params::{SizeParam, op_basics};
use crate::augment::{Filter, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::yes;

/// Resizes the image; torchvision `Resize`.
///
/// # Parameters
///
/// * `size` (required; 1 to 16384 pixels): a number is the new length of the shorter side, and the
///   longer side follows from the shape of the image, truncated; `[height, width]` is exact.
/// * `filter` (`"bilinear"`; `"bicubic"`, `"lanczos"`, `"nearest"`): the filter.
/// * `antialias` (true): whether the kernel is widened when the image shrinks. `nearest` is never
///   antialiased, `lanczos` always.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    #[serde(deserialize_with = "crate::spec::read_integers")]
    size: SizeParam,
    #[serde(default)]
    filter: Filter,
    #[serde(default = "yes")]
    antialias: bool,
}

impl Resize {
    /// Makes the shorter side `side` pixels long.
    pub fn shorter(side: u32) -> Resize {
        Resize {
            size: SizeParam::Side(side),
            filter: Filter::default(),
            antialias: true,
        }
    }

    /// Makes the image exactly this large.
    pub fn exact(height: u32, width: u32) -> Resize {
        Resize {
            size: SizeParam::HeightWidth([height, width]),
            ..Resize::shorter(1)
        }
    }

    /// Sets the filter.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Resize {
        Resize { filter, ..self }
    }

    /// The size of the result for an image of size `frame`.
    fn target(&self, frame: Size) -> Size {
        match self.size {
            SizeParam::HeightWidth(_) => self.size.frame(),
            SizeParam::Side(side) => {
                let (short, long) = (frame.width.min(frame.height), frame.width.max(frame.height));
                // The limit keeps the length within u32. `Program::check_size` refuses such an
                // image before it is made.
                let scaled =
                    (u64::from(side) * u64::from(long) / u64::from(short)).min(1 << 24) as u32;
                if frame.width <= frame.height {
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
        }
    }
}

impl Op for Resize {
    op_basics!("resize");

    fn check(&self) -> Result<()> {
        if !self.antialias && self.filter == Filter::Lanczos {
            return Err(Error::config(
                "antialias = false: filter = \"lanczos\" is always antialiased; take bilinear or \
                 bicubic",
            ));
        }
        self.size.check()
    }

    fn frame(&self, frame: Option<Size>) -> Option<Size> {
        match self.size {
            SizeParam::HeightWidth(_) => Some(self.size.frame()),
            SizeParam::Side(_) => frame.map(|frame| self.target(frame)),
        }
    }

    fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
        let Size { width, height } = self.target(steps.frame());
        let filter = if self.antialias {
            self.filter
        } else {
            self.filter.without_antialias()
        };
        steps.push(Step::Resize {
            width,
            height,
            filter,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_side_sets_the_size_and_the_longer_is_truncated() {
        let resize = Resize::shorter(256);
        let size = |width, height| resize.target(Size { width, height });
        assert_eq!(
            size(500, 375),
            Size {
                width: 341,
                height: 256
            }
        );
        assert_eq!(
            size(375, 500),
            Size {
                width: 256,
                height: 341
            }
        );
        assert_eq!(
            size(1, 1),
            Size {
                width: 256,
                height: 256
            }
        );
    }
}
