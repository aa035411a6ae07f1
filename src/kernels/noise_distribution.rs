//! Distributions of noise, each a table of quantiles that 16 uniform bits index.

use std::sync::LazyLock;

use super::pixel_rng::Normals;

/// A distribution of noise around 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoiseDistribution {
    /// Normal with a deviation of 1.
    Normal,
    /// Laplace with a scale of 1, so that its deviation is the square root of 2.
    Laplace,
    /// Uniform from -1 to 1.
    Uniform,
}

impl NoiseDistribution {
    /// The quantiles in the middle of 65536 equal steps of probability, in ascending order.
    pub(super) fn quantiles(self) -> &'static [f32; 65536] {
        static LAPLACE: LazyLock<Vec<f32>> = LazyLock::new(|| (0..65536).map(laplace).collect());
        static UNIFORM: LazyLock<Vec<f32>> = LazyLock::new(|| (0..65536).map(uniform).collect());
        fn laplace(i: i32) -> f32 {
            let p = (f64::from(i.min(65535 - i)) + 0.5) / 65536.0;
            let distance = -libm::log(2.0 * p) as f32;
            if i < 32768 { -distance } else { distance }
        }
        fn uniform(i: i32) -> f32 {
            (2.0 * (f64::from(i) + 0.5) / 65536.0 - 1.0) as f32
        }
        let table = match self {
            NoiseDistribution::Normal => return Normals::all(),
            NoiseDistribution::Laplace => LAPLACE.as_slice(),
            NoiseDistribution::Uniform => UNIFORM.as_slice(),
        };
        table.try_into().expect("one for each number of 16 bits")
    }
}
