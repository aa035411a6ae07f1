//! Draws by weight: prefix sums, searched by bisection.

use crate::rng::RandomStream;

/// The sums of weights up to each.
pub(super) fn cumulated<T: FromIterator<f64>>(weights: Vec<f64>) -> T {
    let mut sum = 0.0;
    let add = |weight: f64| {
        sum += weight;
        sum
    };
    weights.into_iter().map(add).collect()
}

/// The first index whose sum is above a uniform draw of the whole.
pub(super) fn by_sums(sums: &[f64], rng: &mut RandomStream) -> usize {
    let at = rng.unit() * sums[sums.len() - 1];
    // Rounding may bring the draw to the whole sum: then it is the last one that adds anything.
    sums.partition_point(|sum| *sum <= at)
        .min(sums.partition_point(|sum| *sum < sums[sums.len() - 1]))
}
