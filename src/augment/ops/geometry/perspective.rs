//! Perspective maps. `rotate` says whose bytes they have.

use crate::augment::steps::Warp;
use crate::augment::{Op, Steps, WarpFilter, matrix};
use crate::declare;
use crate::geometry::Size;
use crate::rng::RandomStream;

/// Shows the image as if seen from another side, by moving its corners inwards.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Perspective;
/// use feedmill::testing::assert_op;
///
/// let op = Perspective::new().with_distortion(0.3).with_p(1.0);
/// assert_op(r#"{ op = "perspective", distortion = 0.3, p = 1 }"#, &op);
/// ```
#[declare(
    name = "perspective",
    families = [Geometric],
    like = ["torchvision RandomPerspective", "albumentations Perspective"],
    strengths = [
        "distortion = 0.2, p = 1.0",
        "distortion = 0.5, p = 1.0",
        "distortion = 0.9, p = 1.0",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Perspective {
    /// How far each corner may move inwards, as a share of half a side.
    #[param(default = 0.5, range = [0.0, 1.0])]
    distortion: f64,
    /// How it reads between pixels.
    #[param(default = WarpFilter::Bilinear)]
    filter: WarpFilter,
    /// The color outside of the image.
    #[param(default = [0; 3])]
    fill: [u8; 3],
    /// The probability that the op is applied.
    #[param(default = 0.5, range = [0.0, 1.0])]
    p: f64,
    /// The places of the corners, instead of a draw: top left, top right, bottom right, bottom
    /// left, each `[x, y]` as shares of the sides.
    #[param(default, range = [-1.0, 2.0])]
    corners: Option<[[f64; 2]; 4]>,
}

impl Op for Perspective {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let drawn = self.draw_corners(rng, steps.size());
        let size = steps.size();
        let (w, h) = (f64::from(size.width - 1), f64::from(size.height - 1));
        let starts = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)];
        let ends = self
            .corners
            .map_or(drawn, |corners| corners.map(|[x, y]| (x * w, y * h)));
        // The corners of an image of one row or column are on a line, so there is no such map, and the
        // image stays as it is.
        if applies && let Some(matrix) = matrix::perspective(starts, ends) {
            steps.push(Warp {
                matrix,
                filter: self.filter,
                fill: self.fill,
                size,
            });
        }
    }
}

impl Perspective {
    /// Draws where the corners go: top left, top right, bottom right, bottom left.
    fn draw_corners(&self, rng: &mut RandomStream, size: Size) -> [(f64, f64); 4] {
        let (w, h) = (i64::from(size.width), i64::from(size.height));
        let reach = |side: i64| (self.distortion * (side / 2) as f64) as i64 + 1;
        let (bw, bh) = (reach(w), reach(h));
        // As torchvision's `randint`, whose upper end is not included.
        let mut between =
            |low: i64, high: i64| (low + rng.below((high - low).max(1) as u64) as i64) as f64;
        let mut corner = |right: bool, low: bool| {
            let x = if right {
                between(w - bw, w)
            } else {
                between(0, bw)
            };
            let y = if low {
                between(h - bh, h)
            } else {
                between(0, bh)
            };
            (x, y)
        };
        [
            corner(false, false),
            corner(true, false),
            corner(true, true),
            corner(false, true),
        ]
    }
}
