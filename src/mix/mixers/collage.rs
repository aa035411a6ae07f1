//! Collages: a k x k grid of whole images, each resized to its cell.
//!
//! Two uses differ in their labels. With labels by area a collage is a mixer like any other. With
//! `label = "hard"` all tiles show images of one class, as in dataset compression ("Rethinking
//! dataset compression"): the sources then depend on classes, which are known when the group
//! exists, so the plan is deferred.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::declare;
use crate::error::Result;
use crate::geometry::{Rect, Size};
use crate::mix::{
    Blend, Label, MixPlan, MixResult, Mixer, ResolveMix, Scene, Sources, Tile, TileFilter, Tiles,
};
use crate::rng::RandomStream;
use crate::word_param;

/// The label of a collage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CollageLabel {
    /// The classes of all tiles, weighted by area.
    #[default]
    Area,
    /// The class of the slot, which all tiles belong to.
    Hard,
}

word_param!(CollageLabel);

/// Arranges whole images in a `k` x `k` grid, each resized to its cell.
///
/// The images are the slot and the k k - 1 slots after it, row by row. Cell j of a side begins at
/// `floor(j * side / k)`.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::Collage;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = Collage::new().with_k(3);
/// assert_mixer(r#"{ mix = "collage", k = 3 }"#, &mixer);
/// ```
#[declare(name = "collage", like = ["dataset compression collage"])]
#[derive(Clone, Debug, PartialEq)]
pub struct Collage {
    /// The number of images per side.
    #[param(default = 2, range = [2.0, 16.0])]
    k: u32,
    /// The label. With [`CollageLabel::Hard`], only slots of the slot's own class are used; if a
    /// group has too few of them they repeat, so put a single class in a group.
    #[param(default = CollageLabel::Area)]
    label: CollageLabel,
    /// The filter of the resize.
    #[param(default = TileFilter::Antialias)]
    filter: TileFilter,
}

impl Collage {
    /// The blend of k x k sources of this size, which are numbered row by row.
    pub(crate) fn blend(&self, size: Size) -> Blend {
        let edge =
            |at: u32, length: u32| (u64::from(at) * u64::from(length) / u64::from(self.k)) as u32;
        let from = Rect::whole(size.width, size.height);
        let tile = |source: u32| {
            let (row, column) = (source / self.k, source % self.k);
            let (left, right) = (edge(column, size.width), edge(column + 1, size.width));
            let (top, bottom) = (edge(row, size.height), edge(row + 1, size.height));
            Tile {
                source: source as usize,
                from,
                to: Rect::new(left, top, right - left, bottom - top),
                filter: self.filter,
            }
        };
        let tiles = (0..self.k * self.k)
            .map(tile)
            .filter(|tile| tile.to.width > 0 && tile.to.height > 0);
        // The cells cover the whole image, so nothing shows beneath them. Where an image has fewer
        // pixels than cells per side, empty cells are dropped.
        Blend::Tiles(
            Tiles {
                fill: None,
                tiles: tiles.collect(),
            }
            .into(),
        )
    }
}

/// A collage of images of the slot's class: its sources are known when the targets are.
#[derive(Debug)]
struct SameClassCollage(Collage);

impl ResolveMix for SameClassCollage {
    fn resolve(&self, scene: &Scene<'_>, slot: usize, _sources: &[usize]) -> Result<MixResult> {
        let slots = scene.slots();
        let class = scene.class(slot);
        let around = (0..slots).map(|step| (slot + step) % slots);
        let alike: Vec<usize> = around
            .filter(|other| *other == slot || (class.is_some() && scene.class(*other) == class))
            .collect();
        let sources = alike
            .iter()
            .copied()
            .cycle()
            .take((self.0.k * self.0.k) as usize);
        let outcome = MixResult::from(self.0.blend(scene.size())).label(Label::Own);
        Ok(MixResult {
            sources: Some(sources.collect()),
            ..outcome
        })
    }
}

impl Mixer for Collage {
    fn sources(&self) -> Sources {
        Sources::Following((self.k * self.k - 1) as usize)
    }

    fn many_labels(&self) -> bool {
        self.label == CollageLabel::Area
    }

    fn draw(&self, _rng: &mut RandomStream, size: Size) -> MixPlan {
        match self.label {
            CollageLabel::Area => self.blend(size).into(),
            CollageLabel::Hard => MixPlan::Deferred(Arc::new(SameClassCollage(self.clone()))),
        }
    }
}
