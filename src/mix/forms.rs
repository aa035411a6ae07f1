//! The three blends that move pixels: [`Tiles`], [`Patches`] and [`Mosaic`].
//!
//! * Tiles resize rectangles of sources (ResizeMix, collages).
//! * Patches move cells of a fixed grid without resizing them and may average several (PuzzleMix,
//!   AttentiveMix, SMMix, Co-Mixup).
//! * A mosaic resamples four images through one affine map (YOLO's Mosaic).
//!
//! Each has `terms`, the exact definition of a pixel, and `shares`, the weight of each source over
//! the whole image. `shares` counts pixels as integers where pixels are copied, so the weights of
//! labels are exact there.

use serde::{Deserialize, Serialize};

use super::term::{Of, Term, area, contains, scaled_rect};
use crate::geometry::{Point, Rect, Size};
use crate::word_param;

/// Rectangles of sources, moved and resized, over A or over a color. Later tiles cover earlier
/// ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiles {
    /// The color beneath the tiles; `None` shows A.
    pub fill: Option<[u8; 3]>,
    /// The tiles, the bottom one first.
    pub tiles: Vec<Tile>,
}

/// A rectangle of a source that is written into a rectangle of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// The source that the pixels come from.
    pub source: usize,
    /// The rectangle of the source, in pixels.
    pub from: Rect,
    /// The rectangle of the output, in pixels.
    pub to: Rect,
    /// How the pixels are resized if the two rectangles differ in size.
    pub filter: TileFilter,
}

/// How a tile is resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TileFilter {
    /// Pixel `floor(x * from / to)` of the source, where `from` and `to` are the two lengths.
    #[default]
    Nearest,
    /// The two nearest pixels of each axis around `(x + 1/2) * from / to - 1/2`, without
    /// antialiasing.
    Bilinear,
    /// A triangle filter that is widened by the scale when it shrinks (torch's `antialias`).
    Antialias,
}

word_param!(TileFilter);

impl TileFilter {
    /// The source pixels that pixel `at` is made of when a line of `from` pixels is resized to
    /// `to`.
    ///
    /// Returns the first source pixel, and writes the weights of it and its successors into
    /// `weights`.
    pub(crate) fn taps(self, at: u32, from: u32, to: u32, weights: &mut Vec<f32>) -> u32 {
        weights.clear();
        let scale = from as f32 / to as f32;
        match self {
            _ if from == to => {
                weights.push(1.0);
                at
            }
            TileFilter::Nearest => {
                // The scale is an f32 because torch's `interpolate`, the reference, has it so.
                weights.push(1.0);
                ((at as f32 * scale) as u32).min(from - 1)
            }
            TileFilter::Bilinear => {
                let center = ((at as f32 + 0.5) * scale - 0.5).max(0.0);
                let first = (center as u32).min(from - 1);
                let second = center - first as f32;
                // At the last pixel the second tap lies outside: the first one gets all the weight.
                weights.push(1.0 - second);
                if first + 1 < from && second > 0.0 {
                    weights.push(second);
                } else {
                    weights[0] = 1.0;
                }
                first
            }
            TileFilter::Antialias => {
                let support = scale.max(1.0);
                let center = (at as f32 + 0.5) * scale;
                let first = ((center - support + 0.5) as i64).max(0);
                let end = ((center + support + 0.5) as i64).min(i64::from(from));
                let triangle =
                    |pixel: i64| (1.0 - ((pixel as f32 + 0.5 - center) / support).abs()).max(0.0);
                weights.extend((first..end).map(triangle));
                let sum: f32 = weights.iter().sum();
                weights.iter_mut().for_each(|weight| *weight /= sum);
                first as u32
            }
        }
    }
}

impl Tile {
    /// True if the tile is not resized, so that each pixel is a copy of one source pixel.
    pub(crate) fn copies(&self) -> bool {
        let size = |rect: Rect| Size::new(rect.width, rect.height);
        size(self.from) == size(self.to)
    }

