//! Ops that give each view of a group another tile of the image: [`AnyRes`] and [`Quadrants`] for
//! vision-language models, [`Jigsaw`] for the pretext task.
//!
//! A batch has a fixed shape, but the number of tiles depends on the image. So a tile is a view:
//! the view block's `count` is the largest number of tiles, view k shows tile k, and views that
//! have no tile are black. Notes tell the model which ones are real. Each view computes the layout
//! anew from the size of the image, so views need not know each other. The alternative, one op with
//! several images as output, would have made every step of a program work on a list of images.
//!
//! The views of [`Jigsaw`] must share one permutation. They draw it from the stream that all views
//! of a sample share ([`RandomStream::shared`]).

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Filter, Op, Step, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::kernels::PadMode;
use crate::rng::{OpKey, RandomStream};
use crate::spec::{ParamRange, is_default};

/// Cuts the image into the tiles of the grid that suits its shape best; view k of the group is tile
/// k - 1, and view 0 is the whole image, squeezed to one tile.
///
/// This is AnyRes of LLaVA-NeXT (Liu et al., 2024). The image is resized to fit into the grid
/// without changing its shape, centered, padded with black, and cut row by row. Views beyond the
/// grid are black. Give the view block a `count` of one more than the largest grid has tiles.
///
/// # Parameters
///
/// * `size` (336 pixels; 1 to 4096): the side of a tile.
/// * `grids` (`[[1, 2], [2, 1], [2, 2], [3, 1], [1, 3]]`; sides from 1 to 64): the grids to choose
///   from, as `[columns, rows]`. The grid that keeps the most pixels wins, among equals the one
///   with the least padding, then the first: LLaVA-NeXT's `select_best_resolution`. `"slime"` tries
///   all grids of n - 1 to n + 1 tiles with n = `ceil(area / size^2)`, limited to 2 to 6: SliME
///   (Zhang et al., 2024, arXiv 2406.08487).
/// * `filter` (`"bicubic"`): the filter of all resizing.
///
/// # Notes
///
/// * `tiles`: the number of tiles, without view 0.
/// * `grid`: columns, rows.
/// * `box`: left, top, width, height of the image on the grid, in pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnyRes {
    size: u32,
    #[serde(deserialize_with = "crate::spec::read_integers")]
    grids: Grids,
    filter: Filter,
}

/// The grids that an image may be cut into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a list of [columns, rows], or \"slime\"")]
enum Grids {
    /// These grids, as `[columns, rows]`.
    List(Vec<[u32; 2]>),
    /// The grids that a rule makes from the size of the image.
    Rule(GridRule),
}

/// A rule that makes grids from the size of the image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum GridRule {
    Slime,
}

impl Default for AnyRes {
    fn default() -> AnyRes {
        let llava = [[1, 2], [2, 1], [2, 2], [3, 1], [1, 3]];
        AnyRes {
            size: 336,
            grids: Grids::List(llava.to_vec()),
            filter: Filter::Bicubic,
        }
    }
}

/// Rates a grid as LLaVA-NeXT does: how many of the image's pixels survive the resize (more is
/// better), and how many pixels of the grid are left for padding (fewer is better).
///
/// Enlarging does not count: an image never covers more than its own number of pixels.
fn covered_and_wasted([columns, rows]: [u32; 2], size: u32, frame: Size) -> (u64, u64) {
    let (w, h) = (f64::from(columns * size), f64::from(rows * size));
    let (width, height) = (f64::from(frame.width), f64::from(frame.height));
    let scale = (w / width).min(h / height);
    let covered =
        ((width * scale) as u64 * (height * scale) as u64).min(width as u64 * height as u64);
    (covered, w as u64 * h as u64 - covered)
}

impl AnyRes {
    /// The best grid for an image, as `[columns, rows]`.
    fn grid(&self, frame: Size) -> [u32; 2] {
        let mut best: Option<([u32; 2], (u64, u64))> = None;
        let mut consider = |grid: [u32; 2]| {
            let (covered, wasted) = covered_and_wasted(grid, self.size, frame);
            // Strict comparisons, so that the first of equal grids wins as in the reference.
            if best.is_none_or(|(_, (most, least))| {
                covered > most || covered == most && wasted < least
            }) {
                best = Some((grid, (covered, wasted)));
            }
        };
        match &self.grids {
            Grids::List(grids) => grids.iter().copied().for_each(&mut consider),
            Grids::Rule(GridRule::Slime) => {
                let area = u64::from(frame.width) * u64::from(frame.height);
                let n =
                    (area.div_ceil(u64::from(self.size) * u64::from(self.size)) as u32).clamp(2, 6);
                // A single tile is not a grid, so the search begins at two.
                for tiles in if n <= 2 { n } else { n - 1 }..=n + 1 {
                    (1..=tiles)
                        .filter(|a| tiles % a == 0)
                        .for_each(|a| consider([a, tiles / a]));
                }
            }
        }
        best.map_or([1, 1], |(grid, _)| grid)
    }
}

