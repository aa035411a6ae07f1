//! Tiles of a grid that suits the shape of the image.
//!
//! A batch has a fixed shape, but the number of tiles depends on the image. So a tile is a view: the
//! view block's `count` is the largest number of tiles, view k shows tile k, and views that have no
//! tile are black. Notes tell the model which ones are real. Each view computes the layout anew from
//! the size of the image, so views need not know each other. The alternative, one op with several
//! images as output, would have made every step of a program work on a list of images.

use serde::{Deserialize, Deserializer};

use crate::augment::steps::{Blank, Crop};
use crate::augment::{Filter, Op, Steps, steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::{Rect, Size};
use crate::rng::RandomStream;
use crate::spec::{ParamSpec, ParamValue, read_integers};

/// The grids that [`AnyRes`] may cut an image into.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Grids {
    /// These grids, as `[columns, rows]`.
    List(Vec<[u32; 2]>),
    /// The grids of SliME, which follow from the size of the image: `"slime"`.
    Slime,
}

impl<T: Into<Vec<[u32; 2]>>> From<T> for Grids {
    fn from(grids: T) -> Grids {
        Grids::List(grids.into())
    }
}

impl<'de> Deserialize<'de> for Grids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Grids, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a list of [columns, rows], or \"slime\"")]
        enum Written {
            List(Vec<[u32; 2]>),
            Rule(Rule),
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Rule {
            Slime,
        }

        Ok(match read_integers::<D, Written>(deserializer)? {
            Written::List(grids) => Grids::List(grids),
            Written::Rule(Rule::Slime) => Grids::Slime,
        })
    }
}

impl ParamValue for Grids {
    fn form() -> String {
        "a list of `[columns, rows]`, or `\"slime\"`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match self {
            Grids::List(grids) => {
                let grids = grids.iter().map(|grid| grid.map(i64::from).to_vec());
                toml::Value::Array(grids.map(toml::Value::from).collect())
            }
            Grids::Slime => "slime".into(),
        })
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        let Grids::List(grids) = self else {
            return Ok(());
        };
        let mut sides = grids.as_flattened().iter();
        sides.try_for_each(|side| param.check((*side).into()))
    }
}

/// Cuts the image into the tiles of the grid that suits its shape best; view k of the group is tile
/// k - 1, and view 0 is the whole image, squeezed to one tile.
///
/// This is AnyRes of LLaVA-NeXT (Liu et al., 2024). The image is resized to fit into the grid
/// without changing its shape, centered, padded with black, and cut row by row. Views beyond the
/// grid are black. Give the view block a `count` of one more than the largest grid has tiles.
///
/// The grid that keeps the most pixels wins, among equals the one with the least padding, then the
/// first: LLaVA-NeXT's `select_best_resolution`. `"slime"` tries all grids of n - 1 to n + 1 tiles
/// with n = `ceil(area / size^2)`, limited to 2 to 6: SliME (Zhang et al., 2024, arXiv 2406.08487).
///
/// # Notes
///
/// * `tiles`: the number of tiles, without view 0.
/// * `grid`: columns, rows.
/// * `box`: left, top, width, height of the image on the grid, in pixels.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::AnyRes;
/// use feedmill::testing::assert_op;
///
/// let op = AnyRes::new().with_size(224);
/// assert_op(r#"{ op = "any_res", size = 224 }"#, &op);
/// ```
#[declare(
    name = "any_res",
    like = ["LLaVA-NeXT select_best_resolution"],
    strengths = [
        "size = 96",
        "size = 64",
        "size = 32",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct AnyRes {
    /// The side of a tile.
    #[param(default = 336, range = [1.0, 4096.0], unit = "pixels")]
    size: u32,
    /// The grids to choose from.
    #[param(default = [[1, 2], [2, 1], [2, 2], [3, 1], [1, 3]].into(), range = [1.0, 64.0])]
    grids: Grids,
    /// The filter of all resizing.
    #[param(default = Filter::Bicubic)]
    filter: Filter,
}

impl Op for AnyRes {
    fn check(&self) -> Result<()> {
        match &self.grids {
            Grids::List(grids) if grids.is_empty() => Err(Error::config(
                "grids is empty: name at least one [columns, rows]",
            )
            .about_key("grids")),
            _ => Ok(()),
        }
    }

    fn output_size(&self, _: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.size,
            height: self.size,
        })
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("tiles".into(), 1), ("grid".into(), 2), ("box".into(), 4)]
    }

    fn draw(&self, _: &mut RandomStream, steps: &mut Steps) {
        let [columns, rows] = self.grid(steps.size());
        let Rect {
            left,
            top,
            width,
            height,
        } = self.placed(steps.size(), [columns, rows]);
        steps.note("tiles", &[i64::from(columns * rows)]);
        steps.note("grid", &[columns, rows].map(i64::from));
        steps.note("box", &[left, top, width, height].map(i64::from));
        let tile_size = Size {
            width: self.size,
            height: self.size,
        };
        let (nth, _) = steps.view();
        let Some(tile) = nth.checked_sub(1) else {
            steps.push(steps::Resize {
                size: tile_size,
                filter: self.filter,
            });
            return;
        };
        let tile = tile as u32;
        if tile >= columns * rows {
            // A view without a tile: a crop makes the size right, and its pixels become black. The
            // image is not resized in vain.
            steps.push(Crop::new(0, 0, tile_size));
            steps.push(Blank);
            return;
        }
        steps.push(steps::Resize {
            size: Size { width, height },
            filter: self.filter,
        });
        steps.push(Crop::new(
            i64::from(tile % columns * self.size) - i64::from(left),
            i64::from(tile / columns * self.size) - i64::from(top),
            tile_size,
        ));
    }
}

