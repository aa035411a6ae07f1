//! Masks of planes.

use crate::augment::{Op, Steps, steps};
use crate::declare;
use crate::rng::RandomStream;

/// Adds a copy of a plane of one channel, named `NAME.masked`, in which random patches are 0; AiT
/// (Ning et al., 2023). The image stays as it is.
///
/// The recipe needs a `[joint]` table, without which the op does nothing. The sides of the view
/// have to be multiples of `patch` at this point.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::PlaneMasking;
/// use feedmill::testing::assert_op;
///
/// let op = PlaneMasking::new("depth").with_patch(8);
/// assert_op(r#"{ op = "plane_mask", plane = "depth", patch = 8 }"#, &op);
/// ```
#[declare(
    name = "plane_mask",
    like = ["AiT"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneMasking {
    /// The name of the plane.
    #[param(required)]
    plane: String,
    /// The side of a patch.
    #[param(default = 16, range = [1.0, 16384.0], unit = "pixels")]
    patch: u32,
    /// The share of patches that are set to 0; their number is rounded up.
    #[param(default = 0.5, range = [0.0, 1.0])]
    ratio: f64,
}

impl Op for PlaneMasking {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let size = steps.size();
        let mut cells: Vec<u32> =
            (0..size.width / self.patch * (size.height / self.patch)).collect();
        rng.shuffle(&mut cells);
        cells.truncate((cells.len() as f64 * self.ratio).ceil() as usize);
        steps.push(steps::PlaneMask {
            plane: self.plane.clone(),
            patch: self.patch,
            cells,
        });
    }
}
