//! How the pixels of a slot come from its sources: the vocabulary of mixing.
//!
//! Every form says the same thing in another way: each pixel is a weighted sum of a few pixels of
//! the sources, its [`Term`]s. [`Blend::terms`] is the definition; what runs fast
//! ([`crate::batch`]'s final pass) is held to it by tests.

use std::fmt;
use std::sync::Arc;

use super::forms::{Mosaic, Patches, Tiles};
use super::term::{Of, Term, area, pixels, scaled_rect};
use crate::error::{Error, Result};
use crate::geometry::Size;

/// How the pixels of a slot come from its sources: source 0 is A, source 1 is B, and so on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Blend {
    /// All from A.
    Keep,
    /// `lam * A + (1 - lam) * B`.
    Uniform {
        /// The weight of A.
        lam: f64,
    },
    /// B inside a rectangle, A outside.
    Box {
        /// First row, first column, end row, end column (half-open).
        rect: [u32; 4],
    },
    /// `(1 - m) * A + m * B` with a weight m for each pixel.
    Mask(Arc<Mask>),
    /// A weighted sum of all sources.
    Several(Arc<[f64]>),
    /// Rectangles of sources, moved and resized, over A or over a color.
    Tiles(Arc<Tiles>),
    /// For each cell of a grid, a weighted sum of cells of sources.
    Patches(Arc<Patches>),
    /// Four images around a point, seen through an affine map.
    Mosaic(Arc<Mosaic>),
}

/// A weight of B for each pixel.
#[derive(Clone, PartialEq)]
pub struct Mask {
    frame: Size,
    weights: Vec<f32>,
    binary: bool,
    lam: f64,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.binary { "binary" } else { "soft" };
        write!(f, "Mask({kind}, {}, lam={:.6})", self.frame, self.lam)
    }
}

impl Mask {
    /// Of rows of weights of B, 0 to 1.
    ///
    /// # Panics
    ///
    /// If there is not one weight for each pixel.
    pub fn new(frame: Size, weights: Vec<f32>) -> Mask {
        assert_eq!(
            weights.len(),
            frame.width as usize * frame.height as usize,
            "a weight for each pixel"
        );
        let binary = weights
            .iter()
            .all(|weight| *weight == 0.0 || *weight == 1.0);
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let lam = 1.0 - sum / weights.len() as f64;
        Mask {
            frame,
            weights,
            binary,
            lam,
        }
    }

    /// The size of the images that it is for.
    pub fn frame(&self) -> Size {
        self.frame
    }

    /// Rows of weights of B.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// True if every weight is 0 or 1.
    pub fn is_binary(&self) -> bool {
        self.binary
    }

    /// The mean weight of A; its exact share of the pixels if the mask is binary.
    pub fn lam(&self) -> f64 {
        self.lam
    }

    pub(crate) fn row(&self, y: usize) -> &[f32] {
        let width = self.frame.width as usize;
        &self.weights[y * width..][..width]
    }

    /// By the nearest pixel.
    fn scaled(&self, to: Size) -> Mask {
        let near = |at: u32, from: u32, to: u32| {
            ((u64::from(at) * 2 + 1) * u64::from(from) / (u64::from(to) * 2)) as usize
        };
        let rows = (0..to.height).map(|y| self.row(near(y, self.frame.height, to.height)));
        let weights =
            rows.flat_map(|row| (0..to.width).map(|x| row[near(x, self.frame.width, to.width)]));
        Mask::new(to, weights.collect())
    }
}

impl Blend {
    /// The share of each of so many sources in the pixels, exact where pixels are copied. They sum
    /// to 1.
    pub fn shares(&self, frame: Size, sources: usize) -> Vec<f64> {
        let mut shares = vec![0.0; sources.max(1)];
        let pair = |shares: &mut [f64], lam: f64| {
            shares[0] = lam;
            if let Some(other) = shares.get_mut(1) {
                *other = 1.0 - lam;
            }
        };
        match self {
            Blend::Keep => shares[0] = 1.0,
            Blend::Uniform { lam } => pair(&mut shares, *lam),
            Blend::Box { rect } => {
                pair(&mut shares, 1.0 - area(*rect) as f64 / pixels(frame) as f64);
            }
            Blend::Mask(mask) => pair(&mut shares, mask.lam),
            Blend::Several(weights) => {
                let total: f64 = weights.iter().sum();
                shares
                    .iter_mut()
                    .zip(&weights[..])
                    .for_each(|(share, weight)| *share = weight / total);
            }
            Blend::Tiles(tiles) => tiles.shares(frame, &mut shares),
            Blend::Patches(patches) => patches.shares(frame, &mut shares),
            Blend::Mosaic(mosaic) => mosaic.shares(frame, &mut shares),
        }
        shares
    }

    /// The share of A.
    pub fn lam(&self, frame: Size) -> f64 {
        match self {
            Blend::Keep => 1.0,
            Blend::Uniform { lam } => *lam,
            Blend::Mask(mask) => mask.lam,
            Blend::Box { rect } => 1.0 - area(*rect) as f64 / pixels(frame) as f64,
            Blend::Several(weights) => weights[0] / weights.iter().sum::<f64>(),
            _ => self.shares(frame, self.sources())[0],
        }
    }