/// Rates a grid as LLaVA-NeXT does: how many of the image's pixels survive the resize (more is
/// better), and how many pixels of the grid are left for padding (fewer is better).
///
/// Enlarging does not count: an image never covers more than its own number of pixels.
fn covered_and_wasted([columns, rows]: [u32; 2], size: u32, image: Size) -> (u64, u64) {
    let (w, h) = (f64::from(columns * size), f64::from(rows * size));
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let scale = (w / width).min(h / height);
    let covered =
        ((width * scale) as u64 * (height * scale) as u64).min(width as u64 * height as u64);
    (covered, w as u64 * h as u64 - covered)
}

impl AnyRes {
    /// The best grid for an image, as `[columns, rows]`.
    fn grid(&self, image: Size) -> [u32; 2] {
        let mut best: Option<([u32; 2], (u64, u64))> = None;
        let mut consider = |grid: [u32; 2]| {
            let (covered, wasted) = covered_and_wasted(grid, self.size, image);
            // Strict comparisons, so that the first of equal grids wins as in the reference.
            if best.is_none_or(|(_, (most, least))| {
                covered > most || covered == most && wasted < least
            }) {
                best = Some((grid, (covered, wasted)));
            }
        };
        match &self.grids {
            Grids::List(grids) => grids.iter().copied().for_each(&mut consider),
            Grids::Slime => {
                let area = u64::from(image.width) * u64::from(image.height);
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

    /// Where the image lies on the grid, in pixels.
    fn placed(&self, image: Size, [columns, rows]: [u32; 2]) -> Rect {
        let (grid_width, grid_height) = (columns * self.size, rows * self.size);
        // One side fills the grid exactly; the other is rounded up and limited to the grid.
        let (by_width, by_height) = (
            f64::from(grid_width) / f64::from(image.width),
            f64::from(grid_height) / f64::from(image.height),
        );
        let (width, height) = if by_width < by_height {
            (
                grid_width,
                ((f64::from(image.height) * by_width).ceil() as u32).clamp(1, grid_height),
            )
        } else {
            (
                ((f64::from(image.width) * by_height).ceil() as u32).clamp(1, grid_width),
                grid_height,
            )
        };
        Rect {
            left: (grid_width - width) / 2,
            top: (grid_height - height) / 2,
            width,
            height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::ops::testing::run_in_view;

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    #[test]
    fn grids_are_those_of_llava_next() {
        let op = AnyRes::default();
        // By the rule of LLaVA-NeXT's select_best_resolution, computed by hand for each shape.
        for (size, grid) in [
            (size(672, 672), [2, 2]),
            (size(1000, 300), [3, 1]),
            (size(300, 1000), [1, 3]),
            (size(600, 300), [2, 1]),
            (size(336, 336), [1, 2]),
        ] {
            assert_eq!(op.grid(size), grid, "{size}");
        }
    }

    #[test]
    fn tiles_put_together_are_the_resized_padded_image() {
        let op = AnyRes::new()
            .with_size(8)
            .with_grids([[2, 1], [2, 2]])
            .with_filter(Filter::Bilinear);
        let image: Vec<u8> = (0..20 * 11 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let run = |nth: usize| run_in_view(&op, size(20, 11), &image, (nth, 5));
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
        let resize = crate::augment::ops::Resize::new(size(16, 9));
        let expected = run_in_view(&resize, size(20, 11), &image, (0, 1));
        let found: Vec<u8> = (3..12).flat_map(row).collect();
        assert_eq!(found, expected);
        assert!(run(0).iter().any(|value| *value > 0));
    }
}