impl Op for AnyRes {
    op_basics!("any_res");

    fn check(&self) -> Result<()> {
        ParamRange::Fixed(self.size.into()).check("size", [1.0, 4096.0])?;
        if let Grids::List(grids) = &self.grids {
            if grids.is_empty() {
                return Err(Error::config(
                    "grids is empty: name at least one [columns, rows]",
                ));
            }
            if let Some(grid) = grids
                .iter()
                .find(|grid| grid.iter().any(|side| !(1..=64).contains(side)))
            {
                return Err(Error::config(format!(
                    "grids: {grid:?}: expected 1 to 64 columns and rows"
                )));
            }
        }
        Ok(())
    }

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.size,
            height: self.size,
        })
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("tiles".into(), 1), ("grid".into(), 2), ("box".into(), 4)]
    }

    fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
        let frame = steps.frame();
        let [columns, rows] = self.grid(frame);
        let (grid_width, grid_height) = (columns * self.size, rows * self.size);
        // One side fills the grid exactly; the other is rounded up and limited to the grid.
        let (by_width, by_height) = (
            f64::from(grid_width) / f64::from(frame.width),
            f64::from(grid_height) / f64::from(frame.height),
        );
        let (width, height) = if by_width < by_height {
            (
                grid_width,
                ((f64::from(frame.height) * by_width).ceil() as u32).clamp(1, grid_height),
            )
        } else {
            (
                ((f64::from(frame.width) * by_height).ceil() as u32).clamp(1, grid_width),
                grid_height,
            )
        };
        let (left, top) = ((grid_width - width) / 2, (grid_height - height) / 2);
        steps.note("tiles", &[i64::from(columns * rows)]);
        steps.note("grid", &[columns, rows].map(i64::from));
        steps.note("box", &[left, top, width, height].map(i64::from));
        let size = self.size;
        let (nth, _) = steps.view();
        let Some(tile) = nth.checked_sub(1) else {
            steps.push(Step::Resize {
                width: size,
                height: size,
                filter: self.filter,
            });
            return;
        };
        let tile = tile as u32;
        if tile >= columns * rows {
            // A view without a tile: a crop makes the size right, and its pixels become black. The
            // image is not resized in vain.
            steps.push(Step::Crop {
                left: 0,
                top: 0,
                width: size,
                height: size,
                pad: PadMode::default(),
            });
            steps.push(Step::Blank);
            return;
        }
        steps.push(Step::Resize {
            width,
            height,
            filter: self.filter,
        });
        steps.push(Step::Crop {
            left: i64::from(tile % columns * size) - i64::from(left),
            top: i64::from(tile / columns * size) - i64::from(top),
            width: size,
            height: size,
            pad: PadMode::default(),
        });
    }
}

/// Cuts the image into a tree of quadrants, numbered breadth first; view k of the group is node k:
/// DC2 (Wang et al., 2024, arXiv 2408.15556).
///
/// View 0 is the whole image, views 1 to 4 are its quadrants (top left, bottom left, top right,
/// bottom right), views 5 to 8 the quadrants of the first of these, and so on. A quadrant is half
/// as wide and half as high, rounded down; an odd last row or column is dropped. All nodes are
/// resized to one size. The view block's `count` decides the depth of the tree: 1, 5, 21 or 85
/// views for 0 to 3 levels below the whole image.
///
/// # Parameters
///
/// * `size` (336 pixels; 1 to 4096): the side of each view.
/// * `least` (168 pixels; 1 to 16384): the shortest side that a quadrant may have before resizing.
///   A node whose quadrants would be smaller has none, and the views of the missing ones are black.
/// * `filter` (`"bicubic"`): the filter of the resize.
///
/// # Notes
///
/// * `there`: 1 if the node exists, else 0.
/// * `parent`: the number of the parent's view; -1 for the root.
/// * `box`: left, top, width, height of the node in the image; zeros if it does not exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quadrants {
    size: u32,
    least: u32,
    filter: Filter,
}

impl Default for Quadrants {
    fn default() -> Quadrants {
        Quadrants {
            size: 336,
            least: 168,
            filter: Filter::Bicubic,
        }
    }
}

