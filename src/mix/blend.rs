//! How the pixels of a slot are made from its sources: the forms of [`Blend`].
//!
//! All forms mean the same thing: each output pixel is a weighted sum of a few source pixels, its
//! [`Term`]s. [`Blend::terms`] is the definition. A form exists because the final pass
//! ([`crate::batch`]) has a fast path for it: a box copies runs of pixels, a uniform blend weighs
//! whole rows. Tests hold every path to the bytes of the definition.
//!
//! In docs of this module, A is source 0 (the slot's own image, unless the mixer replaced the
//! sources), B is source 1, and lam is the share of A.

use std::fmt;
use std::sync::Arc;

use super::forms::{Mosaic, Patches, Tiles};
use super::term::{Of, Term, area, contains, is_inside, scaled_rect};
use crate::error::{Error, Result};
use crate::geometry::{Point, Rect, Size};

/// How the pixels of a slot are made from its sources. A is source 0, B is source 1.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Blend {
    /// A, unchanged.
    Keep,
    /// `lam * A + (1 - lam) * B`.
    Uniform {
        /// The weight of A, 0 to 1.
        lam: f64,
    },
    /// B inside a rectangle, A outside.
    Box {
        /// The pixels of B.
        rect: Rect,
    },
    /// `(1 - m) * A + m * B` with a weight `m` for each pixel.
    Mask(Arc<Mask>),
    /// A weighted sum of all sources, one weight for each; the weights sum to 1.
    Several(Arc<[f64]>),
    /// Rectangles of sources, moved and resized, over A or over a color.
    Tiles(Arc<Tiles>),
    /// For each cell of a grid, a weighted sum of cells of sources.
    Patches(Arc<Patches>),
    /// Four images that meet in a point, seen through an affine map.
    Mosaic(Arc<Mosaic>),
}

/// The weight of B at each pixel, 0 to 1.
///
/// # Example: the left half of an image
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::mix::Mask;
///
/// let mask = Mask::new(Size::new(2, 1), vec![1.0, 0.0]);
/// assert_eq!((mask.lam(), mask.is_binary()), (0.5, true));
/// ```
#[derive(Clone, PartialEq)]
pub struct Mask {
    size: Size,
    weights: Vec<f32>,
    binary: bool,
    lam: f64,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.binary { "binary" } else { "soft" };
        write!(f, "Mask({kind}, {}, lam={:.6})", self.size, self.lam)
    }
}

impl Mask {
    /// A mask for images of this size. `weights` holds the weight of B for each pixel in
    /// row-major order, 0 to 1.
    ///
    /// # Panics
    ///
    /// If the number of weights is not the number of pixels.
    pub fn new(size: Size, weights: Vec<f32>) -> Mask {
        assert_eq!(
            weights.len(),
            size.width as usize * size.height as usize,
            "a weight for each pixel"
        );
        let binary = weights
            .iter()
            .all(|weight| *weight == 0.0 || *weight == 1.0);
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let lam = 1.0 - sum / weights.len() as f64;
        Mask {
            size,
            weights,
            binary,
            lam,
        }
    }

    /// The size of the images that the mask is for.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The weights of B in row-major order.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// True if every weight is 0 or 1.
    pub fn is_binary(&self) -> bool {
        self.binary
    }

    /// The mean weight of A, which is the exact share of pixels of A if the mask is binary.
    pub fn lam(&self) -> f64 {
        self.lam
    }

    pub(crate) fn row(&self, y: usize) -> &[f32] {
        let width = self.size.width as usize;
        &self.weights[y * width..][..width]
    }

    /// The mask for images of size `to`: each pixel takes the weight of the nearest pixel.
    fn scaled(&self, to: Size) -> Mask {
        // Pixel centers, `(at + 1/2) * from / to`, in integers so that no rounding differs.
        let near = |at: u32, from: u32, to: u32| {
            ((u64::from(at) * 2 + 1) * u64::from(from) / (u64::from(to) * 2)) as usize
        };
        let rows = (0..to.height).map(|y| self.row(near(y, self.size.height, to.height)));
        let weights =
            rows.flat_map(|row| (0..to.width).map(|x| row[near(x, self.size.width, to.width)]));
        Mask::new(to, weights.collect())
    }
}

