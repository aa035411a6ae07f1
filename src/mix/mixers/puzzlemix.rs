//! PuzzleMix: which image shows in which block, by saliency and smoothness, with blocks moved to
//! where they are seen.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Potential;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, MapSource, MixPlan, MixResult, Mixer, Patch, Patches, ResolveMix, Scene};
use crate::rng::RandomStream;
use crate::spec::{check_range, one, yes};

/// Blocks of both images, chosen by a graph cut and moved by transport; Kim et al., 2020 (arXiv
/// 2009.06962).
///
/// The number of blocks a side is a power of two within `blocks` ([2, 16]) that divides the image's
/// sides, drawn uniformly; the prior share is Beta(alpha, alpha) (`alpha` 1). `labels` (3): 2 takes
/// whole blocks, 3 and 4 also means of both. `eta` (0.2) weighs the prior, `beta` (1.2) smoothness
/// of labels, `gamma` (0.5) that of the image over `neighbors` (4) pixels. `transport` (true) moves
/// blocks, which costs `t_eps` (0.8) by distance; `t_size` (0) moves parts of so many pixels a side
/// where blocks are larger and at most 32 parts fit. `map` is `fine_grained` (default),
/// `spectral_residual`, or the name of a plane. Labels weigh by the mean of the mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PuzzleMix {
    #[serde(default = "one")]
    alpha: f64,
    #[serde(default = "two_to_sixteen")]
    blocks: [u32; 2],
    #[serde(default = "three")]
    labels: u32,
    #[serde(default = "fifth")]
    eta: f64,
    #[serde(default = "six_fifths")]
    beta: f64,
    #[serde(default = "half")]
    gamma: f64,
    #[serde(default = "four")]
    neighbors: u32,
    #[serde(default = "yes")]
    transport: bool,
    #[serde(default = "four_fifths")]
    t_eps: f64,
    #[serde(default)]
    t_size: u32,
    #[serde(default)]
    map: MapSource,
}

fn two_to_sixteen() -> [u32; 2] {
    [2, 16]
}

fn three() -> u32 {
    3
}

fn fifth() -> f64 {
    0.2
}

fn six_fifths() -> f64 {
    1.2
}

fn half() -> f64 {
    0.5
}

fn four() -> u32 {
    4
}

fn four_fifths() -> f64 {
    0.8
}

impl Default for PuzzleMix {
    fn default() -> PuzzleMix {
        PuzzleMix {
            alpha: 1.0,
            blocks: two_to_sixteen(),
            labels: three(),
            eta: fifth(),
            beta: six_fifths(),
            gamma: half(),
            neighbors: four(),
            transport: true,
            t_eps: four_fifths(),
            t_size: 0,
            map: MapSource::default(),
        }
    }
}

/// What PuzzleMix draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PuzzleDraw {
    /// The prior share of A.
    pub lam: f64,
    /// Blocks a side.
    pub blocks: u32,
}

impl PuzzleMix {
    /// With so many labels.
    #[must_use]
    pub fn labels(self, labels: u32) -> PuzzleMix {
        PuzzleMix { labels, ..self }
    }

    /// With or without moving blocks.
    #[must_use]
    pub fn transport(self, transport: bool) -> PuzzleMix {
        PuzzleMix { transport, ..self }
    }

    /// With parts of so many pixels a side moved; 0 for whole blocks.
    #[must_use]
    pub fn t_size(self, pixels: u32) -> PuzzleMix {
        PuzzleMix {
            t_size: pixels,
            ..self
        }
    }