impl Quadrants {
    /// Left, top, width and height of a node; `None` if its parent is a leaf or missing.
    ///
    /// In breadth-first order the children of node n are 4 n + 1 to 4 n + 4, so the path to the
    /// root follows from the number alone.
    fn node(&self, node: usize, frame: Size) -> Option<[u32; 4]> {
        if node == 0 {
            return Some([0, 0, frame.width, frame.height]);
        }
        let [left, top, width, height] = self.node((node - 1) / 4, frame)?;
        let (w, h) = (width / 2, height / 2);
        if w < self.least || h < self.least {
            return None;
        }
        let quadrant = (node as u32 - 1) % 4;
        Some([left + quadrant / 2 * w, top + quadrant % 2 * h, w, h])
    }
}

impl Op for Quadrants {
    op_basics!("quadrants");

    fn check(&self) -> Result<()> {
        ParamRange::Fixed(self.size.into()).check("size", [1.0, 4096.0])?;
        ParamRange::Fixed(self.least.into()).check("least", [1.0, 16_384.0])
    }

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.size,
            height: self.size,
        })
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("there".into(), 1), ("parent".into(), 1), ("box".into(), 4)]
    }

    fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
        let (node, _) = steps.view();
        let bounds = self.node(node, steps.frame());
        steps.note("there", &[i64::from(bounds.is_some())]);
        steps.note(
            "parent",
            &[if node == 0 { -1 } else { (node as i64 - 1) / 4 }],
        );
        steps.note("box", &bounds.unwrap_or_default().map(i64::from));
        // A missing node is made from one pixel, which is the least to decode, and then blanked.
        let [left, top, width, height] = bounds.unwrap_or([0, 0, 1, 1]);
        let (left, top) = (i64::from(left), i64::from(top));
        steps.push(Step::Crop {
            left,
            top,
            width,
            height,
            pad: PadMode::default(),
        });
        steps.push(Step::Resize {
            width: self.size,
            height: self.size,
            filter: self.filter,
        });
        if bounds.is_none() {
            steps.push(Step::Blank);
        }
    }
}

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
/// # Parameters
///
/// * `size` (required; 1 to 4096 pixels): the side that each piece is resized to.
/// * `grid` (3; 2 to 8): the pieces in each direction.
/// * `permutations` (35; 1 to 1000, at most 24 for a grid of 2): the size of the set, which is the
///   number of classes. The members differ in as many places as a greedy search can find.
/// * `set_seed` (0): the seed that the set is drawn from. It is not the seed of the recipe, so that
///   runs of different seeds share the meaning of the labels.
/// * `filter` (`"bilinear"`): the filter of the resize.
///
/// # Notes
///
/// * `permutation`: the number of the permutation, the same in all views of the sample.
/// * `piece`: the number of the piece in this view, row by row from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "JigsawTable", into = "JigsawTable")]
pub struct Jigsaw {
    table: JigsawTable,
    /// The permutations: `set[label][view]` is the number of a piece.
    set: Vec<Vec<u8>>,
}

/// The parameters of [`Jigsaw`] as a recipe has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JigsawTable {
    size: u32,
    #[serde(default = "three")]
    grid: u32,
    #[serde(default = "thirty_five")]
    permutations: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    set_seed: u64,
    #[serde(default)]
    filter: Filter,
}

fn three() -> u32 {
    3
}

fn thirty_five() -> u32 {
    35
}

impl TryFrom<JigsawTable> for Jigsaw {
    type Error = Error;
    fn try_from(table: JigsawTable) -> Result<Jigsaw> {
        ParamRange::Fixed(table.size.into()).check("size", [1.0, 4096.0])?;
        ParamRange::Fixed(table.grid.into()).check("grid", [2.0, 8.0])?;
        let pieces = table.grid * table.grid;
        // Four pieces have 4! = 24 permutations; asking for more would never end.
        let most = if pieces == 4 { 24.0 } else { 1000.0 };
        ParamRange::Fixed(table.permutations.into()).check("permutations", [1.0, most])?;
        let set = permutations(pieces as usize, table.permutations as usize, table.set_seed);
        Ok(Jigsaw { table, set })
    }
}

