//! AttentiveMix (Walawalkar et al., 2020, arXiv 2003.13048): the most attended patches of an image,
//! pasted onto its partner. The paper takes the attention from a pretrained network; here the map
//! comes from the image or from a plane.

use std::sync::Arc;

use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::{Blend, MapSource, MixPlan, MixResult, Mixer, Patch, Patches, ResolveMix, Scene};
use crate::rng::RandomStream;

/// Pastes the slot's own most attended patches onto its partner; Walawalkar et al., 2020 (arXiv
/// 2003.13048).
///
/// The weights of labels are the areas.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::AttentiveMix;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = AttentiveMix::new().with_top_k(12);
/// assert_mixer(r#"{ mix = "attentivemix", top_k = 12 }"#, &mixer);
/// ```
#[declare(name = "attentivemix", like = ["OpenMixup attentivemix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct AttentiveMix {
    /// The cells with the largest values are kept. With 0, their number is a Beta(alpha, alpha)
    /// share of all cells.
    #[param(default = 6, range = [0.0, 65536.0])]
    top_k: u32,
    /// The map of the slot is averaged over a grid with this number of cells per side.
    #[param(default = 7, range = [1.0, 256.0])]
    grid: u32,
    /// The parameter of the distribution of a share.
    #[param(default = 2.0, range = [1e-9, 1e9])]
    alpha: f64,
    /// The map: one that is computed from the image, or a plane.
    #[param(default = MapSource::FineGrained)]
    map: MapSource,
}

impl AttentiveMix {
    /// The blend that takes from A the `k` cells with the largest values of its map, and all others
    /// from B.
    ///
    /// `map` is the map of A over `grid` x `grid` cells in row-major order. Of equal values the
    /// first ones are kept.
    pub(crate) fn blend(k: usize, grid: u32, map: &[f32]) -> Blend {
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
        Blend::Patches(Patches::new(Size::square(grid), cells).into())
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
        let map = scene.map(slot, &self.map, Size::square(self.grid))?;
        Ok(AttentiveMix::blend(self.k, self.grid, &map).into())
    }
}

impl Mixer for AttentiveMix {
    fn check(&self) -> Result<()> {
        if self.top_k > self.grid * self.grid {
            let cells = self.grid * self.grid;
            return Err(Error::config(format!(
                "top_k = {}: the grid has {cells} cells",
                self.top_k
            ))
            .about_key("top_k"));
        }
        Ok(())
    }

    fn planes(&self) -> Vec<&str> {
        self.map.plane().into_iter().collect()
    }

    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
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
