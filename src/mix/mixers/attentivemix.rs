//! AttentiveMix: the attended patches of one image on the other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::params::{check_alpha, mixer_basics};
use crate::mix::{Blend, MapSource, MixPlan, MixResult, Mixer, Patch, Patches, ResolveMix, Scene};
use crate::rng::RandomStream;
use crate::spec::check_range;

/// The slot's own most attended patches on its partner; Walawalkar et al., 2020 (arXiv 2003.13048).
///
/// The `top_k` (6) largest values of the slot's own map over a grid of `grid` (7) cells a side;
/// with `top_k = 0` as many as a Beta(alpha, alpha) share (`alpha` 2) of them. `map` is
/// `fine_grained` (default), `spectral_residual`, or the name of a plane. Labels weigh by area.
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
    /// So many patches of a grid.
    pub fn new(top_k: u32, grid: u32) -> AttentiveMix {
        AttentiveMix {
            top_k,
            grid,
            alpha: 2.0,
            map: MapSource::default(),
        }
    }

    /// With another map.
    #[must_use]
    pub fn map(self, map: MapSource) -> AttentiveMix {
        AttentiveMix { map, ..self }
    }

    /// The blend that keeps the `k` cells with the largest values (the first ones of equal ones) of
    /// a square map of A.
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
