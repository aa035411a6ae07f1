//! AttentiveMix (Walawalkar et al., 2020, arXiv 2003.13048): the most attended patches of an image,
//! pasted onto its partner. The paper takes the attention from a pretrained network; here the map
//! comes from the image or from a plane.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, MapSource, MixPlan, MixResult, Mixer, Patch, Patches, ResolveMix, Scene};
use crate::rng::RandomStream;
use crate::spec::check_range;

/// Pastes the slot's own most attended patches onto its partner; Walawalkar et al., 2020 (arXiv
/// 2003.13048).
///
/// * `grid` (7): the map of the slot is averaged over a grid with this number of cells per side.
/// * `top_k` (6): the cells with the largest values are kept. With `top_k = 0`, their number is a
///   Beta(alpha, alpha) share, `alpha` (2), of all cells.
/// * `map`: `fine_grained` (default), `spectral_residual`, or the name of a plane.
///
/// The weights of labels are the areas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttentiveMix {
    #[serde(default = "six")]
    top_k: u32,
    #[serde(default = "seven")]
    grid: u32,
    #[serde(default = "two")]
    alpha: f64,
    #[serde(default)]
    map: MapSource,
}

fn six() -> u32 {
    6
}

fn seven() -> u32 {
    7
}

fn two() -> f64 {
    2.0
}

impl AttentiveMix {
    /// A mixer that keeps `top_k` patches of a grid with `grid` cells per side.
    pub fn new(top_k: u32, grid: u32) -> AttentiveMix {
        AttentiveMix {
            top_k,
            grid,
            alpha: 2.0,
            map: MapSource::default(),
        }
    }

    /// The same mixer with another map.
    #[must_use]
    pub fn map(self, map: MapSource) -> AttentiveMix {
        AttentiveMix { map, ..self }
    }

    /// The blend that takes from A the `k` cells with the largest values of its map, and all others
    /// from B.
    ///
    /// `map` is the map of A over `grid` x `grid` cells in row-major order. Of equal values the
    /// first ones are kept.
    pub fn blend(k: usize, grid: u32, map: &[f32]) -> Blend {
        let mut order: Vec<usize> = (0..map.len()).collect();
        order.sort_by(|a, b| map[*b].total_cmp(&map[*a]).then(a.cmp(b)));
        let mut source = vec![1; map.len()];
        order.iter().take(k).for_each(|cell| source[*cell] = 0);
        let cells = (0..).zip(source).map(|(cell, source)| {
            vec![Patch {
                source,
                cell,
                weight: 1.0,
            }]
        });
        Blend::Patches(Patches::new(grid, grid, cells).into())
    }
}

/// A draw that waits for the map of the slot.
#[derive(Debug)]
struct AttentiveDraw {
    k: usize,
    grid: u32,
    map: MapSource,
}

impl ResolveMix for AttentiveDraw {
    fn resolve(&self, scene: &Scene<'_>, slot: usize, _sources: &[usize]) -> Result<MixResult> {
        let map = scene.map(slot, &self.map, [self.grid; 2])?;
        Ok(AttentiveMix::blend(self.k, self.grid, &map).into())
    }
}

impl Mixer for AttentiveMix {
    mixer_basics!("attentivemix");

    fn check(&self) -> Result<()> {
        check_range("grid", f64::from(self.grid), [1.0, 256.0])?;
        if self.top_k > self.grid * self.grid {
            let cells = self.grid * self.grid;
            return Err(Error::config(format!(
                "top_k = {}: the grid has {cells} cells",
                self.top_k
            )));
        }
        check_alpha(self.alpha)
    }

    fn planes(&self) -> Vec<&str> {
        self.map.plane().into_iter().collect()
    }

    fn draw(&self, rng: &mut RandomStream, _frame: Size) -> MixPlan {
        // Drawn in every case, so that `top_k` does not move the draws that follow.
        let lam = rng.beta(self.alpha, self.alpha);
        let cells = (self.grid * self.grid) as usize;
        let k = match self.top_k {
            0 => ((cells as f64 * lam) as usize).clamp(1, cells),
            k => k as usize,
        };
        MixPlan::Deferred(Arc::new(AttentiveDraw {
            k,
            grid: self.grid,
            map: self.map.clone(),
        }))
    }
}
