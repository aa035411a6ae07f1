//! PuzzleMix (Kim et al., 2020, arXiv 2009.06962): a mask over blocks that keeps the salient parts
//! of both images, with blocks moved to where they are visible.
//!
//! Two optimizations follow each other:
//!
//! 1. [`PuzzleMix::solve`] gives each block a label, from 0 (all A) to `labels - 1` (all B). The
//!    cost of a label is the saliency that it hides, plus a prior that pulls the number of blocks
//!    of A towards the drawn share, plus a smoothness term that makes a change of labels expensive
//!    where it would show as an edge. The minimum is found by graph cuts ([`Potential`]).
//! 2. [`PuzzleMix::plan`] moves the blocks of each image: a salient block that the mask hides may
//!    take the place of a less salient visible one, at a cost that grows with the distance. It is
//!    the fixed number of auction rounds of the released code, not an exact assignment.
//!
//! The reference is the authors' code with the GCO library. Labels have to be equal, so costs
//! become integers in the same way (scaled by 1000 for each block and truncated). The saliency of
//! the paper is the gradient of the loss, which a loader cannot compute: maps come from the image
//! or from a plane.

use std::sync::Arc;

use super::max_flow::Potential;
use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::{Point, Size};
use crate::mix::{Blend, MapSource, MixPlan, MixResult, Mixer, Patch, Patches, ResolveMix, Scene};
use crate::rng::RandomStream;

/// Mixes blocks of two images that a graph cut chooses and transport moves; Kim et al., 2020 (arXiv
/// 2009.06962).
///
/// The weights of labels are the means of the mask.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::PuzzleMix;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = PuzzleMix::new().with_labels(2);
/// assert_mixer(r#"{ mix = "puzzlemix", labels = 2 }"#, &mixer);
/// ```
#[declare(name = "puzzlemix", like = ["PuzzleMix", "OpenMixup puzzlemix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct PuzzleMix {
    /// The prior share of A is Beta(alpha, alpha).
    #[param(default = 1.0, range = [1e-9, 1e9])]
    alpha: f64,
    /// The number of blocks per side is drawn uniformly from the powers of two in this range that
    /// divide the sides of the image.
    #[param(default = [2, 16], range = [2.0, 32.0])]
    blocks: [u32; 2],
    /// 2 takes each block whole from one image; 3 and 4 allow weighted means of both.
    #[param(default = 3, range = [2.0, 4.0])]
    labels: u32,
    /// The weight of the prior.
    #[param(default = 0.2, range = [0.0, 1000.0])]
    eta: f64,
    /// The weight of the smoothness of labels.
    #[param(default = 1.2, range = [0.0, 1000.0])]
    beta: f64,
    /// The weight of the smoothness of the image. Beyond 1, different labels could cost less than
    /// equal ones, which a cut cannot minimize.
    #[param(default = 0.5, range = [0.0, 1.0])]
    gamma: f64,
    /// The smoothness of the image compares squares of at most this many pixels per side at the
    /// borders of blocks.
    #[param(default = 4, range = [1.0, 1024.0])]
    neighbors: u32,
    /// Moves blocks.
    #[param(default = true)]
    transport: bool,
    /// The cost of a move along a whole side of the image.
    #[param(default = 0.8, range = [0.0, 1000.0])]
    t_eps: f64,
    /// Moves parts of this many pixels per side instead of whole blocks, if blocks are larger and
    /// the image has at most 32 parts per side; 0 moves whole blocks.
    #[param(default = 0, range = [0.0, 16384.0], unit = "pixels")]
    t_size: u32,
    /// The map: one that is computed from the image, or a plane.
    #[param(default = MapSource::FineGrained)]
    map: MapSource,
}

/// The random values of one PuzzleMix image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PuzzleDraw {
    /// The prior share of A.
    pub(crate) lam: f64,
    /// The number of blocks per side.
    pub(crate) blocks: u32,
}

