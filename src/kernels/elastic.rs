//! Random smooth displacements of pixels, as torchvision's `ElasticTransform`.

use super::border::PadMode;
use super::filter::{self, Shape, rounded, widened};
use super::pixel_rng::Bits;
use super::scratch::{Scratch, sized};
use crate::geometry::Size;

/// Moves pixels by a smooth random field, as torchvision's `ElasticTransform`: in f32, rounded half
/// to even.
///
/// # Example: deform an image
///
/// ```
/// use feedmill::augment::steps::Elastic;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Elastic::new(4.0, 2.0, 7)));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(end, size);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Elastic {
    /// The strength: the field is uniform between -1 and 1 before it is smoothed, and half of this
    /// is its unit in pixels.
    pub alpha: f32,
    /// The deviation in pixels of the Gaussian that smooths the field, cut at four deviations; 0
    /// does not smooth.
    pub sigma: f32,
    /// True to read the nearest pixel, false to interpolate between two by two.
    pub nearest: bool,
    /// The color outside the image.
    pub fill: [u8; 3],
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Elastic {
    /// Returns the step with this strength, this deviation in pixels of the field, and this seed. It
    /// interpolates between pixels and is black outside of the image; both are fields.
    pub fn new(alpha: f32, sigma: f32, seed: u64) -> Elastic {
        Elastic {
            alpha,
            sigma,
            nearest: false,
            fill: [0; 3],
            seed,
        }
    }
}

impl std::fmt::Display for Elastic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "elastic alpha={:.4} sigma={:.4}", self.alpha, self.sigma)
    }
}

/// The displacements in pixels: for each pixel of the new image how far to the right it reads the
/// old one, then for each pixel how far down.
pub(crate) fn field<'a>(elastic: &Elastic, size: Size, scratch: &'a mut Scratch) -> &'a mut [f32] {
    let gray = Shape::gray(size);
    let fields = sized(&mut scratch.field, 2 * gray.len());
    let mut bits = Bits::new(elastic.seed);
    let half = elastic.alpha / 2.0;
    for field in fields.chunks_exact_mut(gray.len()) {
        field
            .iter_mut()
            .for_each(|value| *value = bits.uniform(-1.0, 1.0));
        if elastic.sigma > 0.0 {
            // torchvision's kernel of 8 sigma + 1 pixels, made odd.
            let radius = (8.0 * f64::from(elastic.sigma) + 1.0) as usize / 2;
            let buffers = (&mut scratch.weights, &mut scratch.middle);
            let gaussian = (f64::from(elastic.sigma), radius);
            filter::gaussian_blur(field, gray, gaussian, PadMode::Reflect, buffers);
        }
        field.iter_mut().for_each(|value| *value *= half);
    }
    fields
}

/// Moves the pixels of an image, rows of RGB.
pub(crate) fn run(elastic: &Elastic, pixels: &mut [u8], size: Size, scratch: &mut Scratch) {
    let (shape, gray) = (Shape::rgb(size), Shape::gray(size));
    field(elastic, size, scratch);
    let fields = &scratch.field[..2 * gray.len()];
    let (right, down) = fields.split_at(gray.len());
    let plane = widened(pixels, &mut scratch.plane).as_chunks::<3>().0;
    let fill = elastic.fill.map(f32::from);
    let (width, height) = (i64::from(size.width), i64::from(size.height));
    let read = |x: i64, y: i64| {
        let inside = (0..width).contains(&x) && (0..height).contains(&y);
        inside.then(|| plane[(y * width + x) as usize])
    };
    for (y, out) in pixels.chunks_exact_mut(shape.stride()).enumerate() {
        for (x, pixel) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let i = y * shape.width + x;
            let (x, y) = (x as f32 + right[i], y as f32 + down[i]);
            if elastic.nearest {
                let [x, y] = [x, y].map(|at| at.round_ties_even() as i64);
                *pixel = read(x, y).unwrap_or(fill).map(rounded);
                continue;
            }
            let (left, top) = (x.floor(), y.floor());
            let (dx, dy) = (x - left, y - top);
            let (left, top) = (left as i64, top as i64);
            let corners = [
                (read(left, top), (1.0 - dx) * (1.0 - dy)),
                (read(left + 1, top), dx * (1.0 - dy)),
                (read(left, top + 1), (1.0 - dx) * dy),
                (read(left + 1, top + 1), dx * dy),
            ];
            let (mut sum, mut mask) = ([0.0; 3], 0.0);
            for (corner, weight) in corners {
                if let Some(corner) = corner {
                    mask += weight;
                    sum = std::array::from_fn(|c| sum[c] + weight * corner[c]);
                }
            }
            // torchvision reads black outside before it blends with the fill, so edges are darker
            // than the fill.
            *pixel = std::array::from_fn(|c| rounded((sum[c] - fill[c]) * mask + fill[c]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_strength_changes_nothing_and_small_images_are_taken() {
        for (width, height) in [(1, 1), (1, 9), (23, 1), (17, 31)] {
            let size = Size { width, height };
            let before: Vec<u8> = (0..width * height * 3)
                .map(|i| (i * 7 % 251) as u8)
                .collect();
            for nearest in [true, false] {
                let mut elastic = Elastic {
                    alpha: 0.0,
                    sigma: 5.0,
                    nearest,
                    fill: [9; 3],
                    seed: 4,
                };
                let mut after = before.clone();
                run(&elastic, &mut after, size, &mut Scratch::default());
                assert_eq!(after, before, "{size}");
                elastic.alpha = 500.0;
                run(&elastic, &mut after, size, &mut Scratch::default());
                let mut again = before.clone();
                run(&elastic, &mut again, size, &mut Scratch::default());
                assert_eq!(after, again);
            }
        }
    }
}
