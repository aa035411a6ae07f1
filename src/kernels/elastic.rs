//! Elastic fields as torchvision has them.

use super::filter::{self, Shape, rounded, widened};
use super::noise::Bits;
use super::spare::{Spare, sized};
use crate::geometry::Size;
use crate::kernels::PadMode;

/// Pixels moved by a smooth random field: torchvision's `ElasticTransform`, in f32 and rounded half
/// to even.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elastic {
    /// The strength: the field, uniform between -1 and 1 before it is smoothed, is multiplied by
    /// half of this to give pixels.
    pub alpha: f32,
    /// The deviation in pixels of the Gaussian that smooths it, cut at four deviations; 0 leaves
    /// it rough.
    pub sigma: f32,
    /// Reads the nearest pixel, where two by two are usual.
    pub nearest: bool,
    /// What stands outside the image.
    pub fill: [u8; 3],
    /// Where the random numbers begin.
    pub seed: u64,
}

impl std::fmt::Display for Elastic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "elastic alpha={:.4} sigma={:.4}", self.alpha, self.sigma)
    }
}

/// How far to the right, then how far down each pixel of the new image reads.
pub(crate) fn field<'a>(elastic: &Elastic, frame: Size, spare: &'a mut Spare) -> &'a mut [f32] {
    let gray = Shape::gray(frame);
    let fields = sized(&mut spare.field, 2 * gray.len());
    let mut bits = Bits::new(elastic.seed);
    let half = elastic.alpha / 2.0;
    for field in fields.chunks_exact_mut(gray.len()) {
        field
            .iter_mut()
            .for_each(|value| *value = bits.uniform(-1.0, 1.0));
        if elastic.sigma > 0.0 {
            // torchvision's kernel of 8 sigma + 1 pixels, made odd.
            let radius = (8.0 * f64::from(elastic.sigma) + 1.0) as usize / 2;
            let buffers = (&mut spare.weights, &mut spare.middle);
            let size = (f64::from(elastic.sigma), radius);
            filter::gaussian_blur(field, gray, size, PadMode::Reflect, buffers);
        }
        field.iter_mut().for_each(|value| *value *= half);
    }
    fields
}

pub(crate) fn run(elastic: &Elastic, pixels: &mut [u8], frame: Size, spare: &mut Spare) {
    let (shape, gray) = (Shape::rgb(frame), Shape::gray(frame));
    field(elastic, frame, spare);
    let fields = &spare.field[..2 * gray.len()];
    let (right, down) = fields.split_at(gray.len());
    let plane = widened(pixels, &mut spare.plane).as_chunks::<3>().0;
    let fill = elastic.fill.map(f32::from);
    let (width, height) = (i64::from(frame.width), i64::from(frame.height));
    let read = |x: i64, y: i64| {
        let inside = (0..width).contains(&x) && (0..height).contains(&y);
        inside.then(|| plane[(y * width + x) as usize])
    };
    for (y, line) in pixels.chunks_exact_mut(shape.stride()).enumerate() {
        for (x, pixel) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
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
            // torchvision samples black outside before it blends, so that edges are darker than the
            // fill.
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
            let frame = Size { width, height };
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
                run(&elastic, &mut after, frame, &mut Spare::default());
                assert_eq!(after, before, "{frame}");
                elastic.alpha = 500.0;
                run(&elastic, &mut after, frame, &mut Spare::default());
                let mut again = before.clone();
                run(&elastic, &mut again, frame, &mut Spare::default());
                assert_eq!(after, again);
            }
        }
    }
}