    /// The labels of all blocks in row-major order, 0 for A to `labels - 1` for B, from two images
    /// (rows of RGB) and the means of their maps over the blocks.
    pub fn solve(
        &self,
        draw: PuzzleDraw,
        frame: Size,
        views: [&[u8]; 2],
        maps: [&[f32]; 2],
    ) -> Vec<u8> {
        let n = draw.blocks as usize;
        let beta = self.beta / n as f64 / 16.0;
        // What is lost of the other image is the cost of taking one.
        let [of_b, of_a] = maps.map(normalized);
        let (mut cost_a, mut cost_b) = (of_a, of_b);
        let [a, b] = views.map(|view| Pooled::new(view, frame, draw.blocks, self.neighbors));
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
                let step =
                    |one: &Pooled, other: &Pooled| scale * one.step(other, [row, column], vertical);
                let (p11, p10, p01, p00) = (step(&a, &a), step(&a, &b), step(&b, &a), step(&b, &b));
                cost_a[u] += (p10 + p11) / 2.0;
                cost_b[u] += (p01 + p00) / 2.0;
                cost_a[v] += (p01 + p11) / 2.0;
                cost_b[v] += (p10 + p00) / 2.0;
                weights[row * columns + column] = (p10 + p01 - p11 - p00) / 2.0;
            }
        }
        let last = f64::from(self.labels - 1);
        let large = 1000.0 * (n * n) as f64;
        let prior: Vec<f64> = (0..self.labels)
            .map(|label| self.prior(draw.lam, label) / (n * n) as f64)
            .collect();
        // Squares of differences of labels are whole numbers if everything else is multiplied by
        // `last` squared.
        let times = (last * last) as i64;
        let unary = (0..n * n).flat_map(|cell| {
            let (a, b, prior) = (cost_a[cell], cost_b[cell], &prior);
            (0..self.labels as usize).map(move |label| {
                let q = label as f64 / last;
                (large * ((1.0 - q) * a + q * b + prior[label])) as i32 as i64 * times
            })
        });
        let weight = |weight: f64| i64::from((large * (weight + beta)) as i32).max(0);
        let down = down.into_iter().map(weight).collect();
        let across = across.into_iter().map(weight).collect();
        Potential::new([n, n], self.labels as usize, unary.collect(), down, across).minimize()
    }

    /// `-eta` times the logarithm of the binomial probability of a label.
    fn prior(&self, lam: f64, label: u32) -> f64 {
        let n = self.labels - 1;
        let ways = (1..=label).fold(1.0, |ways, k| ways * f64::from(n - k + 1) / f64::from(k));
        let p =
            ways * libm::pow(lam, f64::from(n - label)) * libm::pow(1.0 - lam, f64::from(label));
        -self.eta * libm::log(p + 1e-8)
    }

    /// Where the parts of an image go: for each place the part that is moved there, or the one that
    /// was there. `seen` says which places show, `map` how salient parts are, `side` how many
    /// there are a side.
    pub fn plan(&self, seen: &[bool], map: &[f32], side: u32) -> Vec<u32> {
        let (n, side) = (seen.len(), i64::from(side));
        let salient = normalized(map);
        let furthest = ((side - 1) * (side - 1)).max(1) as f64;
        let mut cost: Vec<f64> = Vec::with_capacity(n * n);
        for (from, salient) in salient.iter().enumerate() {
            for (to, seen) in seen.iter().enumerate() {
                let apart = |a: i64, b: i64| (a - b) * (a - b);
                let (from, to) = (from as i64, to as i64);
                let far = apart(from / side, to / side) + apart(from % side, to % side);
                cost.push(self.t_eps * far as f64 / furthest - if *seen { *salient } else { 0.0 });
            }
        }
        let mut won = vec![None; n];
        for _ in 0..side {
            let wanted: Vec<usize> = (0..n)
                .map(|from| {
                    let row = &cost[from * n..][..n];
                    (1..n).fold(0, |best, to| if row[to] < row[best] { to } else { best })
                })
                .collect();
            // As in the released code, a part that would cost more than nothing loses to those that
            // do not come.
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

    /// The blend of labels of `blocks` blocks a side, with maps over the `side` parts a side that
    /// are moved; `side` is a multiple of `blocks`.
    pub fn blend(&self, labels: &[u8], blocks: u32, maps: [&[f32]; 2], side: u32) -> Blend {
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
            let seen = |part| {
                if source == 0 {
                    of_a(part) > 0.0
                } else {
                    of_a(part) < 1.0
                }
            };
            self.plan(
                &(0..parts).map(seen).collect::<Vec<_>>(),
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
        Blend::Patches(Patches::new(side, side, cells).into())
    }

    /// The numbers of blocks a side that images of a size can be cut into.
    fn choice(&self, frame: Size) -> Vec<u32> {
        let [low, high] = self.blocks;
        let fits = |blocks: &u32| {
            (low..=high).contains(blocks)
                && frame.width.is_multiple_of(*blocks)
                && frame.height.is_multiple_of(*blocks)
        };
        (1..=5).map(|power| 1 << power).filter(fits).collect()
    }

    /// The parts a side that are moved.
    fn side(&self, blocks: u32, frame: Size) -> u32 {
        let parts = |length: u32| length / self.t_size;
        let smaller =
            self.t_size > 0 && self.t_size < frame.width / blocks && frame.width == frame.height;
        let fits = smaller
            && frame.width.is_multiple_of(self.t_size)
            && parts(frame.width).is_multiple_of(blocks)
            && parts(frame.width) <= 32;
        if fits { parts(frame.width) } else { blocks }
    }
}

/// A map whose values sum to 1; equal ones if it is empty.
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

/// An image's means over squares, on a scale of 0 to 1.
struct Pooled {
    /// Squares a block, down and across.
    steps: [usize; 2],
    columns: usize,
    values: Vec<[f64; 3]>,
}

impl Pooled {
    fn new(view: &[u8], frame: Size, blocks: u32, neighbors: u32) -> Pooled {
        let (w, h) = (frame.width as usize, frame.height as usize);
        // The largest square that fits into a block without a rest.
        let [size_y, size_x] = [h, w].map(|length| {
            let block = length / blocks as usize;
            (1..=(neighbors as usize).min(block))
                .rev()
                .find(|size| block.is_multiple_of(*size))
                .unwrap_or(1)
        });
        let columns = w / size_x;
        let mut values = vec![[0.0; 3]; h / size_y * columns];
        for (y, row) in view.as_chunks::<3>().0.chunks_exact(w).enumerate() {
            for (x, pixel) in row.iter().enumerate() {
                let value = &mut values[y / size_y * columns + x / size_x];
                (0..3).for_each(|c| value[c] += f64::from(pixel[c]));
            }
        }
        let scale = 1.0 / (255 * size_y * size_x) as f64;
        values
            .iter_mut()
            .flatten()
            .for_each(|value| *value *= scale);
        let blocks = blocks as usize;
        Pooled {
            steps: [h / size_y / blocks, w / size_x / blocks],
            columns,
            values,
        }
    }

    /// The mean difference between the end of a block here and the beginning of the next one in the
    /// other image.
    fn step(&self, other: &Pooled, [row, column]: [usize; 2], vertical: bool) -> f64 {
        let [down, across] = self.steps;
        let (y, x) = (row * down, column * across);
        let count = if vertical { across } else { down };
        let sum: f64 = (0..count)
            .map(|at| {
                let (here, next) = if vertical {
                    ([y + down - 1, x + at], [y + down, x + at])
                } else {
                    ([y + at, x + across - 1], [y + at, x + across])
                };
                let value =
                    |pooled: &Pooled, [y, x]: [usize; 2]| pooled.values[y * pooled.columns + x];
                let (a, b) = (value(self, here), value(other, next));
                (0..3).map(|c| (a[c] - b[c]).abs()).sum::<f64>() / 3.0
            })
            .sum();
        sum / count as f64
    }
}

#[derive(Debug)]
struct Puzzle {
    mixer: PuzzleMix,
    draw: PuzzleDraw,
}

impl ResolveMix for Puzzle {
    fn resolve(&self, scene: &Scene<'_>, slot: usize, sources: &[usize]) -> Result<MixResult> {
        let (frame, blocks) = (scene.frame(), self.draw.blocks);
        let partner = sources[1];
        let map = |slot, side| scene.map(slot, &self.mixer.map, [side; 2]);
        let (own, other) = (map(slot, blocks)?, map(partner, blocks)?);
        let labels = self.mixer.solve(
            self.draw,
            frame,
            [scene.view(slot)?, scene.view(partner)?],
            [&own, &other],
        );
        let side = self.mixer.side(blocks, frame);
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
    mixer_basics!("puzzlemix");

    fn check(&self) -> Result<()> {
        let [low, high] = self.blocks;
        if !(2 <= low && low <= high && high <= 32) {
            return Err(Error::config(format!(
                "blocks = [{low}, {high}]: expected 2 <= low <= high <= 32"
            )));
        }
        check_range("labels", f64::from(self.labels), [2.0, 4.0])?;
        check_range("eta", self.eta, [0.0, 1e3])?;
        check_range("beta", self.beta, [0.0, 1e3])?;
        // Beyond 1 a difference of labels could be cheaper than none, which a cut cannot minimize.
        check_range("gamma", self.gamma, [0.0, 1.0])?;
        check_range("neighbors", f64::from(self.neighbors), [1.0, 1024.0])?;
        check_range("t_eps", self.t_eps, [0.0, 1e3])?;
        check_alpha(self.alpha)
    }

    fn fits(&self, frame: Size) -> Result<()> {
        if !self.choice(frame).is_empty() {
            return Ok(());
        }
        let [low, high] = self.blocks;
        Err(Error::config(format!(
            "blocks = [{low}, {high}]: no power of two among them divides images of {frame} pixels"
        )))
    }

    fn planes(&self) -> Vec<&str> {
        self.map.plane().into_iter().collect()
    }

    fn draw(&self, rng: &mut RandomStream, frame: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
        let unit = rng.unit();
        let choice = self.choice(frame);
        // Views of a size that `fits` refuses stay whole.
        let Some(blocks) = choice.get((unit * choice.len() as f64) as usize) else {
            return Blend::Keep.into();
        };
        let draw = PuzzleDraw {
            lam,
            blocks: *blocks,
        };
        MixPlan::Deferred(Arc::new(Puzzle {
            mixer: self.clone(),
            draw,
        }))
    }
}