    fn terms(&self, at: Point, terms: &mut Vec<Term>) {
        let (from, to, filter) = (self.from, self.to, self.filter);
        let (mut across, mut down) = (Vec::new(), Vec::new());
        let left = from.left + filter.taps(at.x - to.left, from.width, to.width, &mut across);
        let top = from.top + filter.taps(at.y - to.top, from.height, to.height, &mut down);
        for (y, v) in (top..).zip(&down) {
            for (x, h) in (left..).zip(&across) {
                terms.push(Term {
                    weight: v * h,
                    of: Of::Source(self.source, Point::new(x, y)),
                });
            }
        }
    }
}

impl Tiles {
    /// A single tile over A.
    pub fn one(tile: Tile) -> Tiles {
        Tiles {
            fill: None,
            tiles: vec![tile],
        }
    }

    pub(super) fn sources(&self) -> usize {
        self.tiles
            .iter()
            .map(|tile| tile.source + 1)
            .max()
            .unwrap_or(1)
    }

    pub(super) fn terms(&self, at: Point, terms: &mut Vec<Term>) {
        match (
            self.tiles.iter().rev().find(|tile| contains(tile.to, at)),
            self.fill,
        ) {
            (Some(tile), _) => tile.terms(at, terms),
            (None, None) => terms.push(Term {
                weight: 1.0,
                of: Of::Source(0, at),
            }),
            (None, Some(color)) => terms.push(Term {
                weight: 1.0,
                of: Of::Fill(color),
            }),
        }
    }

    pub(super) fn shares(&self, size: Size, shares: &mut [f64]) {
        let all = size.area();
        if let ([tile], None) = (&self.tiles[..], self.fill) {
            let share = area(tile.to) as f64 / all as f64;
            shares[0] = 1.0 - share;
            shares[tile.source] += share;
            return;
        }
        // The owner of the background; the fill color belongs to no source.
        let beneath = if self.fill.is_some() { usize::MAX } else { 0 };
        let mut owner = vec![beneath; all as usize];
        let width = size.width as usize;
        for tile in &self.tiles {
            let [left, top, columns, rows] =
                [tile.to.left, tile.to.top, tile.to.width, tile.to.height].map(|n| n as usize);
            for y in top..top + rows {
                owner[y * width + left..][..columns].fill(tile.source);
            }
        }
        count(owner.into_iter(), shares);
    }

    pub(super) fn scaled(&self, from: Size, to: Size) -> Tiles {
        let tile = |tile: &Tile| {
            let scaled = Tile {
                from: scaled_rect(tile.from, from, to),
                to: scaled_rect(tile.to, from, to),
                ..tile.clone()
            };
            // A copy has to stay a copy, but its two rectangles may be rounded to different sizes.
            // Then the source rectangle takes the size of the target, moved inside the image.
            let differ = tile.copies() && !scaled.copies();
            let Rect { width, height, .. } = scaled.to;
            if differ {
                let left = scaled.from.left.min(to.width - width);
                let top = scaled.from.top.min(to.height - height);
                Tile {
                    from: Rect::new(left, top, width, height),
                    ..scaled
                }
            } else {
                scaled
            }
        };
        let tiles = self.tiles.iter().map(tile);
        // Tiles that have no pixel at the new size are dropped.
        let tiles = tiles.filter(|tile| area(tile.to) > 0 && area(tile.from) > 0);
        Tiles {
            fill: self.fill,
            tiles: tiles.collect(),
        }
    }
}

/// Counts the pixels of each owner and writes their shares. Numbers beyond `shares` are pixels
/// without an owner, which do not count; if no pixel has an owner, source 0 has the whole share.
fn count(owners: impl Iterator<Item = usize>, shares: &mut [f64]) {
    let mut counts = vec![0u64; shares.len()];
    owners.for_each(|owner| {
        if let Some(count) = counts.get_mut(owner) {
            *count += 1;
        }
    });
    let total: u64 = counts.iter().sum();
    if total == 0 {
        shares[0] = 1.0;
        return;
    }
    shares
        .iter_mut()
        .zip(counts)
        .for_each(|(share, count)| *share = count as f64 / total as f64);
}

/// A grid of cells, each of which is a weighted sum of cells of sources.
///
/// Row `y` of an image belongs to row `floor(y * rows / height)` of the grid, so cells may differ
/// by a pixel in size. Columns are divided in the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct Patches {
    grid: Size,
    /// Where the terms of each cell begin in `terms`, and the end of the last one.
    starts: Vec<u32>,
    terms: Vec<Patch>,
}

