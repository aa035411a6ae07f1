//! Thresholds that divide the values of a plane in two, with the rules of scikit-image
//! (`skimage.filters.thresholding`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule for a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Threshold {
    /// The largest variance between the two parts; Otsu (1979).
    Otsu,
    /// The largest correlation; Yen, Chang and Chang (1995).
    Yen,
    /// The mean.
    Mean,
    /// Half way between the means of the two parts; Ridler and Calvard (1978).
    Isodata,
    /// The least cross entropy; Li and Tam (1998).
    Li,
}

impl Threshold {
    /// All rules.
    pub const ALL: [Threshold; 5] = [
        Threshold::Otsu,
        Threshold::Yen,
        Threshold::Mean,
        Threshold::Isodata,
        Threshold::Li,
    ];
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Threshold::Otsu => "otsu",
            Threshold::Yen => "yen",
            Threshold::Mean => "mean",
            Threshold::Isodata => "isodata",
            Threshold::Li => "li",
        })
    }
}

/// The threshold if a rule finds none.
const NONE: f64 = 0.5;

const BINS: usize = 256;

/// The threshold of values that are not negative.
pub(super) fn find(rule: Threshold, values: &[f64]) -> f64 {
    let (least, most) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(least, most), value| {
            (least.min(*value), most.max(*value))
        });
    if least == most {
        return least;
    }
    match rule {
        Threshold::Mean => values.iter().sum::<f64>() / values.len() as f64,
        Threshold::Li => li(values, least),
        binned => {
            let edge = |bin: usize| least + (most - least) * bin as f64 / BINS as f64;
            let mut counts = [0u32; BINS];
            for value in values {
                let bin = ((value - least) / (most - least) * BINS as f64) as usize;
                let mut bin = bin.min(BINS - 1);
                // Rounding may have put the value on the wrong side of an edge.
                if *value < edge(bin) {
                    bin -= 1;
                } else if bin < BINS - 1 && *value >= edge(bin + 1) {
                    bin += 1;
                }
                counts[bin] += 1;
            }
            let center = |bin: usize| (edge(bin) + edge(bin + 1)) / 2.0;
            match binned {
                Threshold::Otsu => center(otsu(&counts, center)),
                Threshold::Yen => center(yen(&counts)),
                _ => isodata(&counts, center).map_or(NONE, center),
            }
        }
    }
}

/// The first bin with the largest score, the last bin excluded.
fn best(score: impl FnMut(usize) -> f64) -> usize {
    let scores = (0..BINS - 1).map(score).enumerate();
    scores
        .fold((0, f64::MIN), |best, (bin, score)| {
            if score > best.1 { (bin, score) } else { best }
        })
        .0
}

/// The number of values in all bins and their sum.
fn totals(counts: &[u32; BINS], center: impl Fn(usize) -> f64) -> (f64, f64) {
    let bins = counts.iter().enumerate();
    bins.fold((0.0, 0.0), |(weight, sum), (bin, count)| {
        (
            weight + f64::from(*count),
            sum + f64::from(*count) * center(bin),
        )
    })
}

fn otsu(counts: &[u32; BINS], center: impl Fn(usize) -> f64) -> usize {
    let (count, total) = totals(counts, &center);
    let (mut weight, mut sum) = (0.0, 0.0);
    best(|bin| {
        weight += f64::from(counts[bin]);
        sum += f64::from(counts[bin]) * center(bin);
        let apart = sum / weight - (total - sum) / (count - weight);
        weight * (count - weight) * apart * apart
    })
}

/// Computes in f32 as scikit-image does: neighboring bins often have nearly equal scores, and the
/// first of equals is taken.
fn yen(counts: &[u32; BINS]) -> usize {
    let count = counts.iter().sum::<u32>() as f32;
    let fraction = counts.map(|times| times as f32 / count);
    let mut squares_above = [0.0f32; BINS];
    let mut sum = 0.0;
    for bin in (0..BINS).rev() {
        sum += fraction[bin] * fraction[bin];
        squares_above[bin] = sum;
    }
    let (mut below, mut squares) = (0.0f32, 0.0f32);
    best(|bin| {
        below += fraction[bin];
        squares += fraction[bin] * fraction[bin];
        let parted = below * (1.0 - below);
        f64::from(libm::logf(
            1.0 / (squares * squares_above[bin + 1]) * (parted * parted),
        ))
    })
}

fn isodata(counts: &[u32; BINS], center: impl Fn(usize) -> f64) -> Option<usize> {
    let (count, total) = totals(counts, &center);
    let (mut weight, mut sum) = (0.0, 0.0);
    let width = center(1) - center(0);
    (0..BINS - 1).find(|bin| {
        weight += f64::from(counts[*bin]);
        sum += f64::from(counts[*bin]) * center(*bin);
        let distance = (sum / weight + (total - sum) / (count - weight)) / 2.0 - center(*bin);
        (0.0..width).contains(&distance)
    })
}

/// Iterates until no value changes sides.
fn li(values: &[f64], least: f64) -> f64 {
    let mut level = values.iter().map(|value| value - least).sum::<f64>() / values.len() as f64;
    let mut before = usize::MAX;
    loop {
        let (mut above, mut count, mut below) = (0.0, 0, 0.0);
        for value in values.iter().map(|value| value - least) {
            if value > level {
                above += value;
                count += 1;
            } else {
                below += value;
            }
        }
        if below == 0.0 || count == before || count == 0 {
            return level + least;
        }
        before = count;
        let (above, below) = (above / count as f64, below / (values.len() - count) as f64);
        level = (below - above) / (libm::log(below) - libm::log(above));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_heaps_are_parted() {
        let values: Vec<f64> = (0..400)
            .map(|i| if i % 4 == 0 { 3.0 } else { 1.0 } + f64::from(i % 7) * 0.01)
            .collect();
        for rule in Threshold::ALL {
            let found = find(rule, &values);
            assert!((1.05..3.0).contains(&found), "{rule}: {found}");
        }
    }
}
