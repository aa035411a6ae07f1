//! Rectangles that are overwritten with a color or with noise.

use std::fmt;

use super::pixel_rng::Normals;
use crate::geometry::{Rect, Size};

/// The new content of an erased rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fill {
    /// One color.
    Color([u8; 3]),
    /// Normal noise for each channel of each pixel: `mean + std n` on a scale of 0 to 255, rounded
    /// and clipped.
    Noise {
        /// The mean level of each channel.
        mean: [f32; 3],
        /// The standard deviation of each channel.
        std: [f32; 3],
        /// The seed of the random numbers.
        seed: u64,
    },
}

/// Overwrites a rectangle inside the image.
///
/// # Example: paint over a rectangle
///
/// ```
/// use feedmill::augment::steps::Erase;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
/// use feedmill::augment::steps::Fill;
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Erase::new(Rect::new(0, 0, 4, 2), Fill::Color([255, 0, 0]))));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(out[..3], [255, 0, 0]);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Erase {
    /// The first column.
    pub left: u32,
    /// The first row.
    pub top: u32,
    /// The number of columns.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
    /// The new content.
    pub fill: Fill,
}

impl Erase {
    /// Returns the step that overwrites this rectangle, which lies inside the image.
    pub fn new(rect: Rect, fill: Fill) -> Erase {
        let Rect {
            left,
            top,
            width,
            height,
        } = rect;
        Erase {
            left,
            top,
            width,
            height,
            fill,
        }
    }
}

impl fmt::Display for Erase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Erase {
            left,
            top,
            width,
            height,
            fill,
        } = self;
        write!(
            f,
            "erase left={left} top={top} width={width} height={height} fill="
        )?;
        match fill {
            Fill::Color(color) => write!(f, "{color:?}"),
            Fill::Noise { .. } => f.write_str("noise"),
        }
    }
}

/// Overwrites the rectangle in an image, rows of RGB.
pub(crate) fn run(erase: &Erase, pixels: &mut [u8], size: Size) {
    let rows = pixels
        .as_chunks_mut::<3>()
        .0
        .chunks_exact_mut(size.width as usize);
    let rows = rows.skip(erase.top as usize).take(erase.height as usize);
    let parts = rows.map(|row| &mut row[erase.left as usize..][..erase.width as usize]);
    match erase.fill {
        Fill::Color(color) => parts.for_each(|part| part.fill(color)),
        Fill::Noise { mean, std, seed } => {
            let mut normals = Normals::new(seed);
            for part in parts {
                let mut channel = 0;
                normals.each(part.as_flattened_mut(), |value, normal| {
                    // Adding a half and truncating rounds; below 0 both clip to 0.
                    *value = (mean[channel] + std[channel] * normal + 0.5) as u8;
                    channel = if channel == 2 { 0 } else { channel + 1 };
                });
            }
        }
    }
}