/// One term of a cell: a cell of a source with its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patch {
    /// The number of the source.
    pub source: usize,
    /// The cell of the source, numbered in row-major order.
    pub cell: u32,
    /// The weight, 0 to 1; the weights of a cell sum to 1.
    pub weight: f32,
}

impl Patches {
    /// A grid of `grid.width` columns and `grid.height` rows. `cells` holds the terms of each cell
    /// in row-major order.
    ///
    /// # Panics
    ///
    /// If `cells` has not one item for each cell, or if an item is empty or names a cell outside
    /// the grid.
    pub fn new(grid: Size, cells: impl IntoIterator<Item = Vec<Patch>>) -> Patches {
        let (mut starts, mut terms) = (vec![0], Vec::new());
        for cell in cells {
            assert!(!cell.is_empty(), "a cell without a source");
            assert!(
                cell.iter().all(|patch| u64::from(patch.cell) < grid.area()),
                "a cell beyond the grid"
            );
            terms.extend(cell.into_iter().filter(|patch| patch.weight != 0.0));
            starts.push(terms.len() as u32);
        }
        assert_eq!(starts.len() as u64, grid.area() + 1, "a list for each cell");
        Patches {
            grid,
            starts,
            terms,
        }
    }

    /// The number of cells, across and down.
    pub fn grid(&self) -> Size {
        self.grid
    }

    /// The terms of a cell, which is numbered in row-major order.
    pub fn cell(&self, cell: u32) -> &[Patch] {
        &self.terms[self.starts[cell as usize] as usize..self.starts[cell as usize + 1] as usize]
    }

    pub(super) fn sources(&self) -> usize {
        self.terms
            .iter()
            .map(|patch| patch.source + 1)
            .max()
            .unwrap_or(1)
    }

    /// The first pixel of cell `cell` of a line of `length` pixels and `cells` cells. For
    /// `cell == cells` it is the length of the line.
    pub(crate) fn start(cell: u32, length: u32, cells: u32) -> u32 {
        (u64::from(cell) * u64::from(length)).div_ceil(u64::from(cells)) as u32
    }

    /// The pixels of a cell that is read from. It is never empty: if a line has fewer pixels than
    /// cells, neighboring cells share a pixel.
    pub(crate) fn span(cell: u32, length: u32, cells: u32) -> std::ops::Range<u32> {
        let start = Patches::start(cell, length, cells).min(length - 1);
        start..Patches::start(cell + 1, length, cells).max(start + 1)
    }

    /// The pixel of cell `there` that pixel `at` of cell `here` is read from. Cells may differ by a
    /// pixel in size: a smaller one repeats its last pixel.
    pub(crate) fn moved(at: u32, here: u32, there: u32, length: u32, cells: u32) -> u32 {
        let span = Patches::span(there, length, cells);
        (span.start + at - Patches::start(here, length, cells)).min(span.end - 1)
    }

    pub(super) fn terms(&self, size: Size, at: Point, terms: &mut Vec<Term>) {
        let Size {
            width: columns,
            height: rows,
        } = self.grid;
        let cell = |at: u32, length: u32, cells: u32| {
            (u64::from(at) * u64::from(cells) / u64::from(length)) as u32
        };
        let column = cell(at.x, size.width, columns);
        let row = cell(at.y, size.height, rows);
        for patch in self.cell(row * columns + column) {
            let (from_row, from_column) = (patch.cell / columns, patch.cell % columns);
            let x = Patches::moved(at.x, column, from_column, size.width, columns);
            let y = Patches::moved(at.y, row, from_row, size.height, rows);
            terms.push(Term {
                weight: patch.weight,
                of: Of::Source(patch.source, Point::new(x, y)),
            });
        }
    }

    pub(super) fn shares(&self, size: Size, shares: &mut [f64]) {
        let side = |cell, length, cells| {
            u64::from(Patches::start(cell + 1, length, cells) - Patches::start(cell, length, cells))
        };
        // Copied pixels are counted as integers, apart from weighted ones, so that copies have
        // exact shares.
        let mut copied = vec![0u64; shares.len()];
        let Size {
            width: columns,
            height: rows,
        } = self.grid;
        for row in 0..rows {
            for column in 0..columns {
                let pixels = side(row, size.height, rows) * side(column, size.width, columns);
                for patch in self.cell(row * columns + column) {
                    if patch.weight == 1.0 {
                        copied[patch.source] += pixels;
                    } else {
                        shares[patch.source] += f64::from(patch.weight) * pixels as f64;
                    }
                }
            }
        }
        let all = size.area() as f64;
        shares
            .iter_mut()
            .zip(copied)
            .for_each(|(share, copied)| *share = (*share + copied as f64) / all);
    }
}

