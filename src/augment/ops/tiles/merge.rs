//! Merging of tiles that look alike: average-link clustering.
//!
//! DC2 shows a vision-language model fewer tiles by merging similar ones. Which are similar depends
//! on the model's features, so this is a function for the user's code and not an op. Clusters are
//! found by the plain method, which computes all mean distances in each round: with the four tiles
//! of a node there is nothing to gain from a faster one. Tests compare with scipy's
//! `linkage(…, "average", "cosine")`.

use crate::error::{Error, Result};
use crate::geometry::Size;

/// A tile that one or more tiles were merged into.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergedTile {
    /// The numbers of the merged tiles, ascending.
    pub members: Vec<usize>,
    /// Their mean, truncated to levels: rows of RGB.
    pub pixels: Vec<u8>,
}

/// Merges tiles that look alike into their mean, as DC2 does with the four quadrants of a node
/// (Wang et al., 2024, arXiv 2408.15556; [`Quadrants`](super::Quadrants) makes them).
///
/// * `tiles`: rows of RGB, all of size `frame`.
/// * `features`: one vector for each tile, such as the model's. Without them, a tile is described
///   by its mean grays on a grid of 8 x 8.
/// * `threshold` (0 to 2; 0.1 in the paper): two clusters are merged while the mean cosine distance
///   between their members is at most this.
///
/// Vectors of zeros have distance 0 from each other and 1 from all others. The result is in the
/// order of the first members.
///
/// # Errors
///
/// [`crate::Kind::Config`] if a tile has another size, the number of vectors is not that of the
/// tiles, vectors have different lengths or values that are not finite, or the threshold is out of
/// range.
///
/// # Example: merge two equal tiles
///
/// ```
/// use feedmill::augment::ops::merge_similar;
/// use feedmill::geometry::Size;
///
/// let (black, gray) = ([0; 8 * 8 * 3], [100; 8 * 8 * 3]);
/// let merged = merge_similar(&[&gray, &black, &gray], Size::square(8), None, 0.1)?;
/// assert_eq!(merged[0].members, [0, 2]);
/// assert_eq!(merged[1].members, [1]);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn merge_similar(
    tiles: &[&[u8]],
    frame: Size,
    features: Option<&[&[f32]]>,
    threshold: f64,
) -> Result<Vec<MergedTile>> {
    let bytes = frame.width as usize * frame.height as usize * 3;
    if let Some(number) = tiles.iter().position(|tile| tile.len() != bytes) {
        let found = tiles[number].len();
        return Err(Error::config(format!(
            "tile {number} has {found} bytes; {frame} RGB has {bytes}"
        )));
    }
    if !(0.0..=2.0).contains(&threshold) {
        return Err(Error::config(format!(
            "threshold = {threshold}: expected 0 to 2"
        )));
    }
    let own: Vec<Vec<f32>>;
    let features: Vec<&[f32]> = match features {
        Some(features) => features.to_vec(),
        None => {
            own = tiles.iter().map(|tile| thumbnail(tile, frame)).collect();
            own.iter().map(Vec::as_slice).collect()
        }
    };
    if features.len() != tiles.len() {
        let (found, expected) = (features.len(), tiles.len());
        return Err(Error::config(format!(
            "features of {found} tiles for {expected}"
        )));
    }
    let length = features.first().map_or(0, |first| first.len());
    let valid =
        |vector: &&[f32]| vector.len() == length && vector.iter().all(|value| value.is_finite());
    if let Some(number) = features.iter().position(|vector| !valid(vector)) {
        return Err(Error::config(format!(
            "the features of tile {number}: expected {length} finite numbers"
        )));
    }
    let clusters = clusters(&features, threshold).into_iter();
    Ok(clusters
        .map(|members| MergedTile {
            pixels: mean(tiles, &members, bytes),
            members,
        })
        .collect())
}

/// The mean gray of each cell of an 8 x 8 grid over the tile, row by row.
fn thumbnail(tile: &[u8], frame: Size) -> Vec<f32> {
    let (width, height) = (frame.width as usize, frame.height as usize);
    let pixels = tile.as_chunks::<3>().0;
    let mut cells = Vec::with_capacity(64);
    for cell in 0..64 {
        let span = |n: usize, length: usize| {
            let start = n * length / 8;
            start..((n + 1) * length / 8).max(start + 1).min(length)
        };
        let (rows, columns) = (span(cell / 8, height), span(cell % 8, width));
        let count = (rows.len() * columns.len()).max(1);
        let sum: u64 = rows
            .flat_map(|y| columns.clone().map(move |x| y * width + x))
            .map(|at| {
                let [r, g, b] = pixels[at].map(u64::from);
                299 * r + 587 * g + 114 * b
            })
            .sum();
        cells.push((sum as f64 / count as f64 / 1000.0) as f32);
    }
    cells
}