impl From<Jigsaw> for JigsawTable {
    fn from(op: Jigsaw) -> JigsawTable {
        op.table
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

impl Op for Jigsaw {
    op_basics!("jigsaw");

    fn frame(&self, _frame: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.table.size,
            height: self.table.size,
        })
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("permutation".into(), 1), ("piece".into(), 1)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        // From the stream of view 0, so that all pieces have the same label.
        let label = rng.shared().below(self.set.len() as u64) as usize;
        let (nth, _) = steps.view();
        let order = &self.set[label];
        let piece = u32::from(order[nth % order.len()]);
        let frame = steps.frame();
        let a = f64::from(frame.width.min(frame.height)) / f64::from(2 * self.table.grid);
        let span = |number: u32| {
            let center = f64::from(2 * number + 1) * a;
            let start = (center - a).ceil() as i64;
            (start, (((center + a) as i64) - start).max(1) as u32)
        };
        let (left, width) = span(piece % self.table.grid);
        let (top, height) = span(piece / self.table.grid);
        steps.note("permutation", &[label as i64]);
        steps.note("piece", &[i64::from(piece)]);
        steps.push(Step::Crop {
            left,
            top,
            width,
            height,
            pad: PadMode::Edge,
        });
        steps.push(Step::Resize {
            width: self.table.size,
            height: self.table.size,
            filter: self.table.filter,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    #[test]
    fn grids_are_those_of_llava_next() {
        let op = AnyRes::default();
        // By the rule of LLaVA-NeXT's select_best_resolution, computed by hand for each shape.
        for (size, grid) in [
            (frame(672, 672), [2, 2]),
            (frame(1000, 300), [3, 1]),
            (frame(300, 1000), [1, 3]),
            (frame(600, 300), [2, 1]),
            (frame(336, 336), [1, 2]),
        ] {
            assert_eq!(op.grid(size), grid, "{size}");
        }
    }

    #[test]
    fn tiles_put_together_are_the_resized_padded_image() {
        let op = AnyRes {
            size: 8,
            grids: Grids::List(vec![[2, 1], [2, 2]]),
            filter: Filter::Bilinear,
        };
        let image: Vec<u8> = (0..20 * 11 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let run = |nth: usize| {
            let mut steps = Steps::new(frame(20, 11));
            steps.restart(frame(20, 11), nth, 5);
            let at = crate::rng::Coord {
                epoch: 0,
                sample: 0,
                occurrence: 0,
                view: 0,
                op: OpKey(1),
            };
            op.draw(&mut RandomStream::keyed(0, at), &mut steps);
            let program = crate::augment::Program::from(steps);
            let mut out = vec![0; 8 * 8 * 3];
            let whole = crate::geometry::Rect::whole(20, 11);
            program
                .run(
                    &mut crate::augment::ProgramScratch::new(crate::cpu::Simd::detect()),
                    &image,
                    whole,
                    &mut out,
                    frame(8, 8),
                )
                .unwrap();
            out
        };
        // 20 x 11 covers 16 x 9 of the 2 x 2 grid: rows 3 to 12 of 16.
        let tiles: Vec<Vec<u8>> = (1..5).map(run).collect();
        let row = |y: usize| {
            let pair = &tiles[y / 8 * 2..][..2];
            pair.iter()
                .flat_map(|tile| tile[y % 8 * 24..][..24].to_vec())
                .collect::<Vec<u8>>()
        };
        assert!(
            (0..3)
                .chain(12..16)
                .all(|y| row(y).iter().all(|value| *value == 0))
        );
        let expected = {
            let resize = Step::Resize {
                width: 16,
                height: 9,
                filter: Filter::Bilinear,
            };
            let program = crate::augment::Program::of([resize], frame(20, 11));
            let mut out = vec![0; 16 * 9 * 3];
            let whole = crate::geometry::Rect::whole(20, 11);
            program
                .run(
                    &mut crate::augment::ProgramScratch::new(crate::cpu::Simd::detect()),
                    &image,
                    whole,
                    &mut out,
                    frame(16, 9),
                )
                .unwrap();
            out
        };
        let found: Vec<u8> = (3..12).flat_map(row).collect();
        assert_eq!(found, expected);
        assert!(run(0).iter().any(|value| *value > 0));
    }

    #[test]
    fn quadrants_stop_where_they_would_be_too_small() {
        let op = Quadrants {
            size: 4,
            least: 10,
            filter: Filter::Bilinear,
        };
        let big = frame(45, 41);
        assert_eq!(op.node(1, big), Some([0, 0, 22, 20]));
        assert_eq!(op.node(2, big), Some([0, 20, 22, 20]));
        assert_eq!(op.node(3, big), Some([22, 0, 22, 20]));
        assert_eq!(op.node(20, big), Some([33, 30, 11, 10]));
        assert_eq!(op.node(21, big), None);
        assert_eq!(op.node(5, frame(39, 80)), None);
    }

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
