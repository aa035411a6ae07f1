//! Edges by a small kernel. `sharpen` says how these kernels work.

use crate::augment::steps::Convolve;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::rng::RandomStream;
use crate::spec::ParamRange;

/// Shows edges, by a Laplacian of four neighbors or by the difference in one direction.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::EdgeDetect;
/// use feedmill::testing::assert_op;
///
/// let op = EdgeDetect::new().with_direction([0.0, 1.0]);
/// assert_op(r#"{ op = "edge_detect", direction = [0, 1] }"#, &op);
/// ```
#[declare(
    name = "edge_detect",
    families = [Convolutional],
    like = ["imgaug EdgeDetect", "imgaug DirectedEdgeDetect"],
    strengths = [
        "alpha = 0.3", "alpha = 0.7", "alpha = 1.0, direction = 0.25"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeDetect {
    /// The share of the edges.
    #[param(default = ParamRange::Fixed(1.0), range = [0.0, 1.0])]
    alpha: ParamRange,
    /// If it is set, only the neighbors in that direction are subtracted; 0 is up, 0.25 right.
    #[param(default, range = [0.0, 1.0], unit = "turns")]
    direction: Option<ParamRange>,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for EdgeDetect {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let alpha = self.alpha.draw(rng) as f32;
            steps.push(match self.direction {
                None => Convolve::edge_detect(alpha),
                Some(direction) => Convolve::directed_edge_detect(alpha, direction.draw(rng)),
            });
        }
    }
}
