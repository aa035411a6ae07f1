//! SaliencyMix (Uddin et al., 2021, arXiv 2006.01791): CutMix with the box around the most salient
//! pixel of the partner, so that the pasted part shows something.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::cutmix::official_rect;
use crate::declare;
use crate::error::Result;
use crate::geometry::{Point, Rect, Size};
use crate::mix::saliency::peak;
use crate::mix::{Blend, MapSource, MixPlan, MixResult, Mixer, ResolveMix, Scene};
use crate::rng::RandomStream;
use crate::word_param;

/// Which partner's saliency places the box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// Each slot uses its own partner.
    #[default]
    PerSample,
    /// All slots that share a draw use the partner of the first of them, as in the authors' code.
    /// The slots of a group are resolved in order, so the first one to be resolved sets the center.
    Batch,
}

word_param!(Scope);

/// Pastes a rectangle of the partner around its most salient pixel; Uddin et al., 2021 (arXiv
/// 2006.01791).
///
/// The weights of labels are the areas.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::{MapSource, SaliencyMix};
/// use feedmill::testing::assert_mixer;
///
/// let mixer = SaliencyMix::new().with_map(MapSource::SpectralResidual);
/// assert_mixer(r#"{ mix = "saliencymix", map = "spectral_residual" }"#, &mixer);
/// ```
#[declare(name = "saliencymix", like = ["SaliencyMix", "OpenMixup saliencymix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct SaliencyMix {
    /// The sides are those of CutMix for a Beta(alpha, alpha) share.
    #[param(default = 1.0, range = [1e-9, 1e9])]
    alpha: f64,
    /// The map: one that is computed from the image, or a plane.
    #[param(default = MapSource::FineGrained)]
    map: MapSource,
    /// Which partner's saliency places the box.
    #[param(default = Scope::PerSample)]
    scope: Scope,
}

impl SaliencyMix {
    /// The box for the share `lam` of A around a center, clipped to an image of this size, by the
    /// rule of CutMix's authors.
    pub(crate) fn rect(lam: f64, center: Point, size: Size) -> Rect {
        let ratio = libm::sqrt(1.0 - lam);
        let side = |length: u32| (f64::from(length) * ratio) as u32;
        official_rect(Size::new(side(size.width), side(size.height)), center, size)
    }
}

/// A draw that waits for the pixels of the partner.
#[derive(Debug)]
struct SaliencyDraw {
    lam: f64,
    map: MapSource,
    scope: Scope,
    /// The center that all slots share with [`Scope::Batch`].
    center: OnceLock<Point>,
}

impl SaliencyDraw {
    /// The most salient pixel of the partner.
    fn center(&self, scene: &Scene<'_>, partner: usize) -> Result<Point> {
        Ok(peak(scene.size(), &scene.levels(partner, &self.map)?))
    }
}

impl ResolveMix for SaliencyDraw {
    fn resolve(&self, scene: &Scene<'_>, _slot: usize, sources: &[usize]) -> Result<MixResult> {
        let center = match (self.scope, self.center.get()) {
            (Scope::Batch, Some(center)) => *center,
            (Scope::Batch, None) => {
                let center = self.center(scene, sources[1])?;
                *self.center.get_or_init(|| center)
            }
            (Scope::PerSample, _) => self.center(scene, sources[1])?,
        };
        let rect = SaliencyMix::rect(self.lam, center, scene.size());
        Ok(MixResult::from(Blend::Box { rect }))
    }
}

impl Mixer for SaliencyMix {
    fn planes(&self) -> Vec<&str> {
        self.map.plane().into_iter().collect()
    }

    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
        let (map, scope) = (self.map.clone(), self.scope);
        MixPlan::Deferred(Arc::new(SaliencyDraw {
            lam,
            map,
            scope,
            center: OnceLock::new(),
        }))
    }
}
