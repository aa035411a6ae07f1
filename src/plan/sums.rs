//! Draws by weight: prefix sums, searched by bisection.

use crate::rng::RandomStream;

/// The prefix sums of the weights: entry `i` is the sum of the weights `0..=i`.
pub(super) fn cumulative<T: FromIterator<f64>>(weights: Vec<f64>) -> T {
    let mut sum = 0.0;
    let add = |weight: f64| {
        sum += weight;
        sum
    };
    weights.into_iter().map(add).collect()
}

/// An index drawn in proportion to its weight, from the prefix sums of the weights: the first with
/// a sum above a uniform draw from 0 to the total. Takes one draw.
pub(super) fn draw_index(sums: &[f64], rng: &mut RandomStream) -> usize {
    let total = sums[sums.len() - 1];
    let at = rng.unit() * total;
    // Rounding may bring the draw up to the total, which no sum is above. The last index of
    // positive weight has it then, not the last index.
    sums.partition_point(|sum| *sum <= at)
        .min(sums.partition_point(|sum| *sum < total))
}
