//! The jigsaw pretext task. `any_res` says why pieces are views.
//!
//! The views must share one permutation. They draw it from the stream that all views of a sample share
//! ([`RandomStream::shared`]).

use crate::augment::steps::Crop;
use crate::augment::{Filter, Op, PadMode, Steps, steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::{OpKey, RandomStream};
use crate::spec::Derived;

/// Cuts the image into the pieces of a square puzzle and shuffles them; view k of the group is the
/// piece that the permutation puts at k.
///
/// This is the jigsaw pretext task (Noroozi and Favaro, 2016, arXiv 1603.09246), with the tiles of
/// ScatSimCLR (Kinakh et al., 2021, arXiv 2108.13939). The permutation is one of a fixed set, and
/// its number is the label. Give the view block a `count` of `grid * grid`.
///
/// The puzzle is the square of the image's shorter side at the top left. With a = side / (2 grid),
/// the piece in row i and column j has its center at x = (2 j + 1) a, y = (2 i + 1) a; it covers
/// the columns from `ceil(x - a)` to `int(x + a)` and the rows likewise.
///
/// # Notes
///
/// * `permutation`: the number of the permutation, the same in all views of the sample.
/// * `piece`: the number of the piece in this view, row by row from 0.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Jigsaw;
/// use feedmill::testing::assert_op;
///
/// let op = Jigsaw::new(64).with_permutations(100);
/// assert_op(r#"{ op = "jigsaw", size = 64, permutations = 100 }"#, &op);
/// ```
#[declare(
    name = "jigsaw",
    families = [Geometric],
    like = ["ScatSimCLR", "imgaug Jigsaw"],
    strengths = [
        "size = 32",
        "size = 32, grid = 2, permutations = 24",
        "size = 32, grid = 4",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Jigsaw {
    /// The side that each piece is resized to.
    #[param(required, range = [1.0, 4096.0], unit = "pixels")]
    size: u32,
    /// The pieces in each direction.
    #[param(default = 3, range = [2.0, 8.0])]
    grid: u32,
    /// The size of the set, which is the number of classes; at most 24 for a grid of 2. The members
    /// differ in as many places as a greedy search can find.
    #[param(default = 35, range = [1.0, 1000.0])]
    permutations: u32,
    /// The seed that the set is drawn from. It is not the seed of the recipe, so that runs of
    /// different seeds share the meaning of the labels.
    #[param(default = 0)]
    set_seed: u64,
    /// The filter of the resize.
    #[param(default)]
    filter: Filter,
    /// The permutations: `set[label][view]` is the number of a piece.
    #[param(derived)]
    set: Derived<Vec<Vec<u8>>>,
}

impl Op for Jigsaw {
    fn check(&self) -> Result<()> {
        // Four pieces have 4! = 24 permutations; asking for more would never end.
        if self.grid == 2 && self.permutations > 24 {
            return Err(Error::config(format!(
                "permutations = {}: four pieces have 24",
                self.permutations
            ))
            .about_key("permutations"));
        }
        Ok(())
    }

    fn output_size(&self, _: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.size,
            height: self.size,
        })
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("permutation".into(), 1), ("piece".into(), 1)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let pieces = (self.grid * self.grid) as usize;
        let set = self
            .set
            .get_or_init(|| permutations(pieces, self.permutations as usize, self.set_seed));
        // From the stream of view 0, so that all pieces have the same label.
        let label = rng.shared().below(set.len() as u64) as usize;
        let (nth, _) = steps.view();
        let order = &set[label];
        let piece = u32::from(order[nth % order.len()]);
        let size = steps.size();
        let a = f64::from(size.width.min(size.height)) / f64::from(2 * self.grid);
        let span = |number: u32| {
            let center = f64::from(2 * number + 1) * a;
            let start = (center - a).ceil() as i64;
            (start, (((center + a) as i64) - start).max(1) as u32)
        };
        let (left, width) = span(piece % self.grid);
        let (top, height) = span(piece / self.grid);
        steps.note("permutation", &[label as i64]);
        steps.note("piece", &[i64::from(piece)]);
        steps.push(Crop {
            left,
            top,
            size: Size { width, height },
            pad: PadMode::Edge,
        });
        steps.push(steps::Resize {
            size: Size {
                width: self.size,
                height: self.size,
            },
            filter: self.filter,
        });
    }
}

/// Returns `count` different permutations of `pieces` numbers that are far from each other in
/// Hamming distance.
///
/// The choice is greedy, as in Noroozi and Favaro: the first permutation is random, and each
/// further one is that of 1000 random candidates whose distance to the nearest chosen one is
/// largest. Looking at all 9! permutations in each round would be exact, but takes too long for
/// something that is computed whenever a recipe is read.
fn permutations(pieces: usize, count: usize, seed: u64) -> Vec<Vec<u8>> {
    let at = crate::rng::Coord {
        epoch: 0,
        sample: 0,
        occurrence: 0,
        view: 0,
        op: OpKey::of("jigsaw set"),
    };
    let mut rng = RandomStream::keyed(seed, at);
    let mut shuffled = || {
        let mut order: Vec<u8> = (0..pieces as u8).collect();
        rng.shuffle(&mut order);
        order
    };
    let mut set = vec![shuffled()];
    let distance = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a != b).count();
    while set.len() < count {
        let least = |order: &Vec<u8>| {
            set.iter()
                .map(|chosen| distance(chosen, order))
                .min()
                .unwrap_or(0)
        };
        // The first of equals stays. A candidate at distance 0 is in the set already, so a round of
        // nothing else adds nothing and is repeated.
        let mut best = (0, Vec::new());
        for _ in 0..1000 {
            let candidate = shuffled();
            let far = least(&candidate);
            if far > best.0 {
                best = (far, candidate);
            }
        }
        if best.0 > 0 {
            set.push(best.1);
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_are_different_and_far_apart() {
        let set = permutations(9, 35, 0);
        assert_eq!(set.len(), 35);
        for (number, a) in set.iter().enumerate() {
            for b in &set[..number] {
                assert!(a.iter().zip(b).filter(|(a, b)| a != b).count() >= 6);
            }
        }
        assert_eq!(permutations(4, 24, 1).len(), 24);
    }
}