impl PuzzleMix {
    /// The label of each block in row-major order, from 0 for A to `labels - 1` for B.
    ///
    /// `views` are A and B as rows of RGB of this size; `maps` are the means of their maps over
    /// the blocks.
    pub(crate) fn solve(
        &self,
        draw: PuzzleDraw,
        size: Size,
        views: [&[u8]; 2],
        maps: [&[f32]; 2],
    ) -> Vec<u8> {
        let n = draw.blocks as usize;
        let beta = self.beta / n as f64 / 16.0;
        // Taking a block from one image costs the saliency of the other one, which is hidden: the
        // cost of A is the map of B.
        let [mut cost_b, mut cost_a] = maps.map(normalized);
        let [a, b] = views.map(|view| Pooled::new(view, size, draw.blocks, self.neighbors));
        let scale = beta * self.gamma;
        let (mut down, mut across) = (vec![0.0; (n - 1) * n], vec![0.0; n * (n - 1)]);
        for vertical in [true, false] {
            let weights = if vertical { &mut down } else { &mut across };
            let [rows, columns] = if vertical { [n - 1, n] } else { [n, n - 1] };
            for (row, column) in
                (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
            {
                let (u, v) = (
                    row * n + column,
                    if vertical {
                        (row + 1) * n + column
                    } else {
                        row * n + column + 1
                    },
                );
                // `pxy` is the contrast at the border of blocks u and v, where 1 takes a block from
                // A and 0 from B. A cost of four cases is split into a part of u, a part of v and
                // one that both share: only the last one stays with the pair.
                let contrast = |one: &Pooled, other: &Pooled| {
                    scale * one.contrast(other, Point::new(column as u32, row as u32), vertical)
                };
                let (p11, p10) = (contrast(&a, &a), contrast(&a, &b));
                let (p01, p00) = (contrast(&b, &a), contrast(&b, &b));
                cost_a[u] += (p10 + p11) / 2.0;
                cost_b[u] += (p01 + p00) / 2.0;
                cost_a[v] += (p01 + p11) / 2.0;
                cost_b[v] += (p10 + p00) / 2.0;
                weights[row * columns + column] = (p10 + p01 - p11 - p00) / 2.0;
            }
        }
        let last = f64::from(self.labels - 1);
        // The scale at which the released code turns costs into the integers of GCO.
        let large = 1000.0 * (n * n) as f64;
        let prior: Vec<f64> = (0..self.labels)
            .map(|label| self.prior(draw.lam, label) / (n * n) as f64)
            .collect();
        // The pairwise cost of labels a and b is `weight * ((a - b) / last)^2`. `Potential` has no
        // division, so the unary costs are multiplied by `last` squared instead.
        let times = (last * last) as i64;
        let unary = (0..n * n).flat_map(|cell| {
            let (a, b, prior) = (cost_a[cell], cost_b[cell], &prior);
            (0..self.labels as usize).map(move |label| {
                let q = label as f64 / last;
                // Truncation to i32 is the rounding of the released code.
                (large * ((1.0 - q) * a + q * b + prior[label])) as i32 as i64 * times
            })
        });
        let weight = |weight: f64| i64::from((large * (weight + beta)) as i32).max(0);
        let down = down.into_iter().map(weight).collect();
        let across = across.into_iter().map(weight).collect();
        let (grid, labels) = (Size::square(draw.blocks), self.labels as usize);
        Potential::new(grid, labels, unary.collect(), down, across).minimize()
    }

    /// The prior cost of a label: `-eta` times the logarithm of its binomial probability for the
    /// share `lam` of A.
    fn prior(&self, lam: f64, label: u32) -> f64 {
        let n = self.labels - 1;
        let ways = (1..=label).fold(1.0, |ways, k| ways * f64::from(n - k + 1) / f64::from(k));
        let p =
            ways * libm::pow(lam, f64::from(n - label)) * libm::pow(1.0 - lam, f64::from(label));
        -self.eta * libm::log(p + 1e-8)
    }

    /// The transport of one image: for each place, the part of the image that is moved there; its
    /// own part if none is.
    ///
    /// `visible` tells which places the mask shows, `map` is the saliency of each part, and `side`
    /// is the number of parts per side. All are in row-major order.
    pub(crate) fn plan(&self, visible: &[bool], map: &[f32], side: u32) -> Vec<u32> {
        let (n, side) = (visible.len(), i64::from(side));
        let salient = normalized(map);
        let furthest = ((side - 1) * (side - 1)).max(1) as f64;
        let mut cost: Vec<f64> = Vec::with_capacity(n * n);
        for (from, salient) in salient.iter().enumerate() {
            for (to, visible) in visible.iter().enumerate() {
                let apart = |a: i64, b: i64| (a - b) * (a - b);
                let (from, to) = (from as i64, to as i64);
                let far = apart(from / side, to / side) + apart(from % side, to % side);
                let gain = if *visible { *salient } else { 0.0 };
                cost.push(self.t_eps * far as f64 / furthest - gain);
            }
        }
        // An auction: in each of `side` rounds every part bids for its cheapest place, each place
        // goes to the best bid, and the losers pay more for that place from then on.
        let mut won = vec![None; n];
        for _ in 0..side {
            let wanted: Vec<usize> = (0..n)
                .map(|from| {
                    let row = &cost[from * n..][..n];
                    (1..n).fold(0, |best, to| if row[to] < row[best] { to } else { best })
                })
                .collect();
            // As in the released code, parts that do not bid for a place count as bids of 0, so a
            // part that would come at a positive cost loses to them.
            won.fill(None);
            let mut best = vec![(f64::INFINITY, 0); n];
            for (to, best) in best.iter_mut().enumerate() {
                for (from, wanted) in wanted.iter().enumerate() {
                    let bid = if *wanted == to {
                        cost[from * n + to]
                    } else {
                        0.0
                    };
                    if bid < best.0 {
                        *best = (bid, from);
                    }
                }
            }
            for (from, to) in wanted.into_iter().enumerate() {
                if best[to].1 == from {
                    won[to] = Some(from as u32);
                } else {
                    cost[from * n + to] += 1.0;
                }
            }
        }
        (0..).zip(won).map(|(to, won)| won.unwrap_or(to)).collect()
    }

    /// The blend for the labels of a grid of `blocks` blocks per side.
    ///
    /// `side` is the number of parts per side that are moved, a multiple of `blocks`; `maps` are
    /// the means of the maps of A and B over the parts.
    pub(crate) fn blend(&self, labels: &[u8], blocks: u32, maps: [&[f32]; 2], side: u32) -> Blend {
        let times = side / blocks;
        let last = (self.labels - 1) as f32;
        let of_a = |part: u32| {
            let (row, column) = (part / side / times, part % side / times);
            1.0 - f32::from(labels[(row * blocks + column) as usize]) / last
        };
        let parts = side * side;
        let [from_a, from_b]: [Vec<u32>; 2] = std::array::from_fn(|source| {
            if !self.transport {
                return (0..parts).collect();
            }
            let visible = |part| {
                if source == 0 {
                    of_a(part) > 0.0
                } else {
                    of_a(part) < 1.0
                }
            };
            self.plan(
                &(0..parts).map(visible).collect::<Vec<_>>(),
                maps[source],
                side,
            )
        });
        let cells = (0..parts).map(|part| {
            let a = of_a(part);
            vec![
                Patch {
                    source: 0,
                    cell: from_a[part as usize],
                    weight: a,
                },
                Patch {
                    source: 1,
                    cell: from_b[part as usize],
                    weight: 1.0 - a,
                },
            ]
        });
        Blend::Patches(Patches::new(Size::square(side), cells).into())
    }

    /// The numbers of blocks per side that are allowed and divide images of this size.
    fn choices(&self, size: Size) -> Vec<u32> {
        let [low, high] = self.blocks;
        let fits = |blocks: &u32| {
            (low..=high).contains(blocks)
                && size.width.is_multiple_of(*blocks)
                && size.height.is_multiple_of(*blocks)
        };
        (1..=5).map(|power| 1 << power).filter(fits).collect()
    }

    /// The number of parts per side that are moved: those of `t_size` pixels where they fit, else
    /// whole blocks.
    fn side(&self, blocks: u32, size: Size) -> u32 {
        let parts = |length: u32| length / self.t_size;
        let smaller =
            self.t_size > 0 && self.t_size < size.width / blocks && size.width == size.height;
        let fits = smaller
            && size.width.is_multiple_of(self.t_size)
            && parts(size.width).is_multiple_of(blocks)
            && parts(size.width) <= 32;
        if fits { parts(size.width) } else { blocks }
    }
}

/// The map scaled to a sum of 1; equal values if the sum is 0.
fn normalized(map: &[f32]) -> Vec<f64> {
    let sum: f64 = map.iter().map(|value| f64::from(*value)).sum();
    let even = 1.0 / map.len() as f64;
    map.iter()
        .map(|value| {
            if sum > 0.0 {
                f64::from(*value) / sum
            } else {
                even
            }
        })
        .collect()
}

/// An image reduced to the means of squares, on a scale of 0 to 1.
struct Pooled {
    /// The squares of a block, across and down.
    per_block: Size,
    /// The squares of a row of the image.
    columns: u32,
    values: Vec<[f64; 3]>,
}

impl Pooled {
    fn new(view: &[u8], size: Size, blocks: u32, neighbors: u32) -> Pooled {
        // The largest sides, up to `neighbors` pixels, that divide those of a block.
        let side = |length: u32| {
            let block = length / blocks;
            (1..=neighbors.min(block))
                .rev()
                .find(|side| block.is_multiple_of(*side))
                .unwrap_or(1)
        };
        let square = Size::new(side(size.width), side(size.height));
        let (columns, rows) = (size.width / square.width, size.height / square.height);
        let mut values = vec![[0.0; 3]; (rows * columns) as usize];
        let lines = view.as_chunks::<3>().0.chunks_exact(size.width as usize);
        for (y, line) in (0..).zip(lines) {
            for (x, pixel) in (0..).zip(line) {
                let at = y / square.height * columns + x / square.width;
                let value = &mut values[at as usize];
                (0..3).for_each(|c| value[c] += f64::from(pixel[c]));
            }
        }
        let scale = 1.0 / (255 * square.area()) as f64;
        values
            .iter_mut()
            .flatten()
            .for_each(|value| *value *= scale);
        Pooled {
            per_block: Size::new(columns / blocks, rows / blocks),
            columns,
            values,
        }
    }