    /// The number of sources that it can name.
    pub fn sources(&self) -> usize {
        match self {
            Blend::Keep => 1,
            Blend::Uniform { .. } | Blend::Box { .. } | Blend::Mask(_) => 2,
            Blend::Several(weights) => weights.len(),
            Blend::Tiles(tiles) => tiles.sources(),
            Blend::Patches(patches) => patches.sources(),
            Blend::Mosaic(_) => 4,
        }
    }

    /// Refuses a blend that is not for images of this size, such as one of a user's mixer.
    pub(super) fn check(&self, frame: Size) -> Result<()> {
        let inside = |[y0, x0, y1, x1]: [u32; 4]| {
            y0 <= y1 && x0 <= x1 && y1 <= frame.height && x1 <= frame.width
        };
        let fine = match self {
            Blend::Keep | Blend::Patches(_) => true,
            Blend::Uniform { lam } => (0.0..=1.0).contains(lam),
            Blend::Box { rect } => inside(*rect),
            Blend::Mask(mask) => mask.frame == frame && (0.0..=1.0).contains(&mask.lam),
            Blend::Several(weights) => {
                weights.iter().all(|weight| (0.0..=1.0).contains(weight))
                    && (weights.iter().sum::<f64>() - 1.0).abs() < 1e-6
            }
            Blend::Tiles(tiles) => tiles.tiles.iter().all(|tile| {
                inside(tile.from) && inside(tile.to) && (area(tile.from) > 0 || area(tile.to) == 0)
            }),
            Blend::Mosaic(mosaic) => {
                mosaic.map.iter().all(|number| number.is_finite())
                    && mosaic.order.iter().all(|source| *source < 4)
            }
        };
        if fine {
            return Ok(());
        }
        Err(Error::config(format!(
            "{self:?} is no blend of images of {frame} pixels"
        )))
    }

    /// The rectangle of the partner's pixels, where there is just one: first row, first column, end
    /// row, end column.
    pub fn rect(&self) -> Option<[u32; 4]> {
        match self {
            Blend::Box { rect } => Some(*rect),
            Blend::Tiles(tiles) => match &tiles.tiles[..] {
                [tile] if tiles.fill.is_none() => Some(tile.to),
                _ => None,
            },
            _ => None,
        }
    }

    /// The same blend of images of size `to`, drawn for images of size `from`: edges are scaled and
    /// rounded half to even, masks by the nearest pixel.
    #[must_use]
    pub fn scaled(&self, from: Size, to: Size) -> Blend {
        if from == to {
            return self.clone();
        }
        match self {
            Blend::Box { rect } => Blend::Box {
                rect: scaled_rect(*rect, from, to),
            },
            Blend::Mask(mask) => Blend::Mask(Arc::new(mask.scaled(to))),
            Blend::Tiles(tiles) => Blend::Tiles(Arc::new(tiles.scaled(from, to))),
            Blend::Mosaic(mosaic) => Blend::Mosaic(Arc::new(mosaic.scaled(from, to))),
            Blend::Keep | Blend::Uniform { .. } | Blend::Several(_) | Blend::Patches(_) => {
                self.clone()
            }
        }
    }

    /// What the pixel at row `y` and column `x` is made of: the definition of a blend. Values are
    /// added up in this order.
    pub fn terms(&self, frame: Size, y: u32, x: u32, terms: &mut Vec<Term>) {
        terms.clear();
        let here = |source, weight| Term {
            weight,
            of: Of::Source(source, y, x),
        };
        let inside = |[y0, x0, y1, x1]: [u32; 4]| (y0..y1).contains(&y) && (x0..x1).contains(&x);
        match self {
            Blend::Keep => terms.push(here(0, 1.0)),
            Blend::Uniform { lam } => {
                let lam = *lam as f32;
                terms.extend([here(0, lam), here(1, 1.0 - lam)]);
            }
            Blend::Box { rect } => terms.push(here(usize::from(inside(*rect)), 1.0)),
            Blend::Mask(mask) => {
                let weight = mask.row(y as usize)[x as usize];
                match mask.binary {
                    true => terms.push(here(usize::from(weight == 1.0), 1.0)),
                    false => terms.extend([here(0, 1.0 - weight), here(1, weight)]),
                }
            }
            Blend::Several(weights) => {
                terms.extend(
                    weights
                        .iter()
                        .enumerate()
                        .map(|(source, weight)| here(source, *weight as f32)),
                );
            }
            Blend::Tiles(tiles) => tiles.terms(y, x, terms),
            Blend::Patches(patches) => patches.terms(frame, y, x, terms),
            Blend::Mosaic(mosaic) => mosaic.terms(frame, y, x, terms),
        }
    }

    /// The weight of everything but A at a pixel.
    pub fn mask_at(&self, frame: Size, y: u32, x: u32, terms: &mut Vec<Term>) -> f32 {
        match self {
            Blend::Keep => 0.0,
            Blend::Uniform { lam } => (1.0 - lam) as f32,
            Blend::Mask(mask) => mask.row(y as usize)[x as usize],
            _ => {
                self.terms(frame, y, x, terms);
                let others = terms
                    .iter()
                    .filter(|term| !matches!(term.of, Of::Source(0, ..)));
                others.map(|term| term.weight).sum::<f32>().min(1.0)
            }
        }
    }
}
