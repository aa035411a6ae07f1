//! SmoothMix: a Gaussian mask.

use serde::{Deserialize, Serialize};

use super::once;
use crate::error::Result;
use crate::geometry::Size;
use crate::mix::params::mixer_basics;
use crate::mix::{Blend, Mask, MixPlan, MixResult, Mixer};
use crate::rng::RandomStream;
use crate::spec::check_ends;

/// A Gaussian of the partner anywhere in the image; Lee et al., 2020 (CVPR workshops).
///
/// Its standard deviation is uniform in `sigma` ([0.25, 0.5]) times the height. Labels weigh by the
/// mean of the mask. (OpenMixup exchanges the two labels' weights, which is not done here.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmoothMix {
    #[serde(default = "quarter_to_half")]
    sigma: [f64; 2],
}

fn quarter_to_half() -> [f64; 2] {
    [0.25, 0.5]
}

impl Default for SmoothMix {
    fn default() -> SmoothMix {
        SmoothMix {
            sigma: quarter_to_half(),
        }
    }
}

#[derive(Debug)]
struct Gaussian {
    /// Columns and rows from the middle.
    shift: [i64; 2],
    sigma: f64,
}

impl SmoothMix {
    /// The mask of a Gaussian so many columns and rows from the middle, `sigma` pixels wide.
    pub fn mask([rx, ry]: [i64; 2], sigma: f64, frame: Size) -> Mask {
        let line = |length: u32, shift: i64| -> Vec<f64> {
            let center = f64::from(length) / 2.0 - 0.5 + shift as f64;
            let weight = |at: u32| {
                let distance = f64::from(at) - center;
                libm::exp(-distance * distance / (2.0 * sigma * sigma))
            };
            (0..length).map(weight).collect()
        };
        let (down, across) = (line(frame.height, ry), line(frame.width, rx));
        let rows = down
            .iter()
            .flat_map(|v| across.iter().map(move |h| (v * h) as f32));
        Mask::new(frame, rows.collect())
    }
}

impl Mixer for SmoothMix {
    mixer_basics!("smoothmix");

    fn check(&self) -> Result<()> {
        check_ends("sigma", self.sigma, [1e-3, 1e3])
    }

    fn draw(&self, rng: &mut RandomStream, frame: Size) -> MixPlan {
        let mut shift =
            |length: u32| (rng.below(u64::from(length)) as f64 - f64::from(length) / 2.0) as i64;
        let shift = [shift(frame.width), shift(frame.height)];
        let sigma = rng.uniform(self.sigma[0], self.sigma[1]) * f64::from(frame.height);
        once(Gaussian { shift, sigma }, |gaussian, frame| {
            MixResult::from(Blend::Mask(
                SmoothMix::mask(gaussian.shift, gaussian.sigma, frame).into(),
            ))
        })
    }
}