    /// The mean difference between the last squares of a block in this image and the first squares
    /// of the next block, below or to the right, in the other image.
    fn contrast(&self, other: &Pooled, block: Point, vertical: bool) -> f64 {
        let Size { width, height } = self.per_block;
        let (left, top) = (block.x * width, block.y * height);
        let (right, bottom) = (left + width, top + height);
        let count = if vertical { width } else { height };
        let sum: f64 = (0..count)
            .map(|at| {
                let (here, next) = if vertical {
                    let x = left + at;
                    (Point::new(x, bottom - 1), Point::new(x, bottom))
                } else {
                    let y = top + at;
                    (Point::new(right - 1, y), Point::new(right, y))
                };
                let (a, b) = (self.at(here), other.at(next));
                (0..3).map(|c| (a[c] - b[c]).abs()).sum::<f64>() / 3.0
            })
            .sum();
        sum / f64::from(count)
    }

    /// The mean of a square.
    fn at(&self, square: Point) -> [f64; 3] {
        self.values[(square.y * self.columns + square.x) as usize]
    }
}

/// A draw that waits for the pixels and maps of both images.
#[derive(Debug)]
struct PuzzleResolver {
    mixer: PuzzleMix,
    draw: PuzzleDraw,
}

impl ResolveMix for PuzzleResolver {
    fn resolve(&self, scene: &Scene<'_>, slot: usize, sources: &[usize]) -> Result<MixResult> {
        let (size, blocks) = (scene.size(), self.draw.blocks);
        let partner = sources[1];
        let map = |slot, side| scene.map(slot, &self.mixer.map, Size::square(side));
        let (own, other) = (map(slot, blocks)?, map(partner, blocks)?);
        let labels = self.mixer.solve(
            self.draw,
            size,
            [scene.view(slot)?, scene.view(partner)?],
            [&own, &other],
        );
        let side = self.mixer.side(blocks, size);
        let (own, other) = if side == blocks {
            (own, other)
        } else {
            (map(slot, side)?, map(partner, side)?)
        };
        Ok(self
            .mixer
            .blend(&labels, blocks, [&own, &other], side)
            .into())
    }
}

impl Mixer for PuzzleMix {
    fn check(&self) -> Result<()> {
        let [low, high] = self.blocks;
        if low > high {
            return Err(
                Error::config(format!("blocks = [{low}, {high}]: expected low <= high"))
                    .about_key("blocks"),
            );
        }
        Ok(())
    }

    fn fits(&self, size: Size) -> Result<()> {
        if !self.choices(size).is_empty() {
            return Ok(());
        }
        let [low, high] = self.blocks;
        Err(Error::config(format!(
            "blocks = [{low}, {high}]: no power of two among them divides images of {size} pixels"
        )))
    }

    fn planes(&self) -> Vec<&str> {
        self.map.plane().into_iter().collect()
    }

    fn draw(&self, rng: &mut RandomStream, size: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
        let unit = rng.unit();
        let choices = self.choices(size);
        // Images of a size that `fits` refuses stay unmixed.
        let Some(blocks) = choices.get((unit * choices.len() as f64) as usize) else {
            return Blend::Keep.into();
        };
        let draw = PuzzleDraw {
            lam,
            blocks: *blocks,
        };
        MixPlan::Deferred(Arc::new(PuzzleResolver {
            mixer: self.clone(),
            draw,
        }))
    }
}