/// The cosine distance of two vectors: 0 for the same direction, 2 for opposite ones.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    let norms = dot(a, a) * dot(b, b);
    if norms == 0.0 {
        return if a == b { 0.0 } else { 1.0 };
    }
    1.0 - dot(a, b) / norms.sqrt()
}

/// Average-link clustering: joins the two clusters with the smallest mean distance, as long as that
/// is at most the threshold. Clusters and their members are in ascending order.
fn clusters(features: &[&[f32]], threshold: f64) -> Vec<Vec<usize>> {
    let mut clusters: Vec<Vec<usize>> = (0..features.len()).map(|tile| vec![tile]).collect();
    loop {
        let mut least: Option<(f64, usize, usize)> = None;
        for second in 0..clusters.len() {
            for first in 0..second {
                let (a, b) = (&clusters[first], &clusters[second]);
                let pairs = a.iter().flat_map(|i| b.iter().map(move |j| (i, j)));
                let sum: f64 = pairs
                    .map(|(i, j)| distance(features[*i], features[*j]))
                    .sum();
                let mean = sum / (a.len() * b.len()) as f64;
                if least.is_none_or(|(before, ..)| mean < before) {
                    least = Some((mean, first, second));
                }
            }
        }
        match least {
            Some((mean, first, second)) if mean <= threshold => {
                let joined = clusters.remove(second);
                clusters[first].extend(joined);
                clusters[first].sort_unstable();
            }
            _ => return clusters,
        }
    }
}

/// The mean of the tiles `members`, value by value, truncated.
fn mean(tiles: &[&[u8]], members: &[usize], bytes: usize) -> Vec<u8> {
    let sum = |at: usize| {
        members
            .iter()
            .map(|member| u64::from(tiles[*member][at]))
            .sum::<u64>()
    };
    (0..bytes)
        .map(|at| (sum(at) / members.len() as u64) as u8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Size = Size {
        width: 16,
        height: 24,
    };

    fn tile(level: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        (0..24)
            .flat_map(|y| (0..16).map(move |x| (x, y)))
            .flat_map(|(x, y)| [level(x, y); 3])
            .collect()
    }

    #[test]
    fn tiles_that_look_alike_become_their_mean() {
        let falling = tile(|_, y| 240 - 10 * y as u8);
        let brighter = tile(|_, y| 251 - 10 * y as u8);
        let rising = tile(|_, y| 10 * y as u8);
        let black = tile(|_, _| 0);
        let tiles = [&falling[..], &rising, &brighter, &black];
        let merged = merge_similar(&tiles, FRAME, None, 0.1).unwrap();
        let members: Vec<_> = merged.iter().map(|tile| &tile.members[..]).collect();
        assert_eq!(members, [&[0, 2][..], &[1], &[3]]);
        assert_eq!(
            merged[0].pixels,
            tile(|_, y| 245 - 10 * y as u8),
            "half a level is cut off"
        );
        assert_eq!(merged[1].pixels, rising);
        assert_eq!(merge_similar(&tiles, FRAME, None, 2.0).unwrap().len(), 1);
        assert_eq!(merge_similar(&[], FRAME, None, 0.1).unwrap(), []);
    }

    #[test]
    fn clusters_are_those_of_average_linkage() {
        // scipy 1.17: linkage(vectors, "average", "cosine"), fcluster(…, t, "distance").
        let vectors: [&[f32]; 5] = [
            &[1.0, 0.0],
            &[1.0, 0.3],
            &[0.0, 1.0],
            &[0.3, 1.0],
            &[1.0, 0.9],
        ];
        for (threshold, expected) in [(0.01, 5), (0.05, 3), (0.17, 3), (0.18, 2), (0.6, 1)] {
            assert_eq!(clusters(&vectors, threshold).len(), expected, "{threshold}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let pixels = tile(|_, _| 9);
        let refused = |tiles: &[&[u8]], features: Option<&[&[f32]]>, threshold| {
            merge_similar(tiles, FRAME, features, threshold)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(&[&pixels, &pixels[3..]], None, 0.1).contains("tile 1 has 1149 bytes"));
        assert!(refused(&[&pixels], None, f64::NAN).contains("threshold"));
        assert!(refused(&[&pixels], Some(&[]), 0.1).contains("features of 0 tiles for 1"));
        assert!(refused(&[&pixels], Some(&[&[f32::NAN]]), 0.1).contains("tile 0"));
    }
}
