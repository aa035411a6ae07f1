//! A step of a program: one change of an image, with every parameter drawn.

use std::fmt;
use std::sync::Arc;

mod paste;

pub use paste::{Paste, PasteBlend};
pub(in crate::augment) use paste::{PasteDraw, RenderSteps};

use super::{Blur, Clahe, Convolve, Corrupt, Edges, Elastic, Noise, PlaneMask};
use super::{Color, Erase, Filter, Kernel, Levels, Warp};
use crate::augment::WarpFilter;
use crate::geometry::Size;
use crate::kernels::border::PadMode;

/// One change of an image, with every parameter drawn. `explain` prints its `Display` form.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Cut out a rectangle, which may reach beyond the image on any side.
    Crop {
        /// The first column; negative if padding comes first.
        left: i64,
        /// The first row; negative if padding comes first.
        top: i64,
        /// The number of columns.
        width: u32,
        /// The number of rows.
        height: u32,
        /// The pixels outside the image.
        pad: PadMode,
    },
    /// Resample to a size.
    Resize {
        /// The number of columns.
        width: u32,
        /// The number of rows.
        height: u32,
        /// The filter.
        filter: Filter,
    },
    /// Mirror left and right.
    HorizontalFlip,
    /// Mirror top and bottom.
    VerticalFlip,
    /// Turn clockwise by this many quarters, 1 to 3.
    Turn(u8),
    /// Move pixels by an affine or projective map.
    Warp(Warp),
    /// Change each value by a function of the value and of statistics of the image.
    Levels(Levels),
    /// Equalize tile by tile.
    Clahe(Clahe),
    /// Change each pixel by a function of its three values.
    Color(Color),
    /// Overwrite a rectangle.
    Erase(Erase),
    /// Mix each pixel with its neighbors.
    Blur(Blur),
    /// Add noise to each value.
    Noise(Noise),
    /// A common corruption.
    Corrupt(Corrupt),
    /// Compress with JPEG of a quality from 1 to 100, and decompress.
    Jpeg(u8),
    /// Move pixels by a smooth random field.
    Elastic(Elastic),
    /// Shrink to this many pixels on each side, an even number, by cutting off high frequencies.
    LowFrequencies(u32),
    /// Replace the image by its edges.
    Edges(Edges),
    /// Filter with 3 x 3 weights.
    Convolve(Convolve),
    /// Remember the image that AugMix chains begin with.
    Fork,
    /// End a chain: add its result with this weight, and restore the remembered image.
    Chain(f32),
    /// Blend the remembered image with the sum of the chains, which has this weight.
    Join(f32),
    /// Black out the whole image: a view that this sample does not have.
    Blank,
    /// Paste cut-outs of objects.
    Paste(Arc<Paste>),
    /// Set patches of a plane to 0; the image stays as it is.
    PlaneMask(PlaneMask),
    /// A user-defined kernel.
    Custom(Arc<dyn Kernel>),
}

impl Step {
    /// The step of Pillow's `rotate`.
    pub(in crate::augment) fn rotation(
        degrees: f64,
        frame: Size,
        expand: bool,
        filter: WarpFilter,
        fill: [u8; 3],
    ) -> Option<Step> {
        let degrees = degrees.rem_euclid(360.0);
        let square = expand || frame.width == frame.height;
        if degrees == 0.0 {
            None
        } else if degrees == 180.0 {
            Some(Step::Turn(2))
        } else if degrees == 90.0 && square {
            Some(Step::Turn(3))
        } else if degrees == 270.0 && square {
            Some(Step::Turn(1))
        } else {
            let (map, size) = super::matrix::rotate(degrees, frame, expand);
            Some(Step::Warp(Warp::affine(map, filter, fill, size)))
        }
    }

    /// The size after the step.
    pub fn frame(&self, size: Size) -> Size {
        match *self {
            Step::Crop { width, height, .. } | Step::Resize { width, height, .. } => {
                Size { width, height }
            }
            Step::Turn(quarters) if quarters % 2 == 1 => Size {
                width: size.height,
                height: size.width,
            },
            Step::Warp(Warp { size, .. }) => size,
            Step::LowFrequencies(side) => Size {
                width: side,
                height: side,
            },
            _ => size,
        }
    }

    /// True if the step reads one image and writes another instead of changing one in place.
    pub(super) fn moves(&self) -> bool {
        matches!(
            self,
            Step::Crop { .. }
                | Step::Resize { .. }
                | Step::Turn(_)
                | Step::Warp(_)
                | Step::LowFrequencies(_)
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Crop {
                left,
                top,
                width,
                height,
                ..
            } => {
                write!(
                    f,
                    "crop left={left} top={top} width={width} height={height}"
                )
            }
            Step::Resize {
                width,
                height,
                filter,
            } => {
                write!(f, "resize width={width} height={height} filter={filter}")
            }
            Step::HorizontalFlip => f.write_str("horizontal_flip"),
            Step::VerticalFlip => f.write_str("vertical_flip"),
            Step::Turn(quarters) => write!(f, "turn degrees={}", u32::from(*quarters) * 90),
            Step::Warp(warp) => warp.fmt(f),
            Step::Levels(levels) => levels.fmt(f),
            Step::Clahe(clahe) => clahe.fmt(f),
            Step::Color(color) => color.fmt(f),
            Step::Erase(erase) => erase.fmt(f),
            Step::Blur(blur) => blur.fmt(f),
            Step::Noise(noise) => noise.fmt(f),
            Step::Corrupt(corrupt) => corrupt.fmt(f),
            Step::Jpeg(quality) => write!(f, "jpeg quality={quality}"),
            Step::Elastic(elastic) => elastic.fmt(f),
            Step::LowFrequencies(side) => write!(f, "low_frequency_crop size={side}"),
            Step::Edges(edges) => edges.fmt(f),
            Step::Convolve(convolve) => convolve.fmt(f),
            Step::Fork => f.write_str("augmix begin"),
            Step::Chain(weight) => write!(f, "augmix chain ends, weight={weight:.4}"),
            Step::Join(weight) => write!(f, "augmix end, weight={weight:.4}"),
            Step::Blank => f.write_str("blank"),
            Step::Paste(paste) => paste.fmt(f),
            Step::PlaneMask(mask) => mask.fmt(f),
            Step::Custom(kernel) => write!(f, "{kernel:?}"),
        }
    }
}