impl Blend {
    /// The share of each of `sources` sources in the pixels of an image of this size. Shares sum
    /// to 1, and they are exact where pixels are copied.
    pub fn shares(&self, size: Size, sources: usize) -> Vec<f64> {
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
                pair(&mut shares, 1.0 - area(*rect) as f64 / size.area() as f64);
            }
            Blend::Mask(mask) => pair(&mut shares, mask.lam),
            Blend::Several(weights) => {
                let total: f64 = weights.iter().sum();
                shares
                    .iter_mut()
                    .zip(&weights[..])
                    .for_each(|(share, weight)| *share = weight / total);
            }
            Blend::Tiles(tiles) => tiles.shares(size, &mut shares),
            Blend::Patches(patches) => patches.shares(size, &mut shares),
            Blend::Mosaic(mosaic) => mosaic.shares(size, &mut shares),
        }
        shares
    }

    /// The share of A in the pixels of an image of this size.
    pub fn lam(&self, size: Size) -> f64 {
        match self {
            Blend::Keep => 1.0,
            Blend::Uniform { lam } => *lam,
            Blend::Mask(mask) => mask.lam,
            Blend::Box { rect } => 1.0 - area(*rect) as f64 / size.area() as f64,
            Blend::Several(weights) => weights[0] / weights.iter().sum::<f64>(),
            _ => self.shares(size, self.sources())[0],
        }
    }

    /// The number of sources that the blend needs: one more than the largest source it names.
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

    /// Checks that the blend is valid for images of this size. A user-defined mixer may return
    /// one that is not.
    pub(super) fn check(&self, size: Size) -> Result<()> {
        let valid = match self {
            Blend::Keep | Blend::Patches(_) => true,
            Blend::Uniform { lam } => (0.0..=1.0).contains(lam),
            Blend::Box { rect } => is_inside(*rect, size),
            Blend::Mask(mask) => mask.size == size && (0.0..=1.0).contains(&mask.lam),
            Blend::Several(weights) => {
                weights.iter().all(|weight| (0.0..=1.0).contains(weight))
                    && (weights.iter().sum::<f64>() - 1.0).abs() < 1e-6
            }
            Blend::Tiles(tiles) => tiles.tiles.iter().all(|tile| {
                is_inside(tile.from, size)
                    && is_inside(tile.to, size)
                    && (area(tile.from) > 0 || area(tile.to) == 0)
            }),
            Blend::Mosaic(mosaic) => {
                mosaic.map.iter().all(|number| number.is_finite())
                    && mosaic.order.iter().all(|source| *source < 4)
            }
        };
        if valid {
            return Ok(());
        }
        Err(Error::config(format!(
            "{self:?} is not a blend of images of {size} pixels"
        )))
    }

    /// The rectangle of B's pixels if the blend is a single rectangle.
    pub fn rect(&self) -> Option<Rect> {
        match self {
            Blend::Box { rect } => Some(*rect),
            Blend::Tiles(tiles) => match &tiles.tiles[..] {
                [tile] if tiles.fill.is_none() => Some(tile.to),
                _ => None,
            },
            _ => None,
        }
    }

    /// The blend for images of size `to` of a blend that was drawn for size `from`.
    ///
    /// Edges of rectangles are scaled and rounded half to even; masks take the nearest pixel. The
    /// views of a recipe share one draw this way, whatever their sizes.
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

    /// Writes the terms of the pixel `at` of an image of this size into `terms`: the definition of
    /// a blend. The values are added in this order.
    pub fn terms(&self, size: Size, at: Point, terms: &mut Vec<Term>) {
        terms.clear();
        let here = |source, weight| Term {
            weight,
            of: Of::Source(source, at),
        };
        match self {
            Blend::Keep => terms.push(here(0, 1.0)),
            Blend::Uniform { lam } => {
                let lam = *lam as f32;
                terms.extend([here(0, lam), here(1, 1.0 - lam)]);
            }
            Blend::Box { rect } => terms.push(here(usize::from(contains(*rect, at)), 1.0)),
            Blend::Mask(mask) => {
                let weight = mask.row(at.y as usize)[at.x as usize];
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
            Blend::Tiles(tiles) => tiles.terms(at, terms),
            Blend::Patches(patches) => patches.terms(size, at, terms),
            Blend::Mosaic(mosaic) => mosaic.terms(size, at, terms),
        }
    }

    /// The summed weight of everything except A in the pixel `at`, 0 to 1. `terms` is scratch.
    pub fn mask_at(&self, size: Size, at: Point, terms: &mut Vec<Term>) -> f32 {
        match self {
            Blend::Keep => 0.0,
            Blend::Uniform { lam } => (1.0 - lam) as f32,
            Blend::Mask(mask) => mask.row(at.y as usize)[at.x as usize],
            _ => {
                self.terms(size, at, terms);
                let others = terms
                    .iter()
                    .filter(|term| !matches!(term.of, Of::Source(0, ..)));
                others.map(|term| term.weight).sum::<f32>().min(1.0)
            }
        }
    }
}
