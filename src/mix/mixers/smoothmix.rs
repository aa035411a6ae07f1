//! SmoothMix (Lee et al., 2020, CVPR workshops): a Gaussian mask, which has no sharp border that a
//! network could learn to detect.

use super::compute_later;
use crate::declare;
use crate::geometry::Size;
use crate::mix::{Blend, Mask, MixPlan, MixResult, Mixer};
use crate::rng::RandomStream;
use crate::spec::Interval;

/// Shows the partner through a Gaussian at a random position; Lee et al., 2020 (CVPR workshops).
///
/// The weights of labels are the means of the mask. (OpenMixup exchanges the weights of the two
/// labels; this mixer does not.)
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::SmoothMix;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = SmoothMix::new().with_sigma([0.1, 0.3]);
/// assert_mixer(r#"{ mix = "smoothmix", sigma = [0.1, 0.3] }"#, &mixer);
/// ```
#[declare(name = "smoothmix", like = ["SmoothMix", "OpenMixup smoothmix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct SmoothMix {
    /// The standard deviation as a share of the image's height.
    #[param(default = Interval::new(0.25, 0.5), range = [0.001, 1000.0])]
    sigma: Interval,
}

/// The random values of one mask.
#[derive(Debug)]
struct GaussianDraw {
    /// Columns and rows between the center of the Gaussian and the middle of the image.
    shift: [i64; 2],
    /// The standard deviation in pixels.
    sigma: f64,
}

impl SmoothMix {
    /// The mask of a Gaussian with a standard deviation of `sigma` pixels and its center `rx`
    /// columns and `ry` rows from the middle of the image.
    pub(crate) fn mask([rx, ry]: [i64; 2], sigma: f64, size: Size) -> Mask {
        let line = |length: u32, shift: i64| -> Vec<f64> {
            let center = f64::from(length) / 2.0 - 0.5 + shift as f64;
            let weight = |at: u32| {
                let distance = f64::from(at) - center;
                libm::exp(-distance * distance / (2.0 * sigma * sigma))
            };
            (0..length).map(weight).collect()
        };
        let (down, across) = (line(size.height, ry), line(size.width, rx));
        let rows = down
            .iter()
            .flat_map(|v| across.iter().map(move |h| (v * h) as f32));
        Mask::new(size, rows.collect())
    }
}

impl Mixer for SmoothMix {
    fn draw(&self, rng: &mut RandomStream, size: Size) -> MixPlan {
        let mut shift =
            |length: u32| (rng.below(u64::from(length)) as f64 - f64::from(length) / 2.0) as i64;
        let shift = [shift(size.width), shift(size.height)];
        let sigma = self.sigma.draw(rng) * f64::from(size.height);
        compute_later(GaussianDraw { shift, sigma }, |gaussian, size| {
            MixResult::from(Blend::Mask(
                SmoothMix::mask(gaussian.shift, gaussian.sigma, size).into(),
            ))
        })
    }
}