/// Four images that meet in a point of a canvas of twice their size, seen through an affine map.
///
/// Each image lies with one corner at the meeting point, so parts of the canvas may be empty and
/// parts of the images may be cut off.
#[derive(Clone, Debug, PartialEq)]
pub struct Mosaic {
    /// The color where the canvas is empty, in levels.
    pub fill: [u8; 3],
    /// The numbers of the sources at top left, top right, bottom left, bottom right.
    pub order: [usize; 4],
    /// The point of the canvas where the images meet.
    pub center: Point,
    /// The affine map from column and row of the output to column and row of the canvas: two rows
    /// of three numbers.
    pub map: [f64; 6],
}

impl Mosaic {
    /// The pixel at column `x` and row `y` of the canvas, which may lie outside the canvas.
    fn canvas(&self, size: Size, x: i64, y: i64) -> Of {
        let (xc, yc) = (i64::from(self.center.x), i64::from(self.center.y));
        let (w, h) = (i64::from(size.width), i64::from(size.height));
        let (right, below) = (x >= xc, y >= yc);
        let column = if right { x - xc } else { x - xc + w };
        let row = if below { y - yc } else { y - yc + h };
        let on_canvas = (0..2 * w).contains(&x) && (0..2 * h).contains(&y);
        if on_canvas && (0..w).contains(&column) && (0..h).contains(&row) {
            Of::Source(
                self.order[2 * usize::from(below) + usize::from(right)],
                Point::new(column as u32, row as u32),
            )
        } else {
            Of::Fill(self.fill)
        }
    }

    /// Column and row of the canvas for the pixel `at` of the output.
    fn to_canvas(&self, at: Point) -> [f64; 2] {
        let [a, b, c, d, e, f] = self.map;
        let (x, y) = (f64::from(at.x), f64::from(at.y));
        [a * x + b * y + c, d * x + e * y + f]
    }

    pub(super) fn terms(&self, size: Size, at: Point, terms: &mut Vec<Term>) {
        let [x, y] = self.to_canvas(at);
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = ((x - left) as f32, (y - top) as f32);
        for (row, vertical) in [(0, 1.0 - down), (1, down)] {
            for (column, horizontal) in [(0, 1.0 - across), (1, across)] {
                let weight = vertical * horizontal;
                if weight > 0.0 {
                    let of = self.canvas(size, left as i64 + column, top as i64 + row);
                    terms.push(Term { weight, of });
                }
            }
        }
    }

    /// Each output pixel counts for the source of its nearest canvas pixel, not for the up to four
    /// sources of its terms.
    pub(super) fn shares(&self, size: Size, shares: &mut [f64]) {
        let all = (0..size.height).flat_map(|y| (0..size.width).map(move |x| Point::new(x, y)));
        let owner = |at| {
            let [x, y] = self.to_canvas(at).map(|n| (n + 0.5).floor() as i64);
            match self.canvas(size, x, y) {
                Of::Source(source, ..) => source,
                Of::Fill(_) => usize::MAX,
            }
        };
        count(all.map(owner), shares);
    }

    /// The mosaic for images of size `to`: the map takes output coordinates of the new size to
    /// canvas coordinates of the new size.
    pub(super) fn scaled(&self, from: Size, to: Size) -> Mosaic {
        let sx = f64::from(to.width) / f64::from(from.width);
        let sy = f64::from(to.height) / f64::from(from.height);
        let [a, b, c, d, e, f] = self.map;
        let scaled = |edge: u32, by: f64| (f64::from(edge) * by).round_ties_even() as u32;
        Mosaic {
            fill: self.fill,
            order: self.order,
            center: Point::new(scaled(self.center.x, sx), scaled(self.center.y, sy)),
            map: [a, b * sx / sy, c * sx, d * sy / sx, e, f * sy],
        }
    }
}
